#include "frontend/optimizer_builder.h"

#include "frontend/definition_builder.h"
#include "frontend/print_ast.h"
#include "support/check.h"

#include <algorithm>

namespace striate {

using ast::ExprKind;
using ast::StmtKind;
using Kind = CompileTimeValue::Kind;

static const ast::Expr& callee_of(const ast::Expr& expr) {
  return expr.kind == ExprKind::Call ? *expr.operands[0] : expr;
}

std::vector<std::string> OptimizerBuilder::setting_names(const Library& library, const ast::Expr& expr) {
  std::vector<std::string> names;
  if (const ast::Item* item = library.find(ast::ItemKind::Optimizer, callee_of(expr).text))
    for (const ast::Parameter& parameter : item->attributes) names.push_back(parameter.name);
  return names;
}

// The call's arguments with those of the command line in their place. A number that changes while training is
// kept as a schedule, and 0 stands for it.
std::optional<std::vector<ast::Argument>>
OptimizerBuilder::given_arguments(const ast::Expr& expr,
                                  const std::map<std::string, ast::ExprPtr>& settings) {
  std::vector<ast::Argument> result;
  if (expr.kind == ExprKind::Call)
    for (std::size_t i = 0; i < expr.arguments.size(); ++i) {
      ast::Argument argument = expr.arguments[i];
      const std::vector<ast::Parameter>& parameters = item_->attributes;
      // Named, so that none shifts where the command line takes one's place.
      if (argument.name.empty() && i < parameters.size()) argument.name = parameters[i].name;
      if (!settings.contains(argument.name)) result.push_back(std::move(argument));
    }
  for (const auto& [name, value] : settings) result.push_back({value->location, name, value});

  Evaluator evaluator(reporter_, library_);
  for (ast::Argument& argument : result) {
    const auto named = [&](const ast::Parameter& parameter) { return parameter.name == argument.name; };
    const auto parameter = std::find_if(item_->attributes.begin(), item_->attributes.end(), named);
    const bool real = parameter != item_->attributes.end() && parameter->type.name == "real" &&
                      !parameter->type.has_dimensions;
    Scope scope;
    if (!real || evaluator.try_evaluate(*argument.value, scope)) continue;
    const ExprRef schedule = schedule_builder_.build(*argument.value);
    if (!schedule) return std::nullopt;
    auto number = std::make_shared<ast::Expr>();
    number->kind = ExprKind::Real;
    number->location = argument.value->location;
    if (schedule->kind == striate::Expr::Kind::Constant)
      number->real = schedule->constant;
    else
      schedules_.push_back({prefix_ + "." + argument.name, schedule});
    schedule_texts_[argument.name] = print_expr(*argument.value);
    argument.value = std::move(number);
  }
  return result;
}

std::vector<std::string> OptimizerBuilder::names() const {
  std::vector<std::string> names;
  for (const ast::Item* item : library_.items(ast::ItemKind::Optimizer))
    if ((item->inputs.size() == 1) == (changes_ == Changes::Gradients)) names.push_back(item->name);
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

bool OptimizerBuilder::read(const ast::Expr& expr, const std::map<std::string, ast::ExprPtr>& settings) {
  const ast::Expr& callee = callee_of(expr);
  item_ = callee.kind == ExprKind::Name ? library_.find(ast::ItemKind::Optimizer, callee.text) : nullptr;
  if (!item_) {
    reporter_
        .unknown_name(Diagnostic::UnknownName, callee.location, print_expr(callee),
                      fmt::format("no optimizer is called `{}`", print_expr(callee)), names(), &library_)
        .note("the optimizers are {}", fmt::join(names(), ", "));
    return false;
  }
  const std::size_t inputs = changes_ == Changes::Parameters ? 2 : 1;
  if (item_->inputs.size() == 3 - inputs) {
    const bool of_gradients = inputs == 2;
    reporter_
        .error(Diagnostic::BadSetting, callee.location, "`{}` changes {}, so it is no `{}`", item_->name,
               of_gradients ? "gradients" : "parameters", of_gradients ? "optimizer" : "gradient")
        .help("write `{} = {}`", of_gradients ? "gradient" : "optimizer", print_expr(expr))
        .note("here it is one of {}", fmt::join(names(), ", "));
    return false;
  }
  if (item_->inputs.size() != inputs) {
    reporter_.error(Diagnostic::WrongType, item_->location,
                    "an optimizer has two inputs, a parameter and its gradient: `(w[..], g[..])`; or the "
                    "gradient alone, which it changes");
    return false;
  }
  Evaluator evaluator(reporter_, library_);
  Scope scope;
  const auto given = given_arguments(expr, settings);
  if (!given) return false;
  CallSite site{{}, &*given, expr.location};
  auto bound = bind_call(evaluator, scope, *item_, Takes::Attributes, site);
  if (!bound) return false;
  for (const ast::Parameter& parameter : item_->attributes) {
    const CompileTimeValue& value = bound->attributes.at(parameter.name);
    const std::string name = prefix_ + "." + parameter.name;
    const auto schedule = schedule_texts_.find(parameter.name);
    arguments_.emplace_back(parameter.name,
                            schedule == schedule_texts_.end() ? text_of(value) : schedule->second);
    if (value.kind == Kind::Real) {
      scalars_.emplace_back(name, value.real);
      scalar_names_[parameter.name] = name;
    } else if (value.kind == Kind::List && parameter.type.name != "int") {
      for (std::size_t i = 0; i < value.items.size(); ++i) {
        scalars_.emplace_back(name + "." + std::to_string(i), *value.items[i].number());
        scalar_names_[fmt::format("{}[{}]", parameter.name, i)] = scalars_.back().first;
      }
    } else {
      attributes_[parameter.name] = value;
    }
  }
  for (const ast::Stmt& statement : item_->body->statements)
    if (statement.kind == StmtKind::Total) totals_.push_back(&statement);
  return true;
}

bool OptimizerBuilder::collect_states(const ast::Block& block, Scope& scope, std::vector<State>& states) {
  Evaluator evaluator(reporter_, library_);
  for (const ast::Stmt& statement : block.statements) {
    if (statement.kind != StmtKind::State) continue;
    double first = 0;
    if (statement.parameter.default_value) {
      const CompileTimeValue value = evaluator.evaluate(*statement.parameter.default_value, scope);
      if (value.is_unknown()) return false;
      if (!value.number()) {
        reporter_.error(Diagnostic::WrongType, statement.parameter.default_value->location,
                        "a state of an optimizer starts from a number, not from {}", description_of(value));
        return false;
      }
      first = *value.number();
    }
    states.push_back({&statement, constant(first)});
  }
  return true;
}

void OptimizerBuilder::add_inputs(DefinitionBuilder& builder, const TensorType& type,
                                  const std::vector<State>& states) const {
  const std::vector<std::vector<Size>> no_groups(type.shape.size());
  for (const ast::Parameter& input : item_->inputs) builder.add_input(input.name, type, no_groups, false);
  for (const State& state : states)
    builder.add_input(state.statement->parameter.name, type, no_groups, false);
}

void OptimizerBuilder::add_scalars(DefinitionBuilder& builder) const {
  for (const auto& [name, scalar] : scalar_names_) builder.add_run_time_scalar(name, scalar);
  for (const char* counter : {"step", "epoch"}) builder.add_run_time_scalar(counter, counter);
}

// The totals' parts of one parameter; what stands before the first of them is known to them.
std::shared_ptr<const Definition>
OptimizerBuilder::define_totals(const TensorType& type, const std::vector<State>& states, Scope& scope) {
  DefinitionBuilder builder(reporter_, library_, scope, {{"", type.shape}}, item_->name, prefix_);
  add_inputs(builder, type, states);
  add_scalars(builder);
  std::vector<std::string> outputs;
  for (const ast::Stmt* total : totals_) {
    outputs.push_back(total->targets[0]->text);
    builder.declare_output(outputs.back(), ElementType::F32, {}, outputs.back());
  }
  static const std::vector<ast::ExprPtr> kNumber; // no elements: of rank 0
  for (const ast::Stmt& statement : item_->body->statements) {
    if (statement.kind == StmtKind::Total) {
      if (!builder.define(statement.targets[0]->text, &kNumber, *statement.value, statement.location))
        return nullptr;
    } else if (&statement < totals_[0] && statement.kind != StmtKind::State &&
               statement.kind != StmtKind::Next) {
      if (!builder.add_statement(statement)) return nullptr;
    }
  }
  auto definition = std::make_shared<Definition>(builder.finish(outputs));
  const std::string problem = verify(*definition);
  CHECK(problem.empty(), "{}: {}", item_->name, problem);
  return definition;
}

std::shared_ptr<const Definition> OptimizerBuilder::define(const TensorType& type,
                                                           const std::vector<State>& states, Scope& scope) {
  DefinitionBuilder builder(reporter_, library_, scope, {{"", type.shape}}, item_->name, prefix_);
  const std::vector<std::vector<Size>> no_groups(type.shape.size());
  add_inputs(builder, type, states);
  for (const ast::Stmt* total : totals_)
    builder.add_input(total->targets[0]->text, TensorType{ElementType::F32, {}}, {}, false);
  add_scalars(builder);

  std::vector<std::string> outputs = {item_->inputs[0].name};
  for (const State& state : states) outputs.push_back(state.statement->parameter.name);
  for (std::string& output : outputs) {
    builder.declare_output("next " + output, type.element, {type.shape, no_groups}, "next_" + output);
    output = "next " + output;
  }
  for (const ast::Stmt& statement : item_->body->statements) {
    if (statement.kind == StmtKind::State || statement.kind == StmtKind::Total) continue;
    if (statement.kind != StmtKind::Next) {
      if (!builder.add_statement(statement)) return nullptr;
      continue;
    }
    const ast::Expr& target = *statement.targets[0];
    const bool indexed = target.kind == ExprKind::Read;
    const std::string name = "next " + (indexed ? target.operands[0]->text : target.text);
    if (std::find(outputs.begin(), outputs.end(), name) == outputs.end()) {
      reporter_.error(Diagnostic::UnknownName, target.location,
                      "`{}` is neither a state nor what the optimizer changes", print_expr(target));
      return nullptr;
    }
    std::vector<ast::ExprPtr> elements;
    if (indexed) elements.assign(target.operands.begin() + 1, target.operands.end());
    if (!builder.define(name, indexed ? &elements : nullptr, *statement.value, statement.location))
      return nullptr;
  }
  if (!builder.has_output(outputs[0])) {
    reporter_
        .error(Diagnostic::MissingValue, item_->location, "`{}` never gives `{}` a next value", item_->name,
               item_->inputs[0].name)
        .help("write `next {0} = {0} - ...`", item_->inputs[0].name);
    return nullptr;
  }
  for (std::size_t i = 1; i < outputs.size(); ++i) {
    if (builder.has_output(outputs[i])) continue;
    ast::Expr unchanged;
    unchanged.kind = ExprKind::Name;
    unchanged.text = states[i - 1].statement->parameter.name;
    unchanged.location = states[i - 1].statement->location;
    if (!builder.define(outputs[i], nullptr, unchanged, unchanged.location)) return nullptr;
  }
  auto definition = std::make_shared<Definition>(builder.finish(outputs));
  const std::string problem = verify(*definition);
  CHECK(problem.empty(), "{}: {}", item_->name, problem);
  return definition;
}

std::optional<OptimizerInstance> OptimizerBuilder::instantiate(const std::string& parameter,
                                                               const TensorType& type) {
  Scope scope = attribute_scope(*item_, attributes_);
  std::vector<State> states;
  if (!collect_states(*item_->body, scope, states)) return std::nullopt;
  Definitions& known = known_[type.text()];
  if (!known.update && !totals_.empty()) {
    Scope apart = attribute_scope(*item_, attributes_); // each definition names its own numbers
    known.totals = define_totals(type, states, apart);
    if (!known.totals) return std::nullopt;
  }
  if (!known.update) known.update = define(type, states, scope);
  if (!known.update) return std::nullopt;
  OptimizerInstance instance;
  instance.parameter = parameter;
  instance.of_gradient = changes_ == Changes::Gradients;
  instance.definition = known.update;
  instance.totals = known.totals;
  instance.optimizer = prefix_;
  for (const State& state : states)
    instance.states.emplace_back(state.statement->parameter.name, state.initial);
  return instance;
}

} // namespace striate
