// Programs whose operators are drawn at random in index notation: reads that are permuted, reversed, strided,
// dilated, padded, repeated, cyclic, split, joined or on a diagonal; one or two of them and parameters, under
// sums, maxima and minima; elementwise functions around it. All of it follows from the seed.
#pragma once

#include "tests/targets/draw.h"
#include "tests/targets/run_targets.h"

#include <optional>
#include <string>
#include <vector>

namespace striate {

constexpr double kRandomRate = 0.0078125; // of the gradient descent in these programs: exact in binary

struct RandomOperators {
  std::string text;         // a `.nn` file with a model M whose loss is a sum over its output
  TargetRunOptions options; // without CUDA
};

RandomOperators random_operators(uint64_t seed);

// One such operator, from x[N, shape] to another shape, perhaps with a parameter. None where what came out is
// too large.
struct DrawnOperator {
  std::string text, call;      // its definition, and how a value goes through it: `value -> call`
  std::vector<int64_t> result; // without the batch
};
std::optional<DrawnOperator> draw_operator(Draw& draw, const std::string& name,
                                           const std::vector<int64_t>& shape);

// Definitions that all random programs have: `total`, `damped`, `centred`, and the layer `Scale`.
std::string operators_for_random_programs();

} // namespace striate
