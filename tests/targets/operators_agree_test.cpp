// Every operator of the library, forward and its derived gradients, alone: machine code and emitted CUDA text
// give the interpreter's bits at every shape of tests/conformance, in every layout, fused or not, at any
// capacity and batch.
#include "tests/targets/operator_cases.h"

#include "codegen/cuda/host_module.h"

#include <gtest/gtest.h>

#include <set>

namespace striate {
namespace {

constexpr LayoutPolicy kBatchBlocked = LayoutPolicy::BatchBlocked, kPlain = LayoutPolicy::Plain,
                       kChannelBlocked = LayoutPolicy::ChannelBlocked;

void expect_none(const std::vector<std::string>& problems) {
  constexpr std::size_t kShown = 12;
  for (std::size_t k = 0; k < std::min(problems.size(), kShown); ++k) ADD_FAILURE() << problems[k];
  if (problems.size() > kShown) ADD_FAILURE() << "... and " << problems.size() - kShown << " more";
}

class Operator : public testing::TestWithParam<std::string> {};

void run_on_the_cpu(const std::string& op, const std::vector<GraphConfiguration>& configurations) {
  const OperatorGraphs graphs = operator_graphs(op);
  ASSERT_FALSE(graphs.any_batch.empty()) << "no case for the operator " << op;
  expect_none(jit_problems(graphs.any_batch, configurations));
}

TEST_P(Operator, HasTheInterpretersBits) {
  run_on_the_cpu(GetParam(), {{32, {32, 17, 1}, kBatchBlocked, true},
                              {1, {1}, kBatchBlocked, true},
                              {33, {33, 5}, kPlain, true},
                              {16, {16, 7}, kBatchBlocked, false}});
}

// Capacities that are no multiple of the vector, other layouts, narrower vectors.
class OperatorFull : public Operator {};
TEST_P(OperatorFull, HasTheInterpretersBits) {
  std::vector<GraphConfiguration> configurations;
  for (LayoutPolicy layout : {kBatchBlocked, kPlain, kChannelBlocked})
    for (bool fuse : {true, false})
      for (int64_t capacity : {1, 17, 48})
        configurations.push_back({capacity, {capacity, std::max<int64_t>(1, capacity - 15)}, layout, fuse});
  for (int bits : {128, 256, 512}) configurations.push_back({17, {17}, kBatchBlocked, true, bits});
  run_on_the_cpu(GetParam(), configurations);
}

// PyTorch's stored inputs have a batch of their own each.
TEST_P(Operator, HasTheInterpretersBitsForStoredInputs) {
  const OperatorGraphs graphs = operator_graphs(GetParam());
  std::map<int64_t, std::vector<GraphSubject>> by_batch;
  for (const OperatorGraphs::Stored& stored : graphs.stored)
    by_batch[stored.examples].push_back(stored.subject);
  for (const auto& [examples, subjects] : by_batch)
    expect_none(jit_problems(subjects, {{32 + examples / 32 * 16, {examples}, kBatchBlocked, true},
                                        {examples, {examples}, kPlain, true}}));
}

const auto kName = [](const auto& info) { return info.param; };
INSTANTIATE_TEST_SUITE_P(Library, Operator, testing::ValuesIn(library_operators()), kName);
INSTANTIATE_TEST_SUITE_P(Library, OperatorFull, testing::ValuesIn(library_operators()), kName);

TEST_P(OperatorFull, EmittedTextHasTheInterpretersBits) {
  if (host_compiler().empty()) GTEST_SKIP() << "no host C++ compiler on the path";
  const std::vector<GraphSubject> subjects = operator_graphs(GetParam()).any_batch;
  for (const GraphConfiguration& configuration : {GraphConfiguration{32, {32, 17, 1}, kBatchBlocked, true},
                                                  GraphConfiguration{17, {17, 2}, kPlain, false}})
    expect_none(cuda_problems(subjects, configuration));
}

TEST(UserOperators, HaveTheInterpretersBits) {
  std::vector<GraphConfiguration> configurations;
  for (LayoutPolicy layout : {kBatchBlocked, kPlain, kChannelBlocked})
    for (bool fuse : {true, false}) configurations.push_back({33, {33, 17, 1}, layout, fuse});
  expect_none(jit_problems(user_operator_graphs(), configurations));
}

TEST(UserOperators, EmittedTextHasTheInterpretersBits) {
  if (host_compiler().empty()) GTEST_SKIP() << "no host C++ compiler on the path";
  expect_none(cuda_problems(user_operator_graphs(), {32, {32, 17}, kBatchBlocked, true}));
}

// Two cases of each operator, all of them as one program: compiling the text is what takes time.
TEST(AllOperators, EmittedTextHasTheInterpretersBits) {
  if (host_compiler().empty()) GTEST_SKIP() << "no host C++ compiler on the path";
  std::vector<GraphSubject> subjects;
  for (const std::string& op : library_operators()) {
    const std::vector<GraphSubject> all = operator_graphs(op).any_batch;
    ASSERT_FALSE(all.empty()) << "no case for the operator " << op;
    // From the middle of the list and its end, with gradients where there are any: the first ones are of
    // size 1.
    for (std::size_t k : std::set<std::size_t>{std::min(all.size() / 2 | 1, all.size() - 1), all.size() - 1})
      subjects.push_back(all[k]);
  }
  expect_none(cuda_problems(subjects, {32, {32, 17}, kBatchBlocked, true}));
}

} // namespace
} // namespace striate
