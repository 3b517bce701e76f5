#include "ir/text_reader.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

namespace striate {

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool starts_word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
static bool continues_word(char c) { return starts_word(c) || is_digit(c) || c == '.'; }

void TextReader::record(std::string message) {
  if (failed()) return;
  auto line = std::count(text_.begin(), text_.begin() + at_, '\n') + 1;
  message_ = fmt::format("{}:{}: {}", name_, line, message);
  at_ = text_.size();
}

void TextReader::skip_space() {
  while (at_ < text_.size()) {
    char c = text_[at_];
    if (c == '#')
      at_ = std::min(text_.find('\n', at_), text_.size());
    else if (c == ' ' || c == '\n' || c == '\t' || c == '\r')
      ++at_;
    else
      return;
  }
}

bool TextReader::at_end() {
  skip_space();
  return at_ == text_.size();
}

std::string_view TextReader::peek() {
  if (at_end()) return "";
  std::string_view rest = text_.substr(at_);
  if (starts_word(rest[0])) {
    auto end = std::find_if_not(rest.begin(), rest.end(), continues_word);
    return rest.substr(0, end - rest.begin());
  }
  for (std::string_view symbol : {"//", "<=", "==", "->", "+=", ".."})
    if (rest.starts_with(symbol)) return symbol;
  return rest.substr(0, 1);
}

bool TextReader::take(std::string_view token) {
  if (peek() != token) return false;
  at_ += token.size();
  return true;
}

void TextReader::expect(std::string_view token) {
  if (take(token)) return;
  std::string_view seen = peek();
  fail("`{}` stands where `{}` was expected", seen.empty() ? "the end" : seen, token);
}

bool TextReader::next_is_word() { return !at_end() && starts_word(text_[at_]); }
bool TextReader::next_is_digit() { return !at_end() && is_digit(text_[at_]); }

std::string TextReader::word(const char* what) {
  if (!next_is_word()) {
    fail("`{}` stands where {} was expected", peek().empty() ? "the end" : peek(), what);
    return "";
  }
  std::string word(peek());
  at_ += word.size();
  return word;
}

std::string TextReader::word_or_string(const char* what) {
  return next_is_quote() ? quoted_string() : word(what);
}

static std::optional<int> hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return std::nullopt;
}

std::string TextReader::quoted_string() {
  expect("\"");
  std::string result;
  while (at_ < text_.size() && text_[at_] != '"' && text_[at_] != '\n') {
    char c = text_[at_++];
    if (c != '\\') {
      result += c;
      continue;
    }
    std::string_view rest = text_.substr(at_);
    if (rest.starts_with('n')) {
      result += '\n';
      at_ += 1;
    } else if (rest.starts_with('"') || rest.starts_with('\\')) {
      result += rest[0];
      at_ += 1;
    } else if (rest.size() > 2 && rest[0] == 'x' && hex_digit(rest[1]) && hex_digit(rest[2])) {
      result += static_cast<char>(*hex_digit(rest[1]) * 16 + *hex_digit(rest[2]));
      at_ += 3;
    } else {
      fail("a `\\` before something that needs none");
      return "";
    }
  }
  if (at_ == text_.size() || text_[at_] != '"') {
    fail("a string without its closing `\"`");
    return "";
  }
  ++at_;
  return result;
}

std::string TextReader::value_name() {
  expect("%");
  if (failed()) return "";
  if (at_ < text_.size() && text_[at_] == '"') return quoted_string();
  std::string_view rest = text_.substr(at_);
  auto end = std::find_if_not(rest.begin(), rest.end(), [](char c) { return continues_word(c) || c == '/'; });
  std::string name(rest.begin(), end);
  if (name.empty()) fail("`%` without a name");
  at_ += name.size();
  return name;
}

std::string TextReader::literal() {
  skip_space();
  std::size_t end = at_;
  auto digits = [&] {
    while (end < text_.size() && is_digit(text_[end])) ++end;
  };
  auto at = [&](std::size_t place) { return place < text_.size() ? text_[place] : '\0'; };
  digits();
  if (at(end) == '.' && is_digit(at(end + 1))) {
    ++end;
    digits();
  }
  if (at(end) == 'e') {
    std::size_t sign = at(end + 1) == '+' || at(end + 1) == '-';
    if (is_digit(at(end + 1 + sign))) {
      end += 1 + sign;
      digits();
    }
  }
  std::string literal(text_.substr(at_, end - at_));
  if (literal.empty()) fail("`{}` stands where a number was expected", peek().empty() ? "the end" : peek());
  at_ += literal.size();
  return literal;
}

int64_t TextReader::integer() {
  constexpr int64_t kLimit = int64_t{1} << 53;
  bool negative = take("-");
  if (!next_is_digit()) {
    fail("`{}` stands where an integer was expected", peek().empty() ? "the end" : peek());
    return 0;
  }
  int64_t value = 0;
  for (; at_ < text_.size() && is_digit(text_[at_]); ++at_) {
    value = value * 10 + (text_[at_] - '0');
    if (value > kLimit) {
      fail("an integer beyond 2^53");
      return 0;
    }
  }
  return negative ? -value : value;
}

int64_t TextReader::positive() {
  int64_t value = integer();
  if (value >= 1 && value <= std::numeric_limits<int32_t>::max()) return value;
  fail("{} is not between 1 and 2^31 - 1", value);
  return 1;
}

double TextReader::number() {
  double sign = take("-") ? -1 : 1;
  if (take("inf")) return sign * std::numeric_limits<double>::infinity();
  if (take("nan")) return std::numeric_limits<double>::quiet_NaN();
  std::string text = literal();
  double value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() && !failed()) fail("{} is not a number that a double can hold", text);
  return sign * value;
}

Size TextReader::size() {
  if (take("N")) return Size::n();
  int64_t factor = positive();
  if (!take("*")) return Size::constant(factor);
  expect("N");
  return Size::n(factor);
}

TensorType TextReader::type() {
  TensorType type;
  std::string name = word("an element type");
  bool known = false;
  for (ElementType element : {ElementType::F32, ElementType::F64, ElementType::BF16, ElementType::I32,
                              ElementType::U8, ElementType::Bool})
    if (name == name_of(element)) {
      type.element = element;
      known = true;
    }
  if (!known) fail("`{}` is not an element type", name);
  expect("[");
  if (take("]")) return type;
  do type.shape.push_back(size());
  while (take(","));
  expect("]");
  return type;
}

SourceLocation TextReader::location() {
  SourceLocation location;
  expect("(");
  location.file = quoted_string();
  expect(":");
  location.line = static_cast<int>(positive());
  expect(":");
  location.column = static_cast<int>(positive());
  if (take("+")) location.length = static_cast<int>(positive());
  expect(")");
  return location;
}

} // namespace striate
