// No operator without a test: every one in std/*.nn has stored results, a check of its gradient, or a test of
// its distribution.
#include "tests/conformance/golden_file.h"
#include "tests/conformance/gradient_cases.h"
#include "tests/conformance/operator_subject.h"

#include "frontend/parser.h"
#include "frontend/standard_library.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

namespace striate {
namespace {

// Draws of an initializer or of a mask, checked by their mean, variance and bounds.
struct RandomCase {
  std::string op;
  std::string attributes;
  double mean = 0;
  double variance = 0;
  double low = 0;
  double high = 0;
};

constexpr double kBeyondNormal = 7; // standard deviations: none of the draws below lies so far out

const std::vector<RandomCase> kRandomCases = {
    {"zeros", "", 0, 0, 0, 0},
    {"ones", "", 1, 0, 1, 1},
    {"filled", "value = 2.5", 2.5, 0, 2.5, 2.5},
    {"uniform_between", "low = -1; high = 3", 1, 16.0 / 12, -1, 3},
    {"uniform_fan", "fan_in = 25", 0, 0.04 / 3, -0.2, 0.2},
    {"gaussian", "", 0, 1, -kBeyondNormal, kBeyondNormal},
    {"gaussian", "mean = 3; std = 0.5", 3, 0.25, 3 - kBeyondNormal / 2, 3 + kBeyondNormal / 2},
    {"he_normal_fan", "fan_in = 50", 0, 0.04, -kBeyondNormal / 5, kBeyondNormal / 5},
    {"glorot_uniform_fan", "fan_in = 20; fan_out = 30", 0, 0.04, -std::sqrt(0.12), std::sqrt(0.12)},
    {"he_uniform_fan", "fan_in = 50", 0, 0.04, -std::sqrt(0.12), std::sqrt(0.12)},
    {"glorot_normal_fan", "fan_in = 20; fan_out = 30", 0, 0.04, -kBeyondNormal / 5, kBeyondNormal / 5},
    {"lecun_normal_fan", "fan_in = 25", 0, 0.04, -kBeyondNormal / 5, kBeyondNormal / 5},
};

TEST(Random, InitializersHaveTheirDistribution) {
  const int64_t rows = 100, columns = 400;
  const double count = static_cast<double>(rows * columns);
  for (const RandomCase& test : kRandomCases) {
    SCOPED_TRACE(test.op + "(" + test.attributes + ")");
    const TensorType shape{ElementType::F32, {Size::constant(rows), Size::constant(columns)}};
    const std::optional<OperatorSubject> subject =
        OperatorSubject::make({test.op, {shape}, parse_attributes(test.attributes), 1});
    if (!subject) continue;
    const std::vector<double> values = subject->outputs({})[0].values;
    ASSERT_EQ(static_cast<double>(values.size()), count);
    double mean = 0, variance = 0;
    for (double value : values) {
      ASSERT_GE(value, test.low);
      ASSERT_LE(value, test.high);
      mean += value / count;
    }
    for (double value : values) variance += (value - mean) * (value - mean) / count;
    // Four standard errors; the fourth moment of a normal variable is the largest here.
    EXPECT_NEAR(mean, test.mean, 4 * std::sqrt(test.variance / count) + 1e-9);
    EXPECT_NEAR(variance, test.variance, 4 * test.variance * std::sqrt(2 / count) + 1e-9);
  }
}

TEST(Random, DropKeepsTheMean) {
  const TensorType type{ElementType::F32, {Size::n(), Size::constant(400)}};
  const std::optional<OperatorSubject> subject = OperatorSubject::make({"drop", {type}, {{"p", "0.3"}}, 100});
  ASSERT_TRUE(subject.has_value());
  ReferenceTensor ones = reference_tensor(type, 100);
  std::fill(ones.values.begin(), ones.values.end(), 1.0);
  double dropped = 0;
  const std::vector<ReferenceTensor> outputs = subject->outputs({ones});
  for (double value : outputs[0].values) {
    if (value == 0) {
      ++dropped;
    } else {
      ASSERT_NEAR(value, 1 / 0.7, 1e-15);
    }
  }
  EXPECT_NEAR(dropped / 40000, 0.3, 4 * std::sqrt(0.21 / 40000));
}

TEST(Random, WholeChannelsAreDropped) {
  const TensorType type{ElementType::F32, {Size::n(), Size::constant(100), Size::constant(3)}};
  const std::optional<OperatorSubject> subject =
      OperatorSubject::make({"drop_channel", {type}, {{"p", "0.3"}}, 100});
  ASSERT_TRUE(subject.has_value());
  ReferenceTensor ones = reference_tensor(type, 100);
  std::fill(ones.values.begin(), ones.values.end(), 1.0);
  const std::vector<double> values = subject->outputs({ones})[0].values;
  double dropped = 0;
  for (std::size_t i = 0; i < values.size(); i += 3) {
    EXPECT_EQ(values[i], values[i + 1]);
    EXPECT_EQ(values[i], values[i + 2]);
    if (values[i] == 0) ++dropped;
  }
  EXPECT_NEAR(dropped / 10000, 0.3, 4 * std::sqrt(0.21 / 10000));
}

TEST(Coverage, EveryOperatorAndOptimizerHasATest) {
  std::set<std::string> golden, gradient, random{"drop", "drop_channel"};
  // tests/conformance/augmentation_test.cpp
  random.insert({"uniform_each", "uniform_noise", "gaussian_each", "random_flip", "random_vertical_flip",
                 "random_crop", "cutout", "random_erasing", "random_brightness", "random_contrast",
                 "random_saturation", "color_jitter", "pca_colors", "random_rotation", "random_affine",
                 "elastic_distortion"});
  for (const std::string& name : golden_names()) golden.insert(name);
  for (const GradientCase& test : gradient_cases()) gradient.insert(test.op);
  for (const RandomCase& test : kRandomCases) random.insert(test.op);
  const std::vector<std::string> list = operators_without_gradient();
  const std::set<std::string> constant(list.begin(), list.end());

  std::set<std::string> operators;
  for (const StandardFile& file : standard_library()) {
    Diagnostics diagnostics;
    const ast::File tree = parse(file.name, file.text, diagnostics);
    for (const ast::Item& item : tree.items) {
      if (item.kind == ast::ItemKind::Optimizer) {
        EXPECT_TRUE(golden.count(item.name)) << "optimizer " << item.name << " has no stored results";
      }
      if (item.kind != ast::ItemKind::Op) continue;
      operators.insert(item.name);
      EXPECT_TRUE(golden.count(item.name) || random.count(item.name))
          << "op " << item.name << " of " << file.name
          << " has neither stored results nor a test of its distribution";
      EXPECT_TRUE(gradient.count(item.name) != constant.count(item.name))
          << "op " << item.name << " of " << file.name
          << " has no gradient case, or is said to have no gradient";
    }
  }
  EXPECT_GT(operators.size(), 40u);
  for (const std::string& name : gradient) EXPECT_TRUE(operators.count(name)) << name << " is no operator";
  for (const std::string& name : constant) EXPECT_TRUE(operators.count(name)) << name << " is no operator";
}

} // namespace
} // namespace striate
