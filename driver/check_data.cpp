#include "driver/check_data.h"

#include "passes/input_ranges.h"

#include <algorithm>

namespace striate {

// The first of the split's rows with a value that is outside, and the value.
static Result<std::optional<std::pair<int64_t, double>>>
first_outside(const Split& split, const Column& column, const Interval& range) {
  constexpr std::size_t kChunk = 256; // rows of a source that are held at once
  if (column.source) column.source->announce(split.rows);
  const std::size_t chunk = column.source ? kChunk : split.rows.size();
  for (std::size_t first = 0; first < split.rows.size(); first += chunk) {
    const std::span rows = std::span(split.rows).subspan(first, std::min(chunk, split.rows.size() - first));
    const Result<FetchedRows> fetched = fetch_rows(column, rows);
    if (!fetched) return fetched.failure();
    const int64_t size = example_elements(*fetched->values);
    for (std::size_t i = 0; i < rows.size(); ++i)
      for (int64_t k = fetched->positions[i] * size; k < (fetched->positions[i] + 1) * size; ++k) {
        const double value = fetched->values->number(k);
        // Neither is a NaN inside.
        if (!(value >= static_cast<double>(range.low) && value <= static_cast<double>(range.high)))
          return std::optional(std::pair(rows[i], value));
      }
  }
  return std::optional<std::pair<int64_t, double>>();
}

// The file that a split's column comes from.
static std::string file_of(const DataDescription& data, const std::string& split, int column) {
  for (const SplitDescription& description : data.splits) {
    if (std::find(description.names.begin(), description.names.end(), split) == description.names.end())
      continue;
    const ReaderCall& reader = description.reader;
    const bool file_a_column = reader.kind == "idx" || reader.kind == "npy";
    return reader.files.at(file_a_column ? static_cast<std::size_t>(column) : 0);
  }
  return split;
}

Status check_data(const Module& module, const Split& split) {
  for (const InputRange& range : input_ranges(module.eval)) {
    const Value& input = module.eval.values[range.input];
    for (const InputBinding& binding : module.bindings) {
      const auto column = static_cast<std::size_t>(binding.column);
      if (binding.input != input.name || column >= split.table->columns.size()) continue;
      const auto looked = first_outside(split, split.table->columns[column], range.values);
      if (!looked) return looked.failure();
      const auto& outside = *looked;
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
