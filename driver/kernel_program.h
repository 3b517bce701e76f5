// Programs of kernels that came as text, made ready to run.
#pragma once

#include "driver/compile.h"
#include "ir/kernel/kernel.h"
#include "runtime/executable.h"

namespace striate {

// Where a placed value lies, and how, at a capacity; `storage` is that of its layout.
Placement placement_of(const ProgramValue& value, int64_t capacity);

// The program's kernels as the entry point `eval`, compiled, with what its text says of inputs, outputs,
// parameters and states.
Result<Executable> executable_of(const Program& program, const CompileOptions& settings);

// Whether this build has the CPU's back end.
#ifdef STRIATE_HAS_LLVM
inline constexpr bool kHasCpuBackEnd = true;
#else
inline constexpr bool kHasCpuBackEnd = false;
#endif
// Why this build runs nothing on the CPU, where it does not.
Failure no_cpu_back_end();

} // namespace striate
