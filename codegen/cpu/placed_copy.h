// Loops that move a tensor between its logical form (row-major) and its place in an arena.
#pragma once

#include "codegen/cpu/llvm_compat.h"
#include "runtime/executable.h"

#include <functional>

namespace striate::cpu {

// A loop over [0, count); what `body` emits may consist of several blocks.
void emit_loop(llvm::IRBuilder<>& builder, llvm::Value* count, const std::function<void(llvm::Value*)>& body);

// As PlacedTensor::write_examples: rows beyond the `examples` up to the next multiple of 16, as far as there
// is room, are copies of the last one. Where there is no batch dimension, the whole tensor.
void emit_copy_in(llvm::IRBuilder<>& builder, const Placement& placement, llvm::Value* arena,
                  llvm::Value* logical, llvm::Value* examples);
void emit_copy_out(llvm::IRBuilder<>& builder, const Placement& placement, llvm::Value* arena,
                   llvm::Value* logical, llvm::Value* examples);

} // namespace striate::cpu
