#include "frontend/lints.h"

#include "frontend/evaluate.h"

#include <algorithm>

namespace striate {

namespace {

struct Rule {
  std::vector<std::string> operators;
  bool with_parameter = false;
  std::string reason;
};

constexpr std::string_view kAfter = "warn after ";
constexpr std::string_view kWithParameter = "a parameter in ";
constexpr std::string_view kAsOutput = "warn as output: ";

std::vector<Rule> rules_of(const ast::Item& item) {
  std::vector<Rule> rules;
  for (std::string line : comment_lines(item)) {
    if (!line.starts_with(kAfter)) continue;
    Rule rule;
    line.erase(0, kAfter.size());
    const std::size_t colon = std::min(line.find(": "), line.size());
    rule.reason = line.substr(std::min(colon + 2, line.size()));
    line.erase(colon);
    rule.with_parameter = line.starts_with(kWithParameter);
    if (rule.with_parameter) line.erase(0, kWithParameter.size());
    rule.operators = comma_separated(line);
    rules.push_back(std::move(rule));
  }
  return rules;
}

// A call as it is written, where that is short.
std::string written(const Node& node, const Diagnostics& diagnostics) {
  constexpr std::size_t kShort = 40;
  const std::string text = diagnostics.source_text(node.location);
  return text.empty() || text.size() > kShort ? node.op : text;
}

class Lints {
public:
  Lints(const Graph& graph, const Library& library, Diagnostics& diagnostics)
      : graph_(graph), library_(library), diagnostics_(diagnostics) {}

  void run() {
    for (const Node& node : graph_.nodes)
      if (const ast::Item* op = library_.find(ast::ItemKind::Op, node.op)) check_call(node, *op);
    for (const ast::ItemKind kind : {ast::ItemKind::Model, ast::ItemKind::Layer})
      for (const ast::Item* item : library_.user_items(kind)) check_values(*item);
  }

private:
  const Node* producer(ValueId id) const {
    const NodeId node = graph_.values[static_cast<std::size_t>(id)].producer;
    return node < 0 ? nullptr : &graph_.nodes[static_cast<std::size_t>(node)];
  }

  bool has_parameter(const Node& node) const {
    return std::ranges::any_of(node.inputs, [&](ValueId input) {
      return graph_.values[static_cast<std::size_t>(input)].role == ValueRole::Parameter;
    });
  }

  void check_call(const Node& node, const ast::Item& op) {
    const Node* before = node.inputs.empty() ? nullptr : producer(node.inputs[0]);
    if (!before) return;
    for (const Rule& rule : rules_of(op)) {
      const bool applies = std::ranges::find(rule.operators, before->op) != rule.operators.end() &&
                           (!rule.with_parameter || has_parameter(*before));
      if (!applies) continue;
      diagnostics_
          .warning(Diagnostic::DoubtfulInput, node.location, "`{}` comes after `{}`",
                   written(node, diagnostics_), written(*before, diagnostics_))
          .note_at(before->location, "`{}` is applied here", written(*before, diagnostics_))
          .help("{}", rule.reason);
    }
  }

  // Names that a model or a layer gives a value and does not mention again.
  void check_values(const ast::Item& item) {
    std::map<std::string, int> mentions;
    visit_expressions(*item.body, [&](const ast::Expr& expr) {
      if (expr.kind == ast::ExprKind::Name) ++mentions[expr.text];
    });
    check_block(*item.body, mentions);
  }

  void check_block(const ast::Block& block, std::map<std::string, int>& mentions) {
    for (const ast::Stmt& statement : block.statements) {
      if (statement.kind != ast::StmtKind::Assign || statement.targets.size() != 1) continue;
      const ast::Expr& target = *statement.targets[0];
      if (target.kind != ast::ExprKind::Name || mentions[target.text] > 1) continue;
      diagnostics_
          .warning(Diagnostic::UnusedValue, target.location, "nothing uses the value of `{}`", target.text)
          .help("take the statement out, or write `output {} = ...` where it is a result", target.text);
    }
  }

  const Graph& graph_;
  const Library& library_;
  Diagnostics& diagnostics_;
};

} // namespace

void report_lints(const Graph& graph, const Library& library, Diagnostics& diagnostics) {
  Lints(graph, library, diagnostics).run();
}

void warn_of_output(const Node* node, const std::string& name, const Library& library,
                    Diagnostics& diagnostics) {
  const ast::Item* op = node ? library.find(ast::ItemKind::Op, node->op) : nullptr;
  if (!op) return;
  for (const std::string& line : comment_lines(*op))
    if (line.starts_with(kAsOutput))
      diagnostics
          .warning(Diagnostic::DoubtfulOutput, node->location, "the output `{}` comes from `{}`", name,
                   written(*node, diagnostics))
          .help("{}", line.substr(kAsOutput.size()));
}

} // namespace striate
