// The bet of the design, end to end: from definitions in the language, through derived gradients and the
// tile-level kernel IR, to machine code and to CUDA text, with the interpreter's bits.

#include "tests/targets/run_targets.h"

#include <gtest/gtest.h>

#include <ostream>

namespace striate {
namespace {

std::string join(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

// A network around `body`, which goes from `image` to a [N, F] tensor called `features`. `change`: what
// training does to the pictures.
std::string network(const std::string& image, const std::string& body, const std::string& change = "") {
  const std::string changed = change.empty() ? "" : " -> when training { " + change + " }";
  return "model Net() {\n    input image: f32[N," + image + "]\n    features = image -> " + body +
         "\n    output logits = features -> Linear(3) as head\n}\n"
         "data points {\n    split train = idx(\"a\", \"b\")\n    field image = column(0)" +
         changed +
         " -> to_real(1/255)\n"
         "    field label = column(1)\n}\n"
         "train Net with points {\n    loss = cross_entropy(logits, label)\n    metric accuracy = "
         "top1(logits, label)\n"
         "    optimizer = SGD(lr = 0.05, momentum = 0.9, weight_decay = 5e-4)\n    epochs = 1 batch = 32 "
         "seed = 1\n}\n";
}

struct Case {
  std::string name, image, body;
};

void PrintTo(const Case& one, std::ostream* out) { *out << one.body; }

const Case kCases[] = {
    {"StridedDilatedGroupedConvolution", "4,13,11",
     "Conv2d(6, 3, stride = 2, padding = 2, dilation = 2, groups = 2) as conv -> relu -> flatten"},
    {"StridedConvolution", "3,12,13",
     "Conv2d(5, 3, stride = 2, padding = 1) as first -> relu -> Conv2d(4, 5, stride = 3) as conv -> flatten"},
    {"OverlappingMaxPooling", "2,11,9",
     "Conv2d(5, 3, padding = 1) as conv -> relu -> max_pool2d(3, stride = 2) -> flatten"},
    {"PaddedMaxPooling", "2,9,9",
     "Conv2d(5, 3) as conv -> relu -> max_pool2d(3, stride = 2, padding = 1) -> flatten"},
    {"RecurrentLayers", "5,7", "LSTM(9) as lstm -> reverse_steps -> GRU(6) as gru -> last_step"},
    {"BatchNorm", "3,7,5", "Conv2d(5, 3, bias = false) as conv -> BatchNorm2d as bn -> relu -> flatten"},
    {"TwoConvolutionsAndPools", "1,16,16",
     "Conv2d(6, 5) as conv1 -> relu -> max_pool2d(2) -> Conv2d(7, 3) as conv2 -> relu -> max_pool2d(2) -> "
     "flatten -> "
     "Linear(17) as fc -> relu -> Dropout(0.5)"},
};

class Targets : public testing::TestWithParam<Case> {};

TEST_P(Targets, AgreeBitForBit) {
  const std::optional<Module> module = module_of(network(GetParam().image, GetParam().body));
  ASSERT_TRUE(module);
  TargetRunOptions options;
  options.batches = {32, 17, 1};
  const std::vector<std::string> differences = differences_between_targets(*module, options);
  EXPECT_TRUE(differences.empty()) << join(differences);
}

TEST_P(Targets, AgreeWithoutFusion) {
  const std::optional<Module> module = module_of(network(GetParam().image, GetParam().body));
  ASSERT_TRUE(module);
  TargetRunOptions options;
  options.batches = {5};
  options.fuse = false;
  options.cuda = false;
  const std::vector<std::string> differences = differences_between_targets(*module, options);
  EXPECT_TRUE(differences.empty()) << join(differences);
}

TEST_P(Targets, AgreeWithLittleMemory) {
  const std::optional<Module> module = module_of(network(GetParam().image, GetParam().body));
  ASSERT_TRUE(module);
  for (bool fuse : {true, false}) {
    TargetRunOptions options;
    options.batches = {32, 17};
    options.memory = 0;
    options.fuse = fuse;
    options.cuda = fuse;
    const std::vector<std::string> differences = differences_between_targets(*module, options);
    EXPECT_TRUE(differences.empty()) << join(differences);
  }
}

TEST_P(Targets, AgreeInOtherLayouts) {
  const std::optional<Module> module = module_of(network(GetParam().image, GetParam().body));
  ASSERT_TRUE(module);
  for (LayoutPolicy layout : {LayoutPolicy::Plain, LayoutPolicy::ChannelBlocked}) {
    TargetRunOptions options;
    options.capacity = 5;
    options.batches = {5, 3};
    options.layout = layout;
    options.cuda = false;
    const std::vector<std::string> differences = differences_between_targets(*module, options);
    EXPECT_TRUE(differences.empty()) << name_of(layout) << "\n" << join(differences);
  }
}

TEST_P(Targets, StayNearTheOracle) {
  const std::optional<Module> module = module_of(network(GetParam().image, GetParam().body));
  ASSERT_TRUE(module);
  TargetRunOptions options;
  options.batches = {32, 19, 3};
  EXPECT_LT(distance_from_oracle(*module, options), 2e-5);
}

INSTANTIATE_TEST_SUITE_P(, Targets, testing::ValuesIn(kCases),
                         [](const auto& info) { return info.param.name; });

// Contractions that are large enough for blocks of threads, with sizes that no tile divides: channels that
// are more and less than a block of the order, strides, dilation, groups, and products of matrices in all
// transpositions that a gradient has.
void expect_agreement_in_blocks(const std::string& image, const std::string& body) {
  const std::optional<Module> module = module_of(network(image, body));
  ASSERT_TRUE(module);
  for (LayoutPolicy layout :
       {LayoutPolicy::BatchBlocked, LayoutPolicy::Plain, LayoutPolicy::ChannelBlocked}) {
    TargetRunOptions options;
    options.capacity = 19;
    options.batches = {19, 6};
    options.layout = layout;
    const std::vector<std::string> differences = differences_between_targets(*module, options);
    EXPECT_TRUE(differences.empty()) << name_of(layout) << "\n" << join(differences);
  }
}

TEST(BlocksOfThreads, Agree) {
  expect_agreement_in_blocks("3,12,13",
                             "Conv2d(24, 3, stride = 2, padding = 1) as first -> relu -> Conv2d(37, 3, "
                             "padding = 1) as conv -> tanh -> flatten -> Linear(33) as fc");
}

TEST(BlocksOfThreadsFull, AgreeForGroups) {
  expect_agreement_in_blocks("34,9,7",
                             "Conv2d(40, 3, groups = 2, dilation = 2, padding = 2) as first -> relu -> "
                             "Conv2d(64, 1) as conv -> max_pool2d(2) -> flatten");
}

// The weight gradient is a sum of parts (tests/passes/split_sums.test).
TEST(BlocksOfThreadsFull, AgreeForSplitSums) {
  expect_agreement_in_blocks("16,24,20", "Conv2d(32, 3) as conv -> relu -> flatten");
}

// Draws of rows of the data, and reads where they decide.
TEST(OtherTargets, ChangedPictures) {
  for (const char* change : {"random_crop([7, 5], padding = 2) -> random_flip -> random_vertical_flip",
                             "random_rotation(20) -> cutout(3, value = 9)",
                             "elastic_distortion(alpha = 8, sigma = 1) -> random_erasing(0.7)",
                             "random_affine(5, translate = 0.2, scale = [0.7, 1.2], shear = 9) -> pca_colors "
                             "-> color_jitter(0.3, 0.2, 0.1)"}) {
    SCOPED_TRACE(change);
    const std::optional<Module> module =
        module_of(network("3,7,5", "Conv2d(5, 3) as conv -> relu -> flatten", change));
    ASSERT_TRUE(module);
    for (LayoutPolicy layout :
         {LayoutPolicy::BatchBlocked, LayoutPolicy::Plain, LayoutPolicy::ChannelBlocked}) {
      TargetRunOptions options;
      options.capacity = 17;
      options.batches = {17, 5, 1};
      options.layout = layout;
      options.cuda = layout == LayoutPolicy::BatchBlocked;
      const std::vector<std::string> differences = differences_between_targets(*module, options);
      EXPECT_TRUE(differences.empty()) << name_of(layout) << "\n" << join(differences);
    }
  }
}

TEST(OtherTargets, ChannelBlockedConvolution) {
  const std::optional<Module> module =
      module_of(network("32,9,8", "Conv2d(32, 3, padding = 1) as conv1 -> relu -> Conv2d(16, 3) as conv2 -> "
                                  "relu -> max_pool2d(2) -> flatten"));
  ASSERT_TRUE(module);
  TargetRunOptions options;
  options.capacity = 3;
  options.batches = {3, 1};
  options.layout = LayoutPolicy::ChannelBlocked;
  const std::vector<std::string> differences = differences_between_targets(*module, options);
  EXPECT_TRUE(differences.empty()) << join(differences);
}

} // namespace
} // namespace striate
