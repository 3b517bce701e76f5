// Whether the examples of a batch are computed apart from each other.
#pragma once

#include "ir/graph/graph.h"

namespace striate {

// The first node that computes something of all examples, as a mean over the batch is; nullptr: none does.
// Of a graph of calls, before the backward pass.
const Node* node_over_batch(const Graph& graph);

} // namespace striate
