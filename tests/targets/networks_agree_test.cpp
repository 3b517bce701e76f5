// Networks drawn at random, and every optimizer of the library: machine code (and for some the emitted CUDA
// text) gives the interpreter's bits through several steps and in evaluation.
#include "tests/conformance/golden_file.h"
#include "tests/targets/random_network.h"

#include "frontend/parser.h"
#include "frontend/standard_library.h"

#include <gtest/gtest.h>

#include <set>

namespace striate {
namespace {

void run_network(uint64_t seed, bool cuda) {
  RandomNetwork network = random_network(seed);
  network.options.cuda = cuda;
  SCOPED_TRACE(fmt::format("seed {}: capacity {}, batches {}, {}; {}, {}, {} bits\n{}", seed,
                           network.options.capacity, network.options.batches[0], network.options.batches[1],
                           name_of(*network.options.layout), network.options.fuse ? "fused" : "not fused",
                           network.options.vector_bits, network.text));
  const std::optional<Module> module = module_of(network.text);
  if (!module) return;
  for (const std::string& difference : differences_between_targets(*module, network.options))
    ADD_FAILURE() << difference;
}

class RandomNetworks : public testing::TestWithParam<int> {};
TEST_P(RandomNetworks, HaveTheInterpretersBits) {
  const bool cuda = GetParam() < 4;
  run_network(static_cast<uint64_t>(GetParam()), cuda);
}
INSTANTIATE_TEST_SUITE_P(, RandomNetworks, testing::Range(0, 40), testing::PrintToStringParamName());

class RandomNetworksFull : public testing::TestWithParam<int> {};
TEST_P(RandomNetworksFull, HaveTheInterpretersBits) {
  for (int k = 0; k < 20; ++k) run_network(static_cast<uint64_t>(1000 + 20 * GetParam() + k), k == 0);
}
INSTANTIATE_TEST_SUITE_P(, RandomNetworksFull, testing::Range(0, 20), testing::PrintToStringParamName());

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
