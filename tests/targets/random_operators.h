// Programs whose operators are drawn at random in index notation: reads that are permuted, reversed, strided,
// dilated, padded, repeated, cyclic, split, joined or on a diagonal; one or two of them and parameters, under
// sums, maxima and minima; elementwise functions around it. All of it follows from the seed.
#pragma once

#include "tests/targets/run_targets.h"

#include <string>

namespace striate {

constexpr double kRandomRate = 0.0078125; // of the gradient descent in these programs: exact in binary

struct RandomOperators {
  std::string text;         // a `.nn` file with a model M whose loss is a sum over its output
  TargetRunOptions options; // without CUDA
};

RandomOperators random_operators(uint64_t seed);

} // namespace striate
