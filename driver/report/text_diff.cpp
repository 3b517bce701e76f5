#include "driver/report/text_diff.h"

#include <algorithm>
#include <unordered_map>

namespace striate {

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

std::string_view subject_of(std::string_view line) { return line.substr(0, line.find_first_of(":={")); }

namespace {

using Places = std::pair<int, int>; // a line of each text

// A part of both texts.
struct Box {
  int before, before_end, after, after_end;
};

// The most pairs whose second places rise, of pairs whose first places do.
std::vector<Places> rising(const std::vector<Places>& pairs) {
  std::vector<int> ends;                       // by length: the pair that a chain of it ends with
  std::vector<int> previous(pairs.size(), -1); // of its chain
  for (int k = 0; k < static_cast<int>(pairs.size()); ++k) {
    const auto at =
        std::ranges::lower_bound(ends, pairs[k].second, {}, [&](int p) { return pairs[p].second; });
    if (at != ends.begin()) previous[k] = *std::prev(at);
    if (at == ends.end())
      ends.push_back(k);
    else
      *at = k;
  }
  std::vector<Places> chain;
  for (int k = ends.empty() ? -1 : ends.back(); k >= 0; k = previous[k]) chain.push_back(pairs[k]);
  std::ranges::reverse(chain);
  return chain;
}

// What occurs once in each part of a box, in the order of the text before.
std::vector<Places> unique_pairs(const std::vector<int>& before, const std::vector<int>& after,
                                 const Box& box) {
  struct Seen {
    int count = 0, place = 0;
  };
  std::unordered_map<int, std::pair<Seen, Seen>> seen;
  for (int b = box.before; b < box.before_end; ++b) {
    Seen& own = seen[before[b]].first;
    own = {own.count + 1, b};
  }
  for (int a = box.after; a < box.after_end; ++a) {
    Seen& own = seen[after[a]].second;
    own = {own.count + 1, a};
  }
  std::vector<Places> pairs;
  for (int b = box.before; b < box.before_end; ++b) {
    const auto& [first, second] = seen[before[b]];
    if (first.count == 1 && second.count == 1) pairs.emplace_back(b, second.place);
  }
  return pairs;
}

// Pairs of equal lines, rising in both texts.
std::vector<Places> common_lines(const std::vector<int>& before, const std::vector<int>& after, Box whole) {
  std::vector<Places> pairs;
  std::vector<Box> open = {whole};
  while (!open.empty()) {
    Box box = open.back();
    open.pop_back();
    while (box.before < box.before_end && box.after < box.after_end && before[box.before] == after[box.after])
      pairs.emplace_back(box.before++, box.after++);
    while (box.before < box.before_end && box.after < box.after_end &&
           before[box.before_end - 1] == after[box.after_end - 1])
      pairs.emplace_back(--box.before_end, --box.after_end);
    const std::vector<Places> anchors = rising(unique_pairs(before, after, box));
    if (anchors.empty()) continue;
    for (const auto& [b, a] : anchors) {
      pairs.emplace_back(b, a);
      open.push_back({box.before, b, box.after, a});
      box.before = b + 1;
      box.after = a + 1;
    }
    open.push_back(box);
  }
  std::ranges::sort(pairs);
  return pairs;
}

// Equal texts are equal numbers.
class Numbering {
public:
  std::vector<int> of(const std::vector<std::string_view>& lines) {
    std::vector<int> numbers;
    for (const std::string_view line : lines)
      numbers.push_back(numbers_.try_emplace(line, static_cast<int>(numbers_.size())).first->second);
    return numbers;
  }

private:
  std::unordered_map<std::string_view, int> numbers_;
};

std::vector<std::string_view> subjects(std::vector<std::string_view> lines) {
  for (std::string_view& line : lines) line = subject_of(line);
  return lines;
}

} // namespace

std::vector<LineEdit> diff_lines(const std::vector<std::string_view>& before,
                                 const std::vector<std::string_view>& after) {
  Numbering texts, things;
  const std::vector<int> before_text = texts.of(before), after_text = texts.of(after);
  const std::vector<int> before_thing = things.of(subjects(before)), after_thing = things.of(subjects(after));
  const int before_end = static_cast<int>(before.size()), after_end = static_cast<int>(after.size());

  std::vector<LineEdit> edits;
  Box gap = {0, 0, 0, 0};
  const auto leave = [&](const Box& box) {
    for (int b = box.before; b < box.before_end; ++b) edits.push_back({LineEdit::Kind::Removed, b, -1});
    for (int a = box.after; a < box.after_end; ++a) edits.push_back({LineEdit::Kind::Added, -1, a});
  };
  const auto close_gap = [&] {
    for (const auto& [b, a] : common_lines(before_thing, after_thing, gap)) {
      leave({gap.before, b, gap.after, a});
      // What was no match as a line of its own (a lone brace) may be the same all the same.
      const bool same = before_text[b] == after_text[a];
      edits.push_back({same ? LineEdit::Kind::Same : LineEdit::Kind::Changed, b, a});
      gap.before = b + 1;
      gap.after = a + 1;
    }
    leave(gap);
  };
  for (const auto& [b, a] : common_lines(before_text, after_text, {0, before_end, 0, after_end})) {
    gap.before_end = b;
    gap.after_end = a;
    close_gap();
    edits.push_back({LineEdit::Kind::Same, b, a});
    gap = {b + 1, b + 1, a + 1, a + 1};
  }
  gap.before_end = before_end;
  gap.after_end = after_end;
  close_gap();
  return edits;
}

std::vector<DiffHunk> hunks_of(const std::vector<LineEdit>& edits, std::size_t context) {
  std::vector<DiffHunk> hunks;
  for (std::size_t k = 0; k < edits.size(); ++k) {
    if (edits[k].kind == LineEdit::Kind::Same) continue;
    const std::size_t begin = k - std::min(k, context), end = std::min(k + 1 + context, edits.size());
    if (hunks.empty() || begin > hunks.back().end)
      hunks.push_back({begin, end});
    else
      hunks.back().end = end;
  }
  return hunks;
}

} // namespace striate
