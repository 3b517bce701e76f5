// The tokens of `.nn` text. A token views the text it came from, which must outlive it.
#pragma once

#include <cstddef>
#include <string_view>

namespace striate {

enum class TokenKind {
#define TOKEN(kind, spelling) kind,
#define RESERVED_WORD(kind, spelling) kind,
#include "frontend/token_list.def"
#undef TOKEN
#undef RESERVED_WORD
};

// `(` for LeftParen, `a name` for Name: as a message shows it.
const char* description_of(TokenKind kind);
bool is_reserved_word(TokenKind kind);
bool is_opener(TokenKind kind);
bool is_closer(TokenKind kind);
TokenKind closer_of(TokenKind opener);

struct Token {
  TokenKind kind = TokenKind::End;
  std::string_view text;
  int line = 1;
  int column = 1;
  bool starts_line = false; // the first token of its line
  bool after_space = false; // not adjacent to the token before
  bool after_stray = false; // something before it was reported and left out; of a string: it has no end
  bool is_repair = false;   // a closing bracket that was missing: already reported, and not in the text
  int depth = 0;            // open brackets around it; an opener and its closer have the same depth
  std::size_t partner = 0;  // of a bracket: the index of the other one
};

} // namespace striate
