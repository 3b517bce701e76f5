#include "passes/form_regions.h"

#include "ir/graph/loops.h"
#include "passes/eliminate_dead_nodes.h"
#include "passes/expand_calls.h"
#include "passes/pad_contractions.h"

#include <algorithm>

namespace striate {

std::optional<WindowShape> window_shape(const Statement& statement) {
  if (!statement.reduces() || statement.body->kind != Expr::Kind::Read || has_places(*statement.body))
    return std::nullopt;
  const ExprRef& source = statement.body;
  WindowShape shape;
  bool any_window = false;
  for (std::size_t d = 0; d < source->indices.size(); ++d) {
    const IndexExpr& index = source->indices[d];
    if (!index.is_affine() || d >= statement.output.size() || statement.output[d].size() != 1)
      return std::nullopt;
    WindowShape::Dimension dimension;
    dimension.along = statement.output[d][0];
    for (const IndexExpr::Term& term : index.terms()) {
      if (term.variable == dimension.along) {
        dimension.stride = term.coefficient;
      } else if (term.variable >= statement.free_count && term.coefficient == 1 && dimension.window < 0) {
        dimension.window = term.variable;
        dimension.extent = statement.variables[term.variable].extent.factor;
      } else {
        return std::nullopt;
      }
    }
    if (!index.uses(dimension.along)) return std::nullopt;
    dimension.padding = -index.constant();
    const bool in_place = dimension.window < 0 && dimension.stride == 1 && dimension.padding == 0;
    const bool window = dimension.window >= 0 && dimension.stride >= 1 && dimension.padding >= 0;
    if (!in_place && !window) return std::nullopt;
    any_window = any_window || window;
    shape.dimensions.push_back(dimension);
  }
  if (!any_window || shape.dimensions.size() != statement.output.size()) return std::nullopt;
  return shape;
}

static bool is_index_reducer(Reducer reducer) {
  return reducer == Reducer::ArgMax || reducer == Reducer::ArgMin;
}

// Each read of the values that `which` accepts is of the element that the node computes.
static bool reads_in_place(const Node& node, const std::function<bool(ValueId)>& which) {
  const Statement& statement = statement_of(node);
  const std::vector<IndexExpr> here = statement.output_indices();
  bool in_place = true;
  visit(statement.body, [&](const ExprRef& e) {
    if (e->kind == Expr::Kind::Read && which(node.inputs[e->operand]))
      in_place = in_place && !e->has_else && e->indices == here;
  });
  return in_place;
}

static bool same_domain_and_body(const Graph& graph, const Node& a, const Node& b) {
  const Statement &x = statement_of(a), &y = statement_of(b);
  if (a.inputs != b.inputs || x.free_count != y.free_count || x.variables.size() != y.variables.size())
    return false;
  for (std::size_t v = 0; v < x.variables.size(); ++v)
    if (!(x.variables[v].extent == y.variables[v].extent)) return false;
  return x.output == y.output && structurally_equal(x.body, y.body) &&
         graph.values[a.outputs[0]].type.shape == graph.values[b.outputs[0]].type.shape;
}

RegionParts parts_of(const Graph& graph, const Region& region) {
  RegionParts parts;
  parts.head = region.nodes.at(0);
  for (std::size_t k = 1; k < region.nodes.size(); ++k) {
    const NodeId node = region.nodes[k];
    const Statement& statement = statement_of(graph.nodes[node]);
    if (!statement.reduces()) {
      (parts.windows.empty() ? parts.tails : parts.window_tails).push_back(node);
    } else if (is_index_reducer(statement.reducer) && parts.windows.empty() &&
               same_domain_and_body(graph, graph.nodes[parts.head], graph.nodes[node])) {
      parts.companion = node;
    } else {
      parts.windows.push_back(node);
    }
  }
  return parts;
}

namespace {

class RegionFormer {
public:
  explicit RegionFormer(Graph& graph)
      : graph_(graph), escapes_(escaping_values(graph)), readers_(graph.readers()),
        region_of_(graph.nodes.size(), -1) {}

  void run(bool fuse) {
    for (NodeId node : order()) {
      if (region_of_[node] >= 0) continue; // a companion that joined early
      const int region = fuse ? region_to_join(node) : -1;
      if (region >= 0) {
        join(region, node);
      } else {
        region_of_[node] = static_cast<int>(graph_.regions.size());
        graph_.regions.push_back({"", {node}, {}});
      }
      if (fuse) join_companions(node);
    }
    for (Region& region : graph_.regions) finish(region);
  }

  // Whether the regions that the graph has could have been formed.
  std::string problem() {
    for (std::size_t r = 0; r < graph_.regions.size(); ++r)
      for (NodeId node : graph_.regions[r].nodes) region_of_[node] = static_cast<int>(r);
    for (const Decision& decision : graph_.decisions)
      if (contradicts(decision))
        return fmt::format("the decision `{}`, {}, and the regions say different things", decision.what,
                           decision.chosen);
    // One after the other, as they are formed: what stands behind is in none yet, though a loop may read it.
    std::ranges::fill(region_of_, -1);
    for (std::size_t r = 0; r < graph_.regions.size(); ++r) {
      const std::vector<NodeId> nodes = graph_.regions[r].nodes;
      graph_.regions[r].nodes.clear();
      for (NodeId node : nodes) {
        if (!may_follow(static_cast<int>(r), node)) return refusal(nodes, node);
        join(static_cast<int>(r), node);
      }
    }
    return "";
  }

private:
  bool contradicts(const Decision& decision) const {
    const std::size_t plus = decision.what.find(" + ");
    if (decision.pass != "form_regions" || plus == std::string::npos) return false;
    const ValueId a = graph_.find(decision.what.substr(0, plus)),
                  b = graph_.find(decision.what.substr(plus + 3));
    if (a < 0 || b < 0) return false;
    const int of_a = region_of_value(a), of_b = region_of_value(b);
    return (decision.chosen == "fused" && of_a != of_b) || (decision.chosen == "not fused" && of_a == of_b);
  }

  bool may_follow(int region, NodeId node) {
    const std::vector<NodeId>& before = graph_.regions[region].nodes;
    if (before.empty() || is_companion(before, node)) return true;
    decisions_ = graph_.decisions.size();
    return region_to_join(node) == region;
  }

  // An index of the largest beside the largest.
  bool is_companion(const std::vector<NodeId>& before, NodeId node) const {
    const Reducer reducer = statement_of(graph_.nodes[node]).reducer;
    return std::ranges::any_of(before, [&](NodeId other) {
      const Reducer of_other = statement_of(graph_.nodes[other]).reducer;
      return ((reducer == Reducer::ArgMax && of_other == Reducer::Max) ||
              (reducer == Reducer::ArgMin && of_other == Reducer::Min)) &&
             graph_.nodes[node].loop == graph_.nodes[other].loop &&
             graph_.nodes[node].again == graph_.nodes[other].again &&
             same_domain_and_body(graph_, graph_.nodes[other], graph_.nodes[node]);
    });
  }

  std::string refusal(const std::vector<NodeId>& nodes, NodeId node) const {
    const std::string reason = graph_.decisions.size() > decisions_ ? graph_.decisions.back().reason
                                                                    : "it has another shape, layout or order";
    return fmt::format("`{}` cannot be computed in one kernel with `{}`: {}",
                       graph_.values[graph_.nodes[node].outputs[0]].name,
                       graph_.values[graph_.nodes[nodes[0]].outputs[0]].name, reason);
  }

  // What follows from kept values alone comes first, so that it stands in no one's way; the rest as it
  // stands.
  std::vector<NodeId> order() const {
    std::vector<bool> known(graph_.values.size(), false);
    for (const Persistent& persistent : graph_.persistents) known[persistent.value] = true;
    std::vector<NodeId> first, rest;
    for (std::size_t n = 0; n < graph_.nodes.size(); ++n) {
      const Node& node = graph_.nodes[n];
      // A copy is made where it is needed: until then it would only take room.
      const bool copies = statement_of(node).body->kind == Expr::Kind::Read;
      const bool follows =
          !node.inputs.empty() && !copies && !node.again && !escapes_[node.outputs[0]] &&
          std::all_of(node.inputs.begin(), node.inputs.end(), [&](ValueId v) { return known[v]; });
      if (follows) known[node.outputs[0]] = true;
      (follows ? first : rest).push_back(static_cast<NodeId>(n));
    }
    first.insert(first.end(), rest.begin(), rest.end());
    return first;
  }

  int region_of_value(ValueId value) const {
    const NodeId producer = graph_.values[value].producer;
    return producer < 0 ? -1 : region_of_[producer];
  }

  void join(int region, NodeId node) {
    region_of_[node] = region;
    std::vector<NodeId>& nodes = graph_.regions[region].nodes;
    nodes.insert(std::upper_bound(nodes.begin(), nodes.end(), node), node);
  }

  // An ArgMax over the same domain as a Max that was just placed is computed by the same loop.
  void join_companions(NodeId node) {
    const Statement& statement = statement_of(graph_.nodes[node]);
    if (statement.reducer != Reducer::Max && statement.reducer != Reducer::Min) return;
    for (ValueId input : graph_.nodes[node].inputs) {
      for (NodeId other : readers_[input]) {
        const Statement& candidate = statement_of(graph_.nodes[other]);
        const Reducer wanted = statement.reducer == Reducer::Max ? Reducer::ArgMax : Reducer::ArgMin;
        if (region_of_[other] < 0 && candidate.reducer == wanted &&
            graph_.nodes[other].loop == graph_.nodes[node].loop &&
            graph_.nodes[other].again == graph_.nodes[node].again &&
            same_domain_and_body(graph_, graph_.nodes[node], graph_.nodes[other]))
          join(region_of_[node], other);
      }
    }
  }

  // The latest region that produces an input; everything else must come from before it.
  int region_to_join(NodeId id) {
    const Node& node = graph_.nodes[id];
    int latest = -1;
    for (ValueId input : node.inputs) latest = std::max(latest, region_of_value(input));
    if (latest < 0) return -1;
    const Node& head = graph_.nodes[graph_.regions[latest].nodes[0]];
    // Beside the first time it would be kept from then on.
    if (head.loop != node.loop || (node.again && !head.again)) return -1;
    const Statement& statement = statement_of(node);
    if (!statement.reduces()) return can_be_tail(node, statement, latest) ? latest : -1;
    return can_be_window(node, statement, latest) ? latest : -1;
  }

  // The value whose shape pointwise tails of the region must have now.
  ValueId domain_of(int region) const {
    const RegionParts parts = parts_of(graph_, graph_.regions[region]);
    return graph_.nodes[parts.windows.empty() ? parts.head : parts.windows[0]].outputs[0];
  }

  bool can_be_tail(const Node& node, const Statement& statement, int region) {
    const Value& domain = graph_.values[domain_of(region)];
    const Value& value = graph_.values[node.outputs[0]];
    const RegionParts parts = parts_of(graph_, graph_.regions[region]);
    const Statement& head = statement_of(graph_.nodes[parts.head]);
    const std::string what = value.name;
    if (!(domain.type.shape == value.type.shape) || !(domain.layout == value.layout)) return false;
    if (head.reduces() && head.order.lanes) {
      graph_.decide("form_regions", fmt::format("{} + {}", domain.name, what), "not fused",
                    "the head's vector is reduced, so what follows it would be scalar");
      return false;
    }
    if (!digits_agree(head, statement, parts)) return false;
    const auto of_region = [&](ValueId input) { return region_of_value(input) == region; };
    if (!reads_in_place(node, of_region)) {
      graph_.decide("form_regions", fmt::format("{} + {}", domain.name, what), "not fused",
                    "it reads neighbouring elements of the region's values");
      return false;
    }
    for (const Persistent& persistent : graph_.persistents) {
      // An update in place comes after every read of the old value, or beside one of the very element.
      if (persistent.next != node.outputs[0]) continue;
      const auto old_value = [&](ValueId input) { return input == persistent.value; };
      for (NodeId reader : readers_[persistent.value]) {
        if (&graph_.nodes[reader] == &node) continue;
        if (region_of_[reader] < 0 || region_of_[reader] > region) return false;
        if (region_of_[reader] == region && !reads_in_place(graph_.nodes[reader], old_value)) return false;
      }
    }
    return true;
  }

  // The tail's dimensions must split into digits as the head's do, so that both run in the same loops.
  bool digits_agree(const Statement& head, const Statement& tail, const RegionParts& parts) const {
    const Statement& domain = parts.windows.empty() ? head : statement_of(graph_.nodes[parts.windows[0]]);
    for (std::size_t d = 0; d < domain.output.size(); ++d) {
      // A tail with a plain dimension follows any digits; digits of its own must be the head's.
      if (tail.output[d].size() == 1) continue;
      if (tail.output[d].size() != domain.output[d].size()) return false;
      for (std::size_t k = 0; k < tail.output[d].size(); ++k)
        if (!(tail.variables[tail.output[d][k]].extent == domain.variables[domain.output[d][k]].extent))
          return false;
    }
    return true;
  }

  bool can_be_window(const Node& node, const Statement& statement, int region) {
    const std::optional<WindowShape> shape = window_shape(statement);
    const RegionParts parts = parts_of(graph_, graph_.regions[region]);
    const Statement& head = statement_of(graph_.nodes[parts.head]);
    if (!shape || !parts.windows.empty() || !is_contraction(head)) return false;
    const ValueId source = node.inputs[statement.body->operand];
    const std::string what =
        fmt::format("{} + {}", graph_.values[source].name, graph_.values[node.outputs[0]].name);
    const auto refuse = [&](const std::string& reason) {
      graph_.decide("form_regions", what, "not fused", reason);
      return false;
    };
    const NodeId last = graph_.regions[region].nodes.back();
    if (graph_.nodes[last].outputs[0] != source)
      return refuse("something else of the region reads the contraction too");
    if (escapes_[source]) return refuse(fmt::format("`{}` leaves the graph", graph_.values[source].name));
    if (head.order.lanes) return refuse("the contraction's vector is reduced");
    if (node.loop >= 0) return refuse("a loop computes one step at a time");
    // Only the windows reach memory.
    for (NodeId earlier : graph_.regions[region].nodes) {
      const ValueId value = graph_.nodes[earlier].outputs[0];
      if (value == source) continue;
      if (escapes_[value]) return refuse(fmt::format("`{}` leaves the graph", graph_.values[value].name));
      for (NodeId reader : readers_[value])
        if (region_of_[reader] != region)
          return refuse(fmt::format("`{}` reads `{}` too",
                                    graph_.values[graph_.nodes[reader].outputs[0]].name,
                                    graph_.values[value].name));
    }
    for (NodeId reader : readers_[source]) {
      const Node& other = graph_.nodes[reader];
      if (&other == &node) continue;
      if (!is_index_reducer(statement_of(other).reducer) || !same_domain_and_body(graph_, node, other))
        return refuse(fmt::format("`{}` reads `{}` too", graph_.values[other.outputs[0]].name,
                                  graph_.values[source].name));
    }
    if (!graph_.values[source].type.has_batch() || shape->dimensions[0].window >= 0)
      return refuse("the batch is not an outer dimension read in place");
    const Layout::Digit& vector = graph_.values[source].layout.digits.back();
    if (vector.extent.factor != 16 || vector.extent.batch || shape->dimensions[vector.dimension].window >= 0)
      return refuse("vectors run along the window");
    // Each dimension of the contraction's result is one variable, so that rows can be computed one by one.
    for (const std::vector<int>& digits : head.output)
      if (digits.size() != 1) return refuse("the contraction's result has digits");
    for (NodeId tail : parts.tails)
      if (statement_of(graph_.nodes[tail]).output != head.output)
        return refuse("a tail has digits of its own");
    graph_.decide("form_regions", what, "fused",
                  "rows of the contraction stay in cache until their windows are reduced; the unpooled value "
                  "is never stored");
    return true;
  }

  void finish(Region& region) {
    const int self = region_of_[region.nodes[0]];
    for (NodeId node : region.nodes) {
      const ValueId value = graph_.nodes[node].outputs[0];
      bool stored = escapes_[value];
      for (NodeId reader : readers_[value])
        stored = stored || region_of_[reader] != self ||
                 (graph_.nodes[reader].loop >= 0 && step_reads(graph_, graph_.nodes[reader], value).other);
      if (stored) region.stored.push_back(value);
    }
    CHECK(!region.stored.empty(), "nothing of a region is needed");
    region.name = graph_.values[region.stored.back()].name;
  }

  Graph& graph_;
  std::vector<bool> escapes_;
  std::vector<std::vector<NodeId>> readers_;
  std::vector<int> region_of_;
  std::size_t decisions_ = 0; // before what was tried last
};

} // namespace

std::string region_problem(const Graph& graph) {
  Graph tried = graph; // refusals are recorded
  return RegionFormer(tried).problem();
}

void form_regions(Graph& graph, bool fuse) {
  graph.regions.clear();
  RegionFormer(graph).run(fuse);
}

} // namespace striate
