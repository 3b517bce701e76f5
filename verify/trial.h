// What a graph is run on while it is verified, and what a run leaves: everything follows from a seed and from
// names, so that a part of a graph gets the values that the whole gave it where they are inputs of both.
#pragma once

#include "codegen/reference/interpreter.h"
#include "verify/problem.h"

namespace striate {

struct Trial {
  int64_t examples = 1;
  int64_t steps = 1;
  uint64_t seed = 1; // of the inputs, first weights and random draws
  std::vector<std::pair<std::string, double>>
      scalars; // run-time scalars that are not the graph's first values
};

using Tensors = std::map<std::string, ReferenceTensor>; // by name

// Of one step (from 1): reals in [-1, 1), whole numbers that the graph compares with an index
// (passes/input_ranges.h) among the values of that index, other bytes of any value, other whole numbers
// below 3.
Tensors draw_inputs(const Graph& graph, const Trial& trial, int64_t step);

// The run-time scalars of one step, but for "N" and "1/N".
std::map<std::string, double> scalars_of(const Graph& graph, const Trial& trial, int64_t step);

// The first values of parameters and states, in f32 as compiled code has them.
Tensors first_persistents(const Graph& graph, const Trial& trial);

// What each step leaves: the outputs ("loss") and the parameters and states.
using Outcome = std::vector<Tensors>;

Outcome interpret(const Graph& graph, Precision precision, const Trial& trial,
                  const decltype(ReferenceSettings::after_statement)& observer = {});

// Euclidean norms. A NaN is equal to a NaN and an infinity to itself; any other pair with one of them is
// infinitely far apart.
double norm(const ReferenceTensor& tensor);
double distance(const ReferenceTensor& a, const ReferenceTensor& b);

// "element 3 of 20 is 0.5, not 0.25": where the bits differ first, if anywhere. NaNs are all alike.
Problem first_difference(const std::vector<double>& got, const std::vector<double>& expected);
// The same of where they are farthest apart.
Problem largest_difference(const ReferenceTensor& got, const ReferenceTensor& expected);

} // namespace striate
