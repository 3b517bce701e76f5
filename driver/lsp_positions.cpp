#include "driver/lsp_positions.h"

#include <algorithm>

namespace striate::lsp {

// The bytes of the character that begins at text[at]: 1 where they are no UTF-8.
static std::size_t bytes_at(std::string_view text, std::size_t at) {
  const auto lead = static_cast<unsigned char>(text[at]);
  const std::size_t length = lead < 0xC2 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 1;
  if (at + length > text.size()) return 1;
  for (std::size_t i = 1; i < length; ++i)
    if ((static_cast<unsigned char>(text[at + i]) & 0xC0) != 0x80) return 1;
  return length;
}

static int units_of(std::size_t bytes, Encoding encoding) {
  if (encoding == Encoding::Utf8) return static_cast<int>(bytes);
  return bytes == 4 ? 2 : 1;
}

LineTable::LineTable(std::string_view text, Encoding encoding) : text_(text), encoding_(encoding) {
  starts_.push_back(0);
  for (std::size_t i = 0; i < text.size(); ++i)
    if (text[i] == '\n') starts_.push_back(i + 1);
}

std::string_view LineTable::line(int number) const {
  const auto index = static_cast<std::size_t>(number);
  const std::size_t end = index + 1 < starts_.size() ? starts_[index + 1] - 1 : text_.size();
  std::string_view line = text_.substr(starts_[index], end - starts_[index]);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

std::size_t LineTable::offset(const Position& position) const {
  if (position.line < 0) return 0;
  if (position.line >= line_count()) return text_.size();
  const std::string_view line = this->line(position.line);
  std::size_t at = 0;
  int units = 0;
  while (at < line.size()) {
    const std::size_t bytes = bytes_at(line, at);
    units += units_of(bytes, encoding_);
    if (units > position.character) break;
    at += bytes;
  }
  return starts_[static_cast<std::size_t>(position.line)] + at;
}

Position LineTable::position(std::size_t offset) const {
  offset = std::min(offset, text_.size());
  const auto next = std::upper_bound(starts_.begin(), starts_.end(), offset);
  Position position{static_cast<int>(next - starts_.begin()) - 1, 0};
  const std::string_view line = this->line(position.line);
  const std::size_t column = std::min(offset - *(next - 1), line.size());
  for (std::size_t at = 0; at < column;) {
    const std::size_t bytes = bytes_at(line, at);
    if (at + bytes > column) break;
    position.character += units_of(bytes, encoding_);
    at += bytes;
  }
  return position;
}

Range LineTable::range(const SourceLocation& place) const {
  if (!place.known()) return {{0, 0}, {0, 0}};
  if (place.line > line_count()) return {position(text_.size()), position(text_.size())};
  const auto index = static_cast<std::size_t>(place.line - 1);
  const std::size_t size = line(place.line - 1).size();
  const auto column = static_cast<std::size_t>(std::max(place.column - 1, 0));
  const std::size_t start = std::min(column, size);
  const std::size_t end = std::min(column + static_cast<std::size_t>(std::max(place.length, 0)), size);
  return {position(starts_[index] + start), position(starts_[index] + std::max(start, end))};
}

} // namespace striate::lsp
