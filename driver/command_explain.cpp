// striate explain op NAME [--grad]: the definition at example shapes, and its derived gradients, in index
// notation.

#include "driver/commands.h"
#include "driver/program.h"
#include "frontend/example_shapes.h"
#include "frontend/parser.h"
#include "passes/differentiate.h"
#include "passes/eliminate_dead_nodes.h"
#include "passes/expand_calls.h"

namespace striate {

static void print_statements(const Graph& graph, NodeId first) {
  for (NodeId n = first; n < static_cast<NodeId>(graph.nodes.size()); ++n) {
    const Node& node = graph.nodes[n];
    const Statement& statement = statement_of(node);
    fmt::print(
        "{}\n", statement_text(statement, [&](int operand) {
          return graph.values[operand == statement.target ? node.outputs[0] : node.inputs[operand]].name;
        }));
  }
}

int command_explain(const Options& options) {
  Diagnostics diagnostics;
  std::optional<ast::File> file;
  if (!options.file.empty()) {
    Result<std::string> text = read_program_text(options.file);
    if (!text) return report(text.failure());
    file = parse(options.file, *text, diagnostics);
  }
  std::shared_ptr<const Definition> definition;
  if (!diagnostics.has_errors())
    definition = instantiate_example(file ? &*file : nullptr, options.name, diagnostics);
  if (!definition) {
    fmt::print(stderr, "{}", diagnostics.render(use_color(options)));
    return static_cast<int>(ExitCode::Failed);
  }

  // The definition as a graph of its own, so that it is differentiated as any other.
  Graph graph;
  graph.name = options.name;
  graph.entry = "explain";
  Node call;
  call.op = definition->name;
  call.definition = definition;
  for (int k = 0; k < definition->input_count; ++k) {
    const Operand& operand = definition->operands[k];
    const ValueId input = graph.add_value(operand.name, operand.type, ValueRole::Input, {});
    graph.inputs.push_back(input);
    call.inputs.push_back(input);
    fmt::print("{}: {}\n", operand.name, operand.type.text());
  }
  std::vector<std::string> outputs;
  for (int output : definition->outputs) outputs.push_back(definition->operands[output].name);
  const NodeId node = graph.add_node(std::move(call), outputs);
  const ValueId result = graph.nodes[node].outputs[0];
  for (ValueId output : graph.nodes[node].outputs) {
    graph.outputs.emplace_back(graph.values[output].name, output);
    fmt::print("{}: {}\n", graph.values[output].name, graph.values[output].type.text());
  }
  expand_calls(graph);
  fmt::print("\n");
  print_statements(graph, 0);
  if (!options.gradient) return 0;

  const NodeId forward = static_cast<NodeId>(graph.nodes.size());
  const TensorType type = graph.values[result].type;
  if (type.element != ElementType::F32) {
    fmt::print("\n`{}` is not real: it has no gradient\n", graph.values[result].name);
    return 0;
  }
  const ValueId seed = graph.add_value(graph.values[result].name + ".grad", type, ValueRole::Input, {});
  const std::vector<ValueId> inputs = graph.inputs;
  const Result<std::map<ValueId, ValueId>> gradients = append_adjoints(graph, result, seed, inputs);
  if (!gradients) return report(gradients.failure());
  fmt::print("\n");
  print_statements(graph, forward);
  for (const auto& [input, gradient] : *gradients)
    if (gradient < 0) fmt::print("{}.grad = 0\n", graph.values[input].name);
  return 0;
}

} // namespace striate
