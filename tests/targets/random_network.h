// Networks drawn at random: chains of convolutions, poolings, norms, activations, residual sums and linear
// layers with sizes, strides, paddings, dilations and groups that fit, and a way to compile them. All of it
// follows from the seed.
#pragma once

#include "tests/targets/draw.h"
#include "tests/targets/run_targets.h"

#include <string>

namespace striate {

struct RandomNetwork {
  std::string text;         // a `.nn` file
  TargetRunOptions options; // without CUDA
};

RandomNetwork random_network(uint64_t seed);

// A way to compile and run a program: without CUDA.
TargetRunOptions random_options(Draw& draw);

} // namespace striate
