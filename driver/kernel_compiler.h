// What makes code of kernels for `striate verify` (verify/kernel_run.h).
#pragma once

#include "verify/kernel_run.h"

#include <string>

namespace striate {

// For this CPU, or for a CUDA device, by the word of --device; unset where this build has no back end for it.
// Each process opens the device for itself, when it first needs it: a context is not there any more in a
// process that was forked.
CompileKernels kernel_compiler(const std::string& device, int threads);

} // namespace striate
