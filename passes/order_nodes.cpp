#include "passes/order_nodes.h"

#include "ir/graph/loops.h"

#include <algorithm>
#include <set>

namespace striate {

namespace {

// Tarjan's algorithm for strongly connected components ("Depth-first search and linear graph algorithms",
// SIAM J. Comput. 1, 1972), from readers to producers, so that components come out producers first. With a
// stack of its own, since chains may be long.
class Components {
public:
  Components(const Graph& graph, const std::vector<bool>& wanted)
      : graph_(graph), number_(graph.nodes.size(), -1), low_(graph.nodes.size(), -1),
        open_(graph.nodes.size(), false) {
    for (std::size_t n = 0; n < graph.nodes.size(); ++n)
      if (wanted[n] && number_[n] < 0) visit_from(static_cast<NodeId>(n));
  }

  std::vector<std::vector<NodeId>> found;

private:
  struct Visit {
    NodeId node = -1;
    std::size_t next_input = 0;
  };

  void enter(NodeId node) {
    number_[node] = low_[node] = count_++;
    open_[node] = true;
    members_.push_back(node);
    visits_.push_back({node, 0});
  }

  void visit_from(NodeId root) {
    enter(root);
    while (!visits_.empty()) {
      Visit& visit = visits_.back();
      const NodeId node = visit.node;
      const std::vector<ValueId>& inputs = graph_.nodes[node].inputs;
      if (visit.next_input < inputs.size()) {
        const NodeId producer = graph_.values[inputs[visit.next_input++]].producer;
        if (producer < 0) continue;
        if (number_[producer] < 0)
          enter(producer);
        else if (open_[producer])
          low_[node] = std::min(low_[node], number_[producer]);
        continue;
      }
      visits_.pop_back();
      if (!visits_.empty()) low_[visits_.back().node] = std::min(low_[visits_.back().node], low_[node]);
      if (low_[node] == number_[node]) close(node);
    }
  }

  void close(NodeId first) {
    std::vector<NodeId> component;
    do {
      component.push_back(members_.back());
      open_[members_.back()] = false;
      members_.pop_back();
    } while (component.back() != first);
    std::sort(component.begin(), component.end());
    found.push_back(std::move(component));
  }

  const Graph& graph_;
  std::vector<int> number_, low_;
  std::vector<bool> open_;
  std::vector<NodeId> members_;
  std::vector<Visit> visits_;
  int count_ = 0;
};

} // namespace

static bool reads_itself(const Graph& graph, NodeId id) {
  const Node& node = graph.nodes[id];
  return std::any_of(node.inputs.begin(), node.inputs.end(),
                     [&](ValueId input) { return graph.values[input].producer == id; });
}

// Within one step: what is read at the same step comes first.
static void order_step(const Graph& graph, std::vector<NodeId>& component) {
  std::vector<NodeId> order;
  std::set<NodeId> placed;
  while (order.size() < component.size()) {
    const std::size_t before = order.size();
    for (NodeId id : component) {
      if (placed.contains(id)) continue;
      const Node& node = graph.nodes[id];
      const bool ready = std::all_of(node.inputs.begin(), node.inputs.end(), [&](ValueId input) {
        const NodeId producer = graph.values[input].producer;
        return !std::binary_search(component.begin(), component.end(), producer) ||
               placed.contains(producer) || !step_reads(graph, node, input).same;
      });
      if (!ready) continue;
      order.push_back(id);
      placed.insert(id);
    }
    CHECK(order.size() > before, "a cycle through {}",
          graph.values[graph.nodes[component[0]].outputs[0]].name);
  }
  component = std::move(order);
}

// The loop that the nodes are, as their reads and shapes say.
static Loop loop_of(const Graph& graph, const std::vector<NodeId>& component) {
  const Value& first = graph.values[graph.nodes[component[0]].outputs[0]];
  Loop loop;
  loop.name = first.name;
  const auto dimension = static_cast<std::size_t>(step_dimension(first.type));
  CHECK(dimension < first.type.shape.size(), "a cycle through {}", first.name);
  loop.steps = first.type.shape[dimension].factor;
  for (NodeId id : component) {
    const Node& node = graph.nodes[id];
    for (const Statement& statement : node.definition->statements) {
      const int step = step_variable(statement, node.definition->operands[statement.target].type);
      visit(statement.body, [&](const ExprRef& e) {
        if (e->kind != Expr::Kind::Read || e->operand >= node.definition->input_count) return;
        const Value& source = graph.values[node.inputs[e->operand]];
        if (!std::binary_search(component.begin(), component.end(), source.producer)) return;
        const auto offset = step_offset(step, e, source.type);
        CHECK(offset, "a cycle through {}", source.name);
        loop.reverse = loop.reverse || *offset > 0;
      });
    }
  }
  return loop;
}

void order_nodes(Graph& graph, const std::vector<bool>& wanted) {
  for (std::size_t n = 0; n < graph.nodes.size(); ++n)
    for (ValueId value : graph.nodes[n].outputs) graph.values[value].producer = static_cast<NodeId>(n);
  std::vector<std::vector<NodeId>> components = Components(graph, wanted).found;
  std::vector<Loop> loops;
  std::vector<NodeId> order;
  std::vector<int> loop_of_node;
  for (std::vector<NodeId>& component : components) {
    const bool is_loop = component.size() > 1 || reads_itself(graph, component[0]);
    if (is_loop) {
      loops.push_back(loop_of(graph, component));
      order_step(graph, component);
    }
    for (NodeId id : component) {
      order.push_back(id);
      loop_of_node.push_back(is_loop ? static_cast<int>(loops.size()) - 1 : -1);
    }
  }
  std::vector<Node> nodes;
  for (Value& value : graph.values) value.producer = -1;
  for (std::size_t k = 0; k < order.size(); ++k) {
    Node& node = graph.nodes[order[k]];
    node.loop = loop_of_node[k];
    for (ValueId value : node.outputs) graph.values[value].producer = static_cast<NodeId>(k);
    nodes.push_back(std::move(node));
  }
  graph.nodes = std::move(nodes);
  graph.loops = std::move(loops);
}

void order_nodes(Graph& graph) { order_nodes(graph, std::vector<bool>(graph.nodes.size(), true)); }

} // namespace striate
