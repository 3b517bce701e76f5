// Derivatives of scalar functions, what they are where there is none, and the backward pass as a whole.
#include "passes/differentiate.h"

#include "frontend/parser.h"
#include "passes/expand_calls.h"
#include "tests/passes/graphs.h"

namespace striate {
namespace {

// y[n] = body, in x[n] and w[n].
Graph pointwise(const std::string& body) {
  return graph_of_op("op f(x[N], w[N]) -> y[N] { y[n] = " + body + " }", "f", {f32({-1}), f32({-1})});
}

class Derivative : public testing::TestWithParam<const char*> {};

TEST_P(Derivative, AgreesWithDifferences) {
  Graph graph = pointwise(GetParam());
  const auto gradients = append_gradients(graph);
  EXPECT_EQ(verify(graph), std::vector<std::string>());
  EXPECT_LT(gradient_error(graph, gradients, 17), 1e-6);
}

INSTANTIATE_TEST_SUITE_P(Functions, Derivative,
                         testing::Values("x[n] + w[n]", "x[n] - 3 * w[n]", "x[n] * w[n] * x[n]",
                                         "x[n] / (2 + w[n])", "-x[n] * w[n]", "max(x[n], w[n])",
                                         "min(x[n], w[n])", "max(x[n] * w[n], x[n])", "abs(x[n]) * w[n]",
                                         "sqrt(x[n] + 2) * w[n]", "exp(x[n] * w[n])", "log(x[n] + w[n] + 3)",
                                         "tanh(x[n] - w[n])", "erf(x[n] * w[n])", "sin(x[n]) * cos(w[n])",
                                         "(x[n] + 2) ** w[n]", "x[n] ** 3 + w[n] ** 2",
                                         "select(x[n] < w[n], x[n] * w[n], x[n] + 2 * w[n])",
                                         "floor(x[n]) * w[n]", "select(x[n] < 0.3 and w[n] > 0, x[n], w[n])",
                                         "exp(tanh(x[n])) * tanh(x[n]) / (1 + exp(-w[n]))"));

// The gradients of x and w where x and w are given and the seed is 1.
std::pair<double, double> gradients_at(const std::string& body, double x, double w) {
  Graph graph = pointwise(body);
  const auto gradients = append_gradients(graph);
  ReferenceRun run(graph, Precision::F64, 1);
  std::map<std::string, ReferenceTensor> inputs;
  for (const auto& [name, value] : {std::pair("x", x), std::pair("w", w), std::pair("y.grad", 1.0)}) {
    inputs[name] = reference_tensor(f32({-1}), 1);
    inputs[name].values = {value};
  }
  run.step(inputs, 1);
  const auto gradient = [&](const std::string& name) {
    const ValueId of = gradients.at(graph.find(name));
    return of < 0 ? 0.0 : run.value(graph.values[of].name).values[0];
  };
  return {gradient("x"), gradient("w")};
}

using Pair = std::pair<double, double>;

TEST(DerivativeConvention, MaxAndMinSendTiesToTheSecond) {
  EXPECT_EQ(gradients_at("max(x[n], w[n])", 2, 2), Pair(0, 1));
  EXPECT_EQ(gradients_at("min(x[n], w[n])", 2, 2), Pair(0, 1));
  EXPECT_EQ(gradients_at("max(x[n], 0) + w[n]", 0, 5), Pair(0, 1));
}

TEST(DerivativeConvention, NothingIsInfiniteAtZero) {
  EXPECT_EQ(gradients_at("sqrt(x[n]) * w[n]", 0, 1), Pair(0, 0));
  EXPECT_EQ(gradients_at("abs(x[n]) * w[n]", 0, 1), Pair(0, 0));
  EXPECT_EQ(gradients_at("x[n] ** w[n]", 0, 2), Pair(0, 0));
}

TEST(DerivativeConvention, WhatASelectDoesNotTakeDoesNotCount) {
  // The logarithm of a negative number is on the other side.
  EXPECT_EQ(gradients_at("select(x[n] > 0, log(x[n]), w[n])", -1, 3), Pair(0, 1));
}

TEST(DerivativeConvention, ComparisonsAndStepsPassNothing) {
  EXPECT_EQ(gradients_at("select(x[n] > 0, 1, 0) + floor(x[n]) + w[n]", 0.5, 3), Pair(0, 1));
}

TEST(Differentiate, ReluReadsItsOutputsSign) {
  Graph graph = graph_of_op("op f(x[N]) -> y[N] { y[n] = max(x[n], 0) }", "f", {f32({-1})});
  append_gradients(graph);
  EXPECT_EQ(statement_of_value(graph, "x.grad"), "x.grad[n] = select(0 < y[n], y.grad[n], 0)");
}

TEST(Differentiate, TheLossIsTheMeanOverTheRealExamples) {
  const Graph graph =
      step_graph(training_program("", "input x: f32[N, 3]\n output y = x -> Linear(2) as fc"));
  EXPECT_EQ(statement_of_value(graph, "loss.grad"), "loss.grad[n] = select(real(n) < $N, $\"1/N\", 0)");
}

TEST(Differentiate, NothingIsAppendedForWhatNoParameterReaches) {
  const Graph graph = step_graph(training_program("", "input x: f32[N, 3, 5, 5]\n"
                                                      "output y = x -> tanh -> Conv2d(2, 3) as c"));
  EXPECT_EQ(graph.find("x.grad"), -1);
  EXPECT_EQ(graph.find("tanh.grad"), -1);
  EXPECT_GE(graph.find("c.weight.grad"), 0);
}

TEST(Differentiate, AValueReadTwiceSumsItsParts) {
  Graph graph =
      graph_of_op("op f(x[N]) -> y[N] {\n a[n] = tanh(x[n])\n b[n] = a[n] * 2\n y[n] = b[n] + exp(a[n])\n}",
                  "f", {f32({-1})});
  const auto gradients = append_gradients(graph);
  EXPECT_LT(gradient_error(graph, gradients, 5), 1e-8);
  EXPECT_TRUE(contains(statements(graph), "y.a.grad[i0] = y.a.grad.0[i0] + y.a.grad.1[i0]"));
}

TEST(Differentiate, AReducerWithoutADerivativeIsRefused) {
  Graph graph = graph_of_op("op f(x[N, C]) -> y[N] { y[n] = prod(c) x[n, c] }", "f", {f32({-1, 3})});
  const ValueId seed = graph.add_value("seed", f32({-1}), ValueRole::Input, {});
  const auto gradients = append_adjoints(graph, graph.outputs[0].second, seed, graph.inputs);
  ASSERT_FALSE(gradients.ok());
  EXPECT_NE(gradients.failure().message.find("`y` reduces by prod"), std::string::npos)
      << gradients.failure().message;
}

TEST(Differentiate, EveryTrainableParameterIsUpdated) {
  const Graph graph =
      step_graph(training_program("", "input x: f32[N, 3]\n output y = x -> Linear(2) as fc"));
  ASSERT_EQ(graph.persistents.size(), 4u);
  for (const Persistent& persistent : graph.persistents) {
    const std::string& name = graph.values[persistent.value].name;
    EXPECT_EQ(graph.values[persistent.next].name, name + ".next");
    EXPECT_EQ(persistent.group, persistent.trainable ? "" : name.substr(0, name.find('/')));
  }
  EXPECT_EQ(statement_of_value(graph, "fc.bias.next"),
            "fc.bias.next[d0] = fc.bias[d0] - $optimizer.lr * fc.bias.next.u[d0]");
}

// One training step by gradients is one by differences: the whole of it, through every kind of layer.
TEST(Differentiate, AStepGoesDownhill) {
  const Graph graph =
      step_graph(training_program("", "input x: f32[N, 2, 9, 9]\n output y = x -> Conv2d(4, 3, stride = 2, "
                                      "padding = 1) as c -> BatchNorm2d as b -> relu\n"
                                      "    -> max_pool2d(3, stride = 2) -> flatten -> Linear(3) as fc"));
  ReferenceRun run(graph, Precision::F64, 3);
  std::map<std::string, double> scalars(graph.scalars.begin(), graph.scalars.end());
  scalars["optimizer.lr"] = 1e-3;
  scalars["optimizer.momentum"] = 0;
  const std::map<std::string, ReferenceTensor> inputs = {{"x", noise(f32({-1, 2, 9, 9}), 5, 9)}};
  const auto loss = [&] {
    run.step(inputs, 5, scalars);
    double sum = 0;
    for (double value : run.output("loss").values) sum += value;
    return sum;
  };
  const double first = loss();
  double last = first;
  for (int k = 0; k < 20; ++k) {
    const double next = loss();
    EXPECT_LT(next, last);
    last = next;
  }
}

} // namespace
} // namespace striate
