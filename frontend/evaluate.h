// Compile-time expressions: numbers, sizes, switches, lists and `if`. Layers, where expressions also make
// graph nodes, derive from this. Unknown is returned after an error, which was reported.
#pragma once

#include "frontend/reporter.h"
#include "frontend/scope.h"

#include <functional>
#include <optional>

namespace striate {

class Evaluator {
public:
  Evaluator(Reporter& reporter, const Library& library) : reporter_(reporter), library_(library) {}
  virtual ~Evaluator() = default;

  CompileTimeValue evaluate(const ast::Expr& expr, Scope& scope);
  // Without reporting: nullopt where it is not known at compile time (or wrong).
  std::optional<CompileTimeValue> try_evaluate(const ast::Expr& expr, Scope& scope);
  // true or false; an error names the condition.
  std::optional<bool> evaluate_condition(const ast::Expr& expr, Scope& scope);
  // An integer at least `least`; `what` names it in messages.
  std::optional<int64_t> evaluate_integer(const ast::Expr& expr, Scope& scope, const std::string& what,
                                          int64_t least);

  // The first and one past the last of `repeat i in a..b`, which are not too many.
  std::optional<std::pair<int64_t, int64_t>> repeat_range(const ast::Expr& repeat, Scope& scope);
  // The text of a computed piece of a name.
  std::optional<std::string> name_piece(const ast::Expr& expr, Scope& scope);

  Reporter& reporter() { return reporter_; }
  const Library& library() const { return library_; }

protected:
  // What is told of a value that was found; "" for nothing.
  virtual std::string finding_text(const CompileTimeValue& value) const;
  // What only layers and data have: tensors, calls, pipes, `when`, `repeat`.
  virtual CompileTimeValue evaluate_other(const ast::Expr& expr, Scope& scope);
  virtual CompileTimeValue evaluate_block(const ast::Block& block, Scope& scope);
  // A call of a name that is also a scalar function's, whose arguments are known up to the first tensor.
  virtual CompileTimeValue call_on_tensors(const ast::Expr& call, std::vector<CompileTimeValue> known,
                                           Scope& scope);
  virtual CompileTimeValue combine(const ast::Expr& expr, const std::vector<CompileTimeValue>& operands);
  DiagnosticMessage& unknown_name(const std::string& name, const SourceLocation& place, const Scope& scope,
                                  const char* what);

  Reporter& reporter_;
  const Library& library_;

private:
  CompileTimeValue evaluate_kind(const ast::Expr& expr, Scope& scope);
  CompileTimeValue element_of(const ast::Expr& expr, Scope& scope);
  CompileTimeValue call_function(const ast::Expr& expr, Scope& scope);
};

// Calls `see` for every expression in the tree, blocks included.
void visit_expressions(const ast::Expr& expr, const std::function<void(const ast::Expr&)>& see);
void visit_expressions(const ast::Block& block, const std::function<void(const ast::Expr&)>& see);
// "stride = [1, 1], H = 28": the names in `expr` and what they are in `scope`.
std::string values_of_names(const ast::Expr& expr, const Scope& scope);

} // namespace striate
