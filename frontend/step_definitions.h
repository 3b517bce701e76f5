// What a scan makes of the definitions of its operators: each gets a dimension that counts the steps
// (ir/graph/loops.h says which). A definition of one step becomes one of all steps.
#pragma once

#include "ir/definition.h"

#include <vector>

namespace striate {

// The type of a value that has one at each step.
TensorType with_steps(TensorType type, int64_t steps);

// `by_step`, per input: it has a value at each step. Everything that the definition computes then has one.
Definition with_steps(const Definition& definition, const std::vector<bool>& by_step, int64_t steps);

// What a scan carries: at step 0 the first value, at any other what the step before left. The inputs are what
// each step leaves, where there are several steps, and the first value, where it is not `number`.
// `next_by_step`: what a step leaves is not the same at all steps. `type` is that of one step.
Definition carried(const TensorType& type, int64_t steps, bool next_by_step, double number, bool has_first);

} // namespace striate
