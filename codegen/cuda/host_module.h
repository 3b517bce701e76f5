// Emitted CUDA text, executed on the CPU: the test of the CUDA back end on a machine without a GPU.
//
// Needs a host C++ compiler at run time ($CXX, or c++, g++, clang++ on the path). The text is compiled with
// host_shim.h before it; nothing else of it changes. Slow by design: see host_shim.h for what it checks.
#pragma once

#include "codegen/cuda/emit_cuda.h"

#include <memory>

namespace striate {

// In which order threads (and blocks) run. Sound kernels give the same bits in every order.
enum class ThreadOrder { Forward, Reverse, Strided };

class HostShimModule {
public:
  static Result<HostShimModule> compile(const Program& program);
  // With the text in place of cuda_text(program): it must define the same kernels.
  static Result<HostShimModule> compile(const Program& program, const std::string& text);

  // Runs every kernel in order. Fails where a kernel breaks the rules of its target: threads that meet at
  // different places, or stores past the end of shared memory.
  Status run(char* arena, const float* scalars, int64_t examples,
             ThreadOrder order = ThreadOrder::Forward) const;

private:
  using Kernel = void (*)(char* arena, const float* scalars, long long examples, long long begin,
                          long long end);
  using Launch = const char* (*)(Kernel kernel, char* arena, const float* scalars, long long examples,
                                 long long begin, long long end, unsigned blocks, unsigned threads,
                                 unsigned shared_bytes, int order);
  struct Step {
    std::string name;
    Kernel kernel = nullptr;
    CudaLaunch launch;
    std::function<int64_t(int64_t examples)> parallel_extent;
  };

  std::shared_ptr<void> library_;
  Launch launch_ = nullptr;
  Status run_part(const Step& step, char* arena, const float* scalars, int64_t examples, ThreadOrder order,
                  int64_t part, int64_t parts) const;

  std::vector<Step> steps_;
  std::vector<KernelLoop> loops_;
};

// The host compiler's command, or "" where there is none.
std::string host_compiler();

} // namespace striate
