// When each kernel of a run began and ended: what profiles and traces are made of.
#pragma once

#include <cstdint>
#include <vector>

namespace striate {

// One call of a kernel by all threads together; in nanoseconds of the steady clock.
struct KernelSpan {
  std::size_t kernel = 0; // of the entry point that ran
  int64_t begin = 0;
  int64_t end = 0;
};
using Timeline = std::vector<KernelSpan>;

int64_t steady_nanoseconds();

} // namespace striate
