#include "driver/report/graph_dot.h"

#include "driver/report/graph_facts.h"

#include <fmt/format.h>

namespace striate {

std::string dot_quoted(const std::string& text) {
  std::string result = "\"";
  for (const char character : text) {
    if (character == '\n') {
      result += "\\n";
      continue;
    }
    // A NUL would end the file for Graphviz.
    if (character == '\0') continue;
    if (character == '"' || character == '\\') result += '\\';
    result += character;
  }
  return result + "\"";
}

static const char* color_of(StepPart part) {
  switch (part) {
  case StepPart::Forward:
    return "#dbe9fb";
  case StepPart::Backward:
    return "#fde3d3";
  case StepPart::Update:
    return "#dcf1e0";
  }
  return "";
}

std::string graph_dot(const Graph& graph) {
  const std::vector<StepPart> parts = step_parts(graph);
  const std::vector<ValueUse> uses = value_uses(graph);
  std::string text = fmt::format("digraph {} {{\n", dot_quoted(graph.name + "." + graph.entry));
  text += "  node [shape=box, style=filled, fontname=\"Helvetica\", fontsize=10];\n"
          "  edge [fontname=\"Helvetica\", fontsize=8, color=\"#667085\"];\n";
  for (ValueId input : graph.inputs) {
    if (uses[input].readers.empty()) continue;
    const Value& value = graph.values[input];
    text += fmt::format("  v{} [shape=ellipse, fillcolor=\"#eceff3\", label={}];\n", input,
                        dot_quoted(value.name + "\n" + value.type.text()));
  }
  for (std::size_t r = 0; r < graph.regions.size(); ++r) {
    const Region& region = graph.regions[r];
    std::string label = fmt::format("{}  {}", r, region.name);
    for (NodeId node : region.nodes) {
      const Value& value = graph.values[graph.nodes[node].outputs[0]];
      label += fmt::format("\n{} = {} : {}", value.name, graph.nodes[node].op, value.type.text());
    }
    text += fmt::format("  k{} [fillcolor=\"{}\", label={}];\n", r, color_of(parts[region.nodes[0]]),
                        dot_quoted(label));
  }
  // Parameters and states go everywhere, and stand in the names of what is computed from them.
  for (std::size_t v = 0; v < graph.values.size(); ++v) {
    const Value& value = graph.values[v];
    if (value.role == ValueRole::Parameter || value.role == ValueRole::State) continue;
    for (const int reader : uses[v].readers) {
      const std::string from =
          uses[v].writer < 0 ? fmt::format("v{}", v) : fmt::format("k{}", uses[v].writer);
      text += fmt::format("  {} -> k{} [label={}];\n", from, reader,
                          dot_quoted(value.name + "\n" + value.type.text()));
    }
  }
  return text + "}\n";
}

} // namespace striate
