#include "ir/expression_text.h"
#include "ir/graph/loops.h"
#include "tests/ir/spoil.h"

#include <algorithm>
#include <functional>

namespace striate {

namespace {

using Names = std::vector<std::string>; // of what is wrong; none where the change does not apply
using Change = std::function<Names(Graph&, Draw&)>;

template <typename T>
T& one_of(Draw& draw, std::vector<T>& list) {
  return list[static_cast<std::size_t>(draw.between(0, static_cast<int64_t>(list.size()) - 1))];
}

const std::string& name_of(const Graph& graph, const Node& node) {
  return graph.values[node.outputs[0]].name;
}

// The definition of a node of its own, to be changed.
Definition& own_definition(Node& node) {
  auto copy = std::make_shared<Definition>(*node.definition);
  Definition& result = *copy;
  node.definition = std::move(copy);
  return result;
}

// A text that does not parse is refused where the definition stands.
Names with_definition(const Graph& graph, const Node& node) {
  const std::string& op = node.definition->name;
  return {name_of(graph, node), "@" + (is_word(op) ? op : "op")};
}

// Changes the first read for which `change` says yes; false where there is none.
bool change_read(Statement& statement, const std::function<bool(Expr&)>& change) {
  bool done = false;
  statement.body = rewrite(statement.body, [&](const ExprRef& e) -> ExprRef {
    if (done || e->kind != Expr::Kind::Read) return e;
    Expr copy = *e;
    if (!change(copy)) return e;
    done = true;
    return std::make_shared<const Expr>(std::move(copy));
  });
  return done;
}

// A node whose definition can be changed so; the name is the node's.
Names in_definition(Graph& graph, Draw& draw, const std::function<bool(Definition&)>& change) {
  if (graph.nodes.empty()) return {};
  Node& node = one_of(draw, graph.nodes);
  if (!change(own_definition(node))) return {};
  return with_definition(graph, node);
}

Names in_read(Graph& graph, Draw& draw, const std::function<bool(const Definition&, Expr&)>& change) {
  return in_definition(graph, draw, [&](Definition& definition) {
    for (Statement& statement : definition.statements)
      if (change_read(statement, [&](Expr& e) { return change(definition, e); })) return true;
    return false;
  });
}

struct Rule {
  const char* name;
  Change change;
};

// --- names and types ---

Names second_name(Graph& graph, Draw& draw) {
  if (graph.values.size() < 2) return {};
  const std::string name = graph.values[0].name;
  graph.values[static_cast<std::size_t>(draw.between(1, static_cast<int64_t>(graph.values.size()) - 1))]
      .name = name;
  return {name};
}

Names unknown_input(Graph& graph, Draw& draw) {
  if (graph.nodes.empty()) return {};
  Node& node = one_of(draw, graph.nodes);
  if (node.inputs.empty()) return {};
  const ValueId ghost = graph.add_value("ghost", {}, ValueRole::Computed, {});
  one_of(draw, node.inputs) = ghost;
  return {"ghost"};
}

Names unknown_output(Graph& graph, Draw&) {
  graph.outputs.emplace_back("out", graph.add_value("ghost", {}, ValueRole::Computed, {}));
  return {"ghost"};
}

Names other_element(Graph& graph, Draw& draw) {
  if (graph.nodes.empty()) return {};
  Node& node = one_of(draw, graph.nodes);
  Definition& definition = own_definition(node);
  if (definition.input_count == 0) return {};
  TensorType& type =
      definition.operands[static_cast<std::size_t>(draw.between(0, definition.input_count - 1))].type;
  type.element = type.element == ElementType::F32 ? ElementType::F64 : ElementType::F32;
  return with_definition(graph, node);
}

Names other_rank(Graph& graph, Draw& draw) {
  if (graph.nodes.empty()) return {};
  Node& node = one_of(draw, graph.nodes);
  Value& output = graph.values[one_of(draw, node.outputs)];
  output.type.shape.push_back(Size::constant(3));
  output.layout = {};
  return {output.name};
}

Names inner_batch(Graph& graph, Draw& draw) {
  Value& value = one_of(draw, graph.values);
  value.type.shape.push_back(Size::n());
  if (value.type.shape.size() < 2) value.type.shape.push_back(Size::n());
  value.layout = {};
  return {value.name};
}

// --- definitions ---

Names missing_index(Graph& graph, Draw& draw) {
  return in_read(graph, draw, [](const Definition&, Expr& e) {
    if (e.indices.empty() || !e.arguments.empty()) return false;
    e.indices.pop_back();
    return true;
  });
}

Names out_of_range(Graph& graph, Draw& draw) {
  return in_read(graph, draw, [](const Definition& definition, Expr& e) {
    const std::vector<Size>& shape = definition.operands[static_cast<std::size_t>(e.operand)].type.shape;
    for (std::size_t d = 0; d < shape.size(); ++d) {
      if (shape[d].batch || e.has_else) continue;
      e.indices[d] = e.indices[d] + shape[d].factor;
      return true;
    }
    return false;
  });
}

// An `else` does not let a read leave the batch.
Names out_of_batch(Graph& graph, Draw& draw) {
  return in_read(graph, draw, [](const Definition& definition, Expr& e) {
    const std::vector<Size>& shape = definition.operands[static_cast<std::size_t>(e.operand)].type.shape;
    if (shape.empty() || !shape[0].batch) return false;
    e.indices[0] = e.indices[0] + shape[0].factor;
    return true;
  });
}

Names read_of_another_type(Graph& graph, Draw& draw) {
  return in_definition(graph, draw, [](Definition& definition) {
    Statement& last = definition.statements.back();
    ElementType& element = definition.operands[static_cast<std::size_t>(last.target)].type.element;
    element = element == ElementType::Bool ? ElementType::F32 : ElementType::Bool;
    return true;
  });
}

Names target_indexed_twice(Graph& graph, Draw& draw) {
  return in_definition(graph, draw, [](Definition& definition) {
    for (Statement& statement : definition.statements)
      for (std::vector<int>& digits : statement.output)
        if (!digits.empty()) {
          digits.push_back(digits[0]);
          return true;
        }
    return false;
  });
}

Names missing_statement(Graph& graph, Draw& draw) {
  return in_definition(graph, draw, [](Definition& definition) {
    definition.statements.pop_back();
    return true;
  });
}

Names second_definition(Graph& graph, Draw& draw) {
  return in_definition(graph, draw, [](Definition& definition) {
    definition.statements.push_back(definition.statements.back());
    return true;
  });
}

Names unknown_scalar(Graph& graph, Draw& draw) {
  return in_definition(graph, draw, [](Definition& definition) {
    Statement& statement = definition.statements.front();
    if (statement.body->type != ScalarType::Real) return false;
    statement.body = statement.body + run_time_scalar("ghost");
    return true;
  });
}

Names wrong_order(Graph& graph, Draw& draw) {
  return in_definition(graph, draw, [&](Definition& definition) {
    for (Statement& statement : definition.statements) {
      ReductionOrder& order = statement.order;
      if (order.loops.empty()) continue;
      if (order.loops.size() + (order.lanes ? 1 : 0) == 1 || draw.chance(50))
        order.loops.push_back(order.loops.front()); // a digit twice
      else
        order.loops.pop_back(); // or one too few
      return true;
    }
    return false;
  });
}

Names order_of_a_free_variable(Graph& graph, Draw& draw) {
  return in_definition(graph, draw, [](Definition& definition) {
    for (Statement& statement : definition.statements) {
      if (statement.order.loops.empty() || statement.free_count == 0) continue;
      statement.order.loops.push_back({0, 1, statement.variables[0].extent});
      return true;
    }
    return false;
  });
}

// --- nodes ---

Names too_few_inputs(Graph& graph, Draw& draw) {
  if (graph.nodes.empty()) return {};
  Node& node = one_of(draw, graph.nodes);
  if (node.inputs.empty()) return {};
  node.inputs.pop_back();
  return {name_of(graph, node)};
}

Names cycle(Graph& graph, Draw& draw) {
  if (graph.nodes.empty()) return {};
  Node& node = one_of(draw, graph.nodes);
  if (node.inputs.empty() || node.loop >= 0) return {};
  one_of(draw, node.inputs) = node.outputs[0];
  return {name_of(graph, node)};
}

// In a loop, what a node reads at its own step stands before it.
Names cycle_in_a_loop(Graph& graph, Draw&) {
  for (Node& node : graph.nodes) {
    if (node.loop < 0) continue;
    const StepReads reads = step_reads(graph, node, node.inputs[0]);
    if (!reads.same) continue;
    node.inputs[0] = node.outputs[0];
    return {name_of(graph, node)};
  }
  return {};
}

Names reader_first(Graph& graph, Draw&) {
  for (std::size_t n = 1; n < graph.nodes.size(); ++n) {
    const Node &before = graph.nodes[n - 1], &node = graph.nodes[n];
    const bool reads = std::ranges::any_of(node.inputs, [&](ValueId input) {
      return graph.values[input].producer == static_cast<NodeId>(n - 1);
    });
    if (!reads || before.loop >= 0 || node.loop >= 0) continue;
    std::swap(graph.nodes[n - 1], graph.nodes[n]);
    graph.regions.clear();
    // The reader's text names what stands behind it.
    for (ValueId input : graph.nodes[n - 1].inputs)
      if (std::ranges::find(graph.nodes[n].outputs, input) != graph.nodes[n].outputs.end())
        return {graph.values[input].name};
  }
  return {};
}

// --- persistents, outputs, scalars ---

Names trained_state(Graph& graph, Draw&) {
  for (Persistent& persistent : graph.persistents)
    if (graph.values[persistent.value].role == ValueRole::State) {
      persistent.trainable = true;
      return {graph.values[persistent.value].name};
    }
  return {};
}

Names next_of_another_type(Graph& graph, Draw& draw) {
  if (graph.persistents.empty()) return {};
  Persistent& persistent = one_of(draw, graph.persistents);
  for (const Node& node : graph.nodes)
    for (ValueId output : node.outputs)
      if (graph.values[output].type != graph.values[persistent.value].type) {
        persistent.next = output;
        graph.regions.clear();
        return {graph.values[persistent.value].name};
      }
  return {};
}

Names next_that_is_given(Graph& graph, Draw& draw) {
  if (graph.persistents.empty()) return {};
  Persistent& persistent = one_of(draw, graph.persistents);
  persistent.next = graph.inputs[0];
  return {graph.values[persistent.value].name};
}

Names initial_of_another_type(Graph& graph, Draw& draw) {
  if (graph.persistents.empty()) return {};
  Persistent& persistent = one_of(draw, graph.persistents);
  const ElementType element = graph.values[persistent.value].type.element;
  persistent.initial = element == ElementType::Bool ? constant(0.5) : constant_bool(true);
  return {graph.values[persistent.value].name};
}

Names second_output(Graph& graph, Draw&) {
  if (graph.outputs.empty()) return {};
  graph.outputs.push_back(graph.outputs.front());
  return {graph.outputs.front().first};
}

Names second_scalar(Graph& graph, Draw&) {
  graph.scalars.emplace_back("step", 1);
  return {"step"};
}

// --- loops ---

Names other_steps(Graph& graph, Draw&) {
  if (graph.loops.empty()) return {};
  graph.loops[0].steps += 1;
  return {graph.loops[0].name};
}

Names other_direction(Graph& graph, Draw&) {
  for (const Node& node : graph.nodes)
    if (node.loop >= 0 && step_reads(graph, node, node.inputs[0]).other) {
      graph.loops[static_cast<std::size_t>(node.loop)].reverse ^= true;
      return {name_of(graph, node)};
    }
  return {};
}

Names empty_loop(Graph& graph, Draw&) {
  graph.loops.push_back({"ghost", 3, false});
  return {"ghost"};
}

// --- what passes add ---

Names layout_without_a_digit(Graph& graph, Draw&) {
  for (Value& value : graph.values)
    for (std::size_t k = 0; k < value.layout.digits.size(); ++k) {
      const Layout::Digit digit = value.layout.digits[k];
      // Without its highest digit, the text of the lower one would mean the whole dimension.
      if (value.layout.digits.size() < 2 || digit.step != 1 ||
          value.type.shape[static_cast<std::size_t>(digit.dimension)].is_constant(1))
        continue;
      value.layout.digits.erase(value.layout.digits.begin() + static_cast<std::ptrdiff_t>(k));
      return {value.name};
    }
  return {};
}

Names layout_with_a_digit_twice(Graph& graph, Draw&) {
  for (Value& value : graph.values) {
    // A digit of one value may well come twice.
    if (value.layout.empty() || value.layout.digits.back().extent.is_constant(1)) continue;
    value.layout.digits.push_back(value.layout.digits.back());
    return {value.name};
  }
  return {};
}

Names batch_inside(Graph& graph, Draw&) {
  for (Value& value : graph.values) {
    if (value.layout.digits.size() < 2 || !value.type.has_batch()) continue;
    std::swap(value.layout.digits.front(), value.layout.digits.back());
    return {value.name};
  }
  return {};
}

Names crooked_offset(Graph& graph, Draw& draw) {
  Value& value = one_of(draw, graph.values);
  const int64_t size = byte_size(value.type.element);
  if (size == 1) return {};
  value.offset = 64 * size + size / 2;
  return {value.name};
}

Names kept_across_another(Graph& graph, Draw&) {
  if (graph.persistents.size() < 2) return {};
  Value &one = graph.values[graph.persistents[0].value], &other = graph.values[graph.persistents[1].value];
  if (one.type.has_batch() || other.type.has_batch()) return {};
  one.offset = other.offset = 64;
  graph.arena_bytes = 0;
  return {one.name};
}

Names beyond_the_arena(Graph& graph, Draw&) {
  for (Value& value : graph.values) {
    if (value.type.has_batch() || graph.arena_bytes == 0) continue;
    value.offset = (graph.arena_bytes + 64) / 64 * 64;
    return {value.name};
  }
  return {};
}

Names padding_without_batch(Graph& graph, Draw&) {
  for (Value& value : graph.values)
    if (!value.type.has_batch()) {
      value.zero_in_padding = true;
      return {value.name};
    }
  return {};
}

Names missing_region(Graph& graph, Draw& draw) {
  if (graph.regions.size() < 2) return {};
  const auto which = draw.between(0, static_cast<int64_t>(graph.regions.size()) - 1);
  Names names; // they are in no region now, and not stored
  for (NodeId node : graph.regions[static_cast<std::size_t>(which)].nodes)
    names.push_back(name_of(graph, graph.nodes[static_cast<std::size_t>(node)]));
  graph.regions.erase(graph.regions.begin() + which);
  return names;
}

Names node_in_two_regions(Graph& graph, Draw& draw) {
  if (graph.regions.empty()) return {};
  Region& region = one_of(draw, graph.regions);
  region.nodes.push_back(region.nodes.back());
  return {name_of(graph, graph.nodes[static_cast<std::size_t>(region.nodes.back())])};
}

Names nothing_stored(Graph& graph, Draw& draw) {
  if (graph.outputs.empty() || graph.regions.empty()) return {};
  const ValueId output = one_of(draw, graph.outputs).second;
  if (graph.values[output].producer < 0) return {};
  for (Region& region : graph.regions) std::erase(region.stored, output);
  Names names = {graph.values[output].name}; // for a region that reads it
  for (const auto& [name, value] : graph.outputs)
    if (value == output) names.push_back(name);
  return names;
}

Names stores_of_others(Graph& graph, Draw& draw) {
  if (graph.regions.empty()) return {};
  one_of(draw, graph.regions).stored.push_back(graph.inputs[0]);
  return {graph.values[graph.inputs[0]].name};
}

const std::vector<Rule>& rules() {
  static const std::vector<Rule> list = {
      {"second name", second_name},
      {"unknown input", unknown_input},
      {"unknown output", unknown_output},
      {"other element", other_element},
      {"other rank", other_rank},
      {"inner batch", inner_batch},
      {"missing index", missing_index},
      {"out of range", out_of_range},
      {"out of the batch", out_of_batch},
      {"another type", read_of_another_type},
      {"target indexed twice", target_indexed_twice},
      {"missing statement", missing_statement},
      {"second definition", second_definition},
      {"unknown scalar", unknown_scalar},
      {"wrong order", wrong_order},
      {"order of a free variable", order_of_a_free_variable},
      {"too few inputs", too_few_inputs},
      {"cycle", cycle},
      {"cycle in a loop", cycle_in_a_loop},
      {"reader first", reader_first},
      {"trained state", trained_state},
      {"next of another type", next_of_another_type},
      {"next that is given", next_that_is_given},
      {"initial of another type", initial_of_another_type},
      {"second output", second_output},
      {"second scalar", second_scalar},
      {"other steps", other_steps},
      {"other direction", other_direction},
      {"empty loop", empty_loop},
      {"layout without a digit", layout_without_a_digit},
      {"layout with a digit twice", layout_with_a_digit_twice},
      {"batch inside", batch_inside},
      {"crooked offset", crooked_offset},
      {"kept across another", kept_across_another},
      {"beyond the arena", beyond_the_arena},
      {"padding without batch", padding_without_batch},
      {"missing region", missing_region},
      {"node in two regions", node_in_two_regions},
      {"nothing stored", nothing_stored},
      {"stores of others", stores_of_others},
  };
  return list;
}

} // namespace

std::optional<Spoiled> spoil(Graph graph, Draw& draw) {
  const Rule& rule = draw.of(rules());
  const Names names = rule.change(graph, draw);
  if (names.empty()) return std::nullopt;
  return Spoiled{rule.name, print(graph), names};
}

} // namespace striate
