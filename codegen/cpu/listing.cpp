#include "codegen/cpu/listing.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

namespace striate {

KernelListing list_kernels(const std::vector<const Program*>& programs) {
  KernelListing listing;
  if (!programs.empty())
    listing.file = programs[0]->name.substr(0, programs[0]->name.rfind('.')) + ".kernels";
  for (const Program* program : programs) {
    std::vector<std::vector<int>> lines;
    if (!listing.text.empty()) listing.text += '\n';
    const auto before = static_cast<int>(std::ranges::count(listing.text, '\n'));
    listing.text += print(*program, &lines);
    for (std::vector<int>& of_kernel : lines)
      for (int& line : of_kernel) line += before;
    listing.lines.push_back(std::move(lines));
  }
  return listing;
}

static std::vector<std::string_view> lines_of(const std::string& text) {
  std::vector<std::string_view> lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    lines.push_back(std::string_view(text).substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

static std::string_view without_indent(std::string_view line) {
  const std::size_t first = line.find_first_not_of(" \t");
  return first == std::string_view::npos ? "" : line.substr(first);
}

// The line that `.loc FILE LINE COLUMN ...` names, 0 for what belongs to none; no such directive: nothing.
static std::optional<std::size_t> located(std::string_view directive) {
  constexpr std::string_view kLoc = ".loc\t";
  if (!directive.starts_with(kLoc)) return std::nullopt;
  directive.remove_prefix(kLoc.size());
  const std::size_t space = directive.find(' ');
  std::size_t line = 0;
  if (space != std::string_view::npos)
    std::from_chars(directive.data() + space + 1, directive.data() + directive.size(), line);
  return line;
}

std::string annotated_assembly(const std::string& assembly, const KernelListing& listing) {
  const std::vector<std::string_view> text = lines_of(listing.text);
  std::string result;
  std::size_t shown = 0;
  bool in_tables = false;
  for (const std::string_view line : lines_of(assembly)) {
    const std::string_view word = without_indent(line);
    if (word.starts_with(".section")) in_tables = word.find(".debug_") != std::string_view::npos;
    // Labels that only the tables refer to, and what numbers files.
    const bool for_tables = word.starts_with(".Ltmp") || word.starts_with(".Lfunc_begin") ||
                            word.starts_with(".file\t0") || word.starts_with(".file\t1") ||
                            word.starts_with(".cfi_sections");
    if (in_tables || for_tables) continue;
    if (const std::optional<std::size_t> at = located(word)) {
      if (*at > 0 && *at != shown && *at <= text.size())
        result += fmt::format("\t# {}: {}\n", *at, without_indent(text[*at - 1]));
      shown = *at > 0 ? *at : shown;
      continue;
    }
    result += line;
    result += '\n';
  }
  return result;
}

} // namespace striate
