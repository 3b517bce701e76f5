// The LLVM emitter's values: random draws, strided lanes, element types, scalar functions; and what surrounds
// it: shared code and text forms.
#include "support/bfloat16.h"
#include "tests/codegen/run_kernel.h"

#include <tuple>

namespace striate {

using namespace testing;

// Draws by element number, per lane and beyond 32 bits, and one for all lanes.
TEST(Cpu, RandomIsPhilox) {
  KernelBuilder k("random");
  const int y = k.memory("y", 64), z = k.memory("z", 4);
  const int i = k.parallel("i", Size::constant(64), kLanes);
  const int lane = k.lane();
  const int64_t high = int64_t{5} << 32;
  const IndexExpr element = 3 * (var(i) + var(lane)) + high;
  k.kernel.body = {for_(i, {store(y, var(i) + var(lane), random_uniform(element, 0xDEADBEEF), {lane}),
                            store(z, IndexExpr::quotient(var(i), kLanes), random_uniform(var(i), 12), {})})};
  const uint64_t seed = 0xFEDCBA9876543210;
  Arena arena(k), expected(k);
  for (int64_t e = 0; e < 64; ++e)
    expected.at(y)[e] = uniform(seed, static_cast<uint64_t>(3 * e + high), 41, 0xDEADBEEF);
  for (uint64_t e = 0; e < 4; ++e) expected.at(z)[e] = uniform(seed, 16 * e, 41, 12);
  expect_result(k, arena, expected.bytes, 1, 0, 41, seed);
}

// Strided and divided lanes: element by element, masked or not; transposing stores.
TEST(Cpu, LanesWithStrides) {
  KernelBuilder k("transpose");
  const int x = k.memory("x", 16 * 32), y = k.memory("y", 32 * 16), z = k.memory("z", 32),
            t = k.memory("t", 32 * 3);
  const int i = k.parallel("i", Size::constant(32));
  const int lane = k.lane();
  const ExprRef half = real_load(x, 32 * IndexExpr::quotient(var(lane) + 1, 2) + var(i));
  const ExprRef few = apply(Function::Less, {index_value(var(lane)), constant_int(3)});
  k.kernel.body = {
      for_(i, {store(y, 16 * var(i) + var(lane),
                     half * load(x, 32 * var(lane) + var(i), ScalarType::Real, few, 0.5), {lane}),
               store(z, var(i), real_load(x, var(i)), {}),
               store(t, 32 * var(lane) + var(i), real_load(x, 32 * var(lane) + var(i)), {lane}, few)})};
  Arena arena(k);
  arena.fill(x, 12);
  Arena expected = arena;
  for (int64_t r = 0; r < 32; ++r) {
    for (int64_t l = 0; l < 16; ++l) {
      expected.at(y)[16 * r + l] =
          expected.at(x)[32 * ((l + 1) / 2) + r] * (l < 3 ? expected.at(x)[32 * l + r] : 0.5f);
      if (l < 3) expected.at(t)[32 * l + r] = expected.at(x)[32 * l + r];
    }
    expected.at(z)[r] = expected.at(x)[r];
  }
  expect_result(k, arena, expected.bytes, 1);
}

// Bytes and integers become reals only where the IR says so.
TEST(Cpu, ElementTypes) {
  KernelBuilder k("types");
  const int bytes = k.memory("bytes", 32, ElementType::U8), labels = k.memory("labels", 32, ElementType::I32);
  const int wide = k.memory("wide", 32, ElementType::F64), y = k.memory("y", 32);
  const int sums = k.memory("sums", 32, ElementType::I32), flags = k.memory("flags", 32, ElementType::Bool);
  const int i = k.parallel("i", Size::constant(32), kLanes);
  const int lane = k.lane();
  const IndexExpr at = var(i) + var(lane);
  const ExprRef byte = load(bytes, at, ScalarType::Int), label = load(labels, at, ScalarType::Int);
  k.kernel.body = {for_(i, {store(y, at, load(bytes, at, ScalarType::Real) * real_load(wide, at), {lane}),
                            store(wide, at, real_load(wide, at) + apply(Function::ToReal, {label}), {lane}),
                            store(sums, at, byte + label, {lane}),
                            store(flags, at, apply(Function::Less, {byte, label}), {lane})})};
  Arena arena(k);
  for (int v = 0; v < 32; ++v) {
    arena.at<uint8_t>(bytes)[v] = static_cast<uint8_t>(v * 37);
    arena.at<int32_t>(labels)[v] = 1000 - 61 * v;
    arena.at<double>(wide)[v] = v * 0.37;
  }
  Arena expected = arena;
  for (int v = 0; v < 32; ++v) {
    const auto narrow = static_cast<float>(expected.at<double>(wide)[v]);
    const int byte_value = expected.at<uint8_t>(bytes)[v], label_value = expected.at<int32_t>(labels)[v];
    expected.at(y)[v] = static_cast<float>(byte_value) * narrow;
    expected.at<double>(wide)[v] = narrow + static_cast<float>(label_value);
    expected.at<int32_t>(sums)[v] = byte_value + label_value;
    expected.at<uint8_t>(flags)[v] = byte_value < label_value;
  }
  expect_result(k, arena, expected.bytes, 1);
}

// One function per row of the result, on values with zeros, ties, infinities and NaN.
TEST(Cpu, ScalarFunctions) {
  const std::vector<float> values = {0.0f,    -0.0f, 1.0f, -1.5f, 2.5f,   -2.5f,  0.5f,     1e30f,
                                     -3e-20f, 7.25f, 3.0f, -0.3f, 1e-30f, 100.0f, INFINITY, -INFINITY};
  KernelBuilder k("functions");
  const int x = k.memory("x", 16), y = k.memory("y", 17 * 16);
  const int i = k.parallel("i", Size::constant(1));
  const int lane = k.lane();
  const ExprRef a = real_load(x, var(lane));
  const ExprRef b = real_load(x, IndexExpr(15) - var(lane)); // lane by lane, backwards
  const ExprRef halves = apply(
      Function::ToInt, {apply(Function::Max, {apply(Function::Min, {a, constant(200)}), constant(-200)})});
  const std::vector<ExprRef> results = {
      apply(Function::Max, {a, b}),
      apply(Function::Min, {a, b}),
      apply(Function::Floor, {a}),
      apply(Function::Round, {a}),
      apply(Function::Abs, {a}),
      apply(Function::Sqrt, {a}),
      apply(Function::Fma, {a, b, a}),
      a / b,
      apply(Function::Neg, {a}),
      apply(Function::Scale2, {b, halves}),
      apply(Function::Mantissa2, {a}),
      apply(Function::ToReal, {apply(Function::Exponent2, {a})}),
      select(apply(Function::Not,
                   {apply(Function::Or, {apply(Function::Less, {a, b}), apply(Function::Equal, {a, b})})}),
             a, b),
      apply(Function::Max, {b, a}),
      select(apply(Function::LessEqual, {a, b}), constant(1), constant(2)),
      apply(Function::ToReal, {halves}),
      apply(Function::Bfloat16, {a * constant(1.00390625)}), // ties
  };
  KernelBody body;
  for (std::size_t r = 0; r < results.size(); ++r)
    body.push_back(store(y, IndexExpr(static_cast<int64_t>(16 * r)) + var(lane), results[r], {lane}));
  k.kernel.body = {for_(i, body)};
  Arena arena(k);
  std::copy(values.begin(), values.end(), arena.at(x));
  Arena expected = arena;
  for (std::size_t l = 0; l < 16; ++l) {
    const float u = values[l], v = values[15 - l];
    const int whole = static_cast<int>(std::max(std::min(u, 200.0f), -200.0f));
    int exponent = 0;
    const float mantissa = std::frexp(u, &exponent);
    float scaled = std::ldexp(v, whole);
    if (std::fabs(scaled) < 0x1p-126f) scaled = std::copysign(0.0f, scaled);
    const float row[] = {v > u ? v : u,
                         v < u ? v : u,
                         std::floor(u),
                         std::nearbyint(u),
                         std::fabs(u),
                         std::sqrt(u),
                         std::fma(u, v, u),
                         u / v,
                         -u,
                         scaled,
                         mantissa,
                         static_cast<float>(std::isfinite(u) ? exponent : 0),
                         !(u < v || u == v) ? u : v,
                         u > v ? u : v,
                         u <= v ? 1.0f : 2.0f,
                         static_cast<float>(whole),
                         static_cast<float>(nearest_bfloat16(u * 1.00390625f))};
    for (std::size_t r = 0; r < 17; ++r) expected.at(y)[16 * r + l] = row[r];
  }
  // A NaN's bits are not promised: compare the rest.
  Program program;
  program.name = "test";
  program.scalars = kScalars;
  program.kernels = {k.kernel};
  const float scalars[6] = {};
  for (const TargetInfo& target : targets()) {
    auto compiled = jit_compile({&program}, target, 1);
    ASSERT_TRUE(compiled.ok());
    Arena result = arena;
    (*compiled)->function(0, 0)(result.bytes.data(), scalars, 1, 0, 1);
    for (int e = 0; e < 17 * 16; ++e) {
      const float want = expected.at(y)[e], got = result.at(y)[e];
      if (std::isnan(want))
        EXPECT_TRUE(std::isnan(got)) << "row " << e / 16 << ", lane " << e % 16;
      else
        EXPECT_EQ(std::bit_cast<uint32_t>(want), std::bit_cast<uint32_t>(got))
            << "row " << e / 16 << ", lane " << e % 16 << ": " << want << " against " << got;
    }
  }
}

// Products of pairs of bf16, the upper one first, of numbers that all lanes share and of numbers of their
// own; sums that are stored as bf16 side by side, in pairs, and alone.
TEST(Cpu, PairsOfBfloat16) {
  constexpr int64_t kPairs = 5, kRows = 3;
  KernelBuilder k("pairs");
  const int x = k.memory("x", kRows * kPairs * 2, ElementType::BF16);
  const int w = k.memory("w", kPairs * 2 * kLanes, ElementType::BF16);
  const int sums = k.memory("sums", kRows * kLanes),
            beside = k.memory("beside", kRows * kLanes, ElementType::BF16);
  const int in_pairs = k.memory("in_pairs", 4 * kLanes, ElementType::BF16);
  const int i = k.parallel("i", Size::constant(1)), c = k.serial("c", kPairs);
  const int row = k.axis("row", kRows), pair = k.axis("pair", 2), lane = k.lane();
  const int total = k.tile("total", {row, lane});
  const IndexExpr upper_first = IndexExpr(1) - var(pair);
  const ExprRef a = real_load(x, 2 * kPairs * var(row) + 2 * var(c) + upper_first);
  const ExprRef b = real_load(w, 2 * kLanes * var(c) + 2 * var(lane) + upper_first);
  const ExprRef rounded = apply(Function::Bfloat16, {real_tile(total)});
  k.kernel.body = {
      for_(i, {map(total, constant(0.25)), for_(c, {accumulate(total, Reducer::Sum, a * b, {pair})}),
               store(sums, kLanes * var(row) + var(lane), real_tile(total), {row, lane}),
               store(beside, kLanes * var(row) + var(lane), rounded, {row, lane}),
               store(in_pairs,
                     2 * kLanes * IndexExpr::quotient(var(row), 2) + IndexExpr::remainder(var(row), 2) +
                         2 * var(lane),
                     rounded, {row, lane})})};
  Arena arena(k);
  const auto fill = [&](int buffer, int64_t count, uint32_t stream) {
    for (int64_t e = 0; e < count; ++e)
      arena.at<Bfloat16>(buffer)[e] = Bfloat16(2 * uniform(7, static_cast<uint64_t>(e), 0, stream) - 1.0);
  };
  fill(x, kRows * kPairs * 2, 1);
  fill(w, kPairs * 2 * kLanes, 2);
  fill(in_pairs, 4 * kLanes, 3);
  Arena expected = arena;
  for (int64_t r = 0; r < kRows; ++r)
    for (int64_t l = 0; l < kLanes; ++l) {
      float sum = 0.25F;
      for (int64_t p = 0; p < kPairs; ++p)
        for (int64_t k2 = 1; k2 >= 0; --k2)
          sum = std::fma(static_cast<float>(expected.at<Bfloat16>(x)[2 * kPairs * r + 2 * p + k2]),
                         static_cast<float>(expected.at<Bfloat16>(w)[2 * kLanes * p + 2 * l + k2]), sum);
      expected.at(sums)[kLanes * r + l] = sum;
      expected.at<Bfloat16>(beside)[kLanes * r + l] = Bfloat16(sum);
      expected.at<Bfloat16>(in_pairs)[2 * kLanes * (r / 2) + r % 2 + 2 * l] = Bfloat16(sum);
    }
  expect_result(k, arena, expected.bytes, 1);
}

// Integers divide downwards, by zero too; reals become integers by saturating. On lanes and on scalars.
TEST(Cpu, IntegersNeverTrap) {
  constexpr int32_t kLeast = INT32_MIN, kMost = INT32_MAX;
  const std::vector<std::pair<int32_t, int32_t>> pairs = {
      {7, 2},  {-7, 2},     {7, -2},      {-7, -2},    {6, 3},  {-6, 3},     {5, 0},      {-5, 0},
      {0, -4}, {kLeast, 1}, {kLeast, -1}, {kMost, -1}, {-1, 9}, {kLeast, 2}, {1, kLeast}, {0, 0}};
  const std::vector<float> reals = {0.0f,          -0.5f,          2.9f,          -2.9f, 1e30f,     -1e30f,
                                    2147483520.0f, -2147483648.0f, 1.5e9f,        NAN,   -INFINITY, INFINITY,
                                    1e-40f,        16777216.0f,    2147483648.0f, -3e9f};
  KernelBuilder k("integers");
  const int a = k.memory("a", 16, ElementType::I32), b = k.memory("b", 16, ElementType::I32),
            x = k.memory("x", 16), quotients = k.memory("quotients", 32, ElementType::I32),
            wholes = k.memory("wholes", 32, ElementType::I32);
  const int i = k.parallel("i", Size::constant(16)), once = k.parallel("once", Size::constant(1));
  const int lane = k.lane();
  const auto quotient = [&](int at) {
    return load(a, var(at), ScalarType::Int) / load(b, var(at), ScalarType::Int);
  };
  const auto whole = [&](int at) { return apply(Function::ToInt, {real_load(x, var(at))}); };
  k.kernel.body = {for_(i, {for_(once, {store(quotients, var(i) + 16, quotient(i), {}),
                                        store(wholes, var(i) + 16, whole(i), {}),
                                        if_(apply(Function::Equal, {index_value(var(i)), constant_int(0)}),
                                            {store(quotients, var(lane), quotient(lane), {lane}),
                                             store(wholes, var(lane), whole(lane), {lane})})})})};
  Arena arena(k);
  for (std::size_t l = 0; l < 16; ++l) {
    std::tie(arena.at<int32_t>(a)[l], arena.at<int32_t>(b)[l]) = pairs[l];
    arena.at(x)[l] = reals[l];
  }
  Arena expected = arena;
  const int32_t expected_quotients[] = {3, -4,     -4,     3,      2,  -2,         0,  0,
                                        0, kLeast, kLeast, -kMost, -1, kLeast / 2, -1, 0};
  const int32_t expected_wholes[] = {0,          0, 2,      -2,    kMost, kLeast,   2147483520, kLeast,
                                     1500000000, 0, kLeast, kMost, 0,     16777216, kMost,      kLeast};
  for (std::size_t l = 0; l < 32; ++l) {
    expected.at<int32_t>(quotients)[l] = expected_quotients[l % 16];
    expected.at<int32_t>(wholes)[l] = expected_wholes[l % 16];
  }
  expect_result(k, arena, expected.bytes, 1);
}

// Equal layers share code, wherever their buffers lie; a different number does not.
TEST(Cpu, EqualKernelsCompileOnce) {
  auto copy_kernel = [](int64_t skipped, double factor) {
    KernelBuilder k("copy");
    k.memory("skipped", skipped);
    const int x = k.memory("x", 32), y = k.memory("y", 32);
    const int i = k.parallel("i", Size::constant(32), kLanes);
    const int lane = k.lane();
    k.kernel.body = {
        for_(i, {store(y, var(i) + var(lane), constant(factor) * real_load(x, var(i) + var(lane)), {lane})})};
    k.kernel.buffers[0].elements = 1;
    return k;
  };
  const std::vector<KernelBuilder> builders = {copy_kernel(16, 2), copy_kernel(160, 2), copy_kernel(16, 3)};
  Program first{"first", 1, 0, kScalars, {builders[0].kernel, builders[2].kernel}};
  Program second{"second", 1, 0, kScalars, {builders[1].kernel}};
  auto compiled = jit_compile({&first, &second}, host_target(), 2);
  ASSERT_TRUE(compiled.ok()) << compiled.failure().message;
  EXPECT_EQ(2u, (*compiled)->distinct_kernels());
  const float scalars[6] = {};
  Arena arena(builders[1]);
  arena.fill(1, 13);
  (*compiled)->function(1, 0)(arena.bytes.data(), scalars, 1, 0, 2);
  for (int e = 0; e < 32; ++e) EXPECT_EQ(2 * arena.at(1)[e], arena.at(2)[e]);
}

TEST(Cpu, TextForms) {
  KernelBuilder k("copy");
  const int x = k.memory("x", 32), y = k.memory("y", 32);
  const int i = k.parallel("i", Size::constant(32), kLanes);
  const int lane = k.lane();
  k.kernel.body = {for_(i, {store(y, var(i) + var(lane), real_load(x, var(i) + var(lane)), {lane})})};
  const Program program{"Net.step", 1, 0, kScalars, {k.kernel}};
  auto wide = target_named("znver4");
  ASSERT_TRUE(wide.ok());
  EXPECT_EQ(512, wide->vector_bits);
  EXPECT_EQ(32, wide->vector_registers);
  EXPECT_EQ(256, target_named("haswell")->vector_bits);
  EXPECT_FALSE(target_named("no-such-cpu").ok());
  EXPECT_EQ(ExitCode::Usage, target_named("znver44").failure().code);
  EXPECT_NE(std::string::npos, target_named("znver44").failure().message.find("did you mean `znver4`?"));
  EXPECT_EQ("", missing_here(host_target()));
  EXPECT_EQ("", missing_here(*target_named("x86-64")));
  TargetInfo other = host_target();
  other.features = "+sse4a,+amx-tile";
  EXPECT_NE("", missing_here(other)) << "no machine has both";
  EXPECT_NE(std::string::npos, llvm_text(program, *wide)->find("<16 x float>"));
  auto assembly = assembly_text(program, *wide);
  ASSERT_TRUE(assembly.ok());
  EXPECT_NE(std::string::npos, assembly->find("zmm"));
  EXPECT_NE(std::string::npos, assembly->find(symbol_of(program, 0)));
}

} // namespace striate
