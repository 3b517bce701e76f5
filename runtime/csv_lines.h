// The cells of a CSV text, row by row. Blank lines are skipped; a quoted cell may hold separators, ends of
// lines and doubled quotes.
#pragma once

#include "support/result.h"

#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace striate {

struct CsvCell {
  std::string_view text; // without quotes and surrounding blanks; valid until the next row is read
  int64_t line = 1;      // where it starts, in lines and bytes from 1
  int64_t column = 1;
};

class CsvLines {
public:
  // A byte order mark at the beginning is skipped. `text` and `name` outlive this.
  CsvLines(std::string_view text, const std::string& name, char separator);

  // Fills `cells` with the next row's; false at the end.
  Result<bool> next(std::vector<CsvCell>& cells);
  std::string place(const CsvCell& cell) const; // "x.csv:3:7"

private:
  // The rest of the current line, without its end.
  std::string_view rest_of_line() const;
  void take(std::size_t bytes) {
    text_.remove_prefix(bytes);
    column_ += static_cast<int64_t>(bytes);
  }
  bool take_line_end(); // false at the end of the text
  Result<CsvCell> quoted_cell();

  std::string_view text_;
  const std::string& name_;
  char separator_;
  int64_t line_ = 1, column_ = 1;
  std::deque<std::string> unquoted_; // of this row, where quotes are doubled
};

} // namespace striate
