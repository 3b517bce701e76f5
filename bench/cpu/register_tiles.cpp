// Which register tiles reach the FMA peak? Hand-built kernels of three convolutions, with many tiles each,
// timed against a loop of nothing but FMAs in the same run: every round times both, and the medians of the
// ratios are printed, so that other work on the machine disturbs little.
//
//   register_tiles [FILTER]            time the kernels whose name contains FILTER
//   register_tiles --asm CPU FILTER    their code for a CPU, to look for spills
#include "codegen/cpu/jit.h"
#include "codegen/cpu/target.h"
#include "ir/kernel/analysis.h"
#include "tests/codegen/kernel_builder.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <memory>

namespace striate {

using namespace testing;

struct Case {
  Kernel kernel;
  int64_t arena_bytes;
  double flops;
};

static Case finish(KernelBuilder builder, double flops) {
  return {std::move(builder.kernel), builder.arena_bytes, flops};
}

// 12 or more independent chains of FMAs on registers.
static Case fma_peak(const TargetInfo& target) {
  KernelBuilder k("peak");
  constexpr int64_t kSteps = 60000, kUnroll = 8;
  const int64_t points = target.vector_bits == 512 ? 12 : target.vector_bits == 256 ? 6 : 3;
  const int out = k.memory("out", points * kLanes);
  const int step = k.serial("step", kSteps);
  const int unroll = k.unrolled("unroll", kUnroll);
  const int point = k.axis("point", points);
  const int lane = k.lane();
  const int tile = k.tile("acc", {point, lane});
  const ExprRef a = run_time_scalar("a");
  k.kernel.body = {
      map(tile, constant(0)),
      for_(step,
           {for_(unroll, {map(tile, apply(Function::Fma, {tile_point(tile, ScalarType::Real), a, a}))})}),
      store(out, kLanes * var(point) + var(lane), tile_point(tile, ScalarType::Real), {point, lane})};
  return finish(std::move(k), 2.0 * kSteps * kUnroll * static_cast<double>(points * kLanes));
}

constexpr int64_t kBatch = 64;

struct Shape { // of a convolution without padding
  int64_t in, out, image, window;
  int64_t result() const { return image - window + 1; }
};
constexpr Shape kConv1{1, 20, 28, 5};
constexpr Shape kConv2{20, 50, 12, 5};

static double convolution_flops(const Shape& s) {
  return 2.0 * kBatch * static_cast<double>(s.in * s.out * s.result() * s.result() * s.window * s.window);
}

// y[n/16][o][i][j][16] from x[n/16][c][h][w][16]: filters x columns.
static Case forward_batch_blocked(const std::string& name, const Shape& s, int64_t filters, int64_t columns,
                                  bool unroll_s) {
  const int64_t result = s.result(), taps = s.window * s.window;
  KernelBuilder k(fmt::format("{}_forward_{}x{}{}", name, filters, columns, unroll_s ? "_s" : ""));
  const int x = k.memory("x", kBatch * s.in * s.image * s.image);
  const int w = k.memory("w", s.out * s.in * taps);
  const int y = k.memory("y", kBatch * s.out * result * result);
  const int n = k.parallel("n", Size::n(), kLanes);
  const int o = k.parallel("o", Size::constant(s.out), filters, true);
  const int i = k.parallel("i", Size::constant(result));
  const int j = k.parallel("j", Size::constant(result), columns, true);
  const int block = k.serial("block", s.in, 16);
  const int r = k.serial("r", s.window);
  const int column_tap = unroll_s ? k.unrolled("s", s.window) : k.serial("s", s.window);
  const int c = k.serial("c", std::min<int64_t>(16, s.in));
  const int f = k.axis("f", filters);
  const int column = k.axis("column", columns);
  const int lane = k.lane();
  const int acc = k.tile("acc", {f, column, lane});
  const IndexExpr channel = var(block) + var(c);
  const ExprRef weight =
      load(w, (s.in * taps) * (var(o) + var(f)) + taps * channel + s.window * var(r) + var(column_tap),
           ScalarType::Real);
  const ExprRef pixel = load(x,
                             (s.in * s.image * s.image) * var(n) + (s.image * s.image * kLanes) * channel +
                                 (s.image * kLanes) * (var(i) + var(r)) +
                                 kLanes * (var(j) + var(column) + var(column_tap)) + var(lane),
                             ScalarType::Real);
  const IndexExpr place = (s.out * result * result) * var(n) +
                          (result * result * kLanes) * (var(o) + var(f)) + (result * kLanes) * var(i) +
                          kLanes * (var(j) + var(column)) + var(lane);
  KernelBody inner = {accumulate(acc, Reducer::Sum, weight * pixel)};
  k.kernel.body = {for_(
      n,
      {for_(o,
            {for_(i, {for_(j, {map(acc, constant(0)),
                               for_(block, {for_(r, {for_(column_tap,
                                                          {for_(c, inner, IndexExpr(s.in) - var(block))})})}),
                               store(y, place, tile_point(acc, ScalarType::Real), {f, column, lane})})})})})};
  return finish(std::move(k), convolution_flops(s));
}

// dw[o][c][r][s] from dy and x, lanes over n % 16: filters x taps of one row. Totals wait in scratch while
// one block of the batch, which stays in the L1 cache, meets every tap.
static Case weight_gradient(const std::string& name, const Shape& s, int64_t filters, int64_t taps,
                            int64_t unroll) {
  const int64_t result = s.result(), window = s.window;
  KernelBuilder k(fmt::format("{}_weight_{}x{}_u{}", name, filters, taps, unroll));
  const int x = k.memory("x", kBatch * s.in * s.image * s.image);
  const int dy = k.memory("dy", kBatch * s.out * result * result);
  const int dw = k.memory("dw", s.out * s.in * window * window);
  const int totals = k.scratch("totals", filters * window * window * kLanes);
  const int o = k.parallel("o", Size::constant(s.out), filters, true);
  const int c = k.parallel("c", Size::constant(s.in));
  const int r = k.serial("r", window);
  const int tap_block = k.serial("tap_block", window, taps);
  const int n = k.loop("n", VariableKind::Serial, Size::n(), kLanes);
  const int i = k.serial("i", result);
  const int j_block = k.serial("j_block", result, unroll);
  const int j_inner = k.unrolled("j_inner", unroll);
  const IndexExpr j = var(j_block) + var(j_inner);
  const int f = k.axis("f", filters);
  const int tap = k.axis("tap", taps);
  const int lane = k.lane();
  const int acc = k.tile("acc", {f, tap, lane});
  const int sum = k.tile("sum", {f, tap});
  const ExprRef gradient =
      load(dy,
           (s.out * result * result) * var(n) + (result * result * kLanes) * (var(o) + var(f)) +
               (result * kLanes) * var(i) + kLanes * j + var(lane),
           ScalarType::Real);
  const ExprRef pixel =
      load(x,
           (s.in * s.image * s.image) * var(n) + (s.image * s.image * kLanes) * var(c) +
               (s.image * kLanes) * (var(i) + var(r)) + kLanes * (j + var(tap_block) + var(tap)) + var(lane),
           ScalarType::Real);
  const IndexExpr which = window * var(r) + var(tap_block) + var(tap);
  const IndexExpr total = (window * window * kLanes) * var(f) + kLanes * which + var(lane);
  const ExprRef so_far = load(totals, total, ScalarType::Real);
  const ExprRef held = tile_point(acc, ScalarType::Real);
  const IndexExpr place = (s.in * window * window) * (var(o) + var(f)) + (window * window) * var(c) + which;
  auto each_tap = [&](KernelBody body) { return for_(r, {for_(tap_block, std::move(body))}); };
  k.kernel.body = {for_(
      o,
      {for_(c, {each_tap({store(totals, total, constant(0), {f, tap, lane})}),
                for_(n, {each_tap({map(acc, so_far),
                                   for_(i, {for_(j_block, {for_(j_inner, {accumulate(acc, Reducer::Sum,
                                                                                     gradient * pixel)})})}),
                                   store(totals, total, held, {f, tap, lane})})}),
                each_tap({map(acc, so_far), fold(sum, acc, Reducer::Sum),
                          store(dw, place, tile_point(sum, ScalarType::Real), {f, tap})})})})};
  return finish(std::move(k), convolution_flops(s));
}

// 3x3, 64 -> 64 channels, 56x56: NCHW16c with its padding stored, OIhw16i16o: rows x columns of outputs x 16
// channels.
static Case channel_blocked(int64_t rows, int64_t columns, bool unroll_s) {
  constexpr int64_t kBlocks = 4, kImage = 56, kPadded = 58, kWindow = 3;
  KernelBuilder k(fmt::format("blocked_forward_{}x{}{}", rows, columns, unroll_s ? "_s" : ""));
  const int x = k.memory("x", kBlocks * kPadded * kPadded * kLanes);
  const int w = k.memory("w", kBlocks * kBlocks * kWindow * kWindow * kLanes * kLanes);
  const int y = k.memory("y", kBlocks * kImage * kImage * kLanes);
  const int o = k.parallel("o", Size::constant(kBlocks));
  const int i = k.parallel("i", Size::constant(kImage), rows, true);
  const int j = k.parallel("j", Size::constant(kImage), columns, true);
  const int block = k.serial("block", kBlocks);
  const int r = k.serial("r", kWindow);
  const int s = unroll_s ? k.unrolled("s", kWindow) : k.serial("s", kWindow);
  const int c = k.serial("c", kLanes);
  const int row = k.axis("row", rows);
  const int column = k.axis("column", columns);
  const int lane = k.lane();
  const int acc = k.tile("acc", {row, column, lane});
  const ExprRef weight = load(
      w,
      kLanes * kLanes * (kWindow * kWindow * (kBlocks * var(o) + var(block)) + kWindow * var(r) + var(s)) +
          kLanes * var(c) + var(lane),
      ScalarType::Real);
  const ExprRef pixel = load(x,
                             kLanes * (kPadded * (kPadded * var(block) + var(i) + var(row) + var(r)) +
                                       var(j) + var(column) + var(s)) +
                                 var(c),
                             ScalarType::Real);
  const IndexExpr place =
      kLanes * (kImage * (kImage * var(o) + var(i) + var(row)) + var(j) + var(column)) + var(lane);
  KernelBody inner = {accumulate(acc, Reducer::Sum, weight * pixel)};
  k.kernel.body = {for_(
      o, {for_(i, {for_(j, {map(acc, constant(0)), for_(block, {for_(r, {for_(s, {for_(c, inner)})})}),
                            store(y, place, tile_point(acc, ScalarType::Real), {row, column, lane})})})})};
  return finish(std::move(k), 2.0 * 64 * 64 * kImage * kImage * kWindow * kWindow);
}

static std::vector<Case> all_cases() {
  std::vector<Case> cases;
  for (bool unroll : {false, true}) {
    for (auto [filters, columns] : {std::pair{2, 2},
                                    {1, 4},
                                    {2, 3},
                                    {3, 2},
                                    {6, 1},
                                    {5, 1},
                                    {1, 6},
                                    {3, 4},
                                    {4, 3},
                                    {5, 4},
                                    {4, 4},
                                    {4, 5},
                                    {6, 4}}) {
      cases.push_back(forward_batch_blocked("conv1", kConv1, filters, columns, unroll));
      cases.push_back(forward_batch_blocked("conv2", kConv2, filters, columns, unroll));
    }
    for (auto [rows, columns] :
         {std::pair{1, 4}, {1, 5}, {1, 6}, {2, 3}, {1, 7}, {1, 12}, {1, 14}, {1, 28}, {2, 14}})
      cases.push_back(channel_blocked(rows, columns, unroll));
  }
  for (auto [filters, taps] : {std::pair{1, 5}, {2, 5}, {5, 1}, {6, 1}, {4, 5}, {5, 5}}) {
    for (int64_t unroll : {1, 8}) {
      cases.push_back(weight_gradient("conv1", kConv1, filters, taps, unroll));
      cases.push_back(weight_gradient("conv2", kConv2, filters, taps, unroll));
    }
  }
  return cases;
}

// Of this thread's own time: others may be running.
static double now() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

static double seconds_of(KernelFunction function, const Kernel& kernel, char* arena) {
  const float scalars[] = {0.5f};
  const double start = now();
  function(arena, scalars, kBatch, 0, parallel_extent(kernel, kBatch));
  return now() - start;
}

static double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<long>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

static int run(const std::string& filter, const TargetInfo& target, bool assembly) {
  Program program;
  program.name = "tiles";
  program.capacity = kBatch;
  program.scalars = {"a"};
  std::vector<Case> cases = {fma_peak(target)};
  for (Case& candidate : all_cases())
    if (candidate.kernel.name.find(filter) != std::string::npos) cases.push_back(std::move(candidate));
  for (const Case& one : cases) {
    program.kernels.push_back(one.kernel);
    program.arena_bytes = std::max(program.arena_bytes, one.arena_bytes);
  }
  if (assembly) {
    program.kernels.erase(program.kernels.begin());
    fmt::print("{}", *assembly_text(program, target));
    return 0;
  }
  const double start = now();
  auto compiled = jit_compile({&program}, target, 1);
  if (!compiled) {
    fmt::print(stderr, "{}\n", compiled.failure().message);
    return 1;
  }
  const double compile = now() - start;
  fmt::print("{} kernels compiled in {:.0f} ms for {}\n", cases.size(), compile * 1e3, target.name);

  constexpr std::size_t kAlignment = 64, kRounds = 15;
  const auto bytes =
      (static_cast<std::size_t>(program.arena_bytes) + kAlignment - 1) / kAlignment * kAlignment;
  std::unique_ptr<char, decltype(&std::free)> arena(static_cast<char*>(std::aligned_alloc(kAlignment, bytes)),
                                                    &std::free);
  std::memset(arena.get(), 0, bytes);
  std::vector<std::vector<double>> ratios(cases.size()), rates(cases.size());
  for (std::size_t round = 0; round <= kRounds; ++round) {
    for (std::size_t i = 0; i < cases.size(); ++i) {
      const double peak =
          cases[0].flops / seconds_of((*compiled)->function(0, 0), cases[0].kernel, arena.get());
      const double rate =
          cases[i].flops / seconds_of((*compiled)->function(0, i), cases[i].kernel, arena.get());
      if (round == 0) continue; // warm-up
      ratios[i].push_back(rate / peak);
      rates[i].push_back(rate);
    }
  }
  for (std::size_t i = 0; i < cases.size(); ++i)
    fmt::print("{:32} {:7.1f} GFLOP/s {:6.1f} % of the FMA peak, {:6.1f} % at best\n", cases[i].kernel.name,
               median(rates[i]) * 1e-9, median(ratios[i]) * 100,
               *std::max_element(ratios[i].begin(), ratios[i].end()) * 100);
  return 0;
}

} // namespace striate

int main(int count, char** arguments) {
  const bool assembly = count > 2 && std::string(arguments[1]) == "--asm";
  if (!assembly) return striate::run(count > 1 ? arguments[1] : "", striate::host_target(), false);
  auto target = striate::target_named(arguments[2]);
  if (!target) {
    fmt::print(stderr, "{}\n", target.failure().message);
    return 2;
  }
  return striate::run(count > 3 ? arguments[3] : "", *target, true);
}
