#include "ir/expression.h"

#include "support/bfloat16.h"

#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <unordered_map>
#include <unordered_set>

namespace striate {

enum class ResultType { Real, Int, Bool, Same };

struct FunctionFacts {
  const char* name;
  int arity;
  ResultType result;
};

static constexpr FunctionFacts kFunctions[] = {
#define FUNCTION(kind, text, arity, result) {text, arity, ResultType::result},
#include "ir/scalar_functions.def"
#undef FUNCTION
};

static const FunctionFacts& facts_of(Function function) { return kFunctions[static_cast<int>(function)]; }

const char* name_of(Function function) { return facts_of(function).name; }
int arity_of(Function function) { return facts_of(function).arity; }

std::optional<Function> function_named(const std::string& text) {
  for (std::size_t i = 0; i < std::size(kFunctions); ++i)
    if (text == kFunctions[i].name) return static_cast<Function>(i);
  return std::nullopt;
}

static ExprRef typed_constant(double value, ScalarType type) {
  Expr e;
  e.kind = Expr::Kind::Constant;
  e.type = type;
  e.constant = value;
  return std::make_shared<const Expr>(std::move(e));
}

ExprRef constant(double value) { return typed_constant(value, ScalarType::Real); }
ExprRef constant_int(int64_t value) { return typed_constant(static_cast<double>(value), ScalarType::Int); }
ExprRef constant_bool(bool value) { return typed_constant(value, ScalarType::Bool); }

ExprRef index_value(const IndexExpr& index) {
  if (index.is_constant()) return constant_int(index.constant());
  Expr e;
  e.kind = Expr::Kind::Index;
  e.type = ScalarType::Int;
  e.indices = {index};
  return std::make_shared<const Expr>(std::move(e));
}

ExprRef run_time_scalar(const std::string& name) {
  Expr e;
  e.kind = Expr::Kind::Scalar;
  e.name = name;
  return std::make_shared<const Expr>(std::move(e));
}

ExprRef read(int operand, std::vector<IndexExpr> indices, ScalarType type, std::optional<double> otherwise) {
  Expr e;
  e.kind = Expr::Kind::Read;
  e.type = type;
  e.operand = operand;
  e.indices = std::move(indices);
  e.has_else = otherwise.has_value();
  e.constant = otherwise.value_or(0);
  return std::make_shared<const Expr>(std::move(e));
}

ExprRef read_at_places(int operand, std::vector<IndexExpr> indices, std::vector<ExprRef> places,
                       ScalarType type, double otherwise) {
  CHECK(places.size() == indices.size());
  for (std::size_t d = 0; d < places.size(); ++d) {
    if (places[d]->kind != Expr::Kind::Constant) continue;
    indices[d] = indices[d] + static_cast<int64_t>(places[d]->constant);
    places[d] = constant_int(0);
  }
  const bool none =
      std::all_of(places.begin(), places.end(), [](const ExprRef& place) { return is_constant(place, 0); });
  Expr e = *read(operand, std::move(indices), type, otherwise);
  if (!none) e.arguments = std::move(places);
  return std::make_shared<const Expr>(std::move(e));
}

ExprRef random_uniform(const IndexExpr& element, uint32_t stream, ExprRef row) {
  Expr e;
  e.kind = Expr::Kind::Random;
  e.indices = {element};
  e.stream = stream;
  if (row) e.arguments = {std::move(row)};
  return std::make_shared<const Expr>(std::move(e));
}

ExprRef load(int buffer, const IndexExpr& offset, ScalarType type, ExprRef guard, double otherwise,
             ExprRef place) {
  CHECK(guard || !place, "a load at a place of data without a guard");
  if (guard && guard->kind == Expr::Kind::Constant) {
    if (guard->constant == 0) return typed_constant(otherwise, type);
    if (!place) guard = nullptr;
  }
  Expr e;
  e.kind = Expr::Kind::Load;
  e.type = type;
  e.operand = buffer;
  e.indices = {offset};
  if (guard) {
    e.arguments = {std::move(guard)};
    e.constant = otherwise;
  }
  if (place) e.arguments.push_back(std::move(place));
  return std::make_shared<const Expr>(std::move(e));
}

ExprRef tile_point(int tile, ScalarType type) {
  Expr e;
  e.kind = Expr::Kind::Tile;
  e.type = type;
  e.operand = tile;
  return std::make_shared<const Expr>(std::move(e));
}

static bool is_constant(const ExprRef& e) { return e->kind == Expr::Kind::Constant; }
bool is_constant(const ExprRef& e, double value) { return is_constant(e) && e->constant == value; }

static double real_value(Function function, double a, double b, double c) {
  int exponent = 0;
  switch (function) {
  case Function::Add:
    return a + b;
  case Function::Sub:
    return a - b;
  case Function::Mul:
    return a * b;
  case Function::Div:
    return a / b;
  case Function::Neg:
    return -a;
  case Function::Fma:
    return std::fma(a, b, c);
  case Function::Max:
    return b > a ? b : a;
  case Function::Min:
    return b < a ? b : a;
  case Function::Abs:
    return std::fabs(a);
  case Function::Floor:
    return std::floor(a);
  case Function::Round:
    return std::nearbyint(a);
  case Function::Bfloat16:
    return nearest_bfloat16(a);
  case Function::Sqrt:
    return std::sqrt(a);
  case Function::Exp:
    return std::exp(a);
  case Function::Log:
    return std::log(a);
  case Function::Tanh:
    return std::tanh(a);
  case Function::Erf:
    return std::erf(a);
  case Function::Sin:
    return std::sin(a);
  case Function::Cos:
    return std::cos(a);
  case Function::Pow:
    return std::pow(a, b);
  case Function::Less:
    return a < b;
  case Function::LessEqual:
    return a <= b;
  case Function::Equal:
    return a == b;
  case Function::And:
    return a != 0 && b != 0;
  case Function::Or:
    return a != 0 || b != 0;
  case Function::Not:
    return a == 0;
  case Function::Select:
    return a != 0 ? b : c;
  case Function::ToReal:
    return a;
  case Function::ToInt:
    return std::trunc(a);
  case Function::Scale2:
    return a * std::exp2(b);
  case Function::Exponent2:
    std::frexp(a, &exponent);
    return exponent;
  case Function::Mantissa2:
    return std::frexp(a, &exponent);
  }
  CHECK(false);
}

// nullptr where the value cannot be known here: integer results outside 32 bits, and quotients that are not
// whole.
static ExprRef fold(Function function, ScalarType type, const std::vector<ExprRef>& arguments) {
  double values[3] = {0, 0, 0};
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (!is_constant(arguments[i])) return nullptr;
    values[i] = arguments[i]->constant;
  }
  double result = real_value(function, values[0], values[1], values[2]);
  if (type == ScalarType::Int) {
    bool fits = std::fabs(result) <= std::numeric_limits<int32_t>::max(); // false for NaN
    if (!fits || result != std::trunc(result)) return nullptr;
    result += 0.0; // no negative zero among integers
  }
  return typed_constant(result, type);
}

static std::optional<IndexExpr> as_index(const ExprRef& e) {
  if (e->type != ScalarType::Int) return std::nullopt;
  if (e->kind == Expr::Kind::Index) return e->indices[0];
  if (is_constant(e)) return IndexExpr(static_cast<int64_t>(e->constant));
  return std::nullopt;
}

static bool is_small(const IndexExpr& e) {
  constexpr int64_t kLimit = int64_t{1} << 31;
  if (std::abs(e.constant()) >= kLimit) return false;
  for (const auto& term : e.terms())
    if (std::abs(term.coefficient) >= kLimit) return false;
  return true;
}

// Sums and constant multiples of index values are index values, as long as their numbers fit 32 bits: text
// that is read back is built from such numbers.
static ExprRef index_arithmetic(Function function, const std::vector<ExprRef>& arguments) {
  auto a = as_index(arguments[0]);
  auto b = arguments.size() > 1 ? as_index(arguments[1]) : IndexExpr();
  if (!a || !b || !is_small(*a) || !is_small(*b)) return nullptr;
  IndexExpr result;
  switch (function) {
  case Function::Add:
    result = *a + *b;
    break;
  case Function::Sub:
    result = *a - *b;
    break;
  case Function::Neg:
    result = *a * -1;
    break;
  case Function::Mul:
    if (!a->is_constant() && !b->is_constant()) return nullptr;
    result = a->is_constant() ? *b * a->constant() : *a * b->constant();
    break;
  default:
    return nullptr;
  }
  return is_small(result) ? index_value(result) : nullptr;
}

static bool is_apply(const ExprRef& e, Function function) {
  return e->kind == Expr::Kind::Apply && e->function == function;
}

// What `function` of `x` is by an identity that holds bit for bit (up to the sign of a zero sum), or nullptr.
static ExprRef identity(Function function, const std::vector<ExprRef>& x) {
  switch (function) {
  case Function::Add:
    if (is_constant(x[1], 0)) return x[0];
    if (is_constant(x[0], 0)) return x[1];
    return nullptr;
  case Function::Sub:
    return is_constant(x[1], 0) ? x[0] : nullptr;
  case Function::Mul:
    if (is_constant(x[1], 1)) return x[0];
    if (is_constant(x[0], 1)) return x[1];
    return nullptr;
  case Function::Div:
    return is_constant(x[1], 1) ? x[0] : nullptr;
  case Function::Neg:
    return is_apply(x[0], Function::Neg) ? x[0]->arguments[0] : nullptr;
  case Function::Not:
    return is_apply(x[0], Function::Not) ? x[0]->arguments[0] : nullptr;
  case Function::And:
    if (is_constant(x[0])) return x[0]->constant != 0 ? x[1] : x[0];
    if (is_constant(x[1])) return x[1]->constant != 0 ? x[0] : x[1];
    return nullptr;
  case Function::Or:
    if (is_constant(x[0])) return x[0]->constant != 0 ? x[0] : x[1];
    if (is_constant(x[1])) return x[1]->constant != 0 ? x[1] : x[0];
    return nullptr;
  case Function::Select:
    if (is_constant(x[0])) return x[0]->constant != 0 ? x[1] : x[2];
    return x[1] == x[2] ? x[1] : nullptr;
  case Function::ToReal:
    return x[0]->type == ScalarType::Real ? x[0] : nullptr;
  case Function::ToInt:
    return x[0]->type == ScalarType::Int ? x[0] : nullptr;
  default:
    return nullptr;
  }
}

// Integers among reals become reals; a function of reals takes reals.
static void make_types_agree(Function function, std::vector<ExprRef>& arguments) {
  ResultType result = facts_of(function).result;
  std::size_t first = function == Function::Select ? 1 : 0;
  bool real = false;
  switch (function) {
  case Function::ToReal:
  case Function::ToInt:
  case Function::And:
  case Function::Or:
  case Function::Not:
    return;
  case Function::Scale2:
    arguments[0] = apply(Function::ToReal, {arguments[0]});
    return;
  case Function::Exponent2:
    real = true;
    break;
  default:
    real = result == ResultType::Real;
  }
  for (std::size_t i = first; i < arguments.size(); ++i) real |= arguments[i]->type == ScalarType::Real;
  if (!real) return;
  for (std::size_t i = first; i < arguments.size(); ++i)
    if (arguments[i]->type == ScalarType::Int) arguments[i] = apply(Function::ToReal, {arguments[i]});
}

ExprRef apply(Function function, std::vector<ExprRef> arguments) {
  const FunctionFacts& facts = facts_of(function);
  CHECK(static_cast<int>(arguments.size()) == facts.arity, "{} takes {} arguments, not {}", facts.name,
        facts.arity, arguments.size());
  make_types_agree(function, arguments);
  ScalarType type = arguments.back()->type;
  switch (facts.result) {
  case ResultType::Real:
    type = ScalarType::Real;
    break;
  case ResultType::Int:
    type = ScalarType::Int;
    break;
  case ResultType::Bool:
    type = ScalarType::Bool;
    break;
  case ResultType::Same:
    break;
  }
  if (ExprRef known = identity(function, arguments)) return known;
  if (ExprRef known = fold(function, type, arguments)) return known;
  if (type == ScalarType::Int)
    if (ExprRef known = index_arithmetic(function, arguments)) return known;
  Expr e;
  e.kind = Expr::Kind::Apply;
  e.type = type;
  e.function = function;
  e.arguments = std::move(arguments);
  return std::make_shared<const Expr>(std::move(e));
}

ExprRef in_range(const IndexExpr& index, int64_t low, int64_t high,
                 const std::function<Interval(int)>& range_of) {
  Interval range = index.range(range_of);
  if (range.high < low || range.low > high) return constant_bool(false);
  ExprRef value = index_value(index);
  ExprRef above =
      range.low >= low ? constant_bool(true) : apply(Function::LessEqual, {constant_int(low), value});
  ExprRef below =
      range.high <= high ? constant_bool(true) : apply(Function::LessEqual, {value, constant_int(high)});
  return apply(Function::And, {above, below});
}

static bool same_but_arguments(const Expr& a, const Expr& b) {
  if (a.kind != b.kind || a.type != b.type || a.has_else != b.has_else ||
      a.stop_gradient != b.stop_gradient || a.operand != b.operand || a.stop_gradient != b.stop_gradient ||
      a.arguments.size() != b.arguments.size() || a.indices != b.indices)
    return false;
  if (a.kind == Expr::Kind::Scalar && a.name != b.name) return false;
  if (a.kind == Expr::Kind::Random && a.stream != b.stream) return false;
  if (a.kind == Expr::Kind::Apply && a.function != b.function) return false;
  return std::bit_cast<uint64_t>(a.constant) == std::bit_cast<uint64_t>(b.constant);
}

namespace {

struct PairHash {
  std::size_t operator()(const std::pair<const Expr*, const Expr*>& pair) const {
    std::size_t first = std::hash<const Expr*>()(pair.first);
    return first * 31 + std::hash<const Expr*>()(pair.second);
  }
};
using EqualPairs = std::unordered_set<std::pair<const Expr*, const Expr*>, PairHash>;

} // namespace

static bool equal(const ExprRef& a, const ExprRef& b, EqualPairs& known) {
  if (a == b) return true;
  if (!a || !b || !same_but_arguments(*a, *b)) return false;
  if (a->arguments.empty()) return true;
  if (known.contains({a.get(), b.get()})) return true;
  for (std::size_t i = 0; i < a->arguments.size(); ++i)
    if (!equal(a->arguments[i], b->arguments[i], known)) return false;
  known.insert({a.get(), b.get()});
  return true;
}

bool structurally_equal(const ExprRef& a, const ExprRef& b) {
  EqualPairs known;
  return equal(a, b, known);
}

using Rebuilt = std::unordered_map<const Expr*, ExprRef>;

static ExprRef with_arguments(const ExprRef& e, std::vector<ExprRef> arguments) {
  if (e->kind == Expr::Kind::Apply) return apply(e->function, std::move(arguments));
  if (e->kind == Expr::Kind::Load)
    return load(e->operand, e->indices[0], e->type, arguments[0], e->constant,
                arguments.size() > 1 ? arguments[1] : nullptr);
  if (e->kind == Expr::Kind::Random) return random_uniform(e->indices[0], e->stream, arguments[0]);
  CHECK(e->kind == Expr::Kind::Read);
  Expr read = *read_at_places(e->operand, e->indices, std::move(arguments), e->type, e->constant);
  read.stop_gradient = e->stop_gradient;
  return std::make_shared<const Expr>(std::move(read));
}

static ExprRef rewrite(const ExprRef& e, const std::function<ExprRef(const ExprRef&)>& replace,
                       Rebuilt& done) {
  if (auto known = done.find(e.get()); known != done.end()) return known->second;
  bool changed = false;
  std::vector<ExprRef> arguments;
  arguments.reserve(e->arguments.size());
  for (const ExprRef& argument : e->arguments) {
    arguments.push_back(rewrite(argument, replace, done));
    changed |= arguments.back() != argument;
  }
  ExprRef rebuilt = changed ? with_arguments(e, arguments) : e;
  // What folding left of it was replaced already, and must not be once more: 0 + x[i] is x[i].
  const bool folded = changed && e->kind == Expr::Kind::Apply &&
                      (rebuilt->kind != Expr::Kind::Apply || rebuilt->function != e->function ||
                       std::find(arguments.begin(), arguments.end(), rebuilt) != arguments.end());
  ExprRef result = folded ? rebuilt : replace(rebuilt);
  done.emplace(e.get(), result);
  return result;
}

ExprRef rewrite(const ExprRef& root, const std::function<ExprRef(const ExprRef&)>& replace) {
  Rebuilt done;
  return rewrite(root, replace, done);
}

ExprRef substitute(const ExprRef& root, const std::function<IndexExpr(int)>& replacement) {
  return rewrite(root, [&](const ExprRef& e) -> ExprRef {
    if (e->indices.empty()) return e;
    std::vector<IndexExpr> indices;
    for (const IndexExpr& index : e->indices) indices.push_back(index.substitute(replacement));
    if (indices == e->indices) return e;
    if (e->kind == Expr::Kind::Index) return index_value(indices[0]);
    Expr copy = *e;
    copy.indices = std::move(indices);
    return std::make_shared<const Expr>(std::move(copy));
  });
}

bool reads_at_places(const ExprRef& root) {
  bool found = false;
  visit(root, [&](const ExprRef& e) { found = found || has_places(*e); });
  return found;
}

static void visit(const ExprRef& e, const std::function<void(const ExprRef&)>& see,
                  std::unordered_set<const Expr*>& seen) {
  if (!seen.insert(e.get()).second) return;
  for (const ExprRef& argument : e->arguments) visit(argument, see, seen);
  see(e);
}

void visit(const ExprRef& root, const std::function<void(const ExprRef&)>& see) {
  std::unordered_set<const Expr*> seen;
  visit(root, see, seen);
}

} // namespace striate
