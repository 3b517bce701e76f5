// assign_layouts: how values lie, and which are exactly 0 beyond the batch.
#include "passes/assign_layouts.h"

#include "passes/assign_orders.h"
#include "tests/passes/graphs.h"

namespace striate {
namespace {

const char* const kBody =
    "input x: f32[N, 32, 8, 8]\n"
    "output y = x -> Conv2d(48, 3) as c -> relu -> Conv2d(5, 3) as d -> flatten -> Linear(4) as fc";

std::string layout(const Graph& graph, const std::string& value) {
  const ValueId id = graph.find(value);
  return id < 0 ? "no value " + value : graph.values[id].layout.text();
}

Graph with_layouts(Graph graph, LayoutPolicy policy, const std::map<std::string, Layout>& fixed = {}) {
  assign_orders(graph);
  assign_layouts(graph, policy, fixed);
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
  EXPECT_EQ(choose_layout_policy(graph, 64), LayoutPolicy::Plain);
  EXPECT_EQ(choose_layout_policy(graph, 64, LayoutPolicy::BatchBlocked), LayoutPolicy::Plain);
  EXPECT_EQ(choose_layout_policy(graph, 64, LayoutPolicy::ChannelBlocked), LayoutPolicy::ChannelBlocked);
  Graph usual = model_graph("model M { input x: f32[N, 3, 5]\n output y = relu(x) }");
  EXPECT_EQ(choose_layout_policy(usual, 64), LayoutPolicy::BatchBlocked);
  EXPECT_EQ(choose_layout_policy(usual, 64, LayoutPolicy::Plain), LayoutPolicy::Plain);
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
