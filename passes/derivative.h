// Derivatives of scalar expressions: the chain rule over the closed set of scalar functions.
#pragma once

#include "ir/expression.h"

namespace striate {

// `seed` times the derivative of `body` with respect to the read `symbol` (every structurally equal read of
// it counts), or nullptr where the derivative is zero. `value` is an expression for body's own value
// (nullptr: none at hand), used where it makes the derivative cheaper: the mask of max(a, b) and the
// derivative of exp, tanh, sqrt.
//
// Conventions: max(a, b) passes the gradient to a where a > b, else to b (so max(x, 0) has derivative 0 at
// 0); min alike; the derivative of sqrt and abs at 0 is 0, and so is that of a power of 0 by its exponent;
// floor, round, comparisons and integers have none. Masks are `select`s, never products with zero. Source of
// the rules: Griewank and Walther, Evaluating Derivatives (2nd ed.), section 3.2.
ExprRef chain_to_read(const ExprRef& body, const ExprRef& symbol, const ExprRef& seed, const ExprRef& value);

// The distinct reads of `body` that pass gradients: real, not stopped, structurally different from one
// another.
std::vector<ExprRef> differentiable_reads(const ExprRef& body);

} // namespace striate
