// expand_elementary: exp, log, tanh, erf, sin, cos and pow become polynomials in primitive functions.
//
// Assumes f32 arithmetic in which denormals count as zero. Guarantees that no elementary function is left, so
// that every target that rounds each primitive alike computes the same bits; and results, against the exact
// ones, within
//   exp, log 1 ulp;  tanh, erf 2 ulp;  sin, cos 2 ulp for |x| <= 8192;  pow 4 ulp
// and the exact results for 0, infinities, NaN, overflow and underflow (denormal results are 0; zeros may
// lose their sign). sin and cos of larger numbers lie between -1 and 1 and lose accuracy. Shown by
// tests/codegen_reference/elementary_test.cpp.
#pragma once

#include "ir/graph/graph.h"

namespace striate {

ExprRef expand_elementary(const ExprRef& e);

// In every statement, and in the initial values.
void expand_elementary(Graph& graph);

} // namespace striate
