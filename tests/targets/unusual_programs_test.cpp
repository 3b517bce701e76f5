// Programs that lean on one rule of the compiler each: machine code gives the interpreter's bits for them in
// every layout, at batches below the capacity, and with and without fusion.
#include "tests/targets/run_targets.h"

#include <gtest/gtest.h>

#include <ostream>

namespace striate {
namespace {

struct Case {
  const char* name;
  const char* definitions;
  const char* body;          // of the model
  const char* settings = ""; // of the training
};

void PrintTo(const Case& one, std::ostream* out) { *out << one.body; }

std::string program(const Case& one) {
  return std::string(one.definitions) +
         "\nop total(y[N, a..]) -> z[N] { z[n] = sum(a..) y[n, a..] * y[n, a..] }\nmodel M {\n" + one.body +
         "\n}\ndata d {\n    split train = csv(\"d.csv\")\n    field x = column(0)\n}\n"
         "train M with d {\n    loss = total(y)\n    optimizer = SGD(lr = 0.01, momentum = 0.9)\n    " +
         one.settings + "\n}\n";
}

const char* const kMerge = "op merge(x[N, T, C]) -> y[(N T), C] { y[(n t), c] = x[n, t, c] }\n"
                           "op split(x[(N T), C]; steps T: int) -> y[N, T, C] { y[n, t, c] = x[(n t), c] }\n";

const char* const kSteps = "op rows(x[N, 1, H, W]) -> y[N, H, W] { y[n, h, w] = x[n, 0, h, w] }\n"
                           "op sums(x[N, C]) -> y[C] { y[c] = (sum(n) x[n, c]) / N }\n";

const Case kCases[] = {
    // Loops.
    {"RecurrentLayers", "",
     "input x: f32[N, 5, 3]\n output y = x -> RNN(9) as a -> LSTM(10) as b -> reverse_steps -> GRU(7) as c"},
    {"OneStep", "", "input x: f32[N, 1, 3]\n output y = x -> LSTM(5) as b -> last_step"},
    {"FirstValuesThatLearn", kSteps,
     "input x: f32[N, 4, 3]\n"
     "output y = x -> scan u {\n carry h = last_step(x) -> Linear(5) as start\n carry k: f32[N, 5] = 1\n"
     " now = tanh((u -> Linear(5) as a) + (h -> Linear(5) as b) * k)\n next h = now\n next k = h\n now + "
     "k\n}"},
    {"ConvolutionsInALoop", "",
     "input x: f32[N, 3, 2, 5, 6]\n"
     "output y = x -> scan u {\n carry h: f32[N, 4, 5, 6] = 0\n"
     " now = relu((u -> Conv2d(4, 3, padding = 1) as a) + (h -> Conv2d(4, 3, padding = 1) as b))\n"
     " next h = now\n now -> max_pool2d(2) -> flatten\n}"},
    {"MasksInALoop", "",
     "input x: f32[N, 6, 4]\n"
     "output y = x -> scan u {\n carry h: f32[N, 8] = 0\n"
     " now = tanh((u -> Linear(8) as a) + (h -> Dropout(0.5) -> Linear(8) as b))\n next h = now\n now\n}"},
    {"NormalisedSteps", kSteps,
     "input x: f32[N, 5, 4]\n"
     "output y = x -> scan u {\n carry h: f32[N, 4] = 0.5\n"
     " now = softmax(u -> LayerNorm(4) as n -> Linear(4) as a) * h - sums(h)\n next h = now + u\n now\n}"},
    {"TwoSequences", "",
     "input x: f32[N, 5, 4]\n a = x -> Linear(3) as a\n"
     "output y = scan u, v in x, a {\n carry h: f32[N, 3] = 0\n carry s: f32[N, 4] = 0\n"
     " next s = u\n next h = 0.5*h + v * (s -> Linear(3) as b)\n h\n}"},
    // Rows of the batch that are no examples.
    {"MergedRows", kMerge,
     "input x: f32[N, 3, 5]\n"
     "output y = x -> merge -> Linear(4) as a -> tanh -> Linear(2) as b -> split(steps = 3)"},
    {"StatisticsOfMergedRows", kMerge,
     "input x: f32[N, 3, 5]\n"
     "output y = x -> merge -> Linear(4, bias = false) as a -> BatchNorm1d as b -> split(steps = 3)"},
    // States whose next values cannot be computed where the old ones lie.
    {"StatesThatSwap",
     "op same(h[C]) -> y[C] { y[c] = h[c] }\n"
     "layer L() (x[N, C]) {\n state a: f32[C] = ones\n state b: f32[C] = zeros\n"
     " next a = same(b)\n next b = same(a)\n return x * (a + b)\n}\n",
     "input x: f32[N, 33]\n output y = x -> Linear(33) as a -> L() as l"},
    {"AStateThatShifts",
     "op shift(h[C]) -> y[C] { y[c] = (h[c - 1] else 3) }\n"
     "layer L() (x[N, C]) {\n state a: f32[C] = ones\n next a = shift(a)\n return x * a\n}\n",
     "input x: f32[N, 33]\n output y = x -> Linear(33) as a -> L() as l"},
    {"AStateTimesItself",
     "layer P() (x[N, C]) {\n state w: f32[C, C] = ones\n next w = 0.1 * w + 0.01 * matmul(w, w)\n return "
     "x\n}\n",
     "input x: f32[N, 17]\n output y = x -> Linear(17) as a -> P() as p"},
    // Gradients by guards, ranges and phases.
    {"OneTapByStride", "",
     "input x: f32[N, 3, 9, 7]\n output y = x -> Conv2d(5, 3) as a -> tanh -> Conv2d(4, 1, stride = 2) as b"},
    {"RepeatedElements",
     "op up(x[N, C, H, W]) -> y[N, C, 2*H, 2*W] { y[n, c, i, j] = x[n, c, i // 2, j // 2] }\n",
     "input x: f32[N, 3, 5, 6]\n output y = x -> Conv2d(5, 3) as a -> up -> Conv2d(3, 3, padding = 1) as b"},
    {"DilationAndStride", "",
     "input x: f32[N, 3, 17, 13]\n"
     "output y = x -> Conv2d(4, 3) as a -> relu -> Conv2d(5, 3, stride = 2, dilation = 3, padding = 2) as b"},
    // Steps of a loop stay single ones, whatever a statement in it chooses by them.
    {"AChoiceByTheStep",
     "op marked(x[N, T, C]) -> y[N, T, C] { y[n, t, c] = select(t == 0, 1, x[n, t, c]) }\n"
     "op mix(h[N, C], x[N, C]) -> y[N, C] { y[n, c] = h[n, c] * 0.5 + x[n, c] }\n",
     "input x: f32[N, 6, 5]\n"
     "output y = x -> Linear(5) as a -> marked -> scan u {\n carry h: f32[N, 5] = 0\n"
     " now = mix(h, u)\n next h = now\n now\n}"},
    // A choice that a variable with one value has made: what is left is a product, which the sum must not
    // take
    // into its multiply-adds.
    {"ProductsLeftByAChoice",
     "op chosen(x[N, C], w[C]) -> y[N, 1] { y[n, i] = sum(j: 1, c: C) select(i <= j, x[n, c] * w[c], 0.5) }\n"
     "layer L() (x[N, C]) {\n param w: f32[C] = gaussian(std = 0.7)\n return chosen(x, w)\n}\n",
     "input x: f32[N, 33]\n output y = x -> Linear(17) as a -> tanh -> L() as l"},
    // Windows over contractions, fused in evaluation or in training.
    {"MaskNeededBeforeTheWindow", "",
     "input x: f32[N, 3, 13, 13]\n"
     "output y = x -> Conv2d(4, 3) as a -> leaky_relu -> max_pool2d(3, stride = 2) -> flatten -> Linear(3) "
     "as f"},
    {"LargeOverlappingWindow", "",
     "input x: f32[N, 3, 15, 15]\n"
     "output y = x -> Conv2d(4, 3) as a -> relu -> max_pool2d(5, stride = 2, padding = 2) -> flatten -> "
     "Linear(3) as f"},
    {"OverhangingWindow", "",
     "input x: f32[N, 3, 14, 14]\n"
     "output y = x -> Conv2d(4, 3) as a -> relu -> max_pool2d(3, stride = 2, ceil_mode = true) -> flatten -> "
     "Linear(3) as f"},
    {"WindowOverChannels",
     "op pairs(x[N, C, H, W]) -> y[N, C // 2, H, W] { y[n, c, h, w] = max(r: 2) x[n, 2*c + r, h, w] }\n",
     "input x: f32[N, 16, 6, 6]\n output y = x -> Conv2d(32, 3) as c -> pairs -> flatten -> Linear(3) as f"},
    {"NormalisedBeforeTheWindow", "",
     "input x: f32[N, 17, 9, 7]\n"
     "output y = x -> Conv2d(33, 3) as c -> BatchNorm2d as b -> relu -> max_pool2d(3, stride = 2)"},
    // Totals over all gradients; gradients that are kept for several runs.
    {"ClippedGradients", "",
     "input x: f32[N, 3, 9, 7]\n"
     "output y = x -> Conv2d(17, 3) as a -> relu -> Conv2d(4, 3) as b -> flatten -> Linear(3) as c",
     "gradient = clip_norm(0.1)"},
    {"GradientsOfParts", "",
     "input x: f32[N, 3, 9, 7]\n output y = x -> Conv2d(5, 3) as a -> flatten -> Linear(3) as b",
     "accumulate = 2; gradient = clip_value(0.1)"},
};

class UnusualPrograms : public testing::TestWithParam<Case> {};

TEST_P(UnusualPrograms, HaveTheInterpretersBits) {
  const std::optional<Module> module = module_of(program(GetParam()));
  ASSERT_TRUE(module);
  TargetRunOptions options;
  options.cuda = false;
  options.capacity = 33;
  options.batches = {33, 17, 1};
  for (bool fuse : {true, false}) {
    options.fuse = fuse;
    EXPECT_EQ(differences_between_targets(*module, options), std::vector<std::string>()) << "fuse " << fuse;
  }
  options.fuse = true;
  options.batches = {5, 33};
  for (LayoutPolicy layout : {LayoutPolicy::ChannelBlocked, LayoutPolicy::Plain}) {
    options.layout = layout;
    EXPECT_EQ(differences_between_targets(*module, options), std::vector<std::string>()) << name_of(layout);
  }
}

INSTANTIATE_TEST_SUITE_P(, UnusualPrograms, testing::ValuesIn(kCases),
                         [](const auto& info) { return info.param.name; });

} // namespace
} // namespace striate
