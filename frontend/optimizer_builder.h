// An `optimizer` at the shape of each trainable parameter: one with the inputs w and g updates the parameter,
// one with g alone changes its gradient before that. Its real arguments become run-time scalars
// ("optimizer.lr"), so that changing them recompiles nothing, and may be expressions that change by
// themselves.
#pragma once

#include "frontend/bind_call.h"
#include "frontend/schedule_builder.h"
#include "ir/graph/graph.h"

namespace striate {

class DefinitionBuilder;

class OptimizerBuilder {
public:
  enum class Changes { Parameters, Gradients };

  // `prefix`: of the names of its run-time scalars.
  OptimizerBuilder(Reporter& reporter, const Library& library, ScheduleBuilder& schedule_builder,
                   Changes changes, std::string prefix)
      : reporter_(reporter), library_(library), schedule_builder_(schedule_builder), changes_(changes),
        prefix_(std::move(prefix)) {}

  // `SGD(lr = 0.1)`; false after an error. `settings`: arguments given on the command line, by name, which
  // win.
  bool read(const ast::Expr& expr, const std::map<std::string, ast::ExprPtr>& settings);
  std::optional<OptimizerInstance> instantiate(const std::string& parameter, const TensorType& type);

  const std::string& name() const { return item_->name; }
  const std::vector<std::pair<std::string, double>>& scalars() const { return scalars_; }
  const std::vector<ScalarSchedule>& schedules() const { return schedules_; }
  // Every argument and its value, as text.
  const std::vector<std::pair<std::string, std::string>>& arguments() const { return arguments_; }
  // The names of what `settings` may hold for the optimizer called here; empty where there is none.
  static std::vector<std::string> setting_names(const Library& library, const ast::Expr& expr);

private:
  struct State {
    const ast::Stmt* statement;
    ExprRef initial;
  };
  std::optional<std::vector<ast::Argument>>
  given_arguments(const ast::Expr& expr, const std::map<std::string, ast::ExprPtr>& settings);
  bool collect_states(const ast::Block& block, Scope& scope, std::vector<State>& states);
  std::vector<std::string> names() const; // of those that change the same
  // What the body reads: the parameter, its gradient, the states; and numbers by their names.
  void add_inputs(DefinitionBuilder& builder, const TensorType& type, const std::vector<State>& states) const;
  void add_scalars(DefinitionBuilder& builder) const;
  std::shared_ptr<const Definition> define(const TensorType& type, const std::vector<State>& states,
                                           Scope& scope);
  std::shared_ptr<const Definition> define_totals(const TensorType& type, const std::vector<State>& states,
                                                  Scope& scope);

  Reporter& reporter_;
  const Library& library_;
  ScheduleBuilder& schedule_builder_;
  Changes changes_;
  std::string prefix_;
  const ast::Item* item_ = nullptr;
  std::map<std::string, CompileTimeValue> attributes_; // all but the reals
  std::vector<std::pair<std::string, double>> scalars_;
  std::vector<ScalarSchedule> schedules_;
  std::vector<std::pair<std::string, std::string>> arguments_;
  std::map<std::string, std::string> schedule_texts_; // by argument
  std::map<std::string, std::string> scalar_names_; // `lr`, `betas[0]` -> "optimizer.lr", "optimizer.betas.0"
  std::vector<const ast::Stmt*> totals_;
  struct Definitions {
    std::shared_ptr<const Definition> update, totals;
  };
  std::map<std::string, Definitions> known_; // by the parameter's type
};

} // namespace striate
