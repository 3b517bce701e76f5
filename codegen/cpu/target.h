// CPU targets as LLVM knows them, reduced to the plain facts of support/target_info.h.
#pragma once

#include "support/result.h"
#include "support/target_info.h"

#include <string>

namespace striate {

// The machine this runs on: its CPU, the features that are really usable, its caches and hardware threads.
TargetInfo host_target();

// A CPU by LLVM's name ("znver4", "haswell", "x86-64-v3", "cortex-a76"), of an architecture ("x86_64",
// "aarch64"; "": the host's). "native" is the host, or any CPU of another architecture. Caches are the usual
// ones of its class.
Result<TargetInfo> target_named(const std::string& cpu, const std::string& architecture = "");

// What code for a named CPU may use and this machine has not: "avx512f, avx512vl"; "" where it can run here.
std::string missing_here(const TargetInfo& target);

} // namespace striate
