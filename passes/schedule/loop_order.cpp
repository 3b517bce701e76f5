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

// Whether no index of the factors goes through more than one variable, though perhaps by digits (what was
// flattened): no window slides over anything.
static bool is_matrix_product(const Statement& statement) {
  const auto at_most_one = [](const IndexExpr& index) {
    std::vector<int> used;
    index.collect_variables(used);
    return used.size() <= 1;
  };
  return std::ranges::all_of(statement.body->arguments, [&](const ExprRef& factor) {
    return factor->kind == Expr::Kind::Read && std::ranges::all_of(factor->indices, at_most_one);
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
  if (order.end() - shared_end < 2 || *shared_end != 0) return order;
  int64_t products = 1;
  for (auto shared = order.begin(); shared != shared_end; ++shared)
    if (!statement.variables[static_cast<std::size_t>(*shared)].extent.batch)
      products *= statement.variables[static_cast<std::size_t>(*shared)].extent.factor;
  for (const ExprRef& factor : {left, right}) {
    const Value& value = graph.values[node.inputs[static_cast<std::size_t>(factor->operand)]];
    const bool large = !value.type.has_batch() && 2 * (storage_bytes(value, 1) / products) > l2_bytes;
    if (large && used(factor, shared_end[1])) {
      std::swap(shared_end[0], shared_end[1]);
      break;
    }
  }
  return order;
}

} // namespace striate
