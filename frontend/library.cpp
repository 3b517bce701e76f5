#include "frontend/library.h"

#include "frontend/parser.h"

#include <algorithm>
#include <cctype>

namespace striate {

static constexpr std::string_view kAlsoCalled = "also called: ";
static constexpr std::string_view kArgumentsAlsoCalled = "arguments also called: ";
static constexpr std::string_view kValuesAlsoCalled = "values also called: ";
static constexpr std::string_view kNoArgument = "no argument: ";
static constexpr std::string_view kWritten = "written: ";
static constexpr std::string_view kFittedBy = "fitted by: ";

bool is_library_place(const SourceLocation& location) { return location.file.starts_with("std/"); }

static std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return lines;
}

static std::string trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return std::string(text);
}

std::vector<std::string> comma_separated(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t end = text.find(',');
    parts.push_back(trimmed(text.substr(0, end)));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return parts;
}

static std::string lower_case(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

std::vector<std::string> comment_lines(const ast::Item& item) {
  std::vector<std::string> lines;
  for (std::string_view line : lines_of(item.documentation)) lines.emplace_back(line);
  return lines;
}

Library::Library(const ast::File* user, Diagnostics& diagnostics, const std::vector<StandardFile>& files) {
  if (user)
    for (const ast::Item& item : user->items) {
      const auto same = [&](const auto& entry) {
        return entry.first->kind == item.kind && entry.first->name == item.name;
      };
      const auto first = std::find_if(items_.begin(), items_.end(), same);
      const bool named = item.kind != ast::ItemKind::Use && item.kind != ast::ItemKind::Train;
      if (named && first != items_.end())
        diagnostics.error(Diagnostic::DuplicateName, item.location, "`{}` is defined twice", item.name)
            .note_at(first->first->location, "the first definition");
      else
        items_.emplace_back(&item, true);
    }
  for (const StandardFile& file : files) {
    standard_.push_back(std::make_shared<ast::File>(parse(file.name, file.text, diagnostics)));
    for (const ast::Item& item : standard_.back()->items) {
      items_.emplace_back(&item, false);
      for (std::string_view line : lines_of(item.documentation))
        if (line.starts_with(kAlsoCalled))
          for (const std::string& name : comma_separated(line.substr(kAlsoCalled.size())))
            also_called_.emplace(lower_case(name), item.name);
    }
  }
  // Where a layer and an op share another name, the layer is meant: it brings the parameters.
  for (const auto& [item, users] : items_)
    if (item->kind == ast::ItemKind::Layer)
      for (std::string_view line : lines_of(item->documentation))
        if (line.starts_with(kAlsoCalled))
          for (const std::string& name : comma_separated(line.substr(kAlsoCalled.size())))
            also_called_[lower_case(name)] = item->name;
}

const ast::Item* Library::find(ast::ItemKind kind, const std::string& name) const {
  for (const auto& [item, users] : items_)
    if (item->kind == kind && item->name == name) return item;
  return nullptr;
}

const ast::Item* Library::find_callable(const std::string& name) const {
  const ast::Item* layer = find(ast::ItemKind::Layer, name);
  return layer ? layer : find(ast::ItemKind::Op, name);
}

// The item whose documentation has this line.
static const ast::Item* find_line(const auto& items, std::string_view mark, const std::string& wanted) {
  for (const auto& [item, users] : items)
    for (std::string_view line : lines_of(item->documentation))
      if (line.starts_with(mark) && line.substr(mark.size()) == wanted) return item;
  return nullptr;
}

const ast::Item* Library::find_operator(const std::string& sign, int operands) const {
  return find_line(items_, kWritten, operands == 1 ? sign + "a" : "a " + sign + " b");
}

const ast::Item* Library::find_fitted(const std::string& stage) const {
  return find_line(items_, kFittedBy, stage);
}

std::vector<const ast::Item*> Library::items(ast::ItemKind kind) const {
  std::vector<const ast::Item*> result;
  for (const auto& [item, users] : items_)
    if (item->kind == kind) result.push_back(item);
  return result;
}

std::vector<const ast::Item*> Library::user_items(ast::ItemKind kind) const {
  std::vector<const ast::Item*> result;
  for (const auto& [item, users] : items_)
    if (users && item->kind == kind) result.push_back(item);
  return result;
}

std::vector<std::string> Library::names(ast::ItemKind kind) const {
  std::vector<std::string> result;
  for (const ast::Item* item : items(kind)) result.push_back(item->name);
  return result;
}

std::string Library::also_called(const std::string& unknown,
                                 const std::vector<std::string>& candidates) const {
  const auto known = also_called_.find(lower_case(unknown));
  const bool in_reach = known != also_called_.end() &&
                        std::find(candidates.begin(), candidates.end(), known->second) != candidates.end();
  return in_reach ? known->second : "";
}

std::string Library::argument_called(const ast::Item& item, const std::string& other) {
  for (std::string_view line : lines_of(item.documentation))
    if (line.starts_with(kArgumentsAlsoCalled))
      for (const std::string& pair : comma_separated(line.substr(kArgumentsAlsoCalled.size()))) {
        const std::size_t sign = pair.find('=');
        if (sign != std::string::npos && trimmed(std::string_view(pair).substr(0, sign)) == other)
          return trimmed(std::string_view(pair).substr(sign + 1));
      }
  return "";
}

std::string Library::value_called(const ast::Item& item, const std::string& argument,
                                  const std::string& text) {
  const std::string wanted = fmt::format("{} \"{}\" = ", argument, text);
  for (std::string_view line : lines_of(item.documentation))
    if (line.starts_with(kValuesAlsoCalled))
      for (std::string_view rest = line.substr(kValuesAlsoCalled.size()); !rest.empty();) {
        const std::size_t end = rest.find("; ");
        const std::string_view value = rest.substr(0, end);
        if (value.starts_with(wanted)) return std::string(value.substr(wanted.size()));
        rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 2);
      }
  return "";
}

std::string Library::reason_for_no(const ast::Item& item, const std::string& argument) {
  for (std::string_view line : lines_of(item.documentation)) {
    const std::size_t colon = line.rfind(": ");
    if (!line.starts_with(kNoArgument) || colon < kNoArgument.size()) continue;
    const std::vector<std::string> names =
        comma_separated(line.substr(kNoArgument.size(), colon - kNoArgument.size()));
    if (std::ranges::find(names, argument) != names.end()) return std::string(line.substr(colon + 2));
  }
  return "";
}

} // namespace striate
