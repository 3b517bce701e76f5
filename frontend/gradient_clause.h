// A `grad` clause as an op of its own, so that it is read, checked and evaluated as any other:
//
//   op f(x[N, C], w[C]) -> y[N] { .. } grad { x[n, c] = y.grad[n] * w[c] }
//
// is read as `op f(x[N, C], w[C], y[N], y.grad[N]) -> x.grad[N, C]`: the op's inputs, its outputs and their
// adjoints go in, and the adjoints of the inputs that the clause assigns come out. The name is the op's own,
// so that its random draws are the same.
#pragma once

#include "frontend/reporter.h"

#include <optional>

namespace striate {

// nullopt, with an error, where the clause assigns no input. `op` has a clause.
std::optional<ast::Item> gradient_item(const ast::Item& op, Reporter& reporter);

} // namespace striate
