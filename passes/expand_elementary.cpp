// The methods are those of W. J. Cody and W. Waite, Software Manual for the Elementary Functions (1980):
// reduce the argument by a constant in several parts, then a polynomial. Exact sums of two floats are T. J.
// Dekker's (1971). The polynomials are minimax fits: passes/elementary_coefficients.py prints them.
#include "passes/expand_elementary.h"

#include <cmath>
#include <limits>

namespace striate {

static constexpr double kInfinity = std::numeric_limits<double>::infinity();
static constexpr double kSqrtHalf = 0x1.6a09e6p-1;
static constexpr double kLn2[] = {0x1.62e4p-1,
                                  0x1.7f7d1cp-20}; // the first has 15 bits: exact times an exponent

static ExprRef fma(const ExprRef& a, const ExprRef& b, const ExprRef& c) {
  return apply(Function::Fma, {a, b, c});
}
static ExprRef fma(const ExprRef& a, double b, const ExprRef& c) { return fma(a, constant(b), c); }
static ExprRef less(const ExprRef& a, const ExprRef& b) { return apply(Function::Less, {a, b}); }
static ExprRef less(const ExprRef& a, double b) { return less(a, constant(b)); }
static ExprRef less(double a, const ExprRef& b) { return less(constant(a), b); }
static ExprRef equal(const ExprRef& a, double b) { return apply(Function::Equal, {a, constant(b)}); }
static ExprRef negated(const ExprRef& x) { return apply(Function::Neg, {x}); }
static ExprRef magnitude(const ExprRef& x) { return apply(Function::Abs, {x}); }
static ExprRef rounded_down(const ExprRef& x) { return apply(Function::Floor, {x}); }

// A NaN stays NaN.
static ExprRef clamped(const ExprRef& x, double low, double high) {
  return apply(Function::Min, {apply(Function::Max, {x, constant(low)}), constant(high)});
}

// c[0] + c[1] x + c[2] x^2 + ...
template <std::size_t size>
static ExprRef polynomial(const ExprRef& x, const double (&c)[size]) {
  ExprRef sum = constant(c[size - 1]);
  for (std::size_t i = size - 1; i-- > 0;) sum = fma(sum, x, constant(c[i]));
  return sum;
}

// An integer held as a real, as an Int; NaN gives `low`, which no value lies below.
static ExprRef to_int(const ExprRef& x, double low) {
  return apply(Function::ToInt, {apply(Function::Max, {constant(low), x})});
}

// exp(x + tail) for x between -128 and 128, tail below x's last bit: 2^n exp(r), |r| <= ln 2 / 2.
static ExprRef exp_between(const ExprRef& x, const ExprRef& tail) {
  static constexpr double kExp[] = {0x1.fffffcp-2, 0x1.55548cp-3, 0x1.555858p-5, 0x1.123dep-7,
                                    0x1.6ac72ep-10};
  const ExprRef n = apply(Function::Round, {x * constant(0x1.715476p+0)});
  ExprRef r = fma(n, -kLn2[1], fma(n, -kLn2[0], x));
  if (tail) r = r + tail;
  const ExprRef power = fma(r * r, polynomial(r, kExp), r) + constant(1);
  return apply(Function::Scale2, {power, to_int(n, -200)});
}

// Beyond these ends exp is 0 and infinite.
static constexpr double kExpLow = -88, kExpHigh = 89;

static ExprRef expanded_exp(const ExprRef& x) { return exp_between(clamped(x, kExpLow, kExpHigh), nullptr); }

// x = 2^exponent (1 + fraction), where 1 + fraction lies between sqrt(1/2) and sqrt(2); exponent as a real.
struct Parts {
  ExprRef exponent;
  ExprRef fraction;
};
static Parts parts_of(const ExprRef& x) {
  const ExprRef mantissa = apply(Function::Mantissa2, {x});
  const ExprRef exponent = apply(Function::ToReal, {apply(Function::Exponent2, {x})});
  const ExprRef small = less(mantissa, kSqrtHalf);
  return {select(small, exponent - constant(1), exponent),
          select(small, mantissa + mantissa, mantissa) - constant(1)};
}

static ExprRef expanded_log(const ExprRef& x) {
  static constexpr double kLog[] = {0x1.555548p-2,  -0x1.000008p-2, 0x1.99a434p-3,
                                    -0x1.555c0cp-3, 0x1.234784p-3,  -0x1.fc1aa8p-4,
                                    0x1.e57ed2p-4,  -0x1.deac7p-4,  0x1.19c43p-4};
  const Parts parts = parts_of(x);
  const ExprRef& f = parts.fraction;
  const ExprRef square = f * f;
  ExprRef rest = fma(square, -0.5, square * f * polynomial(f, kLog));
  rest = fma(parts.exponent, kLn2[1], rest);
  // exponent * ln 2 + f as an exact sum, so that only the last addition rounds a large number.
  const ExprRef large = parts.exponent * constant(kLn2[0]);
  const ExprRef high = large + f;
  const ExprRef low = (large - high) + f;
  const ExprRef value = high + (low + rest);
  const ExprRef beyond = select(equal(x, 0), constant(-kInfinity), constant(std::nan("")));
  return select(less(0, x), select(less(x, kInfinity), value, x), beyond);
}

static ExprRef expanded_tanh(const ExprRef& x) {
  static constexpr double kTanh[] = {-0x1.555554p-2, 0x1.111084p-3,  -0x1.b9f4bep-5,
                                     0x1.63d27p-6,   -0x1.0d65f6p-7, 0x1.1e6a44p-9};
  constexpr double cut = 0.55, one_from = 10;
  const ExprRef square = x * x;
  const ExprRef small = fma(x * square, polynomial(square, kTanh), x);
  const ExprRef a = apply(Function::Min, {magnitude(x), constant(one_from)});
  const ExprRef large = constant(1) - constant(2) / (exp_between(a + a, nullptr) + constant(1));
  return select(less(magnitude(x), cut), small, select(less(x, 0), negated(large), large));
}

static ExprRef expanded_erf(const ExprRef& x) {
  static constexpr double kErf[] = {0x1.06eba8p-3, -0x1.81273ep-2,  0x1.ce2ce6p-4, -0x1.b7f71ep-6,
                                    0x1.53f24ep-8, -0x1.a352e2p-11, 0x1.4776f2p-14};
  static constexpr double kLogErfc[] = {0x1.02db6p-13,   -0x1.2112dp+0,  -0x1.44b8c6p-1, -0x1.b5f67ap-4,
                                        0x1.85fee6p-6,   -0x1.b5e794p-9, 0x1.8bd998p-14, 0x1.155248p-14,
                                        -0x1.aa0d4ep-17, 0x1.ad0df4p-21};
  constexpr double cut = 1, one_from = 4;
  const ExprRef small = fma(x, polynomial(x * x, kErf), x);
  const ExprRef a = apply(Function::Min, {magnitude(x), constant(one_from)});
  const ExprRef large = constant(1) - exp_between(polynomial(a, kLogErfc), nullptr);
  return select(less(magnitude(x), cut), small, select(less(x, 0), negated(large), large));
}

// sin(x + quarter_turns * pi/2).
static ExprRef expanded_sine(const ExprRef& x, int quarter_turns) {
  static constexpr double kHalfPi[] = {0x1.921fb6p+0, -0x1.777a5cp-25, -0x1.ee59dap-50};
  static constexpr double kSin[] = {-0x1.555546p-3, 0x1.110774p-7, -0x1.9951e6p-13};
  static constexpr double kCos[] = {0x1.55554ap-5, -0x1.6c0c28p-10, 0x1.99e80cp-16};
  const ExprRef n = apply(Function::Round, {x * constant(0x1.45f306p-1)});
  ExprRef r = x;
  for (double part : kHalfPi) r = fma(n, -part, r);
  r = clamped(r, -0.79, 0.79);
  const ExprRef square = r * r;
  const ExprRef sine = fma(r * square, polynomial(square, kSin), r);
  const ExprRef cosine = fma(square * square, polynomial(square, kCos), fma(square, -0.5, constant(1)));
  const ExprRef turns = n + constant(quarter_turns);
  const ExprRef quadrant = fma(rounded_down(turns * constant(0.25)), -4, turns);
  const ExprRef odd = less(magnitude(magnitude(quadrant - constant(2)) - constant(1)), 0.5);
  const ExprRef value = select(odd, cosine, sine);
  return select(less(quadrant, 1.5), value, negated(value));
}

// A number as the sum of two floats.
struct Double {
  ExprRef high;
  ExprRef low;
};

// log(x) to about 30 bits, for finite x > 0: exponent * ln 2 + 2 atanh(f / (2 + f)).
static Double precise_log(const ExprRef& x) {
  static constexpr double kAtanh[] = {0x1.555554p-2, 0x1.999c28p-3, 0x1.23d312p-3, 0x1.f161c2p-4};
  if (x->kind == Expr::Kind::Constant) {
    const double value = std::log(x->constant), high = static_cast<float>(value);
    return {constant(high), constant(value - high)};
  }
  const Parts parts = parts_of(x);
  const ExprRef& f = parts.fraction;
  const ExprRef divisor = f + constant(2);
  const ExprRef divisor_tail = f - (divisor - constant(2));
  const ExprRef inverse = constant(1) / divisor;
  const ExprRef s = f * inverse;
  const ExprRef s_tail = fma(negated(s), divisor_tail, fma(negated(s), divisor, f)) * inverse;
  const ExprRef square = s * s;
  const ExprRef twice = s + s, twice_tail = s_tail + s_tail;
  const ExprRef rest = fma(twice * square, polynomial(square, kAtanh), fma(twice_tail, square, twice_tail));

  const ExprRef large = parts.exponent * constant(kLn2[0]);
  const ExprRef sum = large + twice;
  const ExprRef tail = ((large - sum) + twice) + fma(parts.exponent, kLn2[1], rest);
  const ExprRef high = sum + tail;
  return {high, (sum - high) + tail};
}

// base^exponent for a base that is not negative.
static ExprRef positive_power(const ExprRef& base, const ExprRef& exponent) {
  const Double logarithm = precise_log(base);
  const ExprRef product = exponent * logarithm.high;
  const ExprRef tail = fma(exponent, logarithm.low, fma(exponent, logarithm.high, negated(product)));
  // Where the product is out of range its tail may be anything.
  const ExprRef in_range = less(magnitude(product), 128);
  const ExprRef value = exp_between(clamped(product, kExpLow, kExpHigh), select(in_range, tail, constant(0)));

  const ExprRef grows = less(0, exponent), shrinks = less(exponent, 0);
  const ExprRef of_zero = select(grows, constant(0), select(shrinks, constant(kInfinity), exponent));
  const ExprRef of_infinity = select(grows, base, select(shrinks, constant(0), exponent));
  const ExprRef not_finite = select(equal(base, kInfinity), of_infinity, base);
  const ExprRef power = select(less(base, kInfinity), select(equal(base, 0), of_zero, value), not_finite);
  return select(apply(Function::Or, {equal(exponent, 0), equal(base, 1)}), constant(1), power);
}

static ExprRef expanded_pow(const ExprRef& base, const ExprRef& exponent) {
  if (is_constant(exponent, 1)) return base;
  if (is_constant(exponent, 2)) return base * base;
  if (is_constant(exponent, 3)) return base * base * base;
  if (is_constant(exponent, 0.5)) return apply(Function::Sqrt, {base});
  if (is_constant(exponent, -1)) return constant(1) / base;
  const ExprRef power = positive_power(magnitude(base), exponent);
  // A negative base has a power where the exponent is a whole number, negative where that is odd.
  const ExprRef half = exponent * constant(0.5);
  const ExprRef whole = apply(Function::Equal, {rounded_down(exponent), exponent});
  const ExprRef even = apply(Function::Equal, {rounded_down(half), half});
  const ExprRef no_power = select(less(-kInfinity, base), constant(std::nan("")), power);
  const ExprRef of_negative = select(whole, select(even, power, negated(power)), no_power);
  return select(less(base, 0), of_negative, power);
}

ExprRef expand_elementary(const ExprRef& root) {
  return rewrite(root, [](const ExprRef& e) -> ExprRef {
    if (e->kind != Expr::Kind::Apply) return e;
    const ExprRef& x = e->arguments[0];
    switch (e->function) {
    case Function::Exp:
      return expanded_exp(x);
    case Function::Log:
      return expanded_log(x);
    case Function::Tanh:
      return expanded_tanh(x);
    case Function::Erf:
      return expanded_erf(x);
    case Function::Sin:
      return expanded_sine(x, 0);
    case Function::Cos:
      return expanded_sine(x, 1);
    case Function::Pow:
      return expanded_pow(x, e->arguments[1]);
    default:
      return e;
    }
  });
}

void expand_elementary(Graph& graph) {
  for (Node& node : graph.nodes) {
    auto definition = std::make_shared<Definition>(*node.definition);
    bool changed = false;
    for (Statement& statement : definition->statements) {
      const ExprRef body = expand_elementary(statement.body);
      changed |= body != statement.body;
      statement.body = body;
    }
    if (changed) node.definition = std::move(definition);
  }
  for (Persistent& persistent : graph.persistents) persistent.initial = expand_elementary(persistent.initial);
}

} // namespace striate
