// One LLVM module per distinct kernel body, and code generation.
#pragma once

#include "codegen/cpu/jit.h"

#include <functional>

namespace llvm {
class Module;
}

namespace striate::cpu {

struct KernelPlace {
  const Program* program;
  std::size_t kernel;
};
// Places whose kernels share one body, in order of first appearance.
using SharedKernels = std::vector<KernelPlace>;
std::vector<SharedKernels> distinct_kernels(const std::vector<const Program*>& programs);

enum class OutputKind { Object, Assembly };
// A module that `emit` fills, as generated code.
Result<std::string> generate_module(const TargetInfo& target, OutputKind kind, const std::string& name,
                                    const std::function<void(llvm::Module&)>& emit);
// The module that defines every place's symbol, as LLVM text or generated code.
std::string module_text(const SharedKernels& kernels, const TargetInfo& target);
Result<std::string> generate(const SharedKernels& kernels, const TargetInfo& target, OutputKind kind);
// The same for many, on `threads` threads, in order.
Result<std::vector<std::string>> generate_all(const std::vector<SharedKernels>& kernels,
                                              const TargetInfo& target, OutputKind kind, int threads);

} // namespace striate::cpu
