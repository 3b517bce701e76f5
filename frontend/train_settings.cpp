// The statements of a `train` block, and what the command line sets in their place.
#include "frontend/parser.h"
#include "frontend/print_ast.h"
#include "frontend/train_builder.h"

#include <algorithm>

namespace striate {

using ast::ExprKind;
using ast::StmtKind;

static const std::vector<std::string> kSettings = {"loss", "optimizer", "epochs",    "batch",
                                                   "seed", "metric",    "checkpoint"};
static constexpr int64_t kLargestBatch = 1 << 16;

void TrainBuilder::read_setting(const std::string& name, const ast::Expr& value, const SourceLocation& place,
                                TrainDescription& description) {
  const auto number = [&](int64_t& setting, int64_t least) {
    if (const auto integer = evaluator_.evaluate_integer(value, train_scope_, "`" + name + "`", least))
      setting = *integer;
  };
  if (name == "epochs") {
    number(description.epochs, 1);
  } else if (name == "seed") {
    number(description.seed, 0);
  } else if (name == "batch") {
    number(description.batch, 1);
    if (description.batch > kLargestBatch)
      reporter_.error(Diagnostic::BadSetting, value.location, "`batch` is at most {}, not {}", kLargestBatch,
                      description.batch);
  } else if (name == "loss") {
    loss_ = &value;
  } else if (name == "optimizer") {
    groups_.push_back({&value, {}, {}});
  } else {
    DiagnosticMessage& message =
        reporter_.error(Diagnostic::BadSetting, place, "`train` has no setting `{}`", name)
            .note("the settings are loss, metric, optimizer, epochs, batch, seed and checkpoint");
    if (const std::string near = nearest_name(name, kSettings); !near.empty()) message.did_you_mean(near);
  }
}

void TrainBuilder::read_checkpoint(const ast::Expr& call, TrainDescription& description) {
  for (const ast::Argument& argument : call.arguments) {
    const auto number = [&](int64_t& setting) {
      const std::string what = "`" + argument.name + "`";
      if (const auto integer = evaluator_.evaluate_integer(*argument.value, train_scope_, what, 1))
        setting = *integer;
    };
    if (argument.name == "every")
      number(description.checkpoint_every);
    else if (argument.name == "keep")
      number(description.checkpoint_keep);
    else if (argument.name == "best")
      best_ = argument.value.get();
    else
      reporter_
          .error(Diagnostic::WrongArgument, argument.location, "`checkpoint` has no argument `{}`",
                 argument.name)
          .note("it is `checkpoint(every = 1, keep = 3, best = val.accuracy)`");
  }
}

void TrainBuilder::read_statement(const ast::Stmt& statement, TrainDescription& description) {
  switch (statement.kind) {
  case StmtKind::Assign: {
    const ast::Expr& target = *statement.targets[0];
    if (statement.targets.size() > 1 || target.kind != ExprKind::Name) {
      reporter_.error(Diagnostic::BadSetting, statement.location, "a setting is `name = value`");
      return;
    }
    if (!train_scope_.bind(target.text, {}, target.location)) {
      reporter_.error(Diagnostic::DuplicateName, target.location, "`{}` is set twice", target.text)
          .note_at(train_scope_.place_of(target.text), "here already");
      return;
    }
    const auto given = train_settings_.find(target.text);
    read_setting(target.text, given == train_settings_.end() ? *statement.value : *given->second,
                 target.location, description);
    return;
  }
  case StmtKind::Metric: {
    const std::string& name = statement.targets[0]->text;
    const auto same = [&](const auto& metric) { return metric.first == name; };
    if (name == "loss" || std::any_of(metrics_.begin(), metrics_.end(), same))
      reporter_.error(Diagnostic::DuplicateName, statement.targets[0]->location,
                      "there is a metric `{}` already", name);
    else
      metrics_.emplace_back(name, statement.value.get());
    return;
  }
  case StmtKind::Freeze:
    for (const ast::ExprPtr& target : statement.targets) frozen_.push_back(target.get());
    return;
  case StmtKind::Optimizer: {
    ParameterGroup group{statement.value.get(), {}, {}};
    for (const ast::ExprPtr& target : statement.targets) group.paths.push_back(target.get());
    groups_.push_back(std::move(group));
    return;
  }
  case StmtKind::Value:
    if (statement.value->kind == ExprKind::Call && statement.value->operands[0]->kind == ExprKind::Name &&
        statement.value->operands[0]->text == "checkpoint") {
      read_checkpoint(*statement.value, description);
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

// --set train.epochs=2, and before the body is read; --set train.lr=0.1, optimizer.lr=0.1, train.fc2.lr=0.1,
// for arguments of optimizers, after it.
bool TrainBuilder::read_settings(bool of_optimizers) {
  static const std::vector<std::string> kNumbers = {"epochs", "batch", "seed"};
  bool sound = true;
  for (const auto& [key, text] : options_.settings) {
    const std::size_t dot = key.find('.');
    const std::string block = key.substr(0, dot);
    const std::string name = dot == std::string::npos ? "" : key.substr(dot + 1);
    const bool number =
        block == "train" && std::find(kNumbers.begin(), kNumbers.end(), name) != kNumbers.end();
    if (number == of_optimizers) continue;
    const ast::ExprPtr value = parse_expression("--set " + key, text, reporter_.diagnostics());
    if (!value) {
      sound = false;
      continue;
    }
    if (number) {
      train_settings_[name] = value;
      continue;
    }
    std::vector<std::string> known = kNumbers;
    bool found = false;
    for (ParameterGroup& group : groups_)
      for (const std::string& argument : OptimizerBuilder::setting_names(library_, *group.optimizer)) {
        std::vector<std::string> keys;
        for (const ast::Expr* path : group.paths) keys.push_back(print_expr(*path) + "." + argument);
        if (group.paths.empty()) keys.push_back(argument);
        known.insert(known.end(), keys.begin(), keys.end());
        if ((block != "train" && block != "optimizer") ||
            std::find(keys.begin(), keys.end(), name) == keys.end())
          continue;
        group.settings[argument] = value;
        found = true;
      }
    if (found) continue;
    sound = false;
    DiagnosticMessage& message =
        reporter_.error(Diagnostic::BadSetting, value->location, "there is no setting `{}`", key)
            .note("settings are `train.NAME` with NAME one of {}", fmt::join(known, ", "));
    if (const std::string near = nearest_name(name, known); !near.empty())
      message.help("did you mean `train.{}`?", near);
  }
  return sound;
}

bool TrainBuilder::read_body(TrainDescription& description) {
  const std::size_t errors = reporter_.diagnostics().error_count();
  description.location = train_->location;
  read_settings(false);
  for (const ast::Stmt& statement : train_->body->statements) read_statement(statement, description);
  for (const auto& [name, value] : train_settings_)
    if (!train_scope_.find(name)) read_setting(name, *value, value->location, description);
  read_settings(true);
  const std::pair<bool, const char*> needed[] = {{loss_ != nullptr, "loss = cross_entropy(logits, label)"},
                                                 {!groups_.empty(), "optimizer = SGD(lr = 0.1)"}};
  for (const auto& [given, example] : needed)
    if (!given && reporter_.diagnostics().error_count() == errors) {
      const std::string name = std::string(example).substr(0, std::string(example).find(' '));
      reporter_.error(Diagnostic::MissingSetting, train_->location, "this `train` block has no `{}`", name)
          .help("write `{}`", example);
    }
  for (const auto& [name, metric] : metrics_) description.metrics.push_back(name);
  return reporter_.diagnostics().error_count() == errors;
}

bool TrainBuilder::check_measure(const Module& module, const std::string& measure,
                                 const SourceLocation& place) {
  std::vector<std::string> names;
  for (const SplitDescription& split : module.data.splits)
    for (const std::string& name : split.names) {
      names.push_back(name + ".loss");
      for (const std::string& metric : module.training.metrics) names.push_back(name + "." + metric);
    }
  if (std::find(names.begin(), names.end(), measure) != names.end()) return true;
  DiagnosticMessage& message =
      reporter_.error(Diagnostic::BadSetting, place, "nothing is measured as `{}`", measure)
          .note("a split and the loss or a metric: {}", fmt::join(names, ", "));
  if (const std::string near = nearest_name(measure, names); !near.empty()) message.did_you_mean(near);
  return false;
}

} // namespace striate
