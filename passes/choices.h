// Statements that choose by where they are: `select(a == 0, .., select(a == 1, .., ..))` over a small free
// variable a, as the transforms of winograd do. Scheduled as a tile over such variables, each point computes
// the chosen part alone, and what several points share is computed once.
#pragma once

#include "ir/definition.h"

#include <utility>
#include <vector>

namespace striate {

// The variables (with their extents) that a body without a reduction makes its choices by; at most 64 points
// together.
std::vector<std::pair<int, int64_t>> choosing_variables(const Statement& statement);

// Scalar operations for each point of the free and reduced variables, in the mean.
double operations_per_point(const Statement& statement);

} // namespace striate
