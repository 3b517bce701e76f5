#include "passes/schedule/loop_order.h"

#include "passes/expand_calls.h"
#include "passes/plan_memory.h"

#include <algorithm>
#include <numeric>

namespace striate {

std::vector<int> free_variables(const Statement& statement) {
  std::vector<int> variables(static_cast<std::size_t>(statement.free_count));
  std::iota(variables.begin(), variables.end(), 0);
  return variables;
}

// Whether no index of the factors goes through more than one variable: no window slides over anything.
static bool is_matrix_product(const Statement& statement) {
  return std::ranges::all_of(statement.body->arguments, [](const ExprRef& factor) {
    return factor->kind == Expr::Kind::Read && !factor->has_else &&
           std::ranges::all_of(factor->indices,
                               [](const IndexExpr& i) { return i.as_variable().has_value(); });
  });
}

std::vector<int> loop_order(const Graph& graph, const Node& node, int64_t l2_bytes) {
  const Statement& statement = statement_of(node);
  std::vector<int> order = free_variables(statement);
  if (!is_matrix_product(statement) || !statement.variables[0].extent.batch) return order;
  const auto used = [&](const ExprRef& factor, int v) {
    return std::ranges::any_of(factor->indices, [&](const IndexExpr& index) { return index.uses(v); });
  };
  const ExprRef &left = statement.body->arguments[0], &right = statement.body->arguments[1];
  const auto shared_end = std::stable_partition(order.begin(), order.end(),
                                                [&](int v) { return used(left, v) && used(right, v); });
  int64_t largest = 0, products = 1;
  for (auto shared = order.begin(); shared != shared_end; ++shared)
    if (!statement.variables[static_cast<std::size_t>(*shared)].extent.batch)
      products *= statement.variables[static_cast<std::size_t>(*shared)].extent.factor;
  for (const ExprRef& factor : {left, right}) {
    const Value& value = graph.values[node.inputs[static_cast<std::size_t>(factor->operand)]];
    if (!value.type.has_batch()) largest = std::max(largest, storage_bytes(value, 1) / products);
  }
  if (order.end() - shared_end >= 2 && *shared_end == 0 && 2 * largest > l2_bytes)
    std::swap(shared_end[0], shared_end[1]);
  return order;
}

} // namespace striate
