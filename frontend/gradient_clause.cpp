#include "frontend/gradient_clause.h"

#include "frontend/syntax.h"

#include <functional>
#include <set>

namespace striate {

using ast::ExprKind;

static std::string adjoint_of(const std::string& tensor) { return tensor + ".grad"; }

// A copy of a tree in which `replace` may put another node for any; nullptr there: keep it, and go on below.
using Replace = std::function<ast::ExprPtr(const ast::Expr&)>;
static ast::BlockPtr copy(const ast::Block& block, const Replace& replace);

static ast::ExprPtr copy(const ast::ExprPtr& expr, const Replace& replace) {
  if (!expr) return nullptr;
  if (ast::ExprPtr other = replace(*expr)) return other;
  auto result = std::make_shared<ast::Expr>(*expr);
  for (ast::ExprPtr& operand : result->operands) operand = copy(operand, replace);
  for (ast::Argument& argument : result->arguments) argument.value = copy(argument.value, replace);
  for (ast::ReduceIndex& index : result->indices) index.range = copy(index.range, replace);
  if (result->block) result->block = copy(*result->block, replace);
  if (result->otherwise) result->otherwise = copy(*result->otherwise, replace);
  return result;
}

static ast::BlockPtr copy(const ast::Block& block, const Replace& replace) {
  auto result = std::make_shared<ast::Block>(block);
  for (ast::Stmt& statement : result->statements) statement.value = copy(statement.value, replace);
  return result;
}

std::optional<ast::Item> gradient_item(const ast::Item& op, Reporter& reporter) {
  std::set<std::string> inputs, outputs, assigned;
  for (const ast::Parameter& input : op.inputs) inputs.insert(input.name);
  for (const ast::Parameter& output : op.outputs) outputs.insert(output.name);

  ast::Item result = op;
  result.preconditions.clear(); // the op's own hold already
  result.gradient = nullptr;
  result.body = copy(*op.gradient, [&](const ast::Expr& expr) -> ast::ExprPtr {
    const bool adjoint = expr.kind == ExprKind::Member && expr.text == "grad" &&
                         expr.operands[0]->kind == ExprKind::Name && outputs.contains(expr.operands[0]->text);
    return adjoint ? syntax::name(adjoint_of(expr.operands[0]->text), expr.location) : nullptr;
  });
  for (ast::Stmt& statement : result.body->statements)
    for (ast::ExprPtr& target : statement.targets) {
      const bool read = target->kind == ExprKind::Read;
      const ast::Expr& tensor = read ? *target->operands[0] : *target;
      if (tensor.kind != ExprKind::Name || !inputs.contains(tensor.text)) continue;
      assigned.insert(tensor.text);
      ast::ExprPtr adjoint = syntax::name(adjoint_of(tensor.text), tensor.location);
      if (read) {
        target = std::make_shared<ast::Expr>(*target);
        target->operands[0] = std::move(adjoint);
      } else {
        target = std::move(adjoint);
      }
    }
  if (assigned.empty()) {
    reporter
        .error(Diagnostic::MissingValue, op.gradient->location,
               "the `grad` clause of `{}` assigns none of its inputs", op.name)
        .help("write the adjoint of an input by that of an output: `{}[..] = {}.grad[..] * ...`",
              op.inputs.empty() ? "x" : op.inputs[0].name, op.outputs.empty() ? "y" : op.outputs[0].name);
    return std::nullopt;
  }
  const auto adjoint_parameter = [](ast::Parameter parameter) {
    parameter.name = adjoint_of(parameter.name);
    parameter.type.name.clear();
    return parameter;
  };
  result.inputs.insert(result.inputs.end(), op.outputs.begin(), op.outputs.end());
  for (const ast::Parameter& output : op.outputs) result.inputs.push_back(adjoint_parameter(output));
  result.outputs.clear();
  for (const ast::Parameter& input : op.inputs)
    if (assigned.contains(input.name)) result.outputs.push_back(adjoint_parameter(input));
  return result;
}

} // namespace striate
