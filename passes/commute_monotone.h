// commute_monotone: max over a window of max(x, c)  ->  max(max over the window of x, c).
//
// A clamp from below commutes exactly with a window's maximum, and after it fewer elements are clamped; more
// to the point, the backward pass then needs only the pooled value (its mask) and the winner's index, so the
// value before pooling need not be kept. Assumes expand_calls, and runs before differentiate. Not done where
// the clamped value has another reader or leaves the graph. Shown by tests/passes/simplify_test.cpp.
#pragma once

#include "ir/graph/graph.h"

namespace striate {

void commute_monotone(Graph& graph);

} // namespace striate
