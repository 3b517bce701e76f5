// The CPU as a device: the arena is memory of the process, kernels are functions that a pool's threads call.
#pragma once

#include "runtime/device.h"
#include "runtime/tensor.h"
#include "runtime/thread_pool.h"

#include <memory>

namespace striate {

// The arena is taken here, and zero; Failure where there is no memory for it. The pool outlives the device.
Result<std::unique_ptr<Device>> make_host_device(const Executable& executable, ThreadPool& pool);

} // namespace striate
