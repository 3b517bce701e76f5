#include "passes/settle_persistents.h"

#include "passes/expand_calls.h"

#include <algorithm>

namespace striate {

// Each read of `value` is of the element that the node computes.
static bool reads_in_place(const Node& node, ValueId value) {
  const Statement& statement = statement_of(node);
  const std::vector<IndexExpr> here = statement.output_indices();
  bool in_place = true;
  visit(statement.body, [&](const ExprRef& e) {
    if (e->kind == Expr::Kind::Read && node.inputs[e->operand] == value)
      in_place = in_place && !e->has_else && e->indices == here;
  });
  return in_place;
}

// Why `next` cannot be computed where the old value lies, or "".
static std::string refusal(const Graph& graph, const Persistent& persistent,
                           const std::vector<NodeId>& readers) {
  const NodeId producer = graph.values[persistent.next].producer;
  const auto takes_it = [&](const Persistent& other) { return other.next == persistent.next; };
  if (std::count_if(graph.persistents.begin(), graph.persistents.end(), takes_it) > 1)
    return "it replaces several values";
  for (NodeId reader : readers)
    if (reader > producer)
      return fmt::format("`{}` still reads the old value", graph.values[graph.nodes[reader].outputs[0]].name);
  if (!reads_in_place(graph.nodes[producer], persistent.value))
    return "it reads the old value at other elements";
  return "";
}

void settle_persistents(Graph& graph) {
  const std::vector<std::vector<NodeId>> readers = graph.readers();
  // Judged before the first copy is made: a copy reads no old value but at the end.
  std::vector<std::string> reasons;
  for (const Persistent& persistent : graph.persistents)
    reasons.push_back(persistent.next < 0 ? "" : refusal(graph, persistent, readers[persistent.value]));
  for (std::size_t k = 0; k < graph.persistents.size(); ++k) {
    if (reasons[k].empty()) continue;
    const ValueId next = graph.persistents[k].next;
    const Value value = graph.values[graph.persistents[k].value];
    Statement copy = pointwise_statement(value.type);
    copy.body = read(0, copy.output_indices(), scalar_type_of(value.type.element));
    graph.persistents[k].next = add_statement(graph, "copy", "", value.name + ".kept", value.type, {next},
                                              std::move(copy), value.location);
    graph.decide("settle_persistents", graph.values[next].name, "copied at the end", reasons[k]);
  }
}

} // namespace striate
