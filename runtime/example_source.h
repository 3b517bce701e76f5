// ExampleSource: a column whose examples are made when a batch asks for them (decoded images, windows of a
// text), because all of them at once may not fit in memory.
// Assumes one thread that asks. Guarantees: an example is a pure function of the files and its row, whatever
// was announced.
#pragma once

#include "runtime/tensor.h"

#include <memory>
#include <span>

namespace striate {

class ExampleSource {
public:
  virtual ~ExampleSource() = default;

  virtual ElementType element() const = 0;
  virtual const std::vector<int64_t>& example_shape() const = 0;
  virtual int64_t rows() const = 0;
  // The order in which rows will be asked for: a source that is slow may work ahead.
  virtual void announce(std::span<const int64_t> /*rows*/) {}
  // These rows as a tensor whose first dimension counts them.
  virtual Result<std::shared_ptr<const Tensor>> fetch(std::span<const int64_t> rows) = 0;
};

} // namespace striate
