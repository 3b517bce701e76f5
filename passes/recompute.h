// recompute: makes a graph fit a limit of memory, by computing again, where they are needed, values that
// would be kept for long. In a training step these are what the forward pass hands to the backward pass.
//
// A value that is kept while the memory in use is at its highest, and read only before and after that, is
// computed again before its later readers: by the same statements, in the same orders and layouts, of what
// lies in memory then, or is computed again as well. What saves most bytes for its work comes first, and what
// turns out not to be needed is taken back. A random draw depends on its element and the step alone, so the
// bits stay the same. Nothing of a loop is computed again.
//
// Assumes assign_layouts; decides by the plan that form_regions and plan_memory would make. Where the limit
// cannot be met, it saves what it can and says so (driver/memory_limit.h refuses then). Shown by
// tests/passes/recompute_test.cpp.
#pragma once

#include "ir/graph/graph.h"
#include "passes/plan_memory.h"

namespace striate {

struct RecomputeOptions {
  int64_t limit = 0; // bytes of the arena
  int64_t capacity = 1;
  bool fuse = true; // as form_regions will
};

void recompute(Graph& graph, const RecomputeOptions& options, const PersistentPlan& persistents);

} // namespace striate
