// CPU targets as LLVM knows them, reduced to the plain facts of support/target_info.h.
#pragma once

#include "support/result.h"
#include "support/target_info.h"

#include <string>

namespace striate {

// The machine this runs on: its CPU, the features that are really usable, its caches and hardware threads.
TargetInfo host_target();

// A CPU of the host's architecture by LLVM's name ("znver4", "haswell", "x86-64-v3"); "native" is the host.
// Caches are the usual ones of its class.
Result<TargetInfo> target_named(const std::string& cpu);

// What code for a named CPU may use and this machine has not: "avx512f, avx512vl"; "" where it can run here.
std::string missing_here(const TargetInfo& target);

} // namespace striate
