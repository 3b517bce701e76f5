// A cursor over IR text: words, symbols, numbers, strings, sizes, types, places. Shared by the readers of
// definitions, graphs and kernels.
//
// The first error stops everything: it is kept with its line, the cursor moves to the end, and every further
// read yields an empty thing. Readers therefore only check `failed()` where they loop. Any text at all is
// safe to read.
#pragma once

#include "support/result.h"
#include "support/source_location.h"
#include "support/tensor_type.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace striate {

class TextReader {
public:
  // `name` is what errors call the text: "lenet.sir".
  TextReader(std::string_view text, std::string name) : text_(text), name_(std::move(name)) {}

  template <typename... Args>
  void fail(fmt::format_string<Args...> format, Args&&... args) {
    record(fmt::format(format, std::forward<Args>(args)...));
  }
  bool failed() const { return !message_.empty(); }
  Failure failure() const { return {ExitCode::BadData, message_}; }

  bool at_end();
  // The next token, not taken: a word, a symbol or one character; "" at the end.
  std::string_view peek();
  bool next_is(std::string_view token) { return peek() == token; }
  bool take(std::string_view token);
  void expect(std::string_view token);
  // The operator `%`, which a blank follows; `%x` on the next line is a value's name.
  bool next_is_modulo() { return next_is("%") && at_ + 1 < text_.size() && text_[at_ + 1] == ' '; }

  bool next_is_word();
  bool next_is_digit();
  bool next_is_quote() { return next_is("\""); }
  std::string word(const char* what); // letters, digits, `_` and `.`; `what` is for the error
  std::string word_or_string(const char* what);
  std::string quoted_string();
  std::string value_name(); // "%conv1.weight"

  int64_t integer();     // with a sign; up to 2^53 in size
  int64_t positive();    // 1 .. 2^31 - 1
  double number();       // with a sign; inf and nan too
  std::string literal(); // the text of an unsigned number, as it stands
  Size size();
  TensorType type();
  SourceLocation location(); // after `loc`

  // For readers that must look further than one token.
  std::size_t mark() const { return at_; }
  void reset(std::size_t mark) {
    if (!failed()) at_ = mark;
  }

private:
  void record(std::string message);
  void skip_space();

  std::string_view text_;
  std::string name_;
  std::size_t at_ = 0;
  std::string message_;
};

} // namespace striate
