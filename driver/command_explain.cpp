// striate explain CODE: the page of a message. striate explain op NAME [--grad]: the definition at example
// shapes, and its derived gradients, in index notation.

#include "driver/commands.h"
#include "driver/definition_gradient.h"
#include "driver/error_pages.h"
#include "driver/library_page.h"
#include "driver/print_diagnostics.h"
#include "driver/program.h"
#include "frontend/example_shapes.h"
#include "frontend/parser.h"
#include "frontend/used_files.h"
#include "passes/expand_calls.h"

#include <cctype>

namespace striate {

static int explain_code(std::string code) {
  for (char& c : code) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  std::vector<std::string> codes;
  for (const ErrorPage& page : error_pages()) {
    codes.push_back(page.name.substr(0, page.name.find('.')));
    if (codes.back() != code) continue;
    fmt::print("{}", page.text);
    return 0;
  }
  const std::string near = nearest_name(code, codes);
  return report({ExitCode::Usage, fmt::format("no message has the code `{}`; {}", code,
                                              near.empty() ? "`striate explain --list` shows all"
                                                           : fmt::format("did you mean `{}`?", near))});
}

static int list_codes() {
  for (const ErrorPage& page : error_pages())
    fmt::print("{}\n", page.text.substr(2, page.text.find('\n') - 2));
  return 0;
}

static int explain_operator(const Options& options);

int command_explain(const Options& options) {
  if (options.list) return list_codes();
  if (options.library) {
    fmt::print("{}", library_page());
    return 0;
  }
  if (options.subject.empty())
    return report(
        {ExitCode::Usage, "what is to be explained? `striate explain op relu`, `striate explain E0203`"});
  if (options.subject == "op" && options.name.empty())
    return report({ExitCode::Usage, "the name of an operator is missing: `striate explain op relu`"});
  if (options.subject == "op") return explain_operator(options);
  if (options.subject.size() > 1 && std::isdigit(static_cast<unsigned char>(options.subject[1])))
    return explain_code(options.subject);
  return report(
      {ExitCode::Usage, fmt::format("`striate explain op {}` prints an operator", options.subject)});
}

static int explain_operator(const Options& options) {
  Diagnostics diagnostics;
  std::optional<ast::File> file;
  if (!options.file.empty()) {
    Result<std::string> text = read_program_text(options.file);
    if (!text) return report(text.failure());
    file = parse(options.file, *text, diagnostics);
    std::string used;
    add_used_files(*file, read_program_text, used, diagnostics);
  }
  std::optional<OperatorExample> example;
  if (!diagnostics.has_errors())
    example = instantiate_example(file ? &*file : nullptr, options.name, diagnostics);
  if (!example) {
    print_diagnostics(diagnostics, options);
    return static_cast<int>(ExitCode::Failed);
  }

  DefinitionGraph whole = graph_of(example->definition);
  Graph& graph = whole.graph;
  for (ValueId input : whole.inputs)
    fmt::print("{}: {}\n", graph.values[input].name, graph.values[input].type.text());
  for (ValueId output : whole.outputs)
    fmt::print("{}: {}\n", graph.values[output].name, graph.values[output].type.text());
  fmt::print("\n");
  fmt::print("{}", statements_text(graph, 0));
  if (!options.gradient) return 0;

  const NodeId forward = static_cast<NodeId>(graph.nodes.size());
  if (graph.values[whole.outputs[0]].type.element != ElementType::F32) {
    fmt::print("\n`{}` is not real: it has no gradient\n", graph.values[whole.outputs[0]].name);
    return 0;
  }
  const Result<std::map<ValueId, ValueId>> gradients = append_gradient(whole, 0);
  if (!gradients) return report(gradients.failure());
  fmt::print("\n");
  fmt::print("{}", statements_text(graph, forward));
  for (const auto& [input, gradient] : *gradients)
    if (gradient < 0) fmt::print("{}.grad = 0\n", graph.values[input].name);
  return 0;
}

} // namespace striate
