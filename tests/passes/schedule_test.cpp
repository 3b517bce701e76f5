// schedule: every kernel is sound for every layout, size and target. Kernels as text are in schedule/*.nn.
#include "passes/schedule/schedule.h"

#include "passes/pipeline.h"
#include "tests/passes/graphs.h"

#include <algorithm>

namespace striate {
namespace {

Program program_of(Graph graph, const PipelineOptions& options) {
  run_region_passes(graph, {}, options);
  const Program program = run_kernel_passes(graph, plan_persistents(graph), options);
  EXPECT_EQ(verify(program), std::vector<std::string>()) << print(program);
  return program;
}

PipelineOptions avx512() {
  PipelineOptions options;
  options.target.vector_bits = 512;
  options.target.vector_registers = 32;
  return options;
}

TEST(Schedule, TermsThatAreLeftOutAreNoWork) {
  const Program program =
      program_of(step_graph(training_program("", "input x: f32[N, 1, 12, 12]\n output y = x -> Conv2d(3, 5) "
                                                 "as a -> Conv2d(2, 5) as b -> relu -> flatten -> "
                                                 "Linear(4) as fc")),
                 PipelineOptions());
  const auto gradient =
      std::ranges::find_if(program.kernels, [](const Kernel& k) { return k.name.starts_with("a_grad"); });
  ASSERT_NE(gradient, program.kernels.end());
  // As many products as forward: 2 filters, 3 channels, 4 x 4 places, 5 x 5 taps.
  EXPECT_EQ(gradient->flops_per_example, 2.0 * 2 * 3 * 16 * 25);
}

// What a tile reads of a large weight stays in the cache while the examples pass by.
TEST(Schedule, ExamplesAreTheInnerLoopWhereAWeightIsLarge) {
  for (const char* body : {"input x: f32[N, 64]\n output y = x -> Linear(48) as fc",
                           "input x: f32[N, 4, 4, 4]\n output y = x -> flatten -> Linear(48) as fc"})
    for (const bool large : {true, false}) {
      PipelineOptions options = avx512();
      options.target.l2_bytes = large ? 8 << 10 : 1 << 20; // the weight has 64 * 48 * 4 bytes
      const Program program = program_of(model_graph("model M {\n " + std::string(body) + "\n}\n"), options);
      const std::string text = print(program);
      const std::size_t examples = text.find("parallel d0: 0..N"), results = text.find("parallel o: 0..48");
      ASSERT_NE(examples, std::string::npos) << text;
      ASSERT_NE(results, std::string::npos) << text;
      EXPECT_EQ(results < examples, large) << text;
    }
}

// Rows that the weight does not know pass by with their example.
TEST(Schedule, ExamplesStayOutsideOfTheirRows) {
  PipelineOptions options = avx512();
  options.target.l2_bytes = 8 << 10;
  const std::string text = print(program_of(
      model_graph("model M {\n input x: f32[N, 61, 64]\n output y = x -> Linear(48) as fc\n}\n"), options));
  const std::size_t examples = text.find("parallel d0: 0..N"), rows = text.find("d1: 0..61");
  ASSERT_NE(examples, std::string::npos) << text;
  ASSERT_NE(rows, std::string::npos) << text;
  EXPECT_LT(examples, rows) << text;
}

// Odd sizes, every layout, targets with few and many registers: all kernels are verified by program_of.
TEST(Schedule, EveryKernelIsSound) {
  const std::vector<std::string> bodies = {
      "input x: f32[N, 1, 7, 7]\n output y = x -> Conv2d(1, 3) as c -> relu -> max_pool2d(3, stride = 2) -> "
      "flatten -> Linear(1) as fc",
      "input x: f32[N, 17, 9, 11]\n output y = x -> Conv2d(33, 3, stride = 2, padding = 1) as c -> "
      "BatchNorm2d as b -> relu -> avg_pool2d(2)",
      "input x: f32[N, 32, 6, 6]\n output y = x -> Conv2d(48, 3, padding = 1, groups = 2) as c -> tanh -> "
      "max_pool2d(3, stride = 1, padding = 1)",
      "input x: f32[N, 16, 9, 9]\n output y = x -> Conv2d(16, 3, dilation = 2, stride = 2) as c -> "
      "leaky_relu -> l2_pool2d(2)",
      "input x: f32[N, 33]\n output y = x -> Linear(17) as a -> sigmoid -> Linear(16) as b -> Dropout(0.3) "
      "-> softmax"};
  for (const std::string& body : bodies)
    for (LayoutPolicy layout :
         {LayoutPolicy::BatchBlocked, LayoutPolicy::ChannelBlocked, LayoutPolicy::Plain})
      for (bool wide : {true, false})
        for (bool fuse : {true, false}) {
          PipelineOptions options = wide ? avx512() : PipelineOptions();
          options.layout = layout;
          options.fuse = fuse;
          options.capacity = 33;
          SCOPED_TRACE(fmt::format("{}\nlayout {}, wide {}, fuse {}", body, name_of(layout), wide, fuse));
          program_of(step_graph(training_program("", body)), options);
        }
}

} // namespace
} // namespace striate
