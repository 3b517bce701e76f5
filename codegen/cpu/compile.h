// One LLVM module per distinct kernel body, and code generation.
#pragma once

#include "codegen/cpu/jit.h"
#include "support/disk_cache.h"

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
struct SharedKernels {
  std::string key; // kernel_key of all of them
  std::vector<KernelPlace> places;
};
std::vector<SharedKernels> distinct_kernels(const std::vector<const Program*>& programs);

// What generates code for a target.
std::unique_ptr<llvm::TargetMachine> machine_for(const TargetInfo& target);

enum class OutputKind { Object, Assembly };
// A module that `emit` fills, as generated code.
Result<std::string> generate_module(const TargetInfo& target, OutputKind kind, const std::string& name,
                                    const std::function<void(llvm::Module&)>& emit);
// The module of a body, under the symbol of its first place, as LLVM text or generated code.
std::string module_text(const SharedKernels& kernels, const TargetInfo& target);
// The same of many, on `threads` threads, in order. With a listing (of the programs that are compiled
// together) the code has line tables.
Result<std::vector<std::string>> generate_all(const std::vector<SharedKernels>& kernels,
                                              const TargetInfo& target, OutputKind kind, int threads,
                                              const KernelListing* listing = nullptr);

// Objects to be linked in memory, one for each body. Without a listing, bodies come from the cache where it
// has them, and go there; a body's symbol then follows from what it computes.
struct LinkableObject {
  std::string symbol;
  std::string bytes;
};
Result<std::vector<LinkableObject>> generate_linkable(const std::vector<SharedKernels>& kernels,
                                                      const TargetInfo& target, int threads,
                                                      const KernelListing* listing, const DiskCache* cache);

} // namespace striate::cpu
