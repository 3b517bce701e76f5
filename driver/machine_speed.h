// What this machine can do at most, measured with code of our own back end: the roofline that kernels are
// held against (Williams, Waterman, Patterson, "Roofline", CACM 52(4), 2009).
#pragma once

#include "runtime/thread_pool.h"
#include "support/result.h"
#include "support/target_info.h"

namespace striate {

struct MachineSpeed {
  double flops = 0;        // f32 operations per second; a fused multiply-add is two
  double cache_bytes = 0;  // bytes per second to and from the second-level cache: y += x on half of it
  double memory_bytes = 0; // to and from memory: y += x on far more than any cache
  int64_t cache = 0;       // bytes that count as cached: a second-level cache for each thread

  // The least time for so much work on so many distinct bytes.
  double least_seconds(double flop, double bytes) const;
};

// Takes about a third of a second. Each figure is the best of several runs.
Result<MachineSpeed> measure_machine(const TargetInfo& target, ThreadPool& pool);

} // namespace striate
