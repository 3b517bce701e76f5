// A model with trained weights, ready to run: what `eval` and `run` share.
#pragma once

#include "driver/options.h"
#include "driver/program.h"
#include "runtime/executor.h"

#include <vector>

namespace striate {

// Compiles the module's `eval` graph for `capacity` examples at a time and loads --weights.
Result<Executor> load_trained_model(const Options& options, const Module& module, int64_t capacity);

// Leaves the model itself, without loss and metrics, which need labels; returns the inputs that it reads.
std::vector<ValueId> keep_model_only(Module& module);

} // namespace striate
