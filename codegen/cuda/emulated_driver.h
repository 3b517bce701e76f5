// A CUDA driver without a GPU: the functions of runtime/cuda/driver.h over host memory, with kernels that
// HostLibrary compiles from emitted text, which is what its modules are loaded from. So that the runtime's
// own calls (memory, copies, graphs, events) run and are checked on every machine.
//
// It is as unkind as a device may be. What is put on a stream happens when somebody waits for it, and not
// before: a copy reads its source then, and what it will overwrite on the host is no number until then. New
// memory is no number. Addresses of the device's memory cannot be used by the host. Threads and blocks run in
// another order in each launch. Calls that the driver would refuse are refused, and after a failed launch
// nothing works any more.
#pragma once

#include "runtime/cuda/driver.h"

namespace striate {

// The name of its one device.
inline constexpr const char* kEmulatedDevice = "the emulated device";
// Its memory; more is refused.
inline constexpr uint64_t kEmulatedBytes = uint64_t{16} << 30;

// One for the process; calls from several threads wait for each other.
const CudaDriver& emulated_cuda_driver();

} // namespace striate
