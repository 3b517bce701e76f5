// The rules a graph keeps (docs/ir.md, "Graphs").
#include "ir/expression_check.h"
#include "ir/expression_text.h"
#include "ir/graph/graph.h"
#include "ir/graph/loops.h"
#include "ir/graph/problems.h"
#include "ir/layout_text.h"

#include <algorithm>
#include <set>

namespace striate {

namespace {

class GraphVerifier {
public:
  explicit GraphVerifier(const Graph& graph) : graph_(graph) {}

  std::vector<GraphProblem> verify() {
    // Names and numbers first: the other rules speak of values by name.
    if (numbers_are_valid()) {
      check_values();
      check_roles();
      check_scalars();
      check_loops();
      check_nodes();
      check_persistents();
      check_outputs();
      if (!graph_.regions.empty()) check_regions();
      if (problems_.empty()) check_places();
    }
    return std::move(problems_);
  }

private:
  using Item = GraphProblem::Item;

  template <typename... Args>
  void problem(fmt::format_string<Args...> format, Args&&... args) {
    problems_.push_back({fmt::format(format, std::forward<Args>(args)...), item_, index_});
  }

  // What the problems found next are about.
  void about(GraphProblem::Item item, std::size_t index) {
    item_ = item;
    index_ = static_cast<int>(index);
  }
  void about_value(ValueId id) { about(Item::Value, static_cast<std::size_t>(id)); }
  void about_node(NodeId id) { about(Item::Node, static_cast<std::size_t>(id)); }

  const Value& value(ValueId id) const { return graph_.values[id]; }
  const std::string& name(ValueId id) const { return graph_.values[id].name; }
  // A node is named by its first output.
  const std::string& node_name(NodeId id) const { return name(graph_.nodes[id].outputs[0]); }

  bool numbers_are_valid() {
    int values = static_cast<int>(graph_.values.size());
    int nodes = static_cast<int>(graph_.nodes.size());
    auto check = [&](const std::vector<int>& ids, int count, const std::string& where) {
      for (int id : ids)
        if (id < 0 || id >= count) problem("{} has the number {} of {}", where, id, count);
    };
    for (std::size_t n = 0; n < graph_.nodes.size(); ++n) {
      const Node& node = graph_.nodes[n];
      if (node.outputs.empty()) problem("node {} ({}) has no output", n, node.op);
      check(node.inputs, values, node.op);
      check(node.outputs, values, node.op);
      if (node.loop != -1)
        check({node.loop}, static_cast<int>(graph_.loops.size()), "the loop of " + node.op);
    }
    check(graph_.inputs, values, "an input");
    for (const Persistent& persistent : graph_.persistents) {
      check({persistent.value}, values, "a persistent");
      if (persistent.next != -1) check({persistent.next}, values, "the next value of a persistent");
    }
    for (const auto& [name, output] : graph_.outputs) check({output}, values, "the output " + name);
    for (const Region& region : graph_.regions) {
      check(region.nodes, nodes, "the region " + region.name);
      check(region.stored, values, "the region " + region.name);
    }
    for (const Value& value : graph_.values)
      if (value.producer != -1) check({value.producer}, nodes, "the producer of " + value.name);
    return problems_.empty();
  }

  void check_values() {
    std::set<std::string> names;
    for (std::size_t v = 0; v < graph_.values.size(); ++v) {
      const Value& value = graph_.values[v];
      about(Item::Value, v);
      if (value.name.empty()) problem("a value has no name");
      if (!names.insert(value.name).second) problem("two values are named {}", value.name);
      for (std::size_t d = 0; d < value.type.shape.size(); ++d) {
        const Size& size = value.type.shape[d];
        if (size.factor < 1) problem("{} has a dimension of size {}", value.name, size.text());
        if (size.batch && d > 0) problem("{} has a batch size that is not outermost", value.name);
      }
      if (value.zero_in_padding && !value.type.has_batch())
        problem("{} has no batch to be zero in the padding of", value.name);
      if (value.offset < -1 || (value.offset > 0 && value.offset % byte_size(value.type.element) != 0))
        problem("{} has the offset {}", value.name, value.offset);
      if (value.layout.empty()) continue;
      if (const std::string why = layout_problem(value.name, value.layout, value.type); !why.empty())
        problem("{}", why);
    }
  }

  // What does not depend on the batch lies within the arena, where there is one, and what is kept from run to
  // run lies apart.
  void check_places() {
    std::vector<ValueId> kept;
    std::vector<int64_t> ends(graph_.values.size());
    for (std::size_t v = 0; v < graph_.values.size(); ++v) {
      const Value& value = graph_.values[v];
      if (value.offset < 0 || value.type.has_batch()) continue;
      const int64_t size = byte_size(value.type.element), elements = storage_within_limit(value.layout, 1);
      about(Item::Value, v);
      if (graph_.arena_bytes > 0 && (elements < 0 || value.offset > graph_.arena_bytes ||
                                     elements > (graph_.arena_bytes - value.offset) / size))
        problem("{} ends beyond the arena's {} bytes", value.name, graph_.arena_bytes);
      else if (elements >= 0 && (value.role == ValueRole::Parameter || value.role == ValueRole::State))
        kept.push_back(static_cast<ValueId>(v));
      ends[v] = value.offset + std::max<int64_t>(elements, 0) * size;
    }
    std::ranges::stable_sort(kept, {}, [&](ValueId id) { return value(id).offset; });
    for (std::size_t k = 1; k < kept.size(); ++k) {
      about_value(kept[k]);
      if (ends[static_cast<std::size_t>(kept[k - 1])] > value(kept[k]).offset)
        problem("{} and {} overlap in the arena", name(kept[k - 1]), name(kept[k]));
    }
  }

  void check_roles() {
    std::vector<int> as_input(graph_.values.size()), as_persistent(graph_.values.size());
    std::vector<int> as_result(graph_.values.size());
    for (ValueId input : graph_.inputs) ++as_input[input];
    for (const Persistent& persistent : graph_.persistents) ++as_persistent[persistent.value];
    for (const Node& node : graph_.nodes)
      for (ValueId output : node.outputs) ++as_result[output];
    for (std::size_t i = 0; i < graph_.values.size(); ++i) {
      const Value& value = graph_.values[i];
      about(Item::Value, i);
      int input = value.role == ValueRole::Input, computed = value.role == ValueRole::Computed;
      int persistent = value.role == ValueRole::Parameter || value.role == ValueRole::State;
      if (as_input[i] != input) problem("{} is {}among the inputs", value.name, input ? "not once " : "");
      if (as_persistent[i] != persistent)
        problem("{} is {}among the persistents", value.name, persistent ? "not once " : "");
      if (as_result[i] != computed)
        problem("{} is computed {} times, not {}", value.name, as_result[i], computed);
      if (value.type.element == ElementType::BF16 && !computed)
        problem("{} is bf16, which stays within programs", value.name);
      if ((value.producer >= 0) != (value.role == ValueRole::Computed))
        problem("{} {} producer", value.name, value.producer >= 0 ? "has a" : "has no");
    }
  }

  void check_scalars() {
    scalars_ = {"N", "1/N", "step", "epoch", "seed.low", "seed.high"};
    for (std::size_t s = 0; s < graph_.scalars.size(); ++s) {
      const std::string& name = graph_.scalars[s].first;
      about(Item::Scalar, s);
      if (name.empty() || !scalars_.insert(name).second) problem("a second run-time scalar named `{}`", name);
    }
  }

  void check_nodes() {
    std::vector<bool> ready(graph_.values.size());
    for (std::size_t i = 0; i < ready.size(); ++i) ready[i] = graph_.values[i].role != ValueRole::Computed;
    std::set<const Definition*> sound;
    for (std::size_t n = 0; n < graph_.nodes.size(); ++n) {
      const Node& node = graph_.nodes[n];
      const std::string& who = node_name(static_cast<NodeId>(n));
      about(Item::Node, n);
      for (ValueId input : node.inputs)
        if (!ready[input] && !in_same_loop(graph_, node, input))
          problem("{} reads {} before it is computed", who, name(input));
      for (ValueId output : node.outputs) {
        ready[output] = true;
        if (value(output).producer != static_cast<NodeId>(n))
          problem("{} is computed by {}, its producer says otherwise", name(output), who);
      }
      if (!node.definition) {
        problem("{} has no definition", who);
        continue;
      }
      check_signature(node, who);
      if (!sound.insert(node.definition.get()).second) continue;
      if (std::string why = striate::verify(*node.definition); !why.empty())
        problem("{}: in the definition of {}: {}", who, node.definition->name, why);
      else
        check_scalars_of(*node.definition, who);
    }
    if (problems_.empty())
      for (std::size_t n = 0; n < graph_.nodes.size(); ++n)
        if (graph_.nodes[n].loop >= 0) check_loop_node(static_cast<NodeId>(n));
  }

  void check_loops() {
    std::set<std::string> names;
    std::vector<bool> seen(graph_.loops.size());
    for (std::size_t l = 0; l < graph_.loops.size(); ++l) {
      const Loop& loop = graph_.loops[l];
      about(Item::Loop, l);
      if (loop.name.empty() || !names.insert(loop.name).second)
        problem("a second loop named `{}`", loop.name);
      if (loop.steps < 1) problem("the loop {} has {} steps", loop.name, loop.steps);
    }
    int last = -1;
    for (std::size_t n = 0; n < graph_.nodes.size(); ++n) {
      const Node& node = graph_.nodes[n];
      about(Item::Node, n);
      if (node.loop >= 0 && node.loop != last) {
        if (seen[node.loop]) problem("the nodes of the loop {} are apart", graph_.loops[node.loop].name);
        seen[node.loop] = true;
      }
      last = node.loop;
    }
    for (std::size_t l = 0; l < seen.size(); ++l) {
      about(Item::Loop, l);
      if (!seen[l]) problem("the loop {} is empty", graph_.loops[l].name);
    }
  }

  // Steps are where they belong, and nothing is read before it is there.
  void check_loop_node(NodeId id) {
    const Node& node = graph_.nodes[id];
    const Loop& loop = graph_.loops[node.loop];
    about_node(id);
    for (ValueId output : node.outputs) {
      const TensorType& type = value(output).type;
      const auto dimension = static_cast<std::size_t>(step_dimension(type));
      if (dimension >= type.shape.size() || !type.shape[dimension].is_constant(loop.steps))
        problem("{} is in the loop {}, but has no dimension of {} steps", name(output), loop.name,
                loop.steps);
    }
    const Definition& definition = *node.definition;
    for (const Statement& statement : definition.statements) {
      const int step = step_variable(statement, definition.operands[statement.target].type);
      if (step < 0) {
        problem("{} is in the loop {}, but not computed step by step", node_name(id), loop.name);
        continue;
      }
      visit(statement.body, [&](const ExprRef& e) {
        if (e->kind != Expr::Kind::Read || e->operand >= definition.input_count) return;
        const ValueId input = node.inputs[e->operand];
        if (!in_same_loop(graph_, node, input)) return;
        const auto offset = step_offset(step, e, value(input).type);
        const bool before = offset && (loop.reverse ? *offset > 0 : *offset < 0) && e->has_else;
        const bool now = offset == 0 && value(input).producer < id;
        if (!before && !now)
          problem("{} reads {} at a step that is not there yet", node_name(id), name(input));
      });
    }
  }

  void check_signature(const Node& node, const std::string& who) {
    const Definition& definition = *node.definition;
    if (static_cast<int>(node.inputs.size()) != definition.input_count ||
        definition.input_count > static_cast<int>(definition.operands.size()))
      return problem("{} has {} inputs, its definition has {}", who, node.inputs.size(),
                     definition.input_count);
    if (node.outputs.size() != definition.outputs.size())
      return problem("{} has {} outputs, its definition has {}", who, node.outputs.size(),
                     definition.outputs.size());
    auto check = [&](ValueId id, int operand) {
      if (operand < 0 || operand >= static_cast<int>(definition.operands.size()))
        return; // verify(Definition) says so
      const TensorType& wanted = definition.operands[operand].type;
      if (value(id).type != wanted)
        problem("{}: {} is {}, the definition's {} is {}", who, name(id), value(id).type.text(),
                definition.operands[operand].name, wanted.text());
    };
    for (std::size_t i = 0; i < node.inputs.size(); ++i) check(node.inputs[i], static_cast<int>(i));
    for (std::size_t i = 0; i < node.outputs.size(); ++i) check(node.outputs[i], definition.outputs[i]);
  }

  void check_scalars_of(const Definition& definition, const std::string& who) {
    for (const Statement& statement : definition.statements)
      visit(statement.body, [&](const ExprRef& e) {
        if (e->kind == Expr::Kind::Scalar && !scalars_.contains(e->name))
          problem("{} uses the unknown run-time scalar `{}`", who, e->name);
      });
  }

  void check_persistents() {
    for (const Persistent& persistent : graph_.persistents) {
      const Value& kept = value(persistent.value);
      about_value(persistent.value);
      if (persistent.trainable && kept.role != ValueRole::Parameter)
        problem("{} is trainable, but no parameter", kept.name);
      if (persistent.next >= 0) {
        if (value(persistent.next).role != ValueRole::Computed)
          problem("the next value of {} is not computed", kept.name);
        if (value(persistent.next).type != kept.type)
          problem("{} is {}, its next value is {}", kept.name, kept.type.text(),
                  value(persistent.next).type.text());
      }
      if (persistent.initial) check_initial(persistent, kept);
    }
  }

  void check_initial(const Persistent& persistent, const Value& kept) {
    std::string why;
    visit(persistent.initial, [&](const ExprRef& e) {
      if (why.empty()) why = type_error(*e);
      if (e->kind == Expr::Kind::Read || e->kind == Expr::Kind::Load || e->kind == Expr::Kind::Tile)
        why = "it reads";
      for (const IndexExpr& index : e->indices) {
        std::vector<int> variables;
        index.collect_variables(variables);
        for (int v : variables)
          if (v < 0 || v >= kept.type.rank()) why = "it uses a dimension that is not there";
      }
    });
    if (why.empty() && persistent.initial->type != scalar_type_of(kept.type.element))
      why = fmt::format("it is {}", striate::name_of(persistent.initial->type));
    if (!why.empty()) problem("the initial value of {}: {}", kept.name, why);
  }

  void check_outputs() {
    std::set<std::string> names;
    for (std::size_t o = 0; o < graph_.outputs.size(); ++o) {
      const std::string& name = graph_.outputs[o].first;
      about(Item::Output, o);
      if (name.empty() || !names.insert(name).second) problem("a second output named `{}`", name);
      if (value(graph_.outputs[o].second).type.element == ElementType::BF16)
        problem("the output {} is bf16, which stays within programs", name);
    }
  }

  void check_regions() {
    std::vector<int> region_of(graph_.nodes.size(), -1);
    std::vector<bool> stored(graph_.values.size());
    for (std::size_t i = 0; i < graph_.values.size(); ++i)
      stored[i] = graph_.values[i].role != ValueRole::Computed;
    for (std::size_t r = 0; r < graph_.regions.size(); ++r) {
      const Region& region = graph_.regions[r];
      about(Item::Region, r);
      if (region.nodes.empty()) problem("the region {} is empty", region.name);
      if (!std::is_sorted(region.nodes.begin(), region.nodes.end()))
        problem("the nodes of the region {} are out of order", region.name);
      for (NodeId node : region.nodes) {
        if (graph_.nodes[node].loop != graph_.nodes[region.nodes[0]].loop)
          problem("the region {} is partly in a loop", region.name);
        if (region_of[node] != -1) problem("{} is in two regions", node_name(node));
        region_of[node] = static_cast<int>(r);
        check_region_node(node);
      }
      for (NodeId node : region.nodes)
        for (ValueId input : graph_.nodes[node].inputs) {
          NodeId producer = value(input).producer;
          bool inside = producer >= 0 && region_of[producer] == static_cast<int>(r);
          if (!inside && !stored[input] && !in_same_loop(graph_, graph_.nodes[node], input))
            problem("the region {} reads {}, which no earlier region stores", region.name, name(input));
        }
      for (ValueId output : region.stored) {
        NodeId producer = value(output).producer;
        if (producer < 0 || region_of[producer] != static_cast<int>(r))
          problem("the region {} stores {}, which it does not compute", region.name, name(output));
        stored[output] = true;
      }
    }
    for (std::size_t n = 0; n < graph_.nodes.size(); ++n) {
      about(Item::Node, n);
      if (region_of[n] == -1) problem("{} is in no region", node_name(static_cast<NodeId>(n)));
    }
    for (std::size_t o = 0; o < graph_.outputs.size(); ++o) {
      about(Item::Output, o);
      if (!stored[graph_.outputs[o].second]) problem("the output {} is not stored", graph_.outputs[o].first);
    }
    for (const Persistent& persistent : graph_.persistents) {
      about_value(persistent.value);
      if (persistent.next >= 0 && !stored[persistent.next])
        problem("the next value of {} is not stored", name(persistent.value));
    }
  }

  void check_region_node(NodeId id) {
    const Node& node = graph_.nodes[id];
    if (node.outputs.size() != 1 || (node.definition && node.definition->statements.size() != 1))
      problem("{} is in a region, but not one statement with one output", node_name(id));
  }

  const Graph& graph_;
  std::set<std::string> scalars_;
  std::vector<GraphProblem> problems_;
  Item item_ = Item::Graph;
  int index_ = 0;
};

} // namespace

std::vector<GraphProblem> problems_of(const Graph& graph) { return GraphVerifier(graph).verify(); }

std::vector<std::string> verify(const Graph& graph) {
  std::vector<std::string> texts;
  for (GraphProblem& problem : problems_of(graph)) texts.push_back(std::move(problem.text));
  return texts;
}

} // namespace striate
