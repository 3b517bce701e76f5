// bfloat16: rounding to nearest, ties to even, over all of its range.
#include "support/bfloat16.h"

#include <gtest/gtest.h>

namespace striate {
namespace {

TEST(Bfloat16, RoundsToNearestAndTiesToEven) {
  EXPECT_EQ(nearest_bfloat16(1), 1);
  EXPECT_EQ(nearest_bfloat16(1 + 0x1p-8), 1);          // halfway, to even
  EXPECT_EQ(nearest_bfloat16(1 + 0x3p-8), 1 + 0x1p-6); // halfway, to even
  EXPECT_EQ(nearest_bfloat16(1 + 0x1.8p-8), 1 + 0x1p-7);
  EXPECT_EQ(nearest_bfloat16(-3.14159265), -3.140625);
  EXPECT_EQ(nearest_bfloat16(0x1.ffp0), 2); // the mantissa overflows
}

TEST(Bfloat16, KeepsTheRangeOfF32) {
  EXPECT_EQ(nearest_bfloat16(0x1.fep127), 0x1.fep127); // the largest
  EXPECT_EQ(nearest_bfloat16(0x1.ffp127), INFINITY);
  EXPECT_EQ(nearest_bfloat16(-INFINITY), -INFINITY);
  EXPECT_TRUE(std::isnan(nearest_bfloat16(NAN)));
  EXPECT_EQ(nearest_bfloat16(0x1p-133), 0x1p-133); // the least
  EXPECT_EQ(nearest_bfloat16(0x1p-134), 0);
  EXPECT_TRUE(std::signbit(nearest_bfloat16(-0.0)));
}

// Every number of it is itself; halfway between neighbours goes to the even one.
TEST(Bfloat16, InMemoryIsTheUpperHalf) {
  for (uint32_t upper = 0; upper < 0x7F80; ++upper) {
    const auto number = std::bit_cast<float>(upper << 16);
    const Bfloat16 stored(number);
    ASSERT_EQ(stored.bits, upper);
    ASSERT_EQ(static_cast<float>(stored), number);
    const auto halfway = std::bit_cast<float>(upper << 16 | 0x8000);
    ASSERT_EQ(Bfloat16(halfway).bits, upper + upper % 2);
  }
}

} // namespace
} // namespace striate
