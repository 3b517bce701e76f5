#include "driver/pass_stats.h"

#include "ir/difference.h"
#include "ir/expression_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

namespace striate {

namespace {

// Values by name as differences() writes them, and which node begins with one.
struct Names {
  explicit Names(const Graph& graph) {
    for (const Value& value : graph.values) values.insert(value_name_text(value.name));
    for (const Node& node : graph.nodes) {
      const std::string name = value_name_text(graph.values[node.outputs[0]].name);
      statements[name] = static_cast<int>(node.definition->statements.size());
    }
  }

  int in_all() const {
    int sum = 0;
    for (const auto& [name, count] : statements) sum += count;
    return sum;
  }

  std::set<std::string> values;
  std::map<std::string, int> statements; // per node
};

bool is_of_node(const Difference::Aspect& aspect) {
  static const std::set<std::string> kAspects = {"operator", "operands", "outputs", "attributes", "path",
                                                 "loop",     "order",    "region",  "place"};
  return kAspects.contains(aspect.name);
}

} // namespace

PassStats stats_of(const Graph& before, const Graph& after) {
  PassStats stats;
  const Names old_names(before), names(after);
  stats.values.all = static_cast<int>(names.values.size());
  stats.nodes.all = static_cast<int>(names.statements.size());
  stats.statements.all = names.in_all();
  stats.decisions = static_cast<int>(after.decisions.size()) - static_cast<int>(before.decisions.size());
  for (const Difference& difference : differences(before, after)) {
    if (difference.sort != "value") continue;
    const auto node = names.statements.find(difference.name),
               old_node = old_names.statements.find(difference.name);
    switch (difference.kind) {
    case Difference::Kind::Added:
      ++stats.values.added;
      if (node == names.statements.end()) break;
      ++stats.nodes.added;
      stats.statements.added += node->second;
      break;
    case Difference::Kind::Removed:
      ++stats.values.removed;
      if (old_node == old_names.statements.end()) break;
      ++stats.nodes.removed;
      stats.statements.removed += old_node->second;
      break;
    case Difference::Kind::Changed: {
      const bool ordered =
          std::ranges::any_of(difference.aspects, [](const auto& aspect) { return aspect.name == "order"; });
      const auto of_node = std::ranges::count_if(difference.aspects, is_of_node);
      if (of_node > 0 || !difference.lines.empty()) ++stats.nodes.changed;
      if (ordered || !difference.lines.empty()) ++stats.statements.changed;
      if (of_node < std::ssize(difference.aspects)) ++stats.values.changed;
      if (node == names.statements.end() || old_node == old_names.statements.end()) break;
      stats.statements.added += std::max(0, node->second - old_node->second);
      stats.statements.removed += std::max(0, old_node->second - node->second);
      break;
    }
    }
  }
  return stats;
}

std::string stats_table(const std::vector<std::pair<std::string, PassStats>>& passes) {
  const auto columns = [](const PassStats::Counts& counts) {
    return fmt::format("{:5} {:5} {:5} {:5}  ", counts.added, counts.removed, counts.changed, counts.all);
  };
  std::string text = fmt::format("{:25}{:25}values\n", "nodes", "statements");
  for (int k = 0; k < 3; ++k) text += fmt::format("{:>5} {:>5} {:>5} {:>5}  ", "+", "-", "~", "all");
  text += fmt::format("{:>9}  pass\n", "decisions");
  for (const auto& [pass, stats] : passes)
    text += columns(stats.nodes) + columns(stats.statements) + columns(stats.values) +
            fmt::format("{:9}  {}\n", stats.decisions, pass);
  return text;
}

} // namespace striate
