// eliminate_dead_nodes: drops every node whose value no output and no persistent's `next` needs, and puts the
// rest into an order of execution (producers first, otherwise as they stood). Node and value numbers change.
// Assumes expand_calls. Shown by tests/passes/simplify_test.cpp.
#pragma once

#include "ir/graph/graph.h"

namespace striate {

void eliminate_dead_nodes(Graph& graph);

// True for values that must exist in memory after the run: outputs, and what replaces a persistent.
std::vector<bool> escaping_values(const Graph& graph);

} // namespace striate
