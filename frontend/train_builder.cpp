#include "frontend/train_builder.h"

#include "frontend/lints.h"
#include "frontend/parser.h"
#include "frontend/print_ast.h"
#include "ir/graph/over_batch.h"
#include "support/check.h"

#include <algorithm>
#include <set>

namespace striate {

using ast::ExprKind;

static constexpr const char* kLoss = "loss";

static void check_graph(const Graph& graph) {
  const std::vector<std::string> problems = verify(graph);
  CHECK(problems.empty(), "{}: {}", graph.name, problems[0]);
}

static std::string listed(const std::vector<const ast::Expr*>& paths) {
  std::string text;
  for (const ast::Expr* path : paths) text += (text.empty() ? "" : ", ") + print_expr(*path);
  return text;
}

std::vector<Module> TrainBuilder::build() {
  const auto trains = library_.user_items(ast::ItemKind::Train);
  std::vector<Module> modules;
  if (trains.empty()) {
    if (auto module = build_model_only()) modules.push_back(std::move(*module));
    return modules;
  }
  if (trains.size() > 1) {
    reporter_.error(Diagnostic::DuplicateName, trains[1]->location, "a file has one `train` block")
        .note_at(trains[0]->location, "the first one");
    return {};
  }
  train_ = trains[0];
  if (!find_items(*train_)) return {};
  const bool data_sound = data_->read_splits();
  auto arguments = model_arguments(train_->subject.get());
  const std::vector<PhaseSettings> phases = TrainReader(reporter_, library_, options_.settings).read(*train_);
  if (!arguments || !data_sound || phases.empty() || !read_input_names()) return {};
  arguments_ = std::move(*arguments);

  for (const PhaseSettings& phase : phases) {
    phase_ = &phase;
    auto module = build_phase();
    if (!module) return {};
    modules.push_back(std::move(*module));
  }
  if (!settle_best(modules, phases) || !check_same_parameters(modules)) return {};
  for (Module& module : modules) module.data = data_->description();
  return modules;
}

std::optional<Module> TrainBuilder::build_phase() {
  Module module;
  module.has_training = true;
  module.data = data_->description();
  module.training = phase_->description;
  module.training.model = model_->name;
  module.training.data = module.data.name;
  for (const ast::Parameter& parameter : model_->attributes)
    module.training.arguments.emplace_back(parameter.name, text_of(arguments_.at(parameter.name)));
  module.training.settings.emplace_back(kLoss, print_expr(*phase_->loss));
  for (const auto& [name, metric] : phase_->metrics)
    module.training.settings.emplace_back("metric " + name, print_expr(*metric));
  if (!phase_->frozen.empty()) module.training.settings.emplace_back("freeze", listed(phase_->frozen));
  if (phase_->best && phase_->own_best &&
      !check_measure(module, print_expr(*phase_->best), phase_->best->location))
    return std::nullopt;

  auto train = build_graph(true, module);
  if (!train || reporter_.diagnostics().has_errors()) return std::nullopt;
  module.train = std::move(*train);
  auto eval = build_graph(false, module);
  if (!eval || reporter_.diagnostics().has_errors()) return std::nullopt;
  module.eval = std::move(*eval);
  for (const Persistent& persistent : module.eval.persistents) {
    const Value& value = module.eval.values[static_cast<std::size_t>(persistent.value)];
    if (module.train.find(value.name) < 0)
      reporter_.error(Diagnostic::MissingValue, value.location,
                      "`{}` exists in evaluation only: training never sets it", value.name);
  }
  if (reporter_.diagnostics().has_errors()) return std::nullopt;
  if (!module.training.phase.empty()) train_what_is_reached(module);
  if (!check_loads(module) || !build_optimizers(module)) return std::nullopt;
  if (module.training.accumulate > 1 && !check_accumulation(module)) return std::nullopt;
  check_graph(module.train);
  check_graph(module.eval);
  report_lints(module.train, library_, reporter_.diagnostics());
  return module;
}

bool TrainBuilder::check_loads(const Module& module) {
  for (const LoadDescription& load : module.training.loads)
    for (const std::string& path : load.into) {
      const auto is_below = [&](const Persistent& persistent) {
        return is_at_or_below(module.train.values[static_cast<std::size_t>(persistent.value)].name, path);
      };
      if (std::ranges::any_of(module.train.persistents, is_below)) continue;
      reporter_.error(Diagnostic::UnknownName, load.location, "no layer or parameter is called `{}`", path);
      return false;
    }
  return true;
}

// In a phase, a parameter is trained that the loss reads.
void TrainBuilder::train_what_is_reached(Module& module) {
  const Graph& graph = module.train;
  std::vector<bool> reached(graph.values.size());
  for (const auto& [name, value] : graph.outputs)
    if (name == kLoss) reached[static_cast<std::size_t>(value)] = true;
  for (auto node = graph.nodes.rbegin(); node != graph.nodes.rend(); ++node) {
    const auto is_reached = [&](ValueId value) { return reached[static_cast<std::size_t>(value)]; };
    if (std::ranges::none_of(node->outputs, is_reached)) continue;
    for (ValueId input : node->inputs) reached[static_cast<std::size_t>(input)] = true;
  }
  for (Persistent& persistent : module.train.persistents)
    if (!reached[static_cast<std::size_t>(persistent.value)]) persistent.trainable = false;
}

// A measure that a phase inherits is watched in those phases that have it.
bool TrainBuilder::settle_best(std::vector<Module>& modules, const std::vector<PhaseSettings>& phases) {
  bool watched = false;
  for (std::size_t i = 0; i < modules.size(); ++i) {
    if (!phases[i].best) continue;
    const std::string measure = print_expr(*phases[i].best);
    if (!is_measured(modules[i], measure, nullptr)) continue;
    modules[i].training.best = measure;
    watched = true;
  }
  const ast::Expr* best = phases.back().best;
  return watched || !best || check_measure(modules.back(), print_expr(*best), best->location);
}

// The weights go from phase to phase, so each has all of them: they are the model's.
bool TrainBuilder::check_same_parameters(const std::vector<Module>& modules) {
  const Graph& first = modules[0].train;
  for (const Module& module : modules)
    for (const auto& [graph, other, phase] : {std::tuple(&module.train, &first, &module.training),
                                              std::tuple(&first, &module.train, &modules[0].training)})
      for (const Persistent& persistent : graph->persistents) {
        const Value& value = graph->values[static_cast<std::size_t>(persistent.value)];
        const ValueId same = other->find(value.name);
        if (same >= 0 && other->values[static_cast<std::size_t>(same)].type == value.type) continue;
        reporter_
            .error(Diagnostic::BadSetting, value.location,
                   "`{}` is in the loss or a metric of the phase `{}` alone", value.name, phase->phase)
            .help("layers belong in the model, where every phase has them");
        return false;
      }
  return true;
}

std::optional<Module> TrainBuilder::build_model_only() {
  const auto models = library_.user_items(ast::ItemKind::Model);
  if (models.size() != 1) {
    const SourceLocation place = models.empty() ? SourceLocation{} : models.back()->location;
    DiagnosticMessage& message = reporter_.error(
        Diagnostic::MissingSetting, place, "{}",
        models.empty() ? "the file has no model" : "the file has several models and no `train` block");
    message.help("{}", models.empty() ? "write `model NAME { input ... output ... }`"
                                      : "write `train NAME with DATA { ... }` for one of them");
    return std::nullopt;
  }
  model_ = models[0];
  auto arguments = model_arguments(nullptr);
  if (!arguments) return std::nullopt;
  Module module;
  module.training.model = model_->name;
  GraphBuilder graph;
  NetworkBuilder network(reporter_, library_, graph, false);
  Outputs outputs;
  const NetworkBuilder::InputMaker make = [&](const std::string& name, const TensorType& type,
                                              const SourceLocation& place) {
    return graph.add_input(name, type, place);
  };
  if (!network.expand_model(*model_, *arguments, make, outputs)) return std::nullopt;
  for (const auto& [name, value] : outputs) graph.add_output(name, value.tensor);
  module.eval = graph.finish(model_->name, "eval", &module.layers);
  check_graph(module.eval);
  report_lints(module.eval, library_, reporter_.diagnostics());
  return module;
}

bool TrainBuilder::find_items(const ast::Item& train) {
  model_ = library_.find(ast::ItemKind::Model, train.name);
  const auto place_of = [](const ast::Expr& named) {
    return named.kind == ExprKind::Call ? named.operands[0]->location : named.location;
  };
  if (!model_)
    reporter_.unknown_name(Diagnostic::UnknownName, place_of(*train.subject), train.name,
                           fmt::format("no model is called `{}`", train.name),
                           library_.names(ast::ItemKind::Model));
  const ast::Expr& with = train.with->kind == ExprKind::Call ? *train.with->operands[0] : *train.with;
  const ast::Item* data = library_.find(ast::ItemKind::Data, with.text);
  if (!data) {
    reporter_.unknown_name(Diagnostic::UnknownName, place_of(*train.with), with.text,
                           fmt::format("no `data` block is called `{}`", with.text),
                           library_.names(ast::ItemKind::Data));
    return false;
  }
  if (!model_) return false;
  data_.emplace(reporter_, library_, *data, options_);
  return true;
}

std::optional<std::map<std::string, CompileTimeValue>>
TrainBuilder::model_arguments(const ast::Expr* subject) {
  std::vector<ast::Argument> arguments;
  if (subject && subject->kind == ExprKind::Call) arguments = subject->arguments;
  for (const auto& [name, text] : options_.parameters) {
    ast::Argument argument;
    argument.name = name;
    argument.value = parse_expression("--param " + name, text, reporter_.diagnostics());
    if (!argument.value) return std::nullopt;
    argument.location = argument.value->location;
    std::erase_if(arguments, [&](const ast::Argument& written) { return written.name == name; });
    arguments.push_back(std::move(argument));
  }
  Scope scope;
  bind_data_counts(arguments, scope);
  CallSite site{{}, &arguments, subject ? subject->location : model_->location};
  auto bound = bind_call(evaluator_, scope, *model_, Takes::Attributes, site);
  if (!bound) return std::nullopt;
  return std::move(bound->attributes);
}

// What a model's arguments may say of the data: `Net(classes = classes)`. Where the data is not at hand, such
// an argument has the model's own default.
void TrainBuilder::bind_data_counts(std::vector<ast::Argument>& arguments, Scope& scope) {
  if (!data_ || data_->description().splits.empty()) return;
  for (const char* what : {"classes", "vocabulary"}) {
    const auto names = [&](const ast::Argument& argument) {
      bool found = false;
      visit_expressions(*argument.value, [&](const ast::Expr& expr) {
        found |= expr.kind == ExprKind::Name && expr.text == what;
      });
      return found;
    };
    if (std::ranges::none_of(arguments, names)) continue;
    const auto count = options_.data_count ? options_.data_count(data_->description(), what) : std::nullopt;
    if (count)
      scope.bind(what, CompileTimeValue::of(*count));
    else
      std::erase_if(arguments, names);
  }
}

// with mnist(x = image): the input x takes the field image.
bool TrainBuilder::read_input_names() {
  if (train_->with->kind != ExprKind::Call) return true;
  for (const ast::Argument& argument : train_->with->arguments) {
    if (argument.name.empty() || argument.value->kind != ExprKind::Name) {
      reporter_.error(Diagnostic::WrongArgument, argument.location,
                      "fields are given to inputs by name: `with {}(input = field)`",
                      train_->with->operands[0]->text);
      return false;
    }
    input_fields_[argument.name] = argument.value->text;
  }
  return true;
}

// ---- graphs

int TrainBuilder::make_input(const std::string& name, const TensorType& type, const SourceLocation& place,
                             NetworkBuilder& network, GraphBuilder& graph,
                             std::vector<InputBinding>& bindings, Scope& scope) {
  const auto renamed = input_fields_.find(name);
  const std::string field_name = renamed == input_fields_.end() ? name : renamed->second;
  const ast::Stmt* field = data_->find_field(field_name);
  if (!field) {
    const std::vector<std::string> fields = data_->field_names();
    DiagnosticMessage& message =
        reporter_
            .unknown_name(Diagnostic::MissingSetting, place, field_name,
                          fmt::format("the data has no field `{}` for this input", field_name), fields)
            .note_at(train_->with->location, "this data has the fields {}", fmt::join(fields, ", "));
    if (name == field_name && !fields.empty() && nearest_name(name, fields).empty())
      message.help("an input can take a field of another name: `with {}({} = {})`", print_expr(*train_->with),
                   name, fields[0]);
    return -1;
  }
  const CompileTimeValue value = data_->expand_field(*field, network, graph, name, &type, bindings);
  if (!value.is_tensor()) return -1;
  const TensorType& got = graph.value(value.tensor).type;
  const bool integers = type.element != ElementType::F32;
  if (got.shape != type.shape || (integers && got.element == ElementType::F32)) {
    reporter_
        .error(Diagnostic::DataMismatch, place, "the input `{}` is {}, but its field gives {}", name,
               type.text(), got.text())
        .note("shapes: {}", graph.history(value.tensor, 1))
        .note_at(field->location, "the field");
    return -1;
  }
  scope.bind(field_name, value, field->location);
  return value.tensor;
}

// Fields that the loss and the metrics name and no input took: labels.
void TrainBuilder::bind_other_fields(NetworkBuilder& network, GraphBuilder& graph,
                                     std::vector<InputBinding>& bindings, Scope& scope) {
  const auto bind = [&](const ast::Expr& expr) {
    if (expr.kind != ExprKind::Name || scope.find(expr.text)) return;
    if (const ast::Stmt* field = data_->find_field(expr.text))
      scope.bind(expr.text, data_->expand_field(*field, network, graph, expr.text, nullptr, bindings),
                 field->location);
  };
  for (const std::string& field : data_->field_names()) scope.mention(field);
  visit_expressions(*phase_->loss, bind);
  for (const auto& [name, metric] : phase_->metrics) visit_expressions(*metric, bind);
}

// The loss, or a metric: one value per example.
void TrainBuilder::add_per_example(const std::string& name, const ast::Expr& expr, NetworkBuilder& network,
                                   GraphBuilder& graph, Scope& scope) {
  const CompileTimeValue value = network.expand(expr, scope, "");
  if (value.is_unknown()) return;
  const bool fits =
      value.is_tensor() && graph.value(value.tensor).type == TensorType{ElementType::F32, {Size::n()}};
  if (fits) {
    graph.rename(value.tensor, name, 0);
    graph.add_output(name, value.tensor);
    return;
  }
  reporter_
      .error(Diagnostic::ShapeMismatch, expr.location,
             "`{}` is one number per example, f32[N], but this is {}", name,
             value.is_tensor() ? graph.value(value.tensor).type.text() : description_of(value))
      .note("the mean over the batch is taken for you");
}

// The paths of parameters, and of the layers round them.
static std::vector<std::string> with_layers(const std::vector<std::string>& parameters) {
  std::vector<std::string> paths;
  for (const std::string& parameter : parameters)
    for (std::size_t end = parameter.size(); end != std::string::npos && end > 0;
         end = parameter.rfind('.', end - 1))
      if (std::find(paths.begin(), paths.end(), parameter.substr(0, end)) == paths.end())
        paths.push_back(parameter.substr(0, end));
  return paths;
}

void TrainBuilder::freeze(GraphBuilder& graph) {
  for (const ast::Expr* target : phase_->frozen) {
    const std::string path = print_expr(*target);
    if (graph.has_persistents_below(path))
      graph.freeze(path);
    else
      reporter_.unknown_name(Diagnostic::UnknownName, target->location, path,
                             fmt::format("no layer or parameter is called `{}`", path),
                             with_layers(graph.persistent_names()));
  }
}

std::optional<Graph> TrainBuilder::build_graph(bool training, Module& module) {
  GraphBuilder graph;
  NetworkBuilder network(reporter_, library_, graph, training);
  std::vector<InputBinding> bindings;
  Outputs outputs;
  Scope scope;
  const NetworkBuilder::InputMaker make = [&](const std::string& name, const TensorType& type,
                                              const SourceLocation& place) {
    return make_input(name, type, place, network, graph, bindings, scope);
  };
  if (!network.expand_model(*model_, arguments_, make, outputs)) return std::nullopt;
  for (const auto& [name, value] : outputs) {
    scope.set(name, value); // an output may be called like a field: the output is meant
    if (training)
      warn_of_output(graph.producer(value.tensor), name, library_, reporter_.diagnostics());
    else
      graph.add_output(name, value.tensor);
  }
  freeze(graph);
  bind_other_fields(network, graph, bindings, scope);
  add_per_example(kLoss, *phase_->loss, network, graph, scope);
  for (const auto& [name, metric] : phase_->metrics) {
    const auto same = [&](const auto& output) { return output.first == name; };
    if (std::any_of(outputs.begin(), outputs.end(), same))
      reporter_.error(Diagnostic::DuplicateName, metric->location, "`{}` is an output of the model already",
                      name);
    else
      add_per_example(name, *metric, network, graph, scope);
  }
  if (reporter_.diagnostics().has_errors()) return std::nullopt;
  if (!phase_->description.phase.empty()) graph.drop_idle_states();
  Graph result = graph.finish(model_->name, training ? "step" : "eval", training ? nullptr : &module.layers);
  if (training) {
    std::erase_if(bindings, [&](const InputBinding& binding) { return result.find(binding.input) < 0; });
    module.bindings = std::move(bindings);
  }
  return result;
}

// ---- optimizers

std::optional<int> TrainBuilder::group_of(const std::string& parameter) {
  const ast::Expr* named_by = nullptr;
  int found = -1, others = -1;
  for (int group = 0; group < std::ssize(phase_->groups); ++group) {
    const std::vector<const ast::Expr*>& paths = phase_->groups[static_cast<std::size_t>(group)].paths;
    if (paths.empty()) others = group;
    for (const ast::Expr* path : paths) {
      if (!is_at_or_below(parameter, print_expr(*path))) continue;
      if (found >= 0 && found != group) {
        reporter_.error(Diagnostic::BadSetting, path->location, "`{}` belongs to two optimizers", parameter)
            .note_at(named_by->location, "here already");
        return std::nullopt;
      }
      found = group;
      named_by = path;
    }
  }
  if (found >= 0 || others >= 0) return found >= 0 ? found : others;
  if (!phase_->description.phase.empty()) return -1;
  reporter_.error(Diagnostic::MissingSetting, train_->location, "no optimizer trains `{}`", parameter)
      .help("write `optimizer = SGD(lr = 0.1)` for the parameters that no other optimizer names, or `freeze "
            "{}`",
            parameter);
  return std::nullopt;
}

static void take_scalars(const OptimizerBuilder& optimizer, Module& module) {
  module.scalars.insert(module.scalars.end(), optimizer.scalars().begin(), optimizer.scalars().end());
  module.schedules.insert(module.schedules.end(), optimizer.schedules().begin(), optimizer.schedules().end());
}

// For people: which optimizer it is, and each of its arguments by the name that --set knows.
static void note_optimizer(const std::string& what, const ParameterGroup& group,
                           const OptimizerBuilder& optimizer, TrainDescription& description) {
  const bool some = !group.paths.empty();
  description.settings.emplace_back(what + (some ? " " + listed(group.paths) : ""), optimizer.name());
  const std::string prefix = what == "gradient" ? "gradient." : some ? group.name() + "." : "";
  for (const auto& [name, value] : optimizer.arguments())
    description.settings.emplace_back(prefix + name, value);
}

bool TrainBuilder::build_group(int number, Module& module, ScheduleBuilder& schedules) {
  const ParameterGroup& group = phase_->groups[static_cast<std::size_t>(number)];
  const std::string prefix = group.paths.empty() ? "optimizer" : "optimizer." + group.name();
  OptimizerBuilder optimizer(reporter_, library_, schedules, OptimizerBuilder::Changes::Parameters, prefix);
  if (!optimizer.read(*group.optimizer, group.settings)) return false;
  std::string& names = module.training.optimizer;
  names += (names.empty() ? "" : ", ") + optimizer.name();
  take_scalars(optimizer, module);
  note_optimizer("optimizer", group, optimizer, module.training);
  const auto name_of = [&](const Persistent& persistent) {
    return module.train.values[static_cast<std::size_t>(persistent.value)].name;
  };
  for (const ast::Expr* path : group.paths) {
    const auto trained = [&](const Persistent& persistent) {
      return persistent.trainable && is_at_or_below(name_of(persistent), print_expr(*path));
    };
    if (std::ranges::any_of(module.train.persistents, trained)) continue;
    const std::string text =
        fmt::format("no layer or parameter that is trained is called `{}`", print_expr(*path));
    const auto known = [&](const Persistent& persistent) {
      return is_at_or_below(name_of(persistent), print_expr(*path));
    };
    const std::string& phase = module.training.phase;
    if (std::ranges::any_of(module.train.persistents, known)) {
      // It is no misspelt name.
      reporter_.error(Diagnostic::UnknownName, path->location, "{}", text)
          .note("{}",
                phase.empty()
                    ? "it is frozen"
                    : fmt::format("it is frozen, or the loss of the phase `{}` does not read it", phase));
      return false;
    }
    std::vector<std::string> parameters;
    for (const Persistent& persistent : module.train.persistents)
      if (persistent.trainable) parameters.push_back(name_of(persistent));
    reporter_.unknown_name(Diagnostic::UnknownName, path->location, print_expr(*path), text,
                           with_layers(parameters));
    return false;
  }
  for (Persistent& persistent : module.train.persistents) {
    if (!persistent.trainable) continue;
    const Value& value = module.train.values[static_cast<std::size_t>(persistent.value)];
    const auto owner = group_of(value.name);
    if (!owner) return false;
    if (*owner < 0) persistent.trainable = false;
    if (*owner != number) continue;
    auto instance = optimizer.instantiate(value.name, value.type);
    if (!instance) return false;
    module.optimizers.push_back(std::move(*instance));
  }
  return true;
}

// What changes the gradients of all trained parameters, before the updates.
bool TrainBuilder::build_gradient(Module& module, ScheduleBuilder& schedules) {
  OptimizerBuilder change(reporter_, library_, schedules, OptimizerBuilder::Changes::Gradients, "gradient");
  if (!change.read(*phase_->gradient->optimizer, phase_->gradient->settings)) return false;
  take_scalars(change, module);
  note_optimizer("gradient", *phase_->gradient, change, module.training);
  std::vector<OptimizerInstance> changes;
  for (const OptimizerInstance& update : module.optimizers) {
    const ValueId parameter = module.train.find(update.parameter);
    auto instance =
        change.instantiate(update.parameter, module.train.values[static_cast<std::size_t>(parameter)].type);
    if (!instance) return false;
    changes.push_back(std::move(*instance));
  }
  module.optimizers.insert(module.optimizers.begin(), changes.begin(), changes.end());
  return true;
}

// The parts of a batch see each other's examples nowhere: a mean over the batch would be another one.
bool TrainBuilder::check_accumulation(const Module& module) {
  const Node* node = node_over_batch(module.train);
  if (!node) return true;
  reporter_
      .error(Diagnostic::BadSetting, node->location,
             "`{}` takes a value over the whole batch, which `accumulate` divides", node->op)
      .note_at(module.training.location, "`accumulate` = {} here", module.training.accumulate)
      .help("leave out `accumulate`, or normalise each example by itself");
  return false;
}

bool TrainBuilder::build_optimizers(Module& module) {
  ScheduleBuilder schedules(reporter_, library_, module.plateaus);
  for (int group = 0; group < std::ssize(phase_->groups); ++group)
    if (!build_group(group, module, schedules)) return false;
  if (phase_->gradient && !build_gradient(module, schedules)) return false;
  for (const PlateauDescription& plateau : module.plateaus)
    if (!check_measure(module, plateau.measure, plateau.location)) return false;
  return true;
}

bool TrainBuilder::is_measured(const Module& module, const std::string& measure,
                               std::vector<std::string>* all) const {
  std::vector<std::string> names;
  for (const SplitDescription& split : module.data.splits)
    for (const std::string& name : split.names) {
      names.push_back(name + "." + kLoss);
      for (const std::string& metric : module.training.metrics) names.push_back(name + "." + metric);
    }
  const bool found = std::ranges::find(names, measure) != names.end();
  if (all) *all = std::move(names);
  return found;
}

bool TrainBuilder::check_measure(const Module& module, const std::string& measure,
                                 const SourceLocation& place) {
  std::vector<std::string> names;
  if (is_measured(module, measure, &names)) return true;
  // Each part is guessed by itself: a metric may be misspelt where it is defined.
  const std::size_t dot = std::min(measure.find('.'), measure.size());
  const std::string split = measure.substr(0, dot);
  const bool known_split =
      std::ranges::any_of(names, [&](const std::string& name) { return name.starts_with(split + "."); });
  std::vector<std::string> parts;
  for (const std::string& name : names)
    if (!known_split || name.starts_with(split + "."))
      parts.push_back(known_split ? name.substr(split.size() + 1) : name.substr(0, name.find('.')));
  const std::size_t begin = known_split ? std::min(dot + 1, measure.size()) : 0;
  const std::string unknown = known_split ? measure.substr(begin) : split;
  SourceLocation part = place;
  part.column += static_cast<int>(begin);
  part.length = static_cast<int>(unknown.size());
  reporter_
      .unknown_name(Diagnostic::BadSetting, part, unknown,
                    fmt::format("nothing is measured as `{}`", measure), parts)
      .note("a split and the loss or a metric: {}", fmt::join(names, ", "));
  return false;
}

} // namespace striate
