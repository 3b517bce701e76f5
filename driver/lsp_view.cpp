#include "driver/lsp_features.h"

#include <algorithm>
#include <filesystem>
#include <set>

namespace striate::lsp {

using Json = nlohmann::json;

static constexpr std::size_t kFileLimit = 200;

View::View(const Document& document, const Documents& documents, const Analysis& analysis, Encoding encoding)
    : document(document), documents(documents), analysis(analysis), encoding(encoding),
      lines(document.text, encoding) {
  outlines.push_back(outline_of(document.path, document.text));
  std::set<std::string> seen = {std::filesystem::path(document.path).lexically_normal().string()};
  for (std::size_t i = 0; i < outlines.size() && outlines.size() < kFileLimit; ++i) {
    const std::shared_ptr<const Outline> user = outlines[i];
    for (const OutlineItem& item : user->items) {
      if (item.kind != ast::ItemKind::Use) continue;
      const std::string path =
          (std::filesystem::path(user->file).parent_path() / item.name).lexically_normal().string();
      if (!seen.insert(path).second) continue;
      if (const Result<std::string> text = documents.read(path)) outlines.push_back(outline_of(path, *text));
    }
  }
}

const OutlineItem* View::find_item(const std::vector<ast::ItemKind>& kinds, const std::string& name) const {
  for (const auto* list : {&outlines, &library_outlines()})
    for (const auto& outline : *list)
      for (const ast::ItemKind kind : kinds)
        if (const OutlineItem* item = outline->find(kind, name)) return item;
  return nullptr;
}

const OutlineItem* View::callable(const std::string& name) const {
  using enum ast::ItemKind;
  return find_item({Op, Layer, Optimizer, Schedule, Model}, name);
}

int View::callee_around(std::size_t token) const {
  const std::vector<Token>& tokens = outline().tokens;
  // The innermost bracket that is open before the token.
  int open = 0;
  for (std::size_t i = token; i-- > 0;) {
    const TokenKind kind = tokens[i].kind;
    if (is_closer(kind)) {
      ++open;
    } else if (is_opener(kind) && open > 0) {
      --open;
    } else if (is_opener(kind)) {
      const bool calls = kind == TokenKind::LeftParen && i > 0 && tokens[i - 1].kind == TokenKind::Name &&
                         !tokens[i].after_space;
      return calls ? static_cast<int>(i) - 1 : -1;
    }
  }
  return -1;
}

Json json_of(const Range& range) {
  const auto position = [](const Position& p) { return Json{{"line", p.line}, {"character", p.character}}; };
  return {{"start", position(range.start)}, {"end", position(range.end)}};
}

Range range_from(const Json& json) {
  const auto position = [](const Json& p) {
    constexpr int64_t kMost = 1 << 30;
    const auto number = [&](const char* name) {
      return static_cast<int>(std::clamp(p.at(name).get<int64_t>(), int64_t{0}, kMost));
    };
    return Position{number("line"), number("character")};
  };
  return {position(json.at("start")), position(json.at("end"))};
}

} // namespace striate::lsp
