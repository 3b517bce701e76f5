// assign_layouts: how values lie, and which are exactly 0 beyond the batch.
#include "passes/assign_layouts.h"

#include "passes/assign_orders.h"
#include "tests/passes/graphs.h"

#include <algorithm>

namespace striate {
namespace {

const char* const kBody =
    "input x: f32[N, 32, 8, 8]\n"
    "output y = x -> Conv2d(48, 3) as c -> relu -> Conv2d(5, 3) as d -> flatten -> Linear(4) as fc";

std::string layout(const Graph& graph, const std::string& value) {
  const ValueId id = graph.find(value);
  return id < 0 ? "no value " + value : graph.values[id].layout.text();
}

Graph with_layouts(Graph graph, LayoutPolicy policy, const std::map<std::string, Layout>& fixed = {},
                   bool batch_lanes = true, int64_t capacity = 64) {
  assign_orders(graph, batch_lanes);
  assign_layouts(graph, policy, capacity, fixed);
  EXPECT_EQ(verify(graph), std::vector<std::string>());
  for (const Value& value : graph.values)
    EXPECT_EQ(value.layout.empty(), value.type.shape.empty()) << value.name;
  return graph;
}

TEST(Layouts, BatchBlockedValuesAndPlainWeights) {
  const Graph graph = with_layouts(step_graph(training_program("", kBody)), LayoutPolicy::BatchBlocked);
  EXPECT_EQ(layout(graph, "x"), "(d0/16, d1, d2, d3, d0%16)");
  EXPECT_EQ(layout(graph, "c"), "(d0/16, d1, d2, d3, d0%16)");
  EXPECT_EQ(layout(graph, "loss"), "(d0/16, d0%16)");
  EXPECT_EQ(layout(graph, "c.weight"), "(d0, d1, d2, d3)");
}

TEST(Layouts, ChannelBlockedValuesAndWeights) {
  const Graph graph = with_layouts(step_graph(training_program("", kBody)), LayoutPolicy::ChannelBlocked);
  EXPECT_EQ(layout(graph, "x"), "(d0, d1/16, d2, d3, d1%16)");
  EXPECT_EQ(layout(graph, "c"), "(d0, d1/16, d2, d3, d1%16)");
  EXPECT_EQ(layout(graph, "d"), "(d0, d1, d2, d3)"); // 5 channels make no block
  EXPECT_EQ(layout(graph, "c.weight"), "(d0/16, d1/16, d2, d3, d1%16, d0%16)");
}

TEST(Layouts, PlainIsRowMajor) {
  const Graph graph = with_layouts(step_graph(training_program("", kBody)), LayoutPolicy::Plain);
  EXPECT_EQ(layout(graph, "c"), "(d0, d1, d2, d3)");
}

TEST(Layouts, WhatReplacesAPersistentLiesAsItDoes) {
  for (LayoutPolicy policy :
       {LayoutPolicy::BatchBlocked, LayoutPolicy::ChannelBlocked, LayoutPolicy::Plain}) {
    const Graph graph = with_layouts(step_graph(training_program("", kBody)), policy);
    for (const Persistent& persistent : graph.persistents)
      EXPECT_EQ(graph.values[persistent.value].layout, graph.values[persistent.next].layout);
  }
}

TEST(Layouts, BlocksOfTheBatchAreExamples) {
  // Three rows of each example: a block of 16 rows would end within one.
  const std::string merged =
      "op merge(x[N, T, C]) -> y[(N T), C] { y[(n t), c] = x[n, t, c] }\n"
      "model M {\n input x: f32[N, 3, 5]\n output y = x -> merge -> Linear(4) as a\n}\n";
  Graph graph = model_graph(merged);
  EXPECT_EQ(choose_layouts(graph, 64).policy, LayoutPolicy::Plain);
}

LayoutPolicy chosen(const std::string& body, int64_t capacity) {
  return choose_layouts(model_graph("model M {\n" + body + "\n}\n"), capacity).policy;
}

TEST(Layouts, TheWorkDecides) {
  const std::string wide =
      "input x: f32[N, 3, 9, 9]\n output y = x -> Conv2d(32, 3) as a -> Conv2d(48, 3) as b -> flatten -> ";
  EXPECT_EQ(chosen(wide + "Linear(32) as fc", 64), LayoutPolicy::ChannelBlocked);
  // Where the last block of examples is not whole, matrices do not count.
  EXPECT_EQ(chosen(wide + "Linear(3) as fc", 24), LayoutPolicy::ChannelBlocked);
  EXPECT_EQ(chosen(wide + "Linear(3200) as fc", 24), LayoutPolicy::BatchBlocked);
  EXPECT_EQ(chosen("input x: f32[N, 1, 9, 9]\n output y = x -> Conv2d(20, 3) as a", 64),
            LayoutPolicy::BatchBlocked);
  EXPECT_EQ(chosen("input x: f32[N, 1, 9, 9]\n output y = x -> Conv2d(20, 3) as a", 8),
            LayoutPolicy::BatchBlocked);
  EXPECT_EQ(chosen("input x: f32[N, 1, 9, 9]\n output y = x -> Conv2d(20, 3) as a", 1),
            LayoutPolicy::ChannelBlocked); // 15 of 16 lanes would be empty
  EXPECT_EQ(chosen("input x: f32[N, 40]\n output y = x -> Linear(20) as a", 64),
            LayoutPolicy::ChannelBlocked);
  EXPECT_EQ(chosen("input x: f32[N, 40]\n output y = relu(x)", 64), LayoutPolicy::BatchBlocked);
}

TEST(Layouts, MatricesAmongChannelBlocksAreBatchBlocked) {
  const std::string source =
      training_program("", "input x: f32[N, 32, 8, 8]\n output y = x -> Conv2d(48, 3) as c -> relu "
                           "-> flatten -> Linear(32) as hidden -> relu -> Linear(4) as fc");
  const Graph graph = with_layouts(step_graph(source), LayoutPolicy::ChannelBlocked, {}, false);
  EXPECT_EQ(layout(graph, "hidden"), "(d0/16, d1, d0%16)");
  EXPECT_EQ(layout(graph, "hidden.weight"), "(d0/16, d1, d0%16)");
  EXPECT_EQ(layout(graph, "hidden.weight.next"), "(d0/16, d1, d0%16)");
  EXPECT_EQ(layout(graph, "hidden.weight.grad"), "(d0/16, d1, d0%16)");
  EXPECT_EQ(layout(graph, "fc.weight"), "(d0, d1)"); // 4 results make no block
  EXPECT_EQ(layout(graph, "c"), "(d0, d1/16, d2, d3, d1%16)");
  // A block of 16 rows must exist, and no sum may count on zeros in it.
  for (const Graph& other : {with_layouts(step_graph(source), LayoutPolicy::ChannelBlocked, {}, false, 24),
                             with_layouts(step_graph(source), LayoutPolicy::ChannelBlocked, {}, true)})
    EXPECT_EQ(layout(other, "hidden"), "(d0, d1/16, d1%16)");
}

TEST(Layouts, AFactorThatLiesAlongAnotherDimensionIsCopied) {
  const std::string source =
      training_program("", "input x: f32[N, 32, 8, 8]\n output y = x -> Conv2d(48, 3) as c -> relu -> "
                           "Conv2d(64, 3) as d -> flatten -> Linear(32) as fc");
  const Graph graph = with_layouts(step_graph(source), LayoutPolicy::ChannelBlocked, {}, false);
  // Forward the vector runs along the filters; the gradient by the image runs along the channels.
  EXPECT_EQ(layout(graph, "d.weight"), "(d0/16, d1/16, d2, d3, d1%16, d0%16)");
  EXPECT_EQ(layout(graph, "d.weight.packed"), "(d0/16, d1/16, d2, d3, d0%16, d1%16)");
  EXPECT_LT(graph.find("c.weight.packed"), 0); // no gradient by x
  const NodeId reader = graph.values[graph.find("relu.grad")].producer;
  EXPECT_TRUE(std::ranges::count(graph.nodes[reader].inputs, graph.find("d.weight.packed")));
  EXPECT_FALSE(std::ranges::count(graph.nodes[reader].inputs, graph.find("d.weight")));
  // Of the weight's gradient, by the examples' gradients.
  EXPECT_EQ(layout(graph, "fc.linear.grad.packed"), "(d0, d1/16, d1%16)");
}

TEST(Layouts, AnotherEntryPointTakesTheFirstOnesWeights) {
  const std::string source = training_program("", kBody);
  const Graph step = with_layouts(step_graph(source), LayoutPolicy::ChannelBlocked);
  const Graph eval = with_layouts(model_graph(source), LayoutPolicy::BatchBlocked, persistent_layouts(step));
  EXPECT_EQ(layout(eval, "c.weight"), layout(step, "c.weight"));
  EXPECT_EQ(layout(eval, "x"), "(d0/16, d1, d2, d3, d0%16)");
}

TEST(Layouts, AdjointsAreZeroBeyondTheBatch) {
  const Graph graph = with_layouts(step_graph(training_program("", kBody)), LayoutPolicy::BatchBlocked);
  const auto zero = [&](const std::string& value) { return graph.values[graph.find(value)].zero_in_padding; };
  EXPECT_TRUE(zero("loss.grad"));
  EXPECT_TRUE(zero("fc.grad"));
  EXPECT_TRUE(zero("c.grad"));
  for (const char* value : {"x", "c", "fc", "loss"}) EXPECT_FALSE(zero(value)) << value;
}

TEST(Layouts, AReadWithAnotherValueOutsideIsNotZero) {
  Graph graph = step_graph(training_program("", kBody));
  // The adjoint once more, surrounded by ones.
  const ValueId adjoint = graph.find("relu.grad");
  Node& node = graph.nodes[graph.values[adjoint].producer];
  auto definition = std::make_shared<Definition>(*node.definition);
  Statement& statement = definition->statements[0];
  statement.body = rewrite(statement.body, [](const ExprRef& e) -> ExprRef {
    if (e->kind != Expr::Kind::Read || !e->has_else) return e;
    Expr copy = *e;
    copy.constant = 1;
    return std::make_shared<const Expr>(std::move(copy));
  });
  node.definition = definition;
  graph = with_layouts(std::move(graph), LayoutPolicy::BatchBlocked);
  EXPECT_FALSE(graph.values[graph.find("relu.grad")].zero_in_padding);
}

} // namespace
} // namespace striate
