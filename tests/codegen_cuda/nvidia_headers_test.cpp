// Our declarations of NVIDIA's interfaces against its headers; built where CMake finds the CUDA Toolkit. What
// is wrong does not compile.
#include "codegen/cuda/nvrtc.h"
#include "runtime/cuda/driver.h"
#include "tests/codegen_cuda/same_interface.h"

#include <cuda.h>
#include <nvrtc.h>

#include <gtest/gtest.h>

namespace striate {

#define CUDA_FUNCTION(name, symbol, parameters)                                                              \
  static_assert(kSameInterface<decltype(CudaDriver::name), decltype(&symbol)>, #symbol);
#include "runtime/cuda/driver_functions.def"
#undef CUDA_FUNCTION

#define NVRTC_FUNCTION(name, symbol, parameters)                                                             \
  static_assert(kSameInterface<int(*) parameters, decltype(&symbol)>, #symbol);
#include "codegen/cuda/nvrtc_functions.def"
#undef NVRTC_FUNCTION
static_assert(kSameInterface<const char* (*)(int), decltype(&nvrtcGetErrorString)>);
static_assert(NVRTC_SUCCESS == 0 && CUDA_SUCCESS == 0);

static_assert(sizeof(CudaAddress) == sizeof(CUdeviceptr));
static_assert(cuda::kOutOfMemory == CUDA_ERROR_OUT_OF_MEMORY);
static_assert(cuda::kNoDevice == CUDA_ERROR_NO_DEVICE);
static_assert(cuda::kComputeCapabilityMajor == CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR);
static_assert(cuda::kComputeCapabilityMinor == CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
static_assert(cuda::kSharedBytesOptIn == CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN);
static_assert(cuda::kMultiprocessors == CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT);
static_assert(cuda::kClockRate == CU_DEVICE_ATTRIBUTE_CLOCK_RATE);
static_assert(cuda::kMemoryClockRate == CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE);
static_assert(cuda::kMemoryBusWidth == CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH);
static_assert(cuda::kSecondLevelCacheBytes == CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE);
static_assert(cuda::kMaxDynamicSharedBytes == CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES);
static_assert(cuda::kCaptureThreadLocal == CU_STREAM_CAPTURE_MODE_THREAD_LOCAL);
static_assert(cuda::kStreamNonBlocking == CU_STREAM_NON_BLOCKING);

// What the comparison would say of a declaration that is wrong.
static_assert(!kSameInterface<int (*)(int), CUresult (*)(size_t)>);
static_assert(!kSameInterface<int (*)(CudaAddress), CUresult (*)(void*)>);
static_assert(!kSameInterface<int (*)(int), CUresult (*)(int, int)>);

TEST(NvidiaHeaders, SayWhatWeDeclare) {}

} // namespace striate
