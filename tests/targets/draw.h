// Choices that follow from a seed alone.
#pragma once

#include "support/random.h"

#include <cstdint>
#include <initializer_list>
#include <vector>

namespace striate {

class Draw {
public:
  explicit Draw(uint64_t seed) : seed_(seed) {}
  int64_t between(int64_t low, int64_t high) { // both may come
    return low + static_cast<int64_t>(uniform(seed_, count_++, 0, 1) * static_cast<float>(high - low + 1));
  }
  bool chance(int percent) { return between(1, 100) <= percent; }
  template <typename T>
  T of(std::initializer_list<T> list) {
    return list.begin()[between(0, static_cast<int64_t>(list.size()) - 1)];
  }
  template <typename T>
  T of(const std::vector<T>& list) {
    return list[static_cast<std::size_t>(between(0, static_cast<int64_t>(list.size()) - 1))];
  }
  template <typename T>
  void shuffle(std::vector<T>& list) {
    for (int64_t k = static_cast<int64_t>(list.size()) - 1; k > 0; --k)
      std::swap(list[static_cast<std::size_t>(k)], list[static_cast<std::size_t>(between(0, k))]);
  }

private:
  uint64_t seed_, count_ = 0;
};

} // namespace striate
