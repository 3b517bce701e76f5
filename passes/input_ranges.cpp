#include "passes/input_ranges.h"

#include "passes/eliminate_dead_nodes.h"
#include "passes/expand_calls.h"

#include <map>

namespace striate {

// An element of an operand, plus a constant.
struct Shifted {
  const Expr* read = nullptr;
  int64_t offset = 0;
};

static std::optional<Shifted> shifted_read(const ExprRef& e) {
  if (e->kind == Expr::Kind::Read && !has_places(*e)) return Shifted{e.get(), 0};
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

// The value that a chain of views and shifts begins with; `offset` becomes what its elements are shifted by.
static ValueId origin_of(const std::map<ValueId, const Node*>& producer, ValueId value, int64_t& offset) {
  for (;;) {
    const auto found = producer.find(value);
    if (found == producer.end()) return value;
    const Statement& statement = statement_of(*found->second);
    const auto shifted = statement.reduces() ? std::nullopt : shifted_read(statement.body);
    if (!shifted) return value;
    offset += shifted->offset;
    value = found->second->inputs[shifted->read->operand];
  }
}

std::vector<InputRange> input_ranges(const Graph& original) {
  Graph graph = original;
  std::map<std::string, ValueId> number;
  for (ValueId input : original.inputs) number[original.values[input].name] = input;
  expand_calls(graph);
  eliminate_dead_nodes(graph);
  std::map<ValueId, const Node*> producer;
  for (const Node& node : graph.nodes) producer[node.outputs[0]] = &node;

  std::map<ValueId, InputRange> ranges;
  for (const Node& node : graph.nodes) {
    const Statement& statement = statement_of(node);
    const auto demand = [&](const Shifted& read, int64_t size, const std::string& counted) {
      int64_t offset = read.offset;
      const Value& value = graph.values[origin_of(producer, node.inputs[read.read->operand], offset)];
      if (value.role != ValueRole::Input || is_bounded_beside(statement, read.read->operand)) return;
      const Interval values = {-offset, size - 1 - offset};
      const ValueId input = number.at(value.name);
      const auto [found, added] = ranges.try_emplace(input);
      InputRange& range = found->second;
      if (!added && range.values.low >= values.low && range.values.high <= values.high) return;
      range = {input, values, node.op, node.location, counted};
    };
    visit(statement.body, [&](const ExprRef& e) {
      if (e->kind == Expr::Kind::Read && has_places(*e) && e->constant == 0)
        for (std::size_t d = 0; d < e->arguments.size(); ++d)
          if (const auto read = shifted_read(e->arguments[d]); read && e->indices[d].is_constant()) {
            const Value& table = graph.values[node.inputs[e->operand]];
            demand({read->read, read->offset + e->indices[d].constant()}, table.type.shape[d].factor,
                   table.name);
          }
      if (e->kind != Expr::Kind::Apply || e->function != Function::Equal) return;
      for (int side = 0; side < 2; ++side) {
        const ExprRef& index = e->arguments[side];
        const auto read = shifted_read(e->arguments[1 - side]);
        if (index->kind != Expr::Kind::Index || !read) continue;
        const std::optional<int> variable = index->indices[0].as_variable();
        if (!variable || statement.variables[*variable].extent.batch) continue;
        demand(*read, statement.variables[*variable].extent.factor,
               counted_by(graph, node, statement, *variable));
      }
    });
  }
  std::vector<InputRange> result;
  for (ValueId input : original.inputs)
    if (const auto found = ranges.find(input); found != ranges.end()) result.push_back(found->second);
  return result;
}

} // namespace striate
