#include "frontend/parser_state.h"

#include <algorithm>
#include <array>

namespace striate {

using ast::ExprKind;
using ast::ExprPtr;

static constexpr std::array<std::string_view, 9> kReducers = {"sum", "prod",   "max",    "min",    "any",
                                                              "all", "argmax", "argmin", "moments"};

static bool is_reducer(std::string_view name) {
  return std::find(kReducers.begin(), kReducers.end(), name) != kReducers.end();
}

// The rest of `(g c)` after its first member. Members are names, numbers, calls and runs: an operator would
// make it unclear where one ends.
ExprPtr Parser::parse_group(ExprPtr head, std::size_t first) {
  std::vector<ExprPtr> members = {head};
  in_index_ = false;
  while (!at(TokenKind::RightParen)) {
    const std::size_t member = at_;
    ExprPtr next = at(TokenKind::DotDot) ? parse_element() : parse_postfix();
    if (next && next->kind == ExprKind::Name && accept(TokenKind::DotDot)) {
      next = node(ExprKind::Run, member);
      next->text = tokens_[member].text;
    }
    if (!next) return nullptr;
    members.push_back(next);
    if (!at(TokenKind::RightParen) && !begins_operand(at_) && !at(TokenKind::DotDot)) {
      expected("an index of the group or `)`")
          .note("a group of indices is written `(g c)`: names side by side, no commas or operators");
      return nullptr;
    }
  }
  ++at_;
  in_index_ = true;
  for (const ExprPtr& member : members)
    if (member->kind != ExprKind::Name && member->kind != ExprKind::Integer &&
        member->kind != ExprKind::Run && member->kind != ExprKind::Call && member->kind != ExprKind::Read &&
        member->kind != ExprKind::Member) {
      error(Diagnostic::UnexpectedToken, member->location,
            "a group of indices is made of names, numbers and calls")
          .note("`(g c)` is one dimension made of two; a product is written with `*`");
      return nullptr;
    }
  return node(ExprKind::Group, first, std::move(members));
}

ExprPtr Parser::parse_read(ExprPtr source, std::size_t first) {
  if (source->kind == ExprKind::Read) {
    error(Diagnostic::BadTarget, place(), "a read has one pair of brackets")
        .help("write `x[i, j]`, not `x[i][j]`");
    return nullptr;
  }
  if (source->kind != ExprKind::Name && source->kind != ExprKind::Member && source->kind != ExprKind::Call &&
      source->kind != ExprKind::List) {
    error(Diagnostic::BadTarget, place(), "only a name can be read at an index")
        .help("give the value a name in a statement of its own, and read that");
    return nullptr;
  }
  std::vector<ExprPtr> operands = {source};
  if (!parse_elements(operands)) return nullptr;
  return node(ExprKind::Read, first, std::move(operands));
}

bool Parser::parse_elements(std::vector<ExprPtr>& elements) {
  const bool outer = in_index_;
  ++at_;
  while (!at(TokenKind::RightBracket)) {
    in_index_ = true;
    elements.push_back(parse_element());
    if (!elements.back()) return false;
    if (accept(TokenKind::Comma)) continue;
    if (at(TokenKind::RightBracket)) break;
    if (at(TokenKind::Colon))
      error(Diagnostic::ForeignSyntax, place(), "there are no slices")
          .help("read the elements at indices, `x[n, i + 1]`, or call an operator that cuts a piece out");
    else
      expected("`,` or `]`");
    return false;
  }
  ++at_;
  in_index_ = outer;
  return true;
}

ExprPtr Parser::parse_element() {
  const std::size_t first = at_;
  if (accept(TokenKind::DotDot)) return node(ExprKind::Run, first);
  ExprPtr element = parse_expression();
  if (!element || element->kind != ExprKind::Name || !at(TokenKind::DotDot)) return element;
  ++at_;
  ExprPtr run = node(ExprKind::Run, first);
  run->text = element->text;
  return run;
}

// `sum(` in index notation. `max` and `min` are also functions of two or more values: they reduce if an index
// has a range, if there is one argument, or if all are bare names and a body follows (on the same line, or in
// parentheses).
bool Parser::at_reduction() const {
  const bool index_notation = surrounding_ == Surrounding::Op || surrounding_ == Surrounding::Optimizer;
  if (!index_notation || !at(TokenKind::Name) || token(1).kind != TokenKind::LeftParen ||
      !is_reducer(token().text))
    return false;
  if (token().text != "max" && token().text != "min") return true;
  const std::size_t open = at_ + 1, close = tokens_[open].partner;
  bool several = false, bare = true;
  for (std::size_t i = open + 1; i < close; ++i) {
    if (tokens_[i].depth != tokens_[open].depth + 1) continue;
    if (tokens_[i].kind == TokenKind::Colon) return true;
    if (tokens_[i].kind == TokenKind::Comma)
      several = true;
    else if (tokens_[i].kind != TokenKind::DotDot)
      bare = bare && tokens_[i].kind == TokenKind::Name;
  }
  if (!several) return !tokens_[close].is_repair;
  const Token& next = tokens_[close + 1];
  const bool same_line = !next.starts_line || next.depth > block_depth_ || next.kind == TokenKind::LeftParen;
  const bool is_statement = next.kind == TokenKind::Name && tokens_[close + 2].kind == TokenKind::Assign;
  return bare && same_line && begins_operand(close + 1) && !is_statement;
}

// sum(c, r: R, s: a..b) body. The body is a product: it ends at a `+`, `-`, comparison, `and` or `or` of its
// level.
ExprPtr Parser::parse_reduction() {
  const std::size_t first = at_;
  auto result = std::make_shared<ast::Expr>();
  result->kind = ExprKind::Reduce;
  result->text = token().text;
  const bool outer = in_index_;
  in_index_ = false;
  at_ += 2;
  while (!at(TokenKind::RightParen)) {
    ast::ReduceIndex index;
    index.location = place();
    if (at(TokenKind::Name)) {
      index.name = token().text;
      ++at_;
    } else if (!at(TokenKind::DotDot)) {
      expected("the name of an index")
          .note("`{}(i, j: size)` names the indices it runs over; what it reduces follows the parentheses",
                result->text);
      return nullptr;
    }
    index.run = accept(TokenKind::DotDot);
    if (!index.run && accept(TokenKind::Colon)) {
      index.range = parse_range();
      if (!index.range) return nullptr;
    }
    result->indices.push_back(std::move(index));
    if (accept(TokenKind::Comma)) continue;
    if (at(TokenKind::RightParen)) break;
    expected("`,`, `:` or `)`")
        .note("`{}(i, j: size)` names the indices it runs over; what it reduces follows the parentheses",
              result->text);
    return nullptr;
  }
  if (result->indices.empty()) {
    expected("the name of an index");
    return nullptr;
  }
  ++at_;
  in_index_ = outer;
  ExprPtr body = parse_binary(kProduct);
  if (!body) return nullptr;
  result->operands = {body};
  return finished(result, first);
}

} // namespace striate
