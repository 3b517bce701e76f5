#include "passes/adjoint.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

namespace striate {

bool vanishes_with(const ExprRef& e, const std::function<bool(const ExprRef&)>& is_zero) {
  if (e->kind == Expr::Kind::Read && e->has_else && e->constant != 0) return false;
  if (is_zero(e) || is_constant(e, 0)) return true;
  if (e->kind != Expr::Kind::Apply) return false;
  const auto zero = [&](std::size_t i) { return vanishes_with(e->arguments[i], is_zero); };
  switch (e->function) {
  case Function::Mul:
    return zero(0) || zero(1);
  case Function::Div:
  case Function::Neg:
  case Function::Scale2:
    return zero(0);
  case Function::Add:
  case Function::Sub:
    return zero(0) && zero(1);
  case Function::Select:
    return zero(1) && zero(2);
  default:
    return false;
  }
}

namespace {

// The unknowns are the forward statement's variables; new ones (the target's dimensions, phases, quotients)
// get the numbers after them. An unknown left unsolved is reduced over.
class Solver {
public:
  Solver(const Statement& forward, const TensorType& x) : forward_(forward), x_(x) {
    unknown_count_ = static_cast<int>(forward.variables.size());
    variables_ = forward.variables;
    solutions_.resize(unknown_count_);
    is_free_.assign(unknown_count_, false);
    for (int v = 0; v < unknown_count_; ++v)
      if (variables_[v].extent.is_constant(1)) solutions_[v] = IndexExpr(0);
  }

  // `places`: none, or what data adds to each equation; such a one is no equation to solve, and guards.
  void solve(const std::vector<IndexExpr>& equations, const std::vector<ExprRef>& places) {
    const int rank = static_cast<int>(equations.size());
    output_.resize(rank);
    shape_ = x_.shape;
    crop_.assign(rank, 0);
    spread_.resize(equations.size());
    for (int v = 0; v < unknown_count_; ++v)
      sums_ = sums_ || (!solutions_[v] && std::ranges::none_of(equations, [&](const IndexExpr& equation) {
                return equation.uses(v);
              }));
    std::vector<int> remaining;
    for (int d = 0; d < rank; ++d) {
      if (places.empty() || is_constant(places[d], 0)) {
        remaining.push_back(d);
        continue;
      }
      const int j = target_variable(d, fmt::format("x{}", d));
      conditions_.push_back(apply(
          Function::Equal, {index_value(equations[d]) + places[d], index_value(IndexExpr::variable(j))}));
    }
    while (!remaining.empty()) {
      // The equation with the fewest unknowns first: what it settles simplifies the others.
      const auto best = std::min_element(remaining.begin(), remaining.end(), [&](int a, int b) {
        return unsolved(current(equations[a])).size() < unsolved(current(equations[b])).size();
      });
      const int dimension = *best;
      remaining.erase(best);
      solve_dimension(dimension, current(equations[dimension]));
    }
  }

  IndexExpr solution(int variable) const {
    return variable < unknown_count_ && solutions_[variable] ? *solutions_[variable]
                                                             : IndexExpr::variable(variable);
  }

  AdjointStatement finish(const ExprRef& contribution, const std::function<const TensorType&(int)>& type_of);

private:
  struct Range {
    IndexExpr value;
    int64_t low, high;
  };

  std::function<Interval(int)> ranges() const {
    return [this](int v) {
      const Size& extent = variables_[v].extent;
      return Interval{0, extent.batch ? int64_t{1} << 40 : extent.factor - 1};
    };
  }

  IndexExpr current(const IndexExpr& e) const {
    return e.substitute([&](int v) { return solution(v); });
  }

  std::vector<int> unsolved(const IndexExpr& e) const {
    std::vector<int> used, open;
    e.collect_variables(used);
    for (int v : used)
      if (v < unknown_count_ && !solutions_[v] && !is_free_[v]) open.push_back(v);
    return open;
  }

  int new_variable(std::string name, Size extent, bool free) {
    std::set<std::string> taken;
    for (const IndexVariable& variable : variables_) taken.insert(variable.name);
    while (taken.count(name)) name += '_';
    variables_.push_back({name, extent});
    is_free_.push_back(free);
    return static_cast<int>(variables_.size()) - 1;
  }

  // Unknown `v` is `value`; elsewhere it is replaced. Its own range becomes a guard unless `value` cannot
  // leave it.
  void settle(int v, const IndexExpr& value) {
    solutions_[v] = value;
    const auto replace = [&](int u) { return u == v ? value : IndexExpr::variable(u); };
    for (int u = 0; u < unknown_count_; ++u)
      if (u != v && solutions_[u]) solutions_[u] = solutions_[u]->substitute(replace);
    for (Range& range : guards_) range.value = range.value.substitute(replace);
    const Size& extent = variables_[v].extent;
    const std::optional<int> plain = value.as_variable();
    if (plain && variables_[*plain].extent == extent) return;
    CHECK(!extent.batch, "the batch index of `{}` is not read as it stands", variables_[v].name);
    guards_.push_back({value, 0, extent.factor - 1});
  }

  int target_variable(int dimension, const std::string& name) {
    const int j = new_variable(name, x_.shape[dimension], true);
    output_[dimension] = {j};
    return j;
  }

  void solve_dimension(int dimension, const IndexExpr& equation) {
    const std::vector<int> open = unsolved(equation);
    const std::string own_name = fmt::format("x{}", dimension);
    const bool affine = equation.is_affine();
    if (affine && open.size() == 1 && std::abs(equation.coefficient(open[0])) == 1) {
      const int v = open[0];
      const int64_t sign = equation.coefficient(v);
      const IndexExpr rest = equation - IndexExpr::variable(v) * sign;
      if (sign == 1 && rest == IndexExpr(0) && variables_[v].extent == x_.shape[dimension]) {
        is_free_[v] = true;
        output_[dimension] = {v};
        return;
      }
      const int j = target_variable(dimension, variables_[v].name);
      settle(v, (IndexExpr::variable(j) - rest) * sign);
      return;
    }
    if (affine && solve_digits(dimension, equation, open)) return;
    if (affine && solve_phases(dimension, equation, open)) return;
    if (affine && solve_stride(dimension, equation, open)) return;
    if (affine && !open.empty()) {
      // a*v + rest = J: v = (J - rest) / a, where a divides it.
      const int v = cheapest_to_solve(equation, open);
      const int64_t a = equation.coefficient(v), size = std::abs(a);
      const int j = target_variable(dimension, own_name);
      const IndexExpr numerator =
          (IndexExpr::variable(j) - (equation - IndexExpr::variable(v) * a)) * (a < 0 ? -1 : 1);
      if (size > 1) guards_.push_back({IndexExpr::remainder(numerator, size), 0, 0});
      settle(v, IndexExpr::quotient(numerator, size));
      return;
    }
    if (solve_quotient(dimension, equation, open)) return;
    // Nothing to solve for, or not affine: the equation itself guards.
    const int j = target_variable(dimension, own_name);
    const IndexExpr difference = IndexExpr::variable(j) - equation;
    if (!(difference == IndexExpr(0)) && !(x_.shape[dimension].is_constant(1) && equation == IndexExpr(0)))
      guards_.push_back({difference, 0, 0});
  }

  // What is not solved for is summed over: the windows' taps rather than the positions, and short ranges
  // rather than long.
  int cheapest_to_solve(const IndexExpr& equation, const std::vector<int>& open) const {
    return *std::max_element(open.begin(), open.end(), [&](int a, int b) {
      const auto worth = [&](int v) {
        return std::tuple(v < forward_.free_count, variables_[v].extent.factor,
                          -std::abs(equation.coefficient(v)));
      };
      return worth(a) < worth(b);
    });
  }

  // inner // D + c = J with an unknown that `inner` has once: inner = D*(J - c) + q for every q below D.
  bool solve_quotient(int dimension, const IndexExpr& equation, const std::vector<int>& open) {
    if (equation.terms().size() != 1) return false;
    const IndexExpr::Term term = equation.terms()[0];
    if (term.kind != IndexExpr::TermKind::Quotient || term.coefficient != 1 || !term.operand->is_affine())
      return false;
    const IndexExpr& inner = *term.operand;
    for (int v : open) {
      const int64_t sign = inner.coefficient(v);
      if (std::abs(sign) != 1) continue;
      const int j = target_variable(dimension, fmt::format("x{}", dimension));
      const int q = new_variable(variables_[v].name, Size::constant(term.divisor), false);
      const IndexExpr low = (IndexExpr::variable(j) - equation.constant()) * term.divisor;
      settle(v, (low + IndexExpr::variable(q) - (inner - IndexExpr::variable(v) * sign)) * sign);
      return true;
    }
    return false;
  }

  // Mixed radix: the dimension is covered exactly once by digits that are variables.
  bool solve_digits(int dimension, const IndexExpr& equation, std::vector<int> open) {
    if (open.size() < 2 || open.size() != equation.terms().size() || equation.constant() != 0) return false;
    std::sort(open.begin(), open.end(),
              [&](int a, int b) { return equation.coefficient(a) > equation.coefficient(b); });
    Size weight = Size::constant(1);
    for (auto it = open.rbegin(); it != open.rend(); ++it) {
      if (weight.batch || equation.coefficient(*it) != weight.factor) return false;
      const Size& extent = variables_[*it].extent;
      weight = {weight.factor * extent.factor, extent.batch};
    }
    if (!(weight == x_.shape[dimension])) return false;
    for (int v : open) is_free_[v] = true;
    output_[dimension] = open;
    return true;
  }

  // S*i + r + c = J with a free i and a reduced r: J - c = S*q + p, then r = S*r1 + p and i = q - r1.
  bool solve_phases(int dimension, const IndexExpr& equation, const std::vector<int>& open) {
    if (open.size() != 2 || equation.terms().size() != 2) return false;
    const bool first_is_window = equation.coefficient(open[0]) == 1;
    const int r = first_is_window ? open[0] : open[1], i = first_is_window ? open[1] : open[0];
    const int64_t stride = equation.coefficient(i), c = equation.constant();
    if (equation.coefficient(r) != 1 || stride < 2 || i >= forward_.free_count || r < forward_.free_count)
      return false;
    const int64_t extent = x_.shape[dimension].factor;
    const int64_t q_low = floor_div(-c, stride);
    crop_[dimension] = -(stride * q_low + c);
    const int64_t quotients = floor_div(extent + crop_[dimension] + stride - 1, stride);
    shape_[dimension] = Size::constant(stride * quotients);
    cropped_ = cropped_ || stride * quotients != extent || crop_[dimension] != 0;
    const int q = new_variable(fmt::format("x{}", dimension), Size::constant(quotients), true);
    const int phase = new_variable(fmt::format("p{}", dimension), Size::constant(stride), true);
    output_[dimension] = {q, phase};
    const int64_t window = variables_[r].extent.factor;
    IndexExpr r1(0);
    if (window > stride)
      r1 = IndexExpr::variable(
          new_variable(variables_[r].name, Size::constant((window + stride - 1) / stride), false));
    settle(r, r1 * stride + IndexExpr::variable(phase));
    settle(i, IndexExpr::variable(q) + q_low - r1);
    return true;
  }

  // S*i + c = J, and sums to compute: for every i, and J by J where it has an i.
  bool solve_stride(int dimension, const IndexExpr& equation, const std::vector<int>& open) {
    if (!sums_ || open.size() != 1 || equation.terms().size() != 1 || equation.coefficient(open[0]) < 2)
      return false;
    const int i = open[0];
    if (i >= forward_.free_count || variables_[i].extent.batch) return false;
    is_free_[i] = true;
    output_[dimension] = {i};
    shape_[dimension] = variables_[i].extent;
    spread_[dimension] = {equation.coefficient(i), equation.constant()};
    return true;
  }

  const Statement& forward_;
  const TensorType& x_;
  bool sums_ = false; // over what the read does not depend on
  int unknown_count_ = 0;
  std::vector<IndexVariable> variables_;
  std::vector<std::optional<IndexExpr>> solutions_;
  std::vector<bool> is_free_;
  std::vector<Range> guards_;
  std::vector<ExprRef> conditions_;
  std::vector<std::vector<int>> output_;
  std::vector<Size> shape_;
  std::vector<int64_t> crop_;
  bool cropped_ = false;
  std::vector<AdjointStatement::Spread> spread_;
};

} // namespace

// Functions that may make something infinite of a zero.
static bool has_pole(const ExprRef& e) {
  bool found = false;
  visit(e, [&](const ExprRef& node) {
    if (node->kind != Expr::Kind::Apply) return;
    found = found || node->function == Function::Div || node->function == Function::Log ||
            node->function == Function::Sqrt || node->function == Function::Pow;
  });
  return found;
}

static ExprRef with_else(const ExprRef& e) {
  Expr copy = *e;
  copy.has_else = true;
  copy.constant = e->type == ScalarType::Int ? -1 : 0;
  return std::make_shared<const Expr>(std::move(copy));
}

AdjointStatement Solver::finish(const ExprRef& contribution,
                                const std::function<const TensorType&(int)>& type_of) {
  ExprRef body = substitute(contribution, [&](int v) { return solution(v); });
  const auto range_of = ranges();

  // A guard is implied where a factor of the body reads, at exactly the guarded index, a dimension of the
  // guarded extent: outside, the factor reads 0 instead.
  std::vector<Range> explicit_guards;
  for (const Range& guard : guards_) {
    const Interval interval = guard.value.range(range_of);
    if (interval.low >= guard.low && interval.high <= guard.high) continue;
    ExprRef factor;
    if (!has_pole(body)) {
      visit(body, [&](const ExprRef& e) {
        if (factor || e->kind != Expr::Kind::Read || e->type != ScalarType::Real || has_places(*e)) return;
        if (e->has_else && e->constant != 0) return;
        const std::vector<Size>& shape = type_of(e->operand).shape;
        for (std::size_t d = 0; d < shape.size(); ++d)
          if (e->indices[d] == guard.value && guard.low == 0 && shape[d].is_constant(guard.high + 1) &&
              vanishes_with(body, [&](const ExprRef& node) { return structurally_equal(node, e); }))
            factor = e;
      });
    }
    if (!factor) {
      explicit_guards.push_back(guard);
      continue;
    }
    if (!factor->has_else)
      body =
          rewrite(body, [&](const ExprRef& e) { return structurally_equal(e, factor) ? with_else(e) : e; });
  }
  // Whatever else may be read outside its tensor now is harmless there (the result is masked or multiplied by
  // 0).
  body = rewrite(body, [&](const ExprRef& e) -> ExprRef {
    if (e->kind != Expr::Kind::Read || e->has_else) return e;
    const std::vector<Size>& shape = type_of(e->operand).shape;
    for (std::size_t d = 0; d < shape.size(); ++d) {
      if (shape[d].batch) continue;
      const Interval interval = e->indices[d].range(range_of);
      if (interval.low < 0 || interval.high >= shape[d].factor) return with_else(e);
    }
    return e;
  });
  ExprRef condition = constant_bool(true);
  for (const ExprRef& equal : conditions_)
    condition = apply(Function::And, {condition, substitute(equal, [&](int v) { return solution(v); })});
  for (const Range& guard : explicit_guards)
    condition = apply(Function::And, {condition, in_range(guard.value, guard.low, guard.high, range_of)});
  body = select(condition, body, constant(0));

  // Free variables in the order of the target's dimensions, then what was left unsolved, in its old order; a
  // window's quotient stands where its window stood.
  std::vector<int> order;
  for (const std::vector<int>& digits : output_) order.insert(order.end(), digits.begin(), digits.end());
  const int free_count = static_cast<int>(order.size());
  for (int v = 0; v < unknown_count_; ++v)
    if (!solutions_[v] && !is_free_[v]) order.push_back(v);
  for (int v = unknown_count_; v < static_cast<int>(variables_.size()); ++v)
    if (!is_free_[v]) order.push_back(v);
  std::vector<int> number(variables_.size(), -1);
  AdjointStatement result;
  for (std::size_t k = 0; k < order.size(); ++k) {
    number[order[k]] = static_cast<int>(k);
    result.statement.variables.push_back(variables_[order[k]]);
  }
  result.statement.free_count = free_count;
  for (std::vector<int>& digits : output_)
    for (int& digit : digits) digit = number[digit];
  result.statement.output = output_;
  result.statement.reducer = static_cast<int>(order.size()) > free_count ? Reducer::Sum : Reducer::None;
  result.statement.body = substitute(body, [&](int v) {
    CHECK(number[v] >= 0, "variable {} is neither solved nor kept", variables_[v].name);
    return IndexExpr::variable(number[v]);
  });
  result.shape = shape_;
  result.crop = crop_;
  result.cropped = cropped_;
  result.spread = spread_;
  return result;
}

bool AdjointStatement::fits() const {
  return !cropped && std::ranges::all_of(spread, [](const Spread& s) { return s.step == 0; });
}

AdjointStatement derive_adjoint(const Statement& forward, const ExprRef& symbol, const TensorType& x,
                                const ExprRef& contribution,
                                const std::function<const TensorType&(int)>& type_of) {
  Solver solver(forward, x);
  solver.solve(symbol->indices, symbol->arguments);
  return solver.finish(contribution, type_of);
}

} // namespace striate
