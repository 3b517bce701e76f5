#include "frontend/unroll_train.h"

#include "frontend/print_ast.h"

namespace striate {

using ast::ExprKind;
using ast::ExprPtr;
using ast::Stmt;
using ast::StmtKind;

namespace {

class Unroller {
public:
  Unroller(Reporter& reporter, const Library& library) : reporter_(reporter), evaluator_(reporter, library) {}

  ast::BlockPtr unroll(const ast::Block& block, Scope& scope, bool in_phase) {
    auto result = std::make_shared<ast::Block>();
    result->location = block.location;
    append(block, scope, in_phase, *result);
    return result;
  }

private:
  void append(const ast::Block& block, Scope& scope, bool in_phase, ast::Block& result) {
    for (const Stmt& statement : block.statements) {
      if (!reporter_.spend(1, statement.location)) return;
      if (statement.kind == StmtKind::Value && control(*statement.value, scope, in_phase, result)) continue;
      if (statement.kind == StmtKind::Phase && in_phase) {
        reporter_.error(Diagnostic::BadSetting, statement.location, "a phase has no phases of its own");
        continue;
      }
      Stmt copy = statement;
      bool sound = replace(copy.targets, scope) && replace(copy.exclusions, scope);
      if (copy.value) sound = sound && (copy.value = replaced(copy.value, scope));
      if (!sound) continue;
      if (copy.block) copy.block = unroll(*copy.block, scope, true);
      result.statements.push_back(std::move(copy));
    }
  }

  // True where the expression was a `repeat` or an `if`.
  bool control(const ast::Expr& expr, Scope& scope, bool in_phase, ast::Block& result) {
    if (expr.kind == ExprKind::Repeat) {
      const auto range = evaluator_.repeat_range(expr, scope);
      for (int64_t i = range ? range->first : 0; range && i < range->second; ++i) {
        Scope inner(&scope);
        inner.bind(expr.text, CompileTimeValue::of(i));
        append(*expr.block, inner, in_phase, result);
      }
      return true;
    }
    if (expr.kind != ExprKind::If) return false;
    const auto holds = evaluator_.evaluate_condition(*expr.operands[0], scope);
    if (!holds) return true;
    if (*holds || expr.otherwise) append(*holds ? *expr.block : *expr.otherwise, scope, in_phase, result);
    return true;
  }

  bool replace(std::vector<ExprPtr>& exprs, Scope& scope) {
    for (ExprPtr& expr : exprs)
      if (!(expr = replaced(expr, scope))) return false;
    return true;
  }

  // With numbers for indices and names for computed names; nullptr after an error.
  ExprPtr replaced(const ExprPtr& expr, Scope& scope) {
    if (!reporter_.spend(1, expr->location)) return nullptr;
    if (expr->kind == ExprKind::Path) return name_of(*expr, scope);
    if (expr->kind == ExprKind::Name) {
      const CompileTimeValue* index = scope.find(expr->text);
      if (!index) return expr;
      auto number = std::make_shared<ast::Expr>();
      number->kind = ExprKind::Integer;
      number->location = expr->location;
      number->integer = *index->integer();
      number->text = std::to_string(number->integer);
      return number;
    }
    auto copy = std::make_shared<ast::Expr>(*expr);
    if (!replace(copy->operands, scope)) return nullptr;
    for (ast::Argument& argument : copy->arguments)
      if (!(argument.value = replaced(argument.value, scope))) return nullptr;
    for (ast::BlockPtr* block : {&copy->block, &copy->otherwise})
      if (*block && !(*block = replaced(**block, scope))) return nullptr;
    return copy;
  }

  // The block of an `if` in an expression.
  ast::BlockPtr replaced(const ast::Block& block, Scope& scope) {
    auto copy = std::make_shared<ast::Block>(block);
    for (Stmt& statement : copy->statements)
      if (statement.value && !(statement.value = replaced(statement.value, scope))) return nullptr;
    return copy;
  }

  // `enc{i}.weight` as the name and its members.
  ExprPtr name_of(const ast::Expr& path, Scope& scope) {
    std::string text;
    for (const ast::PathPart& part : path.path) {
      if (!part.value) {
        text += part.text;
        continue;
      }
      const auto piece = evaluator_.name_piece(*part.value, scope);
      if (!piece) return nullptr;
      text += *piece;
    }
    ExprPtr result;
    for (std::size_t begin = 0; begin <= text.size();) {
      const std::size_t end = std::min(text.find('.', begin), text.size());
      auto part = std::make_shared<ast::Expr>();
      part->kind = result ? ExprKind::Member : ExprKind::Name;
      part->location = path.location;
      part->text = text.substr(begin, end - begin);
      if (result) part->operands = {result};
      result = part;
      begin = end + 1;
    }
    return result;
  }

  Reporter& reporter_;
  Evaluator evaluator_;
};

} // namespace

ast::BlockPtr unroll_train(const ast::Block& block, Reporter& reporter, const Library& library) {
  Scope none;
  return Unroller(reporter, library).unroll(block, none, false);
}

} // namespace striate
