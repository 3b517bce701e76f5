// The operators of the language on scalars, where they mean the same in index notation and in schedules.
#pragma once

#include "frontend/ast.h"
#include "ir/expression.h"

#include <vector>

namespace striate {

// Logic, comparisons, sums, products and the sign. nullptr for quotients, remainders and powers, which each
// place reads in its own way. The operands have the types that the operator takes.
ExprRef apply_operator(ast::Operator op, const std::vector<ExprRef>& operands);

} // namespace striate
