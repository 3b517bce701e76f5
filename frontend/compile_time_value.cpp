#include "frontend/compile_time_value.h"

#include "ir/expression_text.h"
#include "support/check.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <numbers>

namespace striate {

using Kind = CompileTimeValue::Kind;
using ast::Operator;

CompileTimeValue CompileTimeValue::of(Size size) {
  CompileTimeValue value;
  value.kind = Kind::Size;
  value.size = size;
  return value;
}

CompileTimeValue CompileTimeValue::of_real(double number) {
  CompileTimeValue value;
  value.kind = Kind::Real;
  value.real = number;
  return value;
}

CompileTimeValue CompileTimeValue::of_bool(bool truth) {
  CompileTimeValue value;
  value.kind = Kind::Bool;
  value.truth = truth;
  return value;
}

CompileTimeValue CompileTimeValue::of_text(std::string text) {
  CompileTimeValue value;
  value.kind = Kind::Text;
  value.text = std::move(text);
  return value;
}

CompileTimeValue CompileTimeValue::of_tensor(int tensor) {
  CompileTimeValue value;
  value.kind = Kind::Tensor;
  value.tensor = tensor;
  return value;
}

CompileTimeValue CompileTimeValue::of_list(std::vector<CompileTimeValue> items) {
  CompileTimeValue value;
  value.kind = Kind::List;
  value.items = std::move(items);
  return value;
}

std::optional<int64_t> CompileTimeValue::integer() const {
  if (kind == Kind::Size && !size.batch) return size.factor;
  return std::nullopt;
}

std::optional<double> CompileTimeValue::number() const {
  if (kind == Kind::Real) return real;
  if (auto value = integer()) return static_cast<double>(*value);
  return std::nullopt;
}

std::string text_of(const CompileTimeValue& value) {
  switch (value.kind) {
  case Kind::Unknown:
    return "?";
  case Kind::Size:
    return value.size.text();
  case Kind::Real:
    return real_text(value.real);
  case Kind::Bool:
    return value.truth ? "true" : "false";
  case Kind::Text:
    return '"' + value.text + '"';
  case Kind::List: {
    std::string text = "[";
    for (const CompileTimeValue& item : value.items) text += (text.size() > 1 ? ", " : "") + text_of(item);
    return text + "]";
  }
  case Kind::Tensor:
    return "a tensor";
  case Kind::Layer:
    return "a layer";
  }
  return "";
}

std::string description_of(const CompileTimeValue& value) {
  switch (value.kind) {
  case Kind::Size:
    return (value.size.batch ? "the size " : "the integer ") + text_of(value);
  case Kind::Real:
    return "the real number " + text_of(value);
  case Kind::Text:
    return "the text " + text_of(value);
  case Kind::List:
    return "the list " + text_of(value);
  default:
    return text_of(value);
  }
}

const char* spelling_of(Operator op) {
  switch (op) {
  case Operator::Or:
    return "or";
  case Operator::And:
    return "and";
  case Operator::Not:
    return "not";
  case Operator::Equal:
    return "==";
  case Operator::NotEqual:
    return "!=";
  case Operator::Less:
    return "<";
  case Operator::LessEqual:
    return "<=";
  case Operator::Greater:
    return ">";
  case Operator::GreaterEqual:
    return ">=";
  case Operator::Add:
    return "+";
  case Operator::Subtract:
  case Operator::Negate:
    return "-";
  case Operator::Multiply:
    return "*";
  case Operator::Divide:
    return "/";
  case Operator::FloorDivide:
    return "//";
  case Operator::Modulo:
    return "%";
  case Operator::Power:
    return "**";
  }
  return "";
}

std::optional<Size> multiply(const Size& a, const Size& b) {
  Size result{0, a.batch || b.batch};
  if ((a.batch && b.batch) || __builtin_mul_overflow(a.factor, b.factor, &result.factor)) return std::nullopt;
  if (result.factor == 0) result.batch = false;
  return result;
}

std::optional<Size> product(const std::vector<Size>& sizes) {
  std::optional<Size> result = Size::constant(1);
  for (const Size& size : sizes)
    if (result) result = multiply(*result, size);
  return result;
}

std::optional<Size> divide_exactly(const Size& a, const Size& b) {
  if (b.factor == 0 || a.factor % b.factor != 0 || (b.batch && !a.batch)) return std::nullopt;
  return Size{a.factor / b.factor, a.batch && !b.batch};
}

static Folded problem(std::string text) { return {{}, std::move(text)}; }
static Folded known(CompileTimeValue value) { return {std::move(value), std::nullopt}; }
static Folded known(std::optional<Size> size, const char* otherwise) {
  return size ? known(CompileTimeValue::of(*size)) : problem(otherwise);
}

static constexpr const char* kTooLarge = "the result is too large";

static Folded fold_sizes(Operator op, const Size& a, const Size& b) {
  int64_t sum = 0;
  switch (op) {
  case Operator::Add:
  case Operator::Subtract: {
    if (a.factor == 0 && op == Operator::Add) return known(CompileTimeValue::of(b));
    if (b.factor == 0) return known(CompileTimeValue::of(a));
    if (a.batch != b.batch)
      return problem("a size is a number or a multiple of the batch size, not a sum of both");
    const bool overflow = op == Operator::Add ? __builtin_add_overflow(a.factor, b.factor, &sum)
                                              : __builtin_sub_overflow(a.factor, b.factor, &sum);
    if (overflow) return problem(kTooLarge);
    return known(CompileTimeValue::of(Size{sum, a.batch && sum != 0}));
  }
  case Operator::Multiply:
    return known(multiply(a, b), a.batch && b.batch ? "the batch size occurs twice" : kTooLarge);
  case Operator::FloorDivide:
  case Operator::Modulo: {
    if (b.factor == 0 && !b.batch) return problem("it divides by zero");
    if (a.batch || b.batch) {
      auto quotient = divide_exactly(a, b);
      if (!quotient) return problem("the batch size is not known here");
      return known(CompileTimeValue::of(op == Operator::Modulo ? Size::constant(0) : *quotient));
    }
    if (a.factor == INT64_MIN) return problem(kTooLarge);
    return known(CompileTimeValue::of(op == Operator::Modulo ? floor_mod(a.factor, b.factor)
                                                             : floor_div(a.factor, b.factor)));
  }
  case Operator::Power: {
    if (a.batch || b.batch) return problem("the batch size is not known here");
    if (b.factor < 0) return known(CompileTimeValue::of_real(std::pow(double(a.factor), double(b.factor))));
    if (b.factor > 64) return problem("the exponent is above 64");
    std::optional<Size> result = Size::constant(1);
    for (int64_t i = 0; i < b.factor && result; ++i) result = multiply(*result, a);
    return known(result, kTooLarge);
  }
  default:
    break;
  }
  if (a.batch != b.batch) {
    if (op == Operator::Equal) return known(CompileTimeValue::of_bool(false));
    if (op == Operator::NotEqual) return known(CompileTimeValue::of_bool(true));
    // The batch has at least one example: a comparison with numbers below that is decided.
    const bool decided =
        (a.batch && a.factor > 0 && b.factor < a.factor) || (b.batch && b.factor > 0 && a.factor < b.factor);
    if (!decided) return problem("the batch size is not known here");
    const bool greater = a.batch;
    return known(
        CompileTimeValue::of_bool(greater == (op == Operator::Greater || op == Operator::GreaterEqual)));
  }
  switch (op) {
  case Operator::Equal:
    return known(CompileTimeValue::of_bool(a == b));
  case Operator::NotEqual:
    return known(CompileTimeValue::of_bool(!(a == b)));
  case Operator::Less:
    return known(CompileTimeValue::of_bool(a.factor < b.factor));
  case Operator::LessEqual:
    return known(CompileTimeValue::of_bool(a.factor <= b.factor));
  case Operator::Greater:
    return known(CompileTimeValue::of_bool(a.factor > b.factor));
  case Operator::GreaterEqual:
    return known(CompileTimeValue::of_bool(a.factor >= b.factor));
  default:
    return problem(fmt::format("`{}` does not join numbers", spelling_of(op)));
  }
}

static Folded fold_reals(Operator op, double a, double b) {
  switch (op) {
  case Operator::Add:
    return known(CompileTimeValue::of_real(a + b));
  case Operator::Subtract:
    return known(CompileTimeValue::of_real(a - b));
  case Operator::Multiply:
    return known(CompileTimeValue::of_real(a * b));
  case Operator::Divide:
    if (b == 0) return problem("it divides by zero");
    return known(CompileTimeValue::of_real(a / b));
  case Operator::FloorDivide:
  case Operator::Modulo:
    return problem(fmt::format("`{}` takes integers", spelling_of(op)));
  case Operator::Power:
    return known(CompileTimeValue::of_real(std::pow(a, b)));
  case Operator::Equal:
    return known(CompileTimeValue::of_bool(a == b));
  case Operator::NotEqual:
    return known(CompileTimeValue::of_bool(a != b));
  case Operator::Less:
    return known(CompileTimeValue::of_bool(a < b));
  case Operator::LessEqual:
    return known(CompileTimeValue::of_bool(a <= b));
  case Operator::Greater:
    return known(CompileTimeValue::of_bool(a > b));
  case Operator::GreaterEqual:
    return known(CompileTimeValue::of_bool(a >= b));
  default:
    return problem(fmt::format("`{}` does not join numbers", spelling_of(op)));
  }
}

Folded fold_unary(Operator op, const CompileTimeValue& a) {
  if (a.is_unknown()) return known({});
  if (op == Operator::Not) {
    if (a.kind == Kind::Bool) return known(CompileTimeValue::of_bool(!a.truth));
    return problem(fmt::format("`not` takes true or false, not {}", description_of(a)));
  }
  if (a.kind == Kind::Size) return fold_sizes(Operator::Multiply, a.size, Size::constant(-1));
  if (a.kind == Kind::Real) return known(CompileTimeValue::of_real(-a.real));
  return problem(fmt::format("`-` takes a number, not {}", description_of(a)));
}

Folded fold_binary(Operator op, const CompileTimeValue& a, const CompileTimeValue& b) {
  if (a.is_unknown() || b.is_unknown()) return known({});
  if (op == Operator::And || op == Operator::Or) {
    if (a.kind != Kind::Bool || b.kind != Kind::Bool)
      return problem(fmt::format("`{}` joins true and false, not {}", spelling_of(op),
                                 description_of(a.kind == Kind::Bool ? b : a)));
    return known(CompileTimeValue::of_bool(op == Operator::And ? a.truth && b.truth : a.truth || b.truth));
  }
  if (a.kind == Kind::Size && b.kind == Kind::Size && op != Operator::Divide)
    return fold_sizes(op, a.size, b.size);
  if (a.kind == b.kind && (a.kind == Kind::Bool || a.kind == Kind::Text) &&
      (op == Operator::Equal || op == Operator::NotEqual)) {
    const bool same = a.kind == Kind::Bool ? a.truth == b.truth : a.text == b.text;
    return known(CompileTimeValue::of_bool(same == (op == Operator::Equal)));
  }
  for (const CompileTimeValue* side : {&a, &b})
    if (!side->number()) {
      if (side->kind == Kind::Size) return problem("the batch size is not known here");
      return problem(fmt::format("`{}` joins numbers, not {}", spelling_of(op), description_of(*side)));
    }
  return fold_reals(op, *a.number(), *b.number());
}

namespace {

struct RealFunction {
  const char* name;
  double (*apply)(double);
};

} // namespace

static constexpr RealFunction kRealFunctions[] = {
    {"sqrt", [](double x) { return std::sqrt(x); }}, {"exp", [](double x) { return std::exp(x); }},
    {"log", [](double x) { return std::log(x); }},   {"sin", [](double x) { return std::sin(x); }},
    {"cos", [](double x) { return std::cos(x); }},   {"tanh", [](double x) { return std::tanh(x); }},
};

bool is_compile_time_function(const std::string& name) {
  for (const char* known : {"min", "max", "floor", "ceil", "round", "abs", "int", "real"})
    if (name == known) return true;
  return std::any_of(std::begin(kRealFunctions), std::end(kRealFunctions),
                     [&](const RealFunction& function) { return name == function.name; });
}

static Folded to_integer(double value) {
  if (!(std::abs(value) < 9e15)) return problem("the result is no integer");
  return known(CompileTimeValue::of(static_cast<int64_t>(value)));
}

std::optional<Folded> fold_function(const std::string& name, const std::vector<CompileTimeValue>& arguments) {
  if (!is_compile_time_function(name)) return std::nullopt;
  for (const CompileTimeValue& argument : arguments) {
    if (argument.is_unknown()) return known({});
    if (!argument.number())
      return problem(fmt::format("`{}` takes numbers, not {}", name, description_of(argument)));
  }
  if (name == "min" || name == "max") {
    if (arguments.empty()) return problem(fmt::format("`{}` takes one number or more", name));
    CompileTimeValue best = arguments[0];
    for (const CompileTimeValue& argument : arguments)
      if (name == "min" ? *argument.number() < *best.number() : *argument.number() > *best.number())
        best = argument;
    return known(best);
  }
  if (arguments.size() != 1)
    return problem(fmt::format("`{}` takes one number, not {}", name, arguments.size()));
  const CompileTimeValue& x = arguments[0];
  const double value = *x.number();
  if (name == "real") return known(CompileTimeValue::of_real(value));
  if (name == "abs")
    return x.integer() ? known(CompileTimeValue::of(std::abs(*x.integer())))
                       : known(CompileTimeValue::of_real(std::abs(value)));
  if (name == "floor") return x.integer() ? known(x) : to_integer(std::floor(value));
  if (name == "ceil") return x.integer() ? known(x) : to_integer(std::ceil(value));
  if (name == "round") return x.integer() ? known(x) : to_integer(std::nearbyint(value));
  if (name == "int") return x.integer() ? known(x) : to_integer(std::trunc(value));
  for (const RealFunction& function : kRealFunctions)
    if (name == function.name) return known(CompileTimeValue::of_real(function.apply(value)));
  return std::nullopt;
}

} // namespace striate
