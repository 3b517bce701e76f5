// Places in a text: byte offsets, SourceLocations (lines and columns from 1, in bytes), and the protocol's
// positions (from 0, in UTF-16 code units, or in bytes where both sides agreed on that). Assumes nothing of
// the text: what is no UTF-8 counts one unit a byte. Guarantees: positions outside of the text or of a line
// are moved to its end, and none lies inside of a character. Shown by tests/driver/lsp_positions_test.cpp.
#pragma once

#include "support/source_location.h"

#include <cstddef>
#include <string_view>
#include <vector>

namespace striate::lsp {

enum class Encoding { Utf8, Utf16 };

struct Position {
  int line = 0;
  int character = 0;
  bool operator==(const Position&) const = default;
};

struct Range {
  Position start, end;
  bool operator==(const Range&) const = default;
};

class LineTable {
public:
  LineTable(std::string_view text, Encoding encoding); // the text outlives the table

  std::size_t offset(const Position& position) const;
  Position position(std::size_t offset) const;
  // The line's text, without its end; from 0.
  std::string_view line(int number) const;
  int line_count() const { return static_cast<int>(starts_.size()); }

  // Of a place without a line: the first character.
  Range range(const SourceLocation& place) const;
  Range whole() const { return {{0, 0}, position(text_.size())}; }

private:
  std::string_view text_;
  Encoding encoding_;
  std::vector<std::size_t> starts_;
};

} // namespace striate::lsp
