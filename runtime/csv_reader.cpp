#include "runtime/data_readers.h"

#include "runtime/csv_lines.h"
#include "runtime/files.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <unordered_map>

namespace striate {

static constexpr int64_t kMaximumCsvBytes = int64_t{1} << 32;

static std::optional<float> number(std::string_view text) {
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  float value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

namespace {

// A cell that a message may be about.
struct Place {
  std::string text; // "x.csv:3:7"
  std::string content = {};
};

// One column of the files, as it stands in them: a value is a number, a blank or a word.
struct RawColumn {
  static constexpr int32_t kNumber = -1, kBlank = -2;
  std::size_t index = 0;
  std::string title;
  bool all_words = false; // numbers are words too
  bool is_label = false;

  std::vector<float> numbers;
  std::vector<int32_t> kinds; // a word's number in `words`, or one of the above; empty while all are numbers
  std::vector<std::string> words;
  std::vector<Place> word_places; // of the first cell with the word
  std::unordered_map<std::string, int32_t> numbers_of_words;
  std::optional<Place> first_blank;
  bool any_number = false;

  bool has_words() const { return !words.empty(); }
  int32_t kind(std::size_t row) const { return kinds.empty() ? kNumber : kinds[row]; }

  void add(const CsvCell& cell, const std::string& missing, const CsvLines& lines) {
    const bool blank = cell.text.empty() || (!missing.empty() && cell.text == missing);
    const std::optional<float> value = blank || all_words ? std::nullopt : number(cell.text);
    numbers.push_back(value.value_or(0));
    any_number |= value.has_value();
    if (!value && kinds.empty()) kinds.assign(numbers.size() - 1, kNumber);
    if (value) {
      if (!kinds.empty()) kinds.push_back(kNumber);
    } else if (blank) {
      if (!first_blank) first_blank = Place{lines.place(cell)};
      kinds.push_back(kBlank);
    } else {
      const auto [found, fresh] =
          numbers_of_words.try_emplace(std::string(cell.text), static_cast<int32_t>(words.size()));
      if (fresh) {
        words.push_back(found->first);
        word_places.push_back({lines.place(cell), std::string(cell.text.substr(0, 40))});
      }
      kinds.push_back(found->second);
    }
  }
};

// What the options choose of the files' columns.
struct Selection {
  std::vector<RawColumn> columns;
  std::vector<std::vector<std::size_t>> parts; // positions in `columns`
  std::optional<std::size_t> label;
};

class CsvReader {
public:
  CsvReader(const CsvOptions& options, DataFit& fit, const FitRows& fit_rows)
      : options_(options), fit_(fit), fit_rows_(fit_rows) {}

  Status add(std::string_view text, const std::string& name) {
    CsvLines lines(text, name, options_.separator);
    std::vector<CsvCell> cells;
    Result<bool> more = lines.next(cells);
    if (!more) return more.failure();
    if (!*more) return bad_data("`{}` is empty", name);
    const bool header =
        options_.header == CsvOptions::Header::Present ||
        (options_.header == CsvOptions::Header::Detect && std::ranges::any_of(cells, [](const CsvCell& cell) {
           return !cell.text.empty() && !number(cell.text);
         }));
    std::vector<std::string> names;
    if (header) {
      for (const CsvCell& cell : cells) names.emplace_back(cell.text);
      more = lines.next(cells);
      if (!more) return more.failure();
      if (!*more) return bad_data("`{}` has a header but no rows", name);
      // scikit-learn's files begin with a line of counts and class names: a title, not names of columns.
      if (names.size() != cells.size() && options_.header == CsvOptions::Header::Detect) names.clear();
    }
    const std::size_t width = names.empty() ? cells.size() : names.size();
    if (first_file_.empty()) {
      first_file_ = name;
      names_ = names;
      width_ = width;
      if (Status selected = select(); !selected) return selected;
    } else if (width != width_ || names != names_) {
      return bad_data("`{}` has other columns than `{}`", name, first_file_);
    }
    for (; more.ok() && *more; more = lines.next(cells), ++rows_) {
      if (cells.size() != width)
        return bad_data("{}: this line has {} cells, but the lines before have {}",
                        lines.place(cells.size() > width ? cells[width] : cells.back()), cells.size(), width);
      for (RawColumn& column : selection_.columns) column.add(cells[column.index], options_.missing, lines);
    }
    return more.ok() ? Status() : more.failure();
  }

  Result<Table> finish() {
    for (const RawColumn& column : selection_.columns)
      if (Status sound = settle(column); !sound) return sound.failure();
    Table table;
    for (std::size_t part = 0; part < selection_.parts.size(); ++part) {
      const bool codes = options_.parts[part].codes;
      table.columns.push_back(
          codes ? Column{"codes", codes_of(selection_.columns[selection_.parts[part].at(0)])}
                : Column{"features", features_of(selection_.parts[part])});
      if (part > 0 || !selection_.label) continue;
      const RawColumn& label = selection_.columns[*selection_.label];
      table.columns.push_back({"label", label.has_words() ? codes_of(label) : label_tensor(label.numbers)});
    }
    return table;
  }

private:
  // The position of the column that a user calls `wanted`: by name in the header, else by index (-1 is the
  // last).
  std::optional<std::size_t> find(const std::string& wanted) const {
    const auto named = std::ranges::find(names_, wanted);
    if (named != names_.end()) return static_cast<std::size_t>(named - names_.begin());
    const auto count = static_cast<int64_t>(width_);
    int64_t index = 0;
    const auto [end, error] = std::from_chars(wanted.data(), wanted.data() + wanted.size(), index);
    if (error != std::errc() || end != wanted.data() + wanted.size() || index >= count || index < -count)
      return std::nullopt;
    return static_cast<std::size_t>(index < 0 ? index + count : index);
  }

  Failure no_such_column(const std::string& wanted) const {
    std::string known;
    for (std::size_t i = 0; i < std::min<std::size_t>(names_.size(), 20); ++i)
      known += (i ? ", " : "") + names_[i];
    if (names_.empty()) known = fmt::format("no header was found; indices go from 0 to {}", width_ - 1);
    return bad_data("`{}` has no column `{}` ({})", first_file_, wanted, known);
  }

  std::size_t add_column(std::size_t index, bool all_words, bool is_label) {
    for (std::size_t i = 0; i < selection_.columns.size(); ++i) {
      const RawColumn& column = selection_.columns[i];
      if (column.index == index && column.all_words == all_words && column.is_label == is_label) return i;
    }
    RawColumn& column = selection_.columns.emplace_back();
    column.index = index;
    column.title = names_.empty() ? std::to_string(index) : names_[index];
    column.all_words = all_words;
    column.is_label = is_label;
    return selection_.columns.size() - 1;
  }

  Status select() {
    std::optional<std::size_t> label;
    if (!options_.label.empty()) {
      label = find(options_.label);
      if (!label) return no_such_column(options_.label);
      selection_.label = add_column(*label, false, true);
    }
    for (const CsvOptions::Part& part : options_.parts) {
      std::vector<std::size_t>& positions = selection_.parts.emplace_back();
      if (!part.used) continue;
      for (const std::string& wanted : part.columns) {
        const std::optional<std::size_t> index = find(wanted);
        if (!index) return no_such_column(wanted);
        positions.push_back(add_column(*index, part.codes, false));
      }
      if (part.columns.empty())
        for (std::size_t i = 0; i < width_; ++i)
          if (label != i) positions.push_back(add_column(i, false, false));
    }
    return {};
  }

  // What the column's blanks and words stand for, from the fit, or found and added to it; or what is wrong.
  Status settle(const RawColumn& column) {
    const auto known = fit_.csv.find(column.title);
    const bool words = column.has_words() || (known != fit_.csv.end() && !known->second.words.empty());
    const bool takes_words = column.all_words || column.is_label || options_.words;
    if (words && (!takes_words || column.any_number)) {
      const char* help = column.any_number || takes_words ? "" : " (`words = true` turns words into numbers)";
      if (column.word_places.empty())
        return bad_data("`{}`: column `{}` holds numbers, but words in the training split", first_file_,
                        column.title);
      return bad_data("{}: `{}` in column `{}` is not a finite number{}", column.word_places[0].text,
                      column.word_places[0].content, column.title, help);
    }
    if (column.first_blank && (column.is_label || options_.blank == CsvOptions::Blank::Error))
      return bad_data("{}: the cell of column `{}` is blank", column.first_blank->text, column.title);
    const bool wants_mean = column.first_blank && !words && options_.blank == CsvOptions::Blank::Mean;
    if (!words && !wants_mean) return {};
    if (known == fit_.csv.end())
      if (Status fitted = fit(column); !fitted) return fitted;
    if (!column.is_label) return {};
    // A label that the training split lacks can be no class.
    const std::vector<std::string>& known_words = fit_.csv.at(column.title).words;
    fit_.classes = known_words;
    for (std::size_t word = 0; word < column.words.size(); ++word)
      if (!std::ranges::binary_search(known_words, column.words[word]))
        return bad_data("{}: no row of the training split has the label `{}`", column.word_places[word].text,
                        column.word_places[word].content);
    return {};
  }

  Status fit(const RawColumn& column) {
    std::vector<int64_t> rows = fit_rows_ ? fit_rows_(rows_) : std::vector<int64_t>();
    if (rows.empty()) {
      rows.resize(static_cast<std::size_t>(rows_));
      std::iota(rows.begin(), rows.end(), 0);
    }
    DataFit::CsvColumn fitted;
    double sum = 0;
    int64_t count = 0;
    std::vector<bool> seen(column.words.size(), false);
    for (int64_t row : rows) {
      const int32_t kind = column.kind(static_cast<std::size_t>(row));
      if (kind >= 0) seen[static_cast<std::size_t>(kind)] = true;
      if (kind != RawColumn::kNumber) continue;
      sum += column.numbers[static_cast<std::size_t>(row)];
      ++count;
    }
    for (std::size_t word = 0; word < seen.size(); ++word)
      if (seen[word]) fitted.words.push_back(column.words[word]);
    std::ranges::sort(fitted.words);
    if (column.has_words() ? fitted.words.empty() : count == 0)
      return bad_data("`{}`: all cells of column `{}` are blank in the training split", first_file_,
                      column.title);
    if (count > 0) fitted.mean = sum / static_cast<double>(count);
    fit_.csv[column.title] = std::move(fitted);
    return {};
  }

  // For each word of the column its number in the fit; the count of those for one that the fit lacks.
  std::vector<int32_t> word_numbers(const RawColumn& column) const {
    const std::vector<std::string>& known = fit_.csv.at(column.title).words;
    std::vector<int32_t> numbers;
    for (const std::string& word : column.words) {
      const auto place = std::ranges::lower_bound(known, word);
      const bool found = place != known.end() && *place == word;
      numbers.push_back(static_cast<int32_t>((found ? place : known.end()) - known.begin()));
    }
    return numbers;
  }

  Tensor codes_of(const RawColumn& column) const {
    Tensor codes(ElementType::I32, {rows_});
    const std::vector<int32_t> numbers = word_numbers(column);
    const auto unknown = static_cast<int32_t>(fit_.csv.at(column.title).words.size());
    for (std::size_t row = 0; row < static_cast<std::size_t>(rows_); ++row)
      codes.as<int32_t>()[row] =
          column.kind(row) >= 0 ? numbers[static_cast<std::size_t>(column.kind(row))] : unknown;
    return codes;
  }

  Tensor features_of(const std::vector<std::size_t>& positions) const {
    int64_t width = 0;
    const auto words_of = [&](const RawColumn& column) -> int64_t {
      const auto known = fit_.csv.find(column.title);
      return known == fit_.csv.end() ? 0 : static_cast<int64_t>(known->second.words.size());
    };
    for (std::size_t position : positions)
      width += std::max<int64_t>(1, words_of(selection_.columns[position]));
    Tensor features(ElementType::F32, {rows_, width});
    float* to = features.as<float>().data();
    for (std::size_t position : positions) {
      const RawColumn& column = selection_.columns[position];
      const int64_t words = words_of(column);
      const std::vector<int32_t> numbers = words > 0 ? word_numbers(column) : std::vector<int32_t>();
      const auto known = fit_.csv.find(column.title);
      const float blank = options_.blank == CsvOptions::Blank::Value ? options_.blank_value
                          : known != fit_.csv.end()                  ? static_cast<float>(known->second.mean)
                                                                     : 0;
      for (std::size_t row = 0; row < static_cast<std::size_t>(rows_); ++row) {
        float* cell = to + static_cast<int64_t>(row) * width;
        const int32_t kind = column.kind(row);
        if (words == 0)
          *cell = kind == RawColumn::kNumber ? column.numbers[row] : blank;
        else if (kind >= 0 && numbers[static_cast<std::size_t>(kind)] < words)
          cell[numbers[static_cast<std::size_t>(kind)]] = 1;
      }
      to += std::max<int64_t>(1, words);
    }
    return features;
  }

  // A column of whole numbers becomes i32, so that it can index and be compared.
  static Tensor label_tensor(const std::vector<float>& values) {
    // f32 holds every integer up to 2^24 exactly; labels beyond stay f32 rather than be rounded silently.
    constexpr float kExact = 0x1p24f;
    const bool whole =
        std::ranges::all_of(values, [](float v) { return v == std::trunc(v) && std::abs(v) <= kExact; });
    Tensor tensor(whole ? ElementType::I32 : ElementType::F32, {static_cast<int64_t>(values.size())});
    if (whole)
      std::ranges::transform(values, tensor.as<int32_t>().begin(),
                             [](float v) { return static_cast<int32_t>(v); });
    else
      std::ranges::copy(values, tensor.as<float>().begin());
    return tensor;
  }

  const CsvOptions& options_;
  DataFit& fit_;
  const FitRows& fit_rows_;
  std::string first_file_;
  std::vector<std::string> names_; // of the header; empty without one
  std::size_t width_ = 0;
  int64_t rows_ = 0;
  Selection selection_;
};

} // namespace

Result<Table> parse_csv(std::string_view text, const std::string& name, const CsvOptions& options,
                        DataFit& fit, const FitRows& fit_rows) {
  CsvReader reader(options, fit, fit_rows);
  if (Status added = reader.add(text, name); !added) return added.failure();
  return reader.finish();
}

Result<Table> read_csv(const std::vector<std::string>& paths, const CsvOptions& options, DataFit& fit,
                       const FitRows& fit_rows) {
  CsvReader reader(options, fit, fit_rows);
  for (const std::string& path : paths) {
    Result<std::string> text = read_file(path, kMaximumCsvBytes);
    if (!text) return text.failure();
    if (Status added = reader.add(*text, path); !added) return added.failure();
  }
  return reader.finish();
}

} // namespace striate
