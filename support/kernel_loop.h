// Kernels that run together, step after step: what the compiler plans, and every back end and the runtime
// obey.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace striate {

// Kernels [first, first + count) of a program. The outermost variable of each one's parallel nest counts the
// steps, so that a step is one of `steps` equal parts of its parallel range.
struct KernelLoop {
  std::size_t first = 0, count = 0;
  int64_t steps = 1;
  bool reverse = false; // the last step first
};

// The calls of kernels [first, last) in order, where neither stands within a loop: visit(kernel, part,
// parts), where the call computes that one of so many equal parts of the kernel's parallel range (0 of 1
// outside of loops).
template <typename Visit>
void visit_calls(const std::vector<KernelLoop>& loops, std::size_t first, std::size_t last, Visit&& visit) {
  for (std::size_t k = first; k < last;) {
    const auto loop = std::ranges::find(loops, k, &KernelLoop::first);
    if (loop == loops.end()) {
      visit(k++, 0, 1);
      continue;
    }
    for (int64_t s = 0; s < loop->steps; ++s)
      for (std::size_t kernel = k; kernel < k + loop->count; ++kernel)
        visit(kernel, loop->reverse ? loop->steps - 1 - s : s, loop->steps);
    k += loop->count;
  }
}

} // namespace striate
