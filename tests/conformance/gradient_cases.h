// The operators of the library at awkward shapes, for the check of their gradients.
#pragma once

#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

namespace striate {

constexpr int64_t kN = -1; // the batch, in a shape

struct GradientInput {
  enum class Range { AnySign, Positive, Label };
  std::vector<int64_t> shape;
  Range range = Range::AnySign;
  int64_t classes = 0; // of a Label
};

struct GradientCase {
  std::string op;
  std::vector<GradientInput> inputs;
  std::string attributes;
};

// How the test names it.
inline void PrintTo(const GradientCase& test, std::ostream* out) {
  *out << test.op << "(" << test.attributes << ")";
}

std::vector<GradientCase> gradient_cases();

// The same of operators without a gradient. First values of parameters have no inputs: the shape is that of
// the output.
std::vector<GradientCase> forward_cases();

// Operators that have no gradient to check: their outputs are piecewise constant, or they have no inputs.
std::vector<std::string> operators_without_gradient();

} // namespace striate
