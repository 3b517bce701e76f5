// Where a name is defined, and the outline and the canonical layout of a text.
#include "driver/lsp_features.h"
#include "driver/run_apart.h"
#include "frontend/format.h"

#include <algorithm>
#include <filesystem>

namespace striate::lsp {

using ast::ItemKind;
using Json = nlohmann::json;

static Json location_in(const View& view, const Outline& outline, const SourceLocation& place) {
  const Range range = LineTable(outline.text, view.encoding).range(place);
  return {{"uri", &outline == &view.outline() ? view.document.uri : uri_of_path(outline.file)},
          {"range", json_of(range)}};
}

// The argument `name` of what is called around the token.
static Json argument_definition(const View& view, std::size_t token) {
  const std::vector<Token>& tokens = view.outline().tokens;
  const int callee = view.callee_around(token);
  if (callee < 0) return nullptr;
  const OutlineItem* item = view.callable(std::string(tokens[static_cast<std::size_t>(callee)].text));
  if (!item) return nullptr;
  for (const auto& outline : view.outlines)
    if (outline->file == item->place.file)
      for (const OutlineParameter& parameter : item->attributes)
        if (parameter.name == tokens[token].text) return location_in(view, *outline, parameter.place);
  return nullptr;
}

Json definition(const View& view, const Position& position) {
  const Outline& outline = view.outline();
  const int at = outline.token_at(view.lines.offset(position));
  if (at < 0) return nullptr;
  const auto number = static_cast<std::size_t>(at);
  const Token& token = outline.tokens[number];
  const OutlineItem* around = outline.item_around(number);
  if (token.kind == TokenKind::String) {
    // `use "blocks.nn"`
    if (number == 0 || outline.tokens[number - 1].text != "use") return nullptr;
    for (const auto& used : view.outlines)
      for (const OutlineItem& item : outline.items)
        if (item.first + 1 == number &&
            used->file == (std::filesystem::path(outline.file).parent_path() / item.name).lexically_normal())
          return location_in(view, *used, {used->file, 1, 1, 0});
    return nullptr;
  }
  if (token.kind != TokenKind::Name) return nullptr;
  if (number + 1 < outline.tokens.size() && outline.tokens[number + 1].kind == TokenKind::Assign) {
    Json argument = argument_definition(view, number);
    if (!argument.is_null()) return argument;
  }
  // A name of the same item: where it was bound last before this place.
  const OutlineName* bound = nullptr;
  for (const OutlineName& name : outline.names) {
    if (!around || &outline.items[name.item] != around || name.name != token.text) continue;
    const bool before = std::pair(name.place.line, name.place.column) <= std::pair(token.line, token.column);
    if (!bound || before) bound = &name;
  }
  if (bound) return location_in(view, outline, bound->place);
  const std::string name(token.text);
  for (const auto& used : view.outlines)
    for (const ItemKind kind : {ItemKind::Op, ItemKind::Layer, ItemKind::Model, ItemKind::Optimizer,
                                ItemKind::Schedule, ItemKind::Data})
      if (const OutlineItem* item = used->find(kind, name)) return location_in(view, *used, item->place);
  // `train` sees what its model and its data give it.
  if (around && around->kind == ItemKind::Train)
    for (const auto& used : view.outlines)
      for (const OutlineName& known : used->names) {
        const ItemKind kind = used->items[known.item].kind;
        if (known.name == name && (kind == ItemKind::Model || kind == ItemKind::Data))
          return location_in(view, *used, known.place);
      }
  return nullptr;
}

Json symbols(const View& view) {
  // The protocol's numbers: a module, functions, classes, ...
  static const std::map<ItemKind, int> kKinds = {
      {ItemKind::Op, 12},    {ItemKind::Layer, 5},      {ItemKind::Model, 5},    {ItemKind::Data, 19},
      {ItemKind::Train, 24}, {ItemKind::Optimizer, 12}, {ItemKind::Schedule, 12}};
  const Outline& outline = view.outline();
  Json list = Json::array();
  for (const OutlineItem& item : outline.items) {
    if (item.kind == ItemKind::Use) continue;
    const Token& last = outline.tokens[item.end > item.first ? item.end - 1 : item.first];
    const Range name = view.lines.range(item.place);
    const Position start = view.lines.position(outline.offset_of(outline.tokens[item.first]));
    const Position end =
        view.lines.position(outline.offset_of(last) + (last.is_repair ? 0 : last.text.size()));
    list.push_back({{"name", item.name},
                    {"detail", word_of(item.kind)},
                    {"kind", kKinds.at(item.kind)},
                    {"range", json_of({start, end})},
                    {"selectionRange", json_of(name)}});
  }
  return list;
}

// One edit of the lines that differ: the cursor stays where it is elsewhere.
Json formatting(const View& view) {
  const std::string& text = view.document.text;
  const Result<std::string> formatted = run_apart(
      [&] {
        Diagnostics unheard;
        return format_program(view.document.path, text, unheard).value_or(text);
      },
      kAnalysisLimit);
  if (!formatted || *formatted == text) return Json::array();
  const auto line_start = [](const std::string& of, std::size_t at) {
    const std::size_t before = at == 0 ? std::string::npos : of.rfind('\n', at - 1);
    return before == std::string::npos ? 0 : before + 1;
  };
  const std::size_t shorter = std::min(text.size(), formatted->size());
  std::size_t same = 0;
  while (same < shorter && text[same] == (*formatted)[same]) ++same;
  same = line_start(text, same);
  std::size_t after = 0;
  while (after < shorter - same &&
         text[text.size() - 1 - after] == (*formatted)[formatted->size() - 1 - after])
    ++after;
  // Whole lines: what is kept begins behind a line's end.
  while (after > 0 && text[text.size() - after - 1] != '\n') --after;
  const Range replaced = {view.lines.position(same), view.lines.position(text.size() - after)};
  const std::string text_between = formatted->substr(same, formatted->size() - after - same);
  Json edits = Json::array();
  edits.push_back({{"range", json_of(replaced)}, {"newText", text_between}});
  return edits;
}

} // namespace striate::lsp
