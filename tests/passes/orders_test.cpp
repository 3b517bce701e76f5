// assign_orders: the declared order of each reduction, read off its variables alone.
#include "passes/assign_orders.h"

#include "passes/expand_calls.h"
#include "tests/passes/graphs.h"

#include <algorithm>
#include <cmath>

namespace striate {
namespace {

const char* const kOps = R"(
op conv(x[N, C, H, W], k[O, C, R, S]) -> y[N, O, H - R + 1, W - S + 1] {
    y[n, o, i, j] = sum(c, r, s) k[o, c, r, s] * x[n, c, i + r, j + s]
}
op matrix(x[N, C], w[O, C]) -> y[N, O] { y[n, o] = sum(c) x[n, c] * w[o, c] }
op pooled(x[N, H, W]) -> y[N, H // 20, W // 2] { y[n, i, j] = max(r: 20, s: 2) x[n, 20*i + r, 2*j + s] }
op means(x[N, C, H]) -> y[C] { y[c] = sum(n, h) x[n, c, h] }
op factors(x[N, C, H]) -> y[N] { y[n] = prod(c, h) x[n, c, h] }
)";

// "c/16 r s c%16", then the lanes.
std::string order_text(const Statement& statement) {
  const auto digit = [&](const ReductionLoop& loop) {
    const IndexVariable& variable = statement.variables[loop.variable];
    if (loop.step > 1) return fmt::format("{}/{}", variable.name, loop.step);
    return loop.extent == variable.extent ? variable.name
                                          : fmt::format("{}%{}", variable.name, loop.extent.text());
  };
  std::string text;
  for (const ReductionLoop& loop : statement.order.loops) text += (text.empty() ? "" : " ") + digit(loop);
  if (statement.order.lanes) text += " lanes " + digit(*statement.order.lanes);
  return text;
}

// Of the value, or of the graph's first reduction.
std::string order_of(Graph graph, const std::string& value = "", bool batch_lanes = true) {
  assign_orders(graph, batch_lanes);
  EXPECT_EQ(verify(graph), std::vector<std::string>());
  for (const Node& node : graph.nodes)
    if (value.empty() ? statement_of(node).reduces() : graph.values[node.outputs[0]].name == value)
      return order_text(statement_of(node));
  return "none";
}

TEST(Orders, TheFirstVariableIsSplitBySixteen) {
  EXPECT_EQ(order_of(graph_of_op(kOps, "conv", {f32({-1, 32, 6, 6}), f32({4, 32, 3, 3})})), "c/16 r s c%16");
  EXPECT_EQ(order_of(graph_of_op(kOps, "conv", {f32({-1, 17, 6, 6}), f32({4, 17, 3, 3})})), "c/16 r s c%16");
}

TEST(Orders, NothingIsSplitThatIsShortOrAlone) {
  EXPECT_EQ(order_of(graph_of_op(kOps, "conv", {f32({-1, 16, 6, 6}), f32({4, 16, 3, 3})})), "c r s");
  EXPECT_EQ(order_of(graph_of_op(kOps, "conv", {f32({-1, 3, 6, 6}), f32({4, 3, 3, 3})})), "c r s");
  EXPECT_EQ(order_of(graph_of_op(kOps, "matrix", {f32({-1, 33}), f32({4, 33})})), "c");
}

TEST(Orders, ReducersThatDoNotRoundFollowTheText) {
  EXPECT_EQ(order_of(graph_of_op(kOps, "pooled", {f32({-1, 40, 4})})), "r s");
}

TEST(Orders, ProductsAreSplitAsSumsAre) {
  EXPECT_EQ(order_of(graph_of_op(kOps, "factors", {f32({-1, 20, 3})})), "c/16 h c%16");
}

TEST(Orders, SumsOverTheBatchHaveLanes) {
  EXPECT_EQ(order_of(graph_of_op(kOps, "means", {f32({-1, 3, 40})})), "n/16 h lanes n%16");
  Graph graph = graph_of_op(kOps, "conv", {f32({-1, 32, 6, 6}), f32({4, 32, 3, 3})});
  append_gradients(graph);
  EXPECT_EQ(order_of(graph, "k.grad"), "n/16 i j lanes n%16");
  EXPECT_EQ(order_of(graph, "x.grad"), "o r s");
  EXPECT_EQ(order_of(graph, "k.grad", false), "n i j");
}

TEST(Orders, TheResultFollowsTheOrder) {
  // 17 channels in the order (c/16, r, s, c%16), each added to one accumulator by fma.
  Graph graph = graph_of_op(kOps, "conv", {f32({1, 17, 2, 2}), f32({1, 17, 2, 2})});
  assign_orders(graph, true);
  const ReferenceRun run = run_with_noise(graph, 1, Precision::F32);
  const std::vector<double>&x = run.value("x").values, &k = run.value("k").values;
  float sum = 0;
  for (int block = 0; block < 17; block += 16)
    for (int tap = 0; tap < 4; ++tap)
      for (int c = block; c < std::min(block + 16, 17); ++c)
        sum = std::fma(static_cast<float>(k[c * 4 + tap]), static_cast<float>(x[c * 4 + tap]), sum);
  EXPECT_EQ(run.output("y").values[0], sum);
}

} // namespace
} // namespace striate
