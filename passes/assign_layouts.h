// assign_layouts: decides how each value lies in memory, and which values are exactly 0 in padded batch
// lanes.
//
//   batch-blocked     x[N/16][C][H][W][16]: the vector is 16 examples; weights stay as written (broadcast)
//   channel-blocked   x[N][C/16][H][W][16] and weights with their output channel innermost, where a
//   contraction
//                     allows it; a contraction whose vector runs along another dimension of a factor reads a
//                     copy of it. Matrices x[N][C] are batch-blocked, where the capacity is a multiple of 16,
//                     and their weights lie w[O/16][C][16].
//   plain             row-major
//
// Assumes assign_orders. A parameter has one layout for all entry points: the first one decides, the others
// are given its layouts in `fixed`, by name. Guarantees a layout on every value. Shown by
// tests/passes/layouts_test.cpp.
#pragma once

#include "ir/graph/graph.h"

namespace striate {

enum class LayoutPolicy { BatchBlocked, ChannelBlocked, Plain };
const char* name_of(LayoutPolicy policy);

struct LayoutChoice {
  LayoutPolicy policy = LayoutPolicy::BatchBlocked;
  std::string reason;
};
// What serves runs of at most `capacity` examples best: a question to the graph of statements, whose orders
// follow the answer (assign_orders), so that it does not depend on what is asked for.
LayoutChoice choose_layouts(const Graph& graph, int64_t capacity);

void assign_layouts(Graph& graph, LayoutPolicy policy, int64_t capacity,
                    const std::map<std::string, Layout>& fixed = {});

// The layouts of a graph's persistents, to fix those of another entry point's graph.
std::map<std::string, Layout> persistent_layouts(const Graph& graph);

} // namespace striate
