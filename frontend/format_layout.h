// Pieces and the places of line breaks -> lines with their indentation. Internal to format*.cpp.
#pragma once

#include "frontend/format_pieces.h"

namespace striate {

struct Breaks {
  std::vector<bool> before; // piece i begins a line
  std::vector<bool> spread; // of an opening brace: its statements stand on lines of their own
};

struct Line {
  std::size_t first = 0, end = 0; // pieces
  int indent = 0;
  int comment_indent = 0; // of comments on the lines above it
  std::string text;       // without indentation
  int width() const { return indent + width_of(text); }
};

// The places that the author's breaks and the rules ask for.
Breaks breaks_of(const std::vector<Piece>& pieces);

// A head of several lines has the brace of its body on a line of its own, and the body is spread.
void settle_bodies(const std::vector<Piece>& pieces, Breaks& breaks);

// Settles Piece::pad.
void align(std::vector<Piece>& pieces, const Breaks& breaks);

std::vector<Line> lay_out(const std::vector<Piece>& pieces, const Breaks& breaks);

// Breaks a line that is too wide at its best place. False where there is none that helps.
bool break_line(const std::vector<Piece>& pieces, const Line& line, Breaks& breaks);

// Whether the block has anything in it.
inline bool is_empty_block(const std::vector<Piece>& pieces, std::size_t opener) {
  return pieces[opener].partner == opener + 1 && !pieces[opener + 1].comment_before;
}

} // namespace striate
