// Two texts, line by line: which lines stayed, changed, came and went.
//
// Made for dumps of the IR, where nearly every line occurs once: what occurs once in both texts is matched in
// order, and the same again between two matches ("patience"). That is quick for texts of any length and any
// difference, and what it shows is what a reader would have said. It is not always the shortest difference.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace striate {

struct LineEdit {
  enum class Kind {
    Same,
    Changed, // the line of both texts that speaks of one thing
    Removed,
    Added,
  };
  Kind kind = Kind::Same;
  // Of the text before and after, from 0; -1 where there is none.
  int before = -1;
  int after = -1;
  bool operator==(const LineEdit&) const = default;
};

// A text's lines without their ends. The views are into `text`.
std::vector<std::string_view> lines_of(std::string_view text);

// What a line of a dump speaks of: the text before its first `:`, `=` or `{`.
std::string_view subject_of(std::string_view line);

// Every line of both texts once, in the order of both. Lines that differ are `Changed` where their subjects
// are the same.
std::vector<LineEdit> diff_lines(const std::vector<std::string_view>& before,
                                 const std::vector<std::string_view>& after);

// The runs of edits that are shown: everything that is not `Same`, with `context` lines around it.
struct DiffHunk {
  std::size_t begin = 0, end = 0; // of the edits
};
std::vector<DiffHunk> hunks_of(const std::vector<LineEdit>& edits, std::size_t context);

} // namespace striate
