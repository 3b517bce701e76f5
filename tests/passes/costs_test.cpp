// estimate_costs: what regions say they cost is what their kernels touch, and what one can count by hand.
#include "passes/estimate_costs.h"

#include "ir/kernel/analysis.h"
#include "ir/kernel/parse.h"
#include "passes/pipeline.h"
#include "tests/passes/graphs.h"

namespace striate {
namespace {

struct Lowered {
  Graph regions;
  Program program;
};

Lowered lowered(Graph graph, const PipelineOptions& options) {
  run_region_passes(graph, {}, options);
  Lowered result;
  result.program = run_kernel_passes(graph, plan_persistents(graph), options);
  result.regions = std::move(graph);
  return result;
}

TEST(Costs, OfALinearLayer) {
  PipelineOptions options;
  options.capacity = 32;
  options.layout = LayoutPolicy::Plain;
  const Graph graph =
      lowered(model_graph("model M {\n input x: f32[N, 48]\n output y = x -> Linear(16) as fc\n}\n"), options)
          .regions;
  ASSERT_EQ(graph.regions.size(), 1u);
  ASSERT_TRUE(graph.regions[0].cost);
  const Cost& cost = *graph.regions[0].cost;
  EXPECT_EQ(cost.flops, 32 * 16 * (2 * 48 + 1)); // a product and a sum for each weight, and the bias
  EXPECT_EQ(cost.bytes_read, 4 * (32 * 48 + 16 * 48 + 16));
  EXPECT_EQ(cost.bytes_written, 4 * 32 * 16);
  EXPECT_EQ(cost.predicted, 0); // nothing is known of the machine
}

TEST(Costs, OfRegionsAreThoseOfTheirKernels) {
  const std::vector<std::string> bodies = {
      "input x: f32[N, 3, 12, 12]\n output y = x -> Conv2d(4, 3) as c -> BatchNorm2d as b -> relu -> "
      "max_pool2d(2) -> flatten -> Dropout(0.5) -> Linear(4) as fc",
      "input x: f32[N, 5, 6]\n output y = x -> LSTM(7) as l -> flatten -> Linear(2) as fc"};
  for (const std::string& body : bodies)
    for (const bool fuse : {true, false})
      for (const LayoutPolicy layout : {LayoutPolicy::BatchBlocked, LayoutPolicy::ChannelBlocked}) {
        PipelineOptions options;
        options.capacity = 17;
        options.fuse = fuse;
        options.layout = layout;
        options.speed = MachineSpeed{1e9, 4e9, 1e9, 1 << 20};
        const auto [graph, program] = lowered(step_graph(training_program("", body)), options);
        ASSERT_EQ(graph.regions.size(), program.kernels.size());
        for (std::size_t k = 0; k < program.kernels.size(); ++k) {
          ASSERT_TRUE(graph.regions[k].cost && program.kernels[k].cost);
          EXPECT_EQ(*graph.regions[k].cost, *program.kernels[k].cost) << print(program.kernels[k]);
          EXPECT_GT(graph.regions[k].cost->predicted, 0);
        }
        const Result<Program> again = parse_program(print(program));
        ASSERT_TRUE(again.ok()) << again.failure().message;
        EXPECT_EQ(print(*again), print(program));
      }
}

} // namespace
} // namespace striate
