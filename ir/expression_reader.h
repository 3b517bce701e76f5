// Reads expressions, index expressions and definitions back from the text that expression_text.h and
// definition.h write.
//
// What is read goes through the builders, so it folds as it did when it was made. Failures are the
// TextReader's; after one, results are well-formed but mean nothing.
#pragma once

#include "ir/definition.h"
#include "ir/expression_text.h"
#include "ir/text_reader.h"

namespace striate {

// What names mean. Absent functions know no names.
struct ExpressionScope {
  struct Typed {
    int number;
    ScalarType type;
  };
  std::function<std::optional<int>(const std::string&)> variable;
  std::function<std::optional<Typed>(const std::string&)> operand; // `x[..]`
  std::function<std::optional<Typed>(const std::string&)> buffer;  // `load x[..]`
  std::function<std::optional<Typed>(const std::string&)> tile;    // `x`
};

ExprRef read_expression(TextReader& reader, const ExpressionScope& scope,
                        Binding at_least = Binding::Loosest);
IndexExpr read_index(TextReader& reader, const ExpressionScope& scope);
// The expression where something of `type` is wanted: an integer constant serves as a real one.
ExprRef as_type(const ExprRef& e, ScalarType type);

// `x: f32[..], y: ..`, up to something else.
std::vector<Operand> read_operands(TextReader& reader);
// `op name(..) -> (..) { .. }`
Definition read_definition(TextReader& reader);

} // namespace striate
