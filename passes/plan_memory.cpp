#include "passes/plan_memory.h"

#include "ir/layout_text.h"

#include "passes/expand_calls.h"

#include <algorithm>
#include <set>

namespace striate {

constexpr int64_t kAlignment = 64;

static int64_t aligned(int64_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

int64_t storage_bytes(const Value& value, int64_t capacity) {
  // Whole vectors of 16 elements: kernels over flat storage may run into the last one's padding.
  const int64_t elements = (value.layout.storage(capacity) + 15) / 16 * 16;
  return aligned(elements * byte_size(value.type.element));
}

Status check_sizes(const Graph& graph, int64_t capacity) {
  constexpr int64_t kMost = int64_t{1} << 53;
  int64_t left = kMost;
  for (const Value& value : graph.values) {
    const int64_t size = byte_size(value.type.element);
    const int64_t elements = storage_within_limit(value.layout, capacity);
    if (elements < 0 || elements > left / size)
      return Failure{
          ExitCode::OutOfMemory,
          fmt::format("`{}` ({}) and the values before it take more than 2^53 bytes at {} examples",
                      value.name, value.type.text(), capacity)};
    left -= elements * size;
  }
  return {};
}

PersistentPlan plan_persistents(const Graph& graph) {
  PersistentPlan plan;
  for (const Persistent& persistent : graph.persistents) {
    const Value& value = graph.values[persistent.value];
    plan.offsets[value.name] = plan.bytes;
    plan.bytes += storage_bytes(value, 1);
  }
  return plan;
}

namespace {

// Free space of the arena above `start`, as disjoint spans; allocates the smallest span that fits.
class FreeSpans {
public:
  explicit FreeSpans(int64_t start) : end_(start) {}

  int64_t allocate(int64_t bytes) {
    auto best = spans_.end();
    for (auto span = spans_.begin(); span != spans_.end(); ++span)
      if (span->second >= bytes && (best == spans_.end() || span->second < best->second)) best = span;
    if (best == spans_.end()) {
      // Grow, taking a free span at the very end with it.
      int64_t offset = end_;
      if (!spans_.empty()) {
        const auto last = std::prev(spans_.end());
        if (last->first + last->second == end_) {
          offset = last->first;
          spans_.erase(last);
        }
      }
      end_ = offset + bytes;
      return offset;
    }
    const auto [offset, size] = *best;
    spans_.erase(best);
    if (size > bytes) spans_[offset + bytes] = size - bytes;
    return offset;
  }

  void release(int64_t offset, int64_t bytes) {
    auto next = spans_.lower_bound(offset);
    if (next != spans_.end() && offset + bytes == next->first) {
      bytes += next->second;
      next = spans_.erase(next);
    }
    if (next != spans_.begin()) {
      const auto previous = std::prev(next);
      if (previous->first + previous->second == offset) {
        previous->second += bytes;
        return;
      }
    }
    spans_[offset] = bytes;
  }

  int64_t end() const { return end_; }

private:
  std::map<int64_t, int64_t> spans_;
  int64_t end_;
};

// All regions of a loop are one span of time: each of them runs before and after each other.
struct LoopSpans {
  std::vector<int> first, last; // by region

  explicit LoopSpans(const Graph& graph) : first(graph.regions.size()), last(graph.regions.size()) {
    const auto loop_of = [&](int r) { return graph.nodes[graph.regions[r].nodes[0]].loop; };
    for (int r = 0, begin = 0; r < static_cast<int>(graph.regions.size()); ++r) {
      if (r == 0 || loop_of(r) < 0 || loop_of(r) != loop_of(r - 1)) begin = r;
      first[r] = begin;
      for (int earlier = begin; earlier <= r; ++earlier) last[earlier] = r;
    }
  }
};

// The last region that reads each value, or, where it is in a loop, the loop's last; -1: nothing reads it.
// Outputs are read after the last region.
std::vector<int> last_reads(const Graph& graph, const LoopSpans& loops) {
  const int regions = static_cast<int>(graph.regions.size());
  std::vector<int> last(graph.values.size(), -1);
  for (int r = 0; r < regions; ++r)
    for (NodeId node : graph.regions[r].nodes)
      for (ValueId input : graph.nodes[node].inputs) last[input] = loops.last[r];
  for (const auto& [name, value] : graph.outputs) last[value] = regions;
  return last;
}

} // namespace

std::vector<ValueLifetime> value_lifetimes(const Graph& graph) {
  const int regions = static_cast<int>(graph.regions.size());
  const LoopSpans loops(graph);
  const std::vector<int> last_use = last_reads(graph, loops);
  std::vector<ValueLifetime> lifetimes(graph.values.size());
  for (int r = 0; r < regions; ++r)
    for (ValueId value : graph.regions[r].stored)
      lifetimes[value] = {loops.first[r], std::max(last_use[value], loops.last[r])};
  // Inputs stay to the end of the run: the caller fills them before it and may read them after it.
  for (ValueId input : graph.inputs) lifetimes[input] = {0, regions};
  for (const Persistent& persistent : graph.persistents) {
    lifetimes[persistent.value] = {0, regions};
    if (persistent.next >= 0) lifetimes[persistent.next].last = regions;
  }
  return lifetimes;
}

void plan_memory(Graph& graph, int64_t capacity, const PersistentPlan& persistents, bool share) {
  const int regions = static_cast<int>(graph.regions.size());
  const LoopSpans loops(graph);
  const std::vector<int> last_use = last_reads(graph, loops);
  const std::vector<ValueLifetime> lifetimes = value_lifetimes(graph);

  std::set<ValueId> placed;
  for (const Persistent& persistent : graph.persistents) {
    Value& value = graph.values[persistent.value];
    value.offset = persistents.offsets.at(value.name);
    placed.insert(persistent.value);
  }
  // In place: the region that computes `next` is the last to read the old value, and reads it only where it
  // writes it (form_regions keeps updates pointwise).
  for (const Persistent& persistent : graph.persistents) {
    if (persistent.next < 0) continue;
    Value& next = graph.values[persistent.next];
    int producing_region = -1;
    for (int r = 0; r < regions; ++r)
      for (NodeId node : graph.regions[r].nodes)
        if (graph.nodes[node].outputs[0] == persistent.next) producing_region = r;
    CHECK(producing_region >= 0, "`{}` is not computed", next.name);
    CHECK(last_use[persistent.value] <= producing_region, "`{}` is read after its update",
          graph.values[persistent.value].name);
    next.offset = graph.values[persistent.value].offset;
    placed.insert(persistent.next);
  }

  FreeSpans spans(persistents.bytes);
  for (ValueId input : graph.inputs) {
    graph.values[input].offset = spans.allocate(storage_bytes(graph.values[input], capacity));
    placed.insert(input);
  }
  std::vector<std::vector<ValueId>> dying(regions + 1);
  for (int r = 0; r < regions; ++r) {
    for (int member = r; loops.first[r] == r && member <= loops.last[r]; ++member)
      for (ValueId value : graph.regions[member].stored) {
        if (placed.count(value)) continue;
        placed.insert(value);
        graph.values[value].offset = spans.allocate(storage_bytes(graph.values[value], capacity));
        if (lifetimes[value].last < regions) dying[lifetimes[value].last].push_back(value);
      }
    if (!share) continue;
    for (ValueId value : dying[r])
      spans.release(graph.values[value].offset, storage_bytes(graph.values[value], capacity));
  }
  graph.arena_bytes = spans.end();
}

} // namespace striate
