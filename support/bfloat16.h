// bfloat16: the upper half of an f32, with 8 bits of mantissa and all of its exponents.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace striate {

// The bfloat16 nearest to x, ties to even, as a number; infinite from half a step past the largest on.
inline double nearest_bfloat16(double x) {
  if (!std::isfinite(x) || x == 0) return x;
  constexpr int kMantissa = 8, kLeast = -133; // bits; the exponent of the least number's one bit
  int exponent = 0;                           // |x| in [0.5, 1) * 2^exponent
  std::frexp(x, &exponent);
  const int step = std::max(exponent - kMantissa, kLeast);
  const double rounded = std::ldexp(std::nearbyint(std::ldexp(x, -step)), step);
  return std::fabs(rounded) < 0x1p128 ? rounded : std::copysign(std::numeric_limits<double>::infinity(), x);
}

// One in memory.
struct Bfloat16 {
  uint16_t bits = 0;

  Bfloat16() = default;
  explicit Bfloat16(double x)
      : bits(static_cast<uint16_t>(std::bit_cast<uint32_t>(static_cast<float>(nearest_bfloat16(x))) >> 16)) {}
  explicit operator float() const { return std::bit_cast<float>(uint32_t{bits} << 16); }
  explicit operator double() const { return static_cast<double>(static_cast<float>(*this)); }
};

} // namespace striate
