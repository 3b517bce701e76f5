#include "frontend/evaluate.h"

#include "frontend/print_ast.h"

#include <algorithm>
#include <limits>
#include <numbers>
#include <set>

namespace striate {

using ast::Expr;
using ast::ExprKind;
using ast::Operator;
using Kind = CompileTimeValue::Kind;

static constexpr int64_t kRepeatLimit = 10'000;

static bool is_literal(const Expr& expr) {
  return expr.kind == ExprKind::Integer || expr.kind == ExprKind::Real || expr.kind == ExprKind::Boolean ||
         expr.kind == ExprKind::String;
}

CompileTimeValue Evaluator::evaluate(const Expr& expr, Scope& scope) {
  if (!reporter_.spend(1, expr.location)) return {};
  CompileTimeValue value = evaluate_kind(expr, scope);
  if (reporter_.is_heard(expr.location) && !is_literal(expr))
    reporter_.found(Finding::Kind::Value, expr.location, finding_text(value));
  return value;
}

std::string Evaluator::finding_text(const CompileTimeValue& value) const {
  switch (value.kind) {
  case Kind::Size:
  case Kind::Real:
  case Kind::Bool:
  case Kind::Text:
    return text_of(value);
  case Kind::List: {
    std::string text;
    for (const CompileTimeValue& item : value.items) text += (text.empty() ? "" : ", ") + finding_text(item);
    return "(" + text + ")";
  }
  default:
    return "";
  }
}

CompileTimeValue Evaluator::evaluate_kind(const Expr& expr, Scope& scope) {
  switch (expr.kind) {
  case ExprKind::Integer:
    return CompileTimeValue::of(expr.integer);
  case ExprKind::Real:
    return CompileTimeValue::of_real(expr.real);
  case ExprKind::Boolean:
    return CompileTimeValue::of_bool(expr.integer != 0);
  case ExprKind::String:
    return CompileTimeValue::of_text(expr.text);
  case ExprKind::Name:
    if (const CompileTimeValue* value = scope.find(expr.text)) return *value;
    if (expr.text == "inf") return CompileTimeValue::of_real(std::numeric_limits<double>::infinity());
    if (expr.text == "pi") return CompileTimeValue::of_real(std::numbers::pi);
    if (library_.find_callable(expr.text)) return evaluate_other(expr, scope);
    unknown_name(expr.text, expr.location, scope, "value");
    return {};
  case ExprKind::List:
  case ExprKind::Tuple: {
    std::vector<CompileTimeValue> items;
    for (const ast::ExprPtr& operand : expr.operands) items.push_back(evaluate(*operand, scope));
    return CompileTimeValue::of_list(std::move(items));
  }
  case ExprKind::Unary:
  case ExprKind::Binary: {
    std::vector<CompileTimeValue> operands = {evaluate(*expr.operands[0], scope)};
    if (expr.kind == ExprKind::Binary) {
      // `and` and `or` look at the second operand only where it matters.
      if (operands[0].kind == Kind::Bool && ((expr.op == Operator::And && !operands[0].truth) ||
                                             (expr.op == Operator::Or && operands[0].truth)))
        return operands[0];
      operands.push_back(evaluate(*expr.operands[1], scope));
    }
    return combine(expr, operands);
  }
  case ExprKind::Read:
    return element_of(expr, scope);
  case ExprKind::If: {
    const auto condition = evaluate_condition(*expr.operands[0], scope);
    if (!condition) return {};
    if (!*condition && !expr.otherwise) {
      reporter_
          .error(Diagnostic::MissingValue, expr.location,
                 "this `if` has no value where its condition is false")
          .help("add `else {{ ... }}`");
      return {};
    }
    return evaluate_block(*condition ? *expr.block : *expr.otherwise, scope);
  }
  case ExprKind::Call:
    if (expr.operands[0]->kind == ExprKind::Name && is_compile_time_function(expr.operands[0]->text) &&
        !scope.find(expr.operands[0]->text))
      return call_function(expr, scope);
    return evaluate_other(expr, scope);
  default:
    return evaluate_other(expr, scope);
  }
}

std::optional<CompileTimeValue> Evaluator::try_evaluate(const Expr& expr, Scope& scope) {
  const bool quiet = reporter_.is_quiet();
  reporter_.set_quiet(true);
  CompileTimeValue value = evaluate(expr, scope);
  reporter_.set_quiet(quiet);
  if (value.is_unknown()) return std::nullopt;
  return value;
}

CompileTimeValue Evaluator::combine(const Expr& expr, const std::vector<CompileTimeValue>& operands) {
  Folded folded = operands.size() == 1 ? fold_unary(expr.op, operands[0])
                                       : fold_binary(expr.op, operands[0], operands[1]);
  if (folded.problem)
    reporter_.error(Diagnostic::BadValue, expr.location, "`{}`: {}", print_expr(expr), *folded.problem);
  return folded.value;
}

CompileTimeValue Evaluator::element_of(const Expr& expr, Scope& scope) {
  const CompileTimeValue list = evaluate(*expr.operands[0], scope);
  if (list.is_unknown()) return {};
  if (list.kind != Kind::List || expr.operands.size() != 2) {
    reporter_.error(Diagnostic::WrongType, expr.location, "`{}` is {}, not a list of values",
                    print_expr(*expr.operands[0]), description_of(list));
    return {};
  }
  const CompileTimeValue index = evaluate(*expr.operands[1], scope);
  if (index.is_unknown()) return {};
  const auto number = index.integer();
  if (!number || *number < 0 || *number >= static_cast<int64_t>(list.items.size())) {
    reporter_.error(Diagnostic::BadValue, expr.location, "`{}` has elements 0 to {}, not {}",
                    print_expr(*expr.operands[0]), list.items.size() - 1, text_of(index));
    return {};
  }
  return list.items[static_cast<std::size_t>(*number)];
}

CompileTimeValue Evaluator::call_function(const Expr& expr, Scope& scope) {
  std::vector<CompileTimeValue> arguments;
  for (const ast::Argument& argument : expr.arguments) {
    if (!argument.name.empty()) {
      reporter_.error(Diagnostic::WrongArgument, argument.location, "`{}` has no argument names",
                      expr.operands[0]->text);
      return {};
    }
    arguments.push_back(evaluate(*argument.value, scope));
    if (arguments.back().is_tensor()) return call_on_tensors(expr, std::move(arguments), scope);
  }
  Folded folded = *fold_function(expr.operands[0]->text, arguments);
  if (folded.problem)
    reporter_.error(Diagnostic::BadValue, expr.location, "`{}`: {}", print_expr(expr), *folded.problem);
  return folded.value;
}

CompileTimeValue Evaluator::call_on_tensors(const Expr& call, std::vector<CompileTimeValue>, Scope& scope) {
  return evaluate_other(call, scope);
}

std::optional<bool> Evaluator::evaluate_condition(const Expr& expr, Scope& scope) {
  const CompileTimeValue value = evaluate(expr, scope);
  if (value.is_unknown()) return std::nullopt;
  if (value.kind == Kind::Bool) return value.truth;
  reporter_.error(Diagnostic::WrongType, expr.location, "a condition is true or false, and `{}` is {}",
                  print_expr(expr), description_of(value));
  return std::nullopt;
}

std::optional<int64_t> Evaluator::evaluate_integer(const Expr& expr, Scope& scope, const std::string& what,
                                                   int64_t least) {
  const CompileTimeValue value = evaluate(expr, scope);
  if (value.is_unknown()) return std::nullopt;
  const auto number = value.integer();
  if (!number) {
    reporter_.error(Diagnostic::WrongType, expr.location, "{} is an integer, not {}", what,
                    description_of(value));
    return std::nullopt;
  }
  if (*number < least) {
    reporter_.error(Diagnostic::BadValue, expr.location, "{} is at least {}, not {}", what, least, *number);
    return std::nullopt;
  }
  return number;
}

std::optional<std::pair<int64_t, int64_t>> Evaluator::repeat_range(const Expr& expr, Scope& scope) {
  const Expr& range = *expr.operands[0];
  const auto first = evaluate_integer(*range.operands[0], scope, "the beginning of a range", INT64_MIN);
  const auto end =
      first ? evaluate_integer(*range.operands[1], scope, "the end of a range", INT64_MIN) : std::nullopt;
  if (!end) return std::nullopt;
  if (*end > *first &&
      static_cast<uint64_t>(*end) - static_cast<uint64_t>(*first) > static_cast<uint64_t>(kRepeatLimit)) {
    reporter_.error(Diagnostic::TooMuchWork, range.location,
                    "this `repeat` runs {} times; at most {} are allowed",
                    static_cast<uint64_t>(*end) - static_cast<uint64_t>(*first), kRepeatLimit);
    return std::nullopt;
  }
  return std::pair(*first, *end);
}

std::optional<std::string> Evaluator::name_piece(const Expr& expr, Scope& scope) {
  const CompileTimeValue value = evaluate(expr, scope);
  if (value.is_unknown()) return std::nullopt;
  if (value.kind == Kind::Text) return value.text;
  if (value.integer()) return text_of(value);
  reporter_.error(Diagnostic::WrongType, expr.location, "a name is made of integers and texts, not {}",
                  description_of(value));
  return std::nullopt;
}

CompileTimeValue Evaluator::evaluate_other(const Expr& expr, Scope&) {
  reporter_.error(Diagnostic::WrongType, expr.location, "`{}` is not known at compile time",
                  print_expr(expr));
  return {};
}

CompileTimeValue Evaluator::evaluate_block(const ast::Block& block, Scope& scope) {
  Scope inner(&scope);
  CompileTimeValue value;
  for (const ast::Stmt& statement : block.statements) {
    if (statement.kind == ast::StmtKind::Assign && statement.targets.size() == 1 &&
        statement.targets[0]->kind == ExprKind::Name) {
      inner.bind(statement.targets[0]->text, evaluate(*statement.value, inner), statement.location);
    } else if (statement.kind == ast::StmtKind::Value) {
      value = evaluate(*statement.value, inner);
    } else {
      reporter_.error(Diagnostic::WrongType, statement.location, "this is not known at compile time");
      return {};
    }
  }
  if (block.statements.empty() || block.statements.back().kind != ast::StmtKind::Value)
    reporter_.error(Diagnostic::MissingValue, block.location, "this block has no value")
        .note("the value of a block is its last statement");
  return value;
}

DiagnosticMessage& Evaluator::unknown_name(const std::string& name, const SourceLocation& place,
                                           const Scope& scope, const char* what) {
  std::vector<std::string> candidates;
  scope.collect_names(candidates);
  std::sort(candidates.begin(), candidates.end());
  const std::string values = fmt::format("{}", fmt::join(candidates, ", "));
  for (ast::ItemKind kind : {ast::ItemKind::Layer, ast::ItemKind::Op})
    for (std::string& known : library_.names(kind)) candidates.push_back(std::move(known));
  DiagnosticMessage& message =
      reporter_.unknown_name(Diagnostic::UnknownName, place, name,
                             fmt::format("no {} is called `{}` here", what, name), candidates, &library_);
  constexpr std::size_t kListed = 120;
  if (message.remarks.empty() && std::string_view(what) == "value" && !values.empty() &&
      values.size() <= kListed)
    message.note("the values here are {}", values);
  return message;
}

void visit_expressions(const ast::Block& block, const std::function<void(const Expr&)>& see) {
  for (const ast::Stmt& statement : block.statements) {
    for (const ast::ExprPtr& target : statement.targets) visit_expressions(*target, see);
    if (statement.value) visit_expressions(*statement.value, see);
    for (const ast::ExprPtr& dimension : statement.parameter.type.dimensions)
      visit_expressions(*dimension, see);
    if (statement.parameter.default_value) visit_expressions(*statement.parameter.default_value, see);
    if (statement.block) visit_expressions(*statement.block, see);
  }
}

void visit_expressions(const Expr& expr, const std::function<void(const Expr&)>& see) {
  see(expr);
  for (const ast::ExprPtr& operand : expr.operands) visit_expressions(*operand, see);
  for (const ast::Argument& argument : expr.arguments) visit_expressions(*argument.value, see);
  for (const ast::ReduceIndex& index : expr.indices)
    if (index.range) visit_expressions(*index.range, see);
  for (const ast::PathPart& part : expr.path)
    if (part.value) visit_expressions(*part.value, see);
  if (expr.block) visit_expressions(*expr.block, see);
  if (expr.otherwise) visit_expressions(*expr.otherwise, see);
}

std::string values_of_names(const Expr& expr, const Scope& scope) {
  std::string text;
  std::set<std::string> seen;
  visit_expressions(expr, [&](const Expr& part) {
    if (part.kind != ExprKind::Name || !seen.insert(part.text).second) return;
    const CompileTimeValue* value = scope.find(part.text);
    if (!value || value->is_unknown() || value->is_tensor() || value->layer) return;
    text += (text.empty() ? "" : ", ") + part.text + " = " + text_of(*value);
  });
  return text;
}

} // namespace striate
