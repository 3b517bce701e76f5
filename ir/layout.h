// Physical layouts: the order and blocking in which a tensor's elements lie in memory.
#pragma once

#include "ir/index_expression.h"
#include "support/tensor_type.h"

#include <string>
#include <vector>

namespace striate {

// From outermost to innermost: digit `(index[dimension] / step) % extent`. A dimension may have two digits,
// e.g. NCHW16c = {0,1,N} {1,16,C/16} {2,1,H} {3,1,W} {1,1,16}. The highest digit of a dimension is rounded
// up, so a layout may hold padding; padding reads as anything unless a pass says otherwise.
struct Layout {
  struct Digit {
    int dimension = 0;
    int64_t step = 1;
    Size extent; // for a blocked batch digit: ceil(N / step), written as extent {1, batch} with the step
    bool operator==(const Digit&) const = default;
  };
  std::vector<Digit> digits;

  bool empty() const { return digits.empty(); }
  bool operator==(const Layout&) const = default;

  static Layout row_major(const TensorType& type);
  // Dimension `dimension` blocked by `block`, the block innermost, everything else in order.
  static Layout blocked(const TensorType& type, int dimension, int64_t block);

  // The same with neighbours 2k and 2k + 1 of a dimension, whose size is even, side by side: its lowest digit
  // is taken apart, unless it is the innermost already.
  Layout in_pairs(int dimension) const;
  // The digit that vectors run along: the innermost, or the one around pairs of another dimension.
  const Digit& vector_digit() const;

  // Elements of storage at a batch capacity, padding included.
  int64_t storage(int64_t capacity) const;
  // Elements between neighbours along each digit, in order of `digits`. A batch digit must be the outermost.
  std::vector<int64_t> strides() const;
  // Flat offset of an element whose index per dimension is given. Uses quotients and remainders for blocked
  // dimensions; with ranges and steps (see IndexExpr::simplify) they vanish where loops follow the blocks.
  IndexExpr offset(const std::vector<IndexExpr>& index) const;
  int64_t offset(const std::vector<int64_t>& index) const;
  std::string text() const; // "(d0/16, d1, d2, d3, d0%16)"
};

} // namespace striate
