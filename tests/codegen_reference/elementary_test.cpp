// The expanded elementary functions, run by the interpreter in f32, against double arithmetic: over floats
// spread evenly in their bits, and at the places where such functions go wrong.
#include "codegen/reference/interpreter.h"
#include "passes/expand_elementary.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

namespace striate {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kSmallest = std::numeric_limits<float>::min(); // below it results are flushed to zero
const double kNan = std::nan("");

// f(inputs...) over all elements, by the interpreter in f32.
std::vector<double> evaluate_expanded(Function function, const std::vector<std::vector<double>>& inputs) {
  Definition definition;
  definition.name = name_of(function);
  const int count = static_cast<int>(inputs.size());
  const Size size = Size::constant(static_cast<int64_t>(inputs[0].size()));
  for (int i = 0; i <= count; ++i)
    definition.operands.push_back({"v" + std::to_string(i), {ElementType::F32, {size}}});
  definition.input_count = count;
  definition.outputs = {count};
  Statement statement;
  statement.target = count;
  statement.variables = {{"i", size}};
  statement.free_count = 1;
  statement.output = {{0}};
  std::vector<ExprRef> arguments;
  for (int i = 0; i < count; ++i) arguments.push_back(read(i, {IndexExpr::variable(0)}));
  statement.body = expand_elementary(apply(function, arguments));
  definition.statements.push_back(statement);

  std::vector<ReferenceTensor> tensors;
  for (const std::vector<double>& values : inputs)
    tensors.push_back({definition.operands[0].type, {size.factor}, values});
  ReferenceSettings settings;
  settings.precision = Precision::F32;
  return evaluate(definition, tensors, settings)[0].values;
}

// Every `stride`-th float from `low` to `high`, both of one sign.
void sweep(std::vector<double>& values, double low, double high, uint32_t stride) {
  uint32_t first = std::bit_cast<uint32_t>(static_cast<float>(low));
  uint32_t last = std::bit_cast<uint32_t>(static_cast<float>(high));
  if (first > last) std::swap(first, last);
  for (uint64_t bits = first; bits <= last; bits += stride)
    values.push_back(std::bit_cast<float>(static_cast<uint32_t>(bits)));
}

std::vector<double> sweep_both_signs(double low, double high, uint32_t stride) {
  std::vector<double> values;
  sweep(values, low, high, stride);
  sweep(values, -low, -high, stride);
  return values;
}

// How far `got` lies from the exact result, in units of the last place of a float of its size. Results that
// no normal float can hold are flushed or infinite.
double error_in_ulp(double got, double exact) {
  if (std::isnan(exact)) return std::isnan(got) ? 0 : kInfinity;
  if (std::abs(exact) < kSmallest) return std::abs(got) <= kSmallest ? 0 : kInfinity;
  const double largest = std::numeric_limits<float>::max();
  if (std::abs(exact) > largest)
    return got == exact || (std::isinf(got) && (got > 0) == (exact > 0)) || std::abs(got) == largest
               ? 0
               : kInfinity;
  const int exponent = std::max(std::ilogb(exact), -126);
  return std::abs(got - exact) / std::ldexp(1.0, exponent - 23);
}

template <typename F>
double largest_error(Function function, F exact, const std::vector<double>& inputs) {
  const std::vector<double> results = evaluate_expanded(function, {inputs});
  double largest = 0, where = 0;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const double error = error_in_ulp(results[i], exact(inputs[i]));
    if (!(error <= largest)) {
      largest = error;
      where = inputs[i];
    }
  }
  ::testing::Test::RecordProperty(std::string(name_of(function)) + ".ulp", std::to_string(largest));
  std::printf("%s: %.3f ulp at %a over %zu floats\n", name_of(function), largest, where, inputs.size());
  return largest;
}

void expect_values(Function function, const std::vector<std::pair<double, double>>& table) {
  std::vector<double> inputs;
  for (const auto& [x, y] : table) inputs.push_back(x);
  const std::vector<double> results = evaluate_expanded(function, {inputs});
  for (std::size_t i = 0; i < table.size(); ++i) {
    const double expected = table[i].second;
    EXPECT_TRUE(results[i] == expected || (std::isnan(results[i]) && std::isnan(expected)))
        << name_of(function) << "(" << inputs[i] << ") = " << results[i] << ", not " << expected;
  }
}

constexpr uint32_t kStride = 997; // a prime: all low bits are met

TEST(Elementary, Exp) {
  EXPECT_LE(largest_error(
                Function::Exp, [](double x) { return std::exp(x); }, sweep_both_signs(1e-30, 200, kStride)),
            1);
  expect_values(Function::Exp, {{0, 1},
                                {-0.0, 1},
                                {kInfinity, kInfinity},
                                {-kInfinity, 0},
                                {kNan, kNan},
                                {3e38, kInfinity},
                                {-3e38, 0},
                                {88.8, kInfinity},
                                {-87.5, 0},
                                {1e-40, 1}});
}

TEST(Elementary, Log) {
  std::vector<double> inputs;
  sweep(inputs, kSmallest, std::numeric_limits<float>::max(), kStride);
  sweep(inputs, 0.99, 1.01, 1);
  EXPECT_LE(largest_error(
                Function::Log, [](double x) { return std::log(x); }, inputs),
            1);
  expect_values(Function::Log, {{1, 0},
                                {0, -kInfinity},
                                {-0.0, -kInfinity},
                                {1e-40, -kInfinity},
                                {-1, kNan},
                                {-kInfinity, kNan},
                                {kInfinity, kInfinity},
                                {kNan, kNan}});
}

TEST(Elementary, Tanh) {
  EXPECT_LE(largest_error(
                Function::Tanh, [](double x) { return std::tanh(x); }, sweep_both_signs(1e-37, 200, kStride)),
            2);
  expect_values(Function::Tanh,
                {{0, 0}, {1e-40, 0}, {kInfinity, 1}, {-kInfinity, -1}, {kNan, kNan}, {3e38, 1}, {-50, -1}});
}

TEST(Elementary, Erf) {
  EXPECT_LE(largest_error(
                Function::Erf, [](double x) { return std::erf(x); }, sweep_both_signs(1e-37, 200, kStride)),
            2);
  expect_values(Function::Erf,
                {{0, 0}, {1e-40, 0}, {kInfinity, 1}, {-kInfinity, -1}, {kNan, kNan}, {3e38, 1}, {-50, -1}});
}

TEST(Elementary, SinAndCos) {
  std::vector<double> inputs = sweep_both_signs(1e-37, 8192, kStride);
  sweep(inputs, 1000, 8192, 61);
  // The floats next to multiples of pi/2, where the reduced argument is smallest.
  for (int n = 1; n <= 5215; ++n) {
    const float near = static_cast<float>(n * 1.5707963267948966);
    inputs.push_back(near);
    inputs.push_back(std::nextafter(near, 1e30f));
    inputs.push_back(-std::nextafter(near, 0.0f));
  }
  EXPECT_LE(largest_error(
                Function::Sin, [](double x) { return std::sin(x); }, inputs),
            2);
  EXPECT_LE(largest_error(
                Function::Cos, [](double x) { return std::cos(x); }, inputs),
            2);
  expect_values(Function::Sin,
                {{0, 0}, {-0.0, 0}, {1e-40, 0}, {kInfinity, kNan}, {-kInfinity, kNan}, {kNan, kNan}});
  expect_values(Function::Cos,
                {{0, 1}, {-0.0, 1}, {1e-40, 1}, {kInfinity, kNan}, {-kInfinity, kNan}, {kNan, kNan}});

  std::vector<double> huge = sweep_both_signs(8192, std::numeric_limits<float>::max(), 9973);
  for (Function function : {Function::Sin, Function::Cos}) {
    for (double y : evaluate_expanded(function, {huge})) ASSERT_LE(std::abs(y), 1.0000001);
  }
}

TEST(Elementary, Pow) {
  // Bases over all magnitudes and near 1, each with exponents that keep the result a normal float.
  std::vector<double> bases, exponents;
  std::vector<double> some;
  sweep(some, kSmallest, std::numeric_limits<float>::max(), 99991);
  sweep(some, 0.5, 2, 3989);
  sweep(some, 0.999, 1.001, 101);
  uint32_t state = 1;
  for (double base : some) {
    const double reach = base == 1 ? 1e6 : 88 / std::abs(std::log(base));
    for (int i = 0; i < 8; ++i) {
      state = state * 1664525 + 1013904223;
      const double share = (state >> 8) * 0x1p-24 * 2 - 1;
      bases.push_back(base);
      exponents.push_back(static_cast<float>(std::clamp(share * reach, -1e30, 1e30)));
    }
  }
  const std::vector<double> results = evaluate_expanded(Function::Pow, {bases, exponents});
  double largest = 0;
  for (std::size_t i = 0; i < bases.size(); ++i)
    largest = std::max(largest, error_in_ulp(results[i], std::pow(bases[i], exponents[i])));
  std::printf("pow: %.3f ulp over %zu pairs\n", largest, bases.size());
  EXPECT_LE(largest, 4);

  const std::vector<double> specials = {0,    1,   -1,    2,    -2,        3,          0.5,
                                        -0.5, 2.5, 1e-30, 1e30, kInfinity, -kInfinity, kNan};
  bases.clear();
  exponents.clear();
  for (double base : specials) {
    for (double exponent : specials) {
      bases.push_back(base);
      exponents.push_back(exponent);
    }
  }
  const std::vector<double> edges = evaluate_expanded(Function::Pow, {bases, exponents});
  for (std::size_t i = 0; i < bases.size(); ++i) {
    EXPECT_LE(
        error_in_ulp(edges[i], std::pow(static_cast<float>(bases[i]), static_cast<float>(exponents[i]))), 1)
        << bases[i] << " ** " << exponents[i] << " = " << edges[i];
  }
}

// A constant base or exponent takes other ways through the pass.
TEST(Elementary, PowOfConstants) {
  Statement statement;
  statement.variables = {{"i", Size::constant(2000)}};
  statement.free_count = 1;
  statement.output = {{0}};
  statement.target = 0;
  const ExprRef step = apply(Function::ToReal, {index_value(IndexExpr::variable(0))});
  const auto check = [&](const ExprRef& base, const ExprRef& exponent, auto exact) {
    statement.body = expand_elementary(apply(Function::Pow, {base, exponent}));
    const Definition definition{
        "power", {{"y", {ElementType::F32, {Size::constant(2000)}}}}, 0, {0}, {statement}};
    ReferenceSettings settings;
    settings.precision = Precision::F32;
    const std::vector<double> results = evaluate(definition, {}, settings)[0].values;
    for (int i = 0; i < 2000; ++i) ASSERT_LE(error_in_ulp(results[i], exact(i)), 4) << i;
  };
  check(constant(0.999), step, [](int i) { return std::pow(0.999, i); });
  check(constant(0.9), step, [](int i) { return std::pow(0.9, i); });
  for (double p : {-2.0, -1.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 10.0})
    check(step, constant(p), [=](int i) { return std::pow(i, p); });
}

} // namespace
} // namespace striate
