// What a machine can do at most, as plain facts: the roofline that regions and kernels are held against
// (Williams, Waterman, Patterson, "Roofline", CACM 52(4), 2009).
#pragma once

#include <algorithm>
#include <cstdint>

namespace striate {

struct MachineSpeed {
  double flops = 0;        // f32 operations per second; a fused multiply-add is two
  double cache_bytes = 0;  // bytes per second to and from the second-level cache: y += x on half of it
  double memory_bytes = 0; // to and from memory: y += x on far more than any cache
  int64_t cache = 0;       // bytes that count as cached: a second-level cache for each thread

  // The least time for so much work on so many distinct bytes, in seconds.
  double least_seconds(double flop, double bytes) const {
    const double rate = bytes <= static_cast<double>(cache) ? cache_bytes : memory_bytes;
    return std::max(flop / flops, bytes / rate);
  }
};

} // namespace striate
