#include "frontend/graph_builder.h"

#include "frontend/unify_shapes.h"
#include "support/check.h"

#include <algorithm>

namespace striate {

int GraphBuilder::add_input(const std::string& name, const TensorType& type, const SourceLocation& location) {
  DraftValue draft;
  draft.value.name = name;
  draft.value.type = type;
  draft.value.role = ValueRole::Input;
  draft.value.location = location;
  values_.push_back(std::move(draft));
  inputs_.push_back(value_count() - 1);
  return value_count() - 1;
}

int GraphBuilder::add_persistent(const std::string& path, const TensorType& type, ExprRef initial,
                                 bool trainable, const SourceLocation& location) {
  DraftValue draft;
  draft.value.name = path;
  draft.value.type = type;
  draft.value.role = trainable ? ValueRole::Parameter : ValueRole::State;
  draft.value.location = location;
  values_.push_back(std::move(draft));
  const int id = value_count() - 1;
  Persistent persistent;
  persistent.value = id;
  persistent.trainable = trainable;
  persistent.initial = std::move(initial);
  persistents_[id] = std::move(persistent);
  order_.push_back(id);
  return id;
}

std::vector<int> GraphBuilder::add_call(Node node, const std::vector<std::string>& names, int depth) {
  const Definition& definition = *node.definition;
  CHECK(names.size() == definition.outputs.size());
  std::vector<int> outputs;
  for (std::size_t i = 0; i < names.size(); ++i) {
    DraftValue draft;
    draft.value.name = names[i];
    draft.value.type = definition.operands[static_cast<std::size_t>(definition.outputs[i])].type;
    draft.value.location = node.location;
    draft.value.producer = node_count();
    draft.depth = depth;
    values_.push_back(std::move(draft));
    outputs.push_back(value_count() - 1);
  }
  node.outputs = outputs;
  nodes_.push_back(std::move(node));
  return outputs;
}

int GraphBuilder::add_copy(int value, const std::string& name, const SourceLocation& location, int depth) {
  const Value original = this->value(value);
  auto definition = std::make_shared<Definition>();
  definition->name = "copy";
  definition->operands = {{"x", original.type}, {"y", original.type}};
  definition->input_count = 1;
  definition->outputs = {1};
  Statement statement;
  statement.target = 1;
  for (std::size_t d = 0; d < original.type.shape.size(); ++d) {
    statement.variables.push_back({fmt::format("d{}", d), original.type.shape[d]});
    statement.output.push_back({static_cast<int>(d)});
  }
  statement.free_count = static_cast<int>(original.type.shape.size());
  statement.body = read(0, statement.output_indices(), scalar_type_of(original.type.element));
  definition->statements.push_back(std::move(statement));
  Node node;
  node.op = definition->name;
  node.inputs = {value};
  node.definition = std::move(definition);
  node.location = location;
  return add_call(std::move(node), {name}, depth)[0];
}

void GraphBuilder::rename(int value, const std::string& name, int depth) {
  DraftValue& draft = values_[static_cast<std::size_t>(value)];
  if (draft.value.role != ValueRole::Computed) return;
  draft.value.name = name;
  draft.depth = depth;
  draft.named = true;
}

void GraphBuilder::set_next(int persistent, int next) { persistents_.at(persistent).next = next; }

int GraphBuilder::next_of(int persistent) const { return persistents_.at(persistent).next; }

bool is_at_or_below(const std::string& name, const std::string& path) {
  return name == path || name.starts_with(path + ".");
}

void GraphBuilder::freeze(const std::string& path) {
  for (auto& [id, persistent] : persistents_)
    if (is_at_or_below(value(id).name, path)) persistent.trainable = false;
}

bool GraphBuilder::has_persistents_below(const std::string& path) const {
  return std::any_of(order_.begin(), order_.end(),
                     [&](int id) { return is_at_or_below(value(id).name, path); });
}

std::string GraphBuilder::unique_call_path(const std::string& path) {
  std::string unique = path;
  for (int i = 1; !call_paths_.insert(unique).second; ++i) unique = path + "." + std::to_string(i);
  return unique;
}

int GraphBuilder::find_persistent(const std::string& path) const {
  for (int id : order_)
    if (value(id).name == path) return id;
  return -1;
}

std::string GraphBuilder::history(int id, int depth) const {
  constexpr std::size_t kLongest = 7;
  std::vector<int> chain;
  for (int current = id; current >= 0;) {
    const DraftValue& draft = values_[static_cast<std::size_t>(current)];
    if (draft.depth <= depth || current == id) chain.push_back(current);
    if (draft.value.producer < 0) break;
    const Node& node = nodes_[static_cast<std::size_t>(draft.value.producer)];
    const auto from = std::find_if(node.inputs.begin(), node.inputs.end(),
                                   [&](int input) { return !is_persistent(input); });
    current = from == node.inputs.end() ? -1 : *from;
  }
  const bool cut = chain.size() > kLongest;
  if (cut) chain.resize(kLongest);
  std::string text = cut ? "... -> " : "";
  for (auto current = chain.rbegin(); current != chain.rend(); ++current) {
    if (current != chain.rbegin()) text += " -> ";
    const Value& step = value(*current);
    text += step.name + " " + (step.producer < 0 ? step.type.text() : shape_text(step.type.shape));
  }
  return text;
}

// What outputs and the next values of states need.
std::vector<bool> GraphBuilder::needed_values() const {
  std::vector<bool> needed(values_.size(), false);
  std::vector<int> open;
  for (const auto& [name, value] : outputs_) open.push_back(value);
  for (const auto& [id, persistent] : persistents_)
    if (persistent.next >= 0) open.push_back(persistent.next);
  while (!open.empty()) {
    const int id = open.back();
    open.pop_back();
    if (needed[static_cast<std::size_t>(id)]) continue;
    needed[static_cast<std::size_t>(id)] = true;
    const int producer = value(id).producer;
    if (producer < 0) continue;
    const Node& node = nodes_[static_cast<std::size_t>(producer)];
    open.insert(open.end(), node.inputs.begin(), node.inputs.end());
  }
  return needed;
}

Graph GraphBuilder::finish(const std::string& model, const std::string& entry) const {
  const std::vector<bool> needed = needed_values();
  const auto is_needed = [&](int id) { return needed[static_cast<std::size_t>(id)]; };
  Graph graph;
  graph.name = model;
  graph.entry = entry;
  std::vector<ValueId> numbers(values_.size(), -1);
  const auto add = [&](int id) {
    const Value& draft = value(id);
    numbers[static_cast<std::size_t>(id)] =
        graph.add_value(draft.name, draft.type, draft.role, draft.location);
    return numbers[static_cast<std::size_t>(id)];
  };
  for (int id : inputs_)
    if (is_needed(id)) graph.inputs.push_back(add(id));
  for (int id : order_) {
    Persistent persistent = persistents_.at(id);
    persistent.value = add(id);
    graph.persistents.push_back(std::move(persistent));
  }
  // Names that were chosen come first; the others make way.
  std::set<std::string> taken;
  for (const Value& known : graph.values) taken.insert(known.name);
  std::map<int, std::string> names;
  for (bool named : {true, false})
    for (int id = 0; id < value_count(); ++id) {
      const DraftValue& draft = values_[static_cast<std::size_t>(id)];
      if (draft.value.role != ValueRole::Computed || draft.named != named) continue;
      std::string name = draft.value.name;
      for (int i = 1; !taken.insert(name).second; ++i) name = draft.value.name + "." + std::to_string(i);
      names[id] = std::move(name);
    }
  for (const Node& draft : nodes_) {
    if (std::none_of(draft.outputs.begin(), draft.outputs.end(), is_needed)) continue;
    Node node = draft;
    node.outputs.clear();
    for (ValueId& input : node.inputs) input = numbers[static_cast<std::size_t>(input)];
    std::vector<std::string> output_names;
    for (int output : draft.outputs) output_names.push_back(names.at(output));
    const NodeId added = graph.add_node(std::move(node), output_names);
    for (std::size_t i = 0; i < draft.outputs.size(); ++i)
      numbers[static_cast<std::size_t>(draft.outputs[i])] =
          graph.nodes[static_cast<std::size_t>(added)].outputs[i];
  }
  for (Persistent& persistent : graph.persistents)
    if (persistent.next >= 0) persistent.next = numbers[static_cast<std::size_t>(persistent.next)];
  for (const auto& [name, id] : outputs_)
    graph.outputs.emplace_back(name, numbers[static_cast<std::size_t>(id)]);
  return graph;
}

} // namespace striate
