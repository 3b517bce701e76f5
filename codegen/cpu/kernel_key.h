// What the machine code of a kernel depends on, as a string: kernels with equal keys share one body.
#pragma once

#include "ir/kernel/kernel.h"

#include <string>
#include <vector>

namespace striate {

// Names, comments and locations do not count, nor do the offsets of buffers beyond which of them share bytes;
// scalars count by their slots.
std::string kernel_key(const Kernel& kernel, const std::vector<std::string>& scalars);

} // namespace striate
