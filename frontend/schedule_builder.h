// A number of the `train` block that changes while it trains: an expression over the counters of the run,
// numbers, scalar functions, the library's `schedule` items and `plateau(...)`, as an ExprRef over run-time
// scalars, which the host evaluates in f64 before each update.
//
//   0.1 -> cosine_decay(end = 1e-4) -> warm_up(over = 500)
//   0.05 * plateau(val.loss, factor = 0.5, patience = 2)
#pragma once

#include "frontend/elaborate.h"
#include "frontend/reporter.h"

namespace striate {

class ScheduleBuilder {
public:
  // Appends the plateaus that it meets to `plateaus`; their measures are not checked here.
  ScheduleBuilder(Reporter& reporter, const Library& library, std::vector<PlateauDescription>& plateaus)
      : reporter_(reporter), library_(library), plateaus_(plateaus) {}

  // A real; a Constant where it never changes. nullptr after an error.
  ExprRef build(const ast::Expr& expr) { return number(expr, {}); }

private:
  using Names = std::map<std::string, ExprRef>;
  using Arguments = std::vector<ExprRef>;

  ExprRef value(const ast::Expr& expr, const Names& names);
  ExprRef number(const ast::Expr& expr, const Names& names);
  ExprRef condition(const ast::Expr& expr, const Names& names);
  ExprRef named(const ast::Expr& expr, const Names& names);
  ExprRef operation(const ast::Expr& expr, const Names& names);
  ExprRef choice(const ast::Expr& expr, const Names& names);
  // `piped`: the value before `->`, or nullptr.
  ExprRef call(const ast::Expr& expr, const ExprRef& piped, const Names& names);
  ExprRef apply_function(const ast::Expr& call, Function function, Arguments arguments, const Names& names);
  ExprRef apply_schedule(const ast::Expr& call, const ast::Item& item, const ExprRef& piped,
                         const Names& names);
  ExprRef body(const ast::Block& block, Names names, const SourceLocation& place);
  ExprRef plateau(const ast::Expr& call, const Names& names);

  Reporter& reporter_;
  const Library& library_;
  std::vector<PlateauDescription>& plateaus_;
};

} // namespace striate
