#include "frontend/graph_builder.h"

#include "frontend/step_definitions.h"
#include "frontend/unify_shapes.h"
#include "ir/graph/loops.h"
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

int GraphBuilder::add_placeholder(const std::string& name, const TensorType& type,
                                  const SourceLocation& location, int depth) {
  DraftValue draft;
  draft.value.name = name;
  draft.value.type = type;
  draft.value.location = location;
  draft.depth = depth;
  values_.push_back(std::move(draft));
  return value_count() - 1;
}

void GraphBuilder::begin_scan(int64_t steps) {
  scan_ = {};
  scan_.steps = steps;
  scan_.first_node = nodes_.size();
}

int GraphBuilder::add_slice(int sequence, const std::string& name, const SourceLocation& location,
                            int depth) {
  TensorType type = value(sequence).type;
  type.shape.erase(type.shape.begin() + step_dimension(type));
  const int slice = add_placeholder(name, type, location, depth);
  scan_.slices[slice] = sequence;
  return slice;
}

int GraphBuilder::add_carry(Carry carry, const std::string& name, const TensorType& type,
                            const SourceLocation& location, int depth) {
  carry.value = add_placeholder(name, type, location, depth);
  scan_.carries.push_back(std::move(carry));
  return scan_.carries.back().value;
}

bool GraphBuilder::is_carry(int value) const {
  return std::ranges::find(scan_.carries, value, &Carry::value) != scan_.carries.end();
}

bool GraphBuilder::set_next_carry(int value, int next) {
  Carry& carry = *std::ranges::find(scan_.carries, value, &Carry::value);
  if (carry.next >= 0) return false;
  carry.next = next;
  return true;
}

std::vector<bool> GraphBuilder::values_by_step() const {
  std::vector<bool> by_step(values_.size(), false);
  for (const auto& [slice, sequence] : scan_.slices) by_step[static_cast<std::size_t>(slice)] = true;
  for (const Carry& carry : scan_.carries) by_step[static_cast<std::size_t>(carry.value)] = true;
  for (std::size_t n = scan_.first_node; n < nodes_.size(); ++n) {
    const Node& node = nodes_[n];
    const bool depends =
        std::ranges::any_of(node.inputs, [&](int input) { return by_step[static_cast<std::size_t>(input)]; });
    for (int output : node.outputs) by_step[static_cast<std::size_t>(output)] = depends;
  }
  return by_step;
}

bool GraphBuilder::depends_on_step(int value) const {
  return values_by_step()[static_cast<std::size_t>(value)];
}

std::map<int, int> GraphBuilder::end_scan(const SourceLocation& location) {
  const std::vector<bool> by_step = values_by_step();
  const auto depends = [&](int value) { return by_step[static_cast<std::size_t>(value)]; };
  const auto is_sequence = [&](int value) { return scan_.slices.contains(value); };
  const int loop = static_cast<int>(loops_.size());
  // What is the same at all steps comes first; then what is carried, and what the steps compute.
  std::vector<Node> before, during;
  for (std::size_t n = scan_.first_node; n < nodes_.size(); ++n) {
    Node& node = nodes_[n];
    if (!depends(node.outputs[0])) {
      before.push_back(std::move(node));
      continue;
    }
    std::vector<bool> inputs;
    for (int& input : node.inputs) {
      inputs.push_back(depends(input));
      if (is_sequence(input)) input = scan_.slices.at(input);
    }
    node.definition = std::make_shared<const Definition>(with_steps(*node.definition, inputs, scan_.steps));
    node.loop = loop;
    during.push_back(std::move(node));
  }
  std::vector<Node> carries;
  for (const Carry& carry : scan_.carries) {
    if (carry.next < 0) continue; // an error was reported
    Node node;
    node.op = "carry";
    node.location = location;
    if (scan_.steps > 1) node.inputs = {is_sequence(carry.next) ? scan_.slices.at(carry.next) : carry.next};
    if (carry.first >= 0) node.inputs.push_back(carry.first);
    node.outputs = {carry.value};
    node.definition = std::make_shared<const Definition>(
        carried(value(carry.value).type, scan_.steps, depends(carry.next), carry.number, carry.first >= 0));
    node.loop = loop;
    carries.push_back(std::move(node));
  }
  nodes_.resize(scan_.first_node);
  for (std::vector<Node>* part : {&before, &carries, &during}) {
    for (Node& node : *part) {
      for (int output : node.outputs) {
        Value& computed = values_[static_cast<std::size_t>(output)].value;
        computed.producer = node_count();
        if (node.loop >= 0) computed.type = with_steps(computed.type, scan_.steps);
      }
      nodes_.push_back(std::move(node));
    }
  }
  loops_.push_back(scan_.steps);
  std::map<int, int> slices = std::move(scan_.slices);
  scan_ = {};
  return slices;
}

bool GraphBuilder::has_steps(int value) const {
  const int producer = this->value(value).producer;
  return producer >= 0 && nodes_[static_cast<std::size_t>(producer)].loop >= 0;
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

void GraphBuilder::freeze(const std::string& path) {
  for (auto& [id, persistent] : persistents_)
    if (is_at_or_below(value(id).name, path)) {
      persistent.trainable = false;
      persistent.next = -1;
    }
}

void GraphBuilder::drop_idle_states() {
  std::vector<int> open;
  for (const auto& [name, value] : outputs_) open.push_back(value);
  const std::vector<bool> needed = needed_by(std::move(open));
  for (auto& [id, persistent] : persistents_) {
    const std::string& name = value(id).name;
    const std::size_t dot = name.rfind('.');
    if (persistent.next < 0 || dot == std::string::npos) continue;
    const std::string layer = name.substr(0, dot);
    const auto works = [&](const Node& node) {
      return is_at_or_below(node.path, layer) && std::ranges::any_of(node.outputs, [&](int output) {
               return needed[static_cast<std::size_t>(output)];
             });
    };
    if (std::ranges::none_of(nodes_, works)) persistent.next = -1;
  }
}

bool GraphBuilder::has_persistents_below(const std::string& path) const {
  return std::any_of(order_.begin(), order_.end(),
                     [&](int id) { return is_at_or_below(value(id).name, path); });
}

std::vector<std::string> GraphBuilder::persistent_names() const {
  std::vector<std::string> names;
  for (int id : order_) names.push_back(value(id).name);
  return names;
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
  std::vector<int> open;
  for (const auto& [name, value] : outputs_) {
    CHECK(value >= 0, "the output {} has no value, and no error says why", name);
    open.push_back(value);
  }
  for (const auto& [id, persistent] : persistents_)
    if (persistent.next >= 0) open.push_back(persistent.next);
  return needed_by(std::move(open));
}

// What these values need, themselves included.
std::vector<bool> GraphBuilder::needed_by(std::vector<int> open) const {
  std::vector<bool> needed(values_.size(), false);
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

// `names`: of the computed values that are left.
std::vector<LayerCall> GraphBuilder::layer_calls(const std::map<int, std::string>& names) const {
  const auto name_of = [&](int id) {
    const auto found = names.find(id);
    return found == names.end() ? value(id).name : found->second;
  };
  std::vector<LayerCall> calls;
  for (const ExpandedLayer& layer : layers_) {
    LayerCall call{layer.layer, layer.attributes, layer.path, {}, name_of(layer.output), {}};
    for (int input : layer.inputs) call.inputs.push_back(name_of(input));
    for (int id = layer.first_node; id < layer.end_node; ++id)
      call.nodes.push_back(name_of(node(id).outputs[0]));
    calls.push_back(std::move(call));
  }
  std::ranges::stable_sort(calls, std::greater(), [](const LayerCall& call) { return call.nodes.size(); });
  return calls;
}

Graph GraphBuilder::finish(const std::string& model, const std::string& entry,
                           std::vector<LayerCall>* layers) const {
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
  std::map<int, int> loops; // those that are left
  for (const Node& draft : nodes_) {
    if (std::none_of(draft.outputs.begin(), draft.outputs.end(), is_needed)) continue;
    Node node = draft;
    node.outputs.clear();
    if (draft.loop >= 0) {
      const auto [known, added] = loops.try_emplace(draft.loop, static_cast<int>(loops.size()));
      if (added)
        graph.loops.push_back(
            {names.at(draft.outputs[0]), loops_[static_cast<std::size_t>(draft.loop)], false});
      node.loop = known->second;
    }
    std::vector<std::string> output_names;
    for (int output : draft.outputs) output_names.push_back(names.at(output));
    const NodeId added = graph.add_node(std::move(node), output_names);
    for (std::size_t i = 0; i < draft.outputs.size(); ++i)
      numbers[static_cast<std::size_t>(draft.outputs[i])] =
          graph.nodes[static_cast<std::size_t>(added)].outputs[i];
  }
  if (layers) *layers = layer_calls(names);
  // Last, since a loop reads what stands behind its reader.
  for (Node& node : graph.nodes)
    for (ValueId& input : node.inputs) input = numbers[static_cast<std::size_t>(input)];
  for (Persistent& persistent : graph.persistents)
    if (persistent.next >= 0) persistent.next = numbers[static_cast<std::size_t>(persistent.next)];
  for (const auto& [name, id] : outputs_)
    graph.outputs.emplace_back(name, numbers[static_cast<std::size_t>(id)]);
  return graph;
}

} // namespace striate
