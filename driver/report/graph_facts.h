// What a report says of a graph with regions, beside what the graph says itself: which part of the step a
// statement belongs to, and where each value is made and read.
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

// The values and regions that a decision names, each once, rising. Names of values that a later pass removed
// are none.
struct Concern {
  std::vector<ValueId> values;
  std::vector<int> regions;
};
std::vector<Concern> concerns(const Graph& graph); // by decision

} // namespace striate
