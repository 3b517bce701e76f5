// lower_precision: convolutions and matrices multiply numbers of bf16 and add in f32.
//
//   y[n, o, i] = sum(c, r) w[o, c, r] * x[n, c, i + r]   ->   v = bf16(w);  z = bf16(x);  y = sum(c, r) v * z
//
// where both factors are real, one of them is a weight (it has no batch) of which a run multiplies each
// number often enough that rounding it is no loss, and the first reduced variable runs along neighbours in
// both, in pairs: what processors multiply and add as pairs (`pair_variable`). Everything else keeps f32:
// parameters and their updates, sums, statistics, losses, and the weights' gradients. Readers of one value
// share its copy. The gradient of a rounding is that of what it rounds.
//
// It changes results, so it is only done where it is asked for, and before anything is compared: the graph
// that it leaves is the program. Assumes expand_calls; inline_pointwise leaves the copies alone. Shown by
// tests/passes/lower_precision_test.cpp.
#pragma once

#include "ir/graph/graph.h"

namespace striate {

// `capacity`: the examples of a run.
void lower_precision(Graph& graph, int64_t capacity);

// The reduced variable whose neighbours 2k and 2k + 1 are neighbours in one dimension of each factor of a
// contraction, or -1. Without regard to the factors' types.
int pair_variable(const Statement& statement);

// Does the node multiply two numbers of bf16?
bool multiplies_bfloat16(const Graph& graph, const Node& node);

// The variable of which the order adds the pairs, the upper one first, as its innermost loop; or -1.
int paired_variable(const ReductionOrder& order);

} // namespace striate
