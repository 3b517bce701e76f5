#include "verify/subgraph.h"

#include "passes/eliminate_dead_nodes.h"
#include "support/check.h"

#include <algorithm>
#include <map>
#include <set>

namespace striate {

Graph subgraph(const Graph& graph, const std::vector<NodeId>& nodes, const std::vector<ValueId>& outputs) {
  Graph part;
  part.name = graph.name;
  part.entry = graph.entry;
  part.scalars = graph.scalars;
  std::map<ValueId, ValueId> number;
  std::map<int, int> loops;
  const auto add = [&](ValueId id, ValueRole role) {
    const Value& value = graph.values[id];
    const ValueId added = part.add_value(value.name, value.type, role, value.location);
    part.values[added].zero_in_padding = value.zero_in_padding;
    part.values[added].layout = value.layout;
    number[id] = added;
    return added;
  };
  std::set<ValueId> computed;
  for (NodeId n : nodes) computed.insert(graph.nodes[n].outputs.begin(), graph.nodes[n].outputs.end());
  for (NodeId n : nodes)
    for (ValueId input : graph.nodes[n].inputs)
      if (!computed.contains(input) && !number.contains(input))
        part.inputs.push_back(add(input, ValueRole::Input));
  for (NodeId n : nodes)
    for (ValueId output : graph.nodes[n].outputs) add(output, ValueRole::Computed);
  for (NodeId n : nodes) {
    Node node = graph.nodes[n];
    for (ValueId& input : node.inputs) input = number.at(input);
    for (ValueId& output : node.outputs) {
      output = number.at(output);
      part.values[output].producer = static_cast<NodeId>(part.nodes.size());
    }
    if (node.loop >= 0) {
      const auto [loop, is_new] = loops.emplace(node.loop, static_cast<int>(part.loops.size()));
      if (is_new) part.loops.push_back(graph.loops[node.loop]);
      node.loop = loop->second;
    }
    part.nodes.push_back(std::move(node));
  }
  for (ValueId output : outputs) part.outputs.emplace_back(graph.values[output].name, number.at(output));
  return part;
}

namespace {

class Reduction {
public:
  Reduction(Graph graph, const StillFails& fails) : graph_(std::move(graph)), fails_(fails) {}

  Graph run() {
    keep_one_output();
    move_output_up();
    drop_updates();
    cut_near_outputs();
    for (bool smaller = true; smaller;) smaller = cut_one_by_one();
    return std::move(graph_);
  }

private:
  bool keeps_failing(Graph candidate) {
    eliminate_dead_nodes(candidate);
    drop_unread_inputs(candidate);
    if (candidate.nodes.empty() || !verify(candidate).empty() || !fails_(candidate)) return false;
    graph_ = std::move(candidate);
    return true;
  }

  static void drop_unread_inputs(Graph& graph) {
    const std::vector<std::vector<NodeId>> readers = graph.readers();
    std::set<ValueId> outputs;
    for (const auto& [name, value] : graph.outputs) outputs.insert(value);
    const auto unread = [&](ValueId input) { return readers[input].empty() && !outputs.contains(input); };
    if (std::ranges::none_of(graph.inputs, unread)) return;
    std::erase_if(graph.inputs, unread);
    eliminate_dead_nodes(graph); // drops what nothing mentions
  }

  void keep_one_output() {
    const auto outputs = graph_.outputs;
    // Later ones depend on earlier ones rather than the other way round.
    for (const auto& output : outputs) {
      Graph candidate = graph_;
      candidate.outputs = {output};
      for (Persistent& persistent : candidate.persistents) persistent.next = -1;
      if (keeps_failing(std::move(candidate))) return;
    }
    // Otherwise what a parameter or state becomes may be what is wrong.
    for (const Persistent& persistent : std::vector(graph_.persistents)) {
      if (persistent.next < 0) continue;
      Graph alone = graph_;
      alone.outputs = {{alone.values[persistent.next].name, persistent.next}};
      for (Persistent& other : alone.persistents) other.next = -1;
      if (keeps_failing(std::move(alone))) return;
      Graph candidate = graph_;
      candidate.outputs.clear();
      for (Persistent& other : candidate.persistents)
        if (other.value != persistent.value) other.next = -1;
      if (keeps_failing(std::move(candidate))) return;
    }
  }

  // The first value, in the order in which they are computed, that shows it as an output.
  void move_output_up() {
    if (graph_.outputs.size() != 1) return;
    const std::vector<Node> nodes = graph_.nodes;
    for (const Node& node : nodes) {
      Graph candidate = graph_;
      candidate.outputs[0].second = node.outputs[0];
      if (keeps_failing(std::move(candidate))) return;
    }
  }

  void drop_updates() {
    for (std::size_t p = graph_.persistents.size(); p-- > 0;) {
      if (p >= graph_.persistents.size()) continue;
      Graph candidate = graph_;
      become_input(candidate, candidate.persistents[p].value);
      if (candidate.persistents.size() < graph_.persistents.size()) keeps_failing(std::move(candidate));
    }
  }

  // A value (with the others of its node) that is not computed any more but given. Those of loops stay, and
  // those that are wanted themselves.
  bool become_input(Graph& graph, ValueId value) const {
    const Value& changed = graph.values[value];
    std::vector<ValueId> given = {value};
    if (changed.role == ValueRole::Input) return false;
    if (changed.role == ValueRole::Computed) {
      const NodeId producer = changed.producer;
      if (producer < 0 || graph.nodes[producer].loop >= 0) return false;
      given = graph.nodes[producer].outputs;
      const std::vector<bool> wanted = escaping_values(graph);
      if (std::ranges::any_of(given, [&](ValueId output) { return wanted[output]; })) return false;
      graph.nodes.erase(graph.nodes.begin() + producer);
      for (std::size_t n = 0; n < graph.nodes.size(); ++n)
        for (ValueId output : graph.nodes[n].outputs) graph.values[output].producer = static_cast<NodeId>(n);
    } else {
      std::erase_if(graph.persistents, [&](const Persistent& p) { return p.value == value; });
      for (Persistent& persistent : graph.persistents)
        if (persistent.group == changed.name) persistent.group.clear();
    }
    for (ValueId input : given) {
      graph.values[input].role = ValueRole::Input;
      graph.values[input].producer = -1;
      graph.inputs.push_back(input);
    }
    return true;
  }

  // By how many nodes values are away from an output: first everything beyond the smallest distance is cut.
  void cut_near_outputs() {
    std::map<ValueId, int> far;
    std::vector<ValueId> front = roots();
    for (ValueId root : front) far[root] = 0;
    for (std::size_t k = 0; k < front.size(); ++k) {
      const NodeId producer = graph_.values[front[k]].producer;
      if (producer < 0) continue;
      for (ValueId input : graph_.nodes[producer].inputs)
        if (far.emplace(input, far[front[k]] + 1).second) front.push_back(input);
    }
    const int farthest = front.empty() ? 0 : far[front.back()];
    for (int limit = 1; limit < farthest; ++limit) {
      Graph candidate = graph_;
      for (const auto& [value, distance] : far)
        if (distance == limit) become_input(candidate, value);
      if (keeps_failing(std::move(candidate))) return;
    }
  }

  std::vector<ValueId> roots() const {
    std::vector<ValueId> list;
    for (const auto& [name, value] : graph_.outputs) list.push_back(value);
    for (const Persistent& persistent : graph_.persistents)
      if (persistent.next >= 0) list.push_back(persistent.next);
    return list;
  }

  bool cut_one_by_one() {
    for (ValueId value = 0; value < static_cast<ValueId>(graph_.values.size()); ++value) {
      Graph candidate = graph_;
      if (become_input(candidate, value) && keeps_failing(std::move(candidate))) return true;
    }
    return false;
  }

  Graph graph_;
  const StillFails& fails_;
};

} // namespace

Graph reduce(Graph graph, const StillFails& fails) { return Reduction(std::move(graph), fails).run(); }

} // namespace striate
