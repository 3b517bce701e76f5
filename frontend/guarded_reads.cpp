// Reads that may fall outside, and reads at places that data decides: `(table[token[n, t], d] else 0)`.
#include "frontend/definition_builder.h"

#include "frontend/print_ast.h"
#include "frontend/syntax.h"

#include <algorithm>

namespace striate {

using ast::ExprKind;

bool DefinitionBuilder::depends_on_data(const ast::Expr& element) const {
  switch (element.kind) {
  case ExprKind::Reduce:
    return true;
  case ExprKind::Name:
    return find(element.text) >= 0;
  case ExprKind::Call: {
    const ast::Expr& callee = *element.operands[0];
    if (callee.text == "random") return true;
    return std::any_of(element.arguments.begin(), element.arguments.end(),
                       [&](const ast::Argument& argument) { return depends_on_data(*argument.value); });
  }
  default:
    return std::any_of(element.operands.begin(), element.operands.end(),
                       [&](const ast::ExprPtr& operand) { return depends_on_data(*operand); });
  }
}

// (x[i] else v)
ExprRef DefinitionBuilder::guarded_read(const ast::Expr& expr, Context& context) {
  const ast::Expr& otherwise = *expr.operands[1];
  const std::vector<ast::ExprPtr>& parts = expr.operands[0]->operands;
  if (std::any_of(parts.begin() + 1, parts.end(),
                  [&](const auto& element) { return depends_on_data(*element); }))
    return read_by_data(*expr.operands[0], otherwise, context);
  if (is_compile_time(otherwise, context)) {
    const CompileTimeValue value = evaluator_.evaluate(otherwise, scope_);
    if (value.is_unknown()) return nullptr;
    if (const auto number = value.number()) return read_of(*expr.operands[0], context, *number);
  }
  ExprRef inside = read_of(*expr.operands[0], context, 0);
  ExprRef outside = inside ? scalar(otherwise, context) : nullptr;
  if (!outside) return nullptr;
  const ExprRef& element = inside->kind == Expr::Kind::Apply ? inside->arguments[0] : inside;
  if (!element->has_else) return inside;
  ExprRef condition = constant_bool(true);
  const TensorType& type = definition_.operands[static_cast<std::size_t>(element->operand)].type;
  for (std::size_t d = 0; d < element->indices.size(); ++d)
    if (!type.shape[d].batch)
      condition =
          apply(Function::And,
                {condition, in_range(element->indices[d], 0, type.shape[d].factor - 1, context.ranges())});
  return select(condition, inside, outside);
}

ExprRef DefinitionBuilder::read_by_data(const ast::Expr& read, const ast::Expr& otherwise, Context& context) {
  const int operand = read.operands[0]->kind == ExprKind::Name ? find(read.operands[0]->text) : -1;
  const auto dimensions = operand < 0 ? std::nullopt : dimensions_of(read, operand);
  if (!dimensions) return read_of(read, context, 0); // says what is wrong
  // A copy: statements that are added below move the operands.
  const TensorType type = definition_.operands[static_cast<std::size_t>(operand)].type;

  // The read with 0 for each index that is data, which gives the places of the others.
  auto plain = std::make_shared<ast::Expr>(read);
  std::vector<ExprRef> places(type.shape.size(), constant_int(0));
  for (std::size_t i = 1; i < read.operands.size(); ++i) {
    const ast::ExprPtr& element = read.operands[i];
    if (!depends_on_data(*element)) continue;
    const std::size_t d = (*dimensions)[i - 1].first;
    if (element->kind == ExprKind::Group || type.shape[d].batch) {
      reporter_.error(Diagnostic::BadIndex, element->location, "`{}` {}", print_expr(*element),
                      type.shape[d].batch
                          ? "would read across the examples of the batch"
                          : "depends on data, which decides a whole dimension's place and not a group's");
      return nullptr;
    }
    ExprRef wanted = scalar(*element, context);
    if (!wanted) return nullptr;
    if (wanted->type != ScalarType::Int) {
      reporter_
          .error(Diagnostic::WrongType, element->location, "a place is an integer, and `{}` is not one",
                 print_expr(*element))
          .help("write `int({})`", print_expr(*element));
      return nullptr;
    }
    places[d] = std::move(wanted);
    plain->operands[i] = syntax::integer(0, element->location);
  }
  const ExprRef frame = read_of(*plain, context, 0);
  if (!frame) return nullptr;
  const Expr& element = frame->kind == Expr::Kind::Apply ? *frame->arguments[0] : *frame;
  std::optional<double> number;
  if (is_compile_time(otherwise, context)) {
    const CompileTimeValue value = evaluator_.evaluate(otherwise, scope_);
    if (value.is_unknown()) return nullptr;
    number = value.number();
  }
  ExprRef inside = read_at_places(operand, element.indices, places, element.type, number.value_or(0));
  if (frame->kind == Expr::Kind::Apply) inside = apply(Function::ToReal, {inside});
  if (number) return inside;
  const ExprRef outside = scalar(otherwise, context);
  if (!outside) return nullptr;
  ExprRef condition = constant_bool(true);
  for (std::size_t d = 0; d < places.size(); ++d) {
    if (type.shape[d].batch) continue;
    const int64_t last = type.shape[d].factor - 1;
    if (is_constant(places[d], 0)) {
      condition = apply(Function::And, {condition, in_range(element.indices[d], 0, last, context.ranges())});
      continue;
    }
    const ExprRef at = index_value(element.indices[d]) + places[d];
    condition = apply(Function::And, {condition, apply(Function::LessEqual, {constant_int(0), at})});
    condition = apply(Function::And, {condition, apply(Function::LessEqual, {at, constant_int(last)})});
  }
  return select(condition, inside, outside);
}

} // namespace striate
