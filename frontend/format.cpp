#include "frontend/format.h"

#include "frontend/format_layout.h"
#include "frontend/parser.h"

#include <algorithm>

namespace striate {

namespace {

// Lines -> text, with comments and blank lines.
class Writer {
public:
  Writer(const std::vector<Piece>& pieces, const std::vector<Line>& lines) : pieces_(pieces), lines_(lines) {}

  std::string run() {
    for (std::size_t k = 0; k < lines_.size(); ++k) {
      const Piece& first = pieces_[lines_[k].first];
      const bool begins = first.item || first.statement;
      const bool parted = first.item && is_parted(k);
      comments(first, lines_[k].comment_indent, begins && !after_brace(k), parted);
      const bool apart = begins && !after_brace(k) && first.token.line > source_line_ + 1;
      if (!text_.empty() && (apart || (parted && first.comments.empty()))) blank();
      const std::string& trailing = pieces_[lines_[k].end - 1].trailing;
      text_ += std::string(static_cast<std::size_t>(lines_[k].indent), ' ') + lines_[k].text;
      if (!trailing.empty()) text_ += std::string(static_cast<std::size_t>(gap(k)), ' ') + trailing;
      text_ += '\n';
      source_line_ = pieces_[lines_[k].end - 1].token.line;
    }
    comments(pieces_.back(), 0, true, false);
    return std::move(text_);
  }

private:
  void blank() { text_ += text_.ends_with("\n\n") ? "" : "\n"; }

  bool after_brace(std::size_t k) const {
    return k > 0 && pieces_[lines_[k].first - 1].block && is_opener(pieces_[lines_[k].first - 1].kind());
  }

  // The comments above a line; where `may_part`, blank lines round them stay, one each.
  void comments(const Piece& piece, int indent, bool may_part, bool parted) {
    for (std::size_t i = 0; i < piece.comments.size(); ++i) {
      const auto& [line, comment] = piece.comments[i];
      if (!text_.empty() && ((line > source_line_ + 1 && (may_part || i > 0)) || (parted && i == 0))) blank();
      text_ += std::string(static_cast<std::size_t>(indent), ' ') + comment + "\n";
      source_line_ = line;
    }
  }

  std::size_t lines_of_item(std::size_t k) const {
    std::size_t end = k + 1;
    while (end < lines_.size() && !pieces_[lines_[end].first].item) ++end;
    return end - k;
  }

  // Items stand apart, but for those of one line without comments.
  bool is_parted(std::size_t k) const {
    if (k == 0) return false;
    std::size_t before = k - 1;
    while (before > 0 && !pieces_[lines_[before].first].item) --before;
    return lines_of_item(k) > 1 || k - before > 1 || !pieces_[lines_[k].first].comments.empty();
  }

  // Spaces before the comment at the end of line k: comments on lines in a row stand in one column.
  int gap(std::size_t k) const {
    const auto has = [&](std::size_t i) {
      return i < lines_.size() && !pieces_[lines_[i].end - 1].trailing.empty();
    };
    const auto follows = [&](std::size_t i) { return has(i) && pieces_[lines_[i].first].comments.empty(); };
    std::size_t first = k, last = k;
    while (first > 0 && follows(first) && has(first - 1)) --first;
    while (follows(last + 1)) ++last;
    int widest = 0, comment = 0;
    for (std::size_t i = first; i <= last; ++i) {
      widest = std::max(widest, lines_[i].width());
      comment = std::max(comment, width_of(pieces_[lines_[i].end - 1].trailing));
    }
    return widest + 2 + comment <= kFormatWidth ? widest + 2 - lines_[k].width() : 2;
  }

  const std::vector<Piece>& pieces_;
  const std::vector<Line>& lines_;
  std::string text_;
  int source_line_ = 0;
};

} // namespace

std::optional<std::string> format_program(const std::string& name, const std::string& text,
                                          Diagnostics& diagnostics) {
  const ast::File file = parse(name, text, diagnostics);
  if (diagnostics.has_errors()) return std::nullopt;
  std::vector<Piece> pieces = pieces_of(text, file);
  Breaks breaks = breaks_of(pieces);
  std::vector<Line> lines;
  for (bool changed = true; changed;) {
    settle_bodies(pieces, breaks);
    align(pieces, breaks);
    lines = lay_out(pieces, breaks);
    changed = false;
    for (const Line& line : lines)
      if (line.width() > kFormatWidth && break_line(pieces, line, breaks)) changed = true;
  }
  return Writer(pieces, lines).run();
}

} // namespace striate
