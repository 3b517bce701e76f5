// schedule: lowers every region to a kernel, by structure.
//
//   pointwise region                 loops over the shape, the lanes along the batch block (or the innermost
//   dimension) reduction, then pointwise tails  the same with accumulators; a contraction gets a register
//   tile (choose_tile.h) contraction, window, tails       rows of the contraction in scratch, windows reduced
//   from them (contraction_window.cpp)
//
// The role of the lane axis is read off the statement and its layout: *free* (a dimension of the result is
// blocked by 16) or *reduced* (the declared order has lanes). Assumes plan_memory. Shown by
// tests/passes/schedule/*.nn.
#pragma once

#include "ir/graph/graph.h"
#include "ir/kernel/kernel.h"
#include "support/result.h"
#include "support/target_info.h"

namespace striate {

// A Failure where a decision that the graph has (a tile) cannot be followed.
Result<Program> schedule(Graph& graph, int64_t capacity, const TargetInfo& target);

// The register tiles that a region could have, as decisions of "schedule" say them, by the model's opinion of
// them; empty where it has none. All of them give the same bits.
std::vector<std::string> tile_alternatives(const Graph& graph, std::size_t region, int64_t capacity,
                                           const TargetInfo& target, std::size_t most);

} // namespace striate
