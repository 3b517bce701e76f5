#include "runtime/data_readers.h"

#include "runtime/files.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

namespace striate {

static constexpr int64_t kMaximumCsvBytes = int64_t{1} << 32;

struct Cell {
  std::string_view text; // without quotes and surrounding blanks
  int64_t column = 1;    // where it starts in its line, in bytes from 1
};

static std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

static std::optional<float> number(std::string_view text) {
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  float value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

// Walks the lines of a CSV text; blank lines are skipped, a quoted cell ends within its line.
class CsvLines {
public:
  CsvLines(std::string_view text, const std::string& name, char separator)
      : text_(text), name_(name), separator_(separator) {}

  int64_t line() const { return line_; }

  // Fills `cells` with the next line's; false at the end.
  Result<bool> next(std::vector<Cell>& cells) {
    std::string_view line;
    do {
      if (text_.empty()) return false;
      ++line_;
      const std::size_t end = text_.find('\n');
      line = text_.substr(0, end);
      text_.remove_prefix(end == std::string_view::npos ? text_.size() : end + 1);
      if (line.ends_with('\r')) line.remove_suffix(1);
    } while (trimmed(line).empty());
    cells.clear();
    std::size_t begin = 0;
    for (;;) {
      std::size_t content = line.find_first_not_of(" \t", begin);
      if (content == std::string_view::npos) content = line.size();
      std::size_t end;
      if (content < line.size() && line[content] == '"') {
        const std::size_t close = line.find('"', content + 1);
        if (close == std::string_view::npos)
          return bad_data("{}: a quoted cell is not closed on its line",
                          place({{}, static_cast<int64_t>(content) + 1}));
        end = std::min(line.find(separator_, close), line.size());
        if (!trimmed(line.substr(close + 1, end - close - 1)).empty())
          return bad_data("{}: text follows a closing quote", place({{}, static_cast<int64_t>(close) + 2}));
        cells.push_back({line.substr(content + 1, close - content - 1), static_cast<int64_t>(content) + 1});
      } else {
        end = std::min(line.find(separator_, begin), line.size());
        const std::size_t start = content < end ? content : begin;
        cells.push_back({trimmed(line.substr(begin, end - begin)), static_cast<int64_t>(start) + 1});
      }
      if (end == line.size()) return true;
      begin = end + 1;
    }
  }

  std::string place(const Cell& cell) const { return fmt::format("{}:{}:{}", name_, line_, cell.column); }

private:
  std::string_view text_;
  const std::string& name_;
  char separator_;
  int64_t line_ = 0;
};

// The position of the column that a user calls `wanted`: by name in the header, else by index (-1 is the
// last).
static std::optional<std::size_t> column_index(const std::string& wanted,
                                               const std::vector<std::string>& names, std::size_t width) {
  const auto named = std::find(names.begin(), names.end(), wanted);
  if (named != names.end()) return static_cast<std::size_t>(named - names.begin());
  const auto count = static_cast<int64_t>(width);
  int64_t index = 0;
  const auto [end, error] = std::from_chars(wanted.data(), wanted.data() + wanted.size(), index);
  if (error != std::errc() || end != wanted.data() + wanted.size() || index >= count || index < -count)
    return std::nullopt;
  return static_cast<std::size_t>(index < 0 ? index + count : index);
}

static Failure no_such_column(const std::string& wanted, const std::vector<std::string>& names,
                              std::size_t width, const std::string& file) {
  std::string known;
  for (std::size_t i = 0; i < std::min<std::size_t>(names.size(), 20); ++i)
    known += (i ? ", " : "") + names[i];
  if (names.empty()) known = fmt::format("no header was found; indices go from 0 to {}", width - 1);
  return bad_data("`{}` has no column `{}` ({})", file, wanted, known);
}

// Which columns of the file are read.
struct Selection {
  std::vector<std::size_t> features;
  std::optional<std::size_t> label;
};

static Result<Selection> select(const CsvOptions& options, const std::vector<std::string>& names,
                                std::size_t width, const std::string& file) {
  Selection selection;
  if (!options.label.empty()) {
    selection.label = column_index(options.label, names, width);
    if (!selection.label) return no_such_column(options.label, names, width, file);
  }
  for (const std::string& wanted : options.columns) {
    const std::optional<std::size_t> index = column_index(wanted, names, width);
    if (!index) return no_such_column(wanted, names, width, file);
    selection.features.push_back(*index);
  }
  if (options.columns.empty())
    for (std::size_t i = 0; i < width; ++i)
      if (selection.label != i) selection.features.push_back(i);
  return selection;
}

// A column of whole numbers becomes i32, so that it can index and be compared.
static Tensor label_tensor(const std::vector<float>& values) {
  // f32 holds every integer up to 2^24 exactly; labels beyond stay f32 rather than be rounded silently.
  constexpr float kExact = 0x1p24f;
  const bool whole = std::all_of(values.begin(), values.end(),
                                 [](float v) { return v == std::trunc(v) && std::abs(v) <= kExact; });
  Tensor tensor(whole ? ElementType::I32 : ElementType::F32, {static_cast<int64_t>(values.size())});
  if (whole)
    std::transform(values.begin(), values.end(), tensor.as<int32_t>().begin(),
                   [](float v) { return static_cast<int32_t>(v); });
  else
    std::copy(values.begin(), values.end(), tensor.as<float>().begin());
  return tensor;
}

Result<Table> parse_csv(std::string_view text, const std::string& name, const CsvOptions& options) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  CsvLines lines(text, name, options.separator);
  std::vector<Cell> cells;
  Result<bool> more = lines.next(cells);
  if (!more) return more.failure();
  if (!*more) return bad_data("`{}` is empty", name);

  const bool header = options.header == CsvOptions::Header::Present ||
                      (options.header == CsvOptions::Header::Detect &&
                       std::any_of(cells.begin(), cells.end(),
                                   [](const Cell& c) { return !c.text.empty() && !number(c.text); }));
  std::vector<std::string> names;
  if (header) {
    for (const Cell& cell : cells) names.emplace_back(cell.text);
    more = lines.next(cells);
    if (!more) return more.failure();
    if (!*more) return bad_data("`{}` has a header but no rows", name);
    // scikit-learn's files begin with a line of counts and class names: a title, not names of columns.
    if (names.size() != cells.size() && options.header == CsvOptions::Header::Detect) names.clear();
  }
  const std::size_t width = header && !names.empty() ? names.size() : cells.size();
  Result<Selection> selection = select(options, names, width, name);
  if (!selection) return selection.failure();

  const auto title = [&](std::size_t index) { return names.empty() ? std::to_string(index) : names[index]; };
  std::vector<float> features, labels;
  int64_t rows = 0;
  for (; more.ok() && *more; more = lines.next(cells), ++rows) {
    if (cells.size() != width)
      return bad_data("{}: this line has {} cells, but the lines before have {}",
                      lines.place(cells.size() > width ? cells[width] : cells.back()), cells.size(), width);
    const auto append = [&](std::size_t index, std::vector<float>& values) -> Status {
      const Cell& cell = cells[index];
      if (cell.text.empty())
        return bad_data("{}: the cell of column `{}` is blank", lines.place(cell), title(index));
      const std::optional<float> value = number(cell.text);
      if (!value)
        return bad_data("{}: `{}` in column `{}` is not a finite number", lines.place(cell),
                        cell.text.substr(0, 40), title(index));
      values.push_back(*value);
      return {};
    };
    for (std::size_t index : selection->features)
      if (Status status = append(index, features); !status) return status.failure();
    if (selection->label)
      if (Status status = append(*selection->label, labels); !status) return status.failure();
  }
  if (!more) return more.failure();

  Table table;
  Tensor values(ElementType::F32, {rows, static_cast<int64_t>(selection->features.size())});
  std::copy(features.begin(), features.end(), values.as<float>().begin());
  table.columns.push_back({"features", std::move(values)});
  if (selection->label) table.columns.push_back({"label", label_tensor(labels)});
  return table;
}

Result<Table> read_csv(const std::string& path, const CsvOptions& options) {
  Result<std::string> text = read_file(path, kMaximumCsvBytes);
  if (!text) return text.failure();
  return parse_csv(*text, path, options);
}

} // namespace striate
