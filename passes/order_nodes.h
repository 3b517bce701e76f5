// order_nodes: puts nodes into an order of execution, inputs first, and finds the loops: nodes that need each
// other's values of an earlier step, and nothing else. What a scan computes from its inputs alone thereby
// leaves the loop and is computed for all steps at once; so does what only reads its results. The order is
// the old one as far as possible. Shown by tests/passes/loops_test.cpp.
#pragma once

#include "ir/graph/graph.h"

namespace striate {

// `wanted`, per node: those that stay. Their inputs' producers must be among them.
void order_nodes(Graph& graph, const std::vector<bool>& wanted);
void order_nodes(Graph& graph); // all

} // namespace striate
