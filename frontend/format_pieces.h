// The tokens of a program with what the syntax tree says of each: the formatter's input. Internal to
// format*.cpp. Semicolons between statements are left out: the layout decides which are needed.
#pragma once

#include "frontend/ast.h"
#include "frontend/lexer.h"

#include <string>
#include <vector>

namespace striate {

inline constexpr std::size_t kNoPiece = SIZE_MAX;

struct Piece {
  Token token;
  std::size_t partner = 0;       // of a bracket: the index of the other piece
  std::size_t opener = kNoPiece; // the innermost bracket round it
  int depth = 0;                 // as Token's
  bool item = false;             // the first of an item (its keyword)
  bool statement = false;        // the first of a statement
  bool setting = false;          // the first of `name = number` in a `train` block
  bool block = false;            // a brace of a block
  bool body = false;             // the opening brace of an item's body
  bool group = false;            // the parenthesis that opens an index group `(g c)`
  bool reduced = false;          // the parenthesis that closes a reduction's indices: its body follows
  bool inputs = false;           // the parenthesis that opens a layer's inputs, after its attributes
  bool gradient = false;         // `grad` after an op
  bool glued = false;            // no space before it: inside of the name after `as`
  bool tight = false;            // an operator without spaces round it
  bool unary = false;            // a sign
  int pad = 0;                   // more spaces before it: an aligned `=`
  std::vector<std::pair<int, std::string>> comments; // own lines above it: line, text with `#`
  std::string trailing;                              // the comment after it on its line, with `#`
  bool comment_before = false;                       // something stands between it and the piece before

  TokenKind kind() const { return token.kind; }
};

// The last piece is the end of the file. `text` must outlive the result.
std::vector<Piece> pieces_of(const std::string& text, const ast::File& file);

// format_spacing.cpp: settles `tight` and `unary`; then the number of spaces before piece i on its line.
void settle_operators(std::vector<Piece>& pieces);
int spaces_before(const std::vector<Piece>& pieces, std::size_t i);
bool is_binary_operator(const std::vector<Piece>& pieces, std::size_t i);

// Columns that a piece of text takes.
int width_of(std::string_view text);

} // namespace striate
