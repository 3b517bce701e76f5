// Moving tensors between their logical form (row-major, by name) and the layout that a compiled program gave
// them. The offset of an element is a sum of one term per dimension, so a batch is a list of row offsets and
// one list of offsets within a row. `storage` is where the tensor's own bytes begin, in the arena or in a
// copy.
#pragma once

#include "runtime/executable.h"
#include "runtime/tensor.h"
#include "runtime/thread_pool.h"

#include <span>

namespace striate {

class PlacedTensor {
public:
  PlacedTensor() = default;
  explicit PlacedTensor(const Placement& placement);

  const std::string& name() const { return name_; }
  ElementType element() const { return element_; }
  const std::vector<int64_t>& shape() const { return shape_; } // at the capacity
  int64_t offset() const { return offset_; }                   // bytes, in the arena
  int64_t bytes() const { return bytes_; }                     // of all of it
  // From the beginning, what so many examples and the copies of the last one take, and perhaps others'
  // places.
  int64_t bytes_of(int64_t examples) const;

  // The logical tensor; of one with a batch dimension, its first `examples` rows.
  Tensor read(const char* storage, int64_t examples) const;
  // All of a tensor without a batch dimension; its type and shape must be the placement's.
  void write(char* storage, const Tensor& tensor) const;
  // The first example (0 where there is no batch dimension) with a value that is not finite; -1: none.
  int64_t first_non_finite(const char* storage, int64_t examples) const;
  // The rows of `column` as the examples 0, 1, ..., converted to the placement's type; the places up to the
  // next multiple of 16, as far as the layout has them, get copies of the last one. A value or type that
  // cannot be converted is a Failure.
  Status write_examples(char* storage, const Tensor& column, std::span<const int64_t> rows,
                        ThreadPool& pool) const;

private:
  // Calls visit(logical, offset) for each run of run_ elements of a row: where it begins among the row's
  // elements, and where in memory, counted in elements.
  template <typename Visit>
  void for_each_run(Visit&& visit) const;
  int64_t row_elements() const;
  // Rows that examples fill: up to the next multiple of 16, as far as the layout has them.
  int64_t filled_rows(int64_t examples) const;

  std::string name_;
  ElementType element_ = ElementType::F32;
  std::vector<int64_t> shape_;
  bool batch_ = false;
  int64_t offset_ = 0, bytes_ = 0;
  std::vector<int64_t> row_offsets_;        // elements; one row where there is no batch dimension
  std::vector<std::vector<int64_t>> outer_; // for each outer dimension, what each index adds, in elements
  int64_t run_ = 1;                         // elements that the inner dimensions lay side by side
};

} // namespace striate
