// The levels of the x86-64 psABI, which code can find out about while it runs. Shown by
// tests/end_to_end/artifact_test.py.
#pragma once

#include <llvm/IR/IRBuilder.h>

#include <string>

namespace striate::cpu {

// 1 for "x86-64" to 4 for "x86-64-v4"; 0 for any other CPU.
int level_of(const std::string& name);

// The level of the machine that the code runs on, as an i32: by cpuid and xgetbv, of any x86-64.
llvm::Value* emit_cpu_level(llvm::IRBuilder<>& builder);

} // namespace striate::cpu
