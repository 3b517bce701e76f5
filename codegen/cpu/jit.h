// Programs -> machine code: in this process, or as text and object files.
//
// Kernels that differ in nothing but names and buffer offsets compile once (kernel_key.h); distinct ones
// compile in parallel, one LLVM module each. Code generation is all that runs on them: no optimisation
// pipeline.
#pragma once

#include "codegen/cpu/listing.h"
#include "ir/kernel/kernel.h"
#include "runtime/executable.h"
#include "support/disk_cache.h"
#include "support/result.h"
#include "support/target_info.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace striate {

// The compiled kernels of some programs; the code lives as long as this does.
class CompiledPrograms {
public:
  virtual ~CompiledPrograms() = default;
  // Kernel `kernel` of the program numbered `program` in the list that was compiled.
  virtual KernelFunction function(std::size_t program, std::size_t kernel) const = 0;
  virtual std::size_t distinct_kernels() const = 0;
};

// Fails where a kernel is divided among the threads of a block, which a CPU does not have; so do all of the
// following, then.
Status runs_on_cpu(const Program& program);

// For this process; `target` must be a CPU that this machine can run (host_target()). With a listing of the
// programs the code has line tables that refer to its file, debuggers are told of it, and perf finds its
// symbols in /tmp/perf-PID.map. Kernels that the cache has are not compiled again, except with a listing.
Result<std::shared_ptr<CompiledPrograms>> jit_compile(const std::vector<const Program*>& programs,
                                                      const TargetInfo& target, int threads,
                                                      const KernelListing* listing = nullptr,
                                                      const DiskCache* cache = nullptr);

// The program's kernels as `--emit=llvm` and `--emit=asm` show them, for any target of the host's
// architecture; the assembly with the lines of the kernels' text as comments. `only`: of the kernels this
// one, with those that share its code.
Result<std::string> llvm_text(const Program& program, const TargetInfo& target,
                              std::optional<std::size_t> only = {});
Result<std::string> assembly_text(const Program& program, const TargetInfo& target,
                                  std::optional<std::size_t> only = {});

// The same, apart: one text for each distinct kernel, with the numbers of the kernels that share it.
struct KernelAssembly {
  std::vector<std::size_t> kernels;
  std::string text;
};
Result<std::vector<KernelAssembly>> kernel_assembly(const Program& program, const TargetInfo& target,
                                                    int threads, std::optional<std::size_t> only = {});

// What names a kernel in code: its function is called as the first kernel that shares it.
std::string symbol_of(const Program& program, std::size_t kernel);

} // namespace striate
