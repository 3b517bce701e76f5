// inline_pointwise: substitutes a pointwise statement into its readers where that saves its trip through
// memory:
//   a view (one read, nothing computed)              into every reader
//   a pointwise statement with one pointwise reader  into it, unless that would repeat a division or the like
//   a pointwise statement with one reducing reader   into it, where the reader loads each element at most
//   once,
//                                                    and unless it finishes a contraction
// and never a value that leaves the graph. A read's `else` applies after what was inlined. What is refused
// for a reason worth knowing is recorded. Assumes expand_calls; runs before assign_orders, because a product
// that reaches the root of a sum's body makes it accumulate by fma. Shown by tests/passes/simplify_test.cpp.
#pragma once

#include "ir/graph/graph.h"

namespace striate {

void inline_pointwise(Graph& graph);

} // namespace striate
