// CUDA's driver interface by declarations of our own, loaded when first asked for: the project builds, tests
// and runs where CUDA is not installed. A table of functions, so that codegen/cuda/emulated_driver.h can
// stand in for a device.
#pragma once

#include "support/result.h"

#include <cstddef>
#include <cstdint>
#include <string>

namespace striate {

using CudaHandle = void*;               // of contexts, modules, functions, streams, events and graphs
using CudaAddress = unsigned long long; // in the device's memory

struct CudaDriver {
#define CUDA_FUNCTION(name, symbol, parameters) int(*name) parameters = nullptr;
#include "runtime/cuda/driver_functions.def"
#undef CUDA_FUNCTION

  std::string error_text(int code) const;
};

// What is used of its numbers.
namespace cuda {
constexpr int kOutOfMemory = 2;
constexpr int kNoDevice = 100;
constexpr int kComputeCapabilityMajor = 75, kComputeCapabilityMinor = 76; // of a device
constexpr int kSharedBytesOptIn = 97;                                     // of a device: the most of a block
constexpr int kMultiprocessors = 16;                                      // of a device
constexpr int kClockRate = 13;                                            // of a device, in kHz
constexpr int kMemoryClockRate = 36;                                      // of a device, in kHz
constexpr int kMemoryBusWidth = 37;                                       // of a device, in bits
constexpr int kSecondLevelCacheBytes = 38;                                // of a device
constexpr int kMaxDynamicSharedBytes = 8;                                 // of a function
constexpr int kCaptureThreadLocal = 1;
constexpr unsigned kStreamNonBlocking = 1;
} // namespace cuda

// NVIDIA's libcuda: the file that $STRIATE_CUDA_DRIVER names, or else the system's, or that of WSL.
// Initialised; never unloaded. A failure says in one line what is missing and where it was looked for.
Result<const CudaDriver*> load_cuda_driver();

} // namespace striate
