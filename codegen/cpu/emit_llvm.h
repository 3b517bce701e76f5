// Kernel IR -> LLVM IR. A kernel becomes a function of its shape alone,
//   body(ptr arena, ptr scalars, i64 examples, i64 begin, i64 end, ptr offsets),
// where offsets[b] is the byte offset of memory buffer b, so that equal layers share code; an *entry* is the
// function with the runtime's signature (KernelFunction) that passes a kernel's own offsets on.
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
  std::string name;                        // of the function, for people
};

llvm::Function* emit_body(const Kernel& kernel, const std::vector<std::string>& scalars,
                          const TargetInfo& target, llvm::Module& module, const LineSource& lines = {});
llvm::Function* emit_entry(const Kernel& kernel, const std::string& symbol, llvm::Function& body);

} // namespace striate
