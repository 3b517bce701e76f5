#include "frontend/format_layout.h"

namespace striate {

namespace {

constexpr int kStep = 4;
constexpr int kFarArrow = 48; // `->` at the beginning of a line does not align with a first one beyond this

class Layout {
public:
  Layout(const std::vector<Piece>& pieces, const Breaks& breaks) : pieces_(pieces), breaks_(breaks) {}

  std::vector<Line> run() {
    for (at_ = 0; pieces_[at_].kind() != TokenKind::End; ++at_) {
      enter_statement();
      place();
      update();
    }
    if (!lines_.empty()) lines_.back().end = at_;
    return std::move(lines_);
  }

private:
  enum class Kind { Head, Where, Block, Statement, Bracket };
  struct Frame {
    Kind kind = Kind::Head;
    int base = 0;   // where its content begins
    int closer = 0; // indentation of its closer
    int arrow = -1; // column of its first `->`
  };

  const Piece& piece() const { return pieces_[at_]; }
  Frame& top() { return frames_.back(); }

  // Frames of what has ended give way to that of what begins here.
  void enter_statement() {
    if (piece().item || piece().gradient) frames_ = {{Kind::Head, 0, 0, -1}};
    if (piece().kind() == TokenKind::Where && frames_.size() == 1)
      frames_.push_back({Kind::Where, 10, 4, -1});
    if (piece().body)
      while (frames_.size() > 1) frames_.pop_back();
    if (piece().statement && top().kind == Kind::Statement) frames_.pop_back();
    if (is_closer(piece().kind())) {
      if (piece().block && top().kind == Kind::Statement) frames_.pop_back();
      if (piece().kind() != TokenKind::RightBrace || piece().block) {
        closed_ = top();
        frames_.pop_back();
      }
    }
  }

  int indentation() {
    if (piece().item || piece().gradient || piece().body) return 0;
    if (piece().kind() == TokenKind::Where) return kStep;
    if (is_closer(piece().kind())) return closed_.closer;
    const Frame& frame = top();
    if (piece().statement) return frame.base;
    switch (frame.kind) {
    case Kind::Bracket:
      return frame.base + (continues_element() ? kStep : 0);
    case Kind::Where:
      return frame.base;
    default:
      break;
    }
    if (piece().kind() == TokenKind::Arrow) return arrow_column(frame);
    if (piece().kind() == TokenKind::Else) return frame.base;
    if (frame.kind == Kind::Head && frame.arrow >= 0) return frame.arrow + 3; // further outputs
    return frame.base + kStep;
  }

  int arrow_column(const Frame& frame) const {
    return frame.arrow >= 0 && frame.arrow <= kFarArrow ? frame.arrow : frame.base + kStep;
  }

  // Inside of brackets: an operator, `->` or a reduction's body goes on with what stands before it.
  bool continues_element() const {
    return is_binary_operator(pieces_, at_) || piece().kind() == TokenKind::Arrow ||
           (at_ > 0 && pieces_[at_ - 1].reduced);
  }

  void place() {
    if (breaks_.before[at_] || lines_.empty()) {
      if (!lines_.empty()) lines_.back().end = at_;
      Line line;
      line.first = at_;
      line.indent = column_ = indentation();
      line.comment_indent = line.indent + (piece().block && is_closer(piece().kind()) ? kStep : 0);
      lines_.push_back(std::move(line));
    } else {
      std::string gap(static_cast<std::size_t>(spaces_before(pieces_, at_)), ' ');
      if (piece().statement && pieces_[at_ - 1].kind() != TokenKind::LeftBrace)
        gap = piece().setting ? "    " : "; ";
      lines_.back().text += gap;
      column_ += static_cast<int>(gap.size());
    }
    lines_.back().text += piece().token.text;
    start_ = column_;
    column_ += width_of(piece().token.text);
    // A line that began so would go on with the statement before it.
    if (breaks_.before[at_] && piece().statement && pieces_[at_ - 1].kind() != TokenKind::LeftBrace &&
        (piece().kind() == TokenKind::Minus || piece().kind() == TokenKind::LeftParen ||
         piece().kind() == TokenKind::LeftBracket))
      lines_[lines_.size() - 2].text += ";";
  }

  void update() {
    const bool hangs = breaks_.before[at_ + 1];
    if (piece().statement) frames_.push_back({Kind::Statement, start_, start_, -1});
    if (piece().kind() == TokenKind::Arrow && top().arrow < 0) top().arrow = start_;
    if (piece().kind() == TokenKind::Comma && top().kind == Kind::Bracket) top().arrow = -1;
    if (piece().block && piece().kind() == TokenKind::LeftBrace) {
      const int closer = breaks_.spread[at_] ? block_indent() : start_;
      frames_.push_back({Kind::Block, closer + kStep, closer, -1});
    } else if (piece().kind() == TokenKind::LeftParen || piece().kind() == TokenKind::LeftBracket) {
      const int indent = lines_.back().indent;
      frames_.push_back({Kind::Bracket, hangs ? indent + kStep : column_, indent, -1});
    }
  }

  // Of the closing brace of a block that opens here.
  int block_indent() {
    const Line& line = lines_.back();
    const Piece& begin = pieces_[line.first];
    if (piece().body) return 0;
    if (begin.kind() == TokenKind::RightBrace) return line.indent;
    if (top().kind == Kind::Bracket) return top().base;
    return line.indent + (begin.kind() == TokenKind::Arrow ? 3 : 0);
  }

  const std::vector<Piece>& pieces_;
  const Breaks& breaks_;
  std::vector<Frame> frames_ = {{}};
  Frame closed_;
  std::vector<Line> lines_;
  std::size_t at_ = 0;
  int column_ = 0, start_ = 0;
};

} // namespace

std::vector<Line> lay_out(const std::vector<Piece>& pieces, const Breaks& breaks) {
  return Layout(pieces, breaks).run();
}

} // namespace striate
