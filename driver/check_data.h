// check_data: that every example of a split has values that the program can use, before the first of them is
// read in a run. Assumes a data set that fits the bindings (types and shapes are the runtime's matter).
#pragma once

#include "frontend/elaborate.h"
#include "runtime/dataset.h"

namespace striate {

// A Failure names the place in the program, the file, the example and the value.
Status check_data(const Module& module, const Split& split);
Status check_data(const Module& module, const Dataset& dataset);

} // namespace striate
