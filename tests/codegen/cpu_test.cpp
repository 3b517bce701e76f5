// The LLVM emitter, on kernels built by hand: bit for bit what a plain loop computes, however the parallel
// range is split and whatever the vector width.
#include "codegen/cpu/jit.h"
#include "codegen/cpu/target.h"
#include "ir/kernel/analysis.h"
#include "support/random.h"
#include "tests/codegen/kernel_builder.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>

namespace striate {

using namespace testing;

static const std::vector<std::string> kScalars = {"N", "step", "epoch", "seed.low", "seed.high", "alpha"};

// The host, and the same code in narrower vectors: the bits must agree.
static std::vector<TargetInfo> targets() {
  std::vector<TargetInfo> result = {host_target()};
  for (int bits : {256, 128}) {
    if (bits >= result[0].vector_bits) continue;
    result.push_back(result[0]);
    result.back().vector_bits = bits;
  }
  return result;
}

struct Arena {
  explicit Arena(const KernelBuilder& builder)
      : kernel(builder.kernel), bytes(static_cast<std::size_t>(builder.arena_bytes) + 64) {}

  template <typename T = float>
  T* at(int buffer) {
    return reinterpret_cast<T*>(bytes.data() + kernel.buffers[buffer].offset);
  }
  // Small, signed, different values; exact sums would hide a wrong order.
  void fill(int buffer, uint32_t stream) {
    float* values = at(buffer);
    for (int64_t i = 0; i < kernel.buffers[buffer].elements; ++i)
      values[i] = uniform(7, static_cast<uint64_t>(i), 0, stream) - 0.5f;
  }

  const Kernel& kernel;
  std::vector<char> bytes;
};

// Runs the kernel on a copy of `initial` for each target and each split of its range, and checks that all
// agree with `expected`, byte for byte.
static void expect_result(const KernelBuilder& builder, const Arena& initial,
                          const std::vector<char>& expected, int64_t examples, float alpha = 0,
                          float step = 0, uint64_t seed = 0) {
  Program program;
  program.name = "test";
  program.scalars = kScalars;
  program.kernels = {builder.kernel};
  const float scalars[] = {static_cast<float>(examples),
                           step,
                           0,
                           std::bit_cast<float>(static_cast<uint32_t>(seed)),
                           std::bit_cast<float>(static_cast<uint32_t>(seed >> 32)),
                           alpha};
  for (const TargetInfo& target : targets()) {
    auto compiled = jit_compile({&program}, target, 1);
    ASSERT_TRUE(compiled.ok()) << compiled.failure().message;
    const KernelFunction function = (*compiled)->function(0, 0);
    const int64_t extent = parallel_extent(builder.kernel, examples);
    for (int64_t part : {extent, int64_t{1}, int64_t{3}}) {
      std::vector<char> bytes = initial.bytes;
      for (int64_t begin = 0; begin < extent; begin += part)
        function(bytes.data(), scalars, examples, begin, std::min(extent, begin + part));
      EXPECT_EQ(0, std::memcmp(bytes.data(), expected.data(), bytes.size()))
          << builder.kernel.name << " in vectors of " << target.vector_bits << " bits, in parts of " << part
          << ", " << examples << " examples";
    }
  }
}

static ExprRef real_tile(int tile) { return tile_point(tile, ScalarType::Real); }
static ExprRef real_load(int buffer, const IndexExpr& offset) {
  return load(buffer, offset, ScalarType::Real);
}

TEST(Cpu, AxpyStoresOnlyRealExamples) {
  KernelBuilder k("axpy");
  const int64_t capacity = 64;
  const int x = k.memory("x", capacity), y = k.memory("y", capacity);
  const int n = k.parallel("n", Size::n(), kLanes);
  const int lane = k.lane();
  const IndexExpr at = var(n) + var(lane);
  const ExprRef real = apply(Function::Less, {index_value(at), run_time_scalar("N")});
  k.kernel.body = {
      for_(n, {store(y, at, run_time_scalar("alpha") * real_load(x, at) + real_load(y, at), {lane}, real)})};
  for (int64_t examples : {1, 16, 17, 50, 64}) {
    Arena arena(k);
    arena.fill(x, 1);
    arena.fill(y, 2);
    Arena expected = arena;
    for (int64_t i = 0; i < examples; ++i) {
      const float product = 0.3f * expected.at(x)[i];
      expected.at(y)[i] = product + expected.at(y)[i];
    }
    expect_result(k, arena, expected.bytes, examples, 0.3f);
  }
}

// Masked loads with an `else` value, at places before and behind the buffer's rows; per-lane and uniform
// guards.
TEST(Cpu, GuardedLoadsNeverTouchWhatIsOutside) {
  KernelBuilder k("shifted");
  const int64_t rows = 5, columns = 37, padded = 48;
  const int x = k.memory("x", rows * columns), y = k.memory("y", rows * padded);
  const int i = k.parallel("i", Size::constant(rows));
  const int j = k.parallel("j", Size::constant(padded), kLanes);
  const int lane = k.lane();
  const IndexExpr row = var(i) - 1, column = var(j) + var(lane) - 3;
  const auto wide = [](int) { return Interval{-1000, 1000}; };
  const ExprRef inside =
      apply(Function::And, {in_range(row, 0, rows - 1, wide), in_range(column, 0, columns - 1, wide)});
  const ExprRef by_lane = load(x, columns * row + column, ScalarType::Real, inside, -7.5);
  const ExprRef by_row =
      load(x, columns * row + var(lane), ScalarType::Real, in_range(row, 0, rows - 1, wide), 2);
  const ExprRef one = load(x, columns * row, ScalarType::Real, in_range(row, 0, rows - 1, wide), 3);
  k.kernel.body = {
      for_(i, {for_(j, {store(y, padded * var(i) + var(j) + var(lane), by_lane + by_row * one, {lane})})})};
  Arena arena(k);
  arena.fill(x, 3);
  Arena expected = arena;
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < padded; ++c) {
      const int64_t source = r - 1, from = c - 3;
      const bool row_inside = source >= 0;
      const float a =
          row_inside && from >= 0 && from < columns ? expected.at(x)[source * columns + from] : -7.5f;
      const float b = row_inside ? expected.at(x)[source * columns + c % kLanes] : 2.0f;
      const float d = row_inside ? expected.at(x)[source * columns] : 3.0f;
      const float product = b * d;
      expected.at(y)[r * padded + c] = a + product;
    }
  }
  expect_result(k, arena, expected.bytes, 1);
}

// A 5 x 4 register tile over a ragged matrix: overlapping tiles, a split reduction, fma in the declared
// order.
TEST(Cpu, MatrixProductInTiles) {
  KernelBuilder k("matmul");
  const int64_t rows = 13, depth = 37, columns = 80;
  const int a = k.memory("a", rows * depth), b = k.memory("b", depth * columns),
            y = k.memory("y", rows * columns);
  const int i = k.parallel("i", Size::constant(rows), 5, true);
  const int j = k.parallel("j", Size::constant(columns), 4 * kLanes, true);
  const int block = k.serial("block", depth, 16);
  const int c = k.serial("c", 16);
  const int row = k.axis("row", 5), column = k.axis("column", 4), lane = k.lane();
  const int acc = k.tile("acc", {row, column, lane});
  const IndexExpr along = var(block) + var(c);
  const IndexExpr to = var(j) + kLanes * var(column) + var(lane);
  const ExprRef left = real_load(a, depth * (var(i) + var(row)) + along);
  const ExprRef right = real_load(b, columns * along + to);
  k.kernel.body = {for_(
      i, {for_(j, {map(acc, constant(0)),
                   for_(block, {for_(c, {accumulate(acc, Reducer::Sum, left * right)},
                                     IndexExpr(depth) - var(block))}),
                   store(y, columns * (var(i) + var(row)) + to, real_tile(acc), {row, column, lane})})})};
  Arena arena(k);
  arena.fill(a, 4);
  arena.fill(b, 5);
  Arena expected = arena;
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t o = 0; o < columns; ++o) {
      float sum = 0;
      for (int64_t d = 0; d < depth; ++d)
        sum = std::fma(expected.at(a)[r * depth + d], expected.at(b)[d * columns + o], sum);
      expected.at(y)[r * columns + o] = sum;
    }
  }
  expect_result(k, arena, expected.bytes, 1);
}

static float fold16(const float* lanes) {
  float values[16];
  std::copy(lanes, lanes + 16, values);
  for (int distance = 8; distance > 0; distance /= 2)
    for (int l = 0; l < distance; ++l) values[l] = values[l] + values[l + distance];
  return values[0];
}

// Sums over lanes: 7 points share the shuffles of one fold; each has its own bits.
TEST(Cpu, FoldsLanesInTheDeclaredTree) {
  for (int64_t points : {1, 2, 7, 20}) {
    KernelBuilder k("fold");
    const int64_t length = 96;
    const int x = k.memory("x", 3 * points * length), y = k.memory("y", 3 * points);
    const int i = k.parallel("i", Size::constant(3));
    const int j = k.serial("j", length, kLanes);
    const int point = k.axis("point", points), lane = k.lane();
    const int acc = k.tile("acc", {point, lane}), sum = k.tile("sum", {point});
    const IndexExpr which = points * var(i) + var(point);
    const ExprRef value = real_load(x, length * which + var(j) + var(lane));
    k.kernel.body = {for_(i, {map(acc, constant(0)), for_(j, {accumulate(acc, Reducer::Sum, value * value)}),
                              fold(sum, acc, Reducer::Sum), store(y, which, real_tile(sum), {point})})};
    Arena arena(k);
    arena.fill(x, 6);
    Arena expected = arena;
    for (int64_t p = 0; p < 3 * points; ++p) {
      float lanes[16] = {};
      for (int64_t d = 0; d < length; ++d) {
        const float v = expected.at(x)[p * length + d];
        lanes[d % 16] = std::fma(v, v, lanes[d % 16]);
      }
      expected.at(y)[p] = fold16(lanes);
    }
    expect_result(k, arena, expected.bytes, 1);
  }
}

// Accumulating over an unrolled axis and over the lanes themselves: one after the other, first axis
// outermost.
TEST(Cpu, AccumulatesOverAxesInOrder) {
  KernelBuilder k("ordered");
  const int x = k.memory("x", 4 * 3 * kLanes), y = k.memory("y", 4);
  const int i = k.parallel("i", Size::constant(4));
  const int tap = k.axis("tap", 3), lane = k.lane();
  const int acc = k.tile("acc", {});
  const ExprRef value = real_load(x, 3 * kLanes * var(i) + kLanes * var(tap) + var(lane));
  k.kernel.body = {for_(i, {map(acc, constant(1)), accumulate(acc, Reducer::Sum, value, {lane, tap}),
                            accumulate(acc, Reducer::Sum, value * value, {tap, lane}),
                            store(y, var(i), real_tile(acc), {})})};
  Arena arena(k);
  arena.fill(x, 8);
  Arena expected = arena;
  for (int64_t r = 0; r < 4; ++r) {
    const float* values = expected.at(x) + r * 3 * kLanes;
    float total = 1;
    for (int l = 0; l < 16; ++l)
      for (int t = 0; t < 3; ++t) total = total + values[t * 16 + l];
    for (int v = 0; v < 3 * 16; ++v) total = std::fma(values[v], values[v], total);
    expected.at(y)[r] = total;
  }
  expect_result(k, arena, expected.bytes, 1);
}

// Max keeps the first index on ties and never takes a NaN that comes later; the index is stored as a byte.
TEST(Cpu, MaxWithIndex) {
  KernelBuilder k("pool");
  const int64_t taps = 9;
  const int x = k.memory("x", taps * 32), y = k.memory("y", 32);
  const int index = k.memory("index", 32, ElementType::U8);
  const int i = k.parallel("i", Size::constant(32), kLanes);
  const int r = k.serial("r", 3), s = k.axis("s", 3), lane = k.lane();
  const int best = k.tile("best", {lane}), where = k.tile("where", {lane}, ScalarType::Int);
  const IndexExpr tap = 3 * var(r) + var(s), at = var(i) + var(lane);
  k.kernel.body = {
      for_(i, {map(best, constant(-INFINITY)), map(where, constant_int(0)),
               for_(r, {accumulate_with_index(best, where, Reducer::Max, real_load(x, 32 * tap + at),
                                              index_value(tap), {s})}),
               store(y, at, real_tile(best), {lane}),
               store(index, at, tile_point(where, ScalarType::Int), {lane})})};
  Arena arena(k);
  arena.fill(x, 9);
  for (int64_t v = 0; v < taps * 32; v += 5) arena.at(x)[v] = 0.25f;
  arena.at(x)[32 * 4 + 3] = NAN;
  Arena expected = arena;
  for (int64_t p = 0; p < 32; ++p) {
    float value = -INFINITY;
    uint8_t which = 0;
    for (int64_t t = 0; t < taps; ++t) {
      if (!(expected.at(x)[t * 32 + p] > value)) continue;
      value = expected.at(x)[t * 32 + p];
      which = static_cast<uint8_t>(t);
    }
    expected.at(y)[p] = value;
    expected.at<uint8_t>(index)[p] = which;
  }
  expect_result(k, arena, expected.bytes, 1);
}

// Loops that end early, branches that change a tile, and an unrolled loop with a bound that is known at run
// time.
TEST(Cpu, BoundsAndBranches) {
  KernelBuilder k("triangle");
  const int64_t size = 11;
  const int x = k.memory("x", size * size), y = k.memory("y", size), z = k.memory("z", size);
  const int i = k.parallel("i", Size::constant(size));
  const int j = k.serial("j", size);
  const int u = k.unrolled("u", 6, 2);
  const int acc = k.tile("acc", {});
  const ExprRef odd = apply(Function::Equal, {index_value(IndexExpr::remainder(var(j), 2)), constant_int(1)});
  const ExprRef value = real_load(x, size * var(i) + var(j));
  k.kernel.body = {for_(
      i,
      {map(acc, constant(0.5)),
       for_(j, {if_(odd, {accumulate(acc, Reducer::Sum, value), map(acc, real_tile(acc) * constant(0.75))})},
            var(i)),
       for_(u, {accumulate(acc, Reducer::Max, real_load(x, var(u)))}, var(i) - 2),
       store(y, var(i), real_tile(acc), {}),
       store(z, var(i), constant(4), {},
             apply(Function::Less, {constant_int(6), index_value(IndexExpr::quotient(3 * var(i), 2))}))})};
  Arena arena(k);
  arena.fill(x, 10);
  Arena expected = arena;
  for (int64_t r = 0; r < size; ++r) {
    float total = 0.5f;
    for (int64_t c = 1; c < r; c += 2) {
      total = total + expected.at(x)[r * size + c];
      total = total * 0.75f;
    }
    for (int64_t v = 0; v < 6 && v < r - 2; v += 2)
      total = expected.at(x)[v] > total ? expected.at(x)[v] : total;
    expected.at(y)[r] = total;
    if (3 * r / 2 > 6) expected.at(z)[r] = 4;
  }
  expect_result(k, arena, expected.bytes, 1);
}

// Three rows in a ring of scratch: each is computed once and read by up to three sums.
TEST(Cpu, RingOfScratchRows) {
  KernelBuilder k("ring");
  const int64_t rows = 9;
  const int x = k.memory("x", 4 * rows * kLanes), y = k.memory("y", 4 * (rows - 2) * kLanes);
  const int ring = k.scratch("ring", 3 * kLanes);
  const int plane = k.parallel("plane", Size::constant(4));
  const int i = k.serial("i", rows);
  const int tap = k.axis("tap", 3), lane = k.lane();
  const int sum = k.tile("sum", {lane});
  const ExprRef pixel = real_load(x, rows * kLanes * var(plane) + kLanes * var(i) + var(lane));
  const ExprRef row = real_load(ring, kLanes * IndexExpr::remainder(var(i) + 1 + var(tap), 3) + var(lane));
  k.kernel.body = {
      for_(plane,
           {for_(i, {store(ring, kLanes * IndexExpr::remainder(var(i), 3) + var(lane), pixel * pixel, {lane}),
                     if_(apply(Function::LessEqual, {constant_int(2), index_value(var(i))}),
                         {map(sum, constant(0)), accumulate(sum, Reducer::Sum, row, {tap}),
                          store(y, (rows - 2) * kLanes * var(plane) + kLanes * (var(i) - 2) + var(lane),
                                real_tile(sum), {lane})})})})};
  Arena arena(k);
  arena.fill(x, 11);
  Arena expected = arena;
  for (int64_t p = 0; p < 4; ++p) {
    for (int64_t r = 2; r < rows; ++r) {
      for (int64_t l = 0; l < kLanes; ++l) {
        float total = 0;
        for (int64_t t = r - 2; t <= r; ++t) {
          const float v = expected.at(x)[(p * rows + t) * kLanes + l];
          const float square = v * v;
          total = total + square;
        }
        expected.at(y)[(p * (rows - 2) + r - 2) * kLanes + l] = total;
      }
    }
  }
  expect_result(k, arena, expected.bytes, 1);
}

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
  const int x = k.memory("x", 16), y = k.memory("y", 16 * 16);
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
                         static_cast<float>(whole)};
    for (std::size_t r = 0; r < 16; ++r) expected.at(y)[16 * r + l] = row[r];
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
    for (int e = 0; e < 256; ++e) {
      const float want = expected.at(y)[e], got = result.at(y)[e];
      if (std::isnan(want))
        EXPECT_TRUE(std::isnan(got)) << "row " << e / 16 << ", lane " << e % 16;
      else
        EXPECT_EQ(std::bit_cast<uint32_t>(want), std::bit_cast<uint32_t>(got))
            << "row " << e / 16 << ", lane " << e % 16 << ": " << want << " against " << got;
    }
  }
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
  EXPECT_NE(std::string::npos, llvm_text(program, *wide).find("<16 x float>"));
  auto assembly = assembly_text(program, *wide);
  ASSERT_TRUE(assembly.ok());
  EXPECT_NE(std::string::npos, assembly->find("zmm"));
  EXPECT_NE(std::string::npos, assembly->find(symbol_of(program, 0)));
  auto objects = object_files({&program}, *wide, 1);
  ASSERT_TRUE(objects.ok());
  EXPECT_EQ("\x7F"
            "ELF",
            objects->front().substr(0, 4));
}

} // namespace striate
