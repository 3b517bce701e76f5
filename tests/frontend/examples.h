// Texts that use every construct of the language; the first ones are the examples that the language was
// designed with.
#pragma once

#include <string>
#include <vector>

namespace striate::examples {

inline const char* const kLeNet = R"(
model LeNet(classes: int = 10) {
    input image: f32[N, 1, 28, 28]
    features = image -> Conv2d(20, 5) as conv1 -> relu -> max_pool2d(2)
                     -> Conv2d(50, 5) as conv2 -> relu -> max_pool2d(2)
    output logits = features -> flatten -> Linear(500) as fc1 -> relu -> Dropout(0.5)
                             -> Linear(classes) as fc2
}

data mnist {
    split train, val = idx("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz") -> divide(55000, 5000)
    split test       = idx("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz")
    field image = column(0) -> when training { random_crop(28, padding = 2) -> elastic(alpha = 8, sigma = 3) }
                            -> to_real(1/255) -> normalize(mean = 0.1307, std = 0.3081)
    field label = column(1)
}

train LeNet with mnist {
    loss = cross_entropy(logits, label)
    metric accuracy = top1(logits, label)
    optimizer = SGD(lr = 0.01, momentum = 0.9, weight_decay = 5e-4)
    epochs = 10    batch = 64    seed = 1
    checkpoint(every = 1, keep = 3, best = val.accuracy)
}
)";

inline const char* const kLibrary = R"(
op relu(x[..]) -> y[..] { y[..] = max(x[..], 0) }

op conv2d(x[N, (G C), H, W], k[(G O), C, R, S]; stride: int[2] = 1, padding: int[2] = 0, dilation: int[2] = 1, groups G: int = 1)
    -> y[N, (G O), (H + 2*padding[0] - dilation[0]*(R - 1) - 1) // stride[0] + 1,
                   (W + 2*padding[1] - dilation[1]*(S - 1) - 1) // stride[1] + 1]
{   y[n, (g o), i, j] = sum(c, r, s) k[(g o), c, r, s]
        * (x[n, (g c), i*stride[0] + r*dilation[0] - padding[0], j*stride[1] + s*dilation[1] - padding[1]] else 0) }

op max_pool2d(x[N, C, H, W]; kernel_size: int[2], stride: int[2] = kernel_size, padding: int[2] = 0)
    -> y[N, C, (H + 2*padding[0] - kernel_size[0]) // stride[0] + 1, (W + 2*padding[1] - kernel_size[1]) // stride[1] + 1]
{   y[n, c, i, j] = max(r: kernel_size[0], s: kernel_size[1])
        (x[n, c, i*stride[0] + r - padding[0], j*stride[1] + s - padding[1]] else -inf) }

op softmax(x[.., C]) -> y[.., C] {
    m[..]    = max(c) stop(x[.., c])
    e[.., c] = exp(x[.., c] - m[..])
    z[..]    = sum(c) e[.., c]
    y[.., c] = e[.., c] / z[..]
}

op flatten(x[N, C, H, W]) -> y[N, (C H W)] { y[n, (c h w)] = x[n, c, h, w] }
op drop(w[..]; p: real) -> y[..] { y[..] = select(random(..) < p, 0, w[..] / (1 - p)) }

layer Conv2d(out_channels: int, kernel_size: int[2], stride: int[2] = 1, padding: int[2] = 0, groups: int = 1, bias: bool = true) (x[N, C, H, W]) {
    fan_in = C // groups * kernel_size[0] * kernel_size[1]
    param weight: f32[out_channels, C // groups, kernel_size[0], kernel_size[1]] = uniform_fan(fan_in)
    y = conv2d(x, weight, stride = stride, padding = padding, groups = groups)
    return if bias { param bias: f32[out_channels] = uniform_fan(fan_in)    add_channel(y, bias) } else { y }
}

layer Residual(channels: int, stride: int = 1) (x[N, C, H, W]) {
    y = x -> Conv2d(channels, 3, stride = stride, padding = 1, bias = false) -> BatchNorm2d -> relu
          -> Conv2d(channels, 3, padding = 1, bias = false) -> BatchNorm2d
    skip = if stride == 1 and C == channels { x } else { x -> Conv2d(channels, 1, stride = stride, bias = false) -> BatchNorm2d }
    return relu(y + skip)
}

optimizer SGD(lr: real, momentum: real = 0, weight_decay: real = 0) (w[..], g[..]) {
    state v[..] = 0
    u = momentum*v + g + weight_decay*w
    next v = u
    next w = w - lr*u
}
)";

inline const char* const kEverything = R"(striate 1
use "blocks.nn"
use "dir/more \"blocks\".nn"

# Top-1 accuracy.
#
# One value per example.
op top1(x[N, C], label: int[N]) -> y[N]
    where C > 1, "there must be two classes or more"
    where C % 2 == 0 or not C < 3
{
    v[n], best[n] = argmax(c) x[n, c]
    y[n] = if best[n] == label[n] and not (best[n] < 0) { 1 } else if label[n] < 0 { 0.5 } else { 0 }
}

op adaptive_pool(x[N, C, H]; output_size O: int) -> y[N, C, O] {
    first(i) = i*H // O
    last(i) = ((i + 1)*H + O - 1) // O
    y[n, c, i] = sum(r: first(i)..last(i)) x[n, c, r] / (last(i) - first(i))
}

op concat(x..[a.., C, b..]; axis: int) -> y[a.., C, b..] { y[a.., c, b..] = x[a.., c, b..] }
op total(x[rest.., C]) -> y { y = sum(rest.., c) x[rest.., c]**2 * -1 }
op merge(x[N, rest..]) -> y[N, (rest..)] { y[n, (rest..)] = x[n, rest..] }
op transposed(x[N, C], k[C, D]) -> y[N, D] { y[n, d] = adjoint(dense, x)[n, d] }
op blur(x[H, W]) -> y[H, W] {
    y[i, j] = sum(r: 3, s: 3) [[1, 2, 1], [2, 4, 2], [1, 2, 1]][r, s] / 16 * (x[i + r - 1, j + s - 1] else 0)
}
op nested(x[A, B]) -> y[A] {
    y[a] = 1 - sum(b) x[a, b] * max(c) (-x[a, c]) + (sum(b) x[a, b]) * 2; z[a] = max(b, c) (x[a, b] else x[a, c])
    w[a] = max(a, 2)*min(3, a)**2**a - (-2)**2 - -a
    t[a] = any(b) (x[a, b] > 0) and all(b) x[a, b] < 1
}
op square(x[..]) -> y[..] { y[..] = x[..]*x[..] }
grad x[..] = 2*x[..]*y.grad[..]
op cube(x[..]) -> y[..] { y[..] = x[..]**3 } grad { t[..] = 3*x[..]**2
    x[..] = t[..]*y.grad[..] }

layer Lstm(hidden: int) (x[N, T, C]) where hidden > 0, "hidden must be positive" {
    layer cell = LstmCell(hidden)
    out = scan t, u in x, -x {
        carry h: f32[N, hidden] = 0
        carry c = zeros(hidden)
        a, b = cell(x, h, c)
        next h = a
        next c = b
        a
    }
    s = x -> scan u { carry k = 1
        -k } as k2
    return out, s
}

layer Norm(eps: real = 1e-5) (x[N, C]) {
    state running_mean: f32[C] = 0
    m = when training { mean(x) } else { running_mean }
    when training { next running_mean = 0.9*running_mean + 0.1*m }
    return (x - m)*rsqrt(eps)
}

model Stack(depth: int = 3, tied: bool = false) where depth >= 1 {
    input x: f32[N, 3, 224, 224]
    input mask
    y = x -> Stem(64, activation = "gelu", sizes = [1, 2, 3]) as stem.0
    repeat i in 0..depth {
        y = (y, mask) -> Block(2**i*64) as layer{i + 1}.{i}.downsample.0.1 -> relu
    }
    enc = Linear(10)(y) as head
    output a, b = (enc -> split2, enc.weight.0 + 1)
    output y
}

train Stack(depth = 4) with mnist(x = image, y = label) {
    loss = mean(cross_entropy(a, label))
    load "f.safetensors" into stem, layer1.conv1 except head.fc
    load "all.safetensors"
    freeze stem, layer1.conv1
    phase warmup { epochs = 1; optimizer = Adam(lr = cosine(0.1, steps = 10)) }
    repeat i in 0..2 {
        phase fine { epochs = i }
    }
}
)";

inline const std::vector<std::string>& all() {
  static const std::vector<std::string> texts = {kLeNet, kLibrary, kEverything};
  return texts;
}

} // namespace striate::examples
