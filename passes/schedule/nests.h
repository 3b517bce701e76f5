// The nests: one function per shape of region. Each fills the builder's kernel.
#pragma once

#include "passes/form_regions.h"
#include "passes/schedule/kernel_builder.h"
#include "support/target_info.h"

#include <limits>

namespace striate {

// How many loops of a nest are parallel at most: a few keep the threads of a CPU busy, and leave a point's
// neighbours in its cache.
inline int parallel_loops(const TargetInfo& target) {
  return target.many_threads ? std::numeric_limits<int>::max() : 2;
}

// What the lane axis of a statement is.
enum class LaneRole {
  None,    // nothing to run it along
  Blocked, // free: a dimension of the result is stored in blocks of 16
  Plain,   // free: the innermost dimension of a row-major result
  Reduced, // the declared order combines 16 lanes
};
struct LaneChoice {
  LaneRole role = LaneRole::None;
  int variable = -1; // of the statement
};
LaneChoice lane_of(const Graph& graph, const Node& node);

// Every value of the region has the same flat storage, and each point is computed from the same point.
bool is_flat(const Graph& graph, const Region& region);
void flat_nest(KernelBuilder& builder);

// A head that may reduce, and pointwise tails.
void reduction_nest(KernelBuilder& builder, Graph& graph, const RegionParts& parts, const TargetInfo& target);

// A contraction and pointwise tails, divided among blocks of threads. False where it is not made, since it
// does not suit the region or a decision of the graph asks for something else.
bool block_nest(KernelBuilder& builder, Graph& graph, const RegionParts& parts);

void contraction_window_nest(KernelBuilder& builder, Graph& graph, const RegionParts& parts,
                             const TargetInfo& target);

// Shared by the two: the loops over a statement's reduced variables in the declared order.
struct ReductionLoops {
  std::vector<KernelStatement> frames;
  std::vector<int>
      axes; // what is left to the accumulation: the innermost loop, where the order runs down pairs
};
// Sets at[v] for each reduced variable. `unroll`: emit all iterations where they are few.
ReductionLoops reduction_loops(KernelBuilder& builder, const Statement& statement, std::vector<IndexExpr>& at,
                               bool unroll);

// A contraction's term is 0 where a factor reads outside: such terms are skipped, by an `If` in the outermost
// loop that settles each condition (is_skipped_outside). Inserts them into the frames; those factors need no
// test inside them.
void skip_outside(const KernelBuilder& builder, const Node& node, const std::vector<IndexExpr>& at,
                  std::vector<KernelStatement>& frames);

// The accumulation of one point of the reduction, or of those along `axes`, into `tile` (and `index_tile`,
// where >= 0).
KernelStatement accumulate(KernelBuilder& builder, const Node& node, const std::vector<IndexExpr>& at,
                           const std::vector<int>& axes, int tile, int index_tile,
                           const std::map<ValueId, ExprRef>& local, const ExprRef& guard);

// The register tile: as a decision of the graph has it, or decided and recorded. `untiled`: variables whose
// loops must stay single steps; `at_most`: others whose tile has a limit.
std::vector<std::pair<int, int64_t>> tile_axes(KernelBuilder& builder, Graph& graph, const Node& node,
                                               const LaneChoice& lane, std::vector<int> untiled,
                                               const TargetInfo& target,
                                               const std::map<int, int64_t>& at_most = {});

} // namespace striate
