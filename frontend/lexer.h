// Text -> tokens with matched brackets. Assumes nothing of the text: any bytes. Guarantees: the last token is
// End; brackets nest and match, because a missing one was reported and put in (Token::is_repair) and a stray
// one reported and left out; what the language does not use was reported and left out, or read as what was
// meant. So the parser never meets a bracket problem, and can skip whole brackets. Shown by
// tests/frontend/lexer_test.cpp.
#pragma once

#include "frontend/token.h"
#include "support/diagnostics.h"

#include <map>
#include <string>
#include <vector>

namespace striate {

struct TokenList {
  std::vector<Token> tokens;
  std::map<int, std::string_view> comments;          // line -> text after `#`, for lines with nothing else
  std::map<int, std::string_view> trailing_comments; // the same for lines with tokens
};

TokenList lex(const std::string& file, std::string_view text, Diagnostics& diagnostics);

// Whether an item (`op f(`, `model M {`, `train M with`, `use "f"`) begins at tokens[index].
bool begins_item(const std::vector<Token>& tokens, std::size_t index);

// The value of a String token.
std::string decode_string(std::string_view token_text);

SourceLocation location_of(const std::string& file, const Token& token);

} // namespace striate
