#include "passes/expand_calls.h"

#include <map>

namespace striate {

static ExprRef renumber_operands(const ExprRef& body, const std::map<int, int>& numbers) {
  return rewrite(body, [&](const ExprRef& e) -> ExprRef {
    if (e->kind != Expr::Kind::Read) return e;
    Expr copy = *e;
    copy.operand = numbers.at(e->operand);
    return std::make_shared<const Expr>(std::move(copy));
  });
}

// A variable with one value is that value. Every dimension of the target and every reduction keeps a
// variable.
static void drop_unit_variables(Statement& statement) {
  std::vector<bool> keep(statement.variables.size(), true);
  const auto is_unit = [&](int v) { return statement.variables[v].extent.is_constant(1); };
  for (std::vector<int>& digits : statement.output) {
    for (std::size_t k = digits.size(); k-- > 0 && digits.size() > 1;) {
      if (!is_unit(digits[k])) continue;
      keep[digits[k]] = false;
      digits.erase(digits.begin() + static_cast<long>(k));
    }
  }
  int reduced_left = statement.reduced_count();
  for (std::size_t v = statement.free_count; v < statement.variables.size() && reduced_left > 1; ++v) {
    if (!is_unit(static_cast<int>(v))) continue;
    keep[v] = false;
    --reduced_left;
  }
  std::vector<IndexExpr> replacement;
  std::vector<int> number;
  std::vector<IndexVariable> variables;
  int free_count = 0;
  for (std::size_t v = 0; v < statement.variables.size(); ++v) {
    number.push_back(static_cast<int>(variables.size()));
    replacement.push_back(keep[v] ? IndexExpr::variable(number.back()) : IndexExpr(0));
    if (!keep[v]) continue;
    variables.push_back(statement.variables[v]);
    if (static_cast<int>(v) < statement.free_count) ++free_count;
  }
  if (variables.size() == statement.variables.size()) return;
  for (std::vector<int>& digits : statement.output)
    for (int& digit : digits) digit = number[digit];
  statement.body = substitute(statement.body, [&](int v) { return replacement[v]; });
  statement.variables = std::move(variables);
  statement.free_count = free_count;
}

// A definition of one statement over exactly the values it reads, each once.
static std::shared_ptr<const Definition> single_statement(const Graph& graph, const std::string& name,
                                                          std::vector<ValueId>& inputs, Statement statement,
                                                          const std::string& target_name,
                                                          const TensorType& type) {
  std::map<ValueId, int> number_of_value;
  std::map<int, int> numbers;
  std::vector<ValueId> used;
  visit(statement.body, [&](const ExprRef& e) {
    if (e->kind != Expr::Kind::Read) return;
    CHECK(e->operand >= 0 && e->operand < static_cast<int>(inputs.size()));
    const ValueId value = inputs[e->operand];
    auto [found, added] = number_of_value.try_emplace(value, static_cast<int>(used.size()));
    if (added) used.push_back(value);
    numbers[e->operand] = found->second;
  });
  statement.body = renumber_operands(statement.body, numbers);
  auto definition = std::make_shared<Definition>();
  definition->name = name;
  for (ValueId value : used)
    definition->operands.push_back({graph.values[value].name, graph.values[value].type});
  definition->input_count = static_cast<int>(used.size());
  definition->operands.push_back({target_name, type});
  definition->outputs = {definition->input_count};
  statement.target = definition->input_count;
  definition->statements.push_back(std::move(statement));
  inputs = std::move(used);
  return definition;
}

const Statement& statement_of(const Node& node) {
  CHECK(node.definition->statements.size() == 1 && node.outputs.size() == 1, "{} is not expanded", node.op);
  return node.definition->statements[0];
}

ValueId add_statement(Graph& graph, const std::string& op, const std::string& path,
                      const std::string& output_name, TensorType type, std::vector<ValueId> inputs,
                      Statement statement, SourceLocation location) {
  const ValueId value =
      graph.add_value(graph.unique_name(output_name), std::move(type), ValueRole::Computed, location);
  define_value(graph, value, op, path, std::move(inputs), std::move(statement), location);
  return value;
}

void define_value(Graph& graph, ValueId value, const std::string& op, const std::string& path,
                  std::vector<ValueId> inputs, Statement statement, SourceLocation location) {
  Value& target = graph.values[value];
  Node node;
  node.op = op;
  node.path = path;
  node.location = location;
  node.definition = single_statement(graph, op, inputs, std::move(statement), target.name, target.type);
  node.inputs = std::move(inputs);
  node.outputs = {value};
  target.producer = static_cast<NodeId>(graph.nodes.size());
  graph.nodes.push_back(std::move(node));
}

Statement pointwise_statement(const TensorType& type) {
  Statement statement;
  for (std::size_t d = 0; d < type.shape.size(); ++d) {
    statement.variables.push_back({fmt::format("i{}", d), type.shape[d]});
    statement.output.push_back({static_cast<int>(d)});
  }
  statement.free_count = static_cast<int>(type.shape.size());
  return statement;
}

void set_statement(Graph& graph, NodeId id, std::vector<ValueId> inputs, Statement statement) {
  Node& node = graph.nodes[id];
  const Value& target = graph.values[node.outputs[0]];
  node.definition =
      single_statement(graph, node.definition->name, inputs, std::move(statement), target.name, target.type);
  node.inputs = std::move(inputs);
}

void expand_calls(Graph& graph) {
  std::vector<Node> calls = std::move(graph.nodes);
  graph.nodes.clear();
  for (Node& call : calls) {
    const Definition& definition = *call.definition;
    std::vector<ValueId> values(definition.operands.size(), -1);
    for (std::size_t i = 0; i < call.inputs.size(); ++i) values[i] = call.inputs[i];
    for (std::size_t i = 0; i < call.outputs.size(); ++i) values[definition.outputs[i]] = call.outputs[i];
    for (const Statement& statement : definition.statements) {
      ValueId& target = values[statement.target];
      if (target < 0) {
        const std::string base = call.outputs.empty() ? call.op : graph.values[call.outputs[0]].name;
        target =
            graph.add_value(graph.unique_name(base + "." + definition.operands[statement.target].name),
                            definition.operands[statement.target].type, ValueRole::Computed, call.location);
      }
      Statement plain = statement;
      drop_unit_variables(plain);
      Node node;
      node.op = call.op;
      node.path = call.path;
      node.attributes = call.attributes;
      node.location = call.location;
      node.loop = call.loop;
      node.inputs = values;
      const Value& value = graph.values[target];
      node.definition =
          single_statement(graph, call.op, node.inputs, std::move(plain), value.name, value.type);
      node.outputs = {target};
      graph.values[target].producer = static_cast<NodeId>(graph.nodes.size());
      graph.nodes.push_back(std::move(node));
    }
  }
}

} // namespace striate
