#include "ir/kernel/analysis.h"
#include "tests/codegen_cuda/samples.h"

#include <gtest/gtest.h>

namespace striate {

TEST(KernelAnalysis, ParallelNest) {
  const Kernel kernel = loop_forms().program.kernels[0];
  EXPECT_EQ(parallel_nest(kernel).variables.size(), 2u);
  EXPECT_EQ(parallel_extent(kernel, 5), 5 * 3);
  EXPECT_EQ(parallel_nest(kernel).body->front().kind, KernelStatement::Kind::For);
  Kernel two_parts = kernel;
  two_parts.body.push_back(two_parts.body.front());
  EXPECT_EQ(parallel_extent(two_parts, 5), 1);
  EXPECT_EQ(iterations({"n", VariableKind::Parallel, Size::n(3), 16, false}, 11), 3);
}

TEST(KernelAnalysis, StepsOfOverlappingLoops) {
  EXPECT_EQ(step_of({"i", VariableKind::Serial, Size::constant(10), 4, false}), 4);
  EXPECT_EQ(step_of({"i", VariableKind::Serial, Size::constant(10), 4, true}), 2);
  EXPECT_EQ(step_of({"n", VariableKind::Serial, Size::n(), 4, true}), 1);
}

TEST(KernelAnalysis, Dependence) {
  const Kernel kernel = product_tile().program.kernels[0];
  const int k = 2, f = 3, lane = kernel.lane();
  const ExprRef sum = tile_point(0, ScalarType::Real);
  const ExprRef weight = load(1, IndexExpr::variable(k) + 3, ScalarType::Real);
  EXPECT_TRUE(depends_on(kernel, sum, f));
  EXPECT_TRUE(depends_on(kernel, sum + weight, lane));
  EXPECT_FALSE(depends_on(kernel, weight, lane));
  EXPECT_TRUE(depends_on(kernel, weight, k));
}

TEST(KernelAnalysis, LanesMeetOnlyWhereElementsChangeHands) {
  EXPECT_TRUE(lane_barriers(window_over_batch_lanes().program.kernels[0]).empty());
  EXPECT_TRUE(lane_barriers(folded_gradient().program.kernels[0]).empty());
  EXPECT_TRUE(lane_barriers(loop_forms().program.kernels[0]).empty());
  const Kernel rows = window_over_row_lanes().program.kernels[0];
  EXPECT_EQ(lane_barriers(rows).size(), 2u);
}

// scratch[a] = ..., then a load of scratch[b] into the lanes' tile.
static size_t barriers_between(const IndexExpr& stored, const IndexExpr& loaded, std::vector<int> axes) {
  Kernel kernel;
  const int lane = kernel.add_variable({"lane", VariableKind::Lane, Size::constant(kLanes), 1, false});
  kernel.add_variable({"i", VariableKind::Axis, Size::constant(4), 1, false});
  const int tile = kernel.add_tile({"tile", ScalarType::Real, {lane}});
  const int scratch = kernel.add_buffer({"scratch", ElementType::F32, BufferSpace::Scratch, 256, 0});
  KernelStatement store;
  store.kind = KernelStatement::Kind::Store;
  store.buffer = scratch;
  store.offset = stored;
  store.axes = std::move(axes);
  store.value = constant(1);
  KernelStatement map;
  map.kind = KernelStatement::Kind::Map;
  map.tile = tile;
  map.value = load(scratch, loaded, ScalarType::Real);
  kernel.body = {store, map};
  return lane_barriers(kernel).size();
}

TEST(KernelAnalysis, OwnersOfScratchElements) {
  const IndexExpr lane = IndexExpr::variable(0), i = IndexExpr::variable(1);
  EXPECT_EQ(barriers_between(lane + 16 * i, lane + 32, {0, 1}), 0u);
  EXPECT_EQ(barriers_between(lane + 3, lane + 19, {0}), 0u);
  EXPECT_EQ(barriers_between(lane, lane + 1, {0}), 1u);
  EXPECT_EQ(barriers_between(lane + 8 * i, lane, {0, 1}), 1u);
  EXPECT_EQ(barriers_between(2 * lane, 2 * lane, {0}), 1u);
  EXPECT_EQ(barriers_between(5, 5, {}), 1u); // lane 0 stores, all load
}

} // namespace striate
