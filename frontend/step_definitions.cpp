#include "frontend/step_definitions.h"

#include "ir/graph/loops.h"

namespace striate {

TensorType with_steps(TensorType type, int64_t steps) {
  type.shape.insert(type.shape.begin() + step_dimension(type), Size::constant(steps));
  return type;
}

static ExprRef read_by_step(const ExprRef& e, const TensorType& type, const IndexExpr& step) {
  Expr copy = *e;
  copy.indices.insert(copy.indices.begin() + step_dimension(type), step);
  return std::make_shared<const Expr>(std::move(copy));
}

Definition with_steps(const Definition& definition, const std::vector<bool>& by_step, int64_t steps) {
  Definition result = definition;
  const auto has_steps = [&](int operand) {
    return operand >= definition.input_count || by_step[static_cast<std::size_t>(operand)];
  };
  for (std::size_t k = 0; k < result.operands.size(); ++k)
    if (has_steps(static_cast<int>(k))) result.operands[k].type = with_steps(result.operands[k].type, steps);

  for (Statement& statement : result.statements) {
    const TensorType& target = definition.operands[static_cast<std::size_t>(statement.target)].type;
    const int step = step_dimension(target); // the variable's number: after the batch's
    const auto moved = [&](int v) { return v < step ? v : v + 1; };
    for (std::vector<int>& digits : statement.output)
      for (int& digit : digits) digit = moved(digit);
    statement.body = substitute(statement.body, [&](int v) { return IndexExpr::variable(moved(v)); });
    statement.variables.insert(statement.variables.begin() + step, {"t", Size::constant(steps)});
    statement.output.insert(statement.output.begin() + step, {step});
    ++statement.free_count;
    const IndexExpr here = IndexExpr::variable(step);
    statement.body = rewrite(statement.body, [&](const ExprRef& e) -> ExprRef {
      if (e->kind == Expr::Kind::Random) return random_uniform(e->indices[0] * steps + here, e->stream);
      if (e->kind != Expr::Kind::Read || !has_steps(e->operand)) return e;
      return read_by_step(e, definition.operands[static_cast<std::size_t>(e->operand)].type, here);
    });
  }
  return result;
}

// The variables and the target of a statement over all steps; gives the indices of one step.
static std::vector<IndexExpr> over_steps(Statement& statement, const TensorType& type, int64_t steps) {
  const int step = step_dimension(type);
  std::vector<IndexExpr> of_one_step;
  for (int variable = 0; variable <= type.rank(); ++variable) {
    statement.output.push_back({variable});
    if (variable == step) {
      statement.variables.push_back({"t", Size::constant(steps)});
      continue;
    }
    statement.variables.push_back({fmt::format("d{}", of_one_step.size()), type.shape[of_one_step.size()]});
    of_one_step.push_back(IndexExpr::variable(variable));
  }
  statement.free_count = static_cast<int>(statement.variables.size());
  return of_one_step;
}

Definition carried(const TensorType& type, int64_t steps, bool next_by_step, double number, bool has_first) {
  const ScalarType scalar = scalar_type_of(type.element);
  const bool has_next = steps > 1;
  Definition definition;
  definition.name = "carry";
  if (has_next) definition.operands.push_back({"next", next_by_step ? with_steps(type, steps) : type});
  if (has_first) definition.operands.push_back({"first", type});
  definition.input_count = static_cast<int>(definition.operands.size());
  definition.outputs = {definition.input_count};
  definition.operands.push_back({"y", with_steps(type, steps)});

  Statement statement;
  statement.target = definition.input_count;
  const std::vector<IndexExpr> of_one_step = over_steps(statement, type, steps);
  const IndexExpr here = IndexExpr::variable(step_dimension(type));
  const auto whole = static_cast<int64_t>(number);
  ExprRef first = scalar == ScalarType::Int ? constant_int(whole) : constant(number);
  if (has_first) first = read(definition.input_count - 1, of_one_step, scalar);
  std::vector<IndexExpr> before = of_one_step;
  if (next_by_step) before.insert(before.begin() + step_dimension(type), here - 1);
  if (!has_next) {
    statement.body = first;
  } else if (next_by_step && !has_first) {
    statement.body = read(0, std::move(before), scalar, number);
  } else {
    const std::optional<double> otherwise = next_by_step ? std::optional(number) : std::nullopt;
    statement.body = select(apply(Function::LessEqual, {constant_int(1), index_value(here)}),
                            read(0, std::move(before), scalar, otherwise), first);
  }
  definition.statements.push_back(std::move(statement));
  return definition;
}

} // namespace striate
