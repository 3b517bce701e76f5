// Small shapes at which an operator can be shown: `explain op conv2d` and tests instantiate any op without
// being told its operands. Assumes a parsed file (nullptr: the library alone). Guarantees shapes that satisfy
// the op's patterns and preconditions, or a diagnostic. N stays symbolic. Shown by
// tests/passes/example_shapes_test.cpp.
#pragma once

#include "frontend/ast.h"
#include "ir/definition.h"
#include "support/diagnostics.h"

#include <memory>
#include <string>

namespace striate {

// nullptr after an error, which was reported.
std::shared_ptr<const Definition> instantiate_example(const ast::File* file, const std::string& op,
                                                      Diagnostics& diagnostics);

} // namespace striate
