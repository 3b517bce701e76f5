// One kernel of a program by name, for --only: the same name leads from a profile's row to its region, its
// kernel IR, LLVM's functions, perf's symbols and back.
#pragma once

#include "ir/graph/graph.h"
#include "ir/kernel/kernel.h"
#include "support/result.h"

#include <string>

namespace striate {

// `id` is the kernel's number, its name, its symbol as LLVM, gdb and perf have it ("LeNet.step.20.conv1",
// with what they put behind it), or the name of its region. A Failure names what is near.
Result<std::size_t> kernel_with_id(const Program& program, const std::string& id);
Result<std::size_t> region_with_id(const Graph& graph, const std::string& id);

// The kernel alone, with the values that it has in memory where the program has them: a program.
Program only_kernel(const Program& program, std::size_t kernel);
// The region alone, with what it reads as inputs, what it stores as outputs, and the decisions that speak of
// either: a graph.
Graph only_region(const Graph& graph, std::size_t region);

} // namespace striate
