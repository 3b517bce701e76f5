// What of a statement is known without its operands, as numbers: the places that an index expression goes
// through, and expressions of indices alone. Both have a limit on how many numbers that may be. Shown by
// tests/exchange/export_onnx_test.cpp.
#pragma once

#include "ir/expression.h"
#include "support/tensor_type.h"

#include <optional>
#include <vector>

namespace striate {

struct IndexTensor {
  std::vector<int> variables;   // its dimensions
  std::vector<int64_t> indices; // row-major
  int64_t first = 0, last = 0;  // the smallest and the largest
  int64_t step = 0;             // where the indices are first, first + step, ..., last; else 0

  bool within(int64_t size) const { return first >= 0 && last < size; }
};

// Its dimensions are the variables, in an order in which the indices grow evenly if there is one. `extents`:
// of all variables; those used are no batch. nullopt: too many.
std::optional<IndexTensor> index_tensor(const IndexExpr& index, const std::vector<int>& variables,
                                        const std::vector<Size>& extents);

struct ConstantTensor {
  std::vector<int> variables;
  std::vector<double> values;
};

// An expression that reads no operand. nullopt where it does, or depends on the batch, or is too large.
std::optional<ConstantTensor> constant_tensor(const ExprRef& e, const std::vector<Size>& extents);

} // namespace striate
