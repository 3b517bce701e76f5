// Operators of the library at concrete shapes: the very statements.
#include "tests/elaborate/elaborated.h"

namespace striate {
namespace {

TEST(InstantiateOp, ConvolutionWithEverything) {
  EXPECT_EQ(statements_of("conv2d", {f32({0, 6, 9, 9}), f32({8, 3, 3, 3})},
                          {{"stride", "2"}, {"padding", "[1, 2]"}, {"dilation", "2"}, {"groups", "2"}}),
            "y[n, (g: 2 o: 4), i, j] = sum(c: 3, r: 3, s: 3) k[4*g + o, c, r, s] * "
            "(x[n, 3*g + c, 2*i + 2*r - 1, 2*j + 2*s - 2] else 0)");
}

TEST(InstantiateOp, WithoutPaddingNoReadNeedsItsElse) {
  EXPECT_EQ(statements_of("conv2d", {f32({0, 20, 12, 12}), f32({50, 20, 5, 5})}),
            "y[n, o, i, j] = sum(c: 20, r: 5, s: 5) k[o, c, r, s] * x[n, c, i + r, j + s]");
}

TEST(InstantiateOp, DepthwiseConvolutionReducesOnlyTheWindow) {
  EXPECT_EQ(statements_of("conv2d", {f32({0, 6, 9, 9}), f32({6, 1, 3, 3})}, {{"groups", "6"}}),
            "y[n, g, i, j] = sum(r: 3, s: 3) k[g, 0, r, s] * x[n, g, i + r, j + s]");
}

TEST(InstantiateOp, MaxPoolingPadsByMinusInfinity) {
  EXPECT_EQ(statements_of("max_pool2d", {f32({0, 4, 7, 7})},
                          {{"kernel_size", "3"}, {"stride", "2"}, {"padding", "1"}}),
            "y[n, c, i, j] = max(r: 3, s: 3) (x[n, c, 2*i + r - 1, 2*j + s - 1] else -inf)");
}

TEST(InstantiateOp, StrideOfPoolingIsItsWindowUnlessGiven) {
  EXPECT_EQ(statements_of("max_pool2d", {f32({0, 4, 8, 6})}, {{"kernel_size", "[4, 2]"}}),
            "y[n, c, i, j] = max(r: 4, s: 2) x[n, c, 4*i + r, 2*j + s]");
}

// PyTorch's rule: the last window starts inside the image or its left padding.
TEST(InstantiateOp, CeilModeAddsAWindowThatOverhangs) {
  Diagnostics diagnostics;
  const auto rows = [&](int64_t height, const std::map<std::string, std::string>& attributes) {
    const auto definition =
        instantiate_op(nullptr, "max_pool2d", {f32({0, 1, height, 8})}, attributes, diagnostics);
    return definition->operands[static_cast<std::size_t>(definition->outputs[0])].type.shape[2].factor;
  };
  EXPECT_EQ(rows(8, {{"kernel_size", "3"}, {"stride", "2"}}), 3);
  EXPECT_EQ(rows(8, {{"kernel_size", "3"}, {"stride", "2"}, {"ceil_mode", "true"}}), 4);
  EXPECT_EQ(rows(7, {{"kernel_size", "3"}, {"stride", "2"}, {"ceil_mode", "true"}}), 3);
  // A window that would start in the padding behind the image is left out.
  EXPECT_EQ(rows(7, {{"kernel_size", "2"}, {"stride", "3"}, {"padding", "1"}, {"ceil_mode", "true"}}), 3);
  EXPECT_FALSE(diagnostics.has_errors());
}

TEST(InstantiateOp, AveragePoolingCountsWhatItIsTold) {
  const std::string total =
      "y_sum[n, c, i, j] = sum(r: 3, s: 3) (x[n, c, 2*i + r - 1, 2*j + s - 1] else 0)\n";
  const std::map<std::string, std::string> window = {{"kernel_size", "3"}, {"stride", "2"}, {"padding", "1"}};
  auto without = window;
  without["count_include_pad"] = "false";
  EXPECT_EQ(statements_of("avg_pool2d", {f32({0, 4, 7, 7})}, window),
            total + "y[n, c, i, j] = y_sum[n, c, i, j] / 9");
  EXPECT_EQ(statements_of("avg_pool2d", {f32({0, 4, 7, 7})}, without),
            total + "y[n, c, i, j] = y_sum[n, c, i, j] / "
                    "real((min(2*i + 2, 7) - max(2*i - 1, 0)) * (min(2*j + 2, 7) - max(2*j - 1, 0)))");
}

TEST(InstantiateOp, AReductionWrittenTwiceIsComputedOnce) {
  EXPECT_EQ(statements_of("lp_pool2d", {f32({0, 4, 8, 8})}, {{"norm_type", "3"}, {"kernel_size", "2"}}),
            "y_sum[n, c, i, j] = sum(r: 2, s: 2) pow(abs(x[n, c, 2*i + r, 2*j + s]), 3)\n"
            "y[n, c, i, j] = select(0 < y_sum[n, c, i, j], pow(y_sum[n, c, i, j], 0.3333333333333333), 0)");
}

TEST(InstantiateOp, SoftmaxStopsTheGradientOfItsShift) {
  EXPECT_EQ(statements_of("softmax", {f32({0, 10})}), "m[d0] = max(c: 10) stop(x[d0, c])\n"
                                                      "e[d0, c] = exp(x[d0, c] - m[d0])\n"
                                                      "z[d0] = sum(c: 10) e[d0, c]\n"
                                                      "y[d0, c] = e[d0, c] / z[d0]");
}

TEST(InstantiateOp, CrossEntropyComparesClassesWithTheLabel) {
  EXPECT_EQ(statements_of("cross_entropy", {f32({0, 10}), i32({0})}),
            "m[n] = max(c: 10) stop(x[n, c])\n"
            "z[n] = sum(c: 10) exp(x[n, c] - m[n])\n"
            "right[n] = sum(c: 10) select(c == label[n], x[n, c] - m[n], 0)\n"
            "each[n] = log(z[n]) - right[n]\n"
            "total[n] = each[n]\n" // one position alone
            "y[n] = total[n]");
}

TEST(InstantiateOp, BatchStatisticsAreOverTheExamplesThatThereAre) {
  EXPECT_EQ(statements_of("standardize_batch", {f32({0, 4, 5, 5})}),
            "total[c] = sum(n: N, d0: 5, d1: 5) x[n, c, d0, d1]\n"
            "mean[c] = total[c] / (25 * $N)\n"
            "d[n, c, d0, d1] = x[n, c, d0, d1] - mean[c]\n"
            "squares[c] = sum(n: N, d0: 5, d1: 5) d[n, c, d0, d1] * d[n, c, d0, d1]\n"
            "unbiased[c] = squares[c] / max(25 * $N - 1, 1)\n"
            "scale[c] = 1 / sqrt(squares[c] / (25 * $N) + 1e-05)\n"
            "y[n, c, d0, d1] = d[n, c, d0, d1] * scale[c]");
}

TEST(InstantiateOp, RunsBroadcastFromTheLastDimension) {
  EXPECT_EQ(statements_of("add", {f32({0, 3, 1}), f32({4})}), "y[d0, d1, d2] = a[d0, d1, 0] + b[d2]");
  EXPECT_EQ(statements_of("matmul", {f32({0, 4, 5}), f32({5, 6})}),
            "y[d0, i, j] = sum(k: 5) a[d0, i, k] * b[k, j]");
}

TEST(InstantiateOp, ViewsAreOneRead) {
  EXPECT_EQ(statements_of("flatten", {f32({0, 50, 4, 4})}), "y[n, (d0: 50 d1: 4 d2: 4)] = x[n, d0, d1, d2]");
  EXPECT_EQ(statements_of("unflatten", {f32({0, 64})}, {{"channels", "1"}, {"height", "8"}, {"width", "8"}}),
            "y[n, c, h, w] = x[n, 64*c + 8*h + w]");
  EXPECT_EQ(statements_of("transpose", {f32({0, 4, 5})}), "y[d0, b, a] = x[d0, a, b]");
}

TEST(InstantiateOp, AReductionOverNothingIsItsBody) {
  EXPECT_EQ(statements_of("mse", {f32({0}), f32({0})}),
            "total[n] = (x[n] - target[n]) * (x[n] - target[n])\ny[n] = total[n]");
}

TEST(InstantiateOp, IntegersAreTakenAsReals) {
  TensorType bytes = f32({0, 1, 2, 2});
  bytes.element = ElementType::U8;
  EXPECT_EQ(statements_of("to_real", {bytes}, {{"scale", "0.5"}}),
            "y[d0, d1, d2, d3] = real(x[d0, d1, d2, d3]) * 0.5");
}

// An op of one's own is one line.
TEST(InstantiateOp, HardSwishInOneLine) {
  Diagnostics diagnostics;
  const ast::File file =
      parse("own.nn", "op hard_swish(x[..]) -> y[..] { y[..] = x[..] * min(max(x[..] + 3, 0), 6) / 6 }",
            diagnostics);
  const auto definition = instantiate_op(&file, "hard_swish", {f32({0, 3})}, {}, diagnostics);
  ASSERT_TRUE(definition) << diagnostics.render();
  EXPECT_EQ(statement_text(definition->statements[0], [](int operand) { return operand == 0 ? "x" : "y"; }),
            "y[d0, d1] = x[d0, d1] * min(max(x[d0, d1] + 3, 0), 6) / 6");
}

TEST(InstantiateOp, OpsCallOps) {
  Diagnostics diagnostics;
  const ast::File file =
      parse("own.nn", "op both(x[..]) -> y[..] { u = relu(x); v = neg(x); y = u + v }", diagnostics);
  const auto definition = instantiate_op(&file, "both", {f32({0, 3})}, {}, diagnostics);
  ASSERT_TRUE(definition) << diagnostics.render();
  EXPECT_EQ(verify(*definition), "");
  ASSERT_EQ(definition->statements.size(), 3u);
}

TEST(InstantiateOp, RangesMayDependOnOuterIndices) {
  Diagnostics diagnostics;
  const ast::File file = parse("own.nn",
                               "op causal(x[N, T]) -> y[N, T] { y[n, t] = sum(s: 0..t + 1) x[n, s] }\n"
                               "op halves(x[N, H]; size: int) -> y[N, size] {\n"
                               "    first(i) = i * H // size\n"
                               "    last(i) = ((i + 1) * H + size - 1) // size\n"
                               "    y[n, i] = sum(r: first(i)..last(i)) x[n, r]\n"
                               "}",
                               diagnostics);
  const auto causal = instantiate_op(&file, "causal", {f32({0, 4})}, {}, diagnostics);
  const auto halves = instantiate_op(&file, "halves", {f32({0, 10})}, {{"size", "2"}}, diagnostics);
  ASSERT_TRUE(causal && halves) << diagnostics.render();
  const auto name = [](int operand) { return operand == 0 ? "x" : "y"; };
  EXPECT_EQ(statement_text(causal->statements[0], name), "y[n, t] = sum(s: 4) select(s < t + 1, x[n, s], 0)");
  EXPECT_EQ(statement_text(halves->statements[0], name), "y[n, i] = sum(r: 5) x[n, 5*i + r]");
}

TEST(InstantiateOp, InitialisersTakeTheShapeOfTheirParameter) {
  const std::string text = statements_of("uniform_fan", {f32({3, 4})}, {{"fan_in", "4"}});
  EXPECT_EQ(text.substr(0, text.find(';')), "w[d0, d1] = (2 * random(4*d0 + d1");
}

} // namespace
} // namespace striate
