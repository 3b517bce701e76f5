// Counter-based random numbers: Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy
// as 1, 2, 3", SC'11). A draw is a pure function of (seed, element, step, stream), so the interpreter, the
// CPU code, the CUDA code and a resumed run all draw the same, and nothing has to be stored. The emitters
// generate these very ten rounds; tests/runtime/random_test.cpp holds the paper's known answers.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace striate {

using PhiloxCounter = std::array<uint32_t, 4>;
using PhiloxKey = std::array<uint32_t, 2>;

inline constexpr uint32_t kPhiloxMultiplier0 = 0xD2511F53;
inline constexpr uint32_t kPhiloxMultiplier1 = 0xCD9E8D57;
inline constexpr uint32_t kPhiloxWeyl0 = 0x9E3779B9; // the golden ratio
inline constexpr uint32_t kPhiloxWeyl1 = 0xBB67AE85; // sqrt(3) - 1
inline constexpr int kPhiloxRounds = 10;

constexpr PhiloxCounter philox4x32(PhiloxCounter counter, PhiloxKey key) {
  for (int round = 0; round < kPhiloxRounds; ++round) {
    const uint64_t product0 = uint64_t{kPhiloxMultiplier0} * counter[0];
    const uint64_t product1 = uint64_t{kPhiloxMultiplier1} * counter[2];
    counter = {static_cast<uint32_t>(product1 >> 32) ^ counter[1] ^ key[0], static_cast<uint32_t>(product1),
               static_cast<uint32_t>(product0 >> 32) ^ counter[3] ^ key[1], static_cast<uint32_t>(product0)};
    key[0] += kPhiloxWeyl0;
    key[1] += kPhiloxWeyl1;
  }
  return counter;
}

// The four words of one draw: key = the seed's halves, counter = {element low, element high, step, stream}.
constexpr PhiloxCounter random_words(uint64_t seed, uint64_t element, uint32_t step, uint32_t stream) {
  return philox4x32({static_cast<uint32_t>(element), static_cast<uint32_t>(element >> 32), step, stream},
                    {static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)});
}

// Uniform on the multiples of 2^-24 in [0, 1): every value is exact in f32.
constexpr float uniform(uint64_t seed, uint64_t element, uint32_t step, uint32_t stream) {
  return static_cast<float>(random_words(seed, element, step, stream)[0] >> 8) * 0x1p-24f;
}

// The element of a draw that belongs to a row of the data.
constexpr uint64_t element_of_row(uint64_t element, uint32_t row) {
  return uint64_t{row} << 32 | static_cast<uint32_t>(element);
}

constexpr uint64_t fnv1a(std::string_view text) {
  uint64_t hash = 0xCBF29CE484222325;
  for (char character : text) hash = (hash ^ static_cast<uint8_t>(character)) * 0x100000001B3;
  return hash;
}

// The stream of a draw, from the call path that owns it ("fc1.dropout"): FNV-1a folded to 32 bits.
constexpr uint32_t stream_of(std::string_view path) {
  const uint64_t hash = fnv1a(path);
  return static_cast<uint32_t>(hash >> 32) ^ static_cast<uint32_t>(hash);
}

} // namespace striate
