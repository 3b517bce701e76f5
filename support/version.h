// Striate's version, one place.
#pragma once

namespace striate {

inline constexpr const char* kVersion = "0.1.0";

} // namespace striate
