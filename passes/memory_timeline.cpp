#include "passes/memory_timeline.h"

#include "passes/plan_memory.h"

#include <algorithm>
#include <set>

namespace striate {

MemoryTimeline memory_timeline(const Graph& graph, int64_t capacity) {
  std::set<ValueId> in_place;
  for (const Persistent& persistent : graph.persistents) in_place.insert(persistent.next);
  const int last = static_cast<int>(graph.regions.size()) - 1;
  const std::vector<ValueLifetime> lifetimes = value_lifetimes(graph);
  MemoryTimeline timeline;
  timeline.live.resize(graph.regions.size());
  for (ValueId v = 0; v < static_cast<ValueId>(graph.values.size()); ++v) {
    if (lifetimes[v].first < 0 || in_place.contains(v)) continue;
    const Value& value = graph.values[v];
    // Persistents do not depend on the batch.
    timeline.rows.push_back({v, value.offset, storage_bytes(value, capacity), lifetimes[v].first,
                             std::min(lifetimes[v].last, last)});
    for (int r = lifetimes[v].first; r <= timeline.rows.back().last; ++r)
      timeline.live[r] += timeline.rows.back().bytes;
  }
  const auto most = std::ranges::max_element(timeline.live);
  if (most == timeline.live.end()) return timeline;
  timeline.peak = *most;
  timeline.peak_region = static_cast<int>(most - timeline.live.begin());
  return timeline;
}

} // namespace striate
