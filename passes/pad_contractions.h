// pad_contractions: a contraction that reads outside a tensor (`else 0`) reads a padded copy instead.
//
//   sum(c, r) k[o, c, r] * (x[n, c, i + r - 1] else 0)   ->   p[n, c, h] = (x[n, c, h - 1] else 0);  sum(..) k * p[n, c, i + r]
//
// The inner loops of a contraction load each element many times; the copy takes the test out of them. Readers with the
// same padding share one copy. Assumes inline_pointwise. Shown by tests/passes/simplify_test.cpp.
#pragma once

#include "ir/graph/graph.h"

namespace striate {

void pad_contractions(Graph& graph);

// A sum over reduced variables whose body is a product of two factors.
bool is_contraction(const Statement& statement);

} // namespace striate
