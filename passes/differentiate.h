// differentiate: appends the backward pass of the output "loss" (one value per example) to an expanded graph.
//
// Assumes expand_calls. Guarantees a verified graph in which the loss averaged over the batch's real examples
// has its gradient by every trainable parameter, as ordinary statements named `conv1.weight.grad`; nothing is
// appended for values that no trainable parameter reaches. Gradients are 0 in lanes beyond the last example
// wherever the program's own values are finite there. Shown by tests/passes/differentiate_test.cpp.
#pragma once

#include "ir/graph/graph.h"
#include "support/result.h"

#include <map>

namespace striate {

// Gradient by trainable parameter, or why there is none (a reducer without a derivative, located).
Result<std::map<ValueId, ValueId>> differentiate(Graph& graph);

// The gradient of sum(seed * output) by each of `inputs` (-1: zero), for one expanded graph value `output` of
// any shape and a seed of the same shape: what `differentiate` does after it has made the loss's seed.
Result<std::map<ValueId, ValueId>> append_adjoints(Graph& graph, ValueId output, ValueId seed,
                                                   const std::vector<ValueId>& inputs);

} // namespace striate
