#include "ir/index_expression.h"

#include "support/check.h"

#include <algorithm>
#include <limits>
#include <numeric>

namespace striate {

using Term = IndexExpr::Term;
using TermKind = IndexExpr::TermKind;

int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b != 0 && (a % b < 0) != (b < 0)); }
int64_t floor_mod(int64_t a, int64_t b) { return a - floor_div(a, b) * b; }

// Interval ends saturate: ranges of symbolic sizes are "large", and large times large must stay large.
static int64_t saturate(__int128 value) {
  constexpr int64_t kLimit = std::numeric_limits<int64_t>::max() / 4;
  return value > kLimit ? kLimit : value < -kLimit ? -kLimit : static_cast<int64_t>(value);
}

static int compare(const IndexExpr& a, const IndexExpr& b);

static int sign_of_difference(int64_t a, int64_t b) { return a < b ? -1 : a > b ? 1 : 0; }

// The order of terms, coefficients aside: 0 where the two are the same term.
static int compare_terms(const Term& a, const Term& b) {
  if (a.kind != b.kind) return a.kind < b.kind ? -1 : 1;
  if (a.kind == TermKind::Variable) return sign_of_difference(a.variable, b.variable);
  if (a.operand != b.operand)
    if (int order = compare(*a.operand, *b.operand)) return order;
  return sign_of_difference(a.divisor, b.divisor);
}

static int compare(const IndexExpr& a, const IndexExpr& b) {
  const auto& left = a.terms();
  const auto& right = b.terms();
  for (std::size_t i = 0; i < left.size() && i < right.size(); ++i) {
    if (int order = compare_terms(left[i], right[i])) return order;
    if (int order = sign_of_difference(left[i].coefficient, right[i].coefficient)) return order;
  }
  if (left.size() != right.size()) return left.size() < right.size() ? -1 : 1;
  return sign_of_difference(a.constant(), b.constant());
}

void IndexExpr::add_term(Term term) {
  auto place = std::lower_bound(terms_.begin(), terms_.end(), term,
                                [](const Term& a, const Term& b) { return compare_terms(a, b) < 0; });
  if (place == terms_.end() || compare_terms(*place, term) != 0) {
    if (term.coefficient != 0) terms_.insert(place, std::move(term));
    return;
  }
  place->coefficient += term.coefficient;
  if (place->coefficient == 0) terms_.erase(place);
}

IndexExpr IndexExpr::variable(int id) {
  IndexExpr e;
  e.terms_.push_back({1, TermKind::Variable, id, nullptr, 1});
  return e;
}

// What remains of an expression modulo `divisor`: coefficients below it, the constant in [0, divisor).
static int64_t reduced_coefficient(const Term& term, int64_t divisor) { return term.coefficient % divisor; }

static int64_t common_factor(const IndexExpr& e, int64_t divisor) {
  int64_t factor = divisor;
  for (const Term& term : e.terms()) factor = std::gcd(factor, term.coefficient);
  return factor;
}

IndexExpr IndexExpr::quotient(const IndexExpr& operand, int64_t divisor) {
  CHECK(divisor > 0, "division of an index by {}", divisor);
  if (divisor == 1) return operand;
  IndexExpr whole(floor_div(operand.constant_, divisor));
  IndexExpr rest(floor_mod(operand.constant_, divisor));
  for (Term term : operand.terms_) {
    int64_t coefficient = term.coefficient;
    term.coefficient = reduced_coefficient(term, divisor);
    rest.add_term(term);
    term.coefficient = coefficient / divisor;
    whole.add_term(term);
  }
  if (rest.terms_.empty()) return whole;

  // floor((g*x + c) / (g*d)) is floor((x + floor(c/g)) / d).
  if (int64_t factor = common_factor(rest, divisor); factor > 1) {
    for (Term& term : rest.terms_) term.coefficient /= factor;
    rest.constant_ = floor_div(rest.constant_, factor);
    divisor /= factor;
    if (divisor == 1) return whole + rest;
  }
  // floor((floor(x/a) + c) / d) is floor((x + a*c) / (a*d)).
  const Term& first = rest.terms_.front();
  if (rest.terms_.size() == 1 && first.kind == TermKind::Quotient && first.coefficient == 1)
    return whole + quotient(*first.operand + rest.constant_ * first.divisor, first.divisor * divisor);

  whole.add_term({1, TermKind::Quotient, -1, std::make_shared<const IndexExpr>(std::move(rest)), divisor});
  return whole;
}

IndexExpr IndexExpr::remainder(const IndexExpr& operand, int64_t divisor) {
  CHECK(divisor > 0, "remainder of an index by {}", divisor);
  if (divisor == 1) return 0;
  IndexExpr rest(floor_mod(operand.constant_, divisor));
  bool nested = false;
  for (Term term : operand.terms_) {
    term.coefficient = reduced_coefficient(term, divisor);
    if (term.kind == TermKind::Remainder && term.divisor % divisor == 0 && term.coefficient != 0) {
      rest = rest + *term.operand * term.coefficient; // (x mod k*d) mod d is x mod d
      nested = true;
    } else {
      rest.add_term(term);
    }
  }
  if (nested) return remainder(rest, divisor);
  if (rest.terms_.empty()) return rest;

  // (g*x + c) mod (g*d) is g * ((x + floor(c/g)) mod d) + c mod g.
  if (int64_t factor = common_factor(rest, divisor); factor > 1) {
    for (Term& term : rest.terms_) term.coefficient /= factor;
    int64_t low = floor_mod(rest.constant_, factor);
    rest.constant_ = floor_div(rest.constant_, factor);
    return remainder(rest, divisor / factor) * factor + low;
  }
  IndexExpr result;
  result.terms_.push_back(
      {1, TermKind::Remainder, -1, std::make_shared<const IndexExpr>(std::move(rest)), divisor});
  return result;
}

bool IndexExpr::is_affine() const {
  return std::all_of(terms_.begin(), terms_.end(),
                     [](const Term& term) { return term.kind == TermKind::Variable; });
}

std::optional<int> IndexExpr::as_variable() const {
  if (constant_ != 0 || terms_.size() != 1) return std::nullopt;
  const Term& term = terms_.front();
  if (term.kind != TermKind::Variable || term.coefficient != 1) return std::nullopt;
  return term.variable;
}

int64_t IndexExpr::coefficient(int variable) const {
  for (const Term& term : terms_)
    if (term.kind == TermKind::Variable && term.variable == variable) return term.coefficient;
  return 0;
}

bool IndexExpr::uses(int variable) const {
  for (const Term& term : terms_)
    if (term.kind == TermKind::Variable ? term.variable == variable : term.operand->uses(variable))
      return true;
  return false;
}

void IndexExpr::collect_variables(std::vector<int>& out) const {
  for (const Term& term : terms_) {
    if (term.kind == TermKind::Variable)
      out.push_back(term.variable);
    else
      term.operand->collect_variables(out);
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
}

// The places of c*d * (x // d) and c * (x % d) in a sum, which are c * x together.
static std::optional<std::pair<std::size_t, std::size_t>> parts_of_a_whole(const std::vector<Term>& terms) {
  for (std::size_t low = terms.size(); low-- > 0 && terms[low].kind == TermKind::Remainder;) {
    IndexExpr quotient = IndexExpr::quotient(*terms[low].operand, terms[low].divisor);
    if (quotient.terms().size() != 1 || quotient.constant() != 0) continue;
    const Term& wanted = quotient.terms()[0];
    if (wanted.coefficient != 1) continue;
    for (std::size_t high = 0; high < low; ++high)
      if (compare_terms(terms[high], wanted) == 0 &&
          terms[high].coefficient == terms[low].coefficient * terms[low].divisor)
        return std::pair(high, low);
  }
  return std::nullopt;
}

IndexExpr IndexExpr::operator+(const IndexExpr& other) const {
  IndexExpr sum = *this;
  sum.constant_ += other.constant_;
  for (const Term& term : other.terms_) sum.add_term(term);
  auto parts = parts_of_a_whole(sum.terms_);
  if (!parts) return sum;
  IndexExpr whole = *sum.terms_[parts->second].operand * sum.terms_[parts->second].coefficient;
  sum.terms_.erase(sum.terms_.begin() + parts->second);
  sum.terms_.erase(sum.terms_.begin() + parts->first);
  return sum + whole;
}

IndexExpr IndexExpr::operator-(const IndexExpr& other) const { return *this + other * -1; }

IndexExpr IndexExpr::operator*(int64_t factor) const {
  if (factor == 0) return 0;
  IndexExpr product = *this;
  product.constant_ *= factor;
  for (Term& term : product.terms_) term.coefficient *= factor;
  return product;
}

bool IndexExpr::operator==(const IndexExpr& other) const { return compare(*this, other) == 0; }

static IndexExpr rebuilt(const Term& term, const IndexExpr& operand) {
  return term.kind == TermKind::Quotient ? IndexExpr::quotient(operand, term.divisor)
                                         : IndexExpr::remainder(operand, term.divisor);
}

IndexExpr IndexExpr::substitute(const std::function<IndexExpr(int)>& replacement) const {
  IndexExpr result(constant_);
  for (const Term& term : terms_) {
    IndexExpr value = term.kind == TermKind::Variable ? replacement(term.variable)
                                                      : rebuilt(term, term.operand->substitute(replacement));
    result = result + value * term.coefficient;
  }
  return result;
}

int64_t IndexExpr::evaluate(const int64_t* values) const {
  int64_t result = constant_;
  for (const Term& term : terms_) {
    int64_t value = 0;
    switch (term.kind) {
    case TermKind::Variable:
      value = values[term.variable];
      break;
    case TermKind::Quotient:
      value = floor_div(term.operand->evaluate(values), term.divisor);
      break;
    case TermKind::Remainder:
      value = floor_mod(term.operand->evaluate(values), term.divisor);
      break;
    }
    result += term.coefficient * value;
  }
  return result;
}

static int64_t multiple_of(const IndexExpr::Term& term, const std::function<int64_t(int)>& step_of) {
  int64_t factor = 1;
  if (term.kind == IndexExpr::TermKind::Variable) {
    factor = step_of ? step_of(term.variable) : 1;
  } else {
    const int64_t inner = term.operand->multiple_of(step_of);
    if (term.kind == IndexExpr::TermKind::Remainder)
      factor = std::gcd(inner, term.divisor);
    else if (inner % term.divisor == 0)
      factor = inner / term.divisor;
  }
  return factor * std::abs(term.coefficient);
}

int64_t IndexExpr::multiple_of(const std::function<int64_t(int)>& step_of) const {
  int64_t factor = std::abs(constant_);
  for (const Term& term : terms_) factor = std::gcd(factor, striate::multiple_of(term, step_of));
  return factor;
}

Interval IndexExpr::range(const std::function<Interval(int)>& range_of,
                          const std::function<int64_t(int)>& step_of) const {
  __int128 low = constant_, high = constant_;
  for (const Term& term : terms_) {
    Interval inner =
        term.kind == TermKind::Variable ? range_of(term.variable) : term.operand->range(range_of, step_of);
    if (term.kind != TermKind::Variable) {
      Interval block = {floor_div(inner.low, term.divisor), floor_div(inner.high, term.divisor)};
      if (term.kind == TermKind::Quotient)
        inner = block;
      else if (block.low == block.high)
        inner = {floor_mod(inner.low, term.divisor), floor_mod(inner.high, term.divisor)};
      else
        inner = {0, term.divisor - std::gcd(term.operand->multiple_of(step_of), term.divisor)};
    }
    __int128 first = static_cast<__int128>(term.coefficient) * inner.low;
    __int128 second = static_cast<__int128>(term.coefficient) * inner.high;
    low += std::min(first, second);
    high += std::max(first, second);
  }
  return {saturate(low), saturate(high)};
}

namespace {

// Resolves quotients and remainders by what is known of the variables.
class Simplifier {
public:
  Simplifier(const std::function<Interval(int)>& range_of, const std::function<int64_t(int)>& step_of)
      : range_of_(range_of), step_of_(step_of) {}

  IndexExpr simplify(const IndexExpr& e) const {
    IndexExpr result(e.constant());
    for (const Term& term : e.terms()) result = result + simplify(term) * term.coefficient;
    return join_exact_quotients(join_digits(result));
  }

private:
  IndexExpr simplify(const Term& term) const {
    if (term.kind == TermKind::Variable) {
      Interval range = range_of_(term.variable);
      return range.low == range.high ? IndexExpr(range.low) : IndexExpr::variable(term.variable);
    }
    IndexExpr operand = simplify(*term.operand);
    return term.kind == TermKind::Quotient ? quotient(operand, term.divisor)
                                           : remainder(operand, term.divisor);
  }

  int64_t multiple_of(const Term& term) const { return striate::multiple_of(term, step_of_); }
  int64_t multiple_of(const IndexExpr& e) const { return e.multiple_of(step_of_); }

  static IndexExpr alone(const Term& term) {
    switch (term.kind) {
    case TermKind::Variable:
      return IndexExpr::variable(term.variable) * term.coefficient;
    case TermKind::Quotient:
      return IndexExpr::quotient(*term.operand, term.divisor) * term.coefficient;
    case TermKind::Remainder:
      return IndexExpr::remainder(*term.operand, term.divisor) * term.coefficient;
    }
    CHECK(false);
  }

  // The k with k*d <= e < (k+1)*d for every value of e.
  std::optional<int64_t> block_of(const IndexExpr& e, int64_t divisor) const {
    Interval range = e.range(range_of_);
    int64_t block = floor_div(range.low, divisor);
    if (block != floor_div(range.high, divisor)) return std::nullopt;
    return block;
  }

  // e = high + low with g | high and k*g <= low < (k+1)*g, for a g that divides `divisor`: then only
  // high + k*g decides the quotient by `divisor`. Yields (high + k*g, low - k*g) where low is more than k*g.
  std::optional<std::pair<IndexExpr, IndexExpr>> split_digits(const IndexExpr& e, int64_t divisor) const {
    std::vector<int64_t> factors;
    for (const Term& term : e.terms()) factors.push_back(std::gcd(multiple_of(term), divisor));
    std::sort(factors.rbegin(), factors.rend());
    for (int64_t factor : factors) {
      if (factor <= 1) break;
      IndexExpr high, low(e.constant());
      for (const Term& term : e.terms()) {
        IndexExpr& side = multiple_of(term) % factor == 0 ? high : low;
        side = side + alone(term);
      }
      auto block = block_of(low, factor);
      if (!block || low == IndexExpr(*block * factor)) continue;
      return std::pair(high + *block * factor, low - *block * factor);
    }
    return std::nullopt;
  }

  IndexExpr quotient(const IndexExpr& e, int64_t divisor) const {
    IndexExpr whole, rest(e.constant());
    for (const Term& term : e.terms()) {
      if (multiple_of(term) % divisor == 0)
        whole = whole + IndexExpr::quotient(alone(term), divisor);
      else
        rest = rest + alone(term);
    }
    if (auto block = block_of(rest, divisor)) return whole + *block;
    if (auto digits = split_digits(rest, divisor)) return whole + quotient(digits->first, divisor);
    return whole + IndexExpr::quotient(rest, divisor);
  }

  IndexExpr remainder(const IndexExpr& e, int64_t divisor) const {
    IndexExpr rest(e.constant());
    for (const Term& term : e.terms())
      if (multiple_of(term) % divisor != 0) rest = rest + alone(term);
    if (auto block = block_of(rest, divisor)) return rest - *block * divisor;
    if (auto digits = split_digits(rest, divisor)) return remainder(digits->first, divisor) + digits->second;
    return IndexExpr::remainder(rest, divisor);
  }

  // c * (x // d), where x is known to be a multiple of d, is (c/g) * (x // (d/g)) with g = gcd(c, d).
  IndexExpr join_exact_quotients(const IndexExpr& e) const {
    for (const Term& term : e.terms()) {
      if (term.kind != TermKind::Quotient || multiple_of(*term.operand) % term.divisor != 0) continue;
      int64_t factor = std::gcd(term.coefficient, term.divisor);
      if (factor == 1) continue;
      IndexExpr joined =
          IndexExpr::quotient(*term.operand, term.divisor / factor) * (term.coefficient / factor);
      return join_exact_quotients(e - alone(term) + joined);
    }
    return e;
  }

  // c*b * (x // (a*b)) + c * ((x // a) % b)  ->  c * (x // a): the digits of one index beside each other
  // again.
  IndexExpr join_digits(const IndexExpr& e) const {
    for (const Term& low : e.terms()) {
      if (low.kind != TermKind::Remainder) continue;
      const IndexExpr whole = *low.operand * low.coefficient;
      const IndexExpr high = IndexExpr::quotient(*low.operand, low.divisor) * (low.coefficient * low.divisor);
      if (high.terms().size() != 1 || high.constant() != 0) continue;
      for (const Term& other : e.terms())
        if (alone(other) == high) return join_digits(e - alone(other) - alone(low) + whole);
    }
    return e;
  }

  const std::function<Interval(int)>& range_of_;
  const std::function<int64_t(int)>& step_of_;
};

} // namespace

IndexExpr IndexExpr::simplify(const std::function<Interval(int)>& range_of,
                              const std::function<int64_t(int)>& step_of) const {
  return Simplifier(range_of, step_of).simplify(*this);
}

std::string IndexExpr::text(const std::function<std::string(int)>& name_of) const {
  std::string text;
  auto add = [&](bool negative, const std::string& what) {
    text += text.empty() ? (negative ? "-" : "") : (negative ? " - " : " + ");
    text += what;
  };
  for (const Term& term : terms_) {
    std::string body;
    if (term.kind == TermKind::Variable) {
      body = name_of(term.variable);
    } else {
      std::string operand = term.operand->text(name_of);
      bool bare = term.operand->constant_ == 0 && term.operand->terms_.size() == 1 &&
                  term.operand->terms_[0].coefficient == 1;
      if (!bare) operand = "(" + operand + ")";
      body = "(" + operand + (term.kind == TermKind::Quotient ? " // " : " % ") +
             std::to_string(term.divisor) + ")";
    }
    int64_t size = std::abs(term.coefficient);
    add(term.coefficient < 0, size == 1 ? body : std::to_string(size) + "*" + body);
  }
  if (constant_ != 0 || terms_.empty()) add(constant_ < 0, std::to_string(std::abs(constant_)));
  return text;
}

} // namespace striate
