// Kernel IR -> LLVM IR. A kernel becomes a function of its shape alone,
//   symbol(ptr arena, ptr scalars, i64 examples, i64 begin, i64 end, ptr offsets),
// where offsets[b] is the byte offset of buffer b, so that equal layers share code (KernelFunction).
//
// Assumes a verified kernel whose expressions contain primitive functions only (passes/expand_elementary).
// Guarantees: every floating-point operation of the IR happens once per point, in the IR's order, rounded on
// its own (no fast-math flags; fma only where the IR says so), so results do not depend on the target's
// vector width. The 16 logical lanes are emitted as pieces of the hardware's vector width; what runs is code
// generation only, so addresses are hoisted here, by construction: partial sums where the loops' variables
// are defined, constants as displacements.
#pragma once

#include "codegen/cpu/listing.h"
#include "ir/kernel/kernel.h"
#include "support/target_info.h"

#include <string>
#include <vector>

namespace llvm {
class Function;
class Module;
} // namespace llvm

namespace striate {

// Where the kernel's text is listed, for line tables; nullptr: none are wanted.
struct LineSource {
  const KernelListing* listing = nullptr;
  const std::vector<int>* lines = nullptr; // of this kernel
};

llvm::Function* emit_body(const Kernel& kernel, const std::vector<std::string>& scalars,
                          const TargetInfo& target, const std::string& symbol, llvm::Module& module,
                          const LineSource& lines = {});

} // namespace striate
