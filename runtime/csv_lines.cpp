#include "runtime/csv_lines.h"

#include <algorithm>

namespace striate {

static std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

CsvLines::CsvLines(std::string_view text, const std::string& name, char separator)
    : text_(text), name_(name), separator_(separator) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text_.starts_with(kByteOrderMark)) text_.remove_prefix(kByteOrderMark.size());
}

std::string CsvLines::place(const CsvCell& cell) const {
  return fmt::format("{}:{}:{}", name_, cell.line, cell.column);
}

std::string_view CsvLines::rest_of_line() const {
  std::string_view line = text_.substr(0, text_.find('\n'));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

bool CsvLines::take_line_end() {
  const std::size_t end = text_.find('\n');
  text_.remove_prefix(end == std::string_view::npos ? text_.size() : end + 1);
  ++line_;
  column_ = 1;
  return end != std::string_view::npos;
}

// Stands at the opening quote.
Result<CsvCell> CsvLines::quoted_cell() {
  CsvCell cell{{}, line_, column_};
  std::size_t end = 1;
  bool doubled = false;
  for (;; end += 2) {
    end = text_.find('"', end);
    if (end == std::string_view::npos) return bad_data("{}: this quoted cell is not closed", place(cell));
    if (end + 1 >= text_.size() || text_[end + 1] != '"') break;
    doubled = true;
  }
  cell.text = text_.substr(1, end - 1);
  const auto lines = std::ranges::count(cell.text, '\n');
  if (lines > 0) {
    line_ += lines;
    column_ = static_cast<int64_t>(end - cell.text.rfind('\n')) - 1;
    text_.remove_prefix(end + 1);
    ++column_;
  } else {
    take(end + 1);
  }
  if (doubled) {
    std::string& text = unquoted_.emplace_back();
    for (std::size_t i = 0; i < cell.text.size(); ++i) {
      text += cell.text[i];
      if (cell.text[i] == '"') ++i;
    }
    cell.text = text;
  }
  const std::string_view after = rest_of_line();
  const std::size_t separator = std::min(after.find(separator_), after.size());
  if (!trimmed(after.substr(0, separator)).empty())
    return bad_data("{}: text follows a closing quote", place({{}, line_, column_}));
  take(separator);
  return cell;
}

Result<bool> CsvLines::next(std::vector<CsvCell>& cells) {
  cells.clear();
  unquoted_.clear();
  while (!text_.empty() && trimmed(rest_of_line()).empty()) take_line_end();
  if (text_.empty()) return false;
  for (;;) {
    const std::string_view line = rest_of_line();
    const std::size_t content = line.find_first_not_of(" \t");
    if (content != std::string_view::npos && line[content] == '"') {
      take(content);
      Result<CsvCell> cell = quoted_cell();
      if (!cell) return cell.failure();
      cells.push_back(*cell);
    } else {
      const std::size_t end = std::min(line.find(separator_), line.size());
      const std::size_t start = content < end ? content : 0;
      cells.push_back({trimmed(line.substr(0, end)), line_, column_ + static_cast<int64_t>(start)});
      take(end);
    }
    if (rest_of_line().empty()) {
      take_line_end();
      return true;
    }
    take(1);
  }
}

} // namespace striate
