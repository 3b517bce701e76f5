#include "ir/graph/loops.h"

namespace striate {

int step_variable(const Statement& statement, const TensorType& target) {
  const auto dimension = static_cast<std::size_t>(step_dimension(target));
  if (dimension >= statement.output.size() || statement.output[dimension].size() != 1) return -1;
  return statement.output[dimension][0];
}

int step_variable(const Graph& graph, const Node& node) {
  if (node.loop < 0) return -1;
  return step_variable(node.definition->statements.at(0), graph.values[node.outputs.at(0)].type);
}

bool in_same_loop(const Graph& graph, const Node& node, ValueId value) {
  const NodeId producer = graph.values[value].producer;
  return node.loop >= 0 && producer >= 0 && graph.nodes[producer].loop == node.loop;
}

std::optional<int64_t> step_offset(int step_variable, const ExprRef& read, const TensorType& source) {
  const auto dimension = static_cast<std::size_t>(step_dimension(source));
  if (dimension >= read->indices.size()) return std::nullopt;
  const IndexExpr offset = read->indices[dimension] - IndexExpr::variable(step_variable);
  if (!offset.is_affine() || !offset.terms().empty()) return std::nullopt;
  return offset.constant();
}

StepReads step_reads(const Graph& graph, const Node& node, ValueId input) {
  const Definition& definition = *node.definition;
  StepReads reads;
  for (const Statement& statement : definition.statements) {
    const int step = step_variable(statement, definition.operands[statement.target].type);
    visit(statement.body, [&](const ExprRef& e) {
      if (e->kind != Expr::Kind::Read || e->operand >= definition.input_count) return;
      if (node.inputs[e->operand] != input) return;
      const bool same = step >= 0 && step_offset(step, e, graph.values[input].type) == 0;
      (same ? reads.same : reads.other) = true;
    });
  }
  return reads;
}

} // namespace striate
