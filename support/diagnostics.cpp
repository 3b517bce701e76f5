#include "support/diagnostics.h"

#include <algorithm>
#include <cctype>
#include <tuple>

namespace striate {

// Hostile text can be wrong everywhere; nobody reads more than this.
static constexpr std::size_t kKeptMessages = 1000;

const char* diagnostic_code(Diagnostic kind) {
  switch (kind) {
#define DIAGNOSTIC(kind, code, title)                                                                        \
  case Diagnostic::kind:                                                                                     \
    return code;
#include "support/diagnostic_list.def"
#undef DIAGNOSTIC
  }
  return "";
}

const char* diagnostic_title(Diagnostic kind) {
  switch (kind) {
#define DIAGNOSTIC(kind, code, title)                                                                        \
  case Diagnostic::kind:                                                                                     \
    return title;
#include "support/diagnostic_list.def"
#undef DIAGNOSTIC
  }
  return "";
}

void Diagnostics::add_source(const std::string& file, std::string text) {
  std::vector<std::string>& lines = lines_[file];
  lines.clear();
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    lines.push_back(text.substr(begin, end - begin));
    if (!lines.back().empty() && lines.back().back() == '\r') lines.back().pop_back();
    begin = end + 1;
  }
}

DiagnosticMessage& DiagnosticMessage::remark(bool is_help, const SourceLocation& place, std::string words) {
  remarks.push_back({is_help, place, std::move(words)});
  return *this;
}

DiagnosticMessage& DiagnosticMessage::did_you_mean(const std::string& name) {
  return suggest(location, name, "did you mean `{}`?", name);
}

std::size_t Diagnostics::error_count() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(messages_, [](const DiagnosticMessage& message) { return !message.warning; }));
}

DiagnosticMessage& Diagnostics::add(Diagnostic kind, const SourceLocation& location, std::string text) {
  if (messages_.size() >= kKeptMessages) {
    suppressed_ = {kind, location, std::move(text), {}};
    return suppressed_;
  }
  for (const DiagnosticMessage& other : messages_) {
    const bool same_place = location.known() && other.location.file == location.file &&
                            other.location.line == location.line && other.location.column == location.column;
    if (same_place || (!location.known() && other.text == text)) {
      suppressed_ = {kind, location, std::move(text), {}};
      return suppressed_;
    }
  }
  return messages_.emplace_back(DiagnosticMessage{kind, location, std::move(text), {}});
}

// ---- rendering ----------------------------------------------------------------------------------

// The longest piece of a source line that is shown, in bytes; longer lines are cut round the caret.
static constexpr std::size_t kShownBytes = 120;

struct Colors {
  const char* error;
  const char* warning;
  const char* frame;
  const char* help;
  const char* bold;
  const char* reset;
};
static constexpr Colors kAnsi = {"\033[1;31m", "\033[1;33m", "\033[1;34m",
                                 "\033[1;36m", "\033[1m",    "\033[0m"};
static constexpr Colors kPlain = {"", "", "", "", "", ""};

static bool continues_character(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

// The length of the valid UTF-8 character at `at`, or 0.
static std::size_t character_length(std::string_view text, std::size_t at) {
  const auto lead = static_cast<unsigned char>(text[at]);
  const std::size_t length = lead < 0x80                   ? 1
                             : lead >= 0xC2 && lead < 0xE0 ? 2
                             : lead >= 0xE0 && lead < 0xF0 ? 3
                             : lead >= 0xF0 && lead < 0xF5 ? 4
                                                           : 0;
  if (length == 0 || at + length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if (!continues_character(text[at + i])) return 0;
  return length;
}

// A source text must not reach the terminal as control codes; one column is kept for each character.
static std::string printable(std::string_view text, std::size_t& columns) {
  std::string result;
  columns = 0;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = character_length(text, i);
    const auto lead = static_cast<unsigned char>(text[i]);
    const bool control = length == 0 || lead < 0x20 || lead == 0x7F ||
                         (lead == 0xC2 && length == 2 && static_cast<unsigned char>(text[i + 1]) < 0xA0);
    if (text[i] == '\t') {
      result += "    ";
      columns += 4;
    } else {
      result += control ? "?" : std::string(text.substr(i, length));
      columns += 1;
    }
    i += std::max<std::size_t>(length, 1);
  }
  return result;
}

// The source line with its caret range, or nothing where the text is not known.
static std::string snippet(const std::vector<std::string>* lines, const SourceLocation& place,
                           std::size_t gutter, const char* mark_color, const Colors& colors) {
  if (!lines || place.line > static_cast<int>(lines->size())) return "";
  std::string_view line = (*lines)[place.line - 1];
  std::size_t begin = std::min<std::size_t>(std::max(place.column - 1, 0), line.size());
  std::size_t end = std::min(begin + std::max(place.length, 1), line.size());
  bool cut_front = false, cut_back = false;
  if (line.size() > kShownBytes) {
    std::size_t first = begin > kShownBytes / 2 ? begin - kShownBytes / 2 : 0;
    while (first > 0 && continues_character(line[first])) --first;
    std::size_t last = std::min(first + kShownBytes, line.size());
    while (last < line.size() && continues_character(line[last])) ++last;
    cut_front = first > 0;
    cut_back = last < line.size();
    line = line.substr(first, last - first);
    begin -= first;
    end = std::min(end - first, line.size());
  }
  std::size_t before = 0, marked = 0, after = 0;
  std::string text = printable(line.substr(0, begin), before) +
                     printable(line.substr(begin, end - begin), marked) + printable(line.substr(end), after);
  if (cut_front) {
    text = "..." + text;
    before += 3;
  }
  if (cut_back) text += "...";
  while (!text.empty() && text.back() == ' ') text.pop_back();
  const std::string space(gutter + 1, ' ');
  return fmt::format("{0}{1}|{2}\n{0}{3:>{4}} |{2}{5}{6}\n{0}{1}|{2} {7}{8}{9}{2}\n", colors.frame, space,
                     colors.reset, place.line, gutter, text.empty() ? "" : " ", text,
                     std::string(before, ' '), mark_color,
                     std::string(std::max<std::size_t>(marked, 1), '^'));
}

std::vector<const DiagnosticMessage*> Diagnostics::sorted() const {
  std::map<std::string, std::size_t> file_order;
  std::vector<const DiagnosticMessage*> result;
  for (const DiagnosticMessage& message : messages_) {
    file_order.emplace(message.location.file, file_order.size());
    result.push_back(&message);
  }
  std::stable_sort(result.begin(), result.end(), [&](const DiagnosticMessage* a, const DiagnosticMessage* b) {
    const auto key = [&](const SourceLocation& place) {
      return std::tuple(!place.known(), file_order.at(place.file), place.line, place.column);
    };
    return key(a->location) < key(b->location);
  });
  return result;
}

std::string Diagnostics::source_text(const SourceLocation& place) const {
  const auto found = lines_.find(place.file);
  if (found == lines_.end() || !place.known() || place.line > static_cast<int>(found->second.size()))
    return "";
  const std::string& line = found->second[static_cast<std::size_t>(place.line - 1)];
  const auto begin = static_cast<std::size_t>(std::max(place.column - 1, 0));
  return begin >= line.size() ? "" : line.substr(begin, static_cast<std::size_t>(std::max(place.length, 0)));
}

std::vector<SourceLocation> Diagnostics::places_of(std::string_view name, std::size_t most) const {
  const auto is_letter = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; };
  std::vector<SourceLocation> places;
  for (const auto& [file, lines] : lines_)
    for (std::size_t i = 0; i < lines.size(); ++i) {
      const std::string& line = lines[i];
      for (std::size_t at = line.find(name); at != std::string::npos; at = line.find(name, at + 1)) {
        const std::size_t end = at + name.size();
        if ((at > 0 && is_letter(line[at - 1])) || (end < line.size() && is_letter(line[end]))) continue;
        if (places.size() == most) return places;
        places.push_back(
            {file, static_cast<int>(i) + 1, static_cast<int>(at) + 1, static_cast<int>(name.size())});
      }
    }
  return places;
}

std::string Diagnostics::render(bool color, std::size_t limit) const {
  const Colors& colors = color ? kAnsi : kPlain;
  const std::vector<const DiagnosticMessage*> sorted = this->sorted();
  const auto lines_of = [&](const SourceLocation& place) -> const std::vector<std::string>* {
    const auto found = lines_.find(place.file);
    return found == lines_.end() ? nullptr : &found->second;
  };
  std::string result;
  for (std::size_t i = 0; i < std::min(limit, sorted.size()); ++i) {
    const DiagnosticMessage& message = *sorted[i];
    std::size_t gutter = std::to_string(message.location.line).size();
    for (const DiagnosticMessage::Remark& remark : message.remarks)
      gutter = std::max(gutter, std::to_string(remark.location.line).size());
    const std::string space(gutter, ' ');

    if (i > 0) result += '\n';
    const char* mark = message.warning ? colors.warning : colors.error;
    result +=
        fmt::format("{}{}[{}]{}: {}{}{}\n", mark, message.warning ? "warning" : "error",
                    diagnostic_code(message.kind), colors.reset, colors.bold, message.text, colors.reset);
    if (message.location.known()) {
      result += fmt::format("{}{}-->{} {}\n", space, colors.frame, colors.reset, message.location.text());
      result += snippet(lines_of(message.location), message.location, gutter, mark, colors);
    }
    for (const DiagnosticMessage::Remark& remark : message.remarks) {
      const char* label = remark.is_help ? "help" : "note";
      if (!remark.location.known()) {
        result += fmt::format("{}{} ={} {}{}{}: {}\n", space, colors.frame, colors.reset, colors.help, label,
                              colors.reset, remark.text);
        continue;
      }
      result += fmt::format("{}{}{}: {}\n{}{}-->{} {}\n", colors.help, label, colors.reset, remark.text,
                            space, colors.frame, colors.reset, remark.location.text());
      result += snippet(lines_of(remark.location), remark.location, gutter, colors.help, colors);
    }
  }
  if (sorted.size() > limit)
    result += fmt::format("\n{} more error{} not shown\n", sorted.size() - limit,
                          sorted.size() - limit == 1 ? "" : "s");
  return result;
}

// ---- suggestions --------------------------------------------------------------------------------

static bool equal_ignoring_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

// Insertions, deletions, substitutions and swaps of neighbours, each 1 (optimal string alignment).
static std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before_last(b.size() + 1), last(b.size() + 1), current(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    current[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      current[j] = std::min({last[j] + 1, current[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        current[j] = std::min(current[j], before_last[j - 2] + 1);
    }
    before_last.swap(last);
    last.swap(current);
  }
  return last[b.size()];
}

std::string nearest_name(std::string_view name, const std::vector<std::string>& candidates) {
  const std::size_t reach = std::max<std::size_t>(1, name.size() / 3);
  std::size_t best = reach + 1;
  std::string result;
  for (const std::string& candidate : candidates) {
    if (candidate == name) continue;
    const std::size_t longer = std::max(candidate.size(), name.size());
    const std::size_t shorter = std::min(candidate.size(), name.size());
    if (longer - shorter > reach) continue;
    const std::size_t distance = equal_ignoring_case(name, candidate) ? 1 : edit_distance(name, candidate);
    // A name of one or two letters is near to every other one: only its case may differ, or a third letter
    // be left out.
    const bool left_out = name.size() == 2 && candidate.size() == 3;
    if (name.size() <= 2 && !left_out && !equal_ignoring_case(name, candidate)) continue;
    if (distance < best) {
      best = distance;
      result = candidate;
    }
  }
  return result;
}

} // namespace striate
