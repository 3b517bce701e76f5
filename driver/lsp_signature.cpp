// What a call takes, while its arguments are written.
#include "driver/item_comment.h"
#include "driver/lsp_features.h"
#include "frontend/lexer.h"

#include <algorithm>

namespace striate::lsp {

using ast::ItemKind;
using Json = nlohmann::json;

Json signature_help(const View& view, const Position& position) {
  const Outline& outline = view.outline();
  const std::vector<Token>& tokens = outline.tokens;
  const std::size_t offset = view.lines.offset(position);
  std::size_t here = 0; // the first token at the cursor or behind it
  while (here < tokens.size() && !tokens[here].is_repair && tokens[here].kind != TokenKind::End &&
         outline.offset_of(tokens[here]) < offset)
    ++here;
  const int callee = view.callee_around(here);
  if (callee < 0) return nullptr;
  const auto opener = static_cast<std::size_t>(callee) + 1;
  const OutlineItem* item = view.callable(std::string(tokens[opener - 1].text));
  if (!item || item->attributes.empty() || item->place == location_of(outline.file, tokens[opener - 1]))
    return nullptr;
  Json parameters = Json::array();
  for (const OutlineParameter& parameter : item->attributes)
    parameters.push_back({{"label", parameter.text}});
  Json signature = {{"label", item->head}, {"parameters", std::move(parameters)}};
  if (const std::string text = comment_of(item->documentation).text; !text.empty())
    signature["documentation"] = {{"kind", "markdown"}, {"value", text}};
  Json help = {{"signatures", Json::array({std::move(signature)})}, {"activeSignature", 0}};

  // The argument at the cursor: by its name, else by its number, which an operator's inputs may shift.
  std::size_t first = opener + 1, number = 0;
  for (std::size_t i = opener + 1; i < here; ++i)
    if (tokens[i].kind == TokenKind::Comma && tokens[i].depth == tokens[opener].depth + 1) {
      first = i + 1;
      ++number;
    }
  if (first + 1 < tokens.size() && tokens[first + 1].kind == TokenKind::Assign) {
    const auto named = std::ranges::find(item->attributes, tokens[first].text, &OutlineParameter::name);
    if (named == item->attributes.end()) return help;
    help["activeParameter"] = named - item->attributes.begin();
  } else if (item->kind != ItemKind::Op && number < item->attributes.size()) {
    help["activeParameter"] = number;
  }
  return help;
}

} // namespace striate::lsp
