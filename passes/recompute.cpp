#include "passes/recompute.h"

#include "passes/eliminate_dead_nodes.h"
#include "passes/estimate_costs.h"
#include "passes/expand_calls.h"
#include "passes/form_regions.h"
#include "passes/memory_timeline.h"
#include "support/byte_size.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <limits>
#include <map>
#include <set>

namespace striate {

namespace {

// A machine does about so many operations in the time that it moves a byte.
constexpr double kOperationsPerByte = 4;

// Values that the readers from one place of the graph on have computed again. Places are numbers of nodes in
// the graph as it was.
struct Request {
  std::vector<ValueId> values;
  NodeId from = 0;
  // For people.
  std::string reader, peak;
  int64_t bytes = 0;
  double flops = 0;
};

// What recomputing a value takes: the nodes, in the order of the graph, and what is read of memory.
struct Closure {
  std::set<NodeId> nodes;
  std::set<ValueId> read;
};

// The graph with some values computed again.
class Rewriting {
public:
  Rewriting(const Graph& graph, const std::vector<bool>& stored, int64_t capacity)
      : graph_(graph), stored_(stored), capacity_(capacity), base_count_(graph.nodes.size()),
        escapes_(escaping_values(graph)), copy_of_(graph.values.size(), -1),
        next_place_(graph.values.size(), -1) {
    for (std::size_t n = 0; n < base_count_; ++n) place_.push_back(static_cast<NodeId>(n));
    for (const Persistent& persistent : graph.persistents)
      if (persistent.next >= 0) next_place_[persistent.value] = graph.values[persistent.next].producer;
  }

  // Nothing where it cannot be.
  std::optional<Closure> closure(const Request& request) const {
    Closure result;
    std::vector<ValueId> pending;
    int64_t bytes = 0;
    for (ValueId value : request.values) {
      bytes += storage_bytes(graph_.values[value], capacity_);
      if (copy_of_[value] < 0) pending.push_back(value); // else another value needed it already
    }
    while (!pending.empty()) {
      const NodeId id = graph_.values[pending.back()].producer;
      pending.pop_back();
      if (id < 0 || graph_.nodes[id].loop >= 0) return std::nullopt;
      if (!result.nodes.insert(id).second) continue;
      for (ValueId input : graph_.nodes[id].inputs) {
        const ValueId value = original(input);
        switch (kept(value, request.from, bytes)) {
        case Kept::Yes:
          result.read.insert(value);
          break;
        case Kept::Again:
          pending.push_back(value);
          break;
        case Kept::Lost:
          return std::nullopt;
        }
      }
    }
    return result;
  }

  void apply(const Request& request, const Closure& closure) {
    const std::size_t nodes = graph_.nodes.size(); // without what is added here
    for (ValueId value : request.values)
      if (copy_of_[value] >= 0) pull(copy_of_[value], request.from);
    for (NodeId id : closure.nodes) {
      Node node = graph_.nodes[id];
      const ValueId value = node.outputs[0];
      for (ValueId& input : node.inputs) {
        input = original(input);
        if (copy_of_[input] < 0) continue;
        input = copy_of_[input];
        pull(input, request.from);
      }
      node.again = true;
      const Value of = graph_.values[value];
      const ValueId copy =
          graph_.add_value(graph_.unique_name(of.name + ".again"), of.type, ValueRole::Computed, of.location);
      graph_.values[copy].layout = of.layout;
      graph_.values[copy].zero_in_padding = of.zero_in_padding;
      graph_.values[copy].producer = static_cast<NodeId>(graph_.nodes.size());
      node.outputs = {copy};
      graph_.nodes.push_back(std::move(node));
      place_.push_back(request.from);
      copy_of_[value] = copy;
      original_[copy] = value;
    }
    for (ValueId value : request.values)
      for (std::size_t n = 0; n < nodes; ++n)
        if (place_[n] >= request.from)
          std::replace(graph_.nodes[n].inputs.begin(), graph_.nodes[n].inputs.end(), value, copy_of_[value]);
  }

  // In order, without nodes that nobody needs any more; `places`, by node of the result: where it stands in
  // the graph as it was.
  Graph result(std::vector<NodeId>& places) const {
    std::vector<NodeId> order = needed();
    // Copies stand before the node that they are for; among themselves as what they copy.
    const auto key = [&](NodeId n) {
      const bool is_copy = static_cast<std::size_t>(n) >= base_count_;
      const NodeId first = is_copy ? graph_.values[original_.at(graph_.nodes[n].outputs[0])].producer : n;
      return std::tuple(place_[n], !is_copy, first);
    };
    std::ranges::stable_sort(order, {}, key);
    Graph result = graph_;
    result.nodes.resize(order.size());
    for (Value& value : result.values) value.producer = -1;
    places.clear();
    for (std::size_t k = 0; k < order.size(); ++k) {
      result.nodes[k] = graph_.nodes[order[k]];
      result.values[result.nodes[k].outputs[0]].producer = static_cast<NodeId>(k);
      places.push_back(place_[order[k]]);
    }
    return result;
  }

private:
  enum class Kept { Yes, Again, Lost };

  ValueId original(ValueId value) const {
    const auto known = original_.find(value);
    return known == original_.end() ? value : known->second;
  }

  // What is computed again before all of its readers need not be computed before.
  std::vector<NodeId> needed() const {
    std::vector<bool> wanted(graph_.nodes.size(), false);
    std::vector<ValueId> pending;
    for (std::size_t v = 0; v < escapes_.size(); ++v)
      if (escapes_[v]) pending.push_back(static_cast<ValueId>(v));
    while (!pending.empty()) {
      const NodeId id = graph_.values[pending.back()].producer;
      pending.pop_back();
      if (id < 0 || wanted[id]) continue;
      wanted[id] = true;
      pending.insert(pending.end(), graph_.nodes[id].inputs.begin(), graph_.nodes[id].inputs.end());
    }
    std::vector<NodeId> nodes;
    for (std::size_t n = 0; n < wanted.size(); ++n)
      if (wanted[n]) nodes.push_back(static_cast<NodeId>(n));
    return nodes;
  }

  bool is_read_from(ValueId value, NodeId place) const {
    if (escapes_[value]) return true;
    for (std::size_t n = 0; n < graph_.nodes.size(); ++n)
      if (place_[n] >= place && std::ranges::count(graph_.nodes[n].inputs, value) > 0) return true;
    return false;
  }

  // Whether a value is there at a place. `bytes`: what its being there would save.
  Kept kept(ValueId value, NodeId place, int64_t bytes) const {
    const Value& known = graph_.values[value];
    if (known.producer < 0) {
      const bool is_replaced = next_place_[value] >= 0 && next_place_[value] <= place;
      return is_replaced ? Kept::Lost : Kept::Yes;
    }
    if (copy_of_[value] >= 0) return Kept::Yes;
    // Something small may as well stay.
    const bool small = storage_bytes(known, capacity_) * 8 <= bytes;
    return stored_[value] && (small || is_read_from(value, place)) ? Kept::Yes : Kept::Again;
  }

  // A copy that was made for a later place is needed at an earlier one.
  void pull(ValueId copy, NodeId place) {
    std::vector<ValueId> pending = {copy};
    while (!pending.empty()) {
      const NodeId id = graph_.values[pending.back()].producer;
      pending.pop_back();
      if (static_cast<std::size_t>(id) < base_count_ || place_[id] <= place) continue;
      place_[id] = place;
      for (ValueId input : graph_.nodes[id].inputs)
        if (original_.contains(input)) pending.push_back(input);
    }
  }

  Graph graph_; // copies behind all others
  const std::vector<bool>& stored_;
  int64_t capacity_;
  std::size_t base_count_;
  std::vector<bool> escapes_;
  std::vector<ValueId> copy_of_;
  std::vector<NodeId> next_place_; // by persistent: of what replaces it
  std::map<ValueId, ValueId> original_;
  std::vector<NodeId> place_; // by node
};

// A graph as it would be planned.
struct Trial {
  Graph graph; // with regions
  std::vector<NodeId> places;
  MemoryTimeline timeline;
  int64_t arena = 0;
};

class Search {
public:
  Search(const Graph& graph, const RecomputeOptions& options, const PersistentPlan& persistents)
      : graph_(graph), options_(options), persistents_(persistents) {
    loop_start_.resize(graph.nodes.size());
    for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
      const bool goes_on =
          n > 0 && graph.nodes[n].loop >= 0 && graph.nodes[n].loop == graph.nodes[n - 1].loop;
      loop_start_[n] = goes_on ? loop_start_[n - 1] : static_cast<NodeId>(n);
    }
    stored_.assign(graph.values.size(), true);
    const Trial first = planned({});
    stored_.assign(graph.values.size(), false);
    for (const Region& region : first.graph.regions)
      for (ValueId value : region.stored) stored_[value] = true;
    start_ = first.arena;
  }

  // The values to compute again, and what the plan takes then.
  std::vector<Request> run(int64_t& reached) {
    Trial best = planned({});
    while (best.arena > options_.limit)
      if (!improve(best)) break;
    reached = best.arena;
    if (best.arena <= options_.limit) take_back(reached);
    return requests_;
  }

  int64_t start() const { return start_; }

  Graph rewritten(const std::vector<Request>& requests) const {
    std::vector<NodeId> places;
    return rewrite(requests)->result(places);
  }

private:
  // Nothing where one of them cannot be.
  std::optional<Rewriting> rewrite(const std::vector<Request>& requests) const {
    Rewriting rewriting(graph_, stored_, options_.capacity);
    for (const Request& request : requests) {
      const std::optional<Closure> closure = rewriting.closure(request);
      if (!closure) return std::nullopt;
      rewriting.apply(request, *closure);
    }
    return rewriting;
  }

  Trial planned(const Rewriting& rewriting) const {
    Trial trial;
    trial.graph = rewriting.result(trial.places);
    form_regions(trial.graph, options_.fuse);
    plan_memory(trial.graph, options_.capacity, persistents_);
    trial.arena = trial.graph.arena_bytes;
    trial.timeline = memory_timeline(trial.graph, options_.capacity);
    return trial;
  }

  Trial planned(const std::vector<Request>& requests) const { return planned(*rewrite(requests)); }

  // One more request that lowers the peak.
  bool improve(Trial& best) {
    const std::optional<Rewriting> now = rewrite(requests_);
    struct Candidate {
      double price = 0; // operations a byte
      Request request;
      Closure closure;
    };
    std::vector<Candidate> candidates;
    for (Request& request : kept_over_peak(best)) {
      std::optional<Closure> closure = now->closure(request);
      if (!closure) continue;
      const double work = work_of(*closure, request);
      candidates.push_back(
          {work / static_cast<double>(request.bytes), std::move(request), std::move(*closure)});
    }
    std::ranges::stable_sort(candidates, {}, &Candidate::price);
    for (Candidate& candidate : candidates) {
      Rewriting tried = *now;
      tried.apply(candidate.request, candidate.closure);
      Trial trial = planned(tried);
      if (!is_better(trial, best)) continue;
      best = std::move(trial);
      requests_.push_back(std::move(candidate.request));
      return true;
    }
    return false;
  }

  // Regions are others after a change; that fewer of them are as high as the peak is progress too.
  static bool is_better(const Trial& trial, const Trial& best) {
    const auto at_peak = [](const Trial& of) {
      return std::ranges::count(of.timeline.live, of.timeline.peak);
    };
    if (trial.timeline.peak != best.timeline.peak) return trial.timeline.peak < best.timeline.peak;
    return at_peak(trial) < at_peak(best);
  }

  // Values that lie in memory at the peak, and nobody reads there.
  std::vector<Request> kept_over_peak(const Trial& best) const {
    const Graph& graph = best.graph;
    const int peak = best.timeline.peak_region;
    const std::vector<std::vector<NodeId>> readers = graph.readers();
    const std::vector<bool> escapes = escaping_values(graph);
    std::vector<int> region_of(graph.nodes.size(), -1);
    for (std::size_t r = 0; r < graph.regions.size(); ++r)
      for (NodeId node : graph.regions[r].nodes) region_of[node] = static_cast<int>(r);
    const int loop = graph.nodes[graph.regions[peak].nodes[0]].loop;

    std::vector<Request> requests;
    for (const MemoryRow& row : best.timeline.rows) {
      const Value& value = graph.values[row.value];
      if (row.first >= peak || row.last <= peak || value.producer < 0 || escapes[row.value]) continue;
      if (graph.nodes[value.producer].again || graph.nodes[value.producer].loop >= 0) continue;
      Request request{
          {row.value}, std::numeric_limits<NodeId>::max(), "", graph.regions[peak].name, row.bytes, 0};
      NodeId last_early = -1;
      bool apart = true;
      for (NodeId reader : readers[row.value]) {
        apart = apart && region_of[reader] != peak && (loop < 0 || graph.nodes[reader].loop != loop);
        if (region_of[reader] < peak) {
          last_early = std::max(last_early, best.places[reader]);
        } else if (best.places[reader] < request.from) {
          request.from = best.places[reader];
          request.reader = graph.values[graph.nodes[reader].outputs[0]].name;
        }
      }
      request.from = request.from < static_cast<NodeId>(loop_start_.size()) ? loop_start_[request.from] : -1;
      if (!apart || last_early >= request.from) continue;
      if (!join(graph, requests, request)) requests.push_back(std::move(request));
    }
    return requests;
  }

  // The largest of a window and its place are found together.
  static bool join(const Graph& graph, std::vector<Request>& requests, const Request& one) {
    const Node& node = graph.nodes[graph.values[one.values[0]].producer];
    if (!statement_of(node).reduces()) return false;
    for (Request& other : requests) {
      const Node& known = graph.nodes[graph.values[other.values[0]].producer];
      if (known.inputs != node.inputs || statement_of(known).reducer == statement_of(node).reducer ||
          !structurally_equal(statement_of(known).body, statement_of(node).body))
        continue;
      other.values.push_back(one.values[0]);
      other.bytes += one.bytes;
      if (one.from < other.from) other.reader = one.reader;
      other.from = std::min(other.from, one.from);
      return true;
    }
    return false;
  }

  double work_of(const Closure& closure, Request& request) const {
    Region region;
    int64_t bytes = 0;
    for (NodeId node : closure.nodes) {
      region.nodes.push_back(node);
      const ValueId value = graph_.nodes[node].outputs[0];
      if (stored_[value]) bytes += storage_bytes(graph_.values[value], options_.capacity);
    }
    for (ValueId value : closure.read) bytes += storage_bytes(graph_.values[value], options_.capacity);
    const Flops flops = flops_of(graph_, region);
    request.flops = flops.per_example * static_cast<double>(options_.capacity) + flops.fixed;
    return std::max(request.flops, kOperationsPerByte * static_cast<double>(bytes));
  }

  // What was chosen early may be needless after what was chosen later.
  void take_back(int64_t& reached) {
    std::vector<std::size_t> order(requests_.size());
    for (std::size_t k = 0; k < order.size(); ++k) order[k] = k;
    std::ranges::stable_sort(
        order, [&](std::size_t a, std::size_t b) { return requests_[a].flops > requests_[b].flops; });
    std::vector<bool> gone(requests_.size(), false);
    for (std::size_t k : order) {
      std::vector<Request> left;
      for (std::size_t other = 0; other < requests_.size(); ++other)
        if (other != k && !gone[other]) left.push_back(requests_[other]);
      const std::optional<Rewriting> without = rewrite(left);
      if (!without) continue;
      const Trial trial = planned(*without);
      if (trial.arena > options_.limit) continue;
      gone[k] = true;
      reached = trial.arena;
    }
    std::vector<Request> left;
    for (std::size_t k = 0; k < requests_.size(); ++k)
      if (!gone[k]) left.push_back(requests_[k]);
    requests_ = std::move(left);
  }

  const Graph& graph_;
  const RecomputeOptions& options_;
  const PersistentPlan& persistents_;
  std::vector<bool> stored_;       // by value, where nothing is computed again
  std::vector<NodeId> loop_start_; // by node: itself, or the first of its loop
  std::vector<Request> requests_;
  int64_t start_ = 0;
};

} // namespace

void recompute(Graph& graph, const RecomputeOptions& options, const PersistentPlan& persistents) {
  Search search(graph, options, persistents);
  const std::string limit = bytes_text(options.limit);
  if (search.start() <= options.limit) {
    graph.decide("recompute", graph.name, "nothing is computed again",
                 fmt::format("{} of the {} allowed", bytes_text(search.start()), limit));
    return;
  }
  int64_t reached = 0;
  const std::vector<Request> requests = search.run(reached);
  Graph result = search.rewritten(requests);
  result.decide("recompute", graph.name,
                reached <= options.limit ? "fits by computing again" : "does not fit",
                fmt::format("{} instead of {}, of the {} allowed", bytes_text(reached),
                            bytes_text(search.start()), limit));
  for (const Request& request : requests) {
    std::vector<std::string> names;
    for (ValueId value : request.values) names.push_back(graph.values[value].name);
    result.decide("recompute", fmt::format("{}", fmt::join(names, ", ")), "computed again",
                  fmt::format("{} less while `{}` is computed; {:.3g} MFLOP before `{}`",
                              bytes_text(request.bytes), request.peak, request.flops * 1e-6, request.reader));
  }
  eliminate_dead_nodes(result); // values that nothing computes any more
  graph = std::move(result);
}

} // namespace striate
