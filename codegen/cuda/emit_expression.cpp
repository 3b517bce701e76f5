// Scalar and index expressions as C text. The text evaluates exactly the tree that it is given: C's operators
// do not re-associate, and the compiler is told not to contract.
#include "codegen/cuda/kernel_emitter.h"

#include <algorithm>
#include <cmath>

namespace striate {

const char* cuda_type(ScalarType type) {
  switch (type) {
  case ScalarType::Real:
    return "float";
  case ScalarType::Int:
    return "int";
  case ScalarType::Bool:
    return "bool";
  }
  CHECK(false);
}

const char* cuda_type(ElementType type) {
  switch (type) {
  case ElementType::F32:
    return "float";
  case ElementType::F64:
    return "double";
  case ElementType::BF16:
    return "bfloat16";
  case ElementType::I32:
    return "int";
  case ElementType::U8:
  case ElementType::Bool:
    return "uint8";
  }
  CHECK(false);
}

// The shortest text that reads back as the same f32.
std::string cuda_real(double value) {
  const float rounded = static_cast<float>(value);
  if (std::isnan(rounded)) return "not_a_number()";
  if (std::isinf(rounded)) return rounded > 0 ? "infinity()" : "-infinity()";
  std::string text = fmt::format("{}", rounded);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text + "f";
}

CudaExpression constant_text(ScalarType type, double value) {
  std::string text = type == ScalarType::Real   ? cuda_real(value)
                     : type == ScalarType::Bool ? (value != 0 ? "true" : "false")
                                                : fmt::format("{}", static_cast<int64_t>(value));
  const bool negative = text[0] == '-';
  return {std::move(text), negative ? Strength::Unary : Strength::Primary};
}

static CudaExpression binary(const CudaExpression& a, const char* symbol, const CudaExpression& b,
                             Strength strength) {
  const auto tighter = static_cast<Strength>(static_cast<int>(strength) + 1);
  return {fmt::format("{} {} {}", a.at(strength), symbol, b.at(tighter)), strength};
}

static CudaExpression call(const std::string& function, const std::vector<CudaExpression>& arguments) {
  std::string list;
  for (const CudaExpression& argument : arguments) list += (list.empty() ? "" : ", ") + argument.text;
  return {fmt::format("{}({})", function, list), Strength::Primary};
}

CudaExpression KernelEmitter::term(const IndexExpr::Term& term) const {
  if (term.kind == IndexExpr::TermKind::Variable) return {variables_[term.variable]};
  const bool quotient = term.kind == IndexExpr::TermKind::Quotient;
  const CudaExpression operand = index(*term.operand), divisor{fmt::format("{}", term.divisor)};
  // C rounds towards zero: the same thing where nothing is negative.
  if (term.operand->range([this](int variable) { return range_of(variable); }).low >= 0)
    return binary(operand, quotient ? "/" : "%", divisor, Strength::Product);
  return call(fmt::format("{}<{}>", quotient ? "floor_div" : "floor_mod", index_type_), {operand, divisor});
}

// Reads like the nest of dimensions that it addresses: the largest factor first, equal ones taken together.
CudaExpression KernelEmitter::index(const IndexExpr& e) const {
  std::vector<std::pair<int64_t, CudaExpression>> factors;
  for (const IndexExpr::Term& each : e.terms()) {
    const auto same = std::find_if(factors.begin(), factors.end(),
                                   [&](const auto& factor) { return factor.first == each.coefficient; });
    if (same == factors.end())
      factors.emplace_back(each.coefficient, term(each));
    else
      same->second = binary(same->second, "+", term(each), Strength::Sum);
  }
  std::stable_sort(factors.begin(), factors.end(),
                   [](const auto& a, const auto& b) { return std::abs(a.first) > std::abs(b.first); });
  if (e.constant() != 0 || factors.empty()) factors.emplace_back(e.constant(), CudaExpression{});
  CudaExpression sum;
  for (const auto& [factor, value] : factors) {
    const std::string number = fmt::format("{}", std::abs(factor));
    CudaExpression part = value.text.empty()      ? CudaExpression{number}
                          : std::abs(factor) == 1 ? value
                                                  : binary({number}, "*", value, Strength::Product);
    if (!sum.text.empty())
      sum = {fmt::format("{} {} {}", sum.text, factor < 0 ? "-" : "+",
                         factor < 0 ? part.at(Strength::Product) : part.text),
             Strength::Sum};
    else
      sum = factor < 0 ? CudaExpression{fmt::format("-{}", part.at(Strength::Product)), Strength::Product}
                       : part;
  }
  return sum;
}

int KernelEmitter::slot(const std::string& scalar) const {
  const auto& names = program_.scalars;
  const auto found = std::find(names.begin(), names.end(), scalar);
  CHECK(found != names.end(), "kernel {}: no scalar named {}", kernel_.name, scalar);
  return static_cast<int>(found - names.begin());
}

std::string KernelEmitter::tile_point(int tile) const {
  std::string text = tiles_[tile];
  for (int axis : kernel_.tiles[tile].axes)
    if (axis != lane_) text += fmt::format("[{}]", variables_[axis]);
  return text;
}

PointEmitter::PointEmitter(const KernelEmitter& kernel, const KernelStatement& statement) : kernel_(kernel) {
  for (const ExprRef& root : expressions_of(statement)) {
    ++uses_[root.get()];
    visit(root, [&](const ExprRef& e) {
      for (const ExprRef& argument : e->arguments) ++uses_[argument.get()];
    });
  }
}

std::string PointEmitter::define(const CudaExpression& value, ScalarType type) {
  const std::string name = fmt::format("v{}", definitions_.size());
  definitions_.push_back(fmt::format("const {} {} = {};", cuda_type(type), name, value.text));
  return name;
}

CudaExpression PointEmitter::emit(const ExprRef& e) {
  static constexpr size_t kLongText = 72;
  if (auto known = known_.find(e.get()); known != known_.end()) return known->second;
  CudaExpression value = compute(e);
  const bool leaf = e->kind == Expr::Kind::Constant || e->kind == Expr::Kind::Tile;
  const bool inner = !leaf && uses_[e.get()] > 1;
  if (inner || value.text.size() > kLongText) value = {define(value, e->type), Strength::Primary};
  known_[e.get()] = value;
  return value;
}

CudaExpression PointEmitter::compute(const ExprRef& e) {
  switch (e->kind) {
  case Expr::Kind::Constant:
    return constant_text(e->type, e->constant);
  case Expr::Kind::Index: {
    const CudaExpression value = kernel_.index(e->indices[0]);
    return kernel_.index_type_ == "int" ? value : call("int", {value});
  }
  case Expr::Kind::Scalar:
    return {fmt::format("scalars[{}]", kernel_.slot(e->name))};
  case Expr::Kind::Random: {
    const std::string element = kernel_.index(e->indices[0]).text;
    if (e->arguments.empty())
      return {fmt::format("uniform(seed, uint64({}), step, 0x{:08X}u)", element, e->stream)};
    return {fmt::format("uniform(seed, of_row({}, {}), epoch, 0x{:08X}u)", element,
                        emit(e->arguments[0]).text, e->stream)};
  }
  case Expr::Kind::Apply:
    return apply(e);
  case Expr::Kind::Load:
    return load(e);
  case Expr::Kind::Tile:
    return {kernel_.tile_point(e->operand)};
  case Expr::Kind::Read:
    break;
  }
  CHECK(false, "a graph's read in kernel {}", kernel_.kernel_.name);
}

CudaExpression PointEmitter::load(const ExprRef& e) {
  const KernelBuffer& buffer = kernel_.kernel_.buffers[e->operand];
  CudaExpression at = kernel_.index(e->indices[0]);
  if (has_places(*e)) at = binary(at, "+", emit(e->arguments[1]), Strength::Sum);
  CudaExpression value{fmt::format("{}[{}]", kernel_.buffers_[e->operand], at.text)};
  if (e->type == ScalarType::Bool)
    value = binary(value, "!=", {"0"}, Strength::Equality);
  else if (std::string(cuda_type(buffer.type)) != cuda_type(e->type))
    value = call(cuda_type(e->type), {value});
  if (e->arguments.empty()) return value;
  const std::string guard = emit(e->arguments[0]).at(Strength::Or);
  return {
      fmt::format("{} ? {} : {}", guard, value.at(Strength::Or), constant_text(e->type, e->constant).text),
      Strength::Ternary};
}

CudaExpression PointEmitter::apply(const ExprRef& e) {
  std::vector<CudaExpression> a;
  for (const ExprRef& argument : e->arguments) a.push_back(emit(argument));
  const bool real = e->type == ScalarType::Real;
  switch (e->function) {
  case Function::Add:
    return binary(a[0], "+", a[1], Strength::Sum);
  case Function::Sub:
    return binary(a[0], "-", a[1], Strength::Sum);
  case Function::Mul:
    return binary(a[0], "*", a[1], Strength::Product);
  case Function::Div:
    return real ? binary(a[0], "/", a[1], Strength::Product) : call("floor_div", a);
  case Function::Neg:
    return {fmt::format("-{}", a[0].at(Strength::Primary)), Strength::Unary};
  case Function::Fma:
    return call("fmaf", a);
  case Function::Max:
    return call("max_of", a);
  case Function::Min:
    return call("min_of", a);
  case Function::Abs:
    return call(real ? "fabsf" : "abs", a);
  case Function::Floor:
    return call("floorf", a);
  case Function::Round:
    return call("rintf", a);
  case Function::Bfloat16:
    return call("nearest_bfloat16", a);
  case Function::Sqrt:
    return call("sqrtf", a);
  case Function::Less:
    return binary(a[0], "<", a[1], Strength::Relation);
  case Function::LessEqual:
    return binary(a[0], "<=", a[1], Strength::Relation);
  case Function::Equal:
    return binary(a[0], "==", a[1], Strength::Equality);
  case Function::And:
    return binary(a[0], "&&", a[1], Strength::And);
  case Function::Or:
    return binary(a[0], "||", a[1], Strength::Or);
  case Function::Not:
    return {fmt::format("!{}", a[0].at(Strength::Unary)), Strength::Unary};
  case Function::Select:
    return {
        fmt::format("{} ? {} : {}", a[0].at(Strength::Or), a[1].at(Strength::Or), a[2].at(Strength::Ternary)),
        Strength::Ternary};
  case Function::ToReal:
    return e->arguments[0]->type == ScalarType::Real ? a[0] : call("float", a);
  case Function::ToInt: {
    const ScalarType from = e->arguments[0]->type;
    return from == ScalarType::Int ? a[0] : call(from == ScalarType::Real ? "to_int" : "int", a);
  }
  case Function::Scale2:
    return call("scale2", a);
  case Function::Exponent2:
    return call("exponent2", a);
  case Function::Mantissa2:
    return call("mantissa2", a);
  case Function::Exp:
  case Function::Log:
  case Function::Tanh:
  case Function::Erf:
  case Function::Sin:
  case Function::Cos:
  case Function::Pow:
    break;
  }
  CHECK(false, "{} should have been expanded, in kernel {}", name_of(e->function), kernel_.kernel_.name);
}

} // namespace striate
