// Scalar expressions and index digits as text, shared by the text forms of definitions, graphs and kernels.
//
// Infix with few parentheses. A part that is used twice and is not small is named once: `let t0 = .. in ..`,
// so the text is as long as the expression has nodes. Reading it back yields the same types: a real constant
// prints as "1.0" where "1" would be read as an integer.
#pragma once

#include "ir/expression.h"
#include "support/tensor_type.h"

#include <functional>
#include <string>
#include <vector>

namespace striate {

struct ExpressionNames {
  std::function<std::string(int)> operand;  // operands of a definition, buffers of a kernel
  std::function<std::string(int)> variable; // index variables, loops, axes
  std::function<std::string(int)> tile;
};

// How tightly text binds, from loosest to tightest.
enum class Binding { Loosest, Or, And, Not, Compare, Add, Multiply, Unary, Primary };

// Parenthesised where it binds less tightly than `at_least`.
std::string text_of(const ExprRef& e, const ExpressionNames& names, Binding at_least = Binding::Loosest);

// Shortest text that reads back as the same number: "0.1", "1", "-inf", "nan".
std::string number_text(double value);
// The same, never read as an integer: "1.0".
std::string real_text(double value);
// `"..."` with \" \\ \n and \xNN escapes.
std::string quoted(const std::string& text);

// A letter or `_`, then letters, digits, `_` and `.`.
bool is_word(const std::string& text);
std::string word_or_quoted(const std::string& text);
// A value's name: "%conv1.weight", quoted where it has other characters.
std::string value_name_text(const std::string& name);
// Unique words that mean nothing else in any text form: the wanted names wherever they are such.
std::vector<std::string> printable_names(const std::vector<std::string>& wanted);

// The digit `(name / step) % extent` of something that ranges over `whole`: "c", "c/16", "c%16", "c/4%4". The
// remainder is left out where the digit is the highest.
std::string digit_text(const std::string& name, int64_t step, const Size& extent, const Size& whole);
// The extent of the highest digit: whole / step, rounded up; for a batch extent, the extent itself.
Size highest_digit(const Size& whole, int64_t step);

} // namespace striate
