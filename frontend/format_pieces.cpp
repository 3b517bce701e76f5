#include "frontend/format_pieces.h"

#include <algorithm>
#include <tuple>

namespace striate {

using ast::ExprKind;

namespace {

// The pieces of a name with computed parts, from its first, stand side by side.
void glue_path(std::vector<Piece>& pieces, std::size_t i) {
  while (true) {
    if (pieces[i].kind() == TokenKind::LeftBrace) {
      pieces[i + 1].glued = true;
      i = pieces[i].partner;
      pieces[i].glued = true;
    }
    ++i;
    const bool goes_on = !pieces[i].token.after_space && !pieces[i].token.starts_line &&
                         pieces[i].kind() != TokenKind::End &&
                         (pieces[i].kind() == TokenKind::Name || pieces[i].kind() == TokenKind::Integer ||
                          pieces[i].kind() == TokenKind::Real || pieces[i].kind() == TokenKind::Dot ||
                          pieces[i].kind() == TokenKind::LeftBrace || is_reserved_word(pieces[i].kind()));
    if (!goes_on) return;
    pieces[i].glued = true;
  }
}

std::string with_sign(std::string_view comment) {
  while (!comment.empty() && (comment.back() == ' ' || comment.back() == '\t')) comment.remove_suffix(1);
  return "#" + std::string(comment);
}

// Walks the tree and marks the pieces it meets.
class Marker {
public:
  explicit Marker(std::vector<Piece>& pieces) : pieces_(pieces) {}

  void file(const ast::File& file) {
    if (!pieces_.empty() && pieces_[0].token.text == "striate" && file.version == 1) pieces_[0].item = true;
    for (const ast::Item& each : file.items) item(each);
  }

private:
  std::size_t find(const SourceLocation& place) const {
    const auto at = std::lower_bound(
        pieces_.begin(), pieces_.end(), place, [](const Piece& piece, const SourceLocation& wanted) {
          return std::tuple(piece.token.line, piece.token.column) < std::tuple(wanted.line, wanted.column);
        });
    return static_cast<std::size_t>(at - pieces_.begin());
  }

  void item(const ast::Item& item) {
    const std::size_t name = find(item.location);
    pieces_[name - 1].item = true;
    in_train_ = item.kind == ast::ItemKind::Train;
    if (item.kind == ast::ItemKind::Layer || item.kind == ast::ItemKind::Optimizer) {
      const std::size_t closer = pieces_[name + 1].partner;
      if (pieces_[closer + 1].kind() == TokenKind::LeftParen) pieces_[closer + 1].inputs = true;
    }
    for (const auto* list : {&item.attributes, &item.inputs, &item.outputs})
      for (const ast::Parameter& each : *list) parameter(each);
    for (const ast::Precondition& each : item.preconditions) expression(each.condition);
    expression(item.subject);
    expression(item.with);
    if (item.body) {
      const std::size_t opener = find(item.body->location);
      pieces_[opener].body = true;
      block(*item.body);
      if (item.gradient) gradients(pieces_[opener].partner + 1);
    }
    if (item.gradient) block(*item.gradient);
  }

  // `grad`, once or more, up to the next item.
  void gradients(std::size_t i) {
    for (; i < pieces_.size() && !pieces_[i].item && pieces_[i].kind() != TokenKind::End; ++i)
      if (pieces_[i].token.text == "grad" && pieces_[i].depth == 0 &&
          (pieces_[i + 1].kind() == TokenKind::LeftBrace || pieces_[i + 1].kind() == TokenKind::Name))
        pieces_[i].gradient = true;
  }

  void block(const ast::Block& block) {
    const std::size_t opener = find(block.location);
    const bool braces = pieces_[opener].kind() == TokenKind::LeftBrace;
    if (braces) pieces_[opener].block = pieces_[pieces_[opener].partner].block = true;
    for (const ast::Stmt& each : block.statements) {
      if (braces) {
        const std::size_t first = find(each.location);
        pieces_[first].statement = true;
        pieces_[first].setting =
            in_train_ && each.kind == ast::StmtKind::Assign &&
            pieces_[first + 1].kind() == TokenKind::Assign &&
            (each.value->kind == ExprKind::Integer || each.value->kind == ExprKind::Real);
      }
      for (const ast::ExprPtr& target : each.targets) expression(target);
      for (const ast::ExprPtr& exclusion : each.exclusions) expression(exclusion);
      expression(each.value);
      parameter(each.parameter);
      if (each.block) this->block(*each.block);
    }
  }

  void parameter(const ast::Parameter& parameter) {
    for (const ast::ExprPtr& dimension : parameter.type.dimensions) expression(dimension);
    expression(parameter.default_value);
  }

  void expression(const ast::ExprPtr& expr) {
    if (!expr) return;
    if (expr->kind == ExprKind::Reduce) pieces_[pieces_[find(expr->location) + 1].partner].reduced = true;
    if (expr->kind == ExprKind::Group) pieces_[find(expr->location)].group = true;
    if (expr->kind == ExprKind::Path) glue_path(pieces_, find(expr->location));
    for (const ast::ExprPtr& operand : expr->operands) expression(operand);
    for (const ast::Argument& argument : expr->arguments) expression(argument.value);
    for (const ast::ReduceIndex& index : expr->indices) expression(index.range);
    for (const ast::PathPart& part : expr->path) expression(part.value);
    if (expr->block) block(*expr->block);
    if (expr->otherwise) block(*expr->otherwise);
  }

  std::vector<Piece>& pieces_;
  bool in_train_ = false;
};

// Names after `as`.
void glue_paths(std::vector<Piece>& pieces) {
  for (std::size_t as = 0; as + 1 < pieces.size(); ++as)
    if (pieces[as].kind() == TokenKind::As && pieces[as - 1].kind() != TokenKind::Dot)
      glue_path(pieces, as + 1);
}

} // namespace

int width_of(std::string_view text) {
  return static_cast<int>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::vector<Piece> pieces_of(const std::string& text, const ast::File& file) {
  Diagnostics unused; // the text parsed without errors
  const TokenList list = lex(file.name, text, unused);
  // A `;` directly in a block or between items separates statements; in parentheses it separates attributes.
  std::vector<Piece> pieces;
  std::vector<std::size_t> index(list.tokens.size()), open;
  for (std::size_t i = 0; i < list.tokens.size(); ++i) {
    const Token& token = list.tokens[i];
    if (is_closer(token.kind)) open.pop_back();
    const bool separates = token.kind == TokenKind::Semicolon &&
                           (open.empty() || list.tokens[open.back()].kind == TokenKind::LeftBrace);
    if (is_opener(token.kind)) open.push_back(i);
    index[i] = pieces.size();
    if (separates) continue;
    Piece piece;
    piece.token = token;
    piece.depth = token.depth;
    pieces.push_back(std::move(piece));
  }
  open.clear();
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const bool opens = is_opener(pieces[i].kind()), closes = is_closer(pieces[i].kind());
    if (opens || closes) pieces[i].partner = index[pieces[i].token.partner];
    if (closes) open.pop_back();
    if (!open.empty()) pieces[i].opener = open.back();
    if (opens) open.push_back(i);
  }

  auto own = list.comments.begin();
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const int line = pieces[i].token.line;
    for (; own != list.comments.end() && (own->first < line || pieces[i].kind() == TokenKind::End); ++own)
      pieces[i].comments.emplace_back(own->first, with_sign(own->second));
    if (i > 0 && pieces[i - 1].token.line < line) {
      const auto found = list.trailing_comments.find(pieces[i - 1].token.line);
      if (found != list.trailing_comments.end()) pieces[i - 1].trailing = with_sign(found->second);
    }
    pieces[i].comment_before = !pieces[i].comments.empty() || (i > 0 && !pieces[i - 1].trailing.empty());
  }
  if (pieces.size() > 1) {
    const auto found = list.trailing_comments.find(pieces[pieces.size() - 2].token.line);
    if (found != list.trailing_comments.end()) pieces[pieces.size() - 2].trailing = with_sign(found->second);
  }
  Marker(pieces).file(file);
  glue_paths(pieces);
  settle_operators(pieces);
  return pieces;
}

} // namespace striate
