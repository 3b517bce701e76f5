#include "tests/targets/random_network.h"

#include <fmt/format.h>

#include <algorithm>

namespace striate {

namespace {

class Generator {
public:
  explicit Generator(uint64_t seed) : draw_(seed) {}

  RandomNetwork run() {
    channels_ = draw_.of({1, 2, 3, 4, 5, 16, 16, 17, 32, 48});
    height_ = draw_.between(1, 13);
    width_ = draw_.between(1, 13);
    const std::string input = fmt::format("f32[N,{},{},{}]", channels_, height_, width_);
    const int64_t layers = draw_.between(1, 5);
    for (int64_t k = 0; k < layers; ++k) image_layer();
    if (draw_.chance(25)) {
      apply("positions_first");
      for (int64_t k = draw_.between(1, 2); k > 0; --k) sequence_layer();
      apply(draw_.chance(50) ? "last_step" : "flatten");
    } else {
      apply(draw_.chance(30) ? "global_avg_pool2d" : "flatten");
    }
    head();
    RandomNetwork network;
    network.text =
        "model Net() {\n    input image: " + input + "\n" + body_ + "    output logits = " + value_ +
        " -> Linear(3) as head\n}\n"
        "data points {\n    split train = idx(\"a\", \"b\")\n    field image = column(0) -> to_real(1/255)\n"
        "    field label = column(1)\n}\n"
        "train Net with points {\n    loss = cross_entropy(logits, label)\n"
        "    metric accuracy = top1(logits, label)\n    optimizer = " +
        draw_.of<const char*>({"SGD(lr = 0.05)", "SGD(lr = 0.05, momentum = 0.9, weight_decay = 5e-4)",
                               "SGD(lr = 0.05, momentum = 0.9, nesterov = true)", "Adam(lr = 0.01)",
                               "AdamW(lr = 0.01)"}) +
        "\n    epochs = 1 batch = 32 seed = 1\n}\n";
    network.options = random_options(draw_);
    return network;
  }

private:
  void next(const std::string& expression) {
    const std::string name = fmt::format("h{}", ++values_);
    body_ += "    " + name + " = " + expression + "\n";
    value_ = name;
  }
  void apply(const std::string& call) { next(value_ + " -> " + call); }

  // A window that fits somehow: its size, stride, padding and dilation along one dimension, and how many
  // there are.
  struct Window {
    int64_t size = 1, stride = 1, padding = 0, dilation = 1, count = 1;
  };
  Window window(int64_t extent, bool convolution) {
    Window w;
    w.size = draw_.between(1, std::min<int64_t>(5, extent + 1));
    w.stride = draw_.chance(50) ? 1 : draw_.between(1, 4);
    if (convolution && draw_.chance(25)) w.dilation = draw_.between(2, 3);
    const int64_t span = w.dilation * (w.size - 1) + 1;
    const int64_t needed = std::max<int64_t>(0, (span - extent + 1) / 2);
    w.padding = needed + (draw_.chance(50) ? draw_.between(0, 2) : 0);
    if (!convolution) w.padding = std::min(w.padding, w.size / 2);
    if (extent + 2 * w.padding < span) w.size = 1;
    const int64_t taken = w.dilation * (w.size - 1) + 1;
    w.count = (extent + 2 * w.padding - taken) / w.stride + 1;
    return w;
  }

  void convolution() {
    const Window h = window(height_, true), w = window(width_, true);
    int64_t groups = 1, out = draw_.of({1, 2, 3, 5, 16, 16, 17, 32, 48});
    if (draw_.chance(30)) {
      groups = channels_;
      while (groups > 1 && (channels_ % groups != 0 || draw_.chance(40))) --groups;
      out = groups * draw_.between(1, 3);
    }
    apply(fmt::format(
        "Conv2d({}, [{}, {}], stride = [{}, {}], padding = [{}, {}], dilation = [{}, {}], groups = {}, "
        "bias = {}) as conv{}",
        out, h.size, w.size, h.stride, w.stride, h.padding, w.padding, h.dilation, w.dilation, groups,
        draw_.chance(70), values_));
    channels_ = out;
    height_ = h.count;
    width_ = w.count;
  }

  void pooling() {
    const Window h = window(height_, false), w = window(width_, false);
    const std::string size = fmt::format("[{}, {}], stride = [{}, {}]", h.size, w.size, h.stride, w.stride);
    const std::string padding = fmt::format(", padding = [{}, {}]", h.padding, w.padding);
    height_ = h.count;
    width_ = w.count;
    switch (h.padding + w.padding > 0 ? draw_.between(0, 3) : draw_.between(0, 5)) {
    case 0:
    case 1:
      return apply("max_pool2d(" + size + padding + ")");
    case 2:
      return apply("avg_pool2d(" + size + padding + ")");
    case 3:
      return apply("avg_pool2d(" + size + padding + ", count_include_pad = false)");
    case 4:
      return apply("l2_pool2d(" + size + ")");
    case 5:
      return apply(fmt::format("lp_pool2d(kernel_size = {}, norm_type = {})", size, draw_.of({"1", "3"})));
    }
  }

  void activation() {
    apply(draw_.of<const char*>(
        {"relu", "relu", "relu", "leaky_relu(0.1)", "sigmoid", "tanh", "gelu", "softplus"}));
  }

  void residual() {
    const std::string before = value_;
    apply(fmt::format("Conv2d({}, 3, padding = 1) as branch{}", channels_, values_));
    if (draw_.chance(50)) apply(fmt::format("BatchNorm2d as norm{}", values_));
    next(draw_.chance(50) ? value_ + " + " + before : "relu(" + value_ + " + " + before + ")");
  }

  void image_layer() {
    switch (draw_.between(0, 9)) {
    case 0:
    case 1:
      return convolution();
    case 2:
      convolution();
      return activation();
    case 3:
    case 4: // what is fused into one region
      convolution();
      activation();
      return pooling();
    case 5:
      return pooling();
    case 6:
      return apply(fmt::format("BatchNorm2d(affine = {}) as norm{}", draw_.chance(80), values_));
    case 7:
      return residual();
    case 8:
      return activation();
    case 9:
      return next(value_ + " * sigmoid(" + value_ + ")");
    }
  }

  void sequence_layer() {
    const int64_t size = draw_.of({1, 3, 5, 16, 17});
    switch (draw_.between(0, 5)) {
    case 0:
      return apply("reverse_steps");
    case 1:
      return apply(fmt::format("LSTM({}) as lstm{}", size, values_));
    case 2:
      return apply(fmt::format("GRU({}) as gru{}", size, values_));
    default:
      return recurrence(size);
    }
  }

  // A scan with one or two things to carry.
  void recurrence(int64_t size) {
    const bool two = draw_.chance(50);
    std::string block =
        fmt::format("        carry h: f32[N, {}] = {}\n", size, draw_.of({"0", "0", "1", "0.25"}));
    if (two) block += fmt::format("        carry k: f32[N, {}] = 0\n", size);
    const std::string before = two && draw_.chance(50) ? "(h + k)" : "h";
    const char* hidden = draw_.chance(30) ? " -> Dropout(0.3)" : "";
    block += fmt::format(
        "        now = ((u -> Linear({0}) as in{1}) {2} ({3}{4} -> Linear({0}) as hidden{1})) -> {5}\n", size,
        values_, draw_.of({"+", "-", "*"}), before, hidden, draw_.of({"relu", "tanh", "sigmoid", "softmax"}));
    block += draw_.chance(50) ? "        next h = now\n" : "        next h = 0.5*h + now\n";
    if (two) block += draw_.chance(50) ? "        next k = h\n" : "        next k = now * h\n";
    block += fmt::format("        {}\n    ", draw_.of({"now", "h", "now + h"}));
    apply("scan u {\n" + block + "}");
  }

  void head() {
    for (int64_t k = draw_.between(0, 2); k > 0; --k) {
      switch (draw_.between(0, 4)) {
      case 0:
      case 1:
        apply(fmt::format("Linear({}) as fc{}", draw_.of({1, 5, 16, 17, 32, 33, 48}), values_));
        activation();
        break;
      case 2:
        apply(fmt::format("BatchNorm1d as norm{}", values_));
        break;
      case 3:
        apply("Dropout(0.4)");
        break;
      case 4:
        apply("softmax");
        break;
      }
    }
  }

  Draw draw_;
  int64_t channels_ = 1, height_ = 1, width_ = 1;
  int values_ = 0;
  std::string body_, value_ = "image";
};

} // namespace

TargetRunOptions random_options(Draw& draw) {
  TargetRunOptions options;
  options.capacity = draw.of<int64_t>({1, 3, 5, 15, 16, 16, 17, 32, 32, 33});
  options.batches = {options.capacity, draw.between(1, options.capacity)};
  // Mostly the compiler's choice, which decides the orders of sums over the batch, too.
  if (draw.chance(40))
    options.layout = draw.of({LayoutPolicy::BatchBlocked, LayoutPolicy::ChannelBlocked, LayoutPolicy::Plain});
  options.fuse = draw.chance(80);
  options.vector_bits = draw.of({0, 0, 128, 256, 512});
  if (draw.chance(50)) options.l2_bytes = 256;
  options.cuda = false;
  options.finite_only = true;
  if (draw.chance(25)) options.memory = 0; // as much as can be is computed again
  return options;
}

RandomNetwork random_network(uint64_t seed) { return Generator(seed).run(); }

} // namespace striate
