// The LLVM emitter, on kernels built by hand: bit for bit what a plain loop computes, however the parallel
// range is split and whatever the vector width.
#include "tests/codegen/run_kernel.h"

namespace striate {

using namespace testing;

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

// A tile too large for narrow vectors' registers: its loops run piece by piece, totals waiting in scratch in
// between. The order of each total stays (a, b), and its lanes never meet.
TEST(Cpu, LargeTilesRunPieceByPiece) {
  KernelBuilder k("piecewise");
  const int64_t filters = 3, taps = 5, rounds = 4, steps = 6;
  const int x = k.memory("x", rounds * (steps + taps) * kLanes),
            g = k.memory("g", 2 * filters * rounds * steps * kLanes);
  const int y = k.memory("y", 2 * filters * taps), totals = k.scratch("totals", filters * taps * kLanes);
  const int o = k.parallel("o", Size::constant(2 * filters), filters);
  const int round = k.serial("round", rounds), step = k.serial("step", steps);
  const int f = k.axis("f", filters), tap = k.axis("tap", taps), lane = k.lane();
  const int acc = k.tile("acc", {f, tap, lane}), sum = k.tile("sum", {f, tap});
  const IndexExpr total = (taps * kLanes) * var(f) + kLanes * var(tap) + var(lane);
  const ExprRef left = real_load(g, (rounds * steps * kLanes) * (var(o) + var(f)) +
                                        (steps * kLanes) * var(round) + kLanes * var(step) + var(lane));
  const ExprRef right =
      real_load(x, ((steps + taps) * kLanes) * var(round) + kLanes * (var(step) + var(tap)) + var(lane));
  k.kernel.body = {for_(o, {store(totals, total, constant(0), {f, tap, lane}),
                            for_(round, {map(acc, real_load(totals, total)),
                                         for_(step, {accumulate(acc, Reducer::Sum, left * right)}),
                                         store(totals, total, real_tile(acc), {f, tap, lane})}),
                            map(acc, real_load(totals, total)), fold(sum, acc, Reducer::Sum),
                            store(y, taps * (var(o) + var(f)) + var(tap), real_tile(sum), {f, tap})})};
  Arena arena(k);
  arena.fill(x, 20);
  arena.fill(g, 21);
  Arena expected = arena;
  for (int64_t filter = 0; filter < 2 * filters; ++filter) {
    for (int64_t t = 0; t < taps; ++t) {
      float lanes[16] = {};
      for (int64_t r = 0; r < rounds; ++r)
        for (int64_t s = 0; s < steps; ++s)
          for (int64_t l = 0; l < kLanes; ++l)
            lanes[l] = std::fma(expected.at(g)[((filter * rounds + r) * steps + s) * kLanes + l],
                                expected.at(x)[(r * (steps + taps) + s + t) * kLanes + l], lanes[l]);
      expected.at(y)[filter * taps + t] = fold16(lanes);
    }
  }
  expect_result(k, arena, expected.bytes, 1);
}

// The same with lanes that meet in scratch, in reverse: all lanes must move together.
TEST(Cpu, LanesThatMeetInMemoryStayTogether) {
  KernelBuilder k("reversed");
  const int64_t points = 12, rounds = 3;
  const int x = k.memory("x", points * kLanes), y = k.memory("y", points * kLanes),
            held = k.scratch("held", points * kLanes);
  const int i = k.parallel("i", Size::constant(1)), round = k.serial("round", rounds);
  const int point = k.axis("point", points), lane = k.lane();
  const int acc = k.tile("acc", {point, lane});
  const IndexExpr place = kLanes * var(point) + var(lane);
  const IndexExpr mirrored = kLanes * var(point) - var(lane) + 15;
  k.kernel.body = {
      for_(i, {map(acc, real_load(x, place)),
               for_(round, {store(held, place, real_tile(acc), {point, lane}),
                            accumulate(acc, Reducer::Sum, real_load(held, mirrored) * constant(0.7))}),
               store(y, place, real_tile(acc), {point, lane})})};
  Arena arena(k);
  arena.fill(x, 22);
  Arena expected = arena;
  for (int64_t p = 0; p < points; ++p) {
    float values[16];
    std::copy_n(expected.at(x) + p * kLanes, 16, values);
    for (int64_t r = 0; r < rounds; ++r) {
      float before[16];
      std::copy_n(values, 16, before);
      for (int64_t l = 0; l < 16; ++l) values[l] = std::fma(before[15 - l], 0.7f, before[l]);
    }
    std::copy_n(values, 16, expected.at(y) + p * kLanes);
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

} // namespace striate
