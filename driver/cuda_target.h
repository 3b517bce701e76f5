// What --target cuda and --device choose: a device, and how programs become code for it.
#pragma once

#include "ir/kernel/kernel.h"
#include "runtime/cuda/cuda_device.h"
#include "runtime/executable.h"
#include "support/target_info.h"

#include <memory>
#include <string>
#include <vector>

namespace striate {

// The word of --device for a device that the CPU plays (codegen/cuda/emulated_driver.h).
inline constexpr const char* kEmulatedDeviceWord = "emulated";
// What --device is where it is not given.
inline constexpr const char* kFirstDevice = "0";

// What schedules assume of a CUDA device. The same for all of them, so that kernels do not depend on what
// compiles them.
TargetInfo cuda_target_info();

// The name of the cache that NVRTC's code is kept in.
inline constexpr const char* kCudaCache = "cuda";

class CudaTarget {
public:
  // `device`: a number, or `emulated`. A Failure where there is no such device, or nothing that compiles for
  // it.
  static Result<std::shared_ptr<const CudaTarget>> open(const std::string& device);

  const CudaContext& context() const { return *context_; }
  std::string compiler() const; // "NVRTC 13.0"; of the emulated device the host's
  // Gives entry points the code of their programs, and the executable its device. `threads` compile at once.
  Status compile(const std::vector<std::pair<const Program*, EntryPoint*>>& entries, int threads,
                 Executable& executable) const;

private:
  CudaTarget(std::shared_ptr<const CudaContext> context, bool emulated)
      : context_(std::move(context)), emulated_(emulated) {}
  Result<std::string> code_of(const Program& program) const;

  std::shared_ptr<const CudaContext> context_;
  bool emulated_;
};

} // namespace striate
