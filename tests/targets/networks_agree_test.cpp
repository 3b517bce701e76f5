// Networks drawn at random, and every optimizer of the library: machine code (and for some the emitted CUDA
// text) gives the interpreter's bits through several steps and in evaluation.
#include "tests/conformance/golden_file.h"
#include "tests/targets/random_graph.h"
#include "tests/targets/random_network.h"
#include "tests/targets/random_operators.h"

#include "frontend/library.h"
#include "frontend/parser.h"
#include "frontend/standard_library.h"
#include "verify/verify_module.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <set>

namespace striate {
namespace {

// What of a program shows what is wrong, as `striate verify --reproducer` reads it; without a process of its
// own around what is tried.
std::string reduced(const Module& module, const TargetRunOptions& run) {
  VerifyOptions options;
  options.pipeline.capacity = run.capacity;
  options.pipeline.layout = run.layout;
  options.pipeline.fuse = run.fuse;
  options.pipeline.memory = run.memory;
  options.pipeline.target = target_of(run);
  options.trial.examples = *std::ranges::min_element(run.batches);
  std::string text;
  const std::vector<EntryReport> reports = *verify_module(module, options);
  for (const EntryReport& report : reports)
    for (const Mistake& mistake : report.mistakes)
      text += fmt::format("{}: {}\n{}\n", report.name, mistake.culprit, print(mistake.reproducer, {}));
  return text;
}

std::optional<Module> compare(const std::string& text, const TargetRunOptions& options, uint64_t seed) {
  SCOPED_TRACE(fmt::format("seed {}: capacity {}, batches {}, {}; {}, {}, {} bits, {} bytes of cache{}\n{}",
                           seed, options.capacity, options.batches[0], options.batches[1],
                           options.layout ? name_of(*options.layout) : "the layout chosen",
                           options.fuse ? "fused" : "not fused", options.vector_bits, options.l2_bytes,
                           options.memory ? ", little memory" : "", text));
  std::optional<Module> module = module_of(text);
  if (!module) return module;
  const std::vector<std::string> differences = differences_between_targets(*module, options);
  for (const std::string& difference : differences) ADD_FAILURE() << difference;
  if (!differences.empty()) ADD_FAILURE() << reduced(*module, options);
  return module;
}

void run_network(uint64_t seed, bool cuda) {
  RandomNetwork network = random_network(seed);
  network.options.cuda = cuda;
  compare(network.text, network.options, seed);
}

// The derived gradient too, by differences.
void run_operators(uint64_t seed, bool cuda) {
  RandomOperators program = random_operators(seed);
  program.options.cuda = cuda;
  const std::optional<Module> module = compare(program.text, program.options, seed);
  if (!module) return;
  EXPECT_EQ(gradient_problem(*module, std::min<int64_t>(program.options.capacity, 3), kRandomRate, seed), "")
      << "seed " << seed << "\n"
      << program.text;
}

// First values of parameters, which networks have; what draws places and heights for pictures before the step
// (tests/end_to_end/augmentation_test.py); and of BatchNorm what keeps statistics, which networks have, too.
const std::set<std::string> kNotInGraphs = {"affine_places",
                                            "dilate2d",
                                            "filled",
                                            "gaussian",
                                            "gaussian_heights",
                                            "gaussian_weights",
                                            "glorot_normal_fan",
                                            "glorot_uniform_fan",
                                            "he_normal_fan",
                                            "he_uniform_fan",
                                            "lecun_normal_fan",
                                            "moved_mean",
                                            "moved_variance",
                                            "neighbour_distances",
                                            "ones",
                                            "resized_places",
                                            "sinusoidal_positions",
                                            "standardize_batch",
                                            "uniform_between",
                                            "uniform_fan",
                                            "zeros"};

class RandomPrograms : public testing::TestWithParam<int> {};
TEST_P(RandomPrograms, NetworksHaveTheInterpretersBits) {
  run_network(static_cast<uint64_t>(GetParam()), GetParam() < 4);
}
TEST_P(RandomPrograms, OperatorsHaveTheInterpretersBits) {
  for (int k = 0; k < 5; ++k)
    run_operators(static_cast<uint64_t>(5 * GetParam() + k), GetParam() < 4 && k == 0);
}
INSTANTIATE_TEST_SUITE_P(, RandomPrograms, testing::Range(0, 20), testing::PrintToStringParamName());

class RandomProgramsFull : public testing::TestWithParam<int> {};
TEST_P(RandomProgramsFull, NetworksHaveTheInterpretersBits) {
  for (int k = 0; k < 20; ++k) run_network(static_cast<uint64_t>(1000 + 20 * GetParam() + k), k == 0);
}
TEST_P(RandomProgramsFull, OperatorsHaveTheInterpretersBits) {
  for (int k = 0; k < 90; ++k) run_operators(static_cast<uint64_t>(1000 + 90 * GetParam() + k), k % 30 == 0);
}
INSTANTIATE_TEST_SUITE_P(, RandomProgramsFull, testing::Range(0, 20), testing::PrintToStringParamName());

// A graph of operators, the gradient too, by differences.
void run_graph(uint64_t seed) {
  const RandomGraph program = random_graph(seed);
  const std::optional<Module> module = compare(program.text, program.options, seed);
  if (!module) return;
  EXPECT_EQ(gradient_problem(*module, std::min<int64_t>(program.options.capacity, 3), kRandomRate, seed), "")
      << "seed " << seed << "\n"
      << program.text;
}

// Of each sort some.
void run_program(uint64_t seed) {
  if (seed % 25 == 0) return run_network(seed, false);
  if (seed % 4 == 1) return run_operators(seed, false);
  run_graph(seed);
}

// Others every day, and the same all day, so that a change that failed is judged by what it failed on; by its
// seed (below) a program can be run again at any time.
class FreshPrograms : public testing::TestWithParam<int> {};
TEST_P(FreshPrograms, HaveTheInterpretersBits) {
  constexpr uint64_t kEach = 250, kShards = 8;
  constexpr uint64_t kSecondsPerDay = 24 * 60 * 60;
  const auto day = static_cast<uint64_t>(std::time(nullptr)) / kSecondsPerDay;
  const uint64_t first = (day * kShards + static_cast<uint64_t>(GetParam())) * kEach;
  fmt::print("STRIATE_SEEDS={}:{} runs these\n", first, kEach);
  std::fflush(stdout); // what ends the process must not take it along
  for (uint64_t seed = first; seed < first + kEach; ++seed) run_program(seed);
}
INSTANTIATE_TEST_SUITE_P(, FreshPrograms, testing::Range(0, 8), testing::PrintToStringParamName());

// What random graphs are made of, all in all.
TEST(RandomGraphs, CoverTheLibrary) {
  std::set<std::string> library;
  std::set<std::size_t> ranks, outputs;
  std::set<int64_t> sizes;
  int fewest = 1000, most = 0, broadcasts = 0;
  for (uint64_t seed = 0; seed < 2000; ++seed) {
    const RandomGraph graph = random_graph(seed);
    library.insert(graph.library.begin(), graph.library.end());
    ranks.insert(graph.ranks.begin(), graph.ranks.end());
    sizes.insert(graph.sizes.begin(), graph.sizes.end());
    outputs.insert(graph.outputs);
    fewest = std::min(fewest, graph.operators);
    most = std::max(most, graph.operators);
    broadcasts += graph.broadcasts ? 1 : 0;
  }
  EXPECT_EQ(fewest, 3);
  EXPECT_EQ(most, 40);
  EXPECT_EQ(ranks, (std::set<std::size_t>{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(outputs, (std::set<std::size_t>{1, 2, 3}));
  EXPECT_GT(broadcasts, 500);
  for (int64_t size : {1, 2, 3, 5, 7, 11, 13, 17, 33, 257}) EXPECT_TRUE(sizes.contains(size)) << size;
  EXPECT_EQ(library, operators_of_random_graphs());
  // All of the library, but for what makes first values, places and statistics of no example, or takes what
  // no graph has.
  Diagnostics diagnostics;
  std::set<std::string> others;
  for (const std::string& name : Library(nullptr, diagnostics).names(ast::ItemKind::Op))
    if (!library.contains(name)) others.insert(name);
  EXPECT_EQ(others, kNotInGraphs);
}

// STRIATE_SEEDS=FIRST:COUNT runs so many others.
TEST(RandomProgramsOnDemandFull, HaveTheInterpretersBits) {
  const char* const wanted = std::getenv("STRIATE_SEEDS");
  if (!wanted) GTEST_SKIP() << "STRIATE_SEEDS=FIRST:COUNT is not set";
  unsigned long long first = 0, count = 0;
  ASSERT_EQ(std::sscanf(wanted, "%llu:%llu", &first, &count), 2) << "STRIATE_SEEDS is FIRST:COUNT";
  for (uint64_t seed = first; seed < first + count; ++seed) run_program(seed);
}

// With the settings of the stored results of PyTorch, on parameters of sizes that fill vectors and that do
// not.
class Optimizers : public testing::TestWithParam<std::string> {};

std::vector<std::string> library_optimizers() {
  std::vector<std::string> names;
  for (const StandardFile& file : standard_library()) {
    Diagnostics diagnostics;
    for (const ast::Item& item : parse(file.name, file.text, diagnostics).items)
      if (item.kind == ast::ItemKind::Optimizer) names.push_back(item.name);
  }
  return names;
}

// Those that have the gradient as their only input.
std::set<std::string> changers_of_gradients() {
  std::set<std::string> names;
  for (const StandardFile& file : standard_library()) {
    Diagnostics diagnostics;
    for (const ast::Item& item : parse(file.name, file.text, diagnostics).items)
      if (item.kind == ast::ItemKind::Optimizer && item.inputs.size() == 1) names.insert(item.name);
  }
  return names;
}

TEST_P(Optimizers, HaveTheInterpretersBits) {
  const GoldenFile file = GoldenFile::read(GetParam());
  ASSERT_FALSE(file.cases().empty()) << "no settings for the optimizer " << GetParam();
  for (const std::string& label : file.cases()) {
    const std::string call = GetParam() + "(" + file.content.metadata.at(label) + ")";
    const bool of_gradients = changers_of_gradients().contains(GetParam());
    const std::string optimizer = of_gradients ? "SGD(lr = 0.05)\n    gradient = " + call : call;
    SCOPED_TRACE(optimizer);
    const std::optional<Module> module = module_of(
        "model Net() {\n    input image: f32[N,3,5,4]\n"
        "    output logits = image -> Conv2d(1, 1) as conv1 -> tanh -> Conv2d(17, [3, 2]) as conv2 -> tanh "
        "-> flatten\n"
        "        -> Linear(16) as fc1 -> tanh -> Linear(33, bias = false) as fc2 -> tanh -> Linear(7) as "
        "head\n}\n"
        "data points {\n    split train = idx(\"a\", \"b\")\n    field image = column(0) -> to_real(1/255)\n"
        "    field label = column(1)\n}\n"
        "train Net with points {\n    loss = cross_entropy(logits, label)\n    optimizer = " +
        optimizer + "\n    epochs = 1 batch = 32 seed = 1\n}\n");
    ASSERT_TRUE(module);
    for (LayoutPolicy layout : {LayoutPolicy::BatchBlocked, LayoutPolicy::Plain}) {
      TargetRunOptions options;
      options.batches = {32, 17, 1};
      options.layout = layout;
      options.cuda = layout == LayoutPolicy::BatchBlocked && label == file.cases().back();
      for (const std::string& difference : differences_between_targets(*module, options))
        ADD_FAILURE() << difference;
    }
  }
}
INSTANTIATE_TEST_SUITE_P(Library, Optimizers, testing::ValuesIn(library_optimizers()),
                         [](const auto& info) { return info.param; });

} // namespace
} // namespace striate
