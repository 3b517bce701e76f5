// Any text is read or refused: never a crash, a hang, or a thing that does not print.
#include "graph_text.h"
#include "kernel_text.h"

#include <random>

namespace striate {
namespace {

// The text with a few random edits: characters changed, cut, doubled, pieces moved.
std::string mutated(const std::string& text, std::mt19937& random) {
  auto below = [&](std::size_t bound) {
    return std::uniform_int_distribution<std::size_t>(0, bound - 1)(random);
  };
  static const std::string kPieces[] = {
      "(",  ")", "[",    "]",   "{",    "}",   "%",   "\"", "0",    "-1",  "N",
      "//", "@", "else", "let", "1e99", "*",   "..",  "=",  "loc(", "not", "99999999999",
      "#",  "$", "in",   "if",  "\\",   "inf", "nan", ",",  " ",    "\n",  "d0"};
  std::string result = text;
  for (std::size_t edits = below(3) + 1; edits > 0 && !result.empty(); --edits) {
    std::size_t at = below(result.size());
    std::size_t length = std::min(below(12) + 1, result.size() - at);
    switch (below(5)) {
    case 0:
      result.erase(at, length);
      break;
    case 1:
      result[at] = static_cast<char>(below(256));
      break;
    case 2:
      result.insert(at, kPieces[below(std::size(kPieces))]);
      break;
    case 3:
      result.insert(below(result.size()), result.substr(at, length));
      break;
    case 4:
      result.replace(at, length, kPieces[below(std::size(kPieces))]);
      break;
    }
  }
  return result;
}

template <typename Parse>
void expect_safe(const std::string& text, Parse parse) {
  std::mt19937 random(7);
  int accepted = 0;
  for (int trial = 0; trial < 4000; ++trial) {
    std::string hostile = mutated(text, random);
    auto result = parse(hostile);
    if (!result.ok()) {
      ASSERT_FALSE(result.failure().message.empty());
      continue;
    }
    ++accepted;
    std::string printed = print(*result);
    auto again = parse(printed);
    ASSERT_TRUE(again.ok()) << again.failure().message << "\n" << hostile << "\n" << printed;
    ASSERT_EQ(print(*again), printed) << hostile;
  }
  EXPECT_GT(accepted, 0);
}

TEST(HostileText, Calls) {
  expect_safe(kCalls, [](const std::string& text) { return parse_graph(text); });
}
TEST(HostileText, Regions) {
  expect_safe(kRegions, [](const std::string& text) { return parse_graph(text); });
}
TEST(HostileText, Kernels) {
  expect_safe(kKernel, [](const std::string& text) { return parse_kernel(text); });
}

std::string repeated(const std::string& piece, int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += piece;
  return text;
}

// A definition whose body is `body`, over one variable i below 4.
Result<Graph> with_body(const std::string& body) {
  return parse_graph("graph G.step {\n  input %x : f32[4]\n  %y : f32[4] = t(%x) @t.0\n}\n"
                     "define @t.0 op t(x: f32[4]) -> (y) { let y: f32[4]\n y[i] = " +
                     body + " }");
}

TEST(HostileText, DepthIsLimited) {
  EXPECT_TRUE(with_body("x[i]").ok());
  EXPECT_TRUE(with_body(repeated("(", 100) + "x[i]" + repeated(")", 100)).ok());
  EXPECT_FALSE(with_body(repeated("(", 100000) + "x[i]" + repeated(")", 100000)).ok());
  EXPECT_FALSE(with_body(repeated("-", 100000) + "x[i]").ok());
  EXPECT_FALSE(with_body("x[i]" + repeated(" + x[i]", 100000)).ok());
  EXPECT_FALSE(with_body("x[" + repeated("(", 100000) + "i" + repeated(")", 100000) + "]").ok());
  EXPECT_FALSE(with_body("x[i" + repeated(" // 1000000", 50) + "]").ok());
  EXPECT_FALSE(with_body("x[i" + repeated(" * 1000000", 50) + "]").ok());
  std::string loops = "kernel k {\n";
  for (int i = 0; i < 100000; ++i) loops += "for v" + std::to_string(i) + ": 0..2 {\n";
  EXPECT_FALSE(parse_kernel(loops).ok());
}

// 2^100 leaves as a tree.
TEST(HostileText, SharedPartsStayShared) {
  std::string lets = "let a0 = exp(exp(exp(x[i]))) in ";
  for (int i = 1; i <= 100; ++i) {
    std::string before = "a" + std::to_string(i - 1);
    lets += "let a" + std::to_string(i) + " = " + before + " * " + before + " in ";
  }
  Result<Graph> graph = with_body(lets + "a100");
  ASSERT_TRUE(graph.ok()) << graph.failure().message;
  std::string printed = print(*graph);
  EXPECT_LT(printed.size(), 10000u);
  EXPECT_EQ(print(*parse_graph(printed)), printed);
}

} // namespace
} // namespace striate
