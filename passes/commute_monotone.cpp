#include "passes/commute_monotone.h"

#include "passes/eliminate_dead_nodes.h"
#include "passes/expand_calls.h"

#include <cmath>

namespace striate {

// The clamp's constant, where the statement is max(x[same place], c) and nothing else.
static std::optional<double> clamp_constant(const Statement& statement) {
  const ExprRef& body = statement.body;
  if (statement.reduces() || body->kind != Expr::Kind::Apply || body->function != Function::Max)
    return std::nullopt;
  const ExprRef &x = body->arguments[0], &c = body->arguments[1];
  if (x->kind != Expr::Kind::Read || x->has_else || c->kind != Expr::Kind::Constant) return std::nullopt;
  if (x->indices != statement.output_indices()) return std::nullopt;
  return c->constant;
}

void commute_monotone(Graph& graph) {
  const std::vector<bool> escapes = escaping_values(graph);
  const std::vector<std::vector<NodeId>> readers = graph.readers();
  const NodeId count = static_cast<NodeId>(graph.nodes.size());
  for (NodeId id = 0; id < count; ++id) {
    const Node window = graph.nodes[id];
    const Statement statement = statement_of(window);
    if (statement.reducer != Reducer::Max || statement.body->kind != Expr::Kind::Read) continue;
    const ExprRef source = statement.body;
    if (has_places(*source)) continue;
    if (source->has_else && source->constant != -INFINITY) continue;
    const ValueId clamped = window.inputs[source->operand];
    const NodeId producer = graph.values[clamped].producer;
    if (producer < 0 || escapes[clamped]) continue;
    const std::optional<double> bound = clamp_constant(statement_of(graph.nodes[producer]));
    if (!bound) continue;
    const std::string what = graph.values[clamped].name + ", " + graph.values[window.outputs[0]].name;
    if (readers[clamped].size() != 1) {
      graph.decide("commute_monotone", what, "kept",
                   fmt::format("`{}` has another reader", graph.values[clamped].name));
      continue;
    }
    // The window now reads the unclamped value and defines a new one; the clamp of that defines the old
    // output.
    const ValueId result = window.outputs[0];
    const Node clamp = graph.nodes[producer];
    const ValueId unclamped = clamp.inputs[0];
    Statement pooled = statement;
    Expr unclamped_read = *source;
    unclamped_read.operand = 0;
    pooled.body = std::make_shared<const Expr>(std::move(unclamped_read));
    const Value old = graph.values[result];
    const ValueId maximum = add_statement(graph, window.op, window.path, old.name + ".window", old.type,
                                          {unclamped}, std::move(pooled), window.location);
    graph.nodes.back().attributes = window.attributes;
    Statement outer = pointwise_statement(old.type);
    outer.body = apply(Function::Max, {read(0, outer.output_indices()), constant(*bound)});
    graph.nodes[id].op = clamp.op;
    graph.nodes[id].path = clamp.path;
    graph.nodes[id].attributes = clamp.attributes;
    graph.nodes[id].location = clamp.location;
    set_statement(graph, id, {maximum}, std::move(outer));
    graph.decide("commute_monotone", what, "window first",
                 "a clamp from below commutes with a window's maximum; backward needs only the pooled value");
  }
  eliminate_dead_nodes(graph);
}

} // namespace striate
