#include "runtime/plateau.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace striate {
namespace {

std::vector<double> values_of(const PlateauRule& rule, const std::vector<double>& measured) {
  Plateau plateau(rule);
  std::vector<double> values;
  for (double value : measured) {
    plateau.observe(value);
    values.push_back(plateau.value());
  }
  return values;
}

TEST(Plateau, FallsAfterMoreEpochsThanItsPatience) {
  // As torch.optim.lr_scheduler.ReduceLROnPlateau: the first value is the best, then 2 are borne.
  EXPECT_EQ(values_of({"val.loss", 0.5, 2}, {1, 1, 1, 1, 1, 1, 1}),
            (std::vector<double>{1, 1, 1, 0.5, 0.5, 0.5, 0.25}));
  EXPECT_EQ(values_of({"val.loss", 0.5, 0}, {3, 2, 1, 1}), (std::vector<double>{1, 1, 1, 0.5}));
}

TEST(Plateau, BetterIsBetterByMoreThanTheThreshold) {
  EXPECT_EQ(values_of({"val.loss", 0.5, 0, 0.1}, {1, 0.95, 0.89}), (std::vector<double>{1, 0.5, 0.5}));
  EXPECT_EQ(values_of({"val.accuracy", 0.5, 0, 0.1}, {0.5, 0.54, 0.56, 0.1}),
            (std::vector<double>{1, 0.5, 0.5, 0.25}));
}

TEST(Plateau, CountsNothingWhileItCools) {
  EXPECT_EQ(values_of({"val.loss", 0.5, 0, 0, 2}, {1, 1, 1, 1, 1}),
            (std::vector<double>{1, 0.5, 0.5, 0.5, 0.25}));
}

TEST(Plateau, NoNumberIsNotBetter) {
  EXPECT_EQ(values_of({"val.loss", 0.5, 0}, {1, NAN, 0.9}), (std::vector<double>{1, 0.5, 0.5}));
}

TEST(Plateau, GoesOnFromWhatWasSaved) {
  const PlateauRule rule = {"val.loss", 0.5, 1, 0, 1};
  const std::vector<double> measured = {3, 3, 3, 3, 2, 2, 2, 2, 2, 1, 1, 1};
  const std::vector<double> whole = values_of(rule, measured);
  for (std::size_t cut = 0; cut <= measured.size(); ++cut) {
    std::map<std::string, double> saved;
    Plateau first(rule);
    for (std::size_t i = 0; i < cut; ++i) first.observe(measured[i]);
    first.save("plateau.0", saved);
    Plateau second(rule);
    second.restore("plateau.0", saved);
    for (std::size_t i = cut; i < measured.size(); ++i) {
      second.observe(measured[i]);
      EXPECT_EQ(second.value(), whole[i]) << cut << " " << i;
    }
  }
}

} // namespace
} // namespace striate
