// The operators of ONNX that index notation is written with, where no line of std/ fits: one for each scalar
// function and each reducer that ONNX has. Closed, as the notation is.
#pragma once

#include "ir/definition.h"

namespace striate {

// nullptr where ONNX has none, or more than one node is needed.
const char* onnx_operator_of(Function function);
const char* onnx_operator_of(Reducer reducer);

} // namespace striate
