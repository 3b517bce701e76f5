// Drawing the next character of a text.

#include "driver/generate.h"

#include <gtest/gtest.h>

namespace striate {
namespace {

const std::vector<double> kScores = {0, std::log(2.0), std::log(2.0), -50}; // probabilities 1/5, 2/5, 2/5, 0

TEST(Sample, DrawsInProportion) {
  // The likeliest come first, the first of equals before the other.
  EXPECT_EQ(sample(kScores, 1, 0, 0.0), 1U);
  EXPECT_EQ(sample(kScores, 1, 0, 0.399), 1U);
  EXPECT_EQ(sample(kScores, 1, 0, 0.401), 2U);
  EXPECT_EQ(sample(kScores, 1, 0, 0.799), 2U);
  EXPECT_EQ(sample(kScores, 1, 0, 0.801), 0U);
  EXPECT_EQ(sample(kScores, 1, 0, 0.9999), 0U);
}

TEST(Sample, TemperatureSharpensAndFlattens) {
  EXPECT_EQ(sample(kScores, 0, 0, 0.99), 1U);
  EXPECT_EQ(sample(kScores, 0.5, 0, 0.88), 2U); // 1 : 4 : 4
  EXPECT_EQ(sample(kScores, 0.5, 0, 0.89), 0U);
  EXPECT_EQ(sample(kScores, 1e6, 0, 0.76), 3U); // nearly even
}

TEST(Sample, KeepsTheLikeliest) {
  EXPECT_EQ(sample(kScores, 1, 1, 0.9999), 1U);
  EXPECT_EQ(sample(kScores, 1, 2, 0.9999), 2U);
  EXPECT_EQ(sample(kScores, 1, 100, 0.9999), 0U);
  EXPECT_EQ(sample({3.0}, 1, 5, 0.5), 0U);
}

} // namespace
} // namespace striate
