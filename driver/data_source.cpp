#include "driver/data_source.h"

#include <algorithm>
#include <filesystem>

namespace striate {

std::string key_of(const ReaderCall& call) {
  std::string key = call.kind;
  for (const std::string& file : call.files) key += '\n' + file;
  for (const auto& [name, value] : call.options) {
    key += '\n' + name + '=';
    std::visit(
        [&](const auto& v) {
          if constexpr (std::is_same_v<std::decay_t<decltype(v)>, std::vector<int64_t>>)
            key += fmt::format("{}", fmt::join(v, ","));
          else
            key += fmt::format("{}", v);
        },
        value);
  }
  return key;
}

static Failure located(const ReaderCall& call, const Failure& failure) {
  return {failure.code, fmt::format("{}: {}", call.location.text(), failure.message)};
}

static std::vector<int64_t> rows_in_order(const SplitDescription& split, int64_t rows) {
  return split.shuffle ? shuffled_order(rows, static_cast<uint64_t>(*split.shuffle), 0) : natural_order(rows);
}

static bool flag(const ReaderCall& call, const char* name) {
  const auto option = call.options.find(name);
  return option != call.options.end() && std::get<bool>(option->second);
}

static CsvOptions csv_options(const DataDescription& description, const ReaderCall& call) {
  CsvOptions options;
  for (const auto& [name, value] : call.options) {
    const std::string* text = std::get_if<std::string>(&value);
    if (name == "label") options.label = text ? *text : std::to_string(std::get<int64_t>(value));
    if (name == "header")
      options.header = std::get<bool>(value) ? CsvOptions::Header::Present : CsvOptions::Header::Absent;
    if (name == "separator") options.separator = text->at(0);
    if (name == "missing") options.missing = *text;
    if (name == "blank" && !text) {
      options.blank = CsvOptions::Blank::Value;
      options.blank_value = static_cast<float>(std::get<double>(value));
    }
    if (name == "blank" && text && *text == "mean") options.blank = CsvOptions::Blank::Mean;
  }
  options.words = flag(call, "words");
  options.parts[0].used = description.columns.contains(0);
  for (const NamedColumns& named : description.named_columns)
    options.parts.push_back({named.names, named.codes});
  return options;
}

ImageOptions image_options(const ReaderCall* reader, const std::vector<int64_t>& example_shape) {
  if (reader && reader->kind == "images") {
    const auto& size = std::get<std::vector<int64_t>>(reader->options.at("size"));
    return {size[0], size[1], integer_option(*reader, "resize", 0), integer_option(*reader, "channels", 3)};
  }
  const std::size_t rank = example_shape.size();
  CHECK(rank >= 2);
  return {example_shape[rank - 2], example_shape[rank - 1], 0, rank > 2 ? example_shape[rank - 3] : 1};
}

std::vector<std::string> DataSource::paths(const std::vector<std::string>& files) const {
  std::vector<std::string> paths;
  for (const std::string& file : files) {
    const std::filesystem::path path(file);
    paths.push_back(path.is_absolute() || folder_.empty() ? file
                                                          : (std::filesystem::path(folder_) / path).string());
  }
  return paths;
}

Result<Table> DataSource::read(const DataDescription& description, const SplitDescription& split) {
  const ReaderCall& call = split.reader;
  const std::vector<std::string> files = paths(call.files);
  if (call.kind == "idx") return read_idx(files);
  if (call.kind == "npy") return read_npy_columns(files);
  if (call.kind == "npz") return read_npz_columns(files.at(0), {call.files.begin() + 1, call.files.end()});
  if (call.kind == "cifar") return read_cifar(files, static_cast<int>(integer_option(call, "labels", 1)));
  if (call.kind == "images")
    return read_images(files, image_options(&call, {}), flag(call, "skip_broken"), fit_);
  if (call.kind == "text") {
    const int64_t window = integer_option(call, "window", 1);
    return read_text(files, window, integer_option(call, "stride", window), fit_);
  }
  CHECK(call.kind == "csv", "{}", call.kind);
  // The rows that words and means are taken from: those of the part called `train`.
  const FitRows training = [&](int64_t rows) -> std::vector<int64_t> {
    if (split.counts.empty()) return {};
    Split whole{"", nullptr, rows_in_order(split, rows)};
    const Result<std::vector<Split>> parts = divide(whole, split.names, split.counts);
    if (!parts) return {};
    for (const Split& part : *parts)
      if (part.name == "train") return part.rows;
    return {};
  };
  return read_csv(files, csv_options(description, call), fit_, training);
}

Result<std::shared_ptr<const Table>> DataSource::table(const DataDescription& description,
                                                       const SplitDescription& split) {
  const SplitDescription& training = description.training();
  if (&split != &training && !fitted_)
    if (const auto first = table(description, training); !first) return first.failure();
  Read& known = tables_[key_of(split.reader)];
  if (known.table && (split.reader.kind != "csv" ||
                      (known.named == description.named_columns && known.columns == description.columns)))
    return known.table;
  Result<Table> table = read(description, split);
  if (!table) return located(split.reader, table.failure());
  for (const std::string& warning : table->warnings) fmt::print(stderr, "striate: warning: {}\n", warning);
  known = {std::make_shared<const Table>(std::move(*table)), description.named_columns, description.columns};
  return known.table;
}

std::optional<ColumnType> DataSource::column_type(const DataDescription& description, int column) {
  const auto found = table(description, description.splits.at(0));
  if (!found || column >= std::ssize((*found)->columns)) return std::nullopt;
  const Column& values = (*found)->columns[static_cast<std::size_t>(column)];
  return ColumnType{values.element(), values.example_shape()};
}

std::optional<int64_t> DataSource::count(const DataDescription& description, const std::string& what) {
  const auto known = [&]() -> std::optional<int64_t> {
    const auto size =
        static_cast<int64_t>(what == "vocabulary" ? fit_.characters.size() : fit_.classes.size());
    return size > 0 ? std::optional(size) : std::nullopt;
  };
  if (const auto count = known()) return count;
  const auto read = table(description, description.training());
  if (!read || what != "classes") return read ? known() : std::nullopt;
  if (const auto count = known()) return count;
  // Labels without names: from 0 to the largest.
  if ((*read)->columns.size() < 2) return std::nullopt;
  const Column& column = (*read)->columns.back();
  if (column.source || column.element() == ElementType::F32 || !column.example_shape().empty())
    return std::nullopt;
  double most = 0;
  for (int64_t row = 0; row < column.rows(); ++row) most = std::max(most, column.values.number(row));
  return static_cast<int64_t>(most) + 1;
}

Result<Dataset> DataSource::dataset(const DataDescription& description, const std::string& only) {
  Dataset dataset;
  for (const SplitDescription& split : description.splits) {
    if (!only.empty() && std::ranges::find(split.names, only) == split.names.end()) continue;
    const Result<std::shared_ptr<const Table>> rows = table(description, split);
    if (!rows) return rows.failure();
    Split whole{split.names.at(0), *rows, rows_in_order(split, (*rows)->rows())};
    std::vector<Split> parts;
    if (split.counts.empty()) {
      parts.push_back(std::move(whole));
    } else {
      Result<std::vector<Split>> divided = divide(whole, split.names, split.counts);
      if (!divided) return located(split.reader, divided.failure());
      parts = std::move(*divided);
    }
    for (Split& part : parts) {
      const Status status = dataset.add(std::move(part));
      if (!status) return located(split.reader, status.failure());
    }
  }
  return dataset;
}

} // namespace striate
