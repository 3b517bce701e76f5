#include "passes/input_ranges.h"

#include "passes/eliminate_dead_nodes.h"
#include "passes/expand_calls.h"
#include "passes/inline_pointwise.h"

#include <map>

namespace striate {

// An element of an operand, plus a constant.
struct Shifted {
  const Expr* read = nullptr;
  int64_t offset = 0;
};

static std::optional<Shifted> shifted_read(const ExprRef& e) {
  if (e->kind == Expr::Kind::Read) return Shifted{e.get(), 0};
  if (e->kind != Expr::Kind::Apply || (e->function != Function::Add && e->function != Function::Sub))
    return std::nullopt;
  ExprRef of = e->arguments[0], by = e->arguments[1];
  if (e->function == Function::Add && of->kind == Expr::Kind::Constant) std::swap(of, by);
  if (of->kind != Expr::Kind::Read || by->kind != Expr::Kind::Constant || by->type != ScalarType::Int)
    return std::nullopt;
  const auto offset = static_cast<int64_t>(by->constant);
  return Shifted{of.get(), e->function == Function::Add ? offset : -offset};
}

// Whether the statement itself compares the operand with a constant.
static bool is_bounded_beside(const Statement& statement, int operand) {
  bool bounded = false;
  visit(statement.body, [&](const ExprRef& e) {
    if (e->kind != Expr::Kind::Apply) return;
    if (e->function != Function::Less && e->function != Function::LessEqual && e->function != Function::Equal)
      return;
    for (int side = 0; side < 2; ++side) {
      const auto read = shifted_read(e->arguments[side]);
      if (read && read->read->operand == operand && e->arguments[1 - side]->kind == Expr::Kind::Constant)
        bounded = true;
    }
  });
  return bounded;
}

// The name of a value that the statement reads at the variable itself: under its output's name where it has
// one.
static std::string counted_by(const Graph& graph, const Node& node, const Statement& statement,
                              int variable) {
  std::string name;
  visit(statement.body, [&](const ExprRef& e) {
    if (!name.empty() || e->kind != Expr::Kind::Read) return;
    for (const IndexExpr& index : e->indices)
      if (index.as_variable() == variable) name = graph.values[node.inputs[e->operand]].name;
  });
  for (const auto& [output, value] : graph.outputs)
    if (graph.values[value].name == name) return output;
  return name;
}

std::vector<InputRange> input_ranges(const Graph& original) {
  Graph graph = original;
  std::map<std::string, ValueId> number;
  for (ValueId input : original.inputs) number[original.values[input].name] = input;
  expand_calls(graph);
  eliminate_dead_nodes(graph);
  // So that an input seen through views and shifts is seen.
  inline_pointwise(graph);

  std::map<ValueId, InputRange> ranges;
  for (const Node& node : graph.nodes) {
    const Statement& statement = statement_of(node);
    visit(statement.body, [&](const ExprRef& e) {
      if (e->kind != Expr::Kind::Apply || e->function != Function::Equal) return;
      for (int side = 0; side < 2; ++side) {
        const ExprRef& index = e->arguments[side];
        const auto read = shifted_read(e->arguments[1 - side]);
        if (index->kind != Expr::Kind::Index || !read) continue;
        const std::optional<int> variable = index->indices[0].as_variable();
        if (!variable || statement.variables[*variable].extent.batch) continue;
        const Value& value = graph.values[node.inputs[read->read->operand]];
        if (value.role != ValueRole::Input || is_bounded_beside(statement, read->read->operand)) continue;
        const Interval values = {-read->offset,
                                 statement.variables[*variable].extent.factor - 1 - read->offset};
        const ValueId input = number.at(value.name);
        const auto [found, added] = ranges.try_emplace(input);
        InputRange& range = found->second;
        if (!added && range.values.low >= values.low && range.values.high <= values.high) continue;
        range = {input, values, node.op, node.location, counted_by(graph, node, statement, *variable)};
      }
    });
  }
  std::vector<InputRange> result;
  for (ValueId input : original.inputs)
    if (const auto found = ranges.find(input); found != ranges.end()) result.push_back(found->second);
  return result;
}

} // namespace striate
