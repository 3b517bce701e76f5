// NVRTC, NVIDIA's run-time compiler, loaded when first asked for: the project builds and tests without CUDA.
//
// Needs libnvrtc 11.2 or later, no GPU and no driver. Compilation is deterministic. Never unloaded.
// Shown by tests/codegen_cuda/nvrtc_test.cpp.
#pragma once

#include "support/result.h"

#include <cstdint>
#include <string>
#include <vector>

namespace striate {

class DiskCache;

using NvrtcHandle = void*; // of a program

// What ptxas says about one function; known for real architectures ("sm_90a"), not for virtual ones
// ("compute_80").
struct CudaResources {
  std::string function;
  int registers = 0;
  int64_t stack_bytes = 0;
  int64_t spill_bytes = 0; // stores and loads
};

struct CudaBinary {
  std::string architecture;
  std::string ptx;
  std::string cubin; // empty for virtual architectures
  std::string log;
  std::vector<CudaResources> resources;
};

class Nvrtc {
public:
  // The library named by $STRIATE_NVRTC, or else the first of: the system's, in $CUDA_HOME or $CUDA_PATH, in
  // the nvidia wheels of $VIRTUAL_ENV or $CONDA_PREFIX. A failure says in one line what was looked for.
  static Result<const Nvrtc*> load();

  std::string version() const;            // "13.0"
  std::vector<int> architectures() const; // 90 is compute capability 9.0; ascending
  // Compiles text that includes nothing, as tests and caches expect it: --fmad=false, --ftz=true. A failure
  // holds the compiler's messages. With a cache, what was compiled before is taken from there.
  Result<CudaBinary> compile(const std::string& text, const std::string& name,
                             const std::string& architecture, const DiskCache* cache = nullptr) const;

private:
  struct Functions;
  Result<CudaBinary> compile_anew(const std::string& text, const std::string& name,
                                  const std::string& architecture) const;
  explicit Nvrtc(const Functions* functions) : functions_(functions) {}

  const Functions* functions_;
};

} // namespace striate
