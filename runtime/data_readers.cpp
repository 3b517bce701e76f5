#include "runtime/data_readers.h"

namespace striate {

std::vector<int64_t> Column::example_shape() const {
  if (source) return source->example_shape();
  return {values.shape().begin() + 1, values.shape().end()};
}

void Table::announce(std::span<const int64_t> rows) const {
  for (const Column& column : columns)
    if (column.source) column.source->announce(rows);
}

} // namespace striate
