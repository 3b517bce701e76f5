// The statements of a `train` block and its phases, and what the command line sets in their place.
#include "frontend/train_reader.h"

#include "frontend/optimizer_builder.h"
#include "frontend/parser.h"
#include "frontend/print_ast.h"
#include "frontend/unroll_train.h"

#include <algorithm>
#include <set>

namespace striate {

using ast::ExprKind;
using ast::StmtKind;

static const std::vector<std::string> kSettings = {
    "loss", "optimizer", "gradient", "epochs", "batch", "accumulate", "seed", "metric", "checkpoint"};
const std::vector<std::string>& train_settings() { return kSettings; }

static const std::vector<std::string> kNumbers = {"epochs", "batch", "accumulate", "seed"};
static constexpr int64_t kLargestBatch = 1 << 16;

std::string ParameterGroup::name() const { return paths.empty() ? "" : print_expr(*paths[0]); }

void TrainReader::read_setting(const std::string& name, const ast::Expr& value, const SourceLocation& place,
                               Block& block) {
  TrainDescription& description = block.settings.description;
  const auto number = [&](int64_t& setting, int64_t least) {
    Scope none;
    if (const auto integer = evaluator_.evaluate_integer(value, none, "`" + name + "`", least))
      setting = *integer;
  };
  if (name == "epochs") {
    number(description.epochs, 1);
  } else if (name == "seed") {
    number(description.seed, 0);
    if (block.phase)
      reporter_.error(Diagnostic::BadSetting, place, "`seed` is the whole run's, not a phase's")
          .help("write it in the `train` block");
  } else if (name == "batch") {
    number(description.batch, 1);
    if (description.batch > kLargestBatch)
      reporter_.error(Diagnostic::BadSetting, value.location, "`batch` is at most {}, not {}", kLargestBatch,
                      description.batch);
  } else if (name == "accumulate") {
    number(description.accumulate, 1);
  } else if (name == "loss") {
    block.settings.loss = &value;
  } else if (name == "optimizer") {
    block.settings.groups.push_back({&value, {}, {}});
  } else if (name == "gradient") {
    block.settings.gradient = ParameterGroup{&value, {}, {}};
  } else {
    static const std::map<std::string, const char*> kOthers = {
        {"batch_size", "batch"},
        {"num_epochs", "epochs"},
        {"max_epochs", "epochs"},
        {"n_epochs", "epochs"},
        {"random_seed", "seed"},
        {"criterion", "loss"},
        {"loss_fn", "loss"},
        {"metrics", "metric NAME"},
        {"lr", "optimizer = SGD(lr = ...)"},
        {"learning_rate", "optimizer = SGD(lr = ...)"}};
    const std::string text = fmt::format("`{}` has no setting `{}`", block.phase ? "phase" : "train", name);
    const auto other = kOthers.find(name);
    DiagnosticMessage& message =
        other == kOthers.end()
            ? reporter_.unknown_name(Diagnostic::BadSetting, place, name, text, kSettings)
            : reporter_.error(Diagnostic::BadSetting, place, "{}", text)
                  .suggest(place, other->second, "Striate's name for it is `{}`", other->second);
    message.note("the settings are loss, metric, optimizer, gradient, epochs, batch, accumulate, seed and "
                 "checkpoint");
  }
}

void TrainReader::read_checkpoint(const ast::Expr& call, Block& block) {
  for (const ast::Argument& argument : call.arguments) {
    const auto number = [&](int64_t& setting) {
      const std::string what = "`" + argument.name + "`";
      Scope none;
      if (const auto integer = evaluator_.evaluate_integer(*argument.value, none, what, 1))
        setting = *integer;
    };
    if (argument.name == "every")
      number(block.settings.description.checkpoint_every);
    else if (argument.name == "keep")
      number(block.settings.description.checkpoint_keep);
    else if (argument.name == "best")
      block.settings.best = argument.value.get();
    else
      reporter_
          .unknown_name(Diagnostic::WrongArgument, argument.location, argument.name,
                        fmt::format("`checkpoint` has no argument `{}`", argument.name),
                        {"every", "keep", "best"})
          .note("it is `checkpoint(every = 1, keep = 3, best = val.accuracy)`");
  }
}

static std::vector<std::string> texts_of(const std::vector<ast::ExprPtr>& exprs) {
  std::vector<std::string> texts;
  for (const ast::ExprPtr& expr : exprs) texts.push_back(print_expr(*expr));
  return texts;
}

void TrainReader::read_statement(const ast::Stmt& statement, Block& block) {
  PhaseSettings& settings = block.settings;
  switch (statement.kind) {
  case StmtKind::Assign: {
    const ast::Expr& target = *statement.targets[0];
    if (statement.targets.size() > 1 || target.kind != ExprKind::Name) {
      reporter_.error(Diagnostic::BadSetting, statement.location, "a setting is `name = value`");
      return;
    }
    if (!block.given.bind(target.text, {}, target.location)) {
      reporter_.error(Diagnostic::DuplicateName, target.location, "`{}` is set twice", target.text)
          .note_at(block.given.place_of(target.text), "here already");
      return;
    }
    const auto given = block.numbers.find(target.text);
    read_setting(target.text, given == block.numbers.end() ? *statement.value : *given->second,
                 target.location, block);
    return;
  }
  case StmtKind::Metric: {
    const std::string& name = statement.targets[0]->text;
    const auto same = [&](const auto& metric) { return metric.first == name; };
    if (name == "loss" || std::any_of(settings.metrics.begin(), settings.metrics.end(), same))
      reporter_.error(Diagnostic::DuplicateName, statement.targets[0]->location,
                      "there is a metric `{}` already", name);
    else
      settings.metrics.emplace_back(name, statement.value.get());
    return;
  }
  case StmtKind::Freeze:
    for (const ast::ExprPtr& target : statement.targets) settings.frozen.push_back(target.get());
    return;
  case StmtKind::Optimizer: {
    ParameterGroup group{statement.value.get(), {}, {}};
    for (const ast::ExprPtr& target : statement.targets) group.paths.push_back(target.get());
    settings.groups.push_back(std::move(group));
    return;
  }
  case StmtKind::Load:
    settings.description.loads.push_back(
        {statement.text, texts_of(statement.targets), texts_of(statement.exclusions), statement.location});
    return;
  case StmtKind::Phase: // read on its own
    return;
  case StmtKind::Value:
    if (statement.value->kind == ExprKind::Call && statement.value->operands[0]->kind == ExprKind::Name &&
        statement.value->operands[0]->text == "checkpoint") {
      read_checkpoint(*statement.value, block);
      return;
    }
    if (statement.value->kind == ExprKind::Call && statement.value->operands[0]->kind == ExprKind::Name) {
      const ast::Expr& callee = *statement.value->operands[0];
      reporter_.unknown_name(Diagnostic::BadSetting, callee.location, callee.text,
                             fmt::format("`{}` is no setting of `train`", callee.text), kSettings);
      return;
    }
    reporter_.error(Diagnostic::BadSetting, statement.location, "`{}` is no setting of `train`",
                    print_expr(*statement.value));
    return;
  default:
    reporter_.error(Diagnostic::NotSupported, statement.location,
                    "this statement is not supported in `train` yet");
  }
}

// ---- --set

bool TrainReader::parse_given() {
  for (const auto& [key, text] : given_) {
    const std::size_t dot = key.find('.');
    Setting setting{key, key.substr(0, dot), dot == std::string::npos ? "" : key.substr(dot + 1), nullptr};
    setting.value = parse_expression("--set " + key, text, reporter_.diagnostics());
    if (!setting.value) return false;
    settings_.push_back(std::move(setting));
  }
  return true;
}

std::optional<std::string> TrainReader::name_within(const Block& block, const Setting& setting) {
  if (!block.phase) return setting.name;
  const std::string prefix = block.name() + ".";
  if (!setting.name.starts_with(prefix)) return std::nullopt;
  return setting.name.substr(prefix.size());
}

// --set train.epochs=2, train.pretrain.epochs=2: before the block is read.
void TrainReader::take_numbers(Block& block) {
  const std::string prefix = block.phase ? block.name() + "." : "";
  for (const std::string& number : kNumbers) {
    if (block.phase && number == "seed") continue;
    known_settings_.push_back(prefix + number);
    for (Setting& setting : settings_) {
      if (setting.block != "train" || name_within(block, setting) != number) continue;
      block.numbers[number] = setting.value;
      setting.found = true;
    }
  }
}

// --set train.lr=0.1, optimizer.lr=0.1, train.fc2.lr=0.1, train.pretrain.lr=0.1, for arguments of optimizers:
// when the block's optimizers are known.
void TrainReader::take_optimizer_settings(Block& block) {
  const std::string prefix = block.phase ? block.name() + "." : "";
  for (ParameterGroup& group : block.settings.groups)
    for (const std::string& argument : OptimizerBuilder::setting_names(library_, *group.optimizer)) {
      std::vector<std::string> keys;
      for (const ast::Expr* path : group.paths) keys.push_back(print_expr(*path) + "." + argument);
      if (group.paths.empty()) keys.push_back(argument);
      for (const std::string& key : keys) known_settings_.push_back(prefix + key);
      for (Setting& setting : settings_) {
        const auto name = name_within(block, setting);
        if ((setting.block != "train" && setting.block != "optimizer") || !name ||
            std::find(keys.begin(), keys.end(), *name) == keys.end())
          continue;
        group.settings[argument] = setting.value;
        setting.found = true;
      }
    }
  if (!block.settings.gradient) return;
  ParameterGroup& gradient = *block.settings.gradient;
  for (const std::string& argument : OptimizerBuilder::setting_names(library_, *gradient.optimizer)) {
    const std::string key = "gradient." + argument;
    known_settings_.push_back(prefix + key);
    for (Setting& setting : settings_) {
      if (setting.block != "train" || name_within(block, setting) != key) continue;
      gradient.settings[argument] = setting.value;
      setting.found = true;
    }
  }
}

void TrainReader::report_unknown_settings() {
  for (const Setting& setting : settings_) {
    if (setting.found) continue;
    DiagnosticMessage& message =
        reporter_
            .error(Diagnostic::BadSetting, setting.value->location, "there is no setting `{}`", setting.key)
            .note("settings are `train.NAME` with NAME one of {}", fmt::join(known_settings_, ", "));
    if (const std::string near = nearest_name(setting.name, known_settings_); !near.empty())
      message.help("did you mean `train.{}`?", near);
  }
}

// ---- blocks

void TrainReader::read_block(const ast::Block& body, Block& block) {
  take_numbers(block);
  for (const ast::Stmt& statement : body.statements) read_statement(statement, block);
  for (const auto& [name, value] : block.numbers)
    if (!block.given.find(name)) read_setting(name, *value, value->location, block);
}

// What the phase does not say is as its `train` block says; what is frozen there is frozen here too.
void TrainReader::inherit(const PhaseSettings& train, PhaseSettings& phase) {
  if (!phase.loss) phase.loss = train.loss;
  phase.own_best = phase.best != nullptr;
  if (!phase.best) phase.best = train.best;
  if (phase.metrics.empty()) phase.metrics = train.metrics;
  phase.frozen.insert(phase.frozen.begin(), train.frozen.begin(), train.frozen.end());
  if (phase.groups.empty()) phase.groups = train.groups;
  if (!phase.gradient) phase.gradient = train.gradient;
}

void TrainReader::check_complete(const PhaseSettings& settings, const ast::Item& train) {
  const std::string& phase = settings.description.phase;
  const std::pair<bool, const char*> needed[] = {
      {settings.loss != nullptr, "loss = cross_entropy(logits, label)"},
      {!settings.groups.empty(), "optimizer = SGD(lr = 0.1)"}};
  for (const auto& [given, example] : needed) {
    if (given) continue;
    const std::string name = std::string(example).substr(0, std::string(example).find(' '));
    const SourceLocation& place = phase.empty() ? train.location : settings.description.location;
    const std::string block =
        phase.empty() ? "this `train` block" : fmt::format("the phase `{}` and its `train` block", phase);
    reporter_
        .error(Diagnostic::MissingSetting, place, "{} {} no `{}`", block, phase.empty() ? "has" : "have",
               name)
        .help("write `{}`", example);
  }
}

std::vector<PhaseSettings> TrainReader::read(const ast::Item& train) {
  const std::size_t errors = reporter_.diagnostics().error_count();
  if (!parse_given()) return {};
  Block whole;
  whole.settings.body = unroll_train(*train.body, reporter_, library_);
  whole.settings.description.location = train.location;
  const std::vector<ast::Stmt>& statements = whole.settings.body->statements;
  read_block(*whole.settings.body, whole);
  take_optimizer_settings(whole);

  std::vector<PhaseSettings> result;
  std::map<std::string, SourceLocation> names;
  for (const ast::Stmt& statement : statements) {
    if (statement.kind != StmtKind::Phase) continue;
    const ast::Expr& name = *statement.targets[0];
    Block phase;
    phase.phase = &statement;
    phase.settings.body = whole.settings.body;
    phase.settings.description = whole.settings.description;
    phase.settings.description.phase = print_expr(name);
    phase.settings.description.location = name.location;
    // What the `train` block loads is there before the first phase.
    if (!result.empty()) phase.settings.description.loads.clear();
    if (const auto [known, fresh] = names.emplace(phase.name(), name.location); !fresh)
      reporter_.error(Diagnostic::DuplicateName, name.location, "there is a phase `{}` already", phase.name())
          .note_at(known->second, "here");
    read_block(*statement.block, phase);
    inherit(whole.settings, phase.settings);
    take_optimizer_settings(phase);
    result.push_back(std::move(phase.settings));
  }
  if (result.empty()) {
    whole.settings.own_best = true;
    result.push_back(std::move(whole.settings));
  }
  report_unknown_settings();
  for (PhaseSettings& settings : result) {
    const TrainDescription& description = settings.description;
    if (description.accumulate > description.batch)
      reporter_.error(Diagnostic::BadSetting, description.location,
                      "`accumulate` divides a batch of {} into {} parts", description.batch,
                      description.accumulate);
    if (reporter_.diagnostics().error_count() == errors) check_complete(settings, train);
    for (const auto& [name, metric] : settings.metrics) settings.description.metrics.push_back(name);
  }
  if (reporter_.diagnostics().error_count() != errors) return {};
  return result;
}

} // namespace striate
