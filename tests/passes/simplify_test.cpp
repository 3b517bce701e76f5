// Rewrites of expanded graphs: each where it fires and where it must not, and that nothing computed changes.
#include "passes/commute_monotone.h"
#include "passes/eliminate_dead_nodes.h"
#include "passes/expand_calls.h"
#include "passes/inline_pointwise.h"
#include "passes/pad_contractions.h"
#include "tests/passes/graphs.h"

#include <functional>

namespace striate {
namespace {

std::string model(const std::string& body, const std::string& definitions = "") {
  return definitions + "\nmodel M {\n" + body + "\n}\n";
}

// The graph after `pass`; what it computes is unchanged.
Graph after(const std::function<void(Graph&)>& pass, const std::string& source) {
  const Graph before = model_graph(source);
  Graph graph = before;
  pass(graph);
  EXPECT_EQ(verify(graph), std::vector<std::string>());
  for (int64_t batch : {1, 3}) EXPECT_EQ(difference(before, graph, batch), 0);
  return graph;
}

using Texts = std::vector<std::string>;

// eliminate_dead_nodes

TEST(EliminateDeadNodes, KeepsWhatOutputsNeedInOrder) {
  Graph graph = model_graph(model("input x: f32[N, 3]\n a = relu(x)\n unused = exp(a)\n output y = tanh(a)"));
  EXPECT_EQ(statements(graph),
            Texts({"relu[d0, d1] = max(x[d0, d1], 0)", "tanh[d0, d1] = tanh(relu[d0, d1])"}));
  // A producer that stands after its reader is moved before it.
  std::swap(graph.nodes[0], graph.nodes[1]);
  eliminate_dead_nodes(graph);
  EXPECT_EQ(statements(graph),
            Texts({"relu[d0, d1] = max(x[d0, d1], 0)", "tanh[d0, d1] = tanh(relu[d0, d1])"}));
  EXPECT_EQ(graph.values[graph.find("relu")].producer, 0);
  EXPECT_EQ(graph.find("exp"), -1);
}

// inline_pointwise

TEST(InlinePointwise, ChainsBecomeOneExpression) {
  const Graph graph =
      after(inline_pointwise, model("input x: f32[N, 3]\n output y = x -> relu -> tanh -> neg"));
  EXPECT_EQ(statements(graph), Texts({"neg[d0, d1] = -tanh(max(x[d0, d1], 0))"}));
}

// Where a reader's place makes the choice, a read is left, but the statement was none.
TEST(InlinePointwise, AChoiceThatIsMadeIsNoView) {
  const Graph graph =
      after(inline_pointwise,
            model("input z: f32[N, 2, 2, 2, 2]\n input x: f32[N, 5]\n output w = relu(z)\n output y = x -> "
                  "first -> shift",
                  "op first(x[N, C]) -> y[N, 2, C] { y[n, i, c] = select(i < 1, (x[n, c - 1] else 0), 1) }\n"
                  "op shift(x[N, I, C]) -> y[N, C] { y[n, c] = (x[n, 0, c - 1] else 0) }"));
  EXPECT_EQ(graph.nodes.size(), 2U);
}

TEST(InlinePointwise, AViewGoesIntoEveryReader) {
  const Graph graph =
      after(inline_pointwise, model("input x: f32[N, 2, 3]\n v = flatten(x)\n output y = v -> Linear(2, "
                                    "bias = false) as fc\n output z = relu(v)"));
  EXPECT_EQ(statement_of_value(graph, "fc"),
            "fc[d0, o] = sum(c: 6) x[d0, (c // 3), (c % 3)] * fc.weight[o, c]");
  EXPECT_EQ(statement_of_value(graph, "relu"), "relu[d0, d1] = max(x[d0, (d1 // 3), (d1 % 3)], 0)");
  EXPECT_EQ(graph.nodes.size(), 2u);
}

TEST(InlinePointwise, AValueWithTwoReadersStays) {
  const Graph graph = after(
      inline_pointwise, model("input x: f32[N, 3]\n a = exp(x)\n output y = tanh(a)\n output z = neg(a)"));
  EXPECT_EQ(graph.nodes.size(), 3u);
}

TEST(InlinePointwise, AnOutputStays) {
  const Graph graph =
      after(inline_pointwise, model("input x: f32[N, 3]\n output a = exp(x)\n output y = tanh(a)"));
  EXPECT_EQ(graph.nodes.size(), 2u);
}

TEST(InlinePointwise, IntoAReductionThatLoadsEachElementOnce) {
  const Graph graph = after(inline_pointwise, model("input x: f32[N, 3]\n output y = x -> exp -> all",
                                                    "op all(x[N, C]) -> y[N] { y[n] = sum(c) x[n, c] }"));
  EXPECT_EQ(statements(graph), Texts({"all[n] = sum(c: 3) exp(x[n, c])"}));
}

TEST(InlinePointwise, NotIntoAReductionThatLoadsElementsOften) {
  const Graph graph =
      after(inline_pointwise, model("input x: f32[N, 3]\n output y = x -> exp -> Linear(4) as fc"));
  EXPECT_EQ(statement_of_value(graph, "exp"), "exp[d0, d1] = exp(x[d0, d1])");
  EXPECT_TRUE(contains(decisions(graph, "inline_pointwise"), "would compute each element 4 times"));
}

TEST(InlinePointwise, AProductDoesNotBecomeASumsFma) {
  const Graph graph = after(inline_pointwise, model("input x: f32[N, 3]\n output y = x * x -> all",
                                                    "op all(x[N, C]) -> y[N] { y[n] = sum(c) x[n, c] }"));
  EXPECT_EQ(graph.nodes.size(), 2u);
  EXPECT_TRUE(contains(decisions(graph, "inline_pointwise"), "how the sum accumulates"));
}

TEST(InlinePointwise, ADivisionPerChannelIsNotRepeatedPerPixel) {
  const char* const definitions = "op inverse(x[C]) -> y[C] { y[c] = 1 / x[c] }\n"
                                  "op doubled(x[C]) -> y[C] { y[c] = x[c] + x[c] }\n";
  const Graph expensive =
      after(inline_pointwise,
            model("input x: f32[N, 3, 4]\n param s: f32[3] = ones\n output y = add_channel(x, inverse(s))",
                  definitions));
  EXPECT_EQ(expensive.nodes.size(), 2u);
  EXPECT_TRUE(contains(decisions(expensive, "inline_pointwise"), "4*N times"));
  const Graph cheap =
      after(inline_pointwise,
            model("input x: f32[N, 3, 4]\n param s: f32[3] = ones\n output y = add_channel(x, doubled(s))",
                  definitions));
  EXPECT_EQ(cheap.nodes.size(), 1u);
}

TEST(InlinePointwise, AnExpensiveValueReadAtTwoPlacesStays) {
  const char* const definitions = "op ends(x[N, C]) -> y[N, C - 1] { y[n, c] = x[n, c] + x[n, c + 1] }\n"
                                  "op square(x[N, C]) -> y[N, C] { y[n, c] = x[n, c] * x[n, c] }\n";
  EXPECT_EQ(after(inline_pointwise, model("input x: f32[N, 4]\n output y = x -> exp -> ends", definitions))
                .nodes.size(),
            2u);
  // Twice the same element is computed once.
  const Graph graph =
      after(inline_pointwise, model("input x: f32[N, 4]\n output y = x -> exp -> square", definitions));
  ASSERT_EQ(graph.nodes.size(), 1u);
  const Statement& statement = statement_of(graph.nodes[0]);
  EXPECT_EQ(statement.body->arguments[0], statement.body->arguments[1]);
}

const char* const kShifts =
    "op before(x[N, C]) -> y[N, C] { y[n, c] = (x[n, c - 1] else 0) }\n"
    "op after(x[N, C]) -> y[N, C] { y[n, c] = (x[n, c + 1] else 7) }\n"
    "op above(x[N, C, H]; v: real) -> y[N, C, H] { y[n, c, h] = (x[n, c - 1, h] else v) }\n"
    "op left(x[N, C, H]) -> y[N, C, H] { y[n, c, h] = (x[n, c, h - 1] else 5) }\n"
    "op middle(x[N, C]) -> y[N, C - 2] { y[n, c] = x[n, c + 1] }\n"
    "op same(x[N, C]) -> y[N, C] { y[n, c] = x[n, c] }\n";

TEST(InlinePointwise, TheElseAppliesAfterWhatWasInlined) {
  // exp(x) else 0 is not exp(x else 0), which is 1 outside.
  const Graph graph =
      after(inline_pointwise, model("input x: f32[N, 4]\n output y = x -> exp -> before", kShifts));
  EXPECT_EQ(statements(graph), Texts({"before[n, c] = select(0 <= c - 1, exp((x[n, c - 1] else 0)), 0)"}));
}

TEST(InlinePointwise, AnElseOfAnElseKeepsBoth) {
  for (const char* chain :
       {"before -> after", "after -> before", "after -> after", "middle -> after", "same -> after"})
    after(inline_pointwise, model(fmt::format("input x: f32[N, 5]\n output y = x -> {}", chain), kShifts));
  // The outer read says 3 where c is outside, the inner one 5 where h is.
  const Graph graph =
      after(inline_pointwise, model("input x: f32[N, 3, 3]\n output y = x -> left -> above(v = 3)", kShifts));
  EXPECT_EQ(statements(graph),
            Texts({"above[n, c, h] = select(0 <= c - 1, (x[n, c - 1, h - 1] else 5), 3)"}));
  after(inline_pointwise, model("input x: f32[N, 3, 3]\n output y = x -> left -> above(v = 5)", kShifts));
}

// commute_monotone

TEST(CommuteMonotone, ReluAndMaxPoolingChangePlaces) {
  const Graph graph =
      after(commute_monotone, model("input x: f32[N, 2, 6, 6]\n output y = x -> relu -> max_pool2d(2)"));
  EXPECT_EQ(statements(graph),
            Texts({"max_pool2d.window[n, c, i, j] = max(r: 2, s: 2) x[n, c, 2*i + r, 2*j + s]",
                   "max_pool2d[i0, i1, i2, i3] = max(max_pool2d.window[i0, i1, i2, i3], 0)"}));
  EXPECT_TRUE(contains(decisions(graph, "commute_monotone"), "window first"));
}

TEST(CommuteMonotone, WithPaddingTooAndForEveryLayer) {
  const Graph graph =
      after(commute_monotone, model("input x: f32[N, 2, 9, 9]\n"
                                    "output y = x -> relu -> max_pool2d(3, stride = 2, padding = 1)\n"
                                    "    -> neg -> relu -> max_pool2d(2) -> max_pool2d(2)"));
  EXPECT_EQ(decisions(graph, "commute_monotone").size(), 3u);
}

TEST(CommuteMonotone, NotWhereTheClampedValueIsReadElsewhere) {
  const Graph graph = after(commute_monotone, model("input x: f32[N, 2, 6, 6]\n a = relu(x)\n"
                                                    "output y = max_pool2d(a, 2)\n output z = neg(a)"));
  EXPECT_TRUE(contains(statements(graph), "max(r: 2, s: 2) relu["));
  EXPECT_TRUE(contains(decisions(graph, "commute_monotone"), "`relu` has another reader"));
}

TEST(CommuteMonotone, NotWhereTheClampedValueLeaves) {
  const Graph graph = after(
      commute_monotone, model("input x: f32[N, 2, 6, 6]\n output a = relu(x)\n output y = max_pool2d(a, 2)"));
  EXPECT_TRUE(contains(statements(graph), "max(r: 2, s: 2) relu["));
}

TEST(CommuteMonotone, NotWithOtherFunctionsOrReductions) {
  for (const char* chain : {"neg -> max_pool2d(2)", "leaky_relu -> max_pool2d(2)", "relu -> avg_pool2d(2)",
                            "tanh -> max_pool2d(2)", "relu -> neg -> max_pool2d(2)"})
    EXPECT_TRUE(decisions(after(commute_monotone,
                                model(fmt::format("input x: f32[N, 2, 6, 6]\n output y = x -> {}", chain))),
                          "commute_monotone")
                    .empty())
        << chain;
}

TEST(CommuteMonotone, NotWhereOutsideIsAbove) {
  // Outside is 1, so the maximum of a window at the border is not below it.
  const Graph graph =
      after(commute_monotone,
            model("input x: f32[N, 4]\n output y = x -> relu -> best",
                  "op best(x[N, C]) -> y[N, C] { y[n, i] = max(r: 3) (x[n, i + r - 1] else -0.5) }"));
  EXPECT_TRUE(decisions(graph, "commute_monotone").empty());
}

TEST(CommuteMonotone, GradientsAreTheSame) {
  const std::string source =
      training_program("", "input x: f32[N, 2, 6, 6]\n"
                           "output y = x -> Conv2d(3, 3) as c -> relu -> max_pool2d(2)");
  const Graph graph = step_graph(source);
  EXPECT_TRUE(contains(decisions(graph, "commute_monotone"), "window first"));
  // Nothing before the window is kept for the backward pass but the window's own input and winner.
  for (const Node& node : graph.nodes) {
    const bool backward = graph.values[node.outputs[0]].name.find(".grad") != std::string::npos;
    for (ValueId input : node.inputs) EXPECT_FALSE(backward && graph.values[input].name == "c") << node.op;
  }
}

// pad_contractions

void pad(Graph& graph) { pad_contractions(graph, true); }

TEST(PadContractions, AConvolutionReadsAPaddedCopy) {
  const Graph graph = after(pad, model("input x: f32[N, 2, 20, 6]\n"
                                       "output y = x -> Conv2d(3, 3, padding = [1, 0], bias = false) as c"));
  EXPECT_EQ(
      statements(graph),
      Texts({"x.padded[i0, i1, i2, i3] = (x[i0, i1, i2 - 1, i3] else 0)",
             "c[n, o, i, j] = sum(c: 2, r: 3, s: 3) c.weight[o, c, r, s] * x.padded[n, c, i + r, j + s]"}));
}

TEST(PadContractions, ReadersWithTheSamePaddingShareTheCopy) {
  const Graph graph = after(pad, model("input x: f32[N, 2, 40, 40]\n"
                                       "output y = x -> Conv2d(1, 3, padding = 1, bias = false) as c\n"
                                       "output z = x -> Conv2d(2, 3, padding = 1, bias = false) as d\n"
                                       "output w = x -> Conv2d(1, 5, padding = 2, bias = false) as e"));
  EXPECT_EQ(decisions(graph, "pad_contractions").size(), 2u);
}

TEST(PadContractions, WherePaddingIsMuchOfTheWorkItStaysATest) {
  const char* const source =
      "input x: f32[N, 2, 5, 5]\n output y = x -> Conv2d(3, 3, padding = 1, bias = false) as c";
  const Graph inner = after(pad, model(source));
  EXPECT_EQ(statements(inner), Texts({"x.padded[i0, i1, i2, i3] = (x[i0, i1, i2, i3 - 1] else 0)",
                                      "c[n, o, i, j] = sum(c: 2, r: 3, s: 3) c.weight[o, c, r, s] * "
                                      "(x.padded[n, c, i + r - 1, j + s] else 0)"}));
  const Graph none = after([](Graph& graph) { pad_contractions(graph, false); }, model(source));
  EXPECT_EQ(none.nodes.size(), 1u);
  EXPECT_TRUE(contains(decisions(none, "pad_contractions"), "tested"));
}

TEST(PadContractions, NotWithoutPaddingAndNotForWindows) {
  for (const char* chain : {"Conv2d(3, 3, bias = false) as c", "max_pool2d(3, stride = 2, padding = 1)"})
    EXPECT_EQ(
        after(pad, model(fmt::format("input x: f32[N, 2, 6, 6]\n output y = x -> {}", chain))).nodes.size(),
        1u);
}

TEST(PadContractions, WhatIsOutsideKeepsItsValue) {
  const Graph graph =
      after(pad, model("input x: f32[N, 2, 5, 5]\n param w: f32[3] = ones\n output y = weigh(x, w)",
                       "op weigh(x[N, C, H, W], w[R]) -> y[N, C, H, W] {\n"
                       "    y[n, c, h, v] = sum(r) w[r] * (x[n, c, h, v + r - 1] else 2)\n}"));
  EXPECT_EQ(statement_of_value(graph, "x.padded"),
            "x.padded[i0, i1, i2, i3] = (x[i0, i1, i2, i3 - 1] else 2)");
}

// drop_unit_variables, within expand_calls

TEST(ExpandCalls, IndicesOfOneValueAreDropped) {
  const Graph graph =
      model_graph(model("input x: f32[N, 2, 5, 5]\n output y = x -> Conv2d(2, 1, bias = false) as c"));
  EXPECT_EQ(statements(graph), Texts({"c[n, o, i, j] = sum(c: 2) c.weight[o, c, 0, 0] * x[n, c, i, j]"}));
}

} // namespace
} // namespace striate
