// Small shapes at which an operator can be shown: `explain op conv2d` and tests instantiate any op without
// being told its operands. Assumes a parsed file (nullptr: the library alone). Guarantees shapes that satisfy
// the op's patterns and preconditions, or a diagnostic. N stays symbolic. Shown by
// tests/passes/example_shapes_test.cpp.
#pragma once

#include "frontend/ast.h"
#include "ir/definition.h"
#include "support/diagnostics.h"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace striate {

struct OperatorExample {
  std::shared_ptr<const Definition> definition;
  std::map<std::string, std::string> attributes; // those without a default
};

// nullopt after an error, which was reported.
std::optional<OperatorExample> instantiate_example(const ast::File* file, const std::string& op,
                                                   Diagnostics& diagnostics);

// An op with a `grad` clause, at example shapes, and the clause there (gradient_clause.h).
struct GradientClauseExample {
  std::shared_ptr<const Definition> op;
  std::shared_ptr<const Definition>
      clause;                   // inputs: op's, its outputs, their adjoints; outputs: `adjoints_of`
  std::vector<int> adjoints_of; // op's inputs
};

// nullopt after an error, which was reported.
std::optional<GradientClauseExample> instantiate_gradient_example(const ast::File& file, const ast::Item& op,
                                                                  Diagnostics& diagnostics);

} // namespace striate
