#include "ir/graph/graph.h"

#include "support/check.h"

namespace striate {

ValueId Graph::add_value(const std::string& name, TensorType type, ValueRole role,
                         const SourceLocation& location) {
  CHECK(find(name) < 0, "a second value named {}", name);
  Value value;
  value.name = name;
  value.type = std::move(type);
  value.role = role;
  value.location = location;
  values.push_back(std::move(value));
  ValueId id = static_cast<ValueId>(values.size()) - 1;
  by_name_[name] = id;
  return id;
}

NodeId Graph::add_node(Node node, const std::vector<std::string>& output_names) {
  CHECK(node.definition && node.definition->outputs.size() == output_names.size(),
        "{} yields a different number of outputs", node.op);
  NodeId id = static_cast<NodeId>(nodes.size());
  node.outputs.clear();
  for (std::size_t i = 0; i < output_names.size(); ++i) {
    const TensorType& type = node.definition->operands[node.definition->outputs[i]].type;
    ValueId output = add_value(unique_name(output_names[i]), type, ValueRole::Computed, node.location);
    values[output].producer = id;
    node.outputs.push_back(output);
  }
  nodes.push_back(std::move(node));
  return id;
}

std::string Graph::unique_name(const std::string& wanted) const {
  std::string name = wanted;
  for (int i = 1; find(name) >= 0; ++i) name = wanted + "." + std::to_string(i);
  return name;
}

ValueId Graph::find(const std::string& name) const {
  auto known = by_name_.find(name);
  if (known != by_name_.end() && known->second < static_cast<ValueId>(values.size()) &&
      values[known->second].name == name)
    return known->second;
  // A pass may rename or renumber the values; the map then only is a hint.
  for (std::size_t i = 0; i < values.size(); ++i)
    if (values[i].name == name) return static_cast<ValueId>(i);
  return -1;
}

std::vector<std::vector<NodeId>> Graph::readers() const {
  std::vector<std::vector<NodeId>> readers(values.size());
  for (std::size_t n = 0; n < nodes.size(); ++n)
    for (ValueId input : nodes[n].inputs)
      if (readers[input].empty() || readers[input].back() != static_cast<NodeId>(n))
        readers[input].push_back(static_cast<NodeId>(n));
  return readers;
}

Decision& Graph::decide(std::string pass, std::string what, std::string chosen, std::string reason) {
  decisions.push_back({std::move(pass), std::move(what), std::move(chosen), std::move(reason), 0, {}});
  return decisions.back();
}

} // namespace striate
