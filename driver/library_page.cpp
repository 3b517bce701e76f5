#include "driver/library_page.h"

#include "driver/definition_gradient.h"
#include "driver/item_comment.h"
#include "driver/usage_example.h"
#include "frontend/example_shapes.h"
#include "frontend/library.h"
#include "frontend/parser.h"

#include <sstream>

namespace striate {

// The text of an item: from its line to the comment of the next one.
static std::string source_of(const std::vector<std::string>& lines, int first, int next) {
  auto end = static_cast<std::size_t>(next - 1);
  while (end > static_cast<std::size_t>(first) && (lines[end - 1].empty() || lines[end - 1][0] == '#')) --end;
  std::string text;
  for (auto i = static_cast<std::size_t>(first - 1); i < end; ++i) text += lines[i] + "\n";
  return text;
}

// The statements of an op's derived gradient, at example shapes; "" where it has none.
static std::string gradient_of(const std::string& op) {
  Diagnostics diagnostics;
  const auto example = instantiate_example(nullptr, op, diagnostics);
  if (!example) return "";
  DefinitionGraph whole = graph_of(example->definition);
  const Graph& graph = whole.graph;
  if (whole.inputs.empty() ||
      graph.values[static_cast<std::size_t>(whole.outputs[0])].type.element != ElementType::F32)
    return "";
  std::string text;
  for (ValueId input : whole.inputs) {
    const Value& value = graph.values[static_cast<std::size_t>(input)];
    text += (text.empty() ? "# at " : ", ") + value.name + ": " + value.type.text();
  }
  const NodeId forward = static_cast<NodeId>(graph.nodes.size());
  if (!append_gradient(whole, 0)) return "";
  const std::string statements = statements_text(graph, forward);
  return statements.empty() ? "" : text + "\n" + statements;
}

std::string library_page() {
  std::string page = "# The library\n\nWritten by `striate explain --library`; `tests/update "
                     "docs/library.md` writes it anew. "
                     "The standard library is text in `std/`, and this is all of it.\n";
  for (const StandardFile& file : standard_library()) {
    Diagnostics diagnostics;
    const ast::File parsed = parse(file.name, file.text, diagnostics);
    std::vector<std::string> lines;
    std::istringstream stream(file.text);
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
    page += "\n## " + file.name + "\n";
    for (std::size_t i = 0; i < parsed.items.size(); ++i) {
      const ast::Item& item = parsed.items[i];
      const int next = i + 1 < parsed.items.size() ? parsed.items[i + 1].location.line
                                                   : static_cast<int>(lines.size()) + 1;
      const ItemComment comment = comment_of(item.documentation);
      page += "\n### " + item.name + "\n\n" + comment.text;
      if (!comment.written.empty()) page += "Written `" + comment.written + "`.\n";
      if (!comment.also_called.empty()) page += "Elsewhere: " + comment.also_called + ".\n";
      if (!comment.onnx.empty()) page += "In ONNX: " + comment.onnx + ".\n";
      page += "\n```\n" + source_of(lines, item.location.line, next) + "```\n";
      page += "\n" + usage_example(item);
      const std::string gradient = item.kind == ast::ItemKind::Op ? gradient_of(item.name) : "";
      if (!gradient.empty()) page += "\nIts gradient, derived:\n\n```\n" + gradient + "```\n";
    }
  }
  return page;
}

} // namespace striate
