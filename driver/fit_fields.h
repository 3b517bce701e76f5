// The states that fields take from the training split, before a first step.
#pragma once

#include "frontend/elaborate.h"
#include "runtime/dataset.h"
#include "runtime/executor.h"

namespace striate {

// Sets the states of `standardize` and `whiten` in the initialised executor. A Failure where the split cannot
// be read.
Status fit_fields(const DataDescription& data, const Split& training, Executor& executor);

} // namespace striate
