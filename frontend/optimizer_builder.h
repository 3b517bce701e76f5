// An `optimizer` at the shape of each trainable parameter. Its real arguments become run-time scalars
// ("optimizer.lr"), so that changing them recompiles nothing.
#pragma once

#include "frontend/bind_call.h"
#include "ir/graph/graph.h"

namespace striate {

class OptimizerBuilder {
public:
  OptimizerBuilder(Reporter& reporter, const Library& library) : reporter_(reporter), library_(library) {}

  // `SGD(lr = 0.1)`; false after an error. `settings`: reals given on the command line, by name, which win.
  bool read(const ast::Expr& expr, const std::map<std::string, CompileTimeValue>& settings);
  std::optional<OptimizerInstance> instantiate(const std::string& parameter, const TensorType& type);

  const std::string& name() const { return item_->name; }
  const std::vector<std::pair<std::string, double>>& scalars() const { return scalars_; }
  // The names of what `settings` may hold for the optimizer called here; empty where there is none.
  static std::vector<std::string> setting_names(const Library& library, const ast::Expr& expr);

private:
  struct State {
    const ast::Stmt* statement;
    ExprRef initial;
  };
  bool collect_states(const ast::Block& block, Scope& scope, std::vector<State>& states);
  std::shared_ptr<const Definition> define(const TensorType& type, const std::vector<State>& states,
                                           Scope& scope);

  Reporter& reporter_;
  const Library& library_;
  const ast::Item* item_ = nullptr;
  std::map<std::string, CompileTimeValue> attributes_; // all but the reals
  std::vector<std::pair<std::string, double>> scalars_;
  std::map<std::string, std::string> scalar_names_; // `lr`, `betas[0]` -> "optimizer.lr", "optimizer.betas.0"
  std::map<std::string, std::shared_ptr<const Definition>> known_; // by the parameter's type
};

} // namespace striate
