// Two graphs compared by name (ir/difference.h).
#include "ir/compare.h"
#include "ir/expression_text.h"
#include "ir/graph/attributes.h"

namespace striate {

namespace {

// A graph with what its values are in: for questions by name.
struct Indexed {
  explicit Indexed(const Graph& whole) : graph(whole), regions(whole.nodes.size(), -1) {
    persistents.resize(whole.values.size(), nullptr);
    for (const Persistent& persistent : whole.persistents) persistents[persistent.value] = &persistent;
    for (std::size_t r = 0; r < whole.regions.size(); ++r)
      for (NodeId node : whole.regions[r].nodes) regions[node] = static_cast<int>(r);
  }

  std::string name(ValueId id) const { return id < 0 ? "" : value_name_text(graph.values[id].name); }
  std::string names(const std::vector<ValueId>& ids) const {
    std::string text;
    for (ValueId id : ids) text += (text.empty() ? "" : ", ") + name(id);
    return text;
  }
  std::string node_names(const std::vector<NodeId>& nodes) const {
    std::vector<ValueId> ids;
    for (NodeId node : nodes) ids.push_back(graph.nodes[node].outputs[0]);
    return names(ids);
  }

  const Graph& graph;
  std::vector<int> regions; // per node
  std::vector<const Persistent*> persistents;
};

const char* role_text(ValueRole role) {
  switch (role) {
  case ValueRole::Computed:
    break;
  case ValueRole::Input:
    return "input";
  case ValueRole::Parameter:
    return "param";
  case ValueRole::State:
    return "state";
  }
  return "computed";
}

// The orders of a definition's reductions, and the definition without them.
std::pair<std::string, std::string> orders_and_rest(const Definition& definition) {
  Definition rest = definition;
  std::string orders;
  for (Statement& statement : rest.statements) {
    const auto operand = [&](int number) { return definition.operands[number].name; };
    const std::string whole = statement_text(statement, operand);
    statement.order = {};
    const std::size_t kept = statement_text(statement, operand).size();
    if (whole.size() > kept) orders += (orders.empty() ? "" : "; ") + whole.substr(kept + 1);
  }
  return {orders, definition_text(rest)};
}

class GraphComparison {
public:
  GraphComparison(const Graph& before, const Graph& after) : before_(before), after_(after) {}

  std::vector<Difference> run() {
    compare_heads();
    compare_scalars();
    compare_given();
    compare_computed();
    compare_loops();
    compare_outputs();
    compare_regions();
    compare_decisions();
    return std::move(result_);
  }

private:
  const Graph& a() const { return before_.graph; }
  const Graph& b() const { return after_.graph; }

  void compare_heads() {
    AspectList list;
    list.compare("name", a().name, b().name);
    list.compare("entry point", a().entry, b().entry);
    list.compare("arena bytes", a().arena_bytes, b().arena_bytes);
    if (!list.aspects.empty())
      result_.push_back({Difference::Kind::Changed, "graph", a().name + "." + a().entry, list.aspects, {}});
  }

  void compare_scalars() {
    const auto names = [](const Graph& graph) {
      NamedList list;
      for (const auto& [name, value] : graph.scalars) list.add(name);
      return list;
    };
    compare_lists(
        "scalar", names(a()), names(b()),
        [&](int i, int j, Difference& difference) {
          AspectList list;
          list.compare("first value", a().scalars[i].second, b().scalars[j].second);
          difference.aspects = std::move(list.aspects);
        },
        result_);
  }

  // Inputs, parameters and states, in the order of the text.
  void compare_given() {
    const auto given = [](const Indexed& in) {
      std::vector<ValueId> ids = in.graph.inputs;
      for (const Persistent& persistent : in.graph.persistents) ids.push_back(persistent.value);
      return ids;
    };
    compare_values(given(before_), given(after_));
  }

  void compare_computed() {
    const auto computed = [](const Indexed& in) {
      std::vector<ValueId> ids;
      for (const Node& node : in.graph.nodes) ids.insert(ids.end(), node.outputs.begin(), node.outputs.end());
      return ids;
    };
    compare_values(computed(before_), computed(after_));
  }

  void compare_values(const std::vector<ValueId>& before, const std::vector<ValueId>& after) {
    const auto names = [](const Indexed& in, const std::vector<ValueId>& ids) {
      NamedList list;
      for (ValueId id : ids) list.add(in.name(id));
      return list;
    };
    compare_lists(
        "value", names(before_, before), names(after_, after),
        [&](int i, int j, Difference& difference) { compare_value(before[i], after[j], difference); },
        result_);
  }

  void compare_value(ValueId before, ValueId after, Difference& difference) {
    const Value &one = a().values[before], &other = b().values[after];
    AspectList list;
    list.compare("role", role_text(one.role), role_text(other.role));
    list.compare("type", one.type.text(), other.type.text());
    list.compare("layout", one.layout.empty() ? "" : one.layout.text(),
                 other.layout.empty() ? "" : other.layout.text());
    list.compare("offset", one.offset < 0 ? "" : std::to_string(one.offset),
                 other.offset < 0 ? "" : std::to_string(other.offset));
    list.compare("zero in padding", one.zero_in_padding ? "yes" : "no", other.zero_in_padding ? "yes" : "no");
    if (before_.persistents[before] && after_.persistents[after])
      compare_persistents(*before_.persistents[before], *after_.persistents[after], list);
    if (one.producer >= 0 && other.producer >= 0)
      compare_nodes(one.producer, other.producer, before, after, list, difference.lines);
    difference.aspects = std::move(list.aspects);
  }

  void compare_persistents(const Persistent& one, const Persistent& other, AspectList& list) {
    list.compare("trainable", one.trainable ? "yes" : "no", other.trainable ? "yes" : "no");
    list.compare("group", one.group, other.group);
    list.compare("next value", before_.name(one.next), after_.name(other.next));
    const auto initial = [](const Persistent& persistent) {
      return persistent.initial ? expression_text(
                                      persistent.initial, [](int) { return std::string("operand"); },
                                      [](int variable) { return "d" + std::to_string(variable); })
                                : "";
    };
    list.compare("initial value", initial(one), initial(other));
  }

  // What computes a value; said once, with the first output of a node.
  void compare_nodes(NodeId before, NodeId after, ValueId one_output, ValueId other_output, AspectList& list,
                     std::vector<std::string>& lines) {
    const Node &one = a().nodes[before], &other = b().nodes[after];
    if (one.outputs[0] != one_output || other.outputs[0] != other_output) {
      list.compare("computed with", before_.name(one.outputs[0]), after_.name(other.outputs[0]));
      return;
    }
    list.compare("operator", one.op, other.op);
    list.compare("operands", before_.names(one.inputs), after_.names(other.inputs));
    list.compare("outputs", before_.names(one.outputs), after_.names(other.outputs));
    list.compare("attributes", attributes_text(one.attributes), attributes_text(other.attributes));
    list.compare("path", one.path, other.path);
    list.compare("again", one.again ? "yes" : "no", other.again ? "yes" : "no");
    list.compare("loop", one.loop < 0 ? "" : a().loops[one.loop].name,
                 other.loop < 0 ? "" : b().loops[other.loop].name);
    const auto [one_orders, one_rest] = orders_and_rest(*one.definition);
    const auto [other_orders, other_rest] = orders_and_rest(*other.definition);
    list.compare("order", one_orders, other_orders);
    lines = changed_lines(lines_of(one_rest), lines_of(other_rest));
    const auto region = [](const Indexed& in, NodeId node) {
      return in.regions[node] < 0 ? "" : quoted(in.graph.regions[in.regions[node]].name);
    };
    list.compare("region", region(before_, before), region(after_, after));
  }

  void compare_loops() {
    const auto names = [](const Graph& graph) {
      NamedList list;
      for (const Loop& loop : graph.loops) list.add(quoted(loop.name));
      return list;
    };
    compare_lists(
        "loop", names(a()), names(b()),
        [&](int i, int j, Difference& difference) {
          const Loop &one = a().loops[i], &other = b().loops[j];
          AspectList list;
          list.compare("steps", one.steps, other.steps);
          list.compare("direction", one.reverse ? "reverse" : "forward",
                       other.reverse ? "reverse" : "forward");
          difference.aspects = std::move(list.aspects);
        },
        result_);
  }

  void compare_outputs() {
    const auto names = [](const Graph& graph) {
      NamedList list;
      for (const auto& [name, value] : graph.outputs) list.add(name);
      return list;
    };
    compare_lists(
        "output", names(a()), names(b()),
        [&](int i, int j, Difference& difference) {
          AspectList list;
          list.compare("value", before_.name(a().outputs[i].second), after_.name(b().outputs[j].second));
          difference.aspects = std::move(list.aspects);
        },
        result_);
  }

  void compare_regions() {
    const auto names = [](const Graph& graph) {
      NamedList list;
      for (const Region& region : graph.regions) list.add(quoted(region.name));
      return list;
    };
    compare_lists(
        "region", names(a()), names(b()),
        [&](int i, int j, Difference& difference) {
          const Region &one = a().regions[i], &other = b().regions[j];
          AspectList list;
          list.compare("computes", before_.node_names(one.nodes), after_.node_names(other.nodes));
          list.compare("stores", before_.names(one.stored), after_.names(other.stored));
          list.compare(one.cost, other.cost);
          difference.aspects = std::move(list.aspects);
        },
        result_);
  }

  void compare_decisions() {
    const auto names = [](const Graph& graph) {
      NamedList list;
      for (const Decision& decision : graph.decisions) list.add(decision.pass + " " + quoted(decision.what));
      return list;
    };
    compare_lists(
        "decision", names(a()), names(b()),
        [&](int i, int j, Difference& difference) {
          const Decision &one = a().decisions[i], &other = b().decisions[j];
          AspectList list;
          list.compare("chosen", one.chosen, other.chosen);
          list.compare("reason", one.reason, other.reason);
          list.compare("estimated seconds", one.estimate_seconds, other.estimate_seconds);
          const auto instead = [](const Decision& decision) {
            std::string text;
            for (const auto& [name, seconds] : decision.alternatives)
              text += fmt::format("{}{} = {}", text.empty() ? "" : ", ", quoted(name), number_text(seconds));
            return text;
          };
          list.compare("instead of", instead(one), instead(other));
          difference.aspects = std::move(list.aspects);
        },
        result_);
  }

  const Indexed before_, after_;
  std::vector<Difference> result_;
};

} // namespace

std::vector<Difference> differences(const Graph& before, const Graph& after) {
  return GraphComparison(before, after).run();
}

Cost cost_in_all(const Graph& graph) {
  std::vector<std::optional<Cost>> costs;
  for (const Region& region : graph.regions) costs.push_back(region.cost);
  return cost_in_all(costs);
}

} // namespace striate
