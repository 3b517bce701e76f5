// lower_precision: what multiplies numbers of bf16, how they are added, and how they lie.
#include "passes/lower_precision.h"

#include "passes/assign_layouts.h"
#include "passes/assign_orders.h"
#include "passes/expand_calls.h"
#include "passes/inline_pointwise.h"
#include "passes/pad_contractions.h"
#include "support/bfloat16.h"
#include "tests/passes/graphs.h"

namespace striate {
namespace {

Graph lowered(Graph graph, int64_t capacity = 64) {
  lower_precision(graph, capacity);
  EXPECT_EQ(verify(graph), std::vector<std::string>());
  return graph;
}

Graph with_layouts(Graph graph, LayoutPolicy policy) {
  inline_pointwise(graph);
  pad_contractions(graph, true);
  assign_orders(graph, policy == LayoutPolicy::BatchBlocked);
  assign_layouts(graph, policy, 64);
  EXPECT_EQ(verify(graph), std::vector<std::string>());
  return graph;
}

std::string model(const std::string& input, const std::string& body) {
  return "model M {\n input x: f32[N, " + input + "]\n output y = x -> " + body + "\n}\n";
}

std::string element(const Graph& graph, const std::string& value) {
  const ValueId id = graph.find(value);
  return id < 0 ? "no value " + value : name_of(graph.values[id].type.element);
}

TEST(LowerPrecision, FactorsAreRoundedOnceForAllReaders) {
  const Graph graph = lowered(model_graph(
      model("8, 6, 6", "Conv2d(4, 3, bias = false) as a\n output z = x -> Conv2d(4, 3, bias = false) as b")));
  EXPECT_EQ(statement_of_value(graph, "x.bf16"), "x.bf16[i0, i1, i2, i3] = bf16(x[i0, i1, i2, i3])");
  EXPECT_EQ(element(graph, "x.bf16"), "bf16");
  EXPECT_EQ(element(graph, "a.weight.bf16"), "bf16");
  EXPECT_EQ(element(graph, "a"), "f32");
  EXPECT_EQ(graph.find("x.bf16.1"), -1);
  EXPECT_EQ(decisions(graph, "lower_precision").size(), 2U);
}

// The numbers are those of sums of rounded factors.
TEST(LowerPrecision, RoundsFactorsAndNothingElse) {
  const Graph exact = model_graph(model("8, 5", "Conv1d(4, 3) as a"));
  const Graph graph = lowered(exact);
  const ReferenceRun rounded = run_with_noise(graph, 2), plain = run_with_noise(exact, 2);
  const std::vector<double>&x = plain.value("x").values, &w = plain.value("a.weight").values,
        &y = rounded.value("a").values;
  for (int64_t n = 0; n < 2; ++n)
    for (int64_t o = 0; o < 4; ++o)
      for (int64_t i = 0; i < 3; ++i) {
        double sum = plain.value("a.bias").values[static_cast<std::size_t>(o)];
        for (int64_t c = 0; c < 8; ++c)
          for (int64_t r = 0; r < 3; ++r)
            sum += nearest_bfloat16(x[static_cast<std::size_t>((n * 8 + c) * 5 + i + r)]) *
                   nearest_bfloat16(w[static_cast<std::size_t>((o * 8 + c) * 3 + r)]);
        EXPECT_NEAR(y[static_cast<std::size_t>((n * 4 + o) * 3 + i)], sum, 1e-12);
      }
}

TEST(LowerPrecision, OddChannelsFewUsesAndProductsOfDataStay) {
  EXPECT_EQ(lowered(model_graph(model("3, 6, 6", "Conv2d(4, 3)"))).find("x.bf16"), -1);
  EXPECT_EQ(lowered(model_graph(model("6", "Linear(4)")), 31).find("x.bf16"), -1);
  EXPECT_GE(lowered(model_graph(model("6", "Linear(4)")), 32).find("x.bf16"), 0);
  EXPECT_EQ(
      lowered(
          graph_of_op(
              "op f(x[N, A, C], y[N, B, C]) -> z[N, A, B] { z[n, a, b] = sum(c) x[n, a, c] * y[n, b, c] }",
              "f", {f32({-1, 4, 8}), f32({-1, 4, 8})}))
          .find("x.bf16"),
      -1);
  // Depthwise: each channel alone.
  EXPECT_EQ(lowered(model_graph(model("8, 6, 6", "Conv2d(8, 3, groups = 8)"))).find("x.bf16"), -1);
}

TEST(LowerPrecision, DataGradientsAreLoweredAndWeightGradientsAreNot) {
  const Graph graph = lowered(step_graph(training_program(
      "", "input x: f32[N, 16, 8, 8]\n output y = x -> Conv2d(16, 3) as c -> relu -> Conv2d(16, 3) as d")));
  EXPECT_GE(graph.find("d.weight.bf16"), 0);
  int weights = 0, data = 0;
  for (const Node& node : graph.nodes) {
    const std::string& name = graph.values[node.outputs[0]].name;
    if (!is_contraction(statement_of(node)) || name == "loss") continue;
    const bool bf16 = multiplies_bfloat16(graph, node);
    if (name.find("weight.grad") != std::string::npos) {
      ++weights;
      EXPECT_FALSE(bf16) << name;
    } else {
      ++data;
      EXPECT_TRUE(bf16) << name;
    }
  }
  EXPECT_EQ(weights, 2);
  EXPECT_EQ(data, 3); // forward twice, one data gradient
}

TEST(LowerPrecision, PairsAreTheInnermostLoopTheUpperOneFirst) {
  const Graph graph =
      with_layouts(lowered(model_graph(model("32, 6, 6", "Conv2d(48, 3, bias = false) as c"))),
                   LayoutPolicy::ChannelBlocked);
  EXPECT_TRUE(statement_of_value(graph, "c").ends_with(" order (c/16, r, s, c/2%8, c%2 down)"))
      << statement_of_value(graph, "c");
}

std::string layout(const Graph& graph, const std::string& value) {
  const ValueId id = graph.find(value);
  return id < 0 ? "no value " + value : graph.values[id].layout.text();
}

TEST(LowerPrecision, PairsLieSideBySide) {
  const Graph net =
      lowered(model_graph(model("32, 6, 6", "Conv2d(48, 3) as c -> flatten -> Linear(32) as fc")));
  const Graph channels = with_layouts(net, LayoutPolicy::ChannelBlocked);
  EXPECT_EQ(layout(channels, "x.bf16"), "(d0, d1/16, d2, d3, d1%16)");
  EXPECT_EQ(layout(channels, "c.weight.bf16"), "(d0/16, d1/16, d2, d3, d1/2%8, d0%16, d1%2)");
  EXPECT_EQ(layout(channels, "flatten.bf16"), "(d0/16, d1/2, d0%16, d1%2)");
  EXPECT_EQ(layout(channels, "fc.weight.bf16"), "(d0/16, d1/2, d0%16, d1%2)");
  const Graph examples = with_layouts(net, LayoutPolicy::BatchBlocked);
  EXPECT_EQ(layout(examples, "x.bf16"), "(d0/16, d1/2, d2, d3, d0%16, d1%2)");
  EXPECT_EQ(layout(examples, "c.weight.bf16"), "(d0, d1/2, d2, d3, d1%2)");
}

TEST(LowerPrecision, WhatHoldsBf16IsRoundedToIt) {
  Graph graph = lowered(model_graph(model("8, 6, 6", "Conv2d(4, 3)")));
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    if (graph.nodes[n].op != "bf16") continue;
    Statement statement = statement_of(graph.nodes[n]);
    statement.body = statement.body->arguments[0];
    set_statement(graph, static_cast<NodeId>(n), graph.nodes[n].inputs, statement);
    break;
  }
  EXPECT_TRUE(contains(verify(graph), "the target holds bf16, but the body is not rounded to it"));
}

} // namespace
} // namespace striate
