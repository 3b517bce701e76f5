// striate run FILE.sir: a program of kernels as text, perhaps edited by hand, on given inputs.
#pragma once

#include "driver/options.h"

namespace striate {

// The command's exit code. What --input gives by name are inputs, parameters, states and run-time scalars;
// outputs, and parameters and states as the run leaves them, go to --output's files or, outputs alone, to
// stdout.
int run_kernels(const Options& options);

} // namespace striate
