// assign_layouts: decides how each value lies in memory, and which values are exactly 0 in padded batch
// lanes.
//
//   batch-blocked     x[N/16][C][H][W][16]: the vector is 16 examples; weights stay as written (broadcast)
//   channel-blocked   x[N][C/16][H][W][16] and weights with their output channel innermost, where every
//   contraction allows it plain             row-major
//
// Assumes assign_orders. A parameter has one layout for all entry points: the first one decides, the others
// are given its layouts in `fixed`, by name. Guarantees a layout on every value. Shown by
// tests/passes/layouts_test.cpp.
#pragma once

#include "ir/graph/graph.h"

namespace striate {

enum class LayoutPolicy { BatchBlocked, ChannelBlocked, Plain };
const char* name_of(LayoutPolicy policy);

// What serves a step of `capacity` examples best, or `wanted` where it is sound.
LayoutPolicy choose_layout_policy(Graph& graph, int64_t capacity, std::optional<LayoutPolicy> wanted = {});

void assign_layouts(Graph& graph, LayoutPolicy policy, const std::map<std::string, Layout>& fixed = {});

// The layouts of a graph's persistents, to fix those of another entry point's graph.
std::map<std::string, Layout> persistent_layouts(const Graph& graph);

} // namespace striate
