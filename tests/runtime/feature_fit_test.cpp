#include "runtime/feature_fit.h"

#include "support/random.h"

#include <gtest/gtest.h>

#include <cmath>

namespace striate {
namespace {

// Rows of `features` numbers that depend on one another; rows beyond the split's would change every fit.
Split correlated(int64_t rows, int64_t features) {
  Tensor values(ElementType::F32, {rows + 3, features});
  for (int64_t r = 0; r < rows + 3; ++r) {
    double sum = 0;
    for (int64_t f = 0; f < features; ++f) {
      const double u = uniform(5, static_cast<uint64_t>(r * features + f), 0, 0) - 0.5;
      sum += static_cast<double>(f + 1) * u;
      values.as<float>()[r * features + f] = static_cast<float>(10 * f + sum + (r < rows ? 0 : 1e6));
    }
  }
  Table table;
  table.columns.push_back({"x", std::move(values)});
  Split split = Split::whole("train", std::move(table));
  split.rows.resize(static_cast<std::size_t>(rows));
  return split;
}

double at(const Split& split, int64_t row, int64_t feature) {
  const Tensor& values = split.table->columns[0].values;
  return values.as<float>()[row * values.shape()[1] + feature];
}

TEST(FeatureFit, EachNumberHasItsMeanAndDeviation) {
  const Split split = correlated(600, 5); // more rows than are looked at together
  const FeatureFit fit = std::move(fit_standardization(split, 0, 5).value());
  for (int64_t f = 0; f < 5; ++f) {
    double mean = 0, square = 0;
    for (int64_t r = 0; r < 600; ++r) mean += at(split, r, f) / 600;
    for (int64_t r = 0; r < 600; ++r) square += (at(split, r, f) - mean) * (at(split, r, f) - mean) / 600;
    EXPECT_NEAR(fit.mean.as<float>()[f], mean, 1e-5 * std::abs(mean) + 1e-5);
    EXPECT_NEAR(fit.scale.as<float>()[f], 1 / std::sqrt(square), 1e-6);
  }
}

TEST(FeatureFit, GroupsShareOne) {
  const Split split = correlated(100, 6);
  const FeatureFit fit = std::move(fit_standardization(split, 0, 2).value());
  ASSERT_EQ(fit.mean.shape(), std::vector<int64_t>{2});
  for (int64_t group : {0, 1}) {
    double mean = 0, square = 0;
    for (int64_t r = 0; r < 100; ++r)
      for (int64_t k = 0; k < 3; ++k) mean += at(split, r, 3 * group + k) / 300;
    for (int64_t r = 0; r < 100; ++r)
      for (int64_t k = 0; k < 3; ++k) square += std::pow(at(split, r, 3 * group + k) - mean, 2) / 300;
    EXPECT_NEAR(fit.mean.as<float>()[group], mean, 1e-4);
    EXPECT_NEAR(fit.scale.as<float>()[group], 1 / std::sqrt(square), 1e-6);
  }
}

TEST(FeatureFit, WhatNeverChangesIsDividedByOne) {
  Tensor values(ElementType::U8, {4, 2});
  for (int r = 0; r < 4; ++r) {
    values.as<uint8_t>()[2 * r] = 7;
    values.as<uint8_t>()[2 * r + 1] = static_cast<uint8_t>(r);
  }
  Table table;
  table.columns.push_back({"x", std::move(values)});
  const FeatureFit fit =
      std::move(fit_standardization(Split::whole("train", std::move(table)), 0, 2).value());
  EXPECT_EQ(fit.mean.as<float>()[0], 7);
  EXPECT_EQ(fit.scale.as<float>()[0], 1);
  EXPECT_FLOAT_EQ(fit.scale.as<float>()[1], static_cast<float>(1 / std::sqrt(1.25)));
}

// The covariance of what the basis makes of the split.
std::vector<double> covariance(const Split& split, const WhiteningFit& fit) {
  const int64_t kept = fit.basis.shape()[0], features = fit.basis.shape()[1];
  std::vector<double> sum(static_cast<std::size_t>(kept * kept));
  for (int64_t r = 0; r < split.size(); ++r) {
    std::vector<double> y(static_cast<std::size_t>(kept));
    for (int64_t k = 0; k < kept; ++k)
      for (int64_t f = 0; f < features; ++f)
        y[k] += fit.basis.as<float>()[k * features + f] * (at(split, r, f) - fit.mean.as<float>()[f]);
    for (int64_t a = 0; a < kept; ++a)
      for (int64_t b = 0; b < kept; ++b) sum[a * kept + b] += y[a] * y[b] / static_cast<double>(split.size());
  }
  return sum;
}

TEST(FeatureFit, WhitenedNumbersAreUncorrelated) {
  const Split split = correlated(700, 6);
  for (const bool zca : {false, true}) {
    const WhiteningFit fit = std::move(fit_whitening(split, 0, 6, 0, zca).value());
    const std::vector<double> found = covariance(split, fit);
    for (int64_t a = 0; a < 6; ++a)
      for (int64_t b = 0; b < 6; ++b) EXPECT_NEAR(found[a * 6 + b], a == b, 1e-3) << zca << a << b;
    if (!zca) continue;
    for (int64_t a = 0; a < 6; ++a)
      for (int64_t b = 0; b < 6; ++b)
        EXPECT_NEAR(fit.basis.as<float>()[a * 6 + b], fit.basis.as<float>()[b * 6 + a], 1e-5);
  }
}

TEST(FeatureFit, TheLargestDirectionsAreKept) {
  const Split split = correlated(500, 6);
  const WhiteningFit all = std::move(fit_whitening(split, 0, 6, 0, false).value());
  const WhiteningFit two = std::move(fit_whitening(split, 0, 2, 0, false).value());
  const auto rows = two.basis.as<float>();
  EXPECT_TRUE(std::equal(rows.begin(), rows.end(), all.basis.as<float>().begin()));
  // A row's length is 1 / deviation: the first direction has the largest.
  const auto length = [&](int64_t k) {
    double sum = 0;
    for (int64_t f = 0; f < 6; ++f) sum += std::pow(all.basis.as<float>()[k * 6 + f], 2);
    return sum;
  };
  for (int64_t k = 1; k < 6; ++k) EXPECT_LT(length(k - 1), length(k));
  // Epsilon bounds them.
  const WhiteningFit soft = std::move(fit_whitening(split, 0, 6, 4, false).value());
  for (int64_t k = 0; k < 36; ++k) EXPECT_LE(std::abs(soft.basis.as<float>()[k]), 0.5f);
}

} // namespace
} // namespace striate
