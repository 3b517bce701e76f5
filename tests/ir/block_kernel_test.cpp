#include "tests/ir/block_kernel_text.h"

#include "ir/kernel/analysis.h"
#include "tests/ir/kernel_text.h"

#include <regex>

namespace striate {

static std::string without(const std::string& text, const std::string& line, std::size_t number = 0) {
  std::string changed = text;
  std::size_t at = changed.find(line);
  for (; number > 0 && at != std::string::npos; --number) at = changed.find(line, at + 1);
  EXPECT_NE(at, std::string::npos) << line;
  if (at != std::string::npos) changed.erase(at, line.size());
  return changed;
}

static std::string replaced(const std::string& text, const std::string& before, const std::string& after) {
  std::string changed = text;
  const std::size_t at = changed.find(before);
  EXPECT_NE(at, std::string::npos) << before;
  if (at != std::string::npos) changed.replace(at, before.size(), after);
  return changed;
}

// What is wrong with it, as reading says it.
static std::string problem_of(const std::string& text) {
  const Result<Kernel> kernel = parse_kernel(text, "test");
  return kernel.ok() ? "" : kernel.failure().message;
}

static void expect_problem(const std::string& text, const std::string& what) {
  EXPECT_NE(problem_of(text).find(what), std::string::npos)
      << "\"" << problem_of(text) << "\" has no " << what;
}

TEST(BlockKernel, PrintsWhatItWasReadFrom) {
  const Kernel kernel = parsed_kernel(kBlockKernel);
  EXPECT_EQ(print(kernel), kBlockKernel);
  EXPECT_EQ(kernel.variables[kernel.threads()].extent, Size::constant(64));
  EXPECT_LT(kernel.lane(), 0);
  EXPECT_TRUE(thread_conflicts(kernel).empty());
}

TEST(BlockKernel, CopiesFourNeighboursTogether) {
  const Kernel kernel = parsed_kernel(kBlockKernel);
  std::vector<int> together;
  visit_statements(kernel.body, [&](const KernelStatement& statement) {
    if (statement.kind == KernelStatement::Kind::Copy) together.push_back(copied_together(kernel, statement));
  });
  EXPECT_EQ(together, (std::vector<int>{1, 4, 1, 4}));
  // A guard that tells neighbours apart, and a place that is no multiple of four.
  for (const auto& [before, after] :
       {std::pair("if column + 4*(thread % 8) < 36 else", "if column + copied < 36 else"),
        std::pair("load b[copied + column", "load b[copied + column + 1")}) {
    const Kernel changed = parsed_kernel(replaced(kBlockKernel, before, after));
    int number = 0;
    visit_statements(changed.body, [&](const KernelStatement& statement) {
      if (statement.kind == KernelStatement::Kind::Copy && number++ == 1) {
        EXPECT_EQ(copied_together(changed, statement), 1) << after;
      }
    });
  }
}

TEST(BlockKernel, NeedsItsWaitAndItsBarrier) {
  expect_problem(without(kBlockKernel, "        wait\n"),
                 "a.tiles is used where a copy to it may still be under way: a wait");
  expect_problem(without(kBlockKernel, "        barrier\n"), "a barrier is missing");
  // A barrier before the wait is none.
  expect_problem(replaced(kBlockKernel, "        wait\n        barrier\n", "        barrier\n        wait\n"),
                 "a barrier is missing");
}

TEST(BlockKernel, KeepsItsStagesApart) {
  // The copies for the next step go where this one's are read.
  expect_problem(std::regex_replace(kBlockKernel, std::regex(R"(\(\(\(depth // 8\) \+ 1\) % 2\))"),
                                    "((depth // 8) % 2)"),
                 "a wait is missing");
  // A stage that is too short for what lies in it.
  expect_problem(std::regex_replace(std::regex_replace(kBlockKernel, std::regex("288\\*\\("), "260*("),
                                    std::regex("f32\\[576\\]"), "f32[576]"),
                 "a wait is missing");
}

TEST(BlockKernel, StaysWithinItsScratch) {
  expect_problem(replaced(kBlockKernel, "scratch b.tiles: f32[576]", "scratch b.tiles: f32[571]"),
                 "accessed at");
}

TEST(BlockKernel, HasOneKindOfThreads) {
  expect_problem(replaced(kBlockKernel, "copied: 4", "copied: 4, lane: 16 lanes"), "both lanes and threads");
  expect_problem(replaced(kBlockKernel, "copied: 4", "copied: 4, more: 2 threads"),
                 "a second axis of threads");
  expect_problem(replaced(kBlockKernel, "thread: 64 threads", "thread: 2048 threads"),
                 "a block has 1024 at most");
}

TEST(BlockKernel, CopiesFromMemoryToScratchAlone) {
  expect_problem(replaced(kBlockKernel, "store c[", "copy c["), "`where` is not a tile");
  const std::string plain =
      "kernel k {\n  memory x: f32[64] at 0\n  memory n: i32[64] at 256\n"
      "  scratch s: f32[64]\n  scratch t: f32[64]\n  axes thread: 64 threads\n  WHAT\n}\n";
  EXPECT_EQ(problem_of(replaced(plain, "WHAT", "copy s[thread] = load x[thread] over (thread)")), "");
  expect_problem(replaced(plain, "WHAT", "copy x[thread] = load x[thread] over (thread)"), "into scratch");
  expect_problem(replaced(plain, "WHAT", "copy s[thread] = load t[thread] over (thread)"),
                 "a load from memory");
  expect_problem(replaced(plain, "WHAT", "copy s[thread] = real(load n[thread]) over (thread)"),
                 "a load from memory");
  const std::string lanes = replaced(plain, "thread: 64 threads", "thread: 64");
  expect_problem(replaced(lanes, "WHAT", "copy s[thread] = load x[thread] over (thread)"),
                 "a copy without threads");
  expect_problem(replaced(lanes, "WHAT", "barrier"), "a barrier without threads");
  expect_problem(replaced(lanes, "WHAT", "wait"), "a wait without threads");
}

TEST(BlockKernel, MemoryBelongsToTheThreadThatStoresIt) {
  const std::string text =
      "kernel k {\n  memory x: f32[64] at 0\n  axes thread: 64 threads\n  tile v[thread]\n"
      "  v[thread] = load x[thread]\n  store x[thread] = v + 1 over (thread)\n"
      "  v[thread] = load x[WHERE]\n  store x[thread] = v over (thread)\n}\n";
  EXPECT_EQ(problem_of(replaced(text, "WHERE", "thread")), "");
  expect_problem(replaced(text, "WHERE", "-thread + 63"), "a barrier is missing");
}

} // namespace striate
