// Emitted CUDA text, compiled for the CPU with host_shim.h before it and loaded: kernels by name, and
// launches of them.
//
// Needs a host C++ compiler at run time ($CXX, or c++, g++, clang++ on the path). Slow by design: see
// host_shim.h for what it checks.
#pragma once

#include "support/result.h"

#include <cstdint>
#include <memory>
#include <string>

namespace striate {

class DiskCache;

// In which order threads (and blocks) run. Sound kernels give the same bits in every order.
enum class ThreadOrder { Forward, Reverse, Strided };

class HostLibrary {
public:
  using Kernel = void (*)(char* arena, const float* scalars, long long examples, long long begin,
                          long long end);
  struct Arguments {
    char* arena = nullptr;
    const float* scalars = nullptr;
    long long examples = 0, begin = 0, end = 0;
  };
  struct Grid {
    unsigned blocks = 1, threads = 1, shared_bytes = 0;
  };

  // `name` is for messages. A failure holds the compiler's. With a cache, what was compiled before is taken
  // from there.
  static Result<HostLibrary> compile(const std::string& text, const std::string& name,
                                     const DiskCache* cache = nullptr);

  Kernel kernel(const std::string& name) const; // nullptr where the text does not define it
  // Runs a kernel to its end. Fails where it breaks the rules of its target: threads that meet at different
  // places, or stores past the end of shared memory.
  Status launch(Kernel kernel, const Arguments& arguments, const Grid& grid, ThreadOrder order) const;

private:
  using Launch = const char* (*)(Kernel kernel, char* arena, const float* scalars, long long examples,
                                 long long begin, long long end, unsigned blocks, unsigned threads,
                                 unsigned shared_bytes, int order);
  static Result<HostLibrary> load(const std::string& file);

  std::shared_ptr<void> library_;
  Launch launch_ = nullptr;
};

// The host compiler's command, or "" where there is none.
std::string host_compiler();

} // namespace striate
