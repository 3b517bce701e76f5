// Arrays of NumPy as columns.
#include "runtime/data_readers.h"

#include "runtime/npy.h"

#include <algorithm>

namespace striate {

// With element types that columns have.
static Tensor as_column(Tensor tensor) {
  if (tensor.element() == ElementType::F64) {
    Tensor narrow(ElementType::F32, tensor.shape());
    std::ranges::transform(tensor.as<double>(), narrow.as<float>().begin(),
                           [](double value) { return static_cast<float>(value); });
    return narrow;
  }
  if (tensor.element() == ElementType::Bool) {
    Tensor bytes(ElementType::U8, tensor.shape());
    std::ranges::copy(tensor.as<uint8_t>(), bytes.as<uint8_t>().begin());
    return bytes;
  }
  return tensor;
}

// `place` names the array in messages, `first` the one before all others.
static Status add_column(Table& table, const std::string& name, const std::string& place, Tensor tensor,
                         const std::string& first) {
  if (tensor.rank() == 0)
    return bad_data("`{}` is a single number, without a dimension that counts examples", place);
  if (tensor.elements() == 0) return bad_data("`{}` holds no examples: {}", place, tensor.type_text());
  if (!table.columns.empty() && tensor.shape()[0] != table.rows())
    return bad_data("`{}` holds {} examples but `{}` holds {}", place, tensor.shape()[0], first,
                    table.rows());
  table.columns.push_back({name, as_column(std::move(tensor))});
  return {};
}

Result<Table> read_npy_columns(const std::vector<std::string>& paths) {
  Table table;
  for (const std::string& path : paths) {
    Result<Tensor> tensor = read_npy(path);
    if (!tensor) return tensor.failure();
    if (Status added = add_column(table, path, path, std::move(*tensor), paths[0]); !added)
      return added.failure();
  }
  return table;
}

Result<Table> read_npz_columns(const std::string& path, const std::vector<std::string>& arrays) {
  Result<std::vector<NamedTensor>> read = read_npz(path, arrays);
  if (!read) return read.failure();
  Table table;
  const auto place = [&](const std::string& name) { return path + ":" + name; };
  for (NamedTensor& array : *read)
    if (Status added =
            add_column(table, array.name, place(array.name), std::move(array.tensor), place(arrays[0]));
        !added)
      return added.failure();
  return table;
}

} // namespace striate
