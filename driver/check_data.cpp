#include "driver/check_data.h"

#include "passes/input_ranges.h"

#include <algorithm>

namespace striate {

// The first of the split's rows with a value that is outside, and the value.
static std::optional<std::pair<int64_t, double>> first_outside(const Split& split, const Tensor& column,
                                                               const Interval& range) {
  const int64_t size = example_elements(column);
  for (int64_t row : split.rows)
    for (int64_t k = row * size; k < (row + 1) * size; ++k) {
      const double value = column.number(k);
      // Neither is a NaN inside.
      if (!(value >= static_cast<double>(range.low) && value <= static_cast<double>(range.high)))
        return std::pair(row, value);
    }
  return std::nullopt;
}

// The file that a split's column comes from.
static std::string file_of(const DataDescription& data, const std::string& split, int column) {
  for (const SplitDescription& description : data.splits) {
    if (std::find(description.names.begin(), description.names.end(), split) == description.names.end())
      continue;
    const std::vector<std::string>& files = description.reader.files;
    return files.at(std::min(static_cast<std::size_t>(column), files.size() - 1));
  }
  return split;
}

Status check_data(const Module& module, const Split& split) {
  for (const InputRange& range : input_ranges(module.eval)) {
    const Value& input = module.eval.values[range.input];
    for (const InputBinding& binding : module.bindings) {
      const auto column = static_cast<std::size_t>(binding.column);
      if (binding.input != input.name || column >= split.table->columns.size()) continue;
      const auto outside = first_outside(split, split.table->columns[column].values, range.values);
      if (!outside) continue;
      const std::string entries = range.counted.empty()
                                      ? fmt::format("what `{}` tells apart", range.op)
                                      : fmt::format("the entries of `{}` in `{}`", range.counted, range.op);
      return bad_data("{}: {} {} of example {} (counted from 0) of `{}` is outside {}..{}, {} ({})",
                      input.location.text(), binding.field, outside->second, outside->first,
                      file_of(module.data, split.name, binding.column), range.values.low, range.values.high,
                      entries, range.location.text());
    }
  }
  return {};
}

Status check_data(const Module& module, const Dataset& dataset) {
  for (const Split& split : dataset.splits())
    if (Status status = check_data(module, split); !status) return status;
  return {};
}

} // namespace striate
