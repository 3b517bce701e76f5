// winograd: small windows of a convolution by fewer multiplications.
//
//   y[n, o, i, j] = sum(c, r: 3, s: 3) w[o, c, r, s] * x[n, c, i + r, j + s]
//
// becomes, for tiles of m x m results that come from m + 2 by m + 2 elements,
//
//   u[o, c, a, b]          = sum(r, s) G[a, r] * G[b, s] * w[o, c, r, s]
//   v[n, c, a, b, (t u)]   = sum(i, j) B[a, i] * B[b, j] * x[n, c, m*t + i, m*u + j]
//   z[n, o, a, b, (t u)]   = sum(c) u[o, c, a, b] * v[n, c, a, b, (t u)]
//   y[n, o, (t p), (u q)]  = sum(a, b) A[p, a] * A[q, b] * z[n, o, a, b, (t u)]
//
// with constants from exact points (Winograd, "Arithmetic Complexity of Computations", 1980; Lavin and Gray,
// "Fast Algorithms for Convolutional Neural Networks", arXiv:1509.09308): (m + 2)^2 multiplications instead
// of 9 m^2. A contraction qualifies by its indices: two reduced variables that each move along one free
// variable with stride 1, and others that are summed over. So data gradients do, too. m is the one of 2 and 4
// for which a model of the work and the memory moved promises most; where neither promises a tenth, the
// contraction stays.
//
// It changes rounding: errors of F(2 x 2, 3 x 3) are like those of the sum itself, those of F(4 x 4, 3 x 3) a
// few times as large (docs/performance.md has measured ones). So it is only done where it is asked for.
// Assumes inline_pointwise. Shown by tests/passes/winograd_test.cpp.
#pragma once

#include "ir/graph/graph.h"

#include <vector>

namespace striate {

// The matrices of F(m, r): y = A (G g * B d) for y[i] = sum(r) g[r] d[i + r], by rows; n = m + r - 1 points:
// 0, 1, -1, 2, -2, 1/2, -1/2 as far as needed, and infinity.
struct WinogradMatrices {
  std::vector<std::vector<double>> a, g, b; // m x n, n x r, n x n
};
WinogradMatrices winograd_matrices(int outputs, int taps);

// `capacity`: examples of a run, over which the weights' transform is spread.
void winograd(Graph& graph, int64_t capacity);

} // namespace striate
