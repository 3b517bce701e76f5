#include "passes/estimate_costs.h"

#include "ir/graph/loops.h"
#include "passes/choices.h"
#include "passes/expand_calls.h"
#include "passes/pad_contractions.h"
#include "passes/plan_memory.h"

#include <cmath>
#include <set>

namespace striate {

static double share_computed(const Graph& graph, const Node& node, const Statement& contraction) {
  double share = 1;
  visit(contraction.body, [&](const ExprRef& e) {
    if (!is_skipped_outside(contraction.body, e)) return;
    const std::vector<Size>& shape = graph.values[node.inputs[e->operand]].type.shape;
    for (std::size_t d = 0; d < shape.size(); ++d)
      if (!shape[d].batch) share *= share_inside(contraction, e->indices[d], shape[d].factor);
  });
  return share;
}

Flops flops_of(const Graph& graph, const Region& region) {
  Flops flops;
  for (NodeId id : region.nodes) {
    const Node& node = graph.nodes[id];
    const Statement& statement = statement_of(node);
    double points = 1;
    bool batch = false;
    for (const IndexVariable& variable : statement.variables) {
      points *= static_cast<double>(variable.extent.factor);
      batch = batch || variable.extent.batch;
    }
    if (is_contraction(statement)) points *= share_computed(graph, node, statement);
    (batch ? flops.per_example : flops.fixed) += std::round(points * operations_per_point(statement));
  }
  return flops;
}

// The values that a region reads from memory: what it does not compute, and, in a loop, what it computed at
// another step.
static std::set<ValueId> read_by(const Graph& graph, const Region& region) {
  const std::set<NodeId> inside(region.nodes.begin(), region.nodes.end());
  std::set<ValueId> values;
  for (NodeId id : region.nodes) {
    const Node& node = graph.nodes[id];
    for (ValueId input : node.inputs) {
      const NodeId producer = graph.values[input].producer;
      const bool computed_here = producer >= 0 && inside.contains(producer);
      if (!computed_here || (node.loop >= 0 && step_reads(graph, node, input).other)) values.insert(input);
    }
  }
  return values;
}

void estimate_costs(Graph& graph, int64_t capacity, const std::optional<MachineSpeed>& speed) {
  for (Region& region : graph.regions) {
    const Flops flops = flops_of(graph, region);
    Cost cost;
    cost.flops = flops.per_example * static_cast<double>(capacity) + flops.fixed;
    for (ValueId value : read_by(graph, region))
      cost.bytes_read += storage_bytes(graph.values[value], capacity);
    for (ValueId value : region.stored) cost.bytes_written += storage_bytes(graph.values[value], capacity);
    if (speed) cost.predicted = predicted_seconds(cost, *speed);
    region.cost = cost;
  }
}

} // namespace striate
