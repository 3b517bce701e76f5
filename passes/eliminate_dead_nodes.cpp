#include "passes/eliminate_dead_nodes.h"

#include "passes/order_nodes.h"

namespace striate {

std::vector<bool> escaping_values(const Graph& graph) {
  std::vector<bool> escapes(graph.values.size(), false);
  for (const auto& [name, value] : graph.outputs) escapes[value] = true;
  for (const Persistent& persistent : graph.persistents)
    if (persistent.next >= 0) escapes[persistent.next] = true;
  return escapes;
}

// Values that nothing mentions any more; the others are renumbered.
static void drop_unused_values(Graph& graph) {
  std::vector<bool> used(graph.values.size(), false);
  for (const Node& node : graph.nodes) {
    for (ValueId value : node.inputs) used[value] = true;
    for (ValueId value : node.outputs) used[value] = true;
  }
  for (ValueId value : graph.inputs) used[value] = true;
  for (const auto& [name, value] : graph.outputs) used[value] = true;
  for (const Persistent& persistent : graph.persistents) used[persistent.value] = true;

  std::vector<ValueId> number(graph.values.size(), -1);
  std::vector<Value> values;
  for (std::size_t v = 0; v < graph.values.size(); ++v) {
    if (!used[v]) continue;
    number[v] = static_cast<ValueId>(values.size());
    values.push_back(std::move(graph.values[v]));
  }
  graph.values = std::move(values);
  for (Node& node : graph.nodes) {
    for (ValueId& value : node.inputs) value = number[value];
    for (ValueId& value : node.outputs) value = number[value];
  }
  for (ValueId& value : graph.inputs) value = number[value];
  for (auto& [name, value] : graph.outputs) value = number[value];
  for (Persistent& persistent : graph.persistents) {
    persistent.value = number[persistent.value];
    if (persistent.next >= 0) persistent.next = number[persistent.next];
  }
}

void eliminate_dead_nodes(Graph& graph) {
  std::vector<bool> needed = escaping_values(graph);
  std::vector<NodeId> producer(graph.values.size(), -1);
  for (std::size_t n = 0; n < graph.nodes.size(); ++n)
    for (ValueId value : graph.nodes[n].outputs) producer[value] = static_cast<NodeId>(n);

  std::vector<bool> wanted(graph.nodes.size(), false);
  std::vector<NodeId> pending;
  for (std::size_t n = 0; n < graph.nodes.size(); ++n)
    for (ValueId value : graph.nodes[n].outputs)
      if (needed[value] && !wanted[n]) {
        wanted[n] = true;
        pending.push_back(static_cast<NodeId>(n));
      }
  while (!pending.empty()) {
    const NodeId n = pending.back();
    pending.pop_back();
    for (ValueId input : graph.nodes[n].inputs)
      if (producer[input] >= 0 && !wanted[producer[input]]) {
        wanted[producer[input]] = true;
        pending.push_back(producer[input]);
      }
  }
  order_nodes(graph, wanted);
  drop_unused_values(graph);
}

} // namespace striate
