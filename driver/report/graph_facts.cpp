#include "driver/report/graph_facts.h"

#include <algorithm>
#include <set>

namespace striate {

const char* name_of(StepPart part) {
  switch (part) {
  case StepPart::Forward:
    return "forward";
  case StepPart::Backward:
    return "backward";
  case StepPart::Update:
    return "update";
  }
  return "";
}

std::vector<StepPart> step_parts(const Graph& graph) {
  std::vector<StepPart> parts(graph.nodes.size(), StepPart::Backward);
  std::set<std::string> trained;
  std::set<ValueId> of_optimizers; // states, and what is computed of them
  std::vector<ValueId> wanted;
  for (const auto& [name, value] : graph.outputs) wanted.push_back(value);
  for (const Persistent& persistent : graph.persistents) {
    if (persistent.trainable) trained.insert(graph.values[persistent.value].name);
    if (!persistent.group.empty()) of_optimizers.insert(persistent.value);
    const bool statistics = !persistent.trainable && persistent.group.empty();
    if (statistics && persistent.next >= 0) wanted.push_back(persistent.next);
  }
  while (!wanted.empty()) {
    const NodeId node = graph.values[wanted.back()].producer;
    wanted.pop_back();
    if (node < 0 || parts[node] == StepPart::Forward) continue;
    parts[node] = StepPart::Forward;
    wanted.insert(wanted.end(), graph.nodes[node].inputs.begin(), graph.nodes[node].inputs.end());
  }
  // An update's path is the parameter that it changes. Totals over all parameters have none, but readers.
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    const Node& node = graph.nodes[n];
    if (parts[n] == StepPart::Forward) continue;
    const bool reads = std::ranges::any_of(node.inputs, [&](ValueId v) { return of_optimizers.contains(v); });
    if (!reads && !trained.contains(node.path)) continue;
    parts[n] = StepPart::Update;
    of_optimizers.insert(node.outputs.begin(), node.outputs.end());
  }
  return parts;
}

std::vector<ValueUse> value_uses(const Graph& graph) {
  std::vector<ValueUse> uses(graph.values.size());
  const int regions = static_cast<int>(graph.regions.size());
  for (int r = 0; r < regions; ++r)
    for (NodeId node : graph.regions[r].nodes) uses[graph.nodes[node].outputs[0]].writer = r;
  for (int r = 0; r < regions; ++r)
    for (NodeId node : graph.regions[r].nodes)
      for (ValueId input : graph.nodes[node].inputs) {
        std::vector<int>& readers = uses[input].readers;
        if (uses[input].writer != r && (readers.empty() || readers.back() != r)) readers.push_back(r);
      }
  return uses;
}

// "conv1 + pool1", "relu, pool1": the names in them.
static std::vector<std::string> names_in(const std::string& what) {
  std::vector<std::string> names(1);
  for (std::size_t at = 0; at < what.size(); ++at) {
    const std::size_t separator = what.compare(at, 3, " + ") == 0  ? 3
                                  : what.compare(at, 2, ", ") == 0 ? 2
                                                                   : 0;
    if (separator > 0) {
      names.emplace_back();
      at += separator - 1;
    } else {
      names.back() += what[at];
    }
  }
  return names;
}

std::vector<Concern> concerns(const Graph& graph) {
  const std::vector<ValueUse> uses = value_uses(graph);
  std::vector<Concern> result;
  for (const Decision& decision : graph.decisions) {
    std::set<ValueId> values;
    std::set<int> regions;
    for (const std::string& name : names_in(decision.what)) {
      const ValueId value = graph.find(name);
      if (value >= 0) values.insert(value);
      if (value >= 0 && uses[value].writer >= 0) regions.insert(uses[value].writer);
      for (std::size_t r = 0; r < graph.regions.size(); ++r)
        if (graph.regions[r].name == name) regions.insert(static_cast<int>(r));
    }
    result.push_back({{values.begin(), values.end()}, {regions.begin(), regions.end()}});
  }
  return result;
}

} // namespace striate
