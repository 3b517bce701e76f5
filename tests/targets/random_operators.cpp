#include "tests/targets/random_operators.h"

#include "tests/targets/random_network.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>

namespace striate {

namespace {

constexpr int64_t kMostElements = 1500; // of a tensor, per example
constexpr int64_t kMostPoints = 60'000; // of an operator, per example

struct Variable {
  std::string name;
  int64_t extent = 1;
  bool reduced = false;
};

// One operator from x[N, shape] to another shape, perhaps with a parameter.
class OperatorDraw {
public:
  OperatorDraw(Draw& draw, std::string name, std::vector<int64_t> shape)
      : draw_(draw), name_(std::move(name)), shape_(std::move(shape)) {}

  // False where what came out is too large.
  bool run() {
    reduces_ = draw_.chance(65);
    std::vector<std::string> indices;
    for (int64_t extent : shape_) indices.push_back(index_into(extent));
    const std::string x = read("x[n" + joined(indices) + "]");
    std::vector<std::string> factors = {x};
    if (draw_.chance(55)) factors.push_back(parameter());
    if (draw_.chance(20)) factors.push_back(second_read());
    const std::string term = body(factors);
    std::vector<std::string> targets;
    std::vector<std::size_t> order(variables_.size());
    std::iota(order.begin(), order.end(), 0);
    draw_.shuffle(order);
    int64_t points = 1, elements = 1;
    std::vector<std::string> reduced;
    for (std::size_t v : order) {
      const Variable& variable = variables_[v];
      points *= variable.extent;
      if (variable.reduced) {
        reduced.push_back(fmt::format("{}: {}", variable.name, variable.extent));
        continue;
      }
      elements *= variable.extent;
      targets.push_back(variable.name);
      result_.push_back(variable.extent);
    }
    if (points > kMostPoints || elements > kMostElements || result_.size() > 5) return false;
    std::string value = term;
    if (!reduced.empty()) {
      const char* reducer = draw_.of<const char*>({"sum", "sum", "sum", "sum", "max", "min"});
      value = fmt::format("{}({}) {}", reducer, fmt::join(reduced, ", "), term);
      if (draw_.chance(30)) value = fmt::format("tanh({})", value);
      if (draw_.chance(20)) value = fmt::format("({}) / {}", value, draw_.between(2, 9));
    }
    const std::string weight = weight_.empty() ? "" : fmt::format(", w[{}]", fmt::join(weight_, ", "));
    text_ = fmt::format("op {}(x[N{}]{}) -> y[N{}] {{\n    y[n{}] = {}\n}}\n", name_, joined(shape_), weight,
                        joined(result_), joined(targets), value);
    if (!weight_.empty())
      text_ += fmt::format("layer {0}_layer() (x[N{1}]) {{\n    param w: f32[{2}] = gaussian(std = 0.7)\n    "
                           "return {0}(x, w)\n}}\n",
                           name_, joined(shape_), fmt::join(weight_, ", "));
    return true;
  }

  const std::string& text() const { return text_; }
  std::string call() const { return weight_.empty() ? name_ : fmt::format("{0}_layer() as {0}", name_); }
  const std::vector<int64_t>& result() const { return result_; }

private:
  template <typename T>
  static std::string joined(const std::vector<T>& list) {
    return list.empty() ? "" : fmt::format(", {}", fmt::join(list, ", "));
  }

  std::string variable(int64_t extent, bool reduced) {
    static const char* const kNames[] = {"i", "j", "k", "l", "a", "b", "c", "d", "e", "f",
                                         "p", "q", "r", "s", "t", "u", "v", "g", "h", "m"};
    variables_.push_back({kNames[variables_.size()], extent, reduced});
    return variables_.back().name;
  }
  bool reduced() { return reduces_ && draw_.chance(45); }

  // An index expression that walks through a dimension, with variables made for it.
  std::string index_into(int64_t extent) {
    switch (draw_.between(0, 12)) {
    case 0: { // strided or dilated windows
      const int64_t size = draw_.between(1, std::min<int64_t>(4, extent)), stride = draw_.between(1, 3);
      const int64_t dilation =
          size > 1 ? draw_.between(1, std::min<int64_t>(2, (extent - 1) / (size - 1))) : 1;
      const std::string v = variable((extent - dilation * (size - 1) - 1) / stride + 1, false);
      const std::string r = variable(size, reduces_);
      return fmt::format("{}*{} + {}*{}", v, stride, r, dilation);
    }
    case 1: { // padded windows
      const int64_t size = draw_.between(1, 4), stride = draw_.between(1, 3), pad = draw_.between(0, size);
      if (extent + 2 * pad < size) break;
      const std::string v = variable((extent + 2 * pad - size) / stride + 1, false);
      const std::string r = variable(size, reduces_);
      outside_ = true;
      return fmt::format("{}*{} + {} - {}", v, stride, r, pad);
    }
    case 2: // reversed
      return fmt::format("{} - {}", extent - 1, variable(extent, reduced()));
    case 3: { // shifted
      outside_ = true;
      const int64_t shift = draw_.between(-3, 3);
      return fmt::format("{} + {}", variable(std::max<int64_t>(1, extent + draw_.between(-1, 2)), reduced()),
                         shift);
    }
    case 4: { // repeated
      const int64_t times = draw_.between(2, 3);
      return fmt::format("{} // {}", variable(extent * times - draw_.between(0, 1), reduced()), times);
    }
    case 5: // cyclic
      return fmt::format("({} + {}) % {}", variable(extent + draw_.between(-1, 2) + 1, reduced()),
                         draw_.between(0, 3), extent);
    case 6: // split
      for (int64_t low : {2, 3, 4, 16})
        if (extent > low && extent % low == 0) {
          const std::string high = variable(extent / low, reduced());
          return fmt::format("{}*{} + {}", low, high, variable(low, reduced()));
        }
      break;
    case 7: // one place
      return fmt::format("{}", draw_.between(0, extent - 1));
    case 8: // a diagonal
      for (const Variable& other : variables_)
        if (other.extent <= extent) return other.name;
      break;
    }
    return variable(extent, reduced());
  }

  std::string read(const std::string& text) {
    return outside_ ? fmt::format("({} else {})", text, draw_.of({"0", "0", "0", "1", "-1"})) : text;
  }

  // A parameter over some of the variables, perhaps coarser or shifted.
  std::string parameter() {
    std::vector<std::string> indices;
    for (const Variable& variable : variables_) {
      if (!draw_.chance(60) || weight_.size() == 4) continue;
      if (draw_.chance(10)) {
        indices.push_back(variable.name + " // 2");
        weight_.push_back((variable.extent + 1) / 2);
      } else {
        indices.push_back(variable.name);
        weight_.push_back(variable.extent);
      }
    }
    if (weight_.empty()) {
      weight_.push_back(1);
      indices.push_back("0");
    }
    if (draw_.chance(50)) {
      std::vector<std::size_t> order(indices.size());
      std::iota(order.begin(), order.end(), 0);
      draw_.shuffle(order);
      std::vector<std::string> names;
      std::vector<int64_t> sizes;
      for (std::size_t k : order) {
        names.push_back(indices[k]);
        sizes.push_back(weight_[k]);
      }
      indices = names;
      weight_ = sizes;
    }
    return fmt::format("w[{}]", fmt::join(indices, ", "));
  }

  // The input once more, at the variables that are there.
  std::string second_read() {
    std::vector<std::string> indices;
    for (int64_t extent : shape_) {
      std::vector<std::string> fitting;
      for (const Variable& variable : variables_)
        if (variable.extent <= extent) fitting.push_back(variable.name);
      indices.push_back(fitting.empty() || draw_.chance(15) ? fmt::format("{}", draw_.between(0, extent - 1))
                                                            : draw_.of(fitting));
    }
    return "x[n" + joined(indices) + "]";
  }

  std::string around(const std::string& value) {
    switch (draw_.between(0, 9)) {
    case 0:
      return fmt::format("tanh({})", value);
    case 1:
      return fmt::format("max({}, {})", value, draw_.of({"0", "0", "-0.25"}));
    case 2:
      return fmt::format("abs({})", value);
    case 3:
      return fmt::format("({0} / (1 + {0} ** 2))", value);
    case 4:
      return fmt::format("exp(-({0} * {0}))", value);
    case 5:
      return fmt::format("select({0} > 0.1, {0}, 0.5 * {0})", value);
    default:
      return value;
    }
  }

  std::string body(std::vector<std::string> factors) {
    if (draw_.chance(50)) return fmt::format("{}", fmt::join(factors, " * "));
    std::string value = around(factors[0]);
    for (std::size_t k = 1; k < factors.size(); ++k) {
      const std::string other = around(factors[k]);
      switch (draw_.between(0, 4)) {
      case 0:
        value = fmt::format("({} + {})", value, other);
        break;
      case 1:
        value = fmt::format("({} - {})", value, other);
        break;
      case 2:
        value = fmt::format("max({}, {})", value, other);
        break;
      default:
        value = fmt::format("{} * {}", value, other);
        break;
      }
    }
    if (variables_.size() > 1 && draw_.chance(12))
      value = fmt::format("select({} <= {}, {}, {})", variables_[0].name, variables_[1].name, value,
                          draw_.of({"0", "0.5"}));
    return around(value);
  }

  Draw& draw_;
  std::string name_;
  std::vector<int64_t> shape_, result_, weight_;
  std::vector<Variable> variables_;
  bool reduces_ = false, outside_ = false;
  std::string text_;
};

// Written once: over any shape, and over the batch.
const char* const kFixed =
    "op total(y[N, a..]) -> z[N] { z[n] = sum(a..) y[n, a..] * y[n, a..] }\n"
    "op damped(x[N, a..]) -> y[N, a..] {\n    s[n] = sum(a..) x[n, a..] * x[n, a..]\n"
    "    y[n, a..] = x[n, a..] / (1 + s[n])\n}\n"
    "op centred(x[N, a..]) -> y[N, a..] {\n    m[a..] = (sum(n) x[n, a..]) / N\n"
    "    y[n, a..] = x[n, a..] - m[a..]\n}\n"
    "op scale(x[N, a..], w[1]) -> y[N, a..] { y[n, a..] = x[n, a..] * w[0] }\n"
    "layer Scale() (x[N, a..]) {\n    param w: f32[1] = gaussian(std = 1)\n    return scale(x, w)\n}\n";

} // namespace

std::string operators_for_random_programs() { return kFixed; }

std::optional<DrawnOperator> draw_operator(Draw& draw, const std::string& name,
                                           const std::vector<int64_t>& shape) {
  OperatorDraw one(draw, name, shape);
  if (!one.run()) return std::nullopt;
  return DrawnOperator{one.text(), one.call(), one.result()};
}

RandomOperators random_operators(uint64_t seed) {
  Draw draw(seed);
  std::vector<int64_t> shape(static_cast<std::size_t>(draw.between(1, 4)));
  do
    for (int64_t& extent : shape) extent = draw.of<int64_t>({1, 2, 3, 3, 4, 5, 7, 8, 16, 16, 17, 32, 33});
  while (std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>()) > kMostElements);
  const std::string input = fmt::format("input x: f32[N, {}]", fmt::join(shape, ", "));
  std::string definitions = kFixed, chain = "x -> Scale() as first";
  std::string extra;
  const int64_t operators = draw.between(1, 4);
  for (int64_t made = 0, tried = 0; made < operators && tried < 50; ++tried) {
    const auto one = draw_operator(draw, fmt::format("f{}", tried), shape);
    if (!one) continue;
    ++made;
    definitions += one->text;
    chain += " -> " + one->call;
    shape = one->result;
    if (draw.chance(12)) chain += " -> damped";
    if (draw.chance(8)) chain += " -> centred";
    if (draw.chance(15)) {
      const std::string name = fmt::format("h{}", made);
      extra += fmt::format("    {} = {}\n", name, chain);
      chain = draw.chance(50) ? fmt::format("({0} * tanh({0}))", name) : fmt::format("({0} + {0})", name);
    }
  }
  RandomOperators program;
  program.text = definitions + "model M {\n    " + input + "\n" + extra + "    output y = " + chain +
                 "\n}\ndata d {\n    split train = csv(\"d.csv\")\n    field x = column(0)\n}\n"
                 "train M with d {\n    loss = total(y)\n    optimizer = " +
                 fmt::format("SGD(lr = {})\n}}\n", kRandomRate);
  program.options = random_options(draw);
  return program;
}

} // namespace striate
