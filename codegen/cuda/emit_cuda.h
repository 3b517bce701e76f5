// Kernel IR -> CUDA C++ text.
//
// Assumes verified kernels. A point of a kernel's parallel nest becomes one group of threads: 16, one per
// lane, or a single one where the kernel has no lane axis; a block is a warp of groups, or more where there
// are blocks enough. Of a kernel with an axis of threads a point is a block of as many. Register tiles become
// small arrays per thread over the other axes, scratch becomes shared memory. Guarantees the same values,
// evaluated in the declared order, as every other target computes from the same kernel; text that depends on
// the program alone; one extern "C" function per kernel:
//   __global__ void NAME(char* arena, const float* scalars, long long examples, long long begin, long long
//   end)
// which computes the points [begin, end) of the parallel range, launched with blocks for as many.
// Shown by tests/codegen_cuda: golden text, NVRTC, and execution by the host shim.
#pragma once

#include "ir/kernel/kernel.h"
#include "support/result.h"

namespace striate {

// How a kernel is launched: blocks of groups * lanes threads, enough for the parallel extent.
struct CudaLaunch {
  int lanes = 1;                // threads of a group
  int groups = 1;               // parallel points per block
  int64_t group_bytes = 0;      // shared memory of a group
  std::vector<int64_t> scratch; // buffer -> byte offset in it, -1 for Memory
  // Blocks that a multiprocessor is to hold at once, which limits the registers of a thread; 0: what comes.
  int at_once = 0;

  int threads() const { return lanes * groups; }
  int64_t shared_bytes() const { return groups * group_bytes; }
  int64_t blocks(int64_t parallel_extent) const { return (parallel_extent + groups - 1) / groups; }
};
CudaLaunch cuda_launch(const Program& program, std::size_t kernel);

// The functions' names, one per kernel: unique identifiers made of the kernels' names.
std::vector<std::string> cuda_names(const Program& program);

// The prelude and every kernel, ready for NVRTC. Fails where a kernel's scratch exceeds what a block can
// have.
Result<std::string> cuda_text(const Program& program);

} // namespace striate
