// What a report says of a graph with regions, beside what the graph says itself: which part of the step a
// statement belongs to, where each value is made and read, and what lies in memory when.
#pragma once

#include "ir/graph/graph.h"

#include <string>
#include <utility>
#include <vector>

namespace striate {

// Forward: what outputs and running statistics are computed from. Update: what optimizers do with gradients.
// Backward: all between them.
enum class StepPart { Forward, Backward, Update };
const char* name_of(StepPart part);
std::vector<StepPart> step_parts(const Graph& graph); // by node

// The regions that make and read each value; writer -1: none does.
struct ValueUse {
  int writer = -1;
  std::vector<int> readers; // others than the writer, rising
};
std::vector<ValueUse> value_uses(const Graph& graph);

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

// The values and regions that a decision names, each once, rising. Names of values that a later pass removed
// are none.
struct Concern {
  std::vector<ValueId> values;
  std::vector<int> regions;
};
std::vector<Concern> concerns(const Graph& graph); // by decision

} // namespace striate
