// Where spaces stand. Sums, comparisons and what is looser always have spaces round them; a product has none
// inside of index brackets (`2*padding[0] - 1`), nor as a term of a sum whose products are all made of short
// factors (`momentum*v + g`).
#include "frontend/format_pieces.h"

namespace striate {

namespace {

bool ends_operand(const std::vector<Piece>& pieces, std::size_t i) {
  const Piece& piece = pieces[i];
  switch (piece.kind()) {
  case TokenKind::Name:
  case TokenKind::Integer:
  case TokenKind::Real:
  case TokenKind::String:
  case TokenKind::True:
  case TokenKind::False:
  case TokenKind::RightBracket:
  case TokenKind::RightBrace:
    return true;
  case TokenKind::RightParen:
    return !piece.reduced;
  default:
    return piece.glued;
  }
}

bool is_sum(TokenKind kind) {
  return kind == TokenKind::Plus || kind == TokenKind::Minus ||
         (kind >= TokenKind::Less && kind <= TokenKind::NotEqual);
}

bool is_product(TokenKind kind) {
  return kind == TokenKind::Star || kind == TokenKind::Slash || kind == TokenKind::SlashSlash ||
         kind == TokenKind::Percent;
}

class Products {
public:
  explicit Products(std::vector<Piece>& pieces) : pieces_(pieces) {}

  // From `i` to the closer of the surrounding bracket.
  std::size_t settle(std::size_t i, bool in_index) {
    std::vector<std::size_t> products; // of the whole sum
    bool sum = false, all_short = true, short_term = true, product_in_term = false;
    const auto end_term = [&] {
      all_short = all_short && (short_term || !product_in_term);
      short_term = true;
      product_in_term = false;
    };
    const auto end_sum = [&] {
      end_term();
      for (const std::size_t each : products) {
        const bool fraction = products.size() == 1 && is_number(each - 1) && is_number(each + 1);
        const bool tight = in_index || (sum && all_short) || (fraction && !sum);
        pieces_[each].tight =
            tight && (pieces_[each].kind() == TokenKind::Star || (pieces_[each].kind() == TokenKind::Slash));
      }
      products.clear();
      sum = false;
      all_short = true;
    };
    for (; pieces_[i].kind() != TokenKind::End && !is_closer(pieces_[i].kind()); ++i) {
      const TokenKind kind = pieces_[i].kind();
      if (pieces_[i].statement || pieces_[i].item) end_sum();
      if (is_opener(kind)) {
        short_term = short_term && is_short(i);
        if (kind == TokenKind::LeftBrace && pieces_[i].block) end_sum();
        i = settle(i + 1, kind == TokenKind::LeftBracket ||
                              (in_index && !(kind == TokenKind::LeftBrace && pieces_[i].block)));
      } else if (is_product(kind)) {
        products.push_back(i);
        product_in_term = true;
      } else if (kind == TokenKind::StarStar) {
        pieces_[i].tight = in_index || (is_short_end(i - 1) && is_short_begin(i + 1));
      } else if (is_sum(kind) && !pieces_[i].unary) {
        end_term();
        sum = true;
      } else if (!ends_operand(pieces_, i) && kind != TokenKind::Dot && !pieces_[i].unary) {
        end_sum();
      }
    }
    end_sum();
    return i;
  }

private:
  static constexpr std::size_t kShort = 6; // pieces in the parentheses of a short factor

  bool is_number(std::size_t i) const {
    return pieces_[i].kind() == TokenKind::Integer || pieces_[i].kind() == TokenKind::Real;
  }

  // Of a factor's bracket: `padding[0]`, `(R - 1)`; no call.
  bool is_short(std::size_t opener) const {
    const std::size_t closer = pieces_[opener].partner;
    if (pieces_[opener].kind() == TokenKind::LeftBracket)
      return closer == opener + 2 && pieces_[opener + 1].kind() != TokenKind::DotDot;
    if (pieces_[opener].kind() != TokenKind::LeftParen || closer - opener > kShort + 1) return false;
    if (opener > 0 && ends_operand(pieces_, opener - 1)) return false;
    for (std::size_t i = opener + 1; i < closer; ++i) {
      if (pieces_[i].kind() == TokenKind::LeftParen || pieces_[i].kind() == TokenKind::Comma) return false;
      if (pieces_[i].kind() == TokenKind::LeftBracket && !is_short(i)) return false;
    }
    return opener == 0 || !pieces_[opener - 1].reduced;
  }

  bool is_short_end(std::size_t i) const {
    return pieces_[i].kind() == TokenKind::Name || is_number(i) ||
           (pieces_[i].kind() == TokenKind::RightBracket && is_short(pieces_[i].partner));
  }

  bool is_short_begin(std::size_t i) const {
    if (pieces_[i].unary) return is_short_begin(i + 1);
    if (pieces_[i].kind() != TokenKind::Name && !is_number(i)) return false;
    return pieces_[i + 1].kind() != TokenKind::LeftParen &&
           (pieces_[i + 1].kind() != TokenKind::LeftBracket || is_short(i + 1));
  }

  std::vector<Piece>& pieces_;
};

} // namespace

bool is_binary_operator(const std::vector<Piece>& pieces, std::size_t i) {
  const TokenKind kind = pieces[i].kind();
  return (is_sum(kind) || is_product(kind) || kind == TokenKind::StarStar || kind == TokenKind::And ||
          kind == TokenKind::Or) &&
         !pieces[i].unary && !pieces[i].glued;
}

void settle_operators(std::vector<Piece>& pieces) {
  for (std::size_t i = 0; i < pieces.size(); ++i)
    pieces[i].unary = pieces[i].kind() == TokenKind::Minus &&
                      (i == 0 || pieces[i].statement || !ends_operand(pieces, i - 1));
  Products(pieces).settle(0, false);
}

int spaces_before(const std::vector<Piece>& pieces, std::size_t i) {
  if (i == 0) return 0;
  const Piece& piece = pieces[i];
  const Piece& before = pieces[i - 1];
  const TokenKind kind = piece.kind(), last = before.kind();
  if (piece.glued) return 0;
  if (piece.tight || before.tight || before.unary) return 0;
  switch (kind) {
  case TokenKind::Comma:
  case TokenKind::Semicolon:
  case TokenKind::RightParen:
  case TokenKind::RightBracket:
  case TokenKind::Dot:
  case TokenKind::Colon:
    return 0;
  case TokenKind::LeftParen:
    if (piece.inputs) return 1;
    if (last == TokenKind::Name || (last == TokenKind::RightParen && !before.reduced)) return 0;
    break;
  case TokenKind::LeftBracket:
    if (last == TokenKind::DotDot || last == TokenKind::Integer ||
        (ends_operand(pieces, i - 1) && last != TokenKind::RightBrace))
      return 0;
    break;
  case TokenKind::DotDot:
    if (ends_operand(pieces, i - 1)) return 0;
    break;
  case TokenKind::Assign:
    return 1 + piece.pad;
  default:
    break;
  }
  if (last == TokenKind::LeftParen || last == TokenKind::LeftBracket || last == TokenKind::Dot) return 0;
  if (last == TokenKind::DotDot) {
    // A range is written without spaces; runs in a group, and `x.. SIZE: int`, have names of their own after
    // them.
    const bool in_group = piece.opener != kNoPiece && pieces[piece.opener].group;
    const bool size_name = kind == TokenKind::Name && pieces[i + 1].kind() == TokenKind::Colon;
    const bool begins_operand = kind == TokenKind::Name || kind == TokenKind::Integer ||
                                kind == TokenKind::Real || kind == TokenKind::LeftParen || piece.unary;
    return begins_operand && !in_group && !size_name ? 0 : 1;
  }
  return 1;
}

} // namespace striate
