// The kernels of a program as emitted CUDA text, executed on the CPU: the test of the CUDA back end on a
// machine without a GPU (host_library.h).
#pragma once

#include "codegen/cuda/emit_cuda.h"
#include "codegen/cuda/host_library.h"

namespace striate {

class HostShimModule {
public:
  static Result<HostShimModule> compile(const Program& program);
  // With the text in place of cuda_text(program): it must define the same kernels.
  static Result<HostShimModule> compile(const Program& program, const std::string& text);

  // Runs every kernel in order. Fails as HostLibrary::launch does.
  Status run(char* arena, const float* scalars, int64_t examples,
             ThreadOrder order = ThreadOrder::Forward) const;

private:
  struct Step {
    std::string name;
    HostLibrary::Kernel kernel = nullptr;
    CudaLaunch launch;
    std::function<int64_t(int64_t examples)> parallel_extent;
  };
  explicit HostShimModule(HostLibrary library) : library_(std::move(library)) {}
  Status run_part(const Step& step, char* arena, const float* scalars, int64_t examples, ThreadOrder order,
                  int64_t part, int64_t parts) const;

  HostLibrary library_;
  std::vector<Step> steps_;
  std::vector<KernelLoop> loops_;
};

} // namespace striate
