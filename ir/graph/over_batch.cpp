#include "ir/graph/over_batch.h"

namespace striate {

const Node* node_over_batch(const Graph& graph) {
  for (const Node& node : graph.nodes)
    for (const Statement& statement : node.definition->statements) {
      const std::vector<Operand>& operands = node.definition->operands;
      if (operands[static_cast<std::size_t>(statement.target)].type.has_batch()) continue;
      bool mixes = false;
      visit(statement.body, [&](const ExprRef& e) {
        mixes |=
            e->kind == Expr::Kind::Read && operands[static_cast<std::size_t>(e->operand)].type.has_batch();
      });
      if (mixes) return &node;
    }
  return nullptr;
}

} // namespace striate
