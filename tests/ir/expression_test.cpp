#include "ir/expression.h"

#include "ir/definition.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace striate {
namespace {

const IndexExpr i = IndexExpr::variable(0);

ExprRef x(int64_t shift = 0) { return read(0, {i + shift}); }

std::string text(const ExprRef& e) {
  return expression_text(
      e, [](int operand) { return std::string(1, static_cast<char>('x' + operand)); },
      [](int variable) { return std::string(1, static_cast<char>('i' + variable)); });
}

double folded(Function function, std::vector<double> values) {
  std::vector<ExprRef> arguments;
  for (double value : values) arguments.push_back(constant(value));
  ExprRef result = apply(function, arguments);
  EXPECT_EQ(result->kind, Expr::Kind::Constant);
  return result->constant;
}

TEST(Expression, ConstantsFoldInDoublePrecision) {
  EXPECT_EQ(folded(Function::Div, {1, 3}), 1.0 / 3);
  EXPECT_EQ(folded(Function::Fma, {0.1, 10, -1}), std::fma(0.1, 10, -1));
  EXPECT_EQ(folded(Function::Round, {2.5}), 2);
  EXPECT_EQ(folded(Function::Round, {3.5}), 4);
  EXPECT_EQ(folded(Function::Scale2, {3, 4}), 48);
  EXPECT_EQ(folded(Function::Exponent2, {48}), 6);
  EXPECT_EQ(folded(Function::Mantissa2, {48}), 0.75);
  EXPECT_EQ(folded(Function::ToInt, {-2.7}), -2);
  EXPECT_EQ(folded(Function::Less, {1, 2}), 1);
}

// max(a, b) is b > a ? b : a: a NaN in `a` stays, one in `b` does not.
TEST(Expression, MaxAndMinAreTheirConditionals) {
  double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_TRUE(std::isnan(folded(Function::Max, {nan, 1})));
  EXPECT_EQ(folded(Function::Max, {1, nan}), 1);
  EXPECT_TRUE(std::isnan(folded(Function::Min, {nan, 1})));
  EXPECT_EQ(folded(Function::Min, {1, nan}), 1);
}

TEST(Expression, IdentitiesVanish) {
  ExprRef a = x();
  EXPECT_EQ(a + constant(0), a);
  EXPECT_EQ(constant(0) + a, a);
  EXPECT_EQ(a - constant(0), a);
  EXPECT_EQ(a * constant(1), a);
  EXPECT_EQ(constant(1) * a, a);
  EXPECT_EQ(a / constant(1), a);
  EXPECT_EQ(apply(Function::Neg, {apply(Function::Neg, {a})}), a);
  EXPECT_EQ(select(constant_bool(true), a, x(1)), a);
  EXPECT_EQ(select(constant_bool(false), x(1), a), a);
  ExprRef condition = apply(Function::Less, {a, x(1)});
  EXPECT_EQ(apply(Function::Not, {apply(Function::Not, {condition})}), condition);
  EXPECT_EQ(apply(Function::And, {constant_bool(true), condition}), condition);
  EXPECT_TRUE(is_constant(apply(Function::And, {condition, constant_bool(false)}), 0));
  EXPECT_TRUE(is_constant(apply(Function::Or, {condition, constant_bool(true)}), 1));
  EXPECT_EQ(apply(Function::ToReal, {a}), a);
}

TEST(Expression, WhatIsNotAnIdentityStays) {
  ExprRef a = x();
  EXPECT_EQ(text(a * constant(0)), "x[i] * 0"); // x may be infinite
  EXPECT_EQ(text(constant(0) - a), "0 - x[i]"); // -0 is not 0 - 0
  EXPECT_EQ(text(a - a), "x[i] - x[i]");
  EXPECT_EQ(text((a + constant(1)) + constant(2)), "x[i] + 1 + 2"); // rounds differently
  EXPECT_EQ(text(constant(1) / a), "1 / x[i]");
}

TEST(Expression, IntegersStayWithin32Bits) {
  ExprRef big = constant_int(std::numeric_limits<int32_t>::max());
  EXPECT_EQ((big * constant_int(3))->type, ScalarType::Int);
  EXPECT_EQ((constant_int(7) / constant_int(2))->kind, Expr::Kind::Apply);
  EXPECT_TRUE(is_constant(constant_int(8) / constant_int(2), 4));
  EXPECT_EQ((constant_int(1) / constant_int(0))->kind, Expr::Kind::Apply);
}

TEST(Expression, MixedNumbersBecomeReal) {
  ExprRef sum = x() + index_value(i);
  EXPECT_EQ(sum->type, ScalarType::Real);
  EXPECT_EQ(text(sum), "x[i] + real(i)");
  ExprRef larger = apply(Function::Max, {x(), constant_int(0)});
  EXPECT_EQ(larger->arguments[1]->type, ScalarType::Real);
}

TEST(Expression, IndexArithmeticIsAnIndex) {
  ExprRef e = index_value(i) * constant_int(2) + constant_int(1);
  ASSERT_EQ(e->kind, Expr::Kind::Index);
  EXPECT_EQ(e->indices[0], i * 2 + 1);
  EXPECT_TRUE(is_constant(index_value(i) - index_value(i), 0));
}

// What is read back is built from numbers of 32 bits, so nothing else may come of folding.
TEST(Expression, IndicesBeyond32BitsStayApart) {
  const ExprRef large = index_value(i * (1 << 30));
  EXPECT_EQ((large + large)->kind, Expr::Kind::Apply);
  EXPECT_EQ((constant_int(1 << 30) + constant_int(1 << 30))->kind, Expr::Kind::Apply);
  EXPECT_EQ((large * constant_int(-4))->kind, Expr::Kind::Apply);
}

TEST(Expression, InRangeAsksOnlyWhatIsOpen) {
  auto ranges = [](int) { return Interval{0, 9}; };
  EXPECT_TRUE(is_constant(in_range(i, 0, 9, ranges), 1));
  EXPECT_TRUE(is_constant(in_range(i + 10, 0, 9, ranges), 0));
  EXPECT_EQ(text(in_range(i - 1, 0, 9, ranges)), "0 <= i - 1");
  EXPECT_EQ(text(in_range(i + 1, 0, 9, ranges)), "i + 1 <= 9");
  EXPECT_EQ(text(in_range(i * 2 - 1, 0, 9, ranges)), "0 <= 2*i - 1 and 2*i - 1 <= 9");
}

TEST(Expression, EqualityIsOfStructure) {
  EXPECT_TRUE(structurally_equal(x() + x(1), x() + x(1)));
  EXPECT_FALSE(structurally_equal(x() + x(1), x(1) + x()));
  EXPECT_FALSE(structurally_equal(constant(0.0), constant(-0.0)));
  EXPECT_FALSE(structurally_equal(constant(1), constant_int(1)));
  EXPECT_FALSE(structurally_equal(x(), read(0, {i}, ScalarType::Real, 0.0)));
  EXPECT_FALSE(structurally_equal(random_uniform(i, 1), random_uniform(i, 2)));
  EXPECT_FALSE(structurally_equal(run_time_scalar("step"), run_time_scalar("epoch")));
}

// A chain of squares: 2^60 leaves as a tree, 61 nodes as a graph.
TEST(Expression, SharedPartsAreVisitedOnce) {
  auto chain = [](int64_t shift) {
    ExprRef e = x(shift);
    for (int level = 0; level < 60; ++level) e = e * e;
    return e;
  };
  ExprRef first = chain(0), second = chain(0);
  int count = 0;
  visit(first, [&](const ExprRef&) { ++count; });
  EXPECT_EQ(count, 61);
  EXPECT_TRUE(structurally_equal(first, second));
  EXPECT_FALSE(structurally_equal(first, chain(1)));
  ExprRef moved = substitute(first, [](int v) { return IndexExpr::variable(v) + 1; });
  EXPECT_TRUE(structurally_equal(moved, chain(1)));
  EXPECT_LT(text(first).size(), 3000u);
}

TEST(Expression, RewritingRebuildsAndFolds) {
  ExprRef e =
      select(apply(Function::Less, {run_time_scalar("p"), constant(1)}), x() * run_time_scalar("p"), x(1));
  auto with = [&](double value) {
    return rewrite(
        e, [&](const ExprRef& part) { return part->kind == Expr::Kind::Scalar ? constant(value) : part; });
  };
  EXPECT_EQ(text(with(0.5)), "x[i] * 0.5");
  EXPECT_EQ(text(with(2)), "x[i + 1]");
  EXPECT_EQ(rewrite(e, [](const ExprRef& part) { return part; }), e);
}

TEST(Expression, SubstitutionReachesEveryIndex) {
  auto shift = [](int v) { return IndexExpr::variable(v) + 5; };
  EXPECT_EQ(text(substitute(read(0, {i}, ScalarType::Real, -1.5), shift)), "(x[i + 5] else -1.5)");
  EXPECT_EQ(text(substitute(random_uniform(i * 3, 7), shift)), "random(3*i + 15; 7)");
  EXPECT_EQ(text(substitute(index_value(i), [](int) { return IndexExpr(4); })), "4");
  ExprRef guarded = load(1, i, ScalarType::Real, in_range(i, 0, 8, [](int) { return Interval{0, 9}; }), 2);
  EXPECT_EQ(text(guarded), "(load y[i] if i <= 8 else 2)");
  EXPECT_EQ(text(substitute(guarded, shift)), "(load y[i + 5] if i + 5 <= 8 else 2)");
  EXPECT_EQ(text(substitute(guarded, [](int) { return IndexExpr(8); })), "load y[8]");
  EXPECT_TRUE(is_constant(substitute(guarded, [](int) { return IndexExpr(9); }), 2));
}

TEST(Expression, PlacesOfDataAreRebuiltWithTheirReads) {
  const auto shift = [](int v) { return IndexExpr::variable(v) + 5; };
  const ExprRef place = read(1, {i}, ScalarType::Int);
  const ExprRef moved = read_at_places(0, {i, i - 2}, {constant_int(0), place}, ScalarType::Real, 0);
  EXPECT_TRUE(has_places(*moved));
  EXPECT_EQ(text(substitute(moved, shift)), "(x[i + 5, @(y[i + 5]) + i + 3] else 0)");
  EXPECT_FALSE(structurally_equal(moved, read(0, {i, i - 2}, ScalarType::Real, 0)));
  EXPECT_FALSE(structurally_equal(moved, substitute(moved, shift)));
  EXPECT_TRUE(structurally_equal(substitute(moved, [](int v) { return IndexExpr::variable(v); }), moved));
  // A place that turns out to be a constant is an index.
  const ExprRef settled = rewrite(moved, [&](const ExprRef& e) { return e == place ? constant_int(7) : e; });
  EXPECT_FALSE(has_places(*settled));
  EXPECT_EQ(text(settled), "(x[i, i + 5] else 0)");
  // No gradient passes what did not pass one before.
  Expr stopped = *moved;
  stopped.stop_gradient = true;
  EXPECT_EQ(text(substitute(std::make_shared<const Expr>(stopped), shift)),
            "stop(x[i + 5, @(y[i + 5]) + i + 3] else 0)");

  EXPECT_EQ(text(substitute(random_uniform(i, 7, place), shift)), "random(i + 5, @(y[i + 5]); 7)");
  const ExprRef inside = apply(Function::LessEqual, {constant_int(0), place});
  const ExprRef loaded = load(1, i, ScalarType::Real, inside, 2, place);
  EXPECT_EQ(text(substitute(loaded, shift)), "(load y[@(y[i + 5]) + i + 5] if 0 <= y[i + 5] else 2)");
  EXPECT_FALSE(structurally_equal(loaded, load(1, i, ScalarType::Real, inside, 2)));
  // Inside for certain: the place stays.
  EXPECT_EQ(text(load(1, i, ScalarType::Real, constant_bool(true), 2, place)),
            "(load y[@(y[i]) + i] if true else 2)");
}

TEST(Expression, ParenthesesAreFew) {
  ExprRef a = x(), b = x(1), c = x(2);
  EXPECT_EQ(text(a + b * c), "x[i] + x[i + 1] * x[i + 2]");
  EXPECT_EQ(text((a + b) * c), "(x[i] + x[i + 1]) * x[i + 2]");
  EXPECT_EQ(text(a - (b - c)), "x[i] - (x[i + 1] - x[i + 2])");
  EXPECT_EQ(text(a / (b * c)), "x[i] / (x[i + 1] * x[i + 2])");
  EXPECT_EQ(text(apply(Function::Neg, {a + b})), "-(x[i] + x[i + 1])");
  EXPECT_EQ(text(apply(Function::Not, {apply(Function::LessEqual, {a, b})})), "not x[i] <= x[i + 1]");
  EXPECT_EQ(text(apply(Function::Max, {a, constant(0)})), "max(x[i], 0)");
  EXPECT_EQ(text(index_value(i * 2 + 1) * index_value(i)), "(2*i + 1) * i");
  EXPECT_EQ(text(run_time_scalar("optimizer.lr") * a), "$optimizer.lr * x[i]");
  EXPECT_EQ(text(run_time_scalar("1/N") * a), "$\"1/N\" * x[i]");
}

TEST(Expression, RealConstantsAreToldFromIntegers) {
  ExprRef condition = apply(Function::Less, {x(), x(1)});
  EXPECT_EQ(text(select(condition, constant(1), constant(0))), "select(x[i] < x[i + 1], 1.0, 0)");
  EXPECT_EQ(text(select(condition, constant_int(1), constant_int(0))), "select(x[i] < x[i + 1], 1, 0)");
  EXPECT_EQ(text(select(condition, x(), constant(0))), "select(x[i] < x[i + 1], x[i], 0)");
  EXPECT_EQ(text(x() * constant(-0.0)), "x[i] * -0.0");
  EXPECT_EQ(text(constant(-std::numeric_limits<double>::infinity())), "-inf");
}

TEST(Expression, SharedPartsAreNamedOnce) {
  ExprRef e = apply(Function::Exp, {x() - x(1)});
  EXPECT_EQ(text(e / (e + constant(1))), "let t0 = exp(x[i] - x[i + 1]) in t0 / (t0 + 1)");
}

TEST(Expression, FunctionsAreKnownByName) {
  EXPECT_EQ(function_named("fma"), Function::Fma);
  EXPECT_EQ(arity_of(Function::Select), 3);
  EXPECT_STREQ(name_of(Function::ToReal), "real");
  EXPECT_FALSE(function_named("softplus"));
}

TEST(Expression, WhatFoldingLeavesIsReplacedOnce) {
  // i + x[n], with i = 0 and n = n + i: the read must not become x[n + i + i].
  const ExprRef sum =
      index_value(IndexExpr::variable(1)) + read(0, {IndexExpr::variable(0)}, ScalarType::Int);
  const ExprRef result = substitute(
      sum, [](int v) { return v == 0 ? IndexExpr::variable(0) + IndexExpr::variable(2) : IndexExpr(0); });
  EXPECT_TRUE(structurally_equal(
      result, read(0, {IndexExpr::variable(0) + IndexExpr::variable(2)}, ScalarType::Int)));
}

} // namespace
} // namespace striate
