// When each kernel of a run began and ended: what profiles and traces are made of.
#pragma once

#include <cstdint>
#include <vector>

namespace striate {

// One call of a kernel by all threads together; in nanoseconds of the steady clock.
struct KernelSpan {
  std::size_t kernel = 0; // of the entry point that ran
  int64_t begin = 0;
  int64_t own_end = 0; // when the calling thread's part was done: from then on it waits for the others
  int64_t end = 0;

  double work_seconds() const { return static_cast<double>(own_end - begin) * 1e-9; }
  double wait_seconds() const { return static_cast<double>(end - own_end) * 1e-9; }
};
using Timeline = std::vector<KernelSpan>;

int64_t steady_nanoseconds();

} // namespace striate
