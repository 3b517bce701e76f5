// The texts of prelude.h and host_shim.h, embedded at build time.
#pragma once

#include <string_view>

namespace striate {

extern const std::string_view kCudaPrelude;
extern const std::string_view kCudaHostShim;

} // namespace striate
