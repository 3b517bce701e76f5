#include "tests/codegen_cuda/samples.h"

#include "support/random.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

namespace striate {

using Kind = KernelStatement::Kind;

static IndexExpr at(int variable) { return IndexExpr::variable(variable); }
static ExprRef real_load(int buffer, const IndexExpr& offset, ExprRef guard = nullptr, double otherwise = 0) {
  return load(buffer, offset, ScalarType::Real, std::move(guard), otherwise);
}
static ExprRef less(const ExprRef& a, const ExprRef& b) { return apply(Function::Less, {a, b}); }
static ExprRef examples_as_int() { return apply(Function::ToInt, {run_time_scalar("N")}); }

static KernelStatement for_each(int variable, KernelBody body) {
  KernelStatement s;
  s.kind = Kind::For;
  s.variable = variable;
  s.body = std::move(body);
  return s;
}

static KernelStatement map(int tile, ExprRef value) {
  KernelStatement s;
  s.kind = Kind::Map;
  s.tile = tile;
  s.value = std::move(value);
  return s;
}

static KernelStatement accumulate(Reducer reducer, int tile, ExprRef value, std::vector<int> axes = {}) {
  KernelStatement s;
  s.kind = Kind::Accumulate;
  s.reducer = reducer;
  s.tile = tile;
  s.value = std::move(value);
  s.axes = std::move(axes);
  return s;
}

static KernelStatement fold(Reducer reducer, int tile, int source) {
  KernelStatement s;
  s.kind = Kind::Fold;
  s.reducer = reducer;
  s.tile = tile;
  s.source = source;
  return s;
}

static KernelStatement store(int buffer, const IndexExpr& offset, ExprRef value, std::vector<int> axes,
                             ExprRef guard = nullptr) {
  KernelStatement s;
  s.kind = Kind::Store;
  s.buffer = buffer;
  s.offset = offset;
  s.value = std::move(value);
  s.axes = std::move(axes);
  s.guard = std::move(guard);
  return s;
}

// Builds one kernel and the arena it works on.
struct Builder {
  Sample sample;
  Kernel kernel;

  explicit Builder(const std::string& name, int64_t capacity, int64_t examples) {
    kernel.name = name;
    sample.program.name = name;
    sample.program.capacity = capacity;
    sample.program.scalars = {"N", "1/N", "step", "epoch", "seed.low", "seed.high", "optimizer.lr"};
    sample.examples = examples;
    sample.scalars = {float(examples),
                      1 / float(examples),
                      7,
                      2,
                      std::bit_cast<float>(0x12345678u),
                      std::bit_cast<float>(0x9ABCDEF0u),
                      0.3f};
  }

  int variable(const std::string& name, VariableKind kind, Size extent, int64_t step = 1) {
    return kernel.add_variable({name, kind, extent, step, false});
  }
  int variable(const std::string& name, VariableKind kind, int64_t extent, int64_t step = 1) {
    return variable(name, kind, Size::constant(extent), step);
  }
  int lane(const std::string& name) { return variable(name, VariableKind::Lane, kLanes); }
  int tile(const std::string& name, std::vector<int> axes, ScalarType type = ScalarType::Real) {
    return kernel.add_tile({name, type, std::move(axes)});
  }
  int scratch(const std::string& name, int64_t elements) {
    return kernel.add_buffer({name, ElementType::F32, BufferSpace::Scratch, elements, 0});
  }
  // Memory filled with small multiples of 1/8, of both signs, and a few that round.
  int memory(const std::string& name, int64_t elements, ElementType type = ElementType::F32) {
    const int64_t offset = static_cast<int64_t>(sample.arena.size());
    sample.arena.resize(offset + (elements * byte_size(type) + 63) / 64 * 64);
    if (type == ElementType::F32) {
      auto* values = reinterpret_cast<float*>(sample.arena.data() + offset);
      for (int64_t i = 0; i < elements; ++i) values[i] = uniform(offset, i, 0, 0) * 4 - 2;
    }
    return kernel.add_buffer({name, type, BufferSpace::Memory, elements, offset});
  }
  template <typename Value>
  std::function<Value*(char*)> view(int buffer) const {
    const int64_t offset = kernel.buffers[buffer].offset;
    return [offset](char* arena) { return reinterpret_cast<Value*>(arena + offset); };
  }
  Sample finish(std::function<void(char*)> evaluate) {
    sample.program.arena_bytes = static_cast<int64_t>(sample.arena.size());
    sample.program.kernels = {std::move(kernel)};
    sample.evaluate = std::move(evaluate);
    return std::move(sample);
  }
};

Sample scaled_sum() {
  Builder b("scaled_sum", 32, 21);
  b.kernel.comment = "y[N,3] = lr * x[N,3] + y[N,3]";
  b.kernel.location = {"sum.nn", 7, 3};
  b.kernel.flops_per_example = 6;
  const int i = b.variable("i", VariableKind::Parallel, Size::n(3), 16), l = b.lane("l");
  const int x = b.memory("x", 96), y = b.memory("y", 96);
  const ExprRef inside = less(index_value(at(i) + at(l)), examples_as_int() * constant_int(3));
  const int sum = b.tile("sum", {l});
  b.kernel.body = {
      for_each(i, {map(sum, run_time_scalar("optimizer.lr") * real_load(x, at(i) + at(l), inside) +
                                real_load(y, at(i) + at(l), inside)),
                   store(y, at(i) + at(l), tile_point(sum, ScalarType::Real), {l}, inside)})};
  return b.finish([xs = b.view<float>(x), ys = b.view<float>(y), n = b.sample.examples](char* arena) {
    for (int64_t e = 0; e < 3 * n; ++e) ys(arena)[e] = 0.3f * xs(arena)[e] + ys(arena)[e];
  });
}

Sample product_tile() {
  constexpr int kDepth = 37, kOutputs = 10;
  Builder b("fc1 + bias", 48, 32);
  b.kernel.comment = "fc1: y[N,10] = sum(k: 37) w[o, k] * x[n, k] + b[o]";
  b.kernel.flops_per_example = 2 * kDepth * kOutputs;
  const int n = b.variable("n", VariableKind::Parallel, Size::n(), 16);
  const int o = b.variable("o", VariableKind::Parallel, kOutputs, 5);
  const int k = b.variable("k", VariableKind::Serial, kDepth);
  const int f = b.variable("f", VariableKind::Axis, 5), l = b.lane("lane");
  const int x = b.memory("x", 48 * kDepth), w = b.memory("w", kOutputs * kDepth),
            bias = b.memory("b", kOutputs);
  const int y = b.memory("y", 48 * kOutputs);
  const int sum = b.tile("sum", {f, l});
  b.kernel.body = {for_each(
      n, {for_each(o, {map(sum, constant(0)),
                       for_each(k, {accumulate(Reducer::Sum, sum,
                                               real_load(w, (at(o) + at(f)) * kDepth + at(k)) *
                                                   real_load(x, at(n) * kDepth + at(k) * 16 + at(l)))}),
                       store(y, at(n) * kOutputs + (at(o) + at(f)) * 16 + at(l),
                             tile_point(sum, ScalarType::Real) + real_load(bias, at(o) + at(f)), {f, l})})})};
  return b.finish([=, xs = b.view<float>(x), ws = b.view<float>(w), bs = b.view<float>(bias),
                   ys = b.view<float>(y)](char* arena) {
    for (int e = 0; e < 32; ++e)
      for (int out = 0; out < kOutputs; ++out) {
        float total = 0;
        for (int d = 0; d < kDepth; ++d)
          total =
              std::fma(ws(arena)[out * kDepth + d], xs(arena)[e / 16 * 16 * kDepth + d * 16 + e % 16], total);
        ys(arena)[e / 16 * 16 * kOutputs + out * 16 + e % 16] = total + bs(arena)[out];
      }
  });
}

Sample window_over_batch_lanes() {
  constexpr int C = 3, H = 9, W = 11, O = 4, OW = 9, PH = 3, PW = 4;
  Builder b("conv1 + relu1 + pool1", 32, 32);
  b.kernel.comment = "conv1: x[N,3,9,11] w[4,3,3,3] -> [N,4,7,9]\nrelu1, pool1 -> y[N,4,3,4]";
  const int n = b.variable("n", VariableKind::Parallel, Size::n(), 16);
  const int o = b.variable("o", VariableKind::Parallel, O), i = b.variable("i", VariableKind::Serial, PH);
  const int row = b.variable("row", VariableKind::Serial, 2), c = b.variable("c", VariableKind::Serial, C);
  const int r = b.variable("r", VariableKind::Serial, 3), s = b.variable("s", VariableKind::Unrolled, 3);
  const int j = b.variable("j", VariableKind::Axis, OW), pj = b.variable("pj", VariableKind::Axis, PW);
  const int dr = b.variable("dr", VariableKind::Axis, 2), ds = b.variable("ds", VariableKind::Axis, 2);
  const int l = b.lane("lane");
  const int x = b.memory("x", 32 * C * H * W), w = b.memory("w", O * C * 9), bias = b.memory("bias", O);
  const int y = b.memory("y", 32 * O * PH * PW),
            which = b.memory("y.index", 32 * O * PH * PW, ElementType::U8);
  const int rows = b.scratch("rows", 2 * OW * 16);
  const int sum = b.tile("sum", {j, l}), best = b.tile("best", {pj, l});
  const int index = b.tile("index", {pj, l}, ScalarType::Int);
  const IndexExpr input = at(n) * (C * H * W) + at(c) * (H * W * 16) +
                          (at(i) * 2 + at(row) + at(r)) * (W * 16) + (at(j) + at(s)) * 16 + at(l);
  KernelStatement route = accumulate(
      Reducer::Max, best, real_load(rows, at(dr) * (OW * 16) + at(pj) * 32 + at(ds) * 16 + at(l)), {dr, ds});
  route.index_tile = index;
  route.index_value = index_value(at(dr) * 2 + at(ds));
  const IndexExpr output =
      at(n) * (O * PH * PW) + at(o) * (PH * PW * 16) + at(i) * (PW * 16) + at(pj) * 16 + at(l);
  b.kernel.body = {for_each(
      n,
      {for_each(
          o,
          {for_each(
              i,
              {for_each(
                   row,
                   {map(sum, real_load(bias, at(o))),
                    for_each(
                        c, {for_each(r, {for_each(s, {accumulate(Reducer::Sum, sum,
                                                                 real_load(w, at(o) * (C * 9) + at(c) * 9 +
                                                                                  at(r) * 3 + at(s)) *
                                                                     real_load(x, input))})})}),
                    store(rows, at(row) * (OW * 16) + at(j) * 16 + at(l),
                          apply(Function::Max, {tile_point(sum, ScalarType::Real), constant(0)}), {j, l})}),
               map(best, constant(-std::numeric_limits<double>::infinity())), map(index, constant_int(0)),
               route, store(y, output, tile_point(best, ScalarType::Real), {pj, l}),
               store(which, output, tile_point(index, ScalarType::Int), {pj, l})})})})};
  return b.finish([=, xs = b.view<float>(x), ws = b.view<float>(w), bs = b.view<float>(bias),
                   ys = b.view<float>(y), is = b.view<uint8_t>(which)](char* arena) {
    for (int e = 0; e < 32; ++e)
      for (int out = 0; out < O; ++out)
        for (int p = 0; p < PH; ++p)
          for (int q = 0; q < PW; ++q) {
            float largest = -std::numeric_limits<float>::infinity();
            int position = 0;
            for (int window = 0; window < 4; ++window) {
              float total = bs(arena)[out];
              for (int d = 0; d < C * 9; ++d) {
                const int h = 2 * p + window / 2 + d / 3 % 3, v = 2 * q + window % 2 + d % 3;
                const int block = e / 16 * C + d / 9;
                total = std::fma(ws(arena)[out * C * 9 + d],
                                 xs(arena)[((block * H + h) * W + v) * 16 + e % 16], total);
              }
              total = 0 > total ? 0 : total;
              if (total > largest) largest = total, position = window;
            }
            const int target = (((e / 16 * O + out) * PH + p) * PW + q) * 16 + e % 16;
            ys(arena)[target] = largest;
            is(arena)[target] = static_cast<uint8_t>(position);
          }
  });
}

Sample window_over_row_lanes() {
  constexpr int H = 8, W = 18;
  Builder b("rows", 4, 3);
  const int n = b.variable("n", VariableKind::Parallel, Size::n()),
            i = b.variable("i", VariableKind::Serial, H / 2);
  const int row = b.variable("row", VariableKind::Serial, 2), s = b.variable("s", VariableKind::Unrolled, 3);
  const int dr = b.variable("dr", VariableKind::Axis, 2), ds = b.variable("ds", VariableKind::Axis, 2);
  const int l = b.lane("j");
  const int x = b.memory("x", 4 * H * W), w = b.memory("w", 3), y = b.memory("y", 4 * H / 2 * 8);
  const int rows = b.scratch("rows", 2 * 16);
  const int sum = b.tile("sum", {l}), best = b.tile("best", {l});
  const ExprRef pooled = less(index_value(at(l)), constant_int(8));
  b.kernel.body = {for_each(
      n,
      {for_each(
          i, {for_each(row,
                       {map(sum, constant(0)),
                        for_each(s, {accumulate(Reducer::Sum, sum,
                                                real_load(w, at(s)) *
                                                    real_load(x, at(n) * (H * W) + (at(i) * 2 + at(row)) * W +
                                                                     at(l) + at(s)))}),
                        store(rows, at(row) * 16 + at(l), tile_point(sum, ScalarType::Real), {l})}),
              map(best, constant(-std::numeric_limits<double>::infinity())),
              accumulate(Reducer::Max, best, real_load(rows, at(dr) * 16 + at(l) * 2 + at(ds), pooled),
                         {dr, ds}),
              store(y, at(n) * (H / 2 * 8) + at(i) * 8 + at(l), tile_point(best, ScalarType::Real), {l},
                    pooled)})})};
  return b.finish([=, xs = b.view<float>(x), ws = b.view<float>(w), ys = b.view<float>(y)](char* arena) {
    for (int e = 0; e < 3; ++e)
      for (int out = 0; out < H / 2 * 8; ++out) {
        float largest = -std::numeric_limits<float>::infinity();
        for (int window = 0; window < 4; ++window) {
          const int h = out / 8 * 2 + window / 2, v = out % 8 * 2 + window % 2;
          float total = 0;
          for (int d = 0; d < 3; ++d)
            total = std::fma(ws(arena)[d], xs(arena)[(e * H + h) * W + v + d], total);
          largest = total > largest ? total : largest;
        }
        ys(arena)[e * (H / 2 * 8) + out] = largest;
      }
  });
}

Sample folded_gradient() {
  constexpr int O = 4, R = 3, I = 6, X = I + R - 1;
  Builder b("conv1.weight.grad", 64, 37);
  const int o = b.variable("o", VariableKind::Parallel, O, 2),
            n = b.variable("n", VariableKind::Serial, Size::n(), 16);
  const int i = b.variable("i", VariableKind::Serial, I), f = b.variable("f", VariableKind::Axis, 2);
  const int r = b.variable("r", VariableKind::Axis, R), l = b.lane("lane");
  const int dy = b.memory("dy", 64 * O * I), x = b.memory("x", 64 * X);
  const int dw = b.memory("dw", O * R), most = b.memory("most", O * R);
  const int sum = b.tile("sum", {f, r, l}), total = b.tile("total", {f, r}), peak = b.tile("peak", {f, r});
  const ExprRef real_example = less(index_value(at(n) + at(l)), examples_as_int());
  b.kernel.body = {for_each(
      o,
      {map(sum, constant(0)),
       for_each(n, {for_each(
                       i, {accumulate(
                              Reducer::Sum, sum,
                              real_load(dy, at(n) * (O * I) + (at(o) + at(f)) * (I * 16) + at(i) * 16 + at(l),
                                        real_example) *
                                  real_load(x, at(n) * X + (at(i) + at(r)) * 16 + at(l)))})}),
       fold(Reducer::Sum, total, sum), fold(Reducer::Max, peak, sum),
       store(most, (at(o) + at(f)) * R + at(r), tile_point(peak, ScalarType::Real), {f, r}),
       store(dw, (at(o) + at(f)) * R + at(r), tile_point(total, ScalarType::Real), {f, r})})};
  return b.finish([=, dys = b.view<float>(dy), xs = b.view<float>(x), dws = b.view<float>(dw),
                   ms = b.view<float>(most)](char* arena) {
    for (int out = 0; out < O * R; ++out) {
      float sums[16] = {};
      for (int block = 0; block < 3; ++block)
        for (int p = 0; p < I; ++p)
          for (int e = 0; e < 16; ++e) {
            const float g = block * 16 + e < 37 ? dys(arena)[((block * O + out / R) * I + p) * 16 + e] : 0.0f;
            sums[e] = std::fma(g, xs(arena)[(block * X + p + out % R) * 16 + e], sums[e]);
          }
      ms(arena)[out] = *std::max_element(sums, sums + 16);
      for (int distance = 8; distance > 0; distance /= 2)
        for (int e = 0; e < distance; ++e) sums[e] = sums[e] + sums[e + distance];
      dws(arena)[out] = sums[0];
    }
  });
}

Sample random_mask() {
  constexpr int C = 7;
  constexpr uint32_t kStream = 0xC0FFEE;
  Builder b("fc1.dropout", 32, 20);
  const int n = b.variable("n", VariableKind::Parallel, Size::n(), 16),
            c = b.variable("c", VariableKind::Axis, C);
  const int l = b.lane("lane");
  const int x = b.memory("x", 32 * C), y = b.memory("y", 32 * C);
  const IndexExpr place = at(n) * C + at(c) * 16 + at(l);
  b.kernel.body = {
      for_each(n, {store(y, place,
                         select(less(random_uniform((at(n) + at(l)) * C + at(c), kStream), constant(0.25)),
                                constant(0), real_load(x, place) / constant(0.75)),
                         {c, l})})};
  return b.finish([=, xs = b.view<float>(x), ys = b.view<float>(y)](char* arena) {
    for (int e = 0; e < 32; ++e)
      for (int d = 0; d < C; ++d) {
        const int element = (e / 16 * C + d) * 16 + e % 16;
        const float draw = uniform(0x9ABCDEF012345678u, e * C + d, 7, kStream);
        ys(arena)[element] = draw < 0.25f ? 0 : xs(arena)[element] / 0.75f;
      }
  });
}

Sample functions() {
  Builder b("functions", 16, 16);
  const int l = b.lane("lane");
  const int x = b.memory("x", 16), reals = b.memory("reals", 14 * 16);
  const int ints = b.memory("ints", 6 * 16, ElementType::I32),
            bools = b.memory("bools", 4 * 16, ElementType::Bool);
  const int bytes = b.memory("bytes", 16, ElementType::U8),
            doubles = b.memory("doubles", 16, ElementType::F64);
  const int v = b.tile("v", {l}), position = b.tile("position", {l}, ScalarType::Int);
  const ExprRef a = tile_point(v, ScalarType::Real), k = tile_point(position, ScalarType::Int);
  const ExprRef nan = constant(std::nan("")), zero = constant(0);
  b.kernel.body = {map(v, real_load(x, at(l))), map(position, index_value(at(l) - 8))};
  int slot = 0;
  auto real = [&](const ExprRef& e) { b.kernel.body.push_back(store(reals, at(l) + 16 * slot++, e, {l})); };
  using F = Function;
  for (F f : {F::Neg, F::Abs, F::Floor, F::Round, F::Sqrt, F::Mantissa2}) real(apply(f, {a}));
  real(apply(F::Max, {nan, a}));
  real(apply(F::Max, {a, nan}));
  real(apply(F::Min, {zero, a}));
  real(apply(F::Fma, {a, a, constant(0.1)}));
  real(a - (a - (a * a - a / constant(3))));
  real(apply(F::Scale2, {a, k}));
  real(select(less(zero, a), apply(F::ToReal, {k}), apply(F::ToReal, {less(a, zero)})));
  real(load(doubles, at(l), ScalarType::Real));
  slot = 0;
  auto integer = [&](const ExprRef& e) { b.kernel.body.push_back(store(ints, at(l) + 16 * slot++, e, {l})); };
  integer(apply(F::ToInt, {a * constant(10)}));
  integer(apply(F::Exponent2, {a}));
  integer(apply(F::Div, {k, constant_int(3)}));
  integer(apply(F::Max, {k, constant_int(2)}) - apply(F::Abs, {k}) * constant_int(5));
  integer(index_value(IndexExpr::quotient(at(l) - 8, 3) * 100 + IndexExpr::remainder(at(l) - 8, 3)));
  integer(load(bytes, at(l), ScalarType::Int));
  slot = 0;
  auto boolean = [&](const ExprRef& e) {
    b.kernel.body.push_back(store(bools, at(l) + 16 * slot++, e, {l}));
  };
  boolean(apply(F::And, {less(zero, a), less(a, constant(1))}));
  boolean(apply(F::Or, {apply(F::Equal, {k, constant_int(3)}), apply(F::LessEqual, {k, constant_int(-2)})}));
  boolean(apply(F::Not, {load(bools, at(l), ScalarType::Bool)}));
  b.kernel.body.push_back(store(bytes, at(l), apply(F::Add, {k, constant_int(9)}), {l}));
  b.kernel.body.push_back(store(doubles, at(l), a, {l}));
  return b.finish([xs = b.view<float>(x), rs = b.view<float>(reals), is = b.view<int32_t>(ints),
                   bs = b.view<uint8_t>(bools), us = b.view<uint8_t>(bytes),
                   ds = b.view<double>(doubles)](char* arena) {
    for (int e = 0; e < 16; ++e) {
      const float s = xs(arena)[e], not_a_number = std::nanf("");
      const int p = e - 8;
      int exponent = 0;
      const float mantissa = std::frexp(s, &exponent);
      const float expected[] = {-s,
                                std::fabs(s),
                                std::floor(s),
                                std::nearbyint(s),
                                std::sqrt(s),
                                mantissa,
                                not_a_number,
                                s,
                                s < 0 ? s : 0.0f,
                                std::fma(s, s, 0.1f),
                                s - (s - (s * s - s / 3)),
                                std::ldexp(s, p),
                                0 < s ? float(p) : float(s < 0),
                                float(ds(arena)[e])};
      for (int f = 0; f < 14; ++f) rs(arena)[f * 16 + e] = expected[f];
      const int quotient = static_cast<int>(floor_div(p, 3)), remainder = static_cast<int>(floor_mod(p, 3));
      const int whole[6] = {
          static_cast<int>(s * 10),   exponent,    quotient, std::max(p, 2) - std::abs(p) * 5,
          quotient * 100 + remainder, us(arena)[e]};
      for (int f = 0; f < 6; ++f) is(arena)[f * 16 + e] = whole[f];
      bs(arena)[e] = 0 < s && s < 1;
      bs(arena)[16 + e] = p == 3 || p <= -2;
      bs(arena)[32 + e] = bs(arena)[e] == 0;
      us(arena)[e] = static_cast<uint8_t>(p + 9);
      ds(arena)[e] = s;
    }
  });
}

Sample loop_forms() {
  constexpr int I = 10;
  Builder b("loops", 8, 5);
  const int n = b.variable("n", VariableKind::Parallel, Size::n());
  const int i = b.variable("for", VariableKind::Parallel, I, 4); // a name that C++ reserves
  const int j = b.variable("j", VariableKind::Serial, 6), u = b.variable("u", VariableKind::Unrolled, 4);
  b.kernel.variables[i].overlap = true;
  const int x = b.memory("x", 8 * I * 6), y = b.memory("y", 8 * I);
  const int sum = b.tile("sum", {});
  KernelStatement triangle =
      for_each(j, {accumulate(Reducer::Sum, sum, real_load(x, (at(n) * I + at(i) + at(u)) * 6 + at(j)))});
  triangle.bound = IndexExpr::quotient(at(i) + at(u), 2) + 2;
  KernelStatement odd;
  odd.kind = Kind::If;
  odd.value =
      apply(Function::Equal, {index_value(IndexExpr::remainder(at(n) + at(i) + at(u), 2)), constant_int(1)});
  odd.body = {accumulate(Reducer::Prod, sum, constant(-0.5)),
              accumulate(Reducer::Min, sum,
                         apply(Function::ToReal, {index_value(IndexExpr::quotient(at(i) + at(u), 3))}))};
  b.kernel.body = {for_each(n, {for_each(i, {for_each(u, {map(sum, constant(0.25)), triangle, odd,
                                                          store(y, at(n) * I + at(i) + at(u),
                                                                tile_point(sum, ScalarType::Real), {})})})})};
  return b.finish([=, xs = b.view<float>(x), ys = b.view<float>(y)](char* arena) {
    for (int e = 0; e < 5; ++e)
      for (int p = 0; p < I; ++p) {
        float total = 0.25f;
        for (int d = 0; d < std::min(p / 2 + 2, 6); ++d) total += xs(arena)[(e * I + p) * 6 + d];
        if ((e + p) % 2 == 1) {
          total *= -0.5f;
          total = float(p / 3) < total ? float(p / 3) : total;
        }
        ys(arena)[e * I + p] = total;
      }
  });
}

std::vector<std::pair<std::string, Sample>> all_samples() {
  return {{"scaled_sum", scaled_sum()},
          {"product_tile", product_tile()},
          {"window_over_batch_lanes", window_over_batch_lanes()},
          {"window_over_row_lanes", window_over_row_lanes()},
          {"folded_gradient", folded_gradient()},
          {"random_mask", random_mask()},
          {"functions", functions()},
          {"loop_forms", loop_forms()}};
}

} // namespace striate
