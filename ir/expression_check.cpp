#include "ir/expression_check.h"

namespace striate {

const char* name_of(ScalarType type) {
  switch (type) {
  case ScalarType::Real:
    return "real";
  case ScalarType::Int:
    return "int";
  case ScalarType::Bool:
    return "bool";
  }
  CHECK(false);
}

static std::string argument_error(const Expr& e, std::size_t position, ScalarType wanted) {
  return fmt::format("argument {} of {} is {}, not {}", position + 1, name_of(e.function),
                     name_of(e.arguments[position]->type), name_of(wanted));
}

static std::string result_error(const Expr& e, ScalarType wanted) {
  if (e.type == wanted) return "";
  return fmt::format("{} yields {}, not {}", name_of(e.function), name_of(wanted), name_of(e.type));
}

// The arguments from `first` on have one type, which is the result's too where `same`.
static std::string numbers_error(const Expr& e, std::size_t first, bool bools, bool same) {
  ScalarType type = e.arguments[first]->type;
  if (type == ScalarType::Bool && !bools)
    return fmt::format("argument {} of {} is bool", first + 1, name_of(e.function));
  for (std::size_t i = first; i < e.arguments.size(); ++i)
    if (e.arguments[i]->type != type) return argument_error(e, i, type);
  return same ? result_error(e, type) : result_error(e, ScalarType::Bool);
}

static std::string application_error(const Expr& e) {
  if (static_cast<int>(e.arguments.size()) != arity_of(e.function))
    return fmt::format("{} takes {} arguments, not {}", name_of(e.function), arity_of(e.function),
                       e.arguments.size());
  switch (e.function) {
  case Function::Add:
  case Function::Sub:
  case Function::Mul:
  case Function::Div:
  case Function::Neg:
  case Function::Max:
  case Function::Min:
  case Function::Abs:
    return numbers_error(e, 0, false, true);
  case Function::Less:
  case Function::LessEqual:
    return numbers_error(e, 0, false, false);
  case Function::Equal:
    return numbers_error(e, 0, true, false);
  case Function::Select:
    if (e.arguments[0]->type != ScalarType::Bool) return argument_error(e, 0, ScalarType::Bool);
    return numbers_error(e, 1, true, true);
  case Function::And:
  case Function::Or:
  case Function::Not:
    for (std::size_t i = 0; i < e.arguments.size(); ++i)
      if (e.arguments[i]->type != ScalarType::Bool) return argument_error(e, i, ScalarType::Bool);
    return result_error(e, ScalarType::Bool);
  case Function::ToReal:
    return result_error(e, ScalarType::Real);
  case Function::ToInt:
    return result_error(e, ScalarType::Int);
  default:
    break;
  }
  std::size_t reals = e.function == Function::Scale2 ? 1 : e.arguments.size();
  for (std::size_t i = 0; i < reals; ++i)
    if (e.arguments[i]->type != ScalarType::Real) return argument_error(e, i, ScalarType::Real);
  return result_error(e, e.function == Function::Exponent2 ? ScalarType::Int : ScalarType::Real);
}

std::string type_error(const Expr& e) {
  switch (e.kind) {
  case Expr::Kind::Constant:
    return "";
  case Expr::Kind::Index:
    if (e.indices.size() != 1) return "an index value has one index";
    return e.type == ScalarType::Int ? "" : "an index value is an int";
  case Expr::Kind::Scalar:
    if (e.name.empty()) return "a run-time scalar has no name";
    return e.type == ScalarType::Real ? "" : fmt::format("the run-time scalar {} is real", e.name);
  case Expr::Kind::Random:
    if (e.indices.size() != 1) return "a random number has one counter";
    if (e.arguments.size() > 1 || (!e.arguments.empty() && e.arguments[0]->type != ScalarType::Int))
      return "the row of a random number is one int";
    return e.type == ScalarType::Real ? "" : "a random number is real";
  case Expr::Kind::Load:
    if (e.indices.size() != 1) return "a load has one offset";
    if (e.arguments.size() > 2) return "a load has at most one guard and one place";
    if (!e.arguments.empty() && e.arguments[0]->type != ScalarType::Bool)
      return "the guard of a load is not a bool";
    if (e.arguments.size() > 1 && e.arguments[1]->type != ScalarType::Int)
      return "the place of a load is not an int";
    return "";
  case Expr::Kind::Read:
    if (e.arguments.empty()) return "";
    if (e.arguments.size() != e.indices.size()) return "a read has a place for some dimensions only";
    for (const ExprRef& place : e.arguments)
      if (place->type != ScalarType::Int) return "the place of a read is not an int";
    return e.has_else ? "" : "a read at a place of data has no `else`";
  case Expr::Kind::Tile:
    return "";
  case Expr::Kind::Apply:
    return application_error(e);
  }
  CHECK(false);
}

} // namespace striate
