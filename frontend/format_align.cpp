// Consecutive elements of an op, and consecutive splits, have their `=` in one column.
#include "frontend/format_layout.h"

#include <algorithm>

namespace striate {

namespace {

class Aligner {
public:
  Aligner(std::vector<Piece>& pieces, const Breaks& breaks) : pieces_(pieces), breaks_(breaks) {}

  void run() {
    for (std::size_t i = 0; i < pieces_.size(); ++i) {
      if (pieces_[i].item) item_ = pieces_[i].token.text;
      if (pieces_[i].kind() == TokenKind::RightBrace) flush();
      if (!pieces_[i].statement) continue;
      const std::size_t sign = aligned_sign(i);
      const bool apart = !pieces_[i].comments.empty() || (i > 0 && pieces_[i].token.line > last_line(i) + 1);
      if (sign == 0 || apart || !breaks_.before[i]) flush();
      if (sign > 0 && breaks_.before[i]) group_.emplace_back(i, sign);
    }
  }

private:
  static constexpr int kMostPadding = 24;

  int last_line(std::size_t i) const { return pieces_[i - 1].token.line; }

  // Of a statement that takes part: the index of its `=`; else 0.
  std::size_t aligned_sign(std::size_t first) const {
    const bool split = item_ == "data" && pieces_[first].token.text == "split";
    if (!split && (item_ != "op" || pieces_[first].kind() != TokenKind::Name ||
                   pieces_[first + 1].kind() != TokenKind::LeftBracket))
      return 0;
    for (std::size_t i = first; i < pieces_.size(); ++i) {
      if (pieces_[i].depth != pieces_[first].depth) continue;
      if (pieces_[i].kind() == TokenKind::Assign) return i;
      if (i > first && pieces_[i].statement) return 0;
    }
    return 0;
  }

  int width(std::size_t first, std::size_t end) const {
    int result = 0;
    for (std::size_t i = first; i < end; ++i)
      result += width_of(pieces_[i].token.text) + (i > first ? spaces_before(pieces_, i) : 0);
    return result;
  }

  void flush() {
    int widest = 0, narrowest = 1000;
    for (const auto& [first, sign] : group_) {
      widest = std::max(widest, width(first, sign));
      narrowest = std::min(narrowest, width(first, sign));
    }
    if (widest - narrowest <= kMostPadding)
      for (const auto& [first, sign] : group_) pieces_[sign].pad = widest - width(first, sign);
    group_.clear();
  }

  std::vector<Piece>& pieces_;
  const Breaks& breaks_;
  std::string_view item_;
  std::vector<std::pair<std::size_t, std::size_t>> group_;
};

} // namespace

void align(std::vector<Piece>& pieces, const Breaks& breaks) {
  for (Piece& piece : pieces) piece.pad = 0;
  Aligner(pieces, breaks).run();
}

} // namespace striate
