// --mem: whether a program's memory suffices, before anything runs.
#pragma once

#include "driver/compile.h"
#include "driver/options.h"

namespace striate {

// As lower() (driver/compile.h). Where an entry point needs more than --mem allows, although passes/recompute
// saved what it can, the diagnostic E0504 is printed: bytes by line of the source, and what would do; the
// Failure's message is empty then.
Result<Compilation> lower_within_memory(const Options& options, const Module& module, bool training,
                                        const CompileOptions& settings);

// "weights 1.2 MB, states 1.2 MB, inputs and values 6.2 MB": what a planned graph's memory is for.
std::string memory_parts(const Graph& graph);

} // namespace striate
