#include "ir/expression_reader.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <map>
#include <unordered_map>

namespace striate {

// Limits that hold for any text we write, and keep any other from exhausting the stack or the integers.
constexpr int kMaxNesting = 200;
constexpr int kMaxDepth = 1000;
constexpr int kMaxIndexNesting = 20;
constexpr std::size_t kMaxIndexTerms = 200;
constexpr int64_t kMaxCoefficient = int64_t{1} << 40;
constexpr int64_t kMaxInQuotient = int64_t{1} << 31;

static bool coefficients_below(const IndexExpr& e, int64_t limit) {
  if (std::abs(e.constant()) >= limit) return false;
  return std::all_of(e.terms().begin(), e.terms().end(),
                     [&](const IndexExpr::Term& term) { return std::abs(term.coefficient) < limit; });
}

// The largest product of divisors that stand inside each other.
static int64_t nested_divisors(const IndexExpr& e) {
  int64_t product = 1;
  for (const auto& term : e.terms())
    if (term.kind != IndexExpr::TermKind::Variable)
      product = std::max(product, nested_divisors(*term.operand) * term.divisor);
  return product;
}

// `operand // divisor` or `operand % divisor`, the divisor still to be read.
static IndexExpr read_division(TextReader& reader, const IndexExpr& operand, bool quotient) {
  int64_t divisor = reader.positive();
  if (!coefficients_below(operand, kMaxInQuotient) || nested_divisors(operand) * divisor >= kMaxInQuotient) {
    reader.fail("a division of an index with numbers beyond 2^31");
    return {};
  }
  return quotient ? IndexExpr::quotient(operand, divisor) : IndexExpr::remainder(operand, divisor);
}

namespace {

class IndexReader {
public:
  IndexReader(TextReader& reader, const ExpressionScope& scope) : reader_(reader), scope_(scope) {}

  IndexExpr sum() {
    IndexExpr result = product();
    while (!reader_.failed()) {
      bool plus = reader_.take("+");
      if (!plus && !reader_.take("-")) break;
      IndexExpr next = product();
      result = plus ? result + next : result - next;
      if (result.terms().size() > kMaxIndexTerms || !coefficients_below(result, kMaxCoefficient))
        reader_.fail("an index expression that is too large");
    }
    return result;
  }

private:
  IndexExpr product() {
    bool negative = reader_.take("-");
    IndexExpr result = factor();
    while (!reader_.failed()) {
      if (reader_.take("*")) {
        result = times(result, factor());
      } else if (bool quotient = reader_.take("//"); quotient || reader_.take("%")) {
        result = read_division(reader_, result, quotient);
      } else {
        break;
      }
    }
    return negative ? result * -1 : result;
  }

  IndexExpr times(const IndexExpr& a, const IndexExpr& b) {
    const IndexExpr& number = a.is_constant() ? a : b;
    const IndexExpr& other = a.is_constant() ? b : a;
    if (!number.is_constant()) reader_.fail("a product of two indices");
    if (!coefficients_below(number, kMaxInQuotient) || !coefficients_below(other, kMaxInQuotient))
      reader_.fail("an index expression with numbers beyond 2^31");
    return reader_.failed() ? IndexExpr() : other * number.constant();
  }

  IndexExpr factor() {
    if (reader_.next_is_digit()) {
      int64_t value = reader_.integer();
      if (value < kMaxCoefficient) return value;
      reader_.fail("an index beyond 2^40");
      return {};
    }
    if (reader_.take("(")) {
      if (++nesting_ > kMaxIndexNesting) reader_.fail("an index expression nested too deeply");
      IndexExpr inner = sum();
      --nesting_;
      reader_.expect(")");
      return inner;
    }
    std::string name = reader_.word("an index");
    if (reader_.failed()) return {};
    if (auto variable = scope_.variable ? scope_.variable(name) : std::nullopt)
      return IndexExpr::variable(*variable);
    reader_.fail("no index is called `{}`", name);
    return {};
  }

  TextReader& reader_;
  const ExpressionScope& scope_;
  int nesting_ = 0;
};

class ExpressionReader {
public:
  ExpressionReader(TextReader& reader, const ExpressionScope& scope) : reader_(reader), scope_(scope) {}

  ExprRef read(Binding at_least) {
    if (++nesting_ > kMaxNesting) reader_.fail("an expression nested too deeply");
    ExprRef result = reader_.failed() ? constant(0) : unary(at_least);
    while (!reader_.failed()) {
      ExprRef next = infix(result, at_least);
      if (!next) break;
      result = next;
    }
    --nesting_;
    return result;
  }

private:
  ExprRef unary(Binding at_least) {
    if (reader_.next_is("let")) return let();
    if (at_least <= Binding::Not && reader_.take("not")) {
      ExprRef operand = read(Binding::Compare);
      if (operand->type != ScalarType::Bool) reader_.fail("`not` of something that is no bool");
      return make(Function::Not, {operand});
    }
    if (reader_.take("-")) {
      // A signed zero and an infinity keep their sign: they are real.
      ExprRef operand = read(Binding::Primary);
      // Beyond 32 bits nothing folds, but a number is a number.
      if (operand->kind == Expr::Kind::Constant && operand->type == ScalarType::Int)
        return constant_int(-static_cast<int64_t>(operand->constant));
      return make(Function::Neg, {number_argument(operand)});
    }
    return primary();
  }

  struct Infix {
    const char* token;
    Function function;
    Binding binding;
    Binding right;
  };

  // `left` combined with the next operator, or nullptr where none binds as tightly as asked.
  ExprRef infix(const ExprRef& left, Binding at_least) {
    static constexpr Infix kOperators[] = {
        {"+", Function::Add, Binding::Add, Binding::Multiply},
        {"-", Function::Sub, Binding::Add, Binding::Multiply},
        {"*", Function::Mul, Binding::Multiply, Binding::Unary},
        {"/", Function::Div, Binding::Multiply, Binding::Unary},
        {"<", Function::Less, Binding::Compare, Binding::Add},
        {"<=", Function::LessEqual, Binding::Compare, Binding::Add},
        {"==", Function::Equal, Binding::Compare, Binding::Add},
        {"and", Function::And, Binding::And, Binding::Not},
        {"or", Function::Or, Binding::Or, Binding::And},
    };
    for (const Infix& op : kOperators) {
      if (op.binding < at_least || !reader_.take(op.token)) continue;
      ExprRef right = read(op.right);
      bool logical = op.function == Function::And || op.function == Function::Or;
      if (logical && (left->type != ScalarType::Bool || right->type != ScalarType::Bool))
        reader_.fail("`{}` of something that is no bool", op.token);
      if (!logical && op.function != Function::Equal) {
        number_argument(left);
        number_argument(right);
      }
      return make(op.function, {left, right});
    }
    if (at_least <= Binding::Multiply && (reader_.next_is("//") || reader_.next_is_modulo())) {
      bool quotient = reader_.take("//");
      if (!quotient) reader_.take("%");
      if (left->kind != Expr::Kind::Index) {
        reader_.fail("an integer division of something that is no index");
        return nullptr;
      }
      return index_value(read_division(reader_, left->indices[0], quotient));
    }
    return nullptr;
  }

  // apply(), within the depth that recursion over the result can bear.
  ExprRef make(Function function, std::vector<ExprRef> arguments) {
    if (reader_.failed()) return constant(0);
    ExprRef result = apply(function, std::move(arguments));
    note_depth(result);
    return result;
  }

  void note_depth(const ExprRef& e) {
    if (depths_.contains(e.get())) return;
    int depth = 0;
    for (const ExprRef& argument : e->arguments) {
      note_depth(argument); // the builders may have put one conversion in between
      depth = std::max(depth, depths_[argument.get()]);
    }
    depths_[e.get()] = depth + 1;
    kept_.push_back(e); // so that no other node takes its address
    if (depth > kMaxDepth) reader_.fail("an expression that is too deep");
  }

  const ExprRef& number_argument(const ExprRef& e) {
    if (e->type == ScalarType::Bool) reader_.fail("a bool stands where a number was expected");
    return e;
  }

  // A chain of any length is read without recursion.
  ExprRef let() {
    std::map<std::string, ExprRef> outer = lets_;
    while (reader_.take("let")) {
      std::string name = reader_.word("a name");
      reader_.expect("=");
      ExprRef value = read(Binding::Or);
      reader_.expect("in");
      lets_[name] = value;
    }
    ExprRef body = read(Binding::Loosest);
    lets_ = std::move(outer);
    return body;
  }

  ExprRef primary() {
    if (reader_.take("(")) return parenthesised();
    if (reader_.next_is_digit()) return number();
    if (reader_.take("$")) return run_time_scalar(reader_.word_or_string("the name of a run-time scalar"));
    if (reader_.take("inf")) return constant(std::numeric_limits<double>::infinity());
    if (reader_.take("nan")) return constant(std::numeric_limits<double>::quiet_NaN());
    if (reader_.take("true")) return constant_bool(true);
    if (reader_.take("false")) return constant_bool(false);
    if (reader_.take("load")) return plain_load();
    if (reader_.take("random")) return random();
    if (reader_.take("stop")) return stopped();
    std::string name = reader_.word("an expression");
    if (reader_.failed()) return constant(0);
    if (reader_.next_is("[")) return plain_read(name);
    if (reader_.next_is("(")) return call(name);
    return named(name);
  }

  ExprRef number() {
    std::string text = reader_.literal();
    double value = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc()) reader_.fail("{} is not a number that a double can hold", text);
    bool whole = text.find_first_of(".e") == std::string::npos;
    constexpr double kExact = int64_t{1} << 53;
    return whole && value <= kExact ? constant_int(static_cast<int64_t>(value)) : constant(value);
  }

  ExprRef parenthesised() {
    ExprRef inner = read(Binding::Loosest);
    if (reader_.next_is("else") && inner->kind == Expr::Kind::Read && !inner->has_else) {
      inner = with_else(*inner);
    } else if (reader_.next_is("if") && inner->kind == Expr::Kind::Load && inner->arguments.empty()) {
      inner = guarded_load(inner->operand, inner->indices[0], inner->type, nullptr);
    }
    reader_.expect(")");
    return inner;
  }

  ExprRef guarded_load(int buffer, const IndexExpr& offset, ScalarType type, const ExprRef& place) {
    reader_.expect("if");
    ExprRef guard = read(Binding::Or);
    if (guard->type != ScalarType::Bool) reader_.fail("the guard of a load is no bool");
    reader_.expect("else");
    const double otherwise = constant_of(type);
    if (reader_.failed()) return constant(0);
    ExprRef result = load(buffer, offset, type, guard, otherwise, place);
    note_depth(result);
    return result;
  }

  double constant_of(ScalarType type) {
    if (type != ScalarType::Bool) return type == ScalarType::Int ? reader_.integer() : reader_.number();
    bool yes = reader_.take("true");
    if (!yes) reader_.expect("false");
    return yes;
  }

  ExprRef with_else(const Expr& plain) {
    reader_.expect("else");
    return striate::read(plain.operand, plain.indices, plain.type, constant_of(plain.type));
  }

  ExprRef plain_read(const std::string& name) {
    auto operand = scope_.operand ? scope_.operand(name) : std::nullopt;
    if (!operand) {
      reader_.fail("no operand is called `{}`", name);
      return constant(0);
    }
    reader_.expect("[");
    std::vector<IndexExpr> indices;
    std::vector<ExprRef> places;
    bool by_data = false;
    if (!reader_.take("]")) {
      do {
        const ExprRef place = this->place();
        by_data = by_data || place;
        places.push_back(place ? place : constant_int(0));
        indices.push_back(index_after(place));
      } while (reader_.take(","));
      reader_.expect("]");
    }
    if (!by_data) return striate::read(operand->number, std::move(indices), operand->type);
    reader_.expect("else");
    const double otherwise = constant_of(operand->type);
    if (reader_.failed()) return constant(0);
    ExprRef result = read_at_places(operand->number, indices, places, operand->type, otherwise);
    note_depth(result);
    return result;
  }

  // `@(e)`, a value among index expressions; nullptr where there is none.
  ExprRef place() {
    if (!reader_.take("@")) return nullptr;
    reader_.expect("(");
    ExprRef value = read(Binding::Loosest);
    reader_.expect(")");
    if (value->type != ScalarType::Int) reader_.fail("the value after `@` is no int");
    return reader_.failed() ? constant_int(0) : value;
  }

  IndexExpr index_after(const ExprRef& place) {
    return !place || reader_.take("+") ? read_index(reader_, scope_) : IndexExpr(0);
  }

  ExprRef stopped() {
    reader_.expect("(");
    std::string name = reader_.word("an operand");
    if (reader_.failed()) return constant(0);
    ExprRef inner = plain_read(name);
    if (inner->kind == Expr::Kind::Read && reader_.next_is("else")) inner = with_else(*inner);
    reader_.expect(")");
    Expr copy = *inner;
    copy.stop_gradient = true;
    return std::make_shared<const Expr>(std::move(copy));
  }

  ExprRef plain_load() {
    std::string name = reader_.word("a buffer");
    auto buffer = scope_.buffer ? scope_.buffer(name) : std::nullopt;
    if (!buffer) {
      reader_.fail("no buffer is called `{}`", name);
      return constant(0);
    }
    reader_.expect("[");
    const ExprRef place = this->place();
    IndexExpr offset = index_after(place);
    reader_.expect("]");
    return place ? guarded_load(buffer->number, offset, buffer->type, place)
                 : load(buffer->number, offset, buffer->type);
  }

  ExprRef random() {
    reader_.expect("(");
    IndexExpr element = read_index(reader_, scope_);
    const ExprRef row = reader_.take(",") ? place() : nullptr;
    reader_.expect(";");
    int64_t stream = reader_.integer();
    if (stream < 0 || stream > std::numeric_limits<uint32_t>::max()) reader_.fail("a stream beyond 32 bits");
    reader_.expect(")");
    if (reader_.failed()) return constant(0);
    ExprRef result = random_uniform(element, static_cast<uint32_t>(stream), row);
    note_depth(result);
    return result;
  }

  ExprRef call(const std::string& name) {
    auto function = function_named(name);
    if (!function) {
      reader_.fail("no function is called `{}`", name);
      return constant(0);
    }
    reader_.expect("(");
    std::vector<ExprRef> arguments;
    do arguments.push_back(read(Binding::Or));
    while (reader_.take(","));
    reader_.expect(")");
    if (static_cast<int>(arguments.size()) != arity_of(*function))
      reader_.fail("`{}` takes {} arguments, not {}", name, arity_of(*function), arguments.size());
    check_arguments(*function, arguments);
    return make(*function, std::move(arguments));
  }

  void check_arguments(Function function, const std::vector<ExprRef>& arguments) {
    bool any = function == Function::Equal || function == Function::ToReal || function == Function::ToInt;
    bool logical = function == Function::And || function == Function::Or || function == Function::Not;
    for (std::size_t i = 0; i < arguments.size() && !any; ++i) {
      bool is_bool = arguments[i]->type == ScalarType::Bool;
      bool wants_bool = logical || (function == Function::Select && i == 0);
      if (wants_bool != is_bool && !(function == Function::Select && i > 0))
        reader_.fail("argument {} of `{}` is {}a bool", i + 1, name_of(function), is_bool ? "" : "not ");
    }
  }

  ExprRef named(const std::string& name) {
    if (auto let = lets_.find(name); let != lets_.end()) return let->second;
    if (auto variable = scope_.variable ? scope_.variable(name) : std::nullopt)
      return index_value(IndexExpr::variable(*variable));
    if (auto tile = scope_.tile ? scope_.tile(name) : std::nullopt)
      return tile_point(tile->number, tile->type);
    reader_.fail("nothing is called `{}`", name);
    return constant(0);
  }

  TextReader& reader_;
  const ExpressionScope& scope_;
  int nesting_ = 0;
  std::map<std::string, ExprRef> lets_;
  std::unordered_map<const Expr*, int> depths_;
  std::vector<ExprRef> kept_;
};

} // namespace

ExprRef read_expression(TextReader& reader, const ExpressionScope& scope, Binding at_least) {
  return ExpressionReader(reader, scope).read(at_least);
}

IndexExpr read_index(TextReader& reader, const ExpressionScope& scope) {
  return IndexReader(reader, scope).sum();
}

ExprRef as_type(const ExprRef& e, ScalarType type) {
  bool serves = type == ScalarType::Real && e->type == ScalarType::Int && e->kind == Expr::Kind::Constant;
  return serves ? constant(e->constant) : e;
}

} // namespace striate
