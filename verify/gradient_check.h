// The derived gradient of single statements against differences, in f64.
#pragma once

#include "verify/trial.h"

namespace striate {

// Compares sum(s * d output) for random weights s with central differences along random directions, by each
// real input of the graph (a direction for each): what is wrong where one does not agree, "by `x`: along a
// direction it is 0.5, by differences 0.25". A direction along which the differences of two distances do not
// agree with each other (a kink lies between) is drawn anew, several times. The graph: statements, no
// parameters, one output. Inputs: `values` by name, or drawn.
Problem gradient_difference(const Graph& graph, const Trial& trial, const Tensors* values = nullptr);

// Whether it rounds: the gradient of that is declared to be that of what it rounds, which no differences
// have.
bool declares_gradient(const Definition& definition);

} // namespace striate
