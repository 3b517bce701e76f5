// striate explain op NAME [--grad]: the definition at example shapes, and its derived gradients, in index
// notation.

#include "driver/commands.h"
#include "driver/definition_gradient.h"
#include "driver/program.h"
#include "frontend/example_shapes.h"
#include "frontend/parser.h"
#include "frontend/used_files.h"
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
    std::string used;
    add_used_files(*file, read_program_text, used, diagnostics);
  }
  std::shared_ptr<const Definition> definition;
  if (!diagnostics.has_errors())
    definition = instantiate_example(file ? &*file : nullptr, options.name, diagnostics);
  if (!definition) {
    fmt::print(stderr, "{}", diagnostics.render(use_color(options)));
    return static_cast<int>(ExitCode::Failed);
  }

  DefinitionGraph whole = graph_of(definition);
  Graph& graph = whole.graph;
  for (ValueId input : whole.inputs)
    fmt::print("{}: {}\n", graph.values[input].name, graph.values[input].type.text());
  for (ValueId output : whole.outputs)
    fmt::print("{}: {}\n", graph.values[output].name, graph.values[output].type.text());
  fmt::print("\n");
  print_statements(graph, 0);
  if (!options.gradient) return 0;

  const NodeId forward = static_cast<NodeId>(graph.nodes.size());
  if (graph.values[whole.outputs[0]].type.element != ElementType::F32) {
    fmt::print("\n`{}` is not real: it has no gradient\n", graph.values[whole.outputs[0]].name);
    return 0;
  }
  const Result<std::map<ValueId, ValueId>> gradients = append_gradient(whole, 0);
  if (!gradients) return report(gradients.failure());
  fmt::print("\n");
  print_statements(graph, forward);
  for (const auto& [input, gradient] : *gradients)
    if (gradient < 0) fmt::print("{}.grad = 0\n", graph.values[input].name);
  return 0;
}

} // namespace striate
