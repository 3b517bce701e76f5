// winograd: the matrices are right, what is rewritten computes the same, by its structure alone, and only
// where it pays.
#include "tests/passes/graphs.h"

#include "passes/inline_pointwise.h"
#include "passes/winograd.h"

#include <cmath>

namespace striate {
namespace {

using Matrix = std::vector<std::vector<double>>;

std::vector<double> times(const Matrix& matrix, const std::vector<double>& vector) {
  std::vector<double> result(matrix.size(), 0);
  for (std::size_t r = 0; r < matrix.size(); ++r)
    for (std::size_t k = 0; k < vector.size(); ++k) result[r] += matrix[r][k] * vector[k];
  return result;
}

TEST(WinogradMatrices, AreThoseOfTheAlgorithm) {
  const WinogradMatrices f23 = winograd_matrices(2, 3);
  EXPECT_EQ(f23.a, (Matrix{{1, 1, 1, 0}, {0, 1, -1, 1}}));
  EXPECT_EQ(f23.g, (Matrix{{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}}));
  EXPECT_EQ(f23.b, (Matrix{{1, 0, -1, 0}, {0, 1, 1, 0}, {0, -1, 1, 0}, {0, -1, 0, 1}}));
}

TEST(WinogradMatrices, FilterWhatTheyAreGiven) {
  for (const auto& [outputs, taps] :
       std::vector<std::pair<int, int>>{{1, 1}, {2, 3}, {4, 3}, {2, 5}, {3, 2}, {6, 3}}) {
    const WinogradMatrices f = winograd_matrices(outputs, taps);
    const auto count = static_cast<std::size_t>(outputs + taps - 1);
    std::vector<double> g, d;
    for (int k = 0; k < taps; ++k) g.push_back(std::sin(1 + k));
    for (std::size_t k = 0; k < count; ++k) d.push_back(std::cos(3 + static_cast<double>(k * k)));
    std::vector<double> products = times(f.g, g);
    const std::vector<double> data = times(f.b, d);
    for (std::size_t k = 0; k < count; ++k) products[k] *= data[k];
    const std::vector<double> result = times(f.a, products);
    ASSERT_EQ(result.size(), static_cast<std::size_t>(outputs));
    for (std::size_t i = 0; i < result.size(); ++i) {
      double expected = 0;
      for (std::size_t k = 0; k < g.size(); ++k) expected += g[k] * d[i + k];
      EXPECT_NEAR(result[i], expected, 1e-13) << "F(" << outputs << ", " << taps << ") at " << i;
    }
  }
}

// After the pass for runs of 64; what is computed stays as near as f64 has it.
Graph after(Graph graph) {
  inline_pointwise(graph);
  const Graph before = graph;
  winograd(graph, 64);
  EXPECT_EQ(verify(graph), std::vector<std::string>());
  for (int64_t batch : {1, 3}) EXPECT_LT(difference(before, graph, batch), 1e-10);
  return graph;
}

std::string model(const std::string& input, const std::string& body) {
  return "model M {\n input x: f32[N, " + input + "]\n output y = x -> " + body + "\n}\n";
}

std::vector<std::string> chosen(const std::string& input, const std::string& body) {
  return decisions(after(model_graph(model(input, body))), "winograd");
}

TEST(Winograd, BecomesFourStatements) {
  const Graph graph = after(model_graph(model("32, 8, 8", "Conv2d(32, 3, padding = 1, bias = false) as c")));
  EXPECT_EQ(decisions(graph, "winograd").size(), 1U);
  EXPECT_TRUE(contains(decisions(graph, "winograd"), "c: F(4 x 4, 3 x 3)"));
  EXPECT_EQ(
      statement_of_value(graph, "c.points"),
      "c.points[n, o, a, b, t] = sum(c: 32) c.weight_points[o, c, a, b] * c.data_points[n, c, a, b, t]");
  const TensorType& type = graph.values[graph.find("c.data_points")].type;
  EXPECT_TRUE(type == f32({-1, 32, 6, 6, 4}));
  EXPECT_TRUE(graph.values[graph.find("c.weight_points")].type == f32({32, 32, 6, 6}));
  EXPECT_GE(graph.find("x.padded"), 0);
  EXPECT_EQ(graph.find("c.uncut"), -1);
}

TEST(Winograd, TilesThatDoNotFillTheResultAreCut) {
  for (const char* size : {"7, 7", "13, 13", "13, 9", "6, 5", "3, 4"}) {
    const Graph graph =
        after(model_graph(model("64, " + std::string(size), "Conv2d(48, 3, padding = 1) as c")));
    EXPECT_EQ(decisions(graph, "winograd").size(), 1U) << size;
  }
}

TEST(Winograd, WithoutPaddingAndWithOther) {
  for (const char* arguments : {"", ", padding = 2"})
    EXPECT_TRUE(
        contains(chosen("32, 12, 12", "Conv2d(32, 3" + std::string(arguments) + ") as c"), "F(4 x 4"));
}

TEST(Winograd, GroupsAreOperandsLikeOthers) {
  EXPECT_TRUE(contains(chosen("64, 14, 14", "Conv2d(64, 3, padding = 1, groups = 2) as c"), "F(4 x 4"));
}

TEST(Winograd, OtherContractionsStay) {
  const std::vector<std::string> none;
  EXPECT_EQ(chosen("32, 12, 12", "Conv2d(32, 3, stride = 2) as c"), none);
  EXPECT_EQ(chosen("32, 12, 12", "Conv2d(32, 3, dilation = 2) as c"), none);
  EXPECT_EQ(chosen("32, 12, 12", "Conv2d(32, 5) as c"), none);
  EXPECT_EQ(chosen("32, 12, 12", "Conv2d(32, 1) as c"), none);
  EXPECT_EQ(chosen("32, 12, 12", "Conv2d(32, [3, 1]) as c"), none);
  EXPECT_EQ(chosen("32, 12, 12", "Conv2d(32, 3, groups = 32) as c"), none)
      << "nothing is summed but the window";
  EXPECT_EQ(chosen("32, 12, 12", "max_pool2d(3, stride = 1)"), none);
}

TEST(Winograd, DataReadOutsideOfItsChannelsStays) {
  const Graph graph = after(model_graph(
      "op odd(x[N, C, H, W], w[O, C, 3, 3]) -> y[N, O, H - 2, W - 2] {\n"
      " y[n, o, i, j] = sum(c: C, r: 3, s: 3) w[o, c, r, s] * (x[n, c + o - 3, i + r, j + s] else 0)\n}\n"
      "layer Odd() (x[N, C, H, W]) {\n param w: f32[32, C, 3, 3] = gaussian(std = 0.1)\n return odd(x, "
      "w)\n}\n" +
      model("32, 12, 12", "Odd() as a")));
  EXPECT_EQ(decisions(graph, "winograd"), std::vector<std::string>());
}

TEST(Winograd, StaysWhereItDoesNotPay) {
  EXPECT_TRUE(contains(chosen("8, 12, 12", "Conv2d(8, 3, padding = 1) as c"), "c.conv2d: direct"));
  // A run of one example transforms all weights for a few results.
  Graph graph = model_graph(model("256, 4, 4", "Conv2d(256, 3, padding = 1) as c"));
  inline_pointwise(graph);
  winograd(graph, 1);
  EXPECT_TRUE(contains(decisions(graph, "winograd"), "c.conv2d: direct"));
}

TEST(Winograd, DataGradientsToo) {
  const Graph graph = after(step_graph(
      training_program("", "input x: f32[N, 3, 10, 10]\n output y = x -> Conv2d(32, 3) as one -> tanh -> "
                           "Conv2d(32, 3, padding = 1) as two")));
  const std::vector<std::string> made = decisions(graph, "winograd");
  EXPECT_TRUE(contains(made, "two.conv2d: F(4 x 4"));
  EXPECT_TRUE(contains(made, "tanh.grad: F(4 x 4"));
  EXPECT_EQ(made.size(), 2U) << "weights' gradients stay";
}

} // namespace
} // namespace striate
