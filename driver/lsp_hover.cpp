// What is shown of the thing under the cursor, and of types within the text.
#include "driver/item_comment.h"
#include "driver/lsp_features.h"
#include "driver/lsp_words.h"

#include <algorithm>

namespace striate::lsp {

using Json = nlohmann::json;

static std::string joined(const std::vector<std::string>& texts) {
  return fmt::format("{}", fmt::join(texts, ", then "));
}

static bool covers(const SourceLocation& place, const SourceLocation& inner) {
  return place.line == inner.line && place.column <= inner.column &&
         inner.column + inner.length <= place.column + place.length;
}

// What was found at exactly this place, or of the smallest expression that begins there; nullptr.
static const PlaceFindings* finding_at(const View& view, const SourceLocation& place, bool exact) {
  const PlaceFindings* best = nullptr;
  for (const PlaceFindings& found : view.analysis.findings) {
    if (!covers(found.place, place)) continue;
    if (exact ? !(found.place == place) : found.place.column != place.column) continue;
    // Of equal places the first: what comes later is a part of the same.
    if (!best || found.place.length < best->place.length) best = &found;
  }
  return best;
}

static std::string item_text(const OutlineItem& item) {
  const ItemComment comment = comment_of(item.documentation);
  std::string text = "```striate\n" + item.head + "\n```\n";
  if (!comment.text.empty()) text += "\n" + comment.text;
  if (!comment.written.empty()) text += "\nWritten `" + comment.written + "`.\n";
  if (!comment.also_called.empty()) text += "\nElsewhere: " + comment.also_called + ".\n";
  return text;
}

static std::string code(const std::string& text) { return "```striate\n" + text + "\n```\n"; }

// A name inside a call that is followed by `=`: an argument.
static const OutlineParameter* argument_at(const View& view, std::size_t token) {
  const std::vector<Token>& tokens = view.outline().tokens;
  if (token + 1 >= tokens.size() || tokens[token + 1].kind != TokenKind::Assign) return nullptr;
  const int callee = view.callee_around(token);
  if (callee < 0) return nullptr;
  const OutlineItem* item = view.callable(std::string(tokens[static_cast<std::size_t>(callee)].text));
  if (!item) return nullptr;
  const auto known = std::ranges::find(item->attributes, tokens[token].text, &OutlineParameter::name);
  return known == item->attributes.end() ? nullptr : &*known;
}

static std::string word_text(const View& view, std::size_t number) {
  using Kind = Word::Kind;
  const std::vector<Token>& tokens = view.outline().tokens;
  const Token& token = tokens[number];
  const OutlineItem* item = view.outline().item_around(number);
  std::vector<Kind> kinds = {Kind::Control, Kind::Type};
  if (!item || number == item->first)
    kinds = {Kind::Item};
  else if (token.starts_line)
    kinds.insert(kinds.begin(), Kind::Statement);
  if (item && item->kind == ast::ItemKind::Train)
    for (const Kind kind : {Kind::Schedule, Kind::Setting, Kind::Statement})
      kinds.insert(kinds.begin(), kind);
  if (item && item->kind == ast::ItemKind::Data)
    for (const Kind kind : {Kind::Reader, Kind::Field, Kind::Division}) kinds.push_back(kind);
  if (item && item->kind == ast::ItemKind::Op) kinds.push_back(Kind::Reducer);
  kinds.push_back(Kind::Function);
  const Word* word = find_word(token.text, kinds);
  return word ? fmt::format("**{}**: {}\n", word->word, word->meaning) : "";
}

Json hover(const View& view, const Position& position) {
  const Outline& outline = view.outline();
  const int at = outline.token_at(view.lines.offset(position));
  if (at < 0) return nullptr;
  const auto number = static_cast<std::size_t>(at);
  const Token& token = outline.tokens[number];
  const SourceLocation place = {outline.file, token.line, token.column, static_cast<int>(token.text.size())};
  if (token.kind != TokenKind::Name && !is_reserved_word(token.kind)) return nullptr;

  std::string text;
  const std::string name(token.text);
  if (const OutlineParameter* argument = argument_at(view, number)) {
    text = code(argument->text);
  } else {
    const bool named_by_as = number > 0 && outline.tokens[number - 1].kind == TokenKind::As;
    const PlaceFindings* found = finding_at(view, place, true);
    const OutlineItem* item = token.kind == TokenKind::Name ? view.callable(name) : nullptr;
    if (!item && token.kind == TokenKind::Name)
      item = view.find_item({ast::ItemKind::Data, ast::ItemKind::Train}, name);
    if (named_by_as) {
      // `f(..) as name`: what the whole of it is.
      for (const PlaceFindings& candidate : view.analysis.findings)
        if (covers(candidate.place, place) && (!found || candidate.place.length < found->place.length))
          found = &candidate;
      item = nullptr;
    }
    const bool is_value = found && std::ranges::any_of(outline.names, [&](const OutlineName& known) {
                            return known.name == name;
                          });
    if (item && !is_value) {
      // A call: what comes out of it, and what is called.
      if (const PlaceFindings* call = finding_at(view, place, false))
        text = code("-> " + joined(call->texts)) + "\n";
      text += item_text(*item);
    } else if (found) {
      const bool is_type = found->texts[0].find('[') != std::string::npos;
      text = code(name + (is_type ? ": " : " = ") + joined(found->texts));
    } else {
      text = word_text(view, number);
    }
  }
  if (text.empty()) return nullptr;
  return {{"contents", {{"kind", "markdown"}, {"value", text}}}, {"range", json_of(view.lines.range(place))}};
}

Json inlay_hints(const View& view, const Range& range) {
  Json hints = Json::array();
  for (const PlaceFindings& found : view.analysis.findings) {
    if (found.kind == Finding::Kind::Value) continue;
    // Numbers and layers say what they are.
    const std::string& first = found.texts[0];
    const std::size_t bracket = first.find('[');
    if (bracket == std::string::npos || !first.ends_with(']')) continue;
    const Position end = view.lines.range(found.place).end;
    if (end.line < range.start.line || end.line > range.end.line) continue;
    // Most tensors are f32: then the shape says it all.
    std::string label = first.starts_with("f32") ? first.substr(bracket) : first;
    if (found.texts.size() > 1) label += " ...";
    const bool is_name = found.kind == Finding::Kind::Name;
    Json hint = {{"position", {{"line", end.line}, {"character", end.character}}},
                 {"label", is_name ? ": " + label : label},
                 {"kind", 1},
                 {"paddingLeft", !is_name},
                 {"paddingRight", false}};
    if (found.texts.size() > 1) hint["tooltip"] = joined(found.texts);
    hints.push_back(std::move(hint));
  }
  return hints;
}

} // namespace striate::lsp
