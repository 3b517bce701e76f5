// Logical tensors in the memory of compiled kernels, by the layouts that a graph gives its values.
#pragma once

#include "codegen/reference/interpreter.h"

namespace striate {

// Writes an input, parameter or state whose storage begins at `to`. Rows beyond `examples` hold what the
// runtime puts there: copies of the last example up to the end of the last vector (at most `capacity` where
// the layout has no blocks of examples), or zeros where the value is zero in padding.
void write_tensor(char* to, const Value& value, const ReferenceTensor& tensor, int64_t examples,
                  int64_t capacity);
ReferenceTensor read_tensor(const char* from, const Value& value, int64_t examples);

} // namespace striate
