// A model with trained weights, ready to run: what `eval` and `run` share.
#pragma once

#include "driver/options.h"
#include "driver/program.h"
#include "runtime/executor.h"

#include <map>
#include <string>
#include <vector>

namespace striate {

// Compiles the module's `eval` graph for `capacity` examples at a time and loads --weights; without them, the
// parameters have their first values.
Result<Executor> load_trained_model(const Options& options, const Module& module, int64_t capacity);

// The outputs of `eval` for any number of examples, which are run in batches; each input has so many rows.
Result<std::map<std::string, Tensor>>
run_in_batches(Executor& executor, const std::map<std::string, Tensor>& inputs, int64_t examples);

// `NAME=WHAT` in two; the Failure begins with `form`, which says how such an argument is written.
Result<std::pair<std::string, std::string>> split_assignment(const std::string& text, const char* form);

// "the model has no input `imag`; it has image, label; did you mean `image`?"
Failure unknown_name(const char* kind, const std::string& name, const std::vector<std::string>& known);

// The shape of one example of a value with a batch.
std::vector<int64_t> example_shape(const Value& value);

// Leaves the model itself, without loss and metrics, which need labels; returns the inputs that it reads.
std::vector<ValueId> keep_model_only(Module& module);

} // namespace striate
