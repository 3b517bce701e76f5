#include "passes/choices.h"

#include <algorithm>
#include <memory>
#include <unordered_set>

namespace striate {

std::vector<std::pair<int, int64_t>> choosing_variables(const Statement& statement) {
  constexpr int64_t kMostPoints = 64;
  std::vector<std::pair<int, int64_t>> chosen;
  if (statement.reduces()) return chosen;
  int64_t points = 1;
  visit(statement.body, [&](const ExprRef& e) {
    if (e->kind != Expr::Kind::Apply || e->function != Function::Equal) return;
    for (std::size_t k = 0; k < 2; ++k) {
      const ExprRef &side = e->arguments[k], &other = e->arguments[1 - k];
      if (side->kind != Expr::Kind::Index || other->kind != Expr::Kind::Constant) continue;
      const std::optional<int> variable = side->indices[0].as_variable();
      if (!variable ||
          std::ranges::any_of(chosen, [&](const auto& known) { return known.first == *variable; }))
        continue;
      const Size& extent = statement.variables[static_cast<std::size_t>(*variable)].extent;
      if (extent.batch || points * extent.factor > kMostPoints) continue;
      points *= extent.factor;
      chosen.emplace_back(*variable, extent.factor);
    }
  });
  return chosen;
}

double operations_per_point(const Statement& statement) {
  const std::vector<std::pair<int, int64_t>> choices = choosing_variables(statement);
  int64_t points = 1;
  for (const auto& [_, extent] : choices) points *= extent;
  // What no choice changes is one node for all of them.
  std::vector<ExprRef> kept;
  std::unordered_set<const Expr*> counted;
  for (int64_t point = 0; point < points; ++point) {
    const auto value_of = [&](int v) {
      int64_t left = point;
      for (const auto& [variable, extent] : choices) {
        if (variable == v) return IndexExpr(left % extent);
        left /= extent;
      }
      return IndexExpr::variable(v);
    };
    kept.push_back(choices.empty() ? statement.body : substitute(statement.body, value_of));
    visit(kept.back(), [&](const ExprRef& e) {
      if (e->kind == Expr::Kind::Apply) counted.insert(e.get());
    });
  }
  return static_cast<double>(counted.size()) / static_cast<double>(points) + (statement.reduces() ? 1 : 0);
}

} // namespace striate
