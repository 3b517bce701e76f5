#include "ir/graph/parse.h"

#include "ir/expression_reader.h"
#include "ir/graph/problems.h"
#include "ir/layout_text.h"

#include <algorithm>

namespace striate {

namespace {

class GraphReader {
public:
  GraphReader(const std::string& text, const std::string& file)
      : reader_(text, file), text_(text), file_(file) {}

  Result<Graph> read() {
    reader_.expect("graph");
    read_heading();
    reader_.expect("{");
    while (!reader_.failed() && !reader_.take("}")) read_item();
    std::map<std::string, std::shared_ptr<const Definition>> definitions;
    while (!reader_.failed() && !reader_.at_end()) {
      reader_.expect("define");
      std::string name = definition_name();
      auto definition = std::make_shared<const Definition>(read_definition(reader_));
      if (reader_.failed()) return within(reader_.failure(), "@" + name);
      if (!definitions.emplace(name, std::move(definition)).second)
        reader_.fail("a second definition called @{}", name);
    }
    for (std::size_t n = 0; n < graph_.nodes.size() && !reader_.failed(); ++n) {
      auto known = definitions.find(definition_names_[n]);
      if (known == definitions.end()) reader_.fail("there is no definition @{}", definition_names_[n]);
      if (!reader_.failed()) graph_.nodes[n].definition = known->second;
    }
    for (const LaterInput& later : later_inputs_)
      if (!reader_.failed()) graph_.nodes[later.node].inputs[later.input] = existing(later.name);
    for (auto& [persistent, next] : next_names_)
      if (!reader_.failed()) graph_.persistents[persistent].next = existing(next);
    if (reader_.failed()) return reader_.failure();
    if (std::vector<GraphProblem> problems = problems_of(graph_); !problems.empty())
      return bad_data("{}:{}: {}{}", file_, line_of(problems.front()), problems.front().text,
                      place_of(problems.front()));
    return std::move(graph_);
  }

private:
  using Item = GraphProblem::Item;

  // The failure with the name of what was being read.
  static Failure within(Failure failure, const std::string& name) {
    failure.message += " (in " + name + ")";
    return failure;
  }

  // From here on the text of one more item of this sort.
  void begins(Item item) {
    reader_.peek();
    starts_[item].push_back(reader_.mark());
  }

  std::ptrdiff_t line_of(const GraphProblem& problem) const {
    const auto starts = starts_.find(problem.item);
    std::size_t start = 0;
    if (starts != starts_.end()) start = starts->second.at(static_cast<std::size_t>(problem.index));
    return std::count(text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(start), '\n') + 1;
  }

  // " (net.nn:7:9)": where it came from, if that is known.
  std::string place_of(const GraphProblem& problem) const {
    SourceLocation place;
    if (problem.item == Item::Value) place = graph_.values[problem.index].location;
    if (problem.item == Item::Node) place = graph_.nodes[problem.index].location;
    return place.known() ? " (" + place.text() + ")" : "";
  }

  void read_heading() {
    if (reader_.next_is_quote()) {
      graph_.name = reader_.quoted_string();
      graph_.entry = reader_.quoted_string();
      return;
    }
    std::string both = reader_.word("the graph's name");
    std::size_t dot = both.find('.');
    if (dot == std::string::npos || both.find('.', dot + 1) != std::string::npos)
      return reader_.fail("`{}` is not a model's name, a dot and an entry point", both);
    graph_.name = both.substr(0, dot);
    graph_.entry = both.substr(dot + 1);
  }

  void read_item() {
    if (reader_.next_is("%")) return read_node();
    std::string item = reader_.word("an input, a node, an output");
    if (item == "arena") {
      graph_.arena_bytes = reader_.integer();
    } else if (item == "scalar") {
      begins(Item::Scalar);
      std::string name = reader_.word_or_string("the name of a run-time scalar");
      reader_.expect("=");
      graph_.scalars.emplace_back(name, reader_.number());
    } else if (item == "input") {
      if (ValueId id = read_value(ValueRole::Input, {}); id >= 0) graph_.inputs.push_back(id);
    } else if (item == "param") {
      read_persistent(ValueRole::Parameter);
    } else if (item == "state") {
      read_persistent(ValueRole::State);
    } else if (item == "loop") {
      read_loop();
    } else if (item == "output") {
      begins(Item::Output);
      std::string name = reader_.word_or_string("an output's name");
      reader_.expect("=");
      graph_.outputs.emplace_back(name, existing(reader_.value_name()));
    } else if (item == "region") {
      read_region();
    } else if (item == "decide") {
      read_decision();
    } else {
      reader_.fail("`{}` is nothing that stands in a graph", item);
    }
  }

  ValueId existing(const std::string& name) {
    ValueId id = reader_.failed() ? -1 : graph_.find(name);
    if (id < 0) reader_.fail("no value is called %{}", name);
    return id;
  }

  void read_loop() {
    begins(Item::Loop);
    Loop loop;
    loop.name = reader_.quoted_string();
    reader_.expect("steps");
    loop.steps = reader_.positive();
    loop.reverse = reader_.take("reverse");
    graph_.loops.push_back(std::move(loop));
  }

  int loop_named(const std::string& name) {
    for (std::size_t l = 0; l < graph_.loops.size(); ++l)
      if (graph_.loops[l].name == name) return static_cast<int>(l);
    reader_.fail("there is no loop called \"{}\"", name);
    return -1;
  }

  std::string definition_name() {
    reader_.expect("@");
    return reader_.word("a definition's name");
  }

  // `%conv1 : f32[N,20,24,24] layout (..) offset 64 zero_in_padding loc(..)`; -1 on failure.
  ValueId read_value(ValueRole role, const SourceLocation& where) {
    reader_.peek();
    const std::size_t start = reader_.mark();
    std::string name = reader_.value_name();
    reader_.expect(":");
    TensorType type = reader_.type();
    if (reader_.failed()) return -1;
    if (graph_.find(name) >= 0) {
      reader_.fail("a second value called %{}", name);
      return -1;
    }
    ValueId id = graph_.add_value(name, type, role, where);
    starts_[Item::Value].push_back(start);
    Value& value = graph_.values[id];
    if (reader_.take("layout")) value.layout = read_layout(reader_, type);
    if (reader_.take("offset")) value.offset = reader_.integer();
    if (reader_.take("zero_in_padding")) value.zero_in_padding = true;
    if (reader_.take("loc")) value.location = reader_.location();
    return id;
  }

  void read_persistent(ValueRole role) {
    Persistent persistent;
    persistent.value = read_value(role, {});
    if (reader_.failed()) return;
    const TensorType type = graph_.values[persistent.value].type;
    if (reader_.take("trainable")) persistent.trainable = true;
    if (reader_.take("group")) persistent.group = reader_.quoted_string();
    if (reader_.take("next")) next_names_.emplace_back(graph_.persistents.size(), reader_.value_name());
    if (reader_.take("=")) {
      ExpressionScope scope;
      scope.variable = [&](const std::string& name) -> std::optional<int> {
        for (int64_t d = 0; d < type.rank(); ++d)
          if (name == "d" + std::to_string(d)) return static_cast<int>(d);
        return std::nullopt;
      };
      persistent.initial = as_type(read_expression(reader_, scope), scalar_type_of(type.element));
    }
    graph_.persistents.push_back(std::move(persistent));
  }

  void read_node() {
    begins(Item::Node);
    Node node;
    std::string missing; // an input that only a loop may have
    NodeId id = static_cast<NodeId>(graph_.nodes.size());
    std::vector<bool> placed; // outputs with a place of their own
    do {
      ValueId output = read_value(ValueRole::Computed, {});
      if (output < 0) return;
      graph_.values[output].producer = id;
      placed.push_back(graph_.values[output].location.known());
      node.outputs.push_back(output);
    } while (reader_.take(","));
    reader_.expect("=");
    node.op = reader_.word_or_string("an operator's name");
    reader_.expect("(");
    if (!reader_.take(")")) {
      do {
        const std::string name = reader_.value_name();
        node.inputs.push_back(graph_.find(name));
        if (node.inputs.back() < 0 && missing.empty()) missing = name;
        if (node.inputs.back() < 0)
          later_inputs_.push_back({graph_.nodes.size(), node.inputs.size() - 1, name});
      } while (reader_.take(","));
      reader_.expect(")");
    }
    if (reader_.take("{")) {
      do read_attribute(node);
      while (reader_.take(","));
      reader_.expect("}");
    }
    definition_names_.push_back(definition_name());
    node.again = reader_.take("again");
    if (reader_.take("loop")) node.loop = loop_named(reader_.quoted_string());
    if (node.loop < 0 && !missing.empty()) reader_.fail("no value is called %{}", missing);
    if (reader_.take("path")) node.path = reader_.quoted_string();
    if (reader_.take("loc")) node.location = reader_.location();
    for (std::size_t i = 0; i < node.outputs.size(); ++i)
      if (!placed[i]) graph_.values[node.outputs[i]].location = node.location;
    graph_.nodes.push_back(std::move(node));
  }

  void read_attribute(Node& node) {
    std::string name = reader_.word_or_string("an attribute's name");
    reader_.expect("=");
    if (!node.attributes.emplace(name, attribute()).second)
      reader_.fail("a second attribute called `{}`", name);
  }

  Attribute attribute() {
    if (reader_.next_is_quote()) return reader_.quoted_string();
    if (reader_.take("true")) return true;
    if (reader_.take("false")) return false;
    if (reader_.take("[")) {
      std::vector<int64_t> list;
      if (reader_.take("]")) return list;
      do list.push_back(reader_.integer());
      while (reader_.take(","));
      reader_.expect("]");
      return list;
    }
    std::size_t start = reader_.mark();
    reader_.take("-");
    bool whole = reader_.next_is_digit() && reader_.literal().find_first_of(".e") == std::string::npos;
    reader_.reset(start);
    if (whole) return reader_.integer();
    return reader_.number();
  }

  void read_region() {
    begins(Item::Region);
    Region region;
    region.name = reader_.quoted_string();
    reader_.expect("{");
    do {
      ValueId output = existing(reader_.value_name());
      if (output < 0) return;
      NodeId node = graph_.values[output].producer;
      if (node < 0) reader_.fail("%{} is not computed", graph_.values[output].name);
      region.nodes.push_back(node);
    } while (reader_.take(","));
    reader_.expect("}");
    if (reader_.take("stored")) {
      do region.stored.push_back(existing(reader_.value_name()));
      while (reader_.take(","));
    }
    if (reader_.take("cost")) region.cost = read_cost(reader_);
    graph_.regions.push_back(std::move(region));
  }

  void read_decision() {
    Decision decision;
    decision.pass = reader_.quoted_string();
    decision.what = reader_.quoted_string();
    reader_.expect("->");
    decision.chosen = reader_.quoted_string();
    reader_.expect(":");
    decision.reason = reader_.quoted_string();
    if (reader_.take("estimate")) decision.estimate_seconds = reader_.number();
    if (reader_.take("instead")) {
      reader_.expect("of");
      reader_.expect("{");
      do {
        std::string name = reader_.quoted_string();
        reader_.expect("=");
        decision.alternatives.emplace_back(name, reader_.number());
      } while (reader_.take(","));
      reader_.expect("}");
    }
    graph_.decisions.push_back(std::move(decision));
  }

  TextReader reader_;
  const std::string& text_;
  std::string file_;
  std::map<Item, std::vector<std::size_t>> starts_; // where the text of each item begins
  Graph graph_;
  std::vector<std::string> definition_names_; // per node
  std::vector<std::pair<std::size_t, std::string>> next_names_;
  struct LaterInput {
    std::size_t node, input;
    std::string name;
  };
  std::vector<LaterInput> later_inputs_; // of loops: values that stand behind their reader
};

} // namespace

Result<Graph> parse_graph(const std::string& text, const std::string& file) {
  return GraphReader(text, file).read();
}

} // namespace striate
