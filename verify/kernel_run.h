// The kernels of a lowered graph as machine code, run one by one on memory of their own and compared with the
// f32 interpreter's run of the same graph, bit for bit.
#pragma once

#include "passes/pipeline.h"
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

struct KernelDifference {
  int64_t step = 1;
  std::size_t kernel = 0;
  std::string value, difference; // of which stored value, and "element 3 of 20 is 0.5, not 0.25"
};

// The first stored value, in the order in which kernels run, that has not the interpreter's bits. With
// `spread`, every value has a place of its own: no two share memory. A Failure where no code can be made.
Result<std::optional<KernelDifference>> first_kernel_difference(const LoweredKernels& kernels,
                                                                const TargetInfo& target, const Trial& trial,
                                                                bool spread);

// Whether this build has the back end that it takes.
bool can_run_kernels();

} // namespace striate
