// The kernels of a lowered graph as code, run one by one on memory of their own, by this CPU or a device, and
// compared with the f32 interpreter's run of the same graph, bit for bit.
#pragma once

#include "passes/pipeline.h"
#include "runtime/executable.h"
#include "support/result.h"
#include "verify/trial.h"

#include <optional>

namespace striate {

// How a graph of statements whose orders are declared becomes kernels.
struct Lowering {
  int64_t capacity = 64;
  TargetInfo target;
  LayoutPolicy layout = LayoutPolicy::BatchBlocked;
  bool fuse = true;
  std::map<std::string, Layout> fixed = {}; // layouts of persistents that another entry point decided
};

struct LoweredKernels {
  Graph graph; // with layouts, regions and places
  Program program;
};
LoweredKernels lower_to_kernels(Graph graph, const Lowering& lowering);

// Makes code of a program's kernels, which become the entry point `eval`, with the device that runs them
// (none: this CPU); driver/kernel_program.h has one. Unset: nothing runs kernels.
using CompileKernels = std::function<Result<Executable>(const Program& program, const TargetInfo& target)>;

struct KernelDifference {
  int64_t step = 1;
  std::size_t kernel = 0;
  Problem problem; // in a stored value; in none where the kernel does not come to its end
};

// The first stored value, in the order in which kernels run, that has not the interpreter's bits. With
// `spread`, every value has a place of its own: no two share memory. A Failure where no code can be made.
Result<std::optional<KernelDifference>> first_kernel_difference(const LoweredKernels& kernels,
                                                                const CompileKernels& compile,
                                                                const TargetInfo& target, const Trial& trial,
                                                                bool spread);

} // namespace striate
