#include "ir/index_expression.h"

#include <gtest/gtest.h>

#include <random>

namespace striate {
namespace {

constexpr int kVariables = 3;

std::string name(int variable) { return std::string(1, static_cast<char>('i' + variable)); }

// Variables with a range and a step that all their values keep to.
struct Domain {
  Interval ranges[kVariables];
  int64_t steps[kVariables];

  std::function<Interval(int)> range_of() const {
    return [this](int v) { return ranges[v]; };
  }
  std::function<int64_t(int)> step_of() const {
    return [this](int v) { return steps[v]; };
  }
  void for_each(const std::function<void(const int64_t*)>& see) const {
    int64_t values[kVariables];
    for (values[0] = ranges[0].low; values[0] <= ranges[0].high; values[0] += steps[0])
      for (values[1] = ranges[1].low; values[1] <= ranges[1].high; values[1] += steps[1])
        for (values[2] = ranges[2].low; values[2] <= ranges[2].high; values[2] += steps[2]) see(values);
  }
};

// A random expression, and the same computed without the canonical form.
struct Sample {
  IndexExpr expression;
  std::function<int64_t(const int64_t*)> value;
};

class Samples {
public:
  explicit Samples(unsigned seed) : random_(seed) {}

  int64_t between(int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(random_);
  }

  Sample make(int depth) {
    int64_t choice = depth == 0 ? between(0, 1) : between(0, 6);
    if (choice == 0) {
      int64_t constant = between(-20, 20);
      return {constant, [=](const int64_t*) { return constant; }};
    }
    if (choice == 1) {
      int v = static_cast<int>(between(0, kVariables - 1));
      return {IndexExpr::variable(v), [=](const int64_t* values) { return values[v]; }};
    }
    Sample a = make(depth - 1);
    int64_t factors[] = {2, 3, 4, 8, 16, 5};
    int64_t factor = factors[between(0, 5)];
    switch (choice) {
    case 2: {
      Sample b = make(depth - 1);
      return {a.expression + b.expression, [=](const int64_t* v) { return a.value(v) + b.value(v); }};
    }
    case 3: {
      Sample b = make(depth - 1);
      return {a.expression - b.expression, [=](const int64_t* v) { return a.value(v) - b.value(v); }};
    }
    case 4:
      return {a.expression * factor, [=](const int64_t* v) { return a.value(v) * factor; }};
    case 5:
      return {IndexExpr::quotient(a.expression, factor),
              [=](const int64_t* v) { return floor_div(a.value(v), factor); }};
    default:
      return {IndexExpr::remainder(a.expression, factor),
              [=](const int64_t* v) { return floor_mod(a.value(v), factor); }};
    }
  }

  Domain domain() {
    Domain domain;
    for (int v = 0; v < kVariables; ++v) {
      int64_t steps[] = {1, 1, 2, 4, 16};
      domain.steps[v] = steps[between(0, 4)];
      domain.ranges[v].low = domain.steps[v] * between(-1, 1);
      domain.ranges[v].high = domain.ranges[v].low + domain.steps[v] * between(0, 4);
    }
    return domain;
  }

private:
  std::mt19937 random_;
};

const IndexExpr i = IndexExpr::variable(0), j = IndexExpr::variable(1), k = IndexExpr::variable(2);

TEST(IndexExpression, DivisionRoundsDown) {
  EXPECT_EQ(floor_div(-1, 16), -1);
  EXPECT_EQ(floor_mod(-1, 16), 15);
  EXPECT_EQ(floor_div(-32, 16), -2);
  EXPECT_EQ(floor_mod(31, 16), 15);
}

TEST(IndexExpression, EqualExpressionsAreEqual) {
  EXPECT_EQ(i + j, j + i);
  EXPECT_EQ(i + j - i, j);
  EXPECT_EQ((i + 1) * 3, i * 3 + 3);
  EXPECT_NE(i, j);
  EXPECT_NE(i, i + 1);
  EXPECT_TRUE((i - i).is_constant());
  EXPECT_EQ(IndexExpr::quotient(i + 16, 16), IndexExpr::quotient(i, 16) + 1);
  EXPECT_EQ(IndexExpr::quotient(i * 16 + j, 16), i + IndexExpr::quotient(j, 16));
  EXPECT_EQ(IndexExpr::quotient(i * 2 + 1, 4), IndexExpr::quotient(i, 2));
  EXPECT_EQ(IndexExpr::quotient(IndexExpr::quotient(i, 3), 5), IndexExpr::quotient(i, 15));
  EXPECT_EQ(IndexExpr::remainder(i * 16 + j + 16, 16), IndexExpr::remainder(j, 16));
  EXPECT_EQ(IndexExpr::remainder(i * 4, 8), IndexExpr::remainder(i, 2) * 4);
  EXPECT_EQ(IndexExpr::remainder(IndexExpr::remainder(i, 12), 4), IndexExpr::remainder(i, 4));
}

TEST(IndexExpression, QuotientAndRemainderJoin) {
  EXPECT_EQ(IndexExpr::quotient(i, 16) * 16 + IndexExpr::remainder(i, 16), i);
  EXPECT_EQ(IndexExpr::quotient(i + 3, 7) * 14 + j + IndexExpr::remainder(i + 3, 7) * 2, i * 2 + j + 6);
  IndexExpr middle = IndexExpr::remainder(IndexExpr::quotient(i, 4), 8);
  EXPECT_EQ(IndexExpr::quotient(i, 32) * 8 + middle, IndexExpr::quotient(i, 4));
}

TEST(IndexExpression, Questions) {
  EXPECT_EQ(i.as_variable(), 0);
  EXPECT_FALSE((i + 1).as_variable());
  EXPECT_FALSE((i * 2).as_variable());
  EXPECT_EQ((i * 2 + j).coefficient(0), 2);
  EXPECT_EQ((i * 2 + j).coefficient(2), 0);
  EXPECT_TRUE((i + j).is_affine());
  EXPECT_FALSE(IndexExpr::quotient(i, 2).is_affine());
  EXPECT_TRUE(IndexExpr::quotient(i + j, 2).uses(1));
  EXPECT_FALSE(IndexExpr::quotient(i, 2).uses(1));
  std::vector<int> variables = {2};
  (IndexExpr::remainder(j, 2) + i).collect_variables(variables);
  EXPECT_EQ(variables, (std::vector<int>{0, 1, 2}));
}

TEST(IndexExpression, Text) {
  EXPECT_EQ((i * 2 + k - 1).text(name), "2*i + k - 1");
  EXPECT_EQ((j - i).text(name), "-i + j");
  EXPECT_EQ(IndexExpr(0).text(name), "0");
  EXPECT_EQ(IndexExpr(-3).text(name), "-3");
  EXPECT_EQ((IndexExpr::quotient(i, 16) * 4 + IndexExpr::remainder(i + j, 16)).text(name),
            "4*(i // 16) + ((i + j) % 16)");
}

TEST(IndexExpression, RangesResolveDigits) {
  Domain domain{{{0, 9}, {0, 15}, {0, 3}}, {1, 1, 1}};
  auto simplify = [&](const IndexExpr& e) { return e.simplify(domain.range_of()); };
  EXPECT_EQ(simplify(IndexExpr::quotient(i * 16 + j, 16)), i);
  EXPECT_EQ(simplify(IndexExpr::remainder(i * 16 + j, 16)), j);
  EXPECT_EQ(simplify(IndexExpr::quotient(i * 64 + k * 16 + j, 16)), i * 4 + k);
  EXPECT_EQ(simplify(IndexExpr::remainder(i * 64 + k * 16 + j, 64)), k * 16 + j);
  EXPECT_EQ(simplify(IndexExpr::quotient(i * 16 + j, 32)), IndexExpr::quotient(i, 2));
  EXPECT_EQ(simplify(IndexExpr::quotient(j + 16, 16)), IndexExpr(1));
  EXPECT_EQ(simplify(IndexExpr::quotient(j - 16, 16)), IndexExpr(-1));
  EXPECT_NE(simplify(IndexExpr::quotient(j + 1, 16)), IndexExpr(0));
}

// n + lane where n runs in steps of 16: the block is n/16, and an offset in blocks of 16 is n itself.
TEST(IndexExpression, StepsResolveBlocks) {
  Domain domain{{{0, 640}, {0, 15}, {0, 3}}, {16, 1, 1}};
  auto simplify = [&](const IndexExpr& e) { return e.simplify(domain.range_of(), domain.step_of()); };
  const IndexExpr block = IndexExpr::quotient(i + j, 16), lane = IndexExpr::remainder(i + j, 16);
  EXPECT_EQ(simplify(block), IndexExpr::quotient(i, 16));
  EXPECT_EQ(simplify(lane), j);
  EXPECT_EQ(simplify(block * 16 * 24 + k * 16 + lane), i * 24 + k * 16 + j);
  EXPECT_EQ(simplify(block * 8), IndexExpr::quotient(i, 2));
  EXPECT_EQ(simplify(IndexExpr::remainder(i, 16)), IndexExpr(0));
  EXPECT_EQ(simplify(IndexExpr::quotient(i + j, 32)), IndexExpr::quotient(i, 32));
}

TEST(IndexExpression, AgreesWithArithmetic) {
  Samples samples(1);
  for (int trial = 0; trial < 3000; ++trial) {
    Sample sample = samples.make(4);
    Domain domain = samples.domain();
    IndexExpr simple = sample.expression.simplify(domain.range_of(), domain.step_of());
    Interval range = sample.expression.range(domain.range_of());
    Interval simple_range = simple.range(domain.range_of());
    domain.for_each([&](const int64_t* values) {
      int64_t expected = sample.value(values);
      ASSERT_EQ(sample.expression.evaluate(values), expected) << sample.expression.text(name);
      ASSERT_EQ(simple.evaluate(values), expected)
          << sample.expression.text(name) << " became " << simple.text(name);
      ASSERT_TRUE(range.low <= expected && expected <= range.high) << sample.expression.text(name);
      ASSERT_TRUE(simple_range.low <= expected && expected <= simple_range.high) << simple.text(name);
    });
    if (HasFatalFailure()) return;
  }
}

TEST(IndexExpression, SubstitutionCommutesWithEvaluation) {
  Samples samples(2);
  for (int trial = 0; trial < 1000; ++trial) {
    Sample outer = samples.make(3);
    Sample inner[kVariables] = {samples.make(2), samples.make(2), samples.make(2)};
    IndexExpr composed = outer.expression.substitute([&](int v) { return inner[v].expression; });
    int64_t values[kVariables] = {samples.between(-9, 40), samples.between(-9, 40), samples.between(-9, 40)};
    int64_t between[kVariables];
    for (int v = 0; v < kVariables; ++v) between[v] = inner[v].value(values);
    ASSERT_EQ(composed.evaluate(values), outer.value(between)) << outer.expression.text(name);
  }
}

TEST(IndexExpression, AffineRangesAreExact) {
  Domain domain{{{-2, 3}, {0, 5}, {1, 4}}, {1, 1, 1}};
  EXPECT_EQ((i * 3 - j * 2 + 7).range(domain.range_of()), (Interval{-9, 16}));
  EXPECT_EQ(IndexExpr::remainder(k + 3, 4).range(domain.range_of()), (Interval{0, 3}));
}

TEST(IndexExpression, LargeRangesStayLarge) {
  auto huge = [](int) { return Interval{0, int64_t{1} << 60}; };
  Interval range = (i * (int64_t{1} << 40)).range(huge);
  EXPECT_GT(range.high, int64_t{1} << 60);
}

} // namespace
} // namespace striate
