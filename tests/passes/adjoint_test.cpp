// Derived adjoints: their text, and their numbers against central differences.
#include "tests/passes/graphs.h"

#include <ostream>

namespace striate {
namespace {

const char* const kOps = R"(
op conv(x[N, C, H, W], k[O, C, R, S]; stride: int = 1, padding: int = 0, dilation: int = 1)
    -> y[N, O, (H + 2*padding - dilation*(R - 1) - 1) // stride + 1, (W + 2*padding - dilation*(S - 1) - 1) // stride + 1] {
    y[n, o, i, j] = sum(c, r, s) k[o, c, r, s]
        * (x[n, c, i*stride + r*dilation - padding, j*stride + s*dilation - padding] else 0)
}
op line(x[N, H], k[R]; stride: int = 1, padding: int = 0, dilation: int = 1)
    -> y[N, (H + 2*padding - dilation*(R - 1) - 1) // stride + 1] {
    y[n, i] = sum(r) k[r] * (x[n, i*stride + r*dilation - padding] else 0)
}
op grouped(x[N, (G C), H], k[(G O), C, R]; groups G: int) -> y[N, (G O), H - R + 1] {
    y[n, (g o), i] = sum(c, r) k[(g o), c, r] * x[n, (g c), i + r]
}
op largest(x[N, H]; size: int, stride: int = size, padding: int = 0) -> y[N, (H + 2*padding - size) // stride + 1] {
    y[n, i] = max(r: size) (x[n, i*stride + r - padding] else -inf)
}
op smallest(x[N, H, W]; size: int) -> y[N, H // size, W // size] {
    y[n, i, j] = min(r: size, s: size) x[n, i*size + r, j*size + s]
}
op flat(x[N, C, H]) -> y[N, (C H)] { y[n, (c h)] = x[n, c, h] }
op unflat(x[N, (C H)]; channels C: int) -> y[N, C, H] { y[n, c, h] = x[n, (c h)] }
op turn(x[N, A, B]) -> y[N, B, A] { y[n, b, a] = x[n, a, b] }
op biased(x[N, C, H], b[C]) -> y[N, C, H] { y[n, c, h] = x[n, c, h] + b[c] }
op joined(a[..], b[..]) -> y[..] { y[..] = a[..] + b[..] }
op product(a[N, I, K], b[N, K, J]) -> y[N, I, J] { y[n, i, j] = sum(k) a[n, i, k] * b[n, k, j] }
op matrix(x[N, C], w[O, C]) -> y[N, O] { y[n, o] = sum(c) x[n, c] * w[o, c] }
op first(x[N, C]) -> y[N] { y[n] = x[n, 0] }
op third(x[N, C]) -> y[N] { y[n] = x[n, 2] }
op shifted(x[N, C]) -> y[N, C - 2] { y[n, c] = x[n, c + 2] }
op reversed(x[N, C]) -> y[N, C] { y[n, c] = x[n, C - 1 - c] }
op diagonal(x[N, C, C]) -> y[N, C] { y[n, c] = x[n, c, c] }
op twice(x[N, C]) -> y[N, 2 * C] { y[n, i] = x[n, i // 2] }
op square(x[N, C]) -> y[N, C] { y[n, c] = x[n, c] * x[n, c] }
op neighbours(x[N, C]) -> y[N, C - 1] { y[n, c] = x[n, c] * x[n, c + 1] }
op held(x[N, C]) -> y[N, C] { y[n, c] = x[n, c] - stop(x[n, 0]) }
op maxout(x[N, (C D)]; pieces D: int) -> y[N, C] { y[n, c] = max(d) x[n, (c d)] }
op softmaxed(x[N, C]) -> y[N, C] {
    m[n]    = max(c) stop(x[n, c])
    e[n, c] = exp(x[n, c] - m[n])
    z[n]    = sum(c) e[n, c]
    y[n, c] = e[n, c] / z[n]
}
)";

struct Case {
  const char* name;
  const char* op;
  std::vector<TensorType> operands;
  std::map<std::string, std::string> attributes;
  std::vector<std::string> statements; // the definition, then its adjoints
};

// Each text was derived by hand from y[I] = reduce(R) f(x[A(I, R)]): dx[J] sums what solves A(I, R) = J.
const std::vector<Case>& cases() {
  static const std::vector<Case> kCases = {
      {"Convolution",
       "conv",
       {f32({-1, 2, 6, 5}), f32({3, 2, 3, 2})},
       {},
       {"y[n, o, i, j] = sum(c: 2, r: 3, s: 2) k[o, c, r, s] * x[n, c, i + r, j + s]",
        "k.grad[o, c, r, s] = sum(n: N, i: 4, j: 4) y.grad[n, o, i, j] * x[n, c, r + i, s + j]",
        "x.grad[n, c, x2, x3] = sum(o: 3, r: 3, s: 2) (y.grad[n, o, x2 - r, x3 - s] else 0) * k[o, c, r, "
        "s]"}},
      {"ConvolutionWithPadding",
       "conv",
       {f32({-1, 2, 6, 5}), f32({3, 2, 3, 2})},
       {{"padding", "1"}},
       {"y[n, o, i, j] = sum(c: 2, r: 3, s: 2) k[o, c, r, s] * (x[n, c, i + r - 1, j + s - 1] else 0)",
        "k.grad[o, c, r, s] = sum(n: N, i: 6, j: 6) y.grad[n, o, i, j] * (x[n, c, r + i - 1, s + j - 1] else "
        "0)",
        "x.grad[n, c, x2, x3] = sum(o: 3, r: 3, s: 2) (y.grad[n, o, x2 - r + 1, x3 - s + 1] else 0) * k[o, "
        "c, r, s]"}},
      {"ConvolutionWithStride",
       "conv",
       {f32({-1, 2, 5, 6}), f32({3, 2, 3, 2})},
       {{"stride", "2"}, {"padding", "1"}},
       {"y[n, o, i, j] = sum(c: 2, r: 3, s: 2) k[o, c, r, s] * (x[n, c, 2*i + r - 1, 2*j + s - 1] else 0)",
        "k.grad[o, c, r, s] = sum(n: N, i: 3, j: 4) y.grad[n, o, i, j] * (x[n, c, r + 2*i - 1, s + 2*j - 1] "
        "else 0)",
        "x.grad.phases[n, c, (x2: 3 p2: 2), (x3: 4 p3: 2)] = sum(o: 3, r_: 2) "
        "(y.grad[n, o, x2 - r_, x3] else 0) * (k[o, c, p2 + 2*r_, p3] else 0)",
        "x.grad[i0, i1, i2, i3] = x.grad.phases[i0, i1, i2 + 1, i3 + 1]"}},
      {"PointsByStrideTwo",
       "conv",
       {f32({-1, 2, 5, 6}), f32({3, 2, 1, 1})},
       {{"stride", "2"}},
       {"y[n, o, i, j] = sum(c: 2) k[o, c, 0, 0] * x[n, c, 2*i, 2*j]",
        "k.grad[o, c, x2, x3] = sum(n: N, i: 3, j: 3) y.grad[n, o, i, j] * x[n, c, 2*i, 2*j]",
        "x.grad.dense[n, c, i, j] = sum(o: 3) y.grad[n, o, i, j] * k[o, c, 0, 0]",
        "x.grad[i0, i1, i2, i3] = select((i2 % 2) <= 0 and (i3 % 2) <= 0, "
        "(x.grad.dense[i0, i1, (i2 // 2), (i3 // 2)] else 0), 0)"}},
      {"RowsByStrideTwo",
       "conv",
       {f32({-1, 2, 5, 6}), f32({3, 2, 3, 1})},
       {{"stride", "2"}, {"padding", "1"}},
       {"y[n, o, i, j] = sum(c: 2, r: 3) k[o, c, r, 0] * (x[n, c, 2*i + r - 1, 2*j - 1] else 0)",
        "k.grad[o, c, r, x3] = sum(n: N, i: 3, j: 4) y.grad[n, o, i, j] * (x[n, c, r + 2*i - 1, 2*j - 1] "
        "else 0)",
        "x.grad.phases[n, c, (x2: 3 p2: 2), j] = sum(o: 3, r_: 2) (y.grad[n, o, x2 - r_, j] else 0) * "
        "(k[o, c, p2 + 2*r_, 0] else 0)",
        "x.grad[i0, i1, i2, i3] = select(((i3 + 1) % 2) <= 0, (x.grad.phases[i0, i1, i2 + 1, "
        "((i3 + 1) // 2)] else 0), 0)"}},
      {"WindowThreeByStrideTwo",
       "line",
       {f32({-1, 8}), f32({3})},
       {{"stride", "2"}, {"padding", "1"}},
       {"y[n, i] = sum(r: 3) k[r] * (x[n, 2*i + r - 1] else 0)",
        "k.grad[r] = sum(n: N, i: 4) y.grad[n, i] * (x[n, r + 2*i - 1] else 0)",
        "x.grad.phases[n, (x1: 5 p1: 2)] = sum(r_: 2) (y.grad[n, x1 - r_] else 0) * (k[p1 + 2*r_] else 0)",
        "x.grad[i0, i1] = x.grad.phases[i0, i1 + 1]"}},
      {"WindowThreeByStrideTwoOdd",
       "line",
       {f32({-1, 9}), f32({3})},
       {{"stride", "2"}, {"padding", "1"}},
       {"y[n, i] = sum(r: 3) k[r] * (x[n, 2*i + r - 1] else 0)",
        "k.grad[r] = sum(n: N, i: 5) y.grad[n, i] * (x[n, r + 2*i - 1] else 0)",
        "x.grad.phases[n, (x1: 5 p1: 2)] = sum(r_: 2) (y.grad[n, x1 - r_] else 0) * (k[p1 + 2*r_] else 0)",
        "x.grad[i0, i1] = x.grad.phases[i0, i1 + 1]"}},
      {"WindowTwoByStrideTwoRagged",
       "line",
       {f32({-1, 7}), f32({2})},
       {{"stride", "2"}},
       {"y[n, i] = sum(r: 2) k[r] * x[n, 2*i + r]",
        "k.grad[r] = sum(n: N, i: 3) y.grad[n, i] * x[n, r + 2*i]",
        "x.grad.phases[n, (x1: 4 p1: 2)] = (y.grad[n, x1] else 0) * k[p1]",
        "x.grad[i0, i1] = x.grad.phases[i0, i1]"}},
      {"WindowFiveByStrideThree",
       "line",
       {f32({-1, 11}), f32({5})},
       {{"stride", "3"}},
       {"y[n, i] = sum(r: 5) k[r] * x[n, 3*i + r]",
        "k.grad[r] = sum(n: N, i: 3) y.grad[n, i] * x[n, r + 3*i]",
        "x.grad.phases[n, (x1: 4 p1: 3)] = sum(r_: 2) (y.grad[n, x1 - r_] else 0) * (k[p1 + 3*r_] else 0)",
        "x.grad[i0, i1] = x.grad.phases[i0, i1]"}},
      {"WindowFiveByStrideThreePadded",
       "line",
       {f32({-1, 11}), f32({5})},
       {{"stride", "3"}, {"padding", "2"}},
       {"y[n, i] = sum(r: 5) k[r] * (x[n, 3*i + r - 2] else 0)",
        "k.grad[r] = sum(n: N, i: 4) y.grad[n, i] * (x[n, r + 3*i - 2] else 0)",
        "x.grad.phases[n, (x1: 5 p1: 3)] = sum(r_: 2) (y.grad[n, x1 - r_] else 0) * (k[p1 + 3*r_] else 0)",
        "x.grad[i0, i1] = x.grad.phases[i0, i1 + 2]"}},
      {"WindowBelowStride",
       "line",
       {f32({-1, 11}), f32({2})},
       {{"stride", "4"}},
       {"y[n, i] = sum(r: 2) k[r] * x[n, 4*i + r]",
        "k.grad[r] = sum(n: N, i: 3) y.grad[n, i] * x[n, r + 4*i]",
        "x.grad.phases[n, (x1: 3 p1: 4)] = y.grad[n, x1] * (k[p1] else 0)",
        "x.grad[i0, i1] = x.grad.phases[i0, i1]"}},
      {"OneTapByStride",
       "line",
       {f32({-1, 11}), f32({1})},
       {{"stride", "2"}},
       {"y[n, i] = sum(r: 1) k[r] * x[n, 2*i + r]", "k.grad[x0] = sum(n: N, i: 6) y.grad[n, i] * x[n, 2*i]",
        "x.grad[n, x1] = select((x1 % 2) <= 0, y.grad[n, (x1 // 2)] * k[0], 0)"}},
      {"Dilation",
       "line",
       {f32({-1, 11}), f32({3})},
       {{"dilation", "2"}},
       {"y[n, i] = sum(r: 3) k[r] * x[n, i + 2*r]",
        "k.grad[r] = sum(n: N, i: 7) y.grad[n, i] * x[n, 2*r + i]",
        "x.grad[n, x1] = sum(r: 3) (y.grad[n, x1 - 2*r] else 0) * k[r]"}},
      {"DilationSharesAFactorWithStride",
       "line",
       {f32({-1, 11}), f32({3})},
       {{"dilation", "2"}, {"stride", "2"}},
       {"y[n, i] = sum(r: 3) k[r] * x[n, 2*i + 2*r]",
        "k.grad[r] = sum(n: N, i: 4) y.grad[n, i] * x[n, 2*r + 2*i]",
        "x.grad[n, x1] = sum(r: 3) select((x1 % 2) <= 0, (y.grad[n, -r + (x1 // 2)] else 0) * k[r], 0)"}},
      {"DilationAndStride",
       "line",
       {f32({-1, 13}), f32({3})},
       {{"dilation", "3"}, {"stride", "2"}, {"padding", "1"}},
       {"y[n, i] = sum(r: 3) k[r] * (x[n, 2*i + 3*r - 1] else 0)",
        "k.grad[r] = sum(n: N, i: 5) y.grad[n, i] * (x[n, 3*r + 2*i - 1] else 0)",
        "x.grad[n, x1] = sum(r: 3) select(((x1 - r + 1) % 2) <= 0, (y.grad[n, -r + ((x1 - r + 1) // 2)] else "
        "0) * k[r], 0)"}},
      {"Groups",
       "grouped",
       {f32({-1, 6, 5}), f32({4, 3, 2})},
       {{"groups", "2"}},
       {"y[n, (g: 2 o: 2), i] = sum(c: 3, r: 2) k[2*g + o, c, r] * x[n, 3*g + c, i + r]",
        "k.grad[(g: 2 o: 2), c, r] = sum(n: N, i: 4) y.grad[n, 2*g + o, i] * x[n, 3*g + c, r + i]",
        "x.grad[n, (g: 2 c: 3), x2] = sum(o: 2, r: 2) (y.grad[n, 2*g + o, x2 - r] else 0) * k[2*g + o, c, "
        "r]"}},
      {"OneChannelPerGroup",
       "grouped",
       {f32({-1, 3, 5}), f32({3, 1, 2})},
       {{"groups", "3"}},
       {"y[n, g, i] = sum(r: 2) k[g, 0, r] * x[n, g, i + r]",
        "k.grad[g, x1, r] = sum(n: N, i: 4) y.grad[n, g, i] * x[n, g, r + i]",
        "x.grad[n, g, x2] = sum(r: 2) (y.grad[n, g, x2 - r] else 0) * k[g, 0, r]"}},
      {"LargestTiling",
       "largest",
       {f32({-1, 8})},
       {{"size", "2"}},
       {"y[n, i] = max(r: 2) x[n, 2*i + r]", "y.which[n, i] = argmax(r: 2) x[n, 2*i + r]",
        "x.grad[n, (i: 4 r: 2)] = select(y.which[n, i] == r, y.grad[n, i], 0)"}},
      {"LargestTilingRagged",
       "largest",
       {f32({-1, 9})},
       {{"size", "2"}},
       {"y[n, i] = max(r: 2) x[n, 2*i + r]", "y.which[n, i] = argmax(r: 2) x[n, 2*i + r]",
        "x.grad.phases[n, (x1: 5 p1: 2)] = select((y.which[n, x1] else -1) == p1, (y.grad[n, x1] else 0), 0)",
        "x.grad[i0, i1] = x.grad.phases[i0, i1]"}},
      {"LargestOverlapping",
       "largest",
       {f32({-1, 9})},
       {{"size", "3"}, {"stride", "2"}},
       {"y[n, i] = max(r: 3) x[n, 2*i + r]", "y.which[n, i] = argmax(r: 3) x[n, 2*i + r]",
        "x.grad.phases[n, (x1: 5 p1: 2)] = sum(r_: 2) select(p1 + 2*r_ <= 2, select((y.which[n, x1 - r_] "
        "else -1) == p1 + 2*r_, (y.grad[n, x1 - r_] else 0), 0), 0)",
        "x.grad[i0, i1] = x.grad.phases[i0, i1]"}},
      {"LargestOverlappingPadded",
       "largest",
       {f32({-1, 9})},
       {{"size", "3"}, {"stride", "2"}, {"padding", "1"}},
       {"y[n, i] = max(r: 3) (x[n, 2*i + r - 1] else -inf)",
        "y.which[n, i] = argmax(r: 3) (x[n, 2*i + r - 1] else -inf)",
        "x.grad.phases[n, (x1: 5 p1: 2)] = sum(r_: 2) select(p1 + 2*r_ <= 2, select((y.which[n, x1 - r_] "
        "else -1) == p1 + 2*r_, (y.grad[n, x1 - r_] else 0), 0), 0)",
        "x.grad[i0, i1] = x.grad.phases[i0, i1 + 1]"}},
      {"LargestWithGaps",
       "largest",
       {f32({-1, 9})},
       {{"size", "2"}, {"stride", "3"}},
       {"y[n, i] = max(r: 2) x[n, 3*i + r]", "y.which[n, i] = argmax(r: 2) x[n, 3*i + r]",
        "x.grad[n, (x1: 3 p1: 3)] = select(p1 <= 1, select(y.which[n, x1] == p1, y.grad[n, x1], 0), 0)"}},
      {"LargestSlidingByOne",
       "largest",
       {f32({-1, 9})},
       {{"size", "3"}, {"stride", "1"}},
       {"y[n, i] = max(r: 3) x[n, i + r]", "y.which[n, i] = argmax(r: 3) x[n, i + r]",
        "x.grad[n, x1] = sum(r: 3) select((y.which[n, x1 - r] else -1) == r, (y.grad[n, x1 - r] else 0), "
        "0)"}},
      {"SmallestInTwoDimensions",
       "smallest",
       {f32({-1, 6, 4})},
       {{"size", "2"}},
       {"y[n, i, j] = min(r: 2, s: 2) x[n, 2*i + r, 2*j + s]",
        "y.which[n, i, j] = argmin(r: 2, s: 2) x[n, 2*i + r, 2*j + s]",
        "x.grad[n, (i: 3 r: 2), (j: 2 s: 2)] = select(y.which[n, i, j] == 2*r + s, y.grad[n, i, j], 0)"}},
      {"Flatten",
       "flat",
       {f32({-1, 3, 4})},
       {},
       {"y[n, (c: 3 h: 4)] = x[n, c, h]", "x.grad[n, c, h] = y.grad[n, 4*c + h]"}},
      {"Unflatten",
       "unflat",
       {f32({-1, 12})},
       {{"channels", "3"}},
       {"y[n, c, h] = x[n, 4*c + h]", "x.grad[n, (c: 3 h: 4)] = y.grad[n, c, h]"}},
      {"Transpose",
       "turn",
       {f32({-1, 3, 4})},
       {},
       {"y[n, b, a] = x[n, a, b]", "x.grad[n, a, b] = y.grad[n, b, a]"}},
      {"BroadcastChannel",
       "biased",
       {f32({-1, 3, 4}), f32({3})},
       {},
       {"y[n, c, h] = x[n, c, h] + b[c]", "x.grad[n, c, h] = y.grad[n, c, h]",
        "b.grad[c] = sum(n: N, h: 4) y.grad[n, c, h]"}},
      {"BroadcastNumpy",
       "joined",
       {f32({-1, 3, 4}), f32({3, 1})},
       {},
       {"y[d0, d1, d2] = a[d0, d1, d2] + b[d1, 0]", "a.grad[d0, d1, d2] = y.grad[d0, d1, d2]",
        "b.grad[d1, x1] = sum(d0: N, d2: 4) y.grad[d0, d1, d2]"}},
      {"BroadcastScalar",
       "joined",
       {f32({-1, 3}), f32({})},
       {},
       {"y[d0, d1] = a[d0, d1] + b[]", "a.grad[d0, d1] = y.grad[d0, d1]",
        "b.grad[] = sum(d0: N, d1: 3) y.grad[d0, d1]"}},
      {"BatchedProduct",
       "product",
       {f32({-1, 3, 4}), f32({-1, 4, 2})},
       {},
       {"y[n, i, j] = sum(k: 4) a[n, i, k] * b[n, k, j]",
        "a.grad[n, i, k] = sum(j: 2) y.grad[n, i, j] * b[n, k, j]",
        "b.grad[n, k, j] = sum(i: 3) y.grad[n, i, j] * a[n, i, k]"}},
      {"Product",
       "matrix",
       {f32({-1, 3}), f32({5, 3})},
       {},
       {"y[n, o] = sum(c: 3) x[n, c] * w[o, c]", "x.grad[n, c] = sum(o: 5) y.grad[n, o] * w[o, c]",
        "w.grad[o, c] = sum(n: N) y.grad[n, o] * x[n, c]"}},
      {"ConstantIndex",
       "first",
       {f32({-1, 3})},
       {},
       {"y[n] = x[n, 0]", "x.grad[n, x1] = select(x1 <= 0, y.grad[n], 0)"}},
      {"ConstantIndexOfOne", "first", {f32({-1, 1})}, {}, {"y[n] = x[n, 0]", "x.grad[n, x1] = y.grad[n]"}},
      {"ConstantIndexLast",
       "third",
       {f32({-1, 3})},
       {},
       {"y[n] = x[n, 2]", "x.grad[n, x1] = select(0 <= x1 - 2, y.grad[n], 0)"}},
      {"Shifted",
       "shifted",
       {f32({-1, 5})},
       {},
       {"y[n, c] = x[n, c + 2]", "x.grad[n, c_] = (y.grad[n, c_ - 2] else 0)"}},
      {"Reversed",
       "reversed",
       {f32({-1, 5})},
       {},
       {"y[n, c] = x[n, -c + 4]", "x.grad[n, c_] = y.grad[n, -c_ + 4]"}},
      {"Diagonal",
       "diagonal",
       {f32({-1, 3, 3})},
       {},
       {"y[n, c] = x[n, c, c]", "x.grad[n, c, x2] = select(0 <= -c + x2 and -c + x2 <= 0, y.grad[n, c], 0)"}},
      {"Repeated",
       "twice",
       {f32({-1, 3})},
       {},
       {"y[n, i] = x[n, (i // 2)]", "x.grad[n, x1] = sum(i_: 2) y.grad[n, 2*x1 + i_]"}},
      {"SameElementTwice",
       "square",
       {f32({-1, 3})},
       {},
       {"y[n, c] = x[n, c] * x[n, c]", "x.grad[n, c] = y.grad[n, c] * x[n, c] + y.grad[n, c] * x[n, c]"}},
      {"TwoElements",
       "neighbours",
       {f32({-1, 4})},
       {},
       {"y[n, c] = x[n, c] * x[n, c + 1]", "x.grad.0[n, c_] = (y.grad[n, c_] else 0) * (x[n, c_ + 1] else 0)",
        "x.grad.1[n, c_] = (y.grad[n, c_ - 1] else 0) * (x[n, c_ - 1] else 0)",
        "x.grad[i0, i1] = x.grad.0[i0, i1] + x.grad.1[i0, i1]"}},
      {"Maxout",
       "maxout",
       {f32({-1, 6})},
       {{"pieces", "2"}},
       {"y[n, c] = max(d: 2) x[n, 2*c + d]", "y.which[n, c] = argmax(d: 2) x[n, 2*c + d]",
        "x.grad[n, (c: 3 d: 2)] = select(y.which[n, c] == d, y.grad[n, c], 0)"}},
      {"SeveralStatements",
       "softmaxed",
       {f32({-1, 4})},
       {},
       {"y.m[n] = max(c: 4) stop(x[n, c])", "y.e[n, c] = exp(x[n, c] - y.m[n])",
        "y.z[n] = sum(c: 4) y.e[n, c]", "y[n, c] = y.e[n, c] / y.z[n]",
        "y.e.grad.0[n, c] = y.grad[n, c] / y.z[n]",
        "y.z.grad[n] = sum(c: 4) -(y.grad[n, c] * (y.e[n, c] / y.z[n]) / y.z[n])",
        "y.e.grad.1[n, c] = y.z.grad[n]", "y.e.grad[i0, i1] = y.e.grad.0[i0, i1] + y.e.grad.1[i0, i1]",
        "x.grad[n, c] = y.e.grad[n, c] * y.e[n, c]"}},
  };
  return kCases;
}

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

class Adjoint : public testing::TestWithParam<Case> {};

TEST_P(Adjoint, IsAsByHandAndAsByDifferences) {
  Graph graph = graph_of_op(kOps, GetParam().op, GetParam().operands, GetParam().attributes);
  const auto gradients = append_gradients(graph);
  EXPECT_EQ(verify(graph), std::vector<std::string>());
  EXPECT_EQ(statements(graph), GetParam().statements);
  for (int64_t batch : {1, 3}) EXPECT_LT(gradient_error(graph, gradients, batch), 1e-8);
}

TEST(Adjoints, PassNoStop) {
  Graph graph = graph_of_op(kOps, "held", {f32({-1, 4})});
  append_gradients(graph);
  EXPECT_EQ(statement_of_value(graph, "x.grad"), "x.grad[n, c] = y.grad[n, c]");
}

INSTANTIATE_TEST_SUITE_P(Ops, Adjoint, testing::ValuesIn(cases()),
                         [](const auto& info) { return info.param.name; });

} // namespace
} // namespace striate
