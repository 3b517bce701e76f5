// What could be written at a place: by the brackets, the statement and the item around it.
#include "driver/item_comment.h"
#include "driver/lsp_features.h"
#include "driver/lsp_words.h"
#include "frontend/data_readers.h"
#include "frontend/lexer.h"
#include "frontend/parser.h"

#include <algorithm>
#include <set>

namespace striate::lsp {

using ast::ItemKind;
using Json = nlohmann::json;

namespace {

// The protocol's numbers.
enum Shown {
  kFunction = 3,
  kField = 5,
  kVariable = 6,
  kClass = 7,
  kModule = 9,
  kProperty = 10,
  kKeyword = 14
};

class Completer {
public:
  Completer(const View& view, std::size_t offset)
      : view_(view), outline_(view.outline()), tokens_(outline_.tokens), offset_(offset) {}

  Json run() {
    find_place();
    if (in_text_) return list_;
    if (!item_) {
      add_words(Word::Kind::Item);
      return list_;
    }
    if (names_something_new()) return list_;
    if (previous_ == TokenKind::Colon) {
      add_words(Word::Kind::Type);
      return list_;
    }
    if (in_head_)
      add_head();
    else if (!call_.empty() && add_arguments())
      add_values();
    else if (begins_statement_)
      add_statements();
    else
      add_values();
    return list_;
  }

private:
  // The tokens before the word under the cursor, and what is around it.
  void find_place() {
    std::size_t end = 0; // one past the last token before the cursor
    while (end < tokens_.size() && tokens_[end].kind != TokenKind::End &&
           (tokens_[end].is_repair || outline_.offset_of(tokens_[end]) < offset_))
      ++end;
    std::size_t last_real = end;
    while (last_real > 0 && tokens_[last_real - 1].is_repair) --last_real;
    bool on_word = false;
    if (last_real > 0) {
      const Token& last = tokens_[last_real - 1];
      const std::size_t past = outline_.offset_of(last) + last.text.size();
      if (last.kind == TokenKind::String && (offset_ < past || last.after_stray)) in_text_ = true;
      const bool word = last.kind == TokenKind::Name || is_reserved_word(last.kind);
      on_word = word && offset_ <= past;
      const std::string_view between =
          std::string_view(outline_.text).substr(std::min(past, offset_), offset_ - std::min(past, offset_));
      const std::size_t line = between.rfind('\n');
      if (between.substr(line == std::string_view::npos ? 0 : line).find('#') != std::string_view::npos)
        in_text_ = true;
      fresh_line_ = between.find('\n') != std::string_view::npos;
    } else if (outline_.text.substr(0, offset_).find('#') != std::string::npos) {
      const std::string before = outline_.text.substr(0, offset_);
      in_text_ = before.find('#', before.rfind('\n') == std::string::npos ? 0 : before.rfind('\n')) !=
                 std::string::npos;
    }
    at_ = on_word ? last_real - 1 : last_real;
    if (on_word) fresh_line_ = tokens_[at_].starts_line;
    for (const OutlineItem& item : outline_.items)
      if (item.first < at_ && item.kind != ItemKind::Use) item_ = &item;
    read_brackets();
  }

  // Behind `as`, `input` and the like stands a name that nobody knows yet; behind a dot, a parameter's.
  bool names_something_new() const {
    if (previous_ == TokenKind::As || previous_ == TokenKind::Dot) return true;
    if (in_head_ || fresh_line_ || at_ == 0 || at_ <= item_->first + 2) return false;
    const std::string_view before = tokens_[at_ - 1].text;
    for (const char* word :
         {"param", "state", "carry", "input", "field", "metric", "split", "layer", "phase"})
      if (before == word && statement_ == word && tokens_[at_ - 1].kind != TokenKind::String) return true;
    return false;
  }

  void read_brackets() {
    if (!item_) return;
    std::vector<std::size_t> open;
    bool closed = false;
    for (std::size_t i = item_->first; i < at_; ++i) {
      if (tokens_[i].is_repair) continue;
      if (is_opener(tokens_[i].kind)) {
        if (open.empty() && tokens_[i].kind == TokenKind::LeftBrace) in_body_ = true;
        open.push_back(i);
      } else if (is_closer(tokens_[i].kind) && !open.empty()) {
        open.pop_back();
        closed = open.empty() && tokens_[i].kind == TokenKind::RightBrace;
      }
    }
    if (in_body_ && open.empty() && closed && fresh_line_) {
      item_ = nullptr;
      return;
    }
    in_head_ = !in_body_;
    previous_ = at_ > 0 ? tokens_[at_ - 1].kind : TokenKind::End;
    if (open.empty()) return;
    const std::size_t opener = open.back();
    if (tokens_[opener].kind == TokenKind::LeftParen && opener > item_->first + 2 &&
        tokens_[opener - 1].kind == TokenKind::Name) {
      call_ = tokens_[opener - 1].text;
      for (std::size_t i = opener + 1; i + 1 < at_; ++i)
        if (tokens_[i + 1].kind == TokenKind::Assign) given_.insert(tokens_[i].text);
    }
    // The first word of the statement.
    const auto brace = std::find_if(open.rbegin(), open.rend(),
                                    [&](std::size_t i) { return tokens_[i].kind == TokenKind::LeftBrace; });
    const bool in_block = tokens_[opener].kind == TokenKind::LeftBrace;
    begins_statement_ =
        in_block && (fresh_line_ || previous_ == TokenKind::LeftBrace || previous_ == TokenKind::Semicolon) &&
        previous_ != TokenKind::Arrow;
    if (brace == open.rend()) return;
    for (std::size_t i = *brace + 1; i < at_; ++i)
      if (tokens_[i].depth == tokens_[*brace].depth + 1 && tokens_[i].kind != TokenKind::Arrow &&
          (tokens_[i].starts_line || i == *brace + 1 || tokens_[i - 1].kind == TokenKind::Semicolon))
        statement_ = tokens_[i].text;
  }

  void add(const std::string& label, Shown kind, const std::string& detail = "",
           const std::string& documentation = "", const std::string& inserted = "", const char* order = "5") {
    if (label.empty() || !seen_.insert(label).second) return;
    Json item = {{"label", label}, {"kind", static_cast<int>(kind)}, {"sortText", order + label}};
    if (!detail.empty()) item["detail"] = detail;
    if (!documentation.empty()) item["documentation"] = {{"kind", "markdown"}, {"value", documentation}};
    if (!inserted.empty()) item["insertText"] = inserted;
    list_.push_back(std::move(item));
  }

  void add_words(Word::Kind kind, const char* order = "5") {
    for (const Word& word : words())
      if (word.kind == kind)
        add(std::string(word.word),
            kind == Word::Kind::Function || kind == Word::Kind::Reader ? kFunction : kKeyword, "",
            std::string(word.meaning), "", order);
  }

  void add_items(const std::vector<ItemKind>& kinds, const char* order = "5") {
    const auto add_all = [&](const std::vector<std::shared_ptr<const Outline>>& outlines) {
      for (const auto& outline : outlines)
        for (const OutlineItem& item : outline->items)
          if (std::ranges::find(kinds, item.kind) != kinds.end())
            add(item.name, item.kind == ItemKind::Op ? kFunction : kClass, item.head,
                comment_of(item.documentation).text, "", order);
    };
    add_all(view_.outlines);
    add_all(library_outlines());
  }

  // Names bound in the item; in `train`, also what its model and data give it.
  void add_names() {
    const auto here = static_cast<std::size_t>(item_ - outline_.items.data());
    for (const auto& outline : view_.outlines)
      for (const OutlineName& name : outline->names) {
        const bool own = outline.get() == &outline_ && name.item == here;
        const bool given = item_->kind == ItemKind::Train &&
                           (name.what == "output" || name.what == "field" || name.what == "layer");
        if (own || given) add(name.name, kVariable, name.what, "", "", "2");
      }
  }

  // The arguments of the call around; true where values may stand here as well.
  bool add_arguments() {
    const bool at_start = previous_ == TokenKind::LeftParen || previous_ == TokenKind::Comma;
    if (!at_start) return true;
    const auto argument = [&](const std::string& name, const std::string& detail) {
      if (!given_.contains(name)) add(name, kProperty, detail, "", name + " = ", "1");
    };
    if (const OutlineItem* item = view_.callable(call_))
      for (const OutlineParameter& parameter : item->attributes) argument(parameter.name, parameter.text);
    if (item_->kind == ItemKind::Data)
      for (const std::string& name : reader_arguments(call_)) argument(name, "");
    if (item_->kind == ItemKind::Train && call_ == "checkpoint")
      for (const char* name : {"every", "keep", "best"}) argument(name, "");
    return true;
  }

  void add_head() {
    if (item_->kind == ItemKind::Train) {
      add_items({ItemKind::Model, ItemKind::Data}, "2");
      add("with", kKeyword);
    } else if (previous_ != TokenKind::LeftParen) {
      add("where", kKeyword);
    }
  }

  void add_statements() {
    for (const Word& word : words()) {
      const bool setting = word.kind == Word::Kind::Setting && item_->kind == ItemKind::Train;
      if (setting || (word.kind == Word::Kind::Statement && belongs(word.word)))
        add(std::string(word.word), setting ? kProperty : kKeyword, "", std::string(word.meaning), "", "1");
    }
    for (const char* word : {"if", "repeat", "when"})
      if (item_->kind != ItemKind::Data && item_->kind != ItemKind::Op)
        add(word, kKeyword, "", std::string(find_word(word, {Word::Kind::Control})->meaning));
    if (item_->kind == ItemKind::Op) add_names();
    if (item_->kind == ItemKind::Layer || item_->kind == ItemKind::Model) add_values();
  }

  bool belongs(std::string_view word) const {
    const std::vector<std::string> known = statement_words(item_->kind);
    return std::ranges::find(known, word) != known.end();
  }

  void add_values() {
    switch (item_->kind) {
    case ItemKind::Data:
      if (statement_ == "split") {
        add_words(previous_ == TokenKind::Arrow ? Word::Kind::Division : Word::Kind::Reader, "1");
        return;
      }
      add_words(Word::Kind::Field, "1");
      add_items({ItemKind::Op});
      add("when", kKeyword);
      return;
    case ItemKind::Train:
      if (statement_ == "optimizer" || statement_ == "gradient") {
        if (call_.empty()) add_items({ItemKind::Optimizer}, "2");
        if (call_.empty()) return;
        add_items({ItemKind::Schedule}, "3");
        add_words(Word::Kind::Schedule, "3");
        return;
      }
      add_names();
      add_items({ItemKind::Op});
      return;
    case ItemKind::Op:
      add_names();
      add_words(Word::Kind::Reducer, "3");
      add_words(Word::Kind::Function, "3");
      add_items({ItemKind::Op});
      return;
    case ItemKind::Optimizer:
    case ItemKind::Schedule:
      add_names();
      add_words(Word::Kind::Schedule, "3");
      add_words(Word::Kind::Function, "3");
      add_items({ItemKind::Schedule});
      return;
    default:
      if (previous_ != TokenKind::Arrow) add_names();
      add_items({ItemKind::Op, ItemKind::Layer});
      for (const char* word : {"if", "repeat", "when", "scan"})
        add(word, kKeyword, "", std::string(find_word(word, {Word::Kind::Control})->meaning));
    }
  }

  const View& view_;
  const Outline& outline_;
  const std::vector<Token>& tokens_;
  std::size_t offset_;
  std::size_t at_ = 0;   // the number of the token that is being written
  bool in_text_ = false; // a comment or a string: nothing is offered
  bool fresh_line_ = false;
  bool in_head_ = false, in_body_ = false, begins_statement_ = false;
  const OutlineItem* item_ = nullptr;
  TokenKind previous_ = TokenKind::End;
  std::string call_;                 // what the parentheses around belong to
  std::set<std::string_view> given_; // its arguments that are given by name
  std::string_view statement_;       // the word that the statement begins with
  Json list_ = Json::array();
  std::set<std::string> seen_;
};

} // namespace

Json completions(const View& view, const Position& position) {
  return {{"isIncomplete", false}, {"items", Completer(view, view.lines.offset(position)).run()}};
}

} // namespace striate::lsp
