// An example of an item of the library, as a line of Markdown: what its comment says, which has to be true,
// or for an operator without one a call at small shapes that fit it (frontend/example_shapes.h).
//
//   # example: image: f32[N, 3, 32, 32] -> Conv2d(16, 3, padding = 1)       the shape that comes out is added
//   # example: optimizer = Adam(lr = 3e-4)                                  a statement of `train`
#pragma once

#include "frontend/ast.h"

#include <string>

namespace striate {

std::string usage_example(const ast::Item& item);

} // namespace striate
