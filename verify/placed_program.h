// A lowered graph's kernels with the places of its values, and what else a run of kernels takes: shared by
// every check that runs kernels on memory of its own.
#pragma once

#include "ir/graph/graph.h"
#include "ir/kernel/kernel.h"
#include "runtime/device.h"

#include <map>
#include <memory>

namespace striate {

struct PlacedProgram {
  Program program;
  std::map<ValueId, int64_t> places; // byte offsets in the arena of the values that reach memory
};

// As plan_memory placed them.
PlacedProgram as_planned(const Graph& graph, Program program);
// No two values share memory: each has a place of its own, with bytes between them that belong to none.
PlacedProgram spread_out(const Graph& graph, Program program);

// The program's scalar slots; what is not among `scalars` and not the same for all programs is 0.
std::vector<float> scalar_slots(const Program& program, const std::map<std::string, double>& scalars,
                                int64_t examples, uint64_t seed);

// Part `part` of `parts` of the kernel's parallel range, in uneven pieces, the last one first: its points are
// independent, so that neither may matter. In the floating-point environment of compiled code.
void run_in_pieces(const KernelFunction& kernel, int64_t parallel_extent, int64_t part, int64_t parts,
                   char* arena, const float* scalars, int64_t examples);

// This CPU, running kernels so.
std::unique_ptr<Device> make_uneven_device(const Executable& executable);

} // namespace striate
