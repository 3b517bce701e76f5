// The graph's text form; docs/ir.md has its grammar and parse.cpp reads it back.
#include "ir/expression_text.h"
#include "ir/graph/attributes.h"
#include "ir/graph/graph.h"

namespace striate {

namespace {

class GraphPrinter {
public:
  explicit GraphPrinter(const Graph& graph) : graph_(graph) {}

  std::string print() {
    text_ = "graph " + heading() + " {\n";
    if (graph_.arena_bytes > 0) line("arena {}", graph_.arena_bytes);
    for (const auto& [name, value] : graph_.scalars)
      line("scalar {} = {}", word_or_quoted(name), number_text(value));
    for (ValueId input : graph_.inputs) line("input {}", value_text(input, {}));
    for (const Persistent& persistent : graph_.persistents) line("{}", persistent_text(persistent));
    for (const Loop& loop : graph_.loops)
      line("loop {} steps {}{}", quoted(loop.name), loop.steps, loop.reverse ? " reverse" : "");
    for (const Node& node : graph_.nodes) line("{}", node_text(node));
    for (const auto& [name, value] : graph_.outputs)
      line("output {} = {}", word_or_quoted(name), name_of_value(value));
    for (const Region& region : graph_.regions)
      line("region {} {{ {} }}{}{}", quoted(region.name), node_list(region.nodes),
           region.stored.empty() ? "" : " stored " + value_list(region.stored),
           region.cost ? " " + cost_text(*region.cost) : "");
    for (const Decision& decision : graph_.decisions) line("{}", decision_text(decision));
    text_ += "}\n";
    for (const std::string& definition : definitions_) text_ += "\n" + definition + "\n";
    return std::move(text_);
  }

private:
  template <typename... Args>
  void line(fmt::format_string<Args...> format, Args&&... args) {
    text_ += "  " + fmt::format(format, std::forward<Args>(args)...) + "\n";
  }

  static bool plain(const std::string& name) { return is_word(name) && name.find('.') == std::string::npos; }

  std::string heading() const {
    if (plain(graph_.name) && plain(graph_.entry)) return graph_.name + "." + graph_.entry;
    return quoted(graph_.name) + " " + quoted(graph_.entry);
  }

  std::string name_of_value(ValueId id) const { return value_name_text(graph_.values.at(id).name); }

  std::string value_list(const std::vector<ValueId>& values) const {
    std::string text;
    for (ValueId value : values) text += (text.empty() ? "" : ", ") + name_of_value(value);
    return text;
  }

  // A node is named by its first output.
  std::string node_list(const std::vector<NodeId>& nodes) const {
    std::vector<ValueId> names;
    for (NodeId node : nodes) names.push_back(graph_.nodes.at(node).outputs.at(0));
    return value_list(names);
  }

  static std::string location_text(const SourceLocation& location) {
    if (!location.known()) return "";
    std::string text = fmt::format(" loc({}:{}:{}", quoted(location.file), location.line, location.column);
    if (location.length != 1) text += fmt::format("+{}", location.length);
    return text + ")";
  }

  // The value with what is known of it; `where` is the place it has anyway.
  std::string value_text(ValueId id, const SourceLocation& where) const {
    const Value& value = graph_.values.at(id);
    std::string text = name_of_value(id) + " : " + value.type.text();
    if (!value.layout.empty()) text += " layout " + value.layout.text();
    if (value.offset >= 0) text += fmt::format(" offset {}", value.offset);
    if (value.zero_in_padding) text += " zero_in_padding";
    if (value.location != where) text += location_text(value.location);
    return text;
  }

  std::string persistent_text(const Persistent& persistent) const {
    const Value& value = graph_.values.at(persistent.value);
    std::string text = value.role == ValueRole::Parameter ? "param " : "state ";
    text += value_text(persistent.value, {});
    if (persistent.trainable) text += " trainable";
    if (!persistent.group.empty()) text += " group " + quoted(persistent.group);
    if (persistent.next >= 0) text += " next " + name_of_value(persistent.next);
    if (!persistent.initial) return text;
    ExpressionNames names{[](int operand) { return "operand" + std::to_string(operand); },
                          [](int variable) { return "d" + std::to_string(variable); }, nullptr};
    return text + " = " + text_of(persistent.initial, names);
  }

  std::string node_text(const Node& node) {
    std::string text;
    for (ValueId output : node.outputs)
      text += (text.empty() ? "" : ", ") + value_text(output, node.location);
    text += " = " + word_or_quoted(node.op) + "(" + value_list(node.inputs) + ")";
    const std::string attributes = attributes_text(node.attributes);
    if (!attributes.empty()) text += " {" + attributes + "}";
    if (node.definition) text += " @" + name_of_definition(*node.definition);
    if (node.again) text += " again";
    if (node.loop >= 0) text += " loop " + quoted(graph_.loops.at(node.loop).name);
    if (!node.path.empty()) text += " path " + quoted(node.path);
    return text + location_text(node.location);
  }

  // Equal definitions are printed once.
  std::string name_of_definition(const Definition& definition) {
    std::string text = definition_text(definition);
    auto [known, is_new] = definition_names_.try_emplace(text);
    if (is_new) {
      std::string base = is_word(definition.name) ? definition.name : "op";
      known->second = fmt::format("{}.{}", base, definition_counts_[base]++);
      definitions_.push_back("define @" + known->second + " " + text);
    }
    return known->second;
  }

  static std::string decision_text(const Decision& decision) {
    std::string text = fmt::format("decide {} {} -> {} : {}", quoted(decision.pass), quoted(decision.what),
                                   quoted(decision.chosen), quoted(decision.reason));
    if (decision.estimate_seconds != 0) text += " estimate " + number_text(decision.estimate_seconds);
    std::string alternatives;
    for (const auto& [name, seconds] : decision.alternatives)
      alternatives += (alternatives.empty() ? "" : ", ") + quoted(name) + " = " + number_text(seconds);
    if (!alternatives.empty()) text += " instead of {" + alternatives + "}";
    return text;
  }

  const Graph& graph_;
  std::string text_;
  std::map<std::string, std::string> definition_names_;
  std::map<std::string, int> definition_counts_;
  std::vector<std::string> definitions_;
};

} // namespace

std::string print(const Graph& graph) { return GraphPrinter(graph).print(); }

} // namespace striate
