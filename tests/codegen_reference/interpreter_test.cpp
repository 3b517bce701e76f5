// The interpreter against values computed here by hand, the order of reductions bit for bit.
#include "codegen/reference/interpreter.h"
#include "support/random.h"

#include <gtest/gtest.h>

#include <cfloat>
#include <cmath>
#include <limits>

namespace striate {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

IndexExpr var(int v) { return IndexExpr::variable(v); }

std::vector<Size> sizes(const std::vector<int64_t>& shape) {
  std::vector<Size> result;
  for (int64_t size : shape) result.push_back(Size::constant(size));
  return result;
}

ReferenceTensor tensor(const std::vector<int64_t>& shape, std::vector<double> values,
                       ElementType element = ElementType::F32) {
  return {{element, sizes(shape)}, shape, std::move(values)};
}

// Floats between -1 and 1.
ReferenceTensor noise(const std::vector<int64_t>& shape, uint64_t seed) {
  ReferenceTensor result = reference_tensor({ElementType::F32, sizes(shape)}, 1);
  for (std::size_t i = 0; i < result.values.size(); ++i) result.values[i] = 2 * uniform(seed, i, 0, 0) - 1;
  return result;
}

// One statement over the given inputs, its target the last operand.
Definition one_statement(const std::vector<ReferenceTensor>& inputs, TensorType target, Statement statement) {
  Definition definition;
  definition.name = "test";
  for (const ReferenceTensor& input : inputs) definition.operands.push_back({"x", input.type});
  definition.input_count = static_cast<int>(inputs.size());
  definition.operands.push_back({"y", std::move(target)});
  statement.target = definition.input_count;
  definition.outputs = {statement.target};
  definition.statements.push_back(std::move(statement));
  return definition;
}

// Free variables are the target's dimensions, then come the reduced ones.
Statement statement_of(const std::vector<int64_t>& free, const std::vector<int64_t>& reduced, Reducer reducer,
                       ExprRef body) {
  Statement statement;
  for (int64_t extent : free) statement.variables.push_back({"i", Size::constant(extent)});
  for (int64_t extent : reduced) statement.variables.push_back({"r", Size::constant(extent)});
  statement.free_count = static_cast<int>(free.size());
  for (int d = 0; d < statement.free_count; ++d) statement.output.push_back({d});
  statement.reducer = reducer;
  statement.body = std::move(body);
  return statement;
}

std::vector<double> run(const std::vector<ReferenceTensor>& inputs, const std::vector<int64_t>& shape,
                        const Statement& statement, Precision precision = Precision::F64,
                        ElementType element = ElementType::F32) {
  ReferenceSettings settings;
  settings.precision = precision;
  settings.seed = 7;
  settings.scalars["step"] = 3;
  return evaluate(one_statement(inputs, {element, sizes(shape)}, statement), inputs, settings)[0].values;
}

TEST(Interpreter, ConvolutionWithPaddingStrideAndGroups) {
  const int64_t n_count = 2, g_count = 2, o_count = 3, c_count = 5, size = 7, kernel = 3, out = 4;
  const ReferenceTensor x = noise({n_count, g_count * c_count, size, size}, 1);
  const ReferenceTensor k = noise({g_count * o_count, c_count, kernel, kernel}, 2);
  // Variables: n g o i j | c r s
  Statement statement = statement_of(
      {n_count, g_count, o_count, out, out}, {c_count, kernel, kernel}, Reducer::Sum,
      read(1, {var(1) * o_count + var(2), var(5), var(6), var(7)}) *
          read(0, {var(0), var(1) * c_count + var(5), var(3) * 2 + var(6) - 1, var(4) * 2 + var(7) - 1},
               ScalarType::Real, 0.0));
  statement.output = {{0}, {1, 2}, {3}, {4}};
  const std::vector<double> y = run({x, k}, {n_count, g_count * o_count, out, out}, statement);

  std::size_t at = 0;
  for (int64_t n = 0; n < n_count; ++n) {
    for (int64_t o = 0; o < g_count * o_count; ++o) {
      for (int64_t i = 0; i < out; ++i) {
        for (int64_t j = 0; j < out; ++j, ++at) {
          double sum = 0;
          for (int64_t c = 0; c < c_count; ++c) {
            for (int64_t r = 0; r < kernel; ++r) {
              for (int64_t s = 0; s < kernel; ++s) {
                const int64_t h = 2 * i + r - 1, w = 2 * j + s - 1;
                if (h < 0 || h >= size || w < 0 || w >= size) continue;
                const int64_t channel = o / o_count * c_count + c;
                sum += k.values[((o * c_count + c) * kernel + r) * kernel + s] *
                       x.values[((n * g_count * c_count + channel) * size + h) * size + w];
              }
            }
          }
          ASSERT_NEAR(y[at], sum, 1e-14);
        }
      }
    }
  }
}

// y[i] = sum(c, r) k[i, c, r] * x[c, r] in the order (c/16, r, c%16), with and without lanes, and with c
// ragged. The number of outputs decides which loop the interpreter walks innermost: neither it nor blocks may
// show.
class Order : public ::testing::TestWithParam<std::tuple<int64_t, int64_t, bool>> {};

TEST_P(Order, IsFollowedBitForBit) {
  const auto [outputs, channels, lanes] = GetParam();
  const int64_t taps = 5;
  const ReferenceTensor x = noise({channels, taps}, 3);
  const ReferenceTensor k = noise({outputs, channels, taps}, 4);
  Statement statement = statement_of({outputs}, {channels, taps}, Reducer::Sum,
                                     read(1, {var(0), var(1), var(2)}) * read(0, {var(1), var(2)}));
  statement.order.loops = {{1, 16, Size::constant((channels + 15) / 16)}, {2, 1, Size::constant(taps)}};
  const ReductionLoop low{1, 1, Size::constant(16)};
  if (lanes) {
    statement.order.lanes = low;
  } else {
    statement.order.loops.push_back(low);
  }
  const std::vector<double> y = run({x, k}, {outputs}, statement, Precision::F32);

  for (int64_t i = 0; i < outputs; ++i) {
    float sums[16] = {};
    for (int64_t block = 0; block < channels; block += 16) {
      for (int64_t r = 0; r < taps; ++r) {
        for (int64_t lane = 0; lane < 16 && block + lane < channels; ++lane) {
          const int64_t c = block + lane;
          float& sum = sums[lanes ? lane : 0];
          sum = std::fma(static_cast<float>(k.values[(i * channels + c) * taps + r]),
                         static_cast<float>(x.values[c * taps + r]), sum);
        }
      }
    }
    for (int half = 8; half > 0; half /= 2) {
      for (int lane = 0; lane < half; ++lane) sums[lane] += sums[lane + half];
    }
    ASSERT_EQ(y[i], sums[0]) << "output " << i;
  }
}

// Digits that run down, as the innermost loop of the walk and further out.
TEST(Orders, RunDown) {
  constexpr int64_t kChannels = 6, kTaps = 3;
  for (const int64_t outputs : {1, 300}) {
    const ReferenceTensor x = noise({kChannels, kTaps}, 3), k = noise({outputs, kChannels, kTaps}, 4);
    Statement statement = statement_of({outputs}, {kChannels, kTaps}, Reducer::Sum,
                                       read(1, {var(0), var(1), var(2)}) * read(0, {var(1), var(2)}));
    statement.order.loops = {
        {2, 1, Size::constant(kTaps), true}, {1, 2, Size::constant(3)}, {1, 1, Size::constant(2), true}};
    const std::vector<double> y = run({x, k}, {outputs}, statement, Precision::F32);
    for (int64_t i = 0; i < outputs; ++i) {
      float sum = 0;
      for (int64_t r = kTaps - 1; r >= 0; --r)
        for (const int64_t c : {1, 0, 3, 2, 5, 4})
          sum = std::fma(static_cast<float>(k.values[(i * kChannels + c) * kTaps + r]),
                         static_cast<float>(x.values[c * kTaps + r]), sum);
      ASSERT_EQ(y[i], sum) << "output " << i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, Order,
                         ::testing::Combine(::testing::Values(1, 3, 17, 300),
                                            ::testing::Values(1, 5, 16, 20, 47, 64), ::testing::Bool()));

TEST(Interpreter, SumsRoundEveryAddition) {
  // 1 + 2^-24 + 2^-24 is 1 when each addition rounds; as a product it still is.
  const ReferenceTensor x = tensor({3}, {1, 0x1p-24, 0x1p-24});
  EXPECT_EQ(run({x}, {}, statement_of({}, {3}, Reducer::Sum, read(0, {var(0)})), Precision::F32)[0], 1);
  EXPECT_EQ(run({x}, {}, statement_of({}, {3}, Reducer::Sum, read(0, {var(0)})))[0], 1 + 0x1p-23);
  // a * a - b: with one rounding, the square's low bits survive.
  const ReferenceTensor a = tensor({2}, {1 + 0x1p-12, 1}), b = tensor({2}, {1 + 0x1p-12, -1 - 0x1p-11});
  const Statement product = statement_of({}, {2}, Reducer::Sum, read(0, {var(0)}) * read(1, {var(0)}));
  const ReferenceTensor reversed_a = tensor({2}, {1, 1 + 0x1p-12}),
                        reversed_b = tensor({2}, {-1 - 0x1p-11, 1 + 0x1p-12});
  EXPECT_EQ(run({a, b}, {}, product, Precision::F32)[0], 0);
  EXPECT_EQ(run({reversed_a, reversed_b}, {}, product, Precision::F32)[0], 0x1p-24);
}

TEST(Interpreter, OtherReducers) {
  const ReferenceTensor x = tensor({2, 4}, {3, -1, 3, 2, -5, -7, -6, -7});
  const auto reduced = [&](Reducer reducer) {
    return run({x}, {2}, statement_of({2}, {4}, reducer, read(0, {var(0), var(1)})), Precision::F32,
               reducer == Reducer::ArgMax || reducer == Reducer::ArgMin ? ElementType::I32
                                                                        : ElementType::F32);
  };
  using Values = std::vector<double>;
  EXPECT_EQ(reduced(Reducer::Max), (Values{3, -5}));
  EXPECT_EQ(reduced(Reducer::Min), (Values{-1, -7}));
  EXPECT_EQ(reduced(Reducer::Prod), (Values{-18, 1470}));
  EXPECT_EQ(reduced(Reducer::ArgMax), (Values{0, 0})); // the first of equal ones
  EXPECT_EQ(reduced(Reducer::ArgMin), (Values{1, 1}));

  const ExprRef positive = apply(Function::Less, {constant(0), read(0, {var(0), var(1)})});
  const auto condition = [&](Reducer reducer) {
    return run({x}, {2}, statement_of({2}, {4}, reducer, positive), Precision::F32, ElementType::Bool);
  };
  EXPECT_EQ(condition(Reducer::Any), (Values{1, 0}));
  EXPECT_EQ(condition(Reducer::All), (Values{0, 0}));
}

TEST(Interpreter, EmptyReductionsGiveTheIdentity) {
  const ReferenceTensor x = tensor({0}, {});
  const auto reduced = [&](Reducer reducer) {
    return run({x}, {}, statement_of({}, {0}, reducer, read(0, {var(0)})))[0];
  };
  EXPECT_EQ(reduced(Reducer::Sum), 0);
  EXPECT_EQ(reduced(Reducer::Prod), 1);
  EXPECT_EQ(reduced(Reducer::Max), -kInfinity);
}

TEST(Interpreter, PositionOfTheLargestIsRowMajorWhateverTheOrder) {
  const ReferenceTensor x = tensor({2, 20}, [] {
    std::vector<double> values(40, 1.0);
    values[18] = values[21] = values[5] = 9;
    return values;
  }());
  Statement statement = statement_of({}, {2, 20}, Reducer::ArgMax, read(0, {var(0), var(1)}));
  statement.order.loops = {{1, 16, Size::constant(2)}, {0, 1, Size::constant(2)}};
  statement.order.lanes = ReductionLoop{1, 1, Size::constant(16)};
  EXPECT_EQ(run({x}, {}, statement, Precision::F32, ElementType::I32)[0], 5);
}

TEST(Interpreter, IndicesWithQuotientsAndRemainders) {
  const ReferenceTensor x = tensor({3, 4}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
  // A transposed flattening: y[i] = x[i % 3, i // 3].
  const ExprRef transposed = read(0, {IndexExpr::remainder(var(0), 3), IndexExpr::quotient(var(0), 3)});
  EXPECT_EQ(run({x}, {12}, statement_of({12}, {}, Reducer::None, transposed)),
            (std::vector<double>{0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11}));
  // Quotients round down below zero too; outside, the `else` value.
  const ExprRef outside =
      read(0, {IndexExpr::quotient(var(0) - 2, 2) + 1, IndexExpr(2)}, ScalarType::Real, -8.0);
  EXPECT_EQ(run({x}, {9}, statement_of({9}, {}, Reducer::None, outside)),
            (std::vector<double>{2, 2, 6, 6, 10, 10, -8, -8, -8}));
}

TEST(Interpreter, ReadsRunBackwards) {
  const ReferenceTensor x = tensor({4}, {1, 2, 3, 4});
  const ExprRef flipped = read(0, {IndexExpr(5) - var(0)}, ScalarType::Real, 0.0);
  EXPECT_EQ(run({x}, {8}, statement_of({8}, {}, Reducer::None, flipped)),
            (std::vector<double>{0, 0, 4, 3, 2, 1, 0, 0}));
}

// The last row of a block of points is cut off after 3 of 25: it lies outside in both dimensions.
TEST(Interpreter, ReadsThatStartBeyondTheirRun) {
  const ReferenceTensor x = tensor({25, 8}, std::vector<double>(200, 5));
  const ExprRef body = read(0, {var(1) - 5, var(0) - 7}, ScalarType::Real, 0.0) + constant(1);
  std::vector<double> expected(8 * 25, 1);
  for (std::size_t k = 5; k < 25; ++k) expected[7 * 25 + k] = 6;
  EXPECT_EQ(run({x}, {8, 25}, statement_of({8, 25}, {}, Reducer::None, body)), expected);
}

TEST(InterpreterDeathTest, AReadOutsideIsABug) {
  const ReferenceTensor x = tensor({4}, {1, 2, 3, 4});
  const Statement affine = statement_of({5}, {}, Reducer::None, read(0, {var(0)}));
  EXPECT_DEATH(run({x}, {5}, affine), "dimension 0 of size 4 at 0 to 4");
  const Statement quotient = statement_of({9}, {}, Reducer::None, read(0, {IndexExpr::quotient(var(0), 2)}));
  EXPECT_DEATH(run({x}, {9}, quotient), "read at 4 of a dimension of size 4");
}

TEST(Interpreter, IntegersAndBooleans) {
  const ReferenceTensor label = tensor({3}, {2, 0, 5}, ElementType::I32);
  const ExprRef number = read(0, {var(0)}, ScalarType::Int);
  const ExprRef hit = apply(Function::Equal, {number, index_value(var(1))});
  EXPECT_EQ(
      run({label}, {3, 3}, statement_of({3, 3}, {}, Reducer::None, select(hit, constant(1), constant(0)))),
      (std::vector<double>{0, 0, 1, 1, 0, 0, 0, 0, 0}));
  const ExprRef count = apply(Function::ToReal, {number * constant_int(3) - index_value(var(0))});
  EXPECT_EQ(run({label}, {3}, statement_of({3}, {}, Reducer::None, count)), (std::vector<double>{6, -1, 13}));
}

TEST(Interpreter, ScalarFunctionsAsDeclared) {
  const double nan = std::nan("");
  const ReferenceTensor x = tensor({7}, {1.5, -2.5, 0, -0.0, kInfinity, nan, 0.1f});
  const auto mapped = [&](const ExprRef& body) {
    return run({x}, {7}, statement_of({7}, {}, Reducer::None, body), Precision::F32);
  };
  const ExprRef v = read(0, {var(0)});
  EXPECT_EQ(mapped(apply(Function::Round, {v}))[1], -2); // to even
  EXPECT_EQ(mapped(apply(Function::Floor, {v}))[1], -3);
  EXPECT_TRUE(std::isnan(mapped(apply(Function::Max, {v, constant(0)}))[5]));
  EXPECT_EQ(mapped(apply(Function::Max, {constant(0), v}))[5], 0);
  const std::vector<double> exponent = mapped(apply(Function::ToReal, {apply(Function::Exponent2, {v})}));
  const std::vector<double> mantissa = mapped(apply(Function::Mantissa2, {v}));
  EXPECT_EQ(exponent, (std::vector<double>{1, 2, 0, 0, 0, 0, -3}));
  EXPECT_EQ(mantissa[0], 0.75);
  EXPECT_EQ(mantissa[1], -0.625);
  EXPECT_TRUE(std::signbit(mantissa[3]));
  EXPECT_EQ(mantissa[4], kInfinity);
  EXPECT_EQ(mapped(apply(Function::Scale2, {v, constant_int(-3)}))[1], -0.3125);
  EXPECT_EQ(mapped(apply(Function::Scale2, {v, constant_int(300)}))[1], -kInfinity);
  EXPECT_EQ(mapped(apply(Function::Scale2, {v, constant_int(-300)}))[0], 0);
}

TEST(Interpreter, DenormalsCountAsZeroInF32Only) {
  const ReferenceTensor x = tensor({2}, {FLT_MIN, FLT_MIN / 2});
  const Statement half = statement_of({2}, {}, Reducer::None, read(0, {var(0)}) * constant(0.5));
  EXPECT_EQ(run({x}, {2}, half, Precision::F32), (std::vector<double>{0, 0}));
  EXPECT_EQ(run({x}, {2}, half), (std::vector<double>{FLT_MIN / 2, FLT_MIN / 4}));
  // And the caller's arithmetic is as it was.
  volatile float smallest = FLT_MIN;
  EXPECT_GT(smallest / 2, 0);
}

TEST(Interpreter, RandomNumbersAreFunctionsOfTheirCounter) {
  const Statement draw = statement_of({3, 50}, {}, Reducer::None, random_uniform(var(0) * 50 + var(1), 11));
  for (Precision precision : {Precision::F32, Precision::F64}) {
    const std::vector<double> y = run({}, {3, 50}, draw, precision);
    for (std::size_t i = 0; i < y.size(); ++i) ASSERT_EQ(y[i], uniform(7, i, 3, 11));
  }
}

TEST(Interpreter, AGraphKeepsItsStateBetweenSteps) {
  Graph graph;
  const TensorType batch{ElementType::F32, {Size::n()}}, single{ElementType::F32, {Size::constant(1)}};
  const ValueId x = graph.add_value("x", batch, ValueRole::Input, {});
  const ValueId w = graph.add_value("w", single, ValueRole::Parameter, {});
  graph.inputs = {x};
  // y[n] = x[n] * w[0] * step; w = w + sum(n) y[n]
  Definition product{"product", {{"x", batch}, {"w", single}, {"y", batch}}, 2, {2}, {}};
  Statement y;
  y.target = 2;
  y.variables = {{"n", Size::n()}};
  y.free_count = 1;
  y.output = {{0}};
  y.body = read(0, {var(0)}) * read(1, {IndexExpr(0)}) * run_time_scalar("step");
  product.statements = {y};
  Node node;
  node.inputs = {x, w};
  node.definition = std::make_shared<const Definition>(product);
  graph.add_node(node, {"y"});
  Definition sum{"sum", {{"w", single}, {"y", batch}, {"t", single}, {"z", single}}, 2, {3}, {}};
  Statement t;
  t.target = 2;
  t.variables = {{"i", Size::constant(1)}, {"n", Size::n()}};
  t.free_count = 1;
  t.output = {{0}};
  t.reducer = Reducer::Sum;
  t.body = read(1, {var(1)});
  Statement z = statement_of({1}, {}, Reducer::None, read(0, {var(0)}) + read(2, {var(0)}));
  z.target = 3;
  sum.statements = {t, z};
  node.inputs = {w, graph.find("y")};
  node.definition = std::make_shared<const Definition>(sum);
  graph.add_node(node, {"next_w"});
  graph.persistents.push_back(
      {w, true, constant(2) + apply(Function::ToReal, {index_value(var(0))}), graph.find("next_w"), ""});
  graph.outputs = {{"result", graph.find("y")}};

  ReferenceRun run(graph, Precision::F32, 1);
  EXPECT_EQ(run.persistent("w").values[0], 2);
  run.step({{"x", tensor({3}, {1, 2, 3})}}, 3);
  EXPECT_EQ(run.output("result").values, (std::vector<double>{2, 4, 6}));
  EXPECT_EQ(run.persistent("w").values[0], 14);
  EXPECT_EQ(run.value("w").values[0], 2); // as the step saw it
  run.step({{"x", tensor({1}, {1})}}, 1);
  EXPECT_EQ(run.output("result").values, (std::vector<double>{28}));
  EXPECT_EQ(run.persistent("w").values[0], 42);
  run.set_persistent("w", tensor({1}, {1}));
  run.step({{"x", tensor({1}, {5})}}, 1, {{"step", 2}});
  EXPECT_EQ(run.output("result").values, (std::vector<double>{10}));
}

} // namespace
} // namespace striate
