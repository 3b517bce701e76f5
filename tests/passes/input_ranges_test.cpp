// The values that comparisons allow an integer input to have.
#include "passes/input_ranges.h"
#include "tests/passes/graphs.h"

namespace striate {
namespace {

// The ranges of the inputs of `eval`, as "label: 0..3 by pick of y".
std::vector<std::string> ranges(const std::string& definitions, const std::string& body) {
  const Graph graph = model_graph(definitions + "model Net() {\n" + body + "\n}\n");
  std::vector<std::string> texts;
  for (const InputRange& range : input_ranges(graph))
    texts.push_back(fmt::format("{}: {}..{} by {} of {}", graph.values[range.input].name, range.values.low,
                                range.values.high, range.op, range.counted));
  return texts;
}

const char* const kPick =
    "op pick(x[N, C], label[N]: int) -> y[N] { y[n] = sum(c) select(c == label[n], x[n, c], 0) }\n";
using Lines = std::vector<std::string>;

TEST(InputRanges, AnIndexComparedWithAnElement) {
  EXPECT_EQ(ranges(kPick, "input x: f32[N, 4]\n input label: i32[N]\n output y = pick(x, label)"),
            Lines{"label: 0..3 by pick of x"});
}

TEST(InputRanges, ThroughOtherOperatorsAndUnderTheOutputsName) {
  const std::string before = "op less_one(l[N]: int) -> k[N]: int { k[n] = l[n] - 1 }\n";
  EXPECT_EQ(ranges(kPick + before, "input x: f32[N, 2]\n input label: i32[N]\n output z = x -> Linear(5)\n"
                                   "output y = pick(z, less_one(label))"),
            Lines{"label: 1..5 by pick of z"});
}

TEST(InputRanges, TheNarrowestCounts) {
  EXPECT_EQ(ranges(kPick, "input a: f32[N, 7]\n input b: f32[N, 3]\n input label: i32[N]\n"
                          "output y = pick(a, label) + pick(b, label)"),
            Lines{"label: 0..2 by pick of b"});
}

TEST(InputRanges, NoneWhereNothingIsSaid) {
  EXPECT_EQ(ranges("", "input x: f32[N, 4]\n output y = relu(x)"), Lines{});
  // A bound of one's own: others are dealt with.
  EXPECT_EQ(ranges("op part(x[N, C], l[N]: int) -> y[N] { y[n] = sum(c) select(c == l[n] and l[n] < 2, x[n, "
                   "c], 0) }\n",
                   "input x: f32[N, 4]\n input label: i32[N]\n output y = part(x, label)"),
            Lines{});
  // Not the index itself.
  EXPECT_EQ(ranges("op odd(x[N, C], l[N]: int) -> y[N] { y[n] = sum(c) select(2*c == l[n], x[n, c], 0) }\n",
                   "input x: f32[N, 4]\n input label: i32[N]\n output y = odd(x, label)"),
            Lines{});
}

} // namespace
} // namespace striate
