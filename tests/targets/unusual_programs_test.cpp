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
  const char* body; // of the model
};

void PrintTo(const Case& one, std::ostream* out) { *out << one.body; }

std::string program(const Case& one) {
  return std::string(one.definitions) +
         "\nop total(y[N, a..]) -> z[N] { z[n] = sum(a..) y[n, a..] * y[n, a..] }\nmodel M {\n" + one.body +
         "\n}\ndata d {\n    split train = csv(\"d.csv\")\n    field x = column(0)\n}\n"
         "train M with d {\n    loss = total(y)\n    optimizer = SGD(lr = 0.01, momentum = 0.9)\n}\n";
}

const char* const kMerge = "op merge(x[N, T, C]) -> y[(N T), C] { y[(n t), c] = x[n, t, c] }\n"
                           "op split(x[(N T), C]; steps T: int) -> y[N, T, C] { y[n, t, c] = x[(n t), c] }\n";

const Case kCases[] = {
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
