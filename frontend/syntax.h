// Small pieces of syntax, for what is rewritten into the language itself.
#pragma once

#include "frontend/ast.h"

namespace striate::syntax {

inline ast::ExprPtr expression(ast::ExprKind kind, const SourceLocation& place) {
  auto result = std::make_shared<ast::Expr>();
  result->kind = kind;
  result->location = place;
  return result;
}

inline ast::ExprPtr name(const std::string& text, const SourceLocation& place) {
  ast::ExprPtr result = expression(ast::ExprKind::Name, place);
  result->text = text;
  return result;
}

inline ast::ExprPtr integer(int64_t value, const SourceLocation& place) {
  ast::ExprPtr result = expression(ast::ExprKind::Integer, place);
  result->integer = value;
  result->text = std::to_string(value);
  return result;
}

inline ast::ExprPtr binary(ast::Operator op, ast::ExprPtr a, ast::ExprPtr b) {
  ast::ExprPtr result = expression(ast::ExprKind::Binary, a->location);
  result->op = op;
  result->operands = {std::move(a), std::move(b)};
  return result;
}

inline ast::ExprPtr call(const std::string& callee, std::vector<ast::ExprPtr> arguments,
                         const SourceLocation& place) {
  ast::ExprPtr result = expression(ast::ExprKind::Call, place);
  result->operands = {name(callee, place)};
  for (ast::ExprPtr& argument : arguments) result->arguments.push_back({argument->location, "", argument});
  return result;
}

} // namespace striate::syntax
