// Where lines break: first the author's breaks that stand at a good place, then those that a wide line needs.
#include "frontend/format_layout.h"

#include "frontend/format.h"

#include <algorithm>

namespace striate {

namespace {

// Whether piece i stands in parentheses or square brackets, not directly in a block.
bool is_bracketed(const std::vector<Piece>& pieces, std::size_t i) {
  return pieces[i].opener != kNoPiece && pieces[pieces[i].opener].kind() != TokenKind::LeftBrace;
}

class Rules {
public:
  explicit Rules(const std::vector<Piece>& pieces) : pieces_(pieces) {
    breaks_.before.assign(pieces.size() + 1, false);
    breaks_.spread.assign(pieces.size() + 1, false);
  }

  Breaks run() {
    // Inner blocks first: one that holds a spread block is spread.
    for (std::size_t i = pieces_.size(); i-- > 0;)
      if (pieces_[i].block && pieces_[i].kind() == TokenKind::LeftBrace && is_spread(i))
        spread(pieces_, i, breaks_);
    for (std::size_t i = 1; i < pieces_.size(); ++i)
      if (keeps(i)) breaks_.before[i] = true;
    for (std::size_t i = 1; i < pieces_.size(); ++i) {
      const TokenKind kind = pieces_[i].kind();
      // Brackets that begin with a break end with one.
      if ((kind == TokenKind::RightParen || kind == TokenKind::RightBracket) && !pieces_[i].comment_before)
        breaks_.before[i] = breaks_.before[pieces_[i].partner + 1] && pieces_[i].token.starts_line;
    }
    return std::move(breaks_);
  }

  static void spread(const std::vector<Piece>& pieces, std::size_t opener, Breaks& breaks) {
    const std::size_t closer = pieces[opener].partner;
    breaks.spread[opener] = breaks.before[closer] = true;
    bool first = true;
    for (std::size_t i = opener + 1; i < closer; ++i) {
      if (!pieces[i].statement || pieces[i].depth != pieces[opener].depth + 1) continue;
      const bool joins =
          !first && pieces[i].setting && previous_is_setting(pieces, i) && !pieces[i].token.starts_line;
      breaks.before[i] = !joins;
      first = false;
    }
  }

private:
  static bool previous_is_setting(const std::vector<Piece>& pieces, std::size_t i) {
    const int depth = pieces[i].depth;
    while (i-- > 0 && pieces[i].depth >= depth)
      if (pieces[i].statement && pieces[i].depth == depth) return pieces[i].setting;
    return false;
  }

  bool is_spread(std::size_t opener) const {
    const std::size_t closer = pieces_[opener].partner;
    if (is_empty_block(pieces_, opener)) return false;
    if (pieces_[opener + 1].token.starts_line || pieces_[closer].token.starts_line) return true;
    for (std::size_t i = opener + 1; i <= closer; ++i) {
      if (pieces_[i].comment_before) return true;
      if (breaks_.spread[i]) return true;
      if (pieces_[i].statement && pieces_[i].token.starts_line &&
          pieces_[i].depth == pieces_[opener].depth + 1)
        return true;
    }
    return false;
  }

  // Whether the author's break before piece i stays.
  bool keeps(std::size_t i) const {
    const Piece& piece = pieces_[i];
    const Piece& before = pieces_[i - 1];
    if (piece.comment_before || piece.item) return true;
    if (piece.statement || piece.block) return breaks_.before[i];
    if (piece.kind() == TokenKind::Where) return true;
    if (piece.kind() == TokenKind::End) return true;
    const bool bracketed = is_bracketed(pieces_, i);
    if (is_binary_operator(pieces_, i)) {
      const bool asked = piece.token.starts_line || pieces_[i + 1].token.starts_line;
      return asked && !pieces_[i + 1].comment_before && (bracketed || piece.kind() != TokenKind::SlashSlash);
    }
    if (!piece.token.starts_line || is_closer(piece.kind())) return false;
    if (is_binary_operator(pieces_, i - 1)) return false; // it stands before the operator
    return piece.kind() == TokenKind::Arrow || piece.gradient || before.kind() == TokenKind::Comma ||
           before.kind() == TokenKind::Semicolon || before.reduced ||
           (is_opener(before.kind()) && !before.block && !before.glued &&
            before.kind() != TokenKind::LeftBrace) ||
           (piece.kind() == TokenKind::Else && bracketed);
  }

  const std::vector<Piece>& pieces_;
  Breaks breaks_;
};

// Places that may take a break, best first.
enum class Place { Body, Arrow, Block, Message, Element, Or, And, Comparison, Sum, Product, None };

Place place_at(const std::vector<Piece>& pieces, std::size_t i, const Breaks& breaks) {
  const Piece& piece = pieces[i];
  if (piece.glued) return Place::None;
  if (piece.block && piece.kind() == TokenKind::LeftBrace && !breaks.spread[i] && !is_empty_block(pieces, i))
    return piece.body ? Place::Body : Place::Block;
  const bool bracketed = is_bracketed(pieces, i);
  if (pieces[i - 1].kind() == TokenKind::Comma || pieces[i - 1].kind() == TokenKind::Semicolon)
    return bracketed ? Place::Element : Place::Message;
  switch (piece.kind()) {
  case TokenKind::Arrow:
    return Place::Arrow;
  case TokenKind::Or:
    return Place::Or;
  case TokenKind::And:
    return Place::And;
  case TokenKind::Plus:
  case TokenKind::Minus:
    return piece.unary ? Place::None : Place::Sum;
  case TokenKind::Star:
  case TokenKind::Slash:
  case TokenKind::Percent:
    return Place::Product;
  case TokenKind::SlashSlash:
    return bracketed ? Place::Product : Place::None;
  default:
    return piece.kind() >= TokenKind::Less && piece.kind() <= TokenKind::NotEqual ? Place::Comparison
                                                                                  : Place::None;
  }
}

struct Candidate {
  std::size_t piece = 0;
  Place place = Place::None;
  int column = 0; // where the line would end
};

} // namespace

void settle_bodies(const std::vector<Piece>& pieces, Breaks& breaks) {
  std::size_t item = 0;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    if (pieces[i].item) item = i;
    if (!pieces[i].body || pieces[i].comment_before) continue;
    bool broken = false;
    for (std::size_t k = item + 1; k < i; ++k) broken = broken || breaks.before[k];
    breaks.before[i] = broken && breaks.spread[i];
    if (broken && !breaks.spread[i] && !is_empty_block(pieces, i)) {
      Rules::spread(pieces, i, breaks);
      breaks.before[i] = true;
    }
  }
}

Breaks breaks_of(const std::vector<Piece>& pieces) { return Rules(pieces).run(); }

bool break_line(const std::vector<Piece>& pieces, const Line& line, Breaks& breaks) {
  std::vector<Candidate> all;
  int column = line.indent + width_of(pieces[line.first].token.text), least = 1 << 20;
  for (std::size_t i = line.first + 1; i < line.end; ++i) {
    const Place place = place_at(pieces, i, breaks);
    if (place != Place::None) all.push_back({i, place, column});
    column += spaces_before(pieces, i) + width_of(pieces[i].token.text);
    least = std::min(least, pieces[i].depth);
  }
  for (int depth = least; !all.empty(); ++depth) {
    std::vector<Candidate> here;
    bool deeper = false;
    for (const Candidate& each : all) {
      deeper = deeper || pieces[each.piece].depth > depth;
      // A break that would move little of the line helps little.
      const bool helps =
          each.column > line.indent + 8 || each.place == Place::Block || each.place == Place::Body;
      if (pieces[each.piece].depth == depth && helps) here.push_back(each);
    }
    if (here.empty()) {
      if (!deeper) return false;
      continue;
    }
    const Place best =
        std::ranges::min_element(here, {}, [](const Candidate& each) { return each.place; })->place;
    std::erase_if(here, [&](const Candidate& each) { return each.place != best; });
    if (best == Place::Block || best == Place::Body) {
      for (const Candidate& each : here)
        for (std::size_t i = each.piece; i != kNoPiece; i = pieces[i].opener) // and the blocks round it
          if (pieces[i].block && !breaks.spread[i]) Rules::spread(pieces, i, breaks);
      return true;
    }
    if (best == Place::Element) { // of the widest bracket; before the attributes, where there is a `;`
      std::size_t widest = here[0].piece;
      const auto extent = [&](std::size_t i) {
        const std::size_t opener = pieces[i].opener;
        return std::min(pieces[opener].partner, line.end) - opener;
      };
      for (const Candidate& each : here)
        if (extent(each.piece) > extent(widest)) widest = each.piece;
      std::erase_if(
          here, [&](const Candidate& each) { return pieces[each.piece].opener != pieces[widest].opener; });
      for (const Candidate& each : here)
        if (pieces[each.piece - 1].kind() == TokenKind::Semicolon && each.column <= kFormatWidth) {
          breaks.before[each.piece] = true;
          return true;
        }
    }
    std::size_t chosen = here[0].piece;
    for (const Candidate& each : here)
      if (each.column <= kFormatWidth) chosen = each.piece;
    breaks.before[chosen] = true;
    return true;
  }
  return false;
}

} // namespace striate
