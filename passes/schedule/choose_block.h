// How a block of threads of a GPU divides a contraction, from an analytical model of an H200's
// multiprocessors.
//
// The contraction is seen as a product of matrices: `rows` points (of the variables that only the first
// factor uses) by `columns`, `depth` terms each, `products` of them side by side. A block computes a tile of
// rows x columns, with `depth` terms of both factors in shared memory at a time, two such stages; a thread
// holds thread_rows x thread_columns of the results.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace striate {

struct BlockProblem {
  int64_t rows = 1, columns = 1, depth = 1, products = 1; // at the capacity
  // What a tile's rows have to be a multiple of.
  int64_t row_unit = 1;
  // Whether they are copied element by element, not by four.
  bool rows_alone = false, columns_alone = false;
};

struct BlockShape {
  int64_t rows = 0, columns = 0, depth = 0;
  int64_t thread_rows = 0, thread_columns = 0;

  int64_t threads() const { return rows / thread_rows * (columns / thread_columns); }
  // Elements between two terms in shared memory; 16 bytes more than the tile, against bank conflicts.
  int64_t row_pitch() const { return rows + 4; }
  int64_t column_pitch() const { return columns + 4; }
  int64_t shared_bytes() const { return 2 * depth * (row_pitch() + column_pitch()) * 4; }
  std::string text() const; // "block [rows: 128, columns: 64, depth: 16, thread: 8 x 8]"
  static std::optional<BlockShape> parse(const std::string& text);
  // Whether the nest can be made of it.
  bool possible(const BlockProblem& problem) const;
};

struct BlockChoice {
  BlockShape shape;
  double cycles = 0; // of the device, predicted
  double share = 0;  // of all multiply-adds that it could do meanwhile
  std::string reason;
};

// nullopt: the problem is too small for blocks.
std::optional<BlockChoice> choose_block(const BlockProblem& problem);
// What the model says of a shape.
BlockChoice predict_block(const BlockProblem& problem, const BlockShape& shape);

} // namespace striate
