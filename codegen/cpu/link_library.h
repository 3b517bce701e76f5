// Libraries of one object, for those who would rather link those. Shown by tests/end_to_end/artifact_test.py.
#pragma once

#include "support/result.h"
#include "support/target_info.h"

#include <string>

namespace striate {

// The bytes of an archive (`ar`) with this one member and an index of its symbols.
Result<std::string> static_library(const std::string& member, const std::string& object);

// Writes a shared library whose symbols are the object's, by the C compiler that links for the target: $CC or
// `cc` for this machine, `aarch64-linux-gnu-gcc` and the like for others.
Status link_shared_library(const std::string& path, const std::string& object, const TargetInfo& target);

} // namespace striate
