#include "frontend/lexer.h"

#include "frontend/match_brackets.h"

#include <array>
#include <cstdint>

namespace striate {

const char* description_of(TokenKind kind) {
  switch (kind) {
#define TOKEN(kind, spelling)                                                                                \
  case TokenKind::kind:                                                                                      \
    return spelling;
#define RESERVED_WORD(kind, word) TOKEN(kind, word)
#include "frontend/token_list.def"
#undef RESERVED_WORD
#undef TOKEN
  }
  return "";
}

static TokenKind kind_of_word(std::string_view word) {
#define TOKEN(kind, spelling)
#define RESERVED_WORD(kind, spelling)                                                                        \
  if (word == spelling) return TokenKind::kind;
#include "frontend/token_list.def"
#undef RESERVED_WORD
#undef TOKEN
  return TokenKind::Name;
}

bool is_reserved_word(TokenKind kind) { return kind >= TokenKind::And; }

SourceLocation location_of(const std::string& file, const Token& token) {
  const int length = token.is_repair ? 1 : static_cast<int>(std::max<std::size_t>(token.text.size(), 1));
  return {file, token.line, token.column, length};
}

std::string decode_string(std::string_view token_text) {
  std::string result;
  const bool closed = token_text.size() > 1 && token_text.back() == token_text.front();
  const std::string_view body = token_text.substr(1, token_text.size() - (closed ? 2 : 1));
  for (std::size_t i = 0; i < body.size(); ++i) {
    if (body[i] != '\\' || i + 1 == body.size()) {
      result += body[i];
      continue;
    }
    const char c = body[++i];
    result += c == 'n' ? '\n' : c == 't' ? '\t' : c;
  }
  return result;
}

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

namespace {

// What people write that means something here: reported, then read as what was meant.
struct Lookalike {
  std::string_view text;
  TokenKind meant;
  const char* help;
};
constexpr std::array kLookalikes = {
    Lookalike{"&&", TokenKind::And, "write `and`"},
    Lookalike{"||", TokenKind::Or, "write `or`"},
    Lookalike{"=>", TokenKind::Arrow, "write `->`"},
    Lookalike{"|>", TokenKind::Arrow, "write `->`"},
    Lookalike{":=", TokenKind::Assign, "write `=`"},
    Lookalike{"&", TokenKind::And, "write `and`"},
    Lookalike{"|", TokenKind::Or, "write `or`"},
    Lookalike{"!", TokenKind::Not, "write `not`"},
    Lookalike{"^", TokenKind::StarStar, "a power is written `a ** b`"},
    Lookalike{"\u2192", TokenKind::Arrow, "write `->`"},     // rightwards arrow
    Lookalike{"\u2212", TokenKind::Minus, "write `-`"},      // minus sign
    Lookalike{"\u2013", TokenKind::Minus, "write `-`"},      // en dash
    Lookalike{"\u00d7", TokenKind::Star, "write `*`"},       // multiplication sign
    Lookalike{"\u00b7", TokenKind::Star, "write `*`"},       // middle dot
    Lookalike{"\u2264", TokenKind::LessEqual, "write `<=`"}, // less-than or equal to
    Lookalike{"\u2265", TokenKind::GreaterEqual, "write `>=`"},
    Lookalike{"\u2260", TokenKind::NotEqual, "write `!=`"},
    Lookalike{"\u2026", TokenKind::DotDot, "write `..`"}, // ellipsis
};

struct Punctuation {
  std::string_view text;
  TokenKind kind;
};
// Longer ones first.
constexpr std::array kPunctuation = {
    Punctuation{"->", TokenKind::Arrow},      Punctuation{"**", TokenKind::StarStar},
    Punctuation{"//", TokenKind::SlashSlash}, Punctuation{"..", TokenKind::DotDot},
    Punctuation{"<=", TokenKind::LessEqual},  Punctuation{">=", TokenKind::GreaterEqual},
    Punctuation{"==", TokenKind::EqualEqual}, Punctuation{"!=", TokenKind::NotEqual},
    Punctuation{"(", TokenKind::LeftParen},   Punctuation{")", TokenKind::RightParen},
    Punctuation{"[", TokenKind::LeftBracket}, Punctuation{"]", TokenKind::RightBracket},
    Punctuation{"{", TokenKind::LeftBrace},   Punctuation{"}", TokenKind::RightBrace},
    Punctuation{",", TokenKind::Comma},       Punctuation{":", TokenKind::Colon},
    Punctuation{";", TokenKind::Semicolon},   Punctuation{".", TokenKind::Dot},
    Punctuation{"=", TokenKind::Assign},      Punctuation{"+", TokenKind::Plus},
    Punctuation{"-", TokenKind::Minus},       Punctuation{"*", TokenKind::Star},
    Punctuation{"/", TokenKind::Slash},       Punctuation{"%", TokenKind::Percent},
    Punctuation{"<", TokenKind::Less},        Punctuation{">", TokenKind::Greater},
};

class Lexer {
public:
  Lexer(const std::string& file, std::string_view text, Diagnostics& diagnostics)
      : file_(file), text_(text), diagnostics_(diagnostics) {}

  TokenList run() {
    if (text_.substr(0, 3) == "\xEF\xBB\xBF") line_begin_ = at_ = 3; // a byte order mark
    while (skip_space()) next_token();
    add(TokenKind::End, at_);
    return std::move(result_);
  }

private:
  char peek(std::size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
  bool sees(std::string_view what) const { return text_.substr(at_, what.size()) == what; }

  SourceLocation place(std::size_t begin, std::size_t end) const {
    return {file_, line_, static_cast<int>(begin - line_begin_) + 1,
            static_cast<int>(std::max(end, begin + 1) - begin)};
  }

  void add(TokenKind kind, std::size_t begin) {
    Token token;
    token.kind = kind;
    token.text = text_.substr(begin, at_ - begin);
    token.line = line_;
    token.column = static_cast<int>(begin - line_begin_) + 1;
    token.starts_line = starts_line_;
    token.after_space = begin != last_end_;
    token.after_stray = after_stray_;
    result_.tokens.push_back(token);
    starts_line_ = after_stray_ = false;
    last_end_ = at_;
  }

  // To the next token; false at the end.
  bool skip_space() {
    for (; at_ < text_.size(); ++at_) {
      if (text_[at_] == '\n') {
        ++line_;
        line_begin_ = at_ + 1;
        starts_line_ = true;
      } else if (text_[at_] == '#') {
        const std::size_t begin = at_ + 1;
        at_ = std::min(text_.find('\n', at_), text_.size());
        std::string_view comment = text_.substr(begin, at_ - begin);
        if (!comment.empty() && comment.back() == '\r') comment.remove_suffix(1);
        (starts_line_ ? result_.comments : result_.trailing_comments)[line_] = comment;
        --at_;
      } else if (text_[at_] != ' ' && text_[at_] != '\t' && text_[at_] != '\r') {
        return true;
      }
    }
    return false;
  }

  void next_token() {
    const std::size_t begin = at_;
    if (is_letter(peek())) {
      while (is_letter(peek()) || is_digit(peek())) ++at_;
      return add(kind_of_word(text_.substr(begin, at_ - begin)), begin);
    }
    if (is_digit(peek())) return number();
    if (peek() == '.' && is_digit(peek(1)) && !continues_path()) return number_without_zero();
    if (peek() == '"' || peek() == '\'') return string();
    if (sees("/*")) return foreign_comment();
    for (const Punctuation& punctuation : kPunctuation)
      if (sees(punctuation.text)) {
        at_ += punctuation.text.size();
        return add(punctuation.kind, begin);
      }
    for (const Lookalike& lookalike : kLookalikes)
      if (sees(lookalike.text)) {
        at_ += lookalike.text.size();
        diagnostics_
            .error(Diagnostic::ForeignSyntax, place(begin, at_), "the language does not use `{}`",
                   lookalike.text)
            .help("{}", lookalike.help);
        return add(lookalike.meant, begin);
      }
    stray();
  }

  // `.0` in `layer1.0` or `layer{i}.0`: the dot stands directly after a name, a number or a closing bracket.
  bool continues_path() const {
    if (result_.tokens.empty() || last_end_ != at_) return false;
    const TokenKind before = result_.tokens.back().kind;
    return before == TokenKind::Name || before == TokenKind::Integer || is_closer(before) ||
           is_reserved_word(before);
  }

  // In `as layer{i}.0.conv` a number is a piece of a name, and the dot after it no decimal point.
  bool in_path() const {
    if (result_.tokens.empty()) return false;
    const TokenKind before = result_.tokens.back().kind;
    return before == TokenKind::As ||
           ((before == TokenKind::Dot || before == TokenKind::RightBrace) && last_end_ == at_);
  }

  void number() {
    const std::size_t begin = at_;
    const bool only_digits = in_path();
    bool real = false;
    while (is_digit(peek())) ++at_;
    if (!only_digits) {
      if (peek() == '.' && is_digit(peek(1))) {
        real = true;
        ++at_;
        while (is_digit(peek())) ++at_;
      }
      const std::size_t sign = peek(1) == '+' || peek(1) == '-' ? 1 : 0;
      if ((peek() == 'e' || peek() == 'E') && is_digit(peek(1 + sign))) {
        real = true;
        at_ += 1 + sign;
        while (is_digit(peek())) ++at_;
      }
    }
    if (!is_letter(peek()) && (only_digits || peek() != '.' || peek(1) == '.'))
      return add(real ? TokenKind::Real : TokenKind::Integer, begin);
    bad_number(begin);
  }

  void number_without_zero() {
    const std::size_t begin = at_++;
    while (is_digit(peek())) ++at_;
    diagnostics_.error(Diagnostic::BadNumber, place(begin, at_), "a number begins with a digit")
        .help("write `0{}`", text_.substr(begin, at_ - begin));
    add(TokenKind::Real, begin);
  }

  // `1.`, `3x`, `1.0f`, `0x1F`, `1.2.3`: read to the end of what looks like it, as one number.
  void bad_number(std::size_t begin) {
    const std::size_t good = at_;
    while (is_letter(peek()) || is_digit(peek()) || (peek() == '.' && peek(1) != '.')) ++at_;
    const std::string_view all = text_.substr(begin, at_ - begin), rest = text_.substr(good, at_ - good);
    DiagnosticMessage& message =
        diagnostics_.error(Diagnostic::BadNumber, place(begin, at_), "`{}` is not a number", all);
    if (rest == ".")
      message.help("write `{}.0`, or `{}`", text_.substr(begin, good - begin),
                   text_.substr(begin, good - begin));
    else if (rest == "f" || rest == "F" || rest == "L")
      message.help("numbers have no suffix: write `{}`", text_.substr(begin, good - begin));
    else if (is_letter(rest.front()) && rest.find('.') == std::string_view::npos)
      message.note("numbers are decimal: `12`, `0.5`, `5e-4`; a name cannot begin with a digit, and a "
                   "product is written `{} * {}`",
                   text_.substr(begin, good - begin), rest);
    add(TokenKind::Real, begin);
  }

  void string() {
    const std::size_t begin = at_;
    const char quote = text_[at_++];
    bool closed = false;
    while (at_ < text_.size() && text_[at_] != '\n' && !closed) {
      if (text_[at_] == '\\' && at_ + 1 < text_.size() && text_[at_ + 1] != '\n') {
        const char escape = text_[at_ + 1];
        if (escape != 'n' && escape != 't' && escape != '\\' && escape != '"')
          diagnostics_
              .error(Diagnostic::UnexpectedCharacter, place(at_, at_ + 2), "`\\{}` is no escape",
                     printable(escape))
              .note("the escapes are `\\\\`, `\\\"`, `\\n` and `\\t`");
        ++at_;
      } else {
        closed = text_[at_] == quote;
      }
      ++at_;
    }
    if (!closed)
      diagnostics_.error(Diagnostic::Unclosed, place(begin, begin + 1), "this string is never closed")
          .note("a string ends on the line where it begins");
    else if (quote == '\'')
      diagnostics_.error(Diagnostic::ForeignSyntax, place(begin, at_), "a string is written in double quotes")
          .help("write `\"{}\"`", text_.substr(begin + 1, at_ - begin - 2));
    after_stray_ = after_stray_ || !closed;
    add(TokenKind::String, begin);
  }

  void foreign_comment() {
    const std::size_t begin = at_;
    diagnostics_.error(Diagnostic::ForeignSyntax, place(begin, begin + 2), "the language does not use `/*`")
        .help("a comment begins with `#` and goes to the end of the line");
    const std::size_t end = text_.find("*/", at_ + 2);
    const std::size_t stop = end == std::string_view::npos ? text_.size() : end + 2;
    for (; at_ < stop; ++at_)
      if (text_[at_] == '\n') {
        ++line_;
        line_begin_ = at_ + 1;
        starts_line_ = true;
      }
  }

  static std::string printable(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x20 && byte < 0x7F ? std::string(1, c) : fmt::format("\\x{:02x}", byte);
  }

  // The length of the UTF-8 character here, or 0 for a byte that begins none.
  std::size_t character_length() const {
    const auto lead = static_cast<unsigned char>(peek());
    const std::size_t length = lead < 0x80   ? 1
                               : lead < 0xC2 ? 0
                               : lead < 0xE0 ? 2
                               : lead < 0xF0 ? 3
                               : lead < 0xF5 ? 4
                                             : 0;
    for (std::size_t i = 1; i < length; ++i)
      if ((static_cast<unsigned char>(peek(i)) & 0xC0) != 0x80) return 0;
    return length;
  }

  // One message for a whole run of characters that mean nothing here.
  void stray() {
    const std::size_t begin = at_;
    const auto byte = static_cast<unsigned char>(peek());
    if (byte >= 0x80 && character_length() > 0) {
      while (static_cast<unsigned char>(peek()) >= 0x80 && character_length() > 0) at_ += character_length();
      while (is_letter(peek()) || is_digit(peek())) ++at_;
      diagnostics_
          .error(Diagnostic::UnexpectedCharacter, place(begin, at_), "the language does not use `{}`",
                 text_.substr(begin, at_ - begin))
          .note("names are made of the letters a to z and A to Z, digits and `_`; other characters may stand "
                "in strings and comments");
      return add(TokenKind::Name, begin); // most likely a letter of a name
    }
    if (byte >= 0x80 || byte < 0x20 || byte == 0x7F) {
      while (at_ < text_.size() && text_[at_] != '\n' &&
             (character_length() == 0 || static_cast<unsigned char>(peek()) < 0x20 || peek() == 0x7F))
        ++at_;
      diagnostics_
          .error(Diagnostic::UnexpectedCharacter, place(begin, at_), "the byte `{}` is no text",
                 printable(static_cast<char>(byte)))
          .note("the file is read as UTF-8");
      after_stray_ = true;
      return;
    }
    ++at_;
    after_stray_ = true;
    DiagnosticMessage& message =
        diagnostics_.error(Diagnostic::UnexpectedCharacter, place(begin, at_),
                           "the language does not use `{}`", printable(static_cast<char>(byte)));
    if (byte == '\\')
      message.help("a statement goes on where a line begins with an operator or `->`, and inside brackets");
    if (byte == '?') message.help("write `if condition {{ a }} else {{ b }}`");
    if (byte == '@') message.help("a matrix product is a call: `matmul(a, b)`");
  }

  const std::string& file_;
  std::string_view text_;
  Diagnostics& diagnostics_;
  TokenList result_;
  std::size_t at_ = 0;
  std::size_t line_begin_ = 0;
  std::size_t last_end_ = SIZE_MAX;
  int line_ = 1;
  bool starts_line_ = true;
  bool after_stray_ = false;
};

} // namespace

TokenList lex(const std::string& file, std::string_view text, Diagnostics& diagnostics) {
  TokenList list = Lexer(file, text, diagnostics).run();
  list.tokens = match_brackets(file, list.tokens, diagnostics);
  return list;
}

} // namespace striate
