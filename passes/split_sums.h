// split_sums: for a GPU, a long sum with few results is the sum of its parts' sums.
//
//   g[o, c, r, s] = sum(n, i, j) dy[n, o, i, j] * x[n, c, i + r, j + s]
//   ->  p[i, o, c, r, s] = sum(n, j) dy[n, o, i, j] * x[n, c, i + r, j + s];   g[o, c, r, s] = sum(i) p[i, o,
//   c, r, s]
//
// A contraction whose results are too few blocks of threads to keep the device busy (a convolution's weight
// gradient) is split by a reduced variable of constant extent; there are no atomics, and the order of both
// sums is declared by assign_orders, so every run has the same bits. They are not those of the sum in one,
// which a CPU computes. Where sums over the batch have lanes (choose_layouts) nothing is split: those are
// parts already. Assumes pad_contractions. Shown by tests/passes/split_sums.test.
#pragma once

#include "ir/graph/graph.h"

namespace striate {

void split_sums(Graph& graph, int64_t capacity);

} // namespace striate
