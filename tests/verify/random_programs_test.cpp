// Random programs: what the passes make of them means the same, in the compiler's order and in others.
#include "driver/kernel_compiler.h"
#include "passes/pass.h"
#include "tests/targets/random_graph.h"
#include "tests/targets/random_network.h"
#include "tests/targets/random_operators.h"
#include "verify/rounding.h"
#include "verify/verify_module.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>

namespace striate {
namespace {

struct RandomModule {
  std::string text;
  Module module;
  VerifyOptions options;
};

std::optional<RandomModule> random_module(uint64_t seed, bool network) {
  std::string text;
  TargetRunOptions run;
  if (!network && seed % 2 == 0) {
    RandomGraph drawn = random_graph(seed);
    text = drawn.text, run = drawn.options;
  } else if (network) {
    RandomNetwork drawn = random_network(seed);
    text = drawn.text, run = drawn.options;
  } else {
    RandomOperators drawn = random_operators(seed);
    text = drawn.text, run = drawn.options;
  }
  std::optional<Module> module = module_of(text);
  if (!module) return std::nullopt;
  RandomModule result{text, std::move(*module), {}};
  result.options.pipeline.capacity = run.capacity;
  result.options.pipeline.layout = run.layout;
  result.options.pipeline.fuse = run.fuse;
  result.options.pipeline.target = target_of(run);
  result.options.compile = kernel_compiler("", 1);
  result.options.trial = {std::min<int64_t>(run.capacity, 3), 1, seed, {}};
  return result;
}

void verify_random(uint64_t seed, bool network) {
  const std::optional<RandomModule> random = random_module(seed, network);
  ASSERT_TRUE(random);
  const std::vector<EntryReport> reports = *verify_module(random->module, random->options);
  for (const EntryReport& report : reports)
    for (const Mistake& mistake : report.mistakes)
      ADD_FAILURE() << "seed " << seed << ", " << report.name << ": " << mistake.culprit << ": `"
                    << mistake.value << "`: " << mistake.difference << "\n"
                    << random->text << "\n"
                    << print(mistake.reproducer, {});
}

// The passes on statements, some of them twice or not at all, in any order; what has to be last, or to be
// done at all, is.
std::vector<std::string> random_passes(Draw& draw) {
  std::vector<std::string> names;
  for (int64_t count = draw.between(0, 6); count > 0; --count)
    names.push_back(draw.of<const char*>({"commute_monotone", "inline_pointwise", "pad_contractions",
                                          "expand_elementary", "eliminate_dead_nodes"}));
  names.insert(names.end(), {"settle_persistents", "expand_elementary", "assign_orders"});
  return names;
}

void compare_orders(uint64_t seed, bool network) {
  const std::optional<RandomModule> random = random_module(seed, network);
  ASSERT_TRUE(random);
  const VerifyOptions& options = random->options;
  Graph source = random->module.train;
  source.entry = "step";
  source.scalars = random->module.scalars;
  PassState state(options.pipeline);
  state.optimizers = &random->module.optimizers;
  ASSERT_TRUE(run_passes(source, gradient_pipeline(true, options.pipeline), state).ok());
  Draw draw(seed);
  const std::vector<std::string> names = random_passes(draw);
  Graph changed = source;
  ASSERT_TRUE(run_passes(changed, names, state).ok());

  std::string order;
  for (const std::string& name : names) order += " " + name;
  // The same polynomials on both sides: inside a statement that subtracts nearly equal numbers, they differ
  // from the functions by more than its bound says.
  Graph exact = source;
  ASSERT_TRUE(run_passes(exact, {"expand_elementary"}, state).ok());
  const Outcome expected = interpret(exact, Precision::F64, options.trial);
  const Outcome got = interpret(changed, Precision::F64, options.trial);
  for (const Excess& excess : beyond(got, expected, rounding_bounds(exact, expected, options.trial), 1))
    ADD_FAILURE() << "seed " << seed << ":" << order << ": `" << excess.name << "` is " << excess.ratio
                  << " times as far away as rounding explains\n"
                  << random->text;
  const LayoutPolicy layout = options.pipeline.layout.value_or(*state.policy);
  const Lowering lowering{
      options.pipeline.capacity, options.pipeline.target, layout, options.pipeline.fuse, {}};
  const LoweredKernels kernels = lower_to_kernels(changed, lowering);
  const auto difference =
      first_kernel_difference(kernels, options.compile, lowering.target, options.trial, false);
  ASSERT_TRUE(difference.ok()) << difference.failure().message;
  if (difference->has_value())
    ADD_FAILURE() << "seed " << seed << ":" << order << ": `" << (*difference)->problem.value
                  << "`: " << (*difference)->problem.text << "\n"
                  << random->text;
}

class RandomModules : public testing::TestWithParam<int> {};
TEST_P(RandomModules, AreCompiledToWhatTheyMean) {
  const auto seed = static_cast<uint64_t>(GetParam());
  verify_random(20000 + seed, true);
  for (uint64_t k = 0; k < 4; ++k) verify_random(30000 + 4 * seed + k, false);
}
TEST_P(RandomModules, MeanTheSameInAnyOrderOfPasses) {
  const auto seed = static_cast<uint64_t>(GetParam());
  compare_orders(40000 + seed, true);
  for (uint64_t k = 0; k < 5; ++k) compare_orders(50000 + 5 * seed + k, false);
}
INSTANTIATE_TEST_SUITE_P(, RandomModules, testing::Range(0, 10), testing::PrintToStringParamName());

class RandomModulesFull : public testing::TestWithParam<int> {};
TEST_P(RandomModulesFull, AreCompiledToWhatTheyMean) {
  const auto seed = static_cast<uint64_t>(GetParam());
  for (uint64_t k = 0; k < 5; ++k) verify_random(21000 + 5 * seed + k, true);
  for (uint64_t k = 0; k < 20; ++k) verify_random(31000 + 20 * seed + k, false);
}
TEST_P(RandomModulesFull, MeanTheSameInAnyOrderOfPasses) {
  const auto seed = static_cast<uint64_t>(GetParam());
  for (uint64_t k = 0; k < 5; ++k) compare_orders(41000 + 5 * seed + k, true);
  for (uint64_t k = 0; k < 40; ++k) compare_orders(51000 + 40 * seed + k, false);
}
INSTANTIATE_TEST_SUITE_P(, RandomModulesFull, testing::Range(0, 20), testing::PrintToStringParamName());

// STRIATE_SEEDS=FIRST:COUNT runs so many others.
TEST(RandomOrdersOnDemandFull, MeanTheSame) {
  const char* const wanted = std::getenv("STRIATE_SEEDS");
  if (!wanted) GTEST_SKIP() << "STRIATE_SEEDS=FIRST:COUNT is not set";
  unsigned long long first = 0, count = 0;
  ASSERT_EQ(std::sscanf(wanted, "%llu:%llu", &first, &count), 2) << "STRIATE_SEEDS is FIRST:COUNT";
  for (uint64_t seed = first; seed < first + count; ++seed) compare_orders(seed, seed % 25 == 0);
}

} // namespace
} // namespace striate
