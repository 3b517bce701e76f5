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
    optimizer_ = &value;
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

// --set train.epochs=2, train.lr=0.1, optimizer.lr=0.1
bool TrainBuilder::read_settings() {
  bool sound = true;
  for (const auto& [key, text] : options_.settings) {
    const std::string source = "--set " + key;
    const std::size_t dot = key.find('.');
    const std::string block = key.substr(0, dot);
    const std::string name = dot == std::string::npos ? "" : key.substr(dot + 1);
    std::vector<std::string> numbers = {"epochs", "batch", "seed"};
    const ast::ExprPtr value = parse_expression(source, text, reporter_.diagnostics());
    if (!value) {
      sound = false;
      continue;
    }
    if (block == "train" && std::find(numbers.begin(), numbers.end(), name) != numbers.end()) {
      train_settings_[name] = value;
      continue;
    }
    std::vector<std::string> reals;
    for (const ast::Stmt& statement : train_->body->statements)
      if (statement.kind == StmtKind::Assign && statement.targets[0]->text == "optimizer")
        reals = OptimizerBuilder::setting_names(library_, *statement.value);
    if ((block == "train" || block == "optimizer") &&
        std::find(reals.begin(), reals.end(), name) != reals.end()) {
      optimizer_settings_[name] = evaluator_.evaluate(*value, train_scope_);
      continue;
    }
    sound = false;
    for (const std::string& real : reals) numbers.push_back(real);
    DiagnosticMessage& message =
        reporter_.error(Diagnostic::BadSetting, value->location, "there is no setting `{}`", key)
            .note("settings are `train.NAME` with NAME one of {}", fmt::join(numbers, ", "));
    if (const std::string near = nearest_name(name, numbers); !near.empty())
      message.help("did you mean `train.{}`?", near);
  }
  return sound;
}

bool TrainBuilder::read_body(TrainDescription& description) {
  const std::size_t errors = reporter_.diagnostics().error_count();
  description.location = train_->location;
  read_settings();
  for (const ast::Stmt& statement : train_->body->statements) read_statement(statement, description);
  for (const auto& [name, value] : train_settings_)
    if (!train_scope_.find(name)) read_setting(name, *value, value->location, description);
  const std::pair<const ast::Expr*, const char*> needed[] = {{loss_, "loss = cross_entropy(logits, label)"},
                                                             {optimizer_, "optimizer = SGD(lr = 0.1)"}};
  for (const auto& [setting, example] : needed)
    if (!setting && reporter_.diagnostics().error_count() == errors) {
      const std::string name = std::string(example).substr(0, std::string(example).find(' '));
      reporter_.error(Diagnostic::MissingSetting, train_->location, "this `train` block has no `{}`", name)
          .help("write `{}`", example);
    }
  for (const auto& [name, metric] : metrics_) description.metrics.push_back(name);
  return reporter_.diagnostics().error_count() == errors;
}

// `best = val.accuracy`: a split, and a metric or the loss.
bool TrainBuilder::check_best(const Module& module) {
  if (!best_) return true;
  std::vector<std::string> names;
  for (const SplitDescription& split : module.data.splits)
    for (const std::string& name : split.names) {
      names.push_back(name + ".loss");
      for (const std::string& metric : module.training.metrics) names.push_back(name + "." + metric);
    }
  const std::string wanted = print_expr(*best_);
  if (std::find(names.begin(), names.end(), wanted) != names.end()) return true;
  DiagnosticMessage& message =
      reporter_.error(Diagnostic::BadSetting, best_->location, "nothing is measured as `{}`", wanted)
          .note("a split and the loss or a metric: {}", fmt::join(names, ", "));
  if (const std::string near = nearest_name(wanted, names); !near.empty()) message.did_you_mean(near);
  return false;
}

} // namespace striate
