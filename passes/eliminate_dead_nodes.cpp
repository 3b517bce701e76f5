#include "passes/eliminate_dead_nodes.h"

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

  // Depth-first from each needed node in the order they stand, so that inputs come first; explicit stack,
  // since chains may be long.
  std::vector<NodeId> order;
  std::vector<char> state(graph.nodes.size(), 0); // 1: on the stack, 2: placed
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
  for (std::size_t root = 0; root < graph.nodes.size(); ++root) {
    if (!wanted[root] || state[root]) continue;
    std::vector<NodeId> stack = {static_cast<NodeId>(root)};
    while (!stack.empty()) {
      const NodeId n = stack.back();
      if (state[n] == 0) {
        state[n] = 1;
        for (auto input = graph.nodes[n].inputs.rbegin(); input != graph.nodes[n].inputs.rend(); ++input) {
          const NodeId p = producer[*input];
          if (p >= 0 && state[p] == 0) stack.push_back(p);
          CHECK(p < 0 || p == n || state[p] != 1, "a cycle through {}", graph.values[*input].name);
        }
      } else {
        stack.pop_back();
        if (state[n] == 1) {
          state[n] = 2;
          order.push_back(n);
        }
      }
    }
  }

  std::vector<Node> nodes;
  for (Value& value : graph.values) value.producer = -1;
  for (NodeId n : order) {
    for (ValueId value : graph.nodes[n].outputs)
      graph.values[value].producer = static_cast<NodeId>(nodes.size());
    nodes.push_back(std::move(graph.nodes[n]));
  }
  graph.nodes = std::move(nodes);
  drop_unused_values(graph);
}

} // namespace striate
