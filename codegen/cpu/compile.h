// One LLVM module per distinct kernel body, and code generation.
#pragma once

#include "codegen/cpu/jit.h"

#include <functional>

namespace llvm {
class Module;
class TargetMachine;
} // namespace llvm

namespace striate::cpu {

struct KernelPlace {
  const Program* program;
  std::size_t kernel;
  std::size_t number = 0; // of the program, among those that are compiled together
};
// Places whose kernels share one body, in order of first appearance.
using SharedKernels = std::vector<KernelPlace>;
std::vector<SharedKernels> distinct_kernels(const std::vector<const Program*>& programs);

// What generates code for a target.
std::unique_ptr<llvm::TargetMachine> machine_for(const TargetInfo& target);

enum class OutputKind { Object, Assembly };
// A module that `emit` fills, as generated code.
Result<std::string> generate_module(const TargetInfo& target, OutputKind kind, const std::string& name,
                                    const std::function<void(llvm::Module&)>& emit);
// The module that defines every place's symbol, as LLVM text or generated code.
std::string module_text(const SharedKernels& kernels, const TargetInfo& target);
// With a listing (of the programs that are compiled together) the code has line tables.
Result<std::string> generate(const SharedKernels& kernels, const TargetInfo& target, OutputKind kind,
                             const KernelListing* listing);
// The same for many, on `threads` threads, in order.
Result<std::vector<std::string>> generate_all(const std::vector<SharedKernels>& kernels,
                                              const TargetInfo& target, OutputKind kind, int threads,
                                              const KernelListing* listing = nullptr);

} // namespace striate::cpu
