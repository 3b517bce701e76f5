#include "passes/assign_orders.h"

#include "passes/expand_calls.h"
#include "passes/lower_precision.h"

namespace striate {

constexpr int64_t kBlock =
    16; // logical lanes of a vector and the split of the first reduced variable, on every target

// `pairs`: the variable whose neighbours are added together, or -1.
static ReductionOrder order_of(const Statement& statement, bool batch_lanes, int pairs) {
  ReductionOrder order;
  const int count = static_cast<int>(statement.variables.size());
  if (statement.reducer != Reducer::Sum && statement.reducer != Reducer::Prod) {
    for (int v = statement.free_count; v < count; ++v)
      order.loops.push_back({v, 1, statement.variables[v].extent});
    return order;
  }
  for (int v = statement.free_count; v < count; ++v) {
    if (!statement.variables[v].extent.batch) continue;
    order.loops.push_back({v, batch_lanes ? kBlock : 1, statement.variables[v].extent});
    for (int other = statement.free_count; other < count; ++other)
      if (other != v) order.loops.push_back({other, 1, statement.variables[other].extent});
    if (batch_lanes) order.lanes = ReductionLoop{v, 1, Size::constant(kBlock)};
    return order;
  }
  const int first = statement.free_count;
  const int64_t extent = statement.variables[first].extent.factor;
  const bool split = extent > kBlock && count - first > 1;
  if (split) order.loops.push_back({first, kBlock, Size::constant((extent + kBlock - 1) / kBlock)});
  for (int v = split ? first + 1 : first; v < count; ++v)
    order.loops.push_back({v, 1, statement.variables[v].extent});
  if (pairs == first) {
    // What is left to the innermost loops goes in two: over pairs, and in a pair the upper one first.
    const int64_t rest = split ? kBlock : extent;
    if (!split) std::erase_if(order.loops, [&](const ReductionLoop& loop) { return loop.variable == first; });
    if (rest > 2) order.loops.push_back({first, 2, Size::constant(rest / 2)});
    order.loops.push_back({first, 1, Size::constant(2), true});
    return order;
  }
  if (split) order.loops.push_back({first, 1, Size::constant(kBlock)});
  return order;
}

void assign_orders(Graph& graph, bool batch_lanes) {
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    Statement statement = statement_of(graph.nodes[n]);
    // An order that is there was declared by somebody.
    if (!statement.reduces() || !statement.order.loops.empty() || statement.order.lanes) continue;
    statement.order = order_of(statement, batch_lanes,
                               multiplies_bfloat16(graph, graph.nodes[n]) ? pair_variable(statement) : -1);
    set_statement(graph, static_cast<NodeId>(n), graph.nodes[n].inputs, std::move(statement));
  }
}

} // namespace striate
