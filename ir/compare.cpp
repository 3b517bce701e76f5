#include "ir/compare.h"

#include "ir/expression_text.h"

#include <algorithm>

namespace striate {

constexpr int64_t kMostBytes = int64_t{1} << 60;

void AspectList::compare(const char* name, const std::string& before, const std::string& after) {
  if (before != after)
    aspects.push_back({name, before.empty() ? "none" : before, after.empty() ? "none" : after});
}

void AspectList::compare(const char* name, double before, double after) {
  compare(name, number_text(before), number_text(after));
}

void AspectList::compare(const char* name, int64_t before, int64_t after) {
  compare(name, std::to_string(before), std::to_string(after));
}

void AspectList::compare(const std::optional<Cost>& before, const std::optional<Cost>& after) {
  if (before.has_value() != after.has_value())
    return compare("cost", before ? cost_text(*before) : "", after ? cost_text(*after) : "");
  if (!before) return;
  compare("flops", before->flops, after->flops);
  compare("bytes read", before->bytes_read, after->bytes_read);
  compare("bytes written", before->bytes_written, after->bytes_written);
  compare("predicted seconds", before->predicted, after->predicted);
  compare("measured seconds", before->measured, after->measured);
}

void NamedList::add(const std::string& name) {
  const int count = ++counts_[name];
  names_.push_back(count == 1 ? name : fmt::format("{} ({})", name, count));
  places_.emplace(names_.back(), static_cast<int>(names_.size()) - 1);
}

int NamedList::place(const std::string& name) const {
  const auto found = places_.find(name);
  return found == places_.end() ? -1 : found->second;
}

// Of places that would rise if nothing had moved, those of a longest rising part: what stayed.
static std::vector<bool> stayed(const std::vector<int>& places) {
  std::vector<std::size_t> ends; // of the best rising part of each length
  std::vector<int> before(places.size(), -1);
  for (std::size_t i = 0; i < places.size(); ++i) {
    const auto end = std::lower_bound(ends.begin(), ends.end(), i, [&](std::size_t one, std::size_t other) {
      return places[one] < places[other];
    });
    if (end != ends.begin()) before[i] = static_cast<int>(*(end - 1));
    if (end == ends.end())
      ends.push_back(i);
    else
      *end = i;
  }
  std::vector<bool> result(places.size());
  for (int i = ends.empty() ? -1 : static_cast<int>(ends.back()); i >= 0;
       i = before[static_cast<std::size_t>(i)])
    result[static_cast<std::size_t>(i)] = true;
  return result;
}

// "after %x" or "first".
static std::string standing(const NamedList& list, int place) {
  return place == 0 ? "first" : "after " + list.names()[static_cast<std::size_t>(place) - 1];
}

void compare_lists(const std::string& sort, const NamedList& before, const NamedList& after,
                   const std::function<void(int, int, Difference&)>& compare,
                   std::vector<Difference>& result) {
  std::vector<int> places; // of those in both
  for (const std::string& name : before.names())
    if (const int place = after.place(name); place >= 0) places.push_back(place);
  const std::vector<bool> still = stayed(places);
  std::size_t common = 0;
  for (std::size_t i = 0; i < before.names().size(); ++i) {
    const std::string& name = before.names()[i];
    const int place = after.place(name);
    Difference difference{Difference::Kind::Changed, sort, name, {}, {}};
    if (place < 0) {
      difference.kind = Difference::Kind::Removed;
      result.push_back(std::move(difference));
      continue;
    }
    compare(static_cast<int>(i), place, difference);
    if (!still[common++])
      difference.aspects.push_back({"place", standing(before, static_cast<int>(i)), standing(after, place)});
    if (!difference.aspects.empty() || !difference.lines.empty()) result.push_back(std::move(difference));
  }
  for (const std::string& name : after.names())
    if (before.place(name) < 0) result.push_back({Difference::Kind::Added, sort, name, {}, {}});
}

Cost cost_in_all(const std::vector<std::optional<Cost>>& costs) {
  Cost sum;
  bool predicted = true, measured = true;
  for (const std::optional<Cost>& cost : costs) {
    const Cost own = cost.value_or(Cost());
    sum.flops += own.flops;
    // Numbers of a text are at most 2^53, but there may be many.
    sum.bytes_read = std::min(sum.bytes_read + own.bytes_read, kMostBytes);
    sum.bytes_written = std::min(sum.bytes_written + own.bytes_written, kMostBytes);
    sum.predicted += own.predicted;
    sum.measured += own.measured;
    predicted = predicted && own.predicted > 0;
    measured = measured && own.measured > 0;
  }
  if (!predicted) sum.predicted = 0;
  if (!measured) sum.measured = 0;
  return sum;
}

std::vector<std::string> changed_lines(const std::vector<std::string>& before,
                                       const std::vector<std::string>& after) {
  std::size_t head = 0, a = before.size(), b = after.size();
  while (head < a && head < b && before[head] == after[head]) ++head;
  while (a > head && b > head && before[a - 1] == after[b - 1]) --a, --b;
  const std::size_t rows = a - head, columns = b - head;
  // common[i][j]: the most lines that the rests from i and j share. Texts too long for the table are taken as
  // changed altogether.
  constexpr std::size_t kMostCells = std::size_t{1} << 24;
  const bool fits = rows == 0 || columns <= kMostCells / rows;
  std::vector<std::vector<int>> common;
  if (fits) common.assign(rows + 1, std::vector<int>(columns + 1));
  for (std::size_t i = fits ? rows : 0; i-- > 0;)
    for (std::size_t j = columns; j-- > 0;)
      common[i][j] = before[head + i] == after[head + j] ? common[i + 1][j + 1] + 1
                                                         : std::max(common[i + 1][j], common[i][j + 1]);
  std::vector<std::string> result;
  for (std::size_t i = 0, j = 0; i < rows || j < columns;) {
    if (fits && i < rows && j < columns && before[head + i] == after[head + j]) {
      ++i, ++j;
    } else if (i < rows && (j == columns || !fits || common[i + 1][j] >= common[i][j + 1])) {
      result.push_back("- " + before[head + i++]);
    } else {
      result.push_back("+ " + after[head + j++]);
    }
  }
  return result;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::size_t start = std::min(text.find_first_not_of(' ', at), end);
    lines.push_back(text.substr(start, end - start));
    at = end + 1;
  }
  return lines;
}

std::string text_of(const Difference& difference) {
  const char* sign = difference.kind == Difference::Kind::Added     ? "+"
                     : difference.kind == Difference::Kind::Removed ? "-"
                                                                    : "~";
  std::string text = fmt::format("{} {} {}\n", sign, difference.sort, difference.name);
  for (const Difference::Aspect& aspect : difference.aspects)
    text += fmt::format("    {}: {} -> {}\n", aspect.name, aspect.before, aspect.after);
  for (const std::string& line : difference.lines) text += "    " + line + "\n";
  return text;
}

} // namespace striate
