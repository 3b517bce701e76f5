#include "driver/lsp_outline.h"

#include "frontend/lexer.h"
#include "frontend/standard_library.h"

#include <algorithm>
#include <array>
#include <set>

namespace striate::lsp {

using ast::ItemKind;

static constexpr std::array kItemWords = {"use",       "op",       "layer", "model",
                                          "optimizer", "schedule", "data",  "train"};

const char* word_of(ItemKind kind) { return kItemWords.at(static_cast<std::size_t>(kind)); }

namespace {

class OutlineReader {
public:
  OutlineReader(Outline& outline, const std::map<int, std::string_view>& comments)
      : outline_(outline), tokens_(outline.tokens), comments_(comments) {}

  void run() {
    for (std::size_t i = 0; i < tokens_.size(); ++i)
      if (tokens_[i].depth == 0 && begins_item(tokens_, i)) add_item(i);
    for (std::size_t i = 0; i < outline_.items.size(); ++i) {
      OutlineItem& item = outline_.items[i];
      item.end = i + 1 < outline_.items.size() ? outline_.items[i + 1].first : tokens_.size() - 1;
      if (item.kind != ItemKind::Use) read_item(i);
    }
  }

private:
  TokenKind kind(std::size_t i) const { return i < tokens_.size() ? tokens_[i].kind : TokenKind::End; }
  bool is_name(std::size_t i) const { return kind(i) == TokenKind::Name; }
  SourceLocation place(std::size_t i) const { return location_of(outline_.file, tokens_[i]); }

  std::string text_between(std::size_t first, std::size_t end) const {
    if (first >= end) return "";
    const std::size_t begin = outline_.offset_of(tokens_[first]);
    const Token& last = tokens_[end - 1];
    const std::size_t past = outline_.offset_of(last) + (last.is_repair ? 0 : last.text.size());
    return past > begin ? outline_.text.substr(begin, past - begin) : "";
  }

  void add_item(std::size_t i) {
    OutlineItem item;
    item.first = i;
    for (std::size_t k = 0; k < kItemWords.size(); ++k)
      if (tokens_[i].text == kItemWords[k]) item.kind = static_cast<ItemKind>(k);
    item.name =
        item.kind == ItemKind::Use ? decode_string(tokens_[i + 1].text) : std::string(tokens_[i + 1].text);
    item.place = place(i + 1);
    int line = tokens_[i].line;
    while (comments_.contains(line - 1)) --line;
    for (; line < tokens_[i].line; ++line) {
      std::string_view comment = comments_.at(line);
      if (comment.starts_with(' ')) comment.remove_prefix(1);
      item.documentation += std::string(comment) + "\n";
    }
    outline_.items.push_back(std::move(item));
  }

  void bind(std::size_t token, const std::string& what) {
    outline_.names.push_back({std::string(tokens_[token].text), what, place(token), item_});
  }

  void read_item(std::size_t number) {
    item_ = number;
    sizes_.clear();
    OutlineItem& item = outline_.items[number];
    std::size_t body = item.first + 2;
    while (body < item.end && !(kind(body) == TokenKind::LeftBrace && tokens_[body].depth == 0)) ++body;
    std::size_t head_end = item.first + 2;
    while (head_end < body && kind(head_end) != TokenKind::Where) ++head_end;
    item.head = text_between(item.first, head_end);
    if (item.kind != ItemKind::Train) read_head(item, head_end);
    read_body(body, item.end);
  }

  // The parentheses of a head: attributes stand after the `;` of an op, and in the first ones of other items
  // but for those layers and optimizers that have inputs alone.
  void read_head(OutlineItem& item, std::size_t body) {
    std::vector<std::size_t> openers;
    for (std::size_t i = item.first + 2; i < body && kind(i) != TokenKind::Arrow; ++i)
      if (kind(i) == TokenKind::LeftParen && tokens_[i].depth == 0) openers.push_back(i);
    const bool has_inputs =
        item.kind == ItemKind::Op || item.kind == ItemKind::Layer || item.kind == ItemKind::Optimizer;
    for (std::size_t group = 0; group < openers.size(); ++group) {
      bool attributes = item.kind != ItemKind::Op && (!has_inputs || group + 1 < openers.size());
      std::size_t first = openers[group] + 1;
      const std::size_t closer = std::min(tokens_[openers[group]].partner, body);
      for (std::size_t i = first; i <= closer; ++i) {
        const bool at_end = i == closer || (tokens_[i].depth == 1 &&
                                            (kind(i) == TokenKind::Comma || kind(i) == TokenKind::Semicolon));
        if (!at_end) continue;
        if (is_name(first) && first < i) {
          bind(first, attributes ? "attribute" : "input");
          if (attributes) {
            item.attributes.push_back(
                {std::string(tokens_[first].text), text_between(first, i), place(first)});
            if (is_name(first + 1) && first + 1 < i) bind(first + 1, "size");
          } else {
            bind_sizes(first + 1, i);
          }
        }
        first = i + 1;
        if (kind(i) == TokenKind::Semicolon) attributes = true;
      }
    }
    for (std::size_t i = item.first; i < body && item.kind == ItemKind::Op; ++i)
      if (tokens_[i].depth == 0 && (kind(i - 1) == TokenKind::Arrow || kind(i - 1) == TokenKind::Comma) &&
          is_name(i))
        bind(i, "output");
  }

  // `x[N, C]` binds sizes where they occur the first time.
  void bind_sizes(std::size_t first, std::size_t end) {
    for (std::size_t i = first; i < end; ++i) {
      if (is_name(i) && tokens_[i].depth >= 2 && sizes_.insert(tokens_[i].text).second) bind(i, "size");
    }
  }

  void read_body(std::size_t first, std::size_t end) {
    std::vector<TokenKind> open; // the brackets around the token
    for (std::size_t i = first; i < end; ++i) {
      if (is_opener(kind(i))) open.push_back(kind(i));
      if (is_closer(kind(i)) && !open.empty()) open.pop_back();
      const std::string_view word = tokens_[i].text;
      const bool declares = word == "param" || word == "state" || word == "carry" || word == "input";
      if (declares && is_name(i + 1) && i + 1 < end)
        bind(i + 1, std::string(word));
      else if (word == "phase" && is_name(i + 1) && i + 1 < end)
        bind(i + 1, "phase");
      else if (kind(i) == TokenKind::Repeat && is_name(i + 1))
        bind(i + 1, "index");
      else if (kind(i) == TokenKind::Scan)
        bind_list(i + 1, end, "one step");
      else if (kind(i) == TokenKind::As && is_name(i + 1))
        bind(i + 1, "layer");
      else if (kind(i) == TokenKind::Assign && !open.empty() && open.back() == TokenKind::LeftBrace)
        bind_targets(i, first);
    }
  }

  void bind_list(std::size_t i, std::size_t end, const char* what) {
    for (; i < end && is_name(i); i += 2) {
      bind(i, what);
      if (kind(i + 1) != TokenKind::Comma) return;
    }
  }

  // `a, b = ...`, but not `f(a = 1)` and not what `param` and the like declare.
  void bind_targets(std::size_t assign, std::size_t first) {
    std::size_t start = assign;
    while (start > first + 1 && is_name(start - 1)) {
      --start;
      if (kind(start - 1) != TokenKind::Comma) break;
      --start;
    }
    if (start == assign) return;
    const std::string_view before = tokens_[start - 1].text;
    const bool same_line = tokens_[start - 1].line == tokens_[start].line;
    std::string what = "value";
    for (const char* word : {"output", "field", "metric", "split", "layer", "total"})
      if (same_line && before == word) what = word;
    for (const char* word : {"next", "optimizer", "param", "state", "carry"})
      if (same_line && before == word) return;
    bind_list(start, assign, what.c_str());
  }

  Outline& outline_;
  const std::vector<Token>& tokens_;
  const std::map<int, std::string_view>& comments_;
  std::size_t item_ = 0;
  std::set<std::string_view> sizes_; // of the item
};

} // namespace

std::shared_ptr<const Outline> outline_of(const std::string& file, const std::string& text) {
  auto outline = std::make_shared<Outline>();
  outline->file = file;
  outline->text = text;
  outline->line_starts_.push_back(0);
  for (std::size_t i = 0; i < text.size(); ++i)
    if (text[i] == '\n') outline->line_starts_.push_back(i + 1);
  Diagnostics unheard;
  TokenList list = lex(file, outline->text, unheard);
  outline->tokens = std::move(list.tokens);
  OutlineReader(*outline, list.comments).run();
  return outline;
}

std::size_t Outline::offset_of(const Token& token) const {
  const auto line = static_cast<std::size_t>(std::max(token.line - 1, 0));
  if (line >= line_starts_.size()) return text.size();
  return std::min(line_starts_[line] + static_cast<std::size_t>(std::max(token.column - 1, 0)), text.size());
}

int Outline::token_at(std::size_t offset) const {
  int found = -1;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i].is_repair || tokens[i].kind == TokenKind::End) continue;
    const std::size_t start = offset_of(tokens[i]);
    if (start > offset) break;
    // Where two tokens touch, names win over signs.
    if (offset < start + tokens[i].text.size() ||
        (offset == start + tokens[i].text.size() && tokens[i].kind == TokenKind::Name))
      found = static_cast<int>(i);
    if (found >= 0 && offset < start + tokens[i].text.size() &&
        tokens[static_cast<std::size_t>(found)].kind == TokenKind::Name)
      break;
  }
  return found;
}

const OutlineItem* Outline::item_around(std::size_t token) const {
  for (const OutlineItem& item : items) {
    if (token < item.first || token >= item.end || item.kind == ItemKind::Use) continue;
    // Behind its closing brace nothing is inside any more.
    for (std::size_t i = item.first; i < token; ++i)
      if (tokens[i].kind == TokenKind::RightBrace && tokens[i].depth == 0 && !tokens[i].is_repair &&
          tokens[token].text != "grad")
        return nullptr;
    return &item;
  }
  return nullptr;
}

const OutlineItem* Outline::find(ItemKind kind, const std::string& name) const {
  for (const OutlineItem& item : items)
    if (item.kind == kind && item.name == name) return &item;
  return nullptr;
}

const std::vector<std::shared_ptr<const Outline>>& library_outlines() {
  static const auto kOutlines = [] {
    std::vector<std::shared_ptr<const Outline>> outlines;
    for (const StandardFile& file : standard_library()) outlines.push_back(outline_of(file.name, file.text));
    return outlines;
  }();
  return kOutlines;
}

} // namespace striate::lsp
