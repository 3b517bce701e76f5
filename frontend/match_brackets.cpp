#include "frontend/match_brackets.h"

#include "frontend/lexer.h"

namespace striate {

bool is_opener(TokenKind kind) {
  return kind == TokenKind::LeftParen || kind == TokenKind::LeftBracket || kind == TokenKind::LeftBrace;
}

bool is_closer(TokenKind kind) {
  return kind == TokenKind::RightParen || kind == TokenKind::RightBracket || kind == TokenKind::RightBrace;
}

TokenKind closer_of(TokenKind opener) {
  return opener == TokenKind::LeftParen     ? TokenKind::RightParen
         : opener == TokenKind::LeftBracket ? TokenKind::RightBracket
                                            : TokenKind::RightBrace;
}

bool begins_item(const std::vector<Token>& tokens, std::size_t index) {
  const auto kind_at = [&](std::size_t i) { return i < tokens.size() ? tokens[i].kind : TokenKind::End; };
  const std::string_view word = tokens[index].text;
  const TokenKind second = kind_at(index + 1), third = kind_at(index + 2);
  if (tokens[index].kind == TokenKind::Layer)
    return second == TokenKind::Name && (third == TokenKind::LeftParen || third == TokenKind::LeftBrace);
  if (tokens[index].kind != TokenKind::Name) return false;
  if (word == "use") return second == TokenKind::String;
  if (second != TokenKind::Name) return false;
  if (word == "train")
    return third == TokenKind::LeftParen || (third == TokenKind::Name && tokens[index + 2].text == "with");
  return (word == "op" || word == "model" || word == "optimizer" || word == "schedule" || word == "data") &&
         (third == TokenKind::LeftParen || third == TokenKind::LeftBrace || third == TokenKind::Colon);
}

namespace {

class Matcher {
public:
  Matcher(const std::string& file, const std::vector<Token>& tokens, Diagnostics& diagnostics)
      : file_(file), tokens_(tokens), diagnostics_(diagnostics), all_match_(all_match()) {}

  std::vector<Token> run() {
    for (at_ = 0; at_ < tokens_.size(); ++at_) {
      const Token& token = tokens_[at_];
      if (token.kind == TokenKind::String && token.after_stray) line_of_open_string_ = token.line;
      if (token.starts_line) {
        indentation_ = token.column;
        if (!open_.empty() && !all_match_) close_what_this_line_ends();
      }
      if (is_opener(token.kind)) {
        if (token.kind == TokenKind::LeftBrace && token.after_space && !all_match_)
          while (!open_.empty() && innermost() != TokenKind::LeftBrace && !open_.back().may_hold_block)
            close_missing("a block begins here");
        open_.push_back({result_.size(), indentation_, false});
        push(token, open_.size() - 1);
      } else if (is_closer(token.kind)) {
        close(token);
      } else {
        if (token.kind == TokenKind::End)
          while (!open_.empty()) close_missing("");
        const bool takes_block = token.kind == TokenKind::If || token.kind == TokenKind::When ||
                                 token.kind == TokenKind::Repeat || token.kind == TokenKind::Scan;
        if (takes_block && !open_.empty()) open_.back().may_hold_block = true;
        push(token, open_.size());
      }
    }
    return std::move(result_);
  }

private:
  struct Open {
    std::size_t index;   // of the opener, in result_
    int indentation;     // of its line
    bool may_hold_block; // an `if` or a loop stands directly inside
  };

  // Where every bracket has its partner, the layout of the text says nothing about brackets.
  bool all_match() const {
    std::vector<TokenKind> open;
    for (const Token& token : tokens_) {
      if (is_opener(token.kind)) open.push_back(closer_of(token.kind));
      if (!is_closer(token.kind)) continue;
      if (open.empty() || open.back() != token.kind) return false;
      open.pop_back();
    }
    return open.empty();
  }

  TokenKind innermost() const { return result_[open_.back().index].kind; }

  void push(Token token, std::size_t depth) {
    token.depth = static_cast<int>(depth);
    result_.push_back(token);
  }

  // Closes the innermost bracket with this token.
  void pair(Token closer) {
    const std::size_t opener = open_.back().index;
    open_.pop_back();
    closer.partner = opener;
    result_[opener].partner = result_.size();
    push(closer, open_.size());
  }

  // The innermost bracket has no closer: reported at the bracket, and closed before the current token. `why`
  // says what the current token shows.
  void close_missing(const char* why) {
    const Token& opener = result_[open_.back().index];
    const Token& here = tokens_[at_];
    Token closer;
    closer.kind = closer_of(opener.kind);
    closer.text = description_of(closer.kind);
    closer.is_repair = true;
    closer.line = here.line;
    closer.column = here.column;
    if (!result_.empty()) {
      closer.line = result_.back().line;
      closer.column =
          result_.back().column + static_cast<int>(result_.back().is_repair ? 0 : result_.back().text.size());
    }
    // A block ends at the latest where the next item begins: what is missing is missing there. Of other
    // brackets, the opener is nearer to it.
    const bool at_end = opener.kind == TokenKind::LeftBrace &&
                        (here.kind == TokenKind::End || (here.column == 1 && begins_item(tokens_, at_)));
    if (opener.line == line_of_open_string_) { // its closer went into the string
    } else if (at_end) {
      const SourceLocation end = {file_, closer.line, closer.column, 1};
      diagnostics_.error(Diagnostic::Unclosed, end, "a `}}` is missing here")
          .note_at(location_of(file_, opener), "this `{{` is never closed")
          .suggest({file_, closer.line, closer.column, 0}, " }", "write `}}` at the end of the block");
    } else {
      DiagnosticMessage& message = diagnostics_.error(Diagnostic::Unclosed, location_of(file_, opener),
                                                      "this `{}` is never closed", opener.text);
      if (*why) message.note_at(location_of(file_, here), "{}", why);
    }
    pair(closer);
  }

  void close_what_this_line_ends() {
    const Token& token = tokens_[at_];
    if (token.column == 1 && begins_item(tokens_, at_)) {
      while (!open_.empty()) close_missing("a new item begins here");
      return;
    }
    while (!open_.empty() && innermost() != TokenKind::LeftBrace && begins_statement())
      close_missing("a new statement begins here");
    // A `}` left of the line that opened the innermost brace closes one further out.
    if (token.kind == TokenKind::RightBrace)
      while (open_.size() > 1 && innermost() == TokenKind::LeftBrace &&
             token.column < open_.back().indentation && opener_at(TokenKind::LeftBrace, open_.size() - 1))
        close_missing("this `}` belongs to a block further out");
  }

  // Whether a line inside `(` or `[` can only begin a statement: a reserved word that begins one, or `name =`
  // after something that asks for no continuation.
  bool begins_statement() const {
    const Token& token = tokens_[at_];
    if (token.column > open_.back().indentation) return false; // arguments are indented
    if (token.kind == TokenKind::Return || token.kind == TokenKind::Param) return true;
    if (token.kind != TokenKind::Name || at_ == 0 || at_ + 1 >= tokens_.size()) return false;
    const TokenKind next = tokens_[at_ + 1].kind, before = tokens_[at_ - 1].kind;
    const bool complete = before == TokenKind::Name || before == TokenKind::Integer ||
                          before == TokenKind::Real || before == TokenKind::String ||
                          before == TokenKind::True || before == TokenKind::False ||
                          before == TokenKind::DotDot || is_closer(before);
    return complete &&
           (next == TokenKind::Assign || (next == TokenKind::Name && !tokens_[at_ + 1].starts_line &&
                                          innermost() == TokenKind::LeftParen));
  }

  // Whether a bracket of this kind is open among the outermost `count`.
  bool opener_at(TokenKind kind, std::size_t count) const {
    for (std::size_t i = count; i-- > 0;)
      if (result_[open_[i].index].kind == kind) return true;
    return false;
  }

  // Whether an opener that this closer fits is open, not looking out of a block for a `)` or `]`.
  bool fits_further_out(TokenKind closer) const {
    for (std::size_t i = open_.size(); i-- > 0;) {
      const TokenKind opener = result_[open_[i].index].kind;
      if (closer_of(opener) == closer) return true;
      if (opener == TokenKind::LeftBrace) return false;
    }
    return false;
  }

  void close(const Token& token) {
    if (!open_.empty() && closer_of(innermost()) == token.kind) return pair(token);
    if (fits_further_out(token.kind)) {
      const std::string why = fmt::format("this `{}` closes something further out", token.text);
      while (closer_of(innermost()) != token.kind) close_missing(why.c_str());
      return pair(token);
    }
    if (!open_.empty() && innermost() != TokenKind::LeftBrace && token.kind != TokenKind::RightBrace) {
      const Token opener = result_[open_.back().index];
      diagnostics_
          .error(Diagnostic::Unmatched, location_of(file_, token), "`{}` does not close `{}`", token.text,
                 opener.text)
          .note_at(location_of(file_, opener), "`{}` was opened here", opener.text)
          .help("write `{}`", description_of(closer_of(opener.kind)));
      Token closer = token;
      closer.kind = closer_of(opener.kind);
      return pair(closer);
    }
    diagnostics_.error(Diagnostic::Unmatched, location_of(file_, token), "`{}` closes nothing", token.text);
  }

  const std::string& file_;
  const std::vector<Token>& tokens_;
  Diagnostics& diagnostics_;
  const bool all_match_;
  std::vector<Token> result_;
  std::vector<Open> open_;
  std::size_t at_ = 0;
  int indentation_ = 1;
  int line_of_open_string_ = 0;
};

} // namespace

std::vector<Token> match_brackets(const std::string& file, const std::vector<Token>& tokens,
                                  Diagnostics& diagnostics) {
  return Matcher(file, tokens, diagnostics).run();
}

} // namespace striate
