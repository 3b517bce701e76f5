#include "exchange/notation_operators.h"

namespace striate {

// The operators of ONNX that the notation is written with. Where a line of std/ fits, its operator is taken
// instead.
const char* onnx_operator_of(Function function) {
  switch (function) {
  case Function::Add:
    return "Add";
  case Function::Sub:
    return "Sub";
  case Function::Mul:
    return "Mul";
  case Function::Div:
    return "Div";
  case Function::Neg:
    return "Neg";
  case Function::Max:
    return "Max";
  case Function::Min:
    return "Min";
  case Function::Abs:
    return "Abs";
  case Function::Floor:
    return "Floor";
  case Function::Round:
    return "Round";
  case Function::Sqrt:
    return "Sqrt";
  case Function::Exp:
    return "Exp";
  case Function::Log:
    return "Log";
  case Function::Tanh:
    return "Tanh";
  case Function::Erf:
    return "Erf";
  case Function::Sin:
    return "Sin";
  case Function::Cos:
    return "Cos";
  case Function::Pow:
    return "Pow";
  case Function::Less:
    return "Less";
  case Function::LessEqual:
    return "LessOrEqual";
  case Function::Equal:
    return "Equal";
  case Function::And:
    return "And";
  case Function::Or:
    return "Or";
  case Function::Not:
    return "Not";
  case Function::Select:
    return "Where";
  case Function::Fma:
  case Function::ToReal:
  case Function::ToInt:
  case Function::Bfloat16:
  case Function::Scale2:
  case Function::Exponent2:
  case Function::Mantissa2:
    break;
  }
  return nullptr;
}

const char* onnx_operator_of(Reducer reducer) {
  switch (reducer) {
  case Reducer::Sum:
    return "ReduceSum";
  case Reducer::Prod:
    return "ReduceProd";
  case Reducer::Max:
  case Reducer::Any:
    return "ReduceMax";
  case Reducer::Min:
  case Reducer::All:
    return "ReduceMin";
  case Reducer::ArgMax:
    return "ArgMax";
  case Reducer::ArgMin:
    return "ArgMin";
  case Reducer::None:
    break;
  }
  return nullptr;
}

} // namespace striate
