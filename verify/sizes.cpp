#include "verify/sizes.h"

#include "ir/graph/loops.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <tuple>

namespace striate {

namespace {

using Place = SizeClass::Place;

// Where a size stands; a loop's steps too.
Place of_value(int value, int dimension) { return {Place::Kind::Value, -1, value, dimension}; }
Place of_operand(int node, int operand, int dimension) {
  return {Place::Kind::Operand, node, operand, dimension};
}
Place of_variable(int node, int statement, int variable) {
  return {Place::Kind::Variable, node, statement, variable};
}
Place of_loop(int loop) { return {Place::Kind::Loop, -1, loop, 0}; }

class Classes {
public:
  explicit Classes(const Graph& graph) : graph_(graph) {
    for (int v = 0; v < static_cast<int>(graph.values.size()); ++v)
      for (int d = 0; d < static_cast<int>(graph.values[v].type.rank()); ++d)
        add(of_value(v, d), graph.values[v].type.shape[d]);
    for (int l = 0; l < static_cast<int>(graph.loops.size()); ++l)
      add(of_loop(l), Size::constant(graph.loops[l].steps));
    for (int n = 0; n < static_cast<int>(graph.nodes.size()); ++n) add_node(n);
  }

  std::vector<SizeClass> classes() {
    std::map<int, SizeClass> by_root;
    for (int k = 0; k < static_cast<int>(places_.size()); ++k) {
      SizeClass& same = by_root[root(k)];
      same.size = sizes_[k];
      same.places.push_back(places_[k]);
    }
    std::vector<SizeClass> result;
    for (auto& [number, same] : by_root) result.push_back(std::move(same));
    return result;
  }

private:
  void add(const Place& place, const Size& size) {
    if (size.batch) return;
    number_[place] = static_cast<int>(places_.size());
    parent_.push_back(static_cast<int>(places_.size()));
    places_.push_back(place);
    sizes_.push_back(size.factor);
  }

  int root(int k) {
    while (parent_[k] != k) k = parent_[k] = parent_[parent_[k]];
    return k;
  }

  // What runs along the whole of it, and only that.
  void tie(const Place& a, const Place& b) {
    const auto first = number_.find(a), second = number_.find(b);
    if (first == number_.end() || second == number_.end()) return;
    if (sizes_[first->second] == sizes_[second->second]) parent_[root(first->second)] = root(second->second);
  }

  void add_node(int n) {
    const Node& node = graph_.nodes[n];
    const Definition& definition = *node.definition;
    for (int o = 0; o < static_cast<int>(definition.operands.size()); ++o)
      for (int d = 0; d < static_cast<int>(definition.operands[o].type.rank()); ++d)
        add(of_operand(n, o, d), definition.operands[o].type.shape[d]);
    const auto tie_value = [&](int operand, ValueId value) {
      for (int d = 0; d < static_cast<int>(graph_.values[value].type.rank()); ++d)
        tie(of_operand(n, operand, d), of_value(value, d));
    };
    for (std::size_t i = 0; i < node.inputs.size(); ++i) tie_value(static_cast<int>(i), node.inputs[i]);
    for (std::size_t o = 0; o < node.outputs.size(); ++o) tie_value(definition.outputs[o], node.outputs[o]);
    if (node.loop >= 0)
      for (ValueId output : node.outputs)
        tie(of_value(output, static_cast<int>(step_dimension(graph_.values[output].type))),
            of_loop(node.loop));
    for (int s = 0; s < static_cast<int>(definition.statements.size()); ++s) {
      const Statement& statement = definition.statements[s];
      for (int v = 0; v < static_cast<int>(statement.variables.size()); ++v)
        add(of_variable(n, s, v), statement.variables[v].extent);
      for (int d = 0; d < static_cast<int>(statement.output.size()); ++d)
        if (statement.output[d].size() == 1)
          tie(of_operand(n, statement.target, d), of_variable(n, s, statement.output[d][0]));
      visit(statement.body, [&](const ExprRef& e) {
        if (e->kind != Expr::Kind::Read) return;
        for (int d = 0; d < static_cast<int>(e->indices.size()); ++d)
          if (const auto variable = e->indices[d].as_variable())
            tie(of_operand(n, e->operand, d), of_variable(n, s, *variable));
      });
    }
  }

  const Graph& graph_;
  std::vector<Place> places_;
  std::vector<int64_t> sizes_;
  std::vector<int> parent_;
  std::map<Place, int> number_;
};

void resize_variable(Statement& statement, int variable, int64_t size) {
  statement.variables[variable].extent = Size::constant(size);
  // Of its digits in the order, the highest one holds what the others leave.
  ReductionLoop* highest = nullptr;
  const auto look_at = [&](ReductionLoop& loop) {
    if (loop.variable == variable && (!highest || loop.step > highest->step)) highest = &loop;
  };
  for (ReductionLoop& loop : statement.order.loops) look_at(loop);
  if (highest) highest->extent = Size::constant((size + highest->step - 1) / highest->step);
}

} // namespace

std::vector<SizeClass> size_classes(const Graph& graph) { return Classes(graph).classes(); }

Graph resized(const Graph& graph, const std::vector<SizeClass>& classes, std::size_t which, int64_t size) {
  std::vector<int64_t> sizes;
  std::map<Place, std::size_t> class_of;
  for (std::size_t c = 0; c < classes.size(); ++c) {
    sizes.push_back(c == which ? size : classes[c].size);
    for (const Place& place : classes[c].places) class_of[place] = c;
  }
  // A dimension of several digits is as large as these make it.
  for (bool changed = true; changed;) {
    changed = false;
    for (int n = 0; n < static_cast<int>(graph.nodes.size()); ++n) {
      const Definition& definition = *graph.nodes[n].definition;
      for (int s = 0; s < static_cast<int>(definition.statements.size()); ++s) {
        const Statement& statement = definition.statements[s];
        for (int d = 0; d < static_cast<int>(statement.output.size()); ++d) {
          const auto whole = class_of.find(of_operand(n, statement.target, d));
          if (statement.output[d].size() < 2 || whole == class_of.end()) continue;
          int64_t product = 1;
          for (int digit : statement.output[d]) product *= sizes[class_of.at(of_variable(n, s, digit))];
          if (product >= sizes[whole->second]) continue; // sizes only fall, so that this ends
          sizes[whole->second] = product;
          changed = true;
        }
      }
    }
  }
  Graph result = graph;
  std::map<int, Definition> definitions; // of nodes whose sizes change: each its own
  const auto definition = [&](int node) -> Definition& {
    return definitions.try_emplace(node, *graph.nodes[node].definition).first->second;
  };
  for (std::size_t c = 0; c < classes.size(); ++c) {
    if (sizes[c] == classes[c].size) continue;
    for (const Place& place : classes[c].places) {
      switch (place.kind) {
      case Place::Kind::Value:
        result.values[place.number].type.shape[place.index].factor = sizes[c];
        break;
      case Place::Kind::Operand:
        definition(place.node).operands[place.number].type.shape[place.index].factor = sizes[c];
        break;
      case Place::Kind::Variable:
        resize_variable(definition(place.node).statements[place.number], place.index, sizes[c]);
        break;
      case Place::Kind::Loop:
        result.loops[place.number].steps = sizes[c];
        break;
      }
    }
  }
  for (auto& [node, changed] : definitions)
    result.nodes[node].definition = std::make_shared<const Definition>(std::move(changed));
  return result;
}

} // namespace striate
