#include "driver/lsp_positions.h"

#include <gtest/gtest.h>

#include <string>

namespace striate::lsp {
namespace {

// a, a-umlaut (2 bytes, 1 unit), euro (3, 1), an emoji (4, 2), z.
const std::string kText = "a\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80z\r\nsecond\n";

TEST(LspPositions, Utf16) {
  const LineTable lines(kText, Encoding::Utf16);
  const std::vector<std::pair<std::size_t, int>> offsets = {{0, 0}, {1, 1}, {3, 2}, {6, 3}, {10, 5}, {11, 6}};
  for (const auto& [offset, unit] : offsets) {
    EXPECT_EQ(lines.position(offset), (Position{0, unit})) << offset;
    EXPECT_EQ(lines.offset({0, unit}), offset) << unit;
  }
  EXPECT_EQ(lines.offset({0, 4}), 6u) << "the middle of a surrogate pair is its beginning";
  EXPECT_EQ(lines.position(8), (Position{0, 3})) << "and so is a byte inside of a character";
  EXPECT_EQ(lines.position(13), (Position{1, 0}));
  EXPECT_EQ(lines.offset({1, 2}), 15u);
}

TEST(LspPositions, Utf8) {
  const LineTable lines(kText, Encoding::Utf8);
  for (const std::size_t offset : {0u, 1u, 3u, 6u, 10u, 11u}) {
    EXPECT_EQ(lines.position(offset), (Position{0, static_cast<int>(offset)}));
    EXPECT_EQ(lines.offset({0, static_cast<int>(offset)}), offset);
  }
  EXPECT_EQ(lines.offset({0, 8}), 6u);
}

TEST(LspPositions, OutsideIsTheEnd) {
  const LineTable lines(kText, Encoding::Utf16);
  EXPECT_EQ(lines.offset({0, 1000}), 11u) << "the line's end, before its line break";
  EXPECT_EQ(lines.offset({7, 0}), kText.size());
  EXPECT_EQ(lines.offset({-1, 5}), 0u);
  EXPECT_EQ(lines.position(1000), (Position{2, 0}));
  EXPECT_EQ(lines.whole().end, (Position{2, 0}));
  const LineTable none("", Encoding::Utf16);
  EXPECT_EQ(none.offset({3, 3}), 0u);
  EXPECT_EQ(none.position(3), (Position{0, 0}));
}

TEST(LspPositions, BytesThatAreNoText) {
  const std::string text = "\xFF\xC3(\x80\xF0\x9F\x98";
  const LineTable lines(text, Encoding::Utf16);
  for (std::size_t offset = 0; offset <= text.size(); ++offset) {
    EXPECT_EQ(lines.position(offset).character, static_cast<int>(offset));
    EXPECT_EQ(lines.offset({0, static_cast<int>(offset)}), offset);
  }
}

TEST(LspPositions, RangesOfPlaces) {
  const LineTable lines(kText, Encoding::Utf16);
  EXPECT_EQ(lines.range({"f", 1, 7, 4}), (Range{{0, 3}, {0, 5}}));
  EXPECT_EQ(lines.range({"f", 1, 7, 400}), (Range{{0, 3}, {0, 6}}));
  EXPECT_EQ(lines.range({"f", 2, 3, 0}), (Range{{1, 2}, {1, 2}}));
  EXPECT_EQ(lines.range({}), (Range{{0, 0}, {0, 0}})) << "no place";
  EXPECT_EQ(lines.range({"f", 70, 1, 1}), (Range{{2, 0}, {2, 0}}));
}

} // namespace
} // namespace striate::lsp
