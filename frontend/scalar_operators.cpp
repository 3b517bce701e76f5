#include "frontend/scalar_operators.h"

namespace striate {

using ast::Operator;

ExprRef apply_operator(Operator op, const std::vector<ExprRef>& x) {
  switch (op) {
  case Operator::Or:
    return apply(Function::Or, x);
  case Operator::And:
    return apply(Function::And, x);
  case Operator::Not:
    return apply(Function::Not, x);
  case Operator::Equal:
    return apply(Function::Equal, x);
  case Operator::NotEqual:
    return apply(Function::Not, {apply(Function::Equal, x)});
  case Operator::Less:
    return apply(Function::Less, x);
  case Operator::LessEqual:
    return apply(Function::LessEqual, x);
  case Operator::Greater:
    return apply(Function::Less, {x[1], x[0]});
  case Operator::GreaterEqual:
    return apply(Function::LessEqual, {x[1], x[0]});
  case Operator::Add:
    return apply(Function::Add, x);
  case Operator::Subtract:
    return apply(Function::Sub, x);
  case Operator::Multiply:
    return apply(Function::Mul, x);
  case Operator::Negate:
    return apply(Function::Neg, x);
  case Operator::Divide:
  case Operator::FloorDivide:
  case Operator::Modulo:
  case Operator::Power:
    return nullptr;
  }
  return nullptr;
}

} // namespace striate
