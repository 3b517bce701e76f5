#include "passes/lower_precision.h"

#include "passes/expand_calls.h"
#include "passes/order_nodes.h"
#include "passes/pad_contractions.h"

#include <algorithm>
#include <map>

namespace striate {

// Does the variable run along one of the indices, pairs of it along pairs of the dimension?
static bool runs_in_pairs(const ExprRef& factor, int variable) {
  bool found = false;
  for (const IndexExpr& index : factor->indices) {
    if (!index.uses(variable)) continue;
    if (found || !index.is_affine() || index.constant() % 2 != 0) return false;
    for (const IndexExpr::Term& term : index.terms())
      if (term.variable == variable ? term.coefficient != 1 : term.coefficient % 2 != 0) return false;
    found = true;
  }
  return found;
}

int pair_variable(const Statement& statement) {
  if (!is_contraction(statement)) return -1;
  const int first = statement.free_count;
  const Size& extent = statement.variables[static_cast<std::size_t>(first)].extent;
  const bool pairs =
      !extent.batch && extent.factor % 2 == 0 &&
      std::ranges::all_of(statement.body->arguments, [&](const ExprRef& factor) {
        return factor->kind == Expr::Kind::Read && factor->arguments.empty() && runs_in_pairs(factor, first);
      });
  return pairs ? first : -1;
}

bool multiplies_bfloat16(const Graph& graph, const Node& node) {
  const Statement& statement = statement_of(node);
  return is_contraction(statement) &&
         std::ranges::all_of(statement.body->arguments, [&](const ExprRef& factor) {
           return factor->kind == Expr::Kind::Read &&
                  graph.values[node.inputs[factor->operand]].type.element == ElementType::BF16;
         });
}

int paired_variable(const ReductionOrder& order) {
  if (order.loops.empty()) return -1;
  const ReductionLoop& last = order.loops.back();
  return last.down && last.step == 1 && last.extent.is_constant(2) ? last.variable : -1;
}

// How often a run multiplies each number of the node's weight; 0 where it does not multiply two real factors,
// one of them a weight.
static int64_t uses_of_weight(const Graph& graph, const Node& node, int64_t capacity) {
  const Statement& statement = statement_of(node);
  int64_t points = 1, uses = 0;
  for (const IndexVariable& variable : statement.variables) points *= variable.extent.at(capacity);
  for (const ExprRef& factor : statement.body->arguments) {
    const TensorType& type = graph.values[node.inputs[factor->operand]].type;
    if (type.element != ElementType::F32 || (!type.has_batch() && uses > 0)) return 0;
    if (!type.has_batch()) uses = points / std::max<int64_t>(type.elements(capacity), 1);
  }
  return uses;
}

void lower_precision(Graph& graph, int64_t capacity) {
  // Rounding a number takes six bytes of traffic, as long as some 16 multiplications of f32, half of which it
  // saves.
  constexpr int64_t kEnough = 32;
  std::map<ValueId, ValueId> rounded;
  const std::size_t nodes = graph.nodes.size();
  for (std::size_t n = 0; n < nodes; ++n) {
    const auto id = static_cast<NodeId>(n);
    const Statement statement = statement_of(graph.nodes[n]);
    if (pair_variable(statement) < 0 || graph.nodes[n].loop >= 0) continue;
    const int64_t uses = uses_of_weight(graph, graph.nodes[n], capacity);
    const std::string name = graph.values[graph.nodes[n].outputs[0]].name;
    if (uses > 0 && uses < kEnough)
      graph.decide("lower_precision", name, "f32",
                   fmt::format("each weight is multiplied {} times: rounding it takes longer", uses));
    if (uses < kEnough) continue;
    std::vector<ValueId> inputs = graph.nodes[n].inputs;
    for (ValueId& input : inputs) {
      auto known = rounded.find(input);
      if (known == rounded.end()) {
        const Value value = graph.values[input];
        TensorType type = value.type;
        type.element = ElementType::BF16;
        Statement copy = pointwise_statement(type);
        copy.body = apply(Function::Bfloat16, {read(0, copy.output_indices())});
        const ValueId result = add_statement(graph, "bf16", "", value.name + ".bf16", type, {input},
                                             std::move(copy), value.location);
        graph.values[result].zero_in_padding = value.zero_in_padding;
        known = rounded.emplace(input, result).first;
      }
      input = known->second;
    }
    graph.decide("lower_precision", name, "bf16", "pairs of products are added to sums in f32");
    set_statement(graph, id, std::move(inputs), statement);
  }
  if (!rounded.empty()) order_nodes(graph);
}

} // namespace striate
