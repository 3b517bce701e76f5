// The adjoint of one read of one statement, derived by solving the read's index equations
// (docs/architecture.md, "Gradients from index notation"):
//
//   y[I] = reduce(R) f(x[A(I, R)], ...)   gives   dx[J] = sum over {(I, R): A(I, R) = J} of E(I, R)
//
// written as a gather: an ordinary statement whose target is x's adjoint, with a fixed order and no atomics.
// A sum that most elements lack (the read leaves them out by a stride) is computed for the others alone, and
// spread. Each dimension's equation is solved by the first method that applies: a single variable; digits
// (the read covers the dimension exactly once); residue phases (a window of stride S: no zero is multiplied);
// one variable by the others, guarded where its coefficient must divide; the range that a quotient stands
// for; the equation itself as a guard, which always applies. Shown by tests/passes/adjoint_test.cpp.
#pragma once

#include "ir/definition.h"

#include <vector>

namespace striate {

struct AdjointStatement {
  Statement statement; // target unset; operands numbered as in `contribution`
  // The shape it defines: x's, or larger where phases overhang the ends; then x's adjoint at J is element J +
  // crop.
  std::vector<Size> shape;
  std::vector<int64_t> crop;
  bool cropped = false;
  // Or, along a dimension with a step: x's adjoint at J is element (J - first) / step where that is whole,
  // and 0 between.
  struct Spread {
    int64_t step = 0, first = 0; // step 0: none
  };
  std::vector<Spread> spread;

  bool fits() const; // neither
};

// `forward`: the statement with the read `symbol` of a tensor of type `x`. `contribution`: E over forward's
// variables. `extents_of(operand)`: the shape of each operand that E reads, for bounds.
AdjointStatement derive_adjoint(const Statement& forward, const ExprRef& symbol, const TensorType& x,
                                const ExprRef& contribution,
                                const std::function<const TensorType&(int)>& type_of);

// True where `e` is zero whenever the reads that `is_zero` accepts are zero, everything else being finite.
bool vanishes_with(const ExprRef& e, const std::function<bool(const ExprRef&)>& is_zero);

} // namespace striate
