// The derived gradient of single statements against differences, in f64.
#pragma once

#include "verify/trial.h"

namespace striate {

// Compares sum(s * d output) for random weights s with central differences along random directions, by each
// real input of the graph (a direction for each): "" where all agree, otherwise what is wrong, "by `x`: along
// a direction 0.5, by differences 0.25". A direction along which the differences of two distances do not
// agree with each other (a kink lies between) is drawn anew, several times. The graph: statements, no
// parameters, one output. Inputs: `values` by name, or drawn.
std::string gradient_difference(const Graph& graph, const Trial& trial, const Tensors* values = nullptr);

} // namespace striate
