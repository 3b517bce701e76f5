// What lies in memory when: of a graph with regions, whose values need no places yet. Shown by
// tests/driver/report_test.cpp.
#pragma once

#include "ir/graph/graph.h"

#include <vector>

namespace striate {

// A value's place in the arena, from the region that writes it to the last that needs it. What is computed
// in place of a parameter or state has no row of its own.
struct MemoryRow {
  ValueId value = -1;
  int64_t offset = 0, bytes = 0;
  int first = 0, last = 0; // regions
};

struct MemoryTimeline {
  std::vector<MemoryRow> rows; // in the order of the graph's values
  std::vector<int64_t> live;   // by region: bytes that are somebody's while it runs
  int64_t peak = 0;            // the most of them
  int peak_region = -1;
};
MemoryTimeline memory_timeline(const Graph& graph, int64_t capacity);

} // namespace striate
