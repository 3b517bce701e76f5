// pad_contractions: a contraction that reads outside a tensor (`else 0`) reads a padded copy instead.
//
//   sum(c, r) k[o, c, r] * (x[n, c, i + r - 1] else 0)   ->   p[n, c, h] = (x[n, c, h - 1] else 0);  sum(..)
//   k * p[n, c, i + r]
//
// The inner loops of a contraction load each element many times; the copy takes the test out of them. Readers
// with the same padding share one copy. Where much of the padded work would be multiplication by padding (the
// data gradient of a small image), the read keeps its `else 0` in the outer dimensions, and the scheduler
// skips what lies outside by whole loops (`guarded_variables`); in the innermost one too unless the vector
// needs it for its tile (`pad_innermost`). Threads that share tiles do not skip apart: without `keep_tests`
// everything is padded. Assumes inline_pointwise. Shown by tests/passes/simplify_test.cpp.
#pragma once

#include "ir/graph/graph.h"

namespace striate {

void pad_contractions(Graph& graph, bool pad_innermost, bool keep_tests = true);

// Elements beyond each end of each dimension.
struct Padding {
  std::vector<int64_t> low, high;
  auto operator<=>(const Padding&) const = default;
  bool any() const;
};
// A new value: the source with `fill` around it.
ValueId padded_copy(Graph& graph, ValueId source, const Padding& padding, double fill);

// Whether a contraction of this body leaves out the terms in which this read of it lies outside its tensor: a
// factor that is 0 there.
bool is_skipped_outside(const ExprRef& body, const ExprRef& read);

// The free variables that decide whether such reads lie inside: they must not be tiled.
std::vector<int> guarded_variables(const Graph& graph, const Node& node);

// Of all points of the variables in one index, the share that lies inside 0 .. extent-1.
double share_inside(const Statement& statement, const IndexExpr& index, int64_t extent);

// A sum over reduced variables whose body is a product of two factors.
bool is_contraction(const Statement& statement);

} // namespace striate
