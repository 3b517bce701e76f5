// Random programs that parse, in careless layout: for properties that hold for every program.
#pragma once

#include <random>
#include <string>
#include <vector>

namespace striate {

// One program per seed. Spaces, line breaks, blank lines and comments stand wherever the grammar lets them.
class RandomProgram {
public:
  explicit RandomProgram(unsigned seed) : random_(seed) {}

  std::string text() {
    std::string result = chance(10) ? "striate 1\n" : "";
    const int items = 1 + pick(4);
    for (int i = 0; i < items; ++i)
      result += remark(false) + item() + (chance(30) ? "  # end" : "") + "\n" + gap();
    return result;
  }

private:
  int pick(int count) { return static_cast<int>(random_() % static_cast<unsigned>(count)); }
  bool chance(int percent) { return pick(100) < percent; }
  template <typename... Words>
  std::string one_of(Words... words) {
    const std::vector<std::string> all = {words...};
    return all[static_cast<std::size_t>(pick(static_cast<int>(all.size())))];
  }
  std::string gap() { return std::string(static_cast<std::size_t>(pick(3)), '\n'); }
  std::string remark(bool may_be_blank) {
    return chance(15)
               ? one_of("# one\n", "   # two\n# three\n", "# four\n\n#five\n", may_be_blank ? "\n" : "")
               : "";
  }
  // Between two tokens inside brackets.
  std::string inside() {
    return chance(6) ? one_of("\n", "  \n   ", " # aside\n", "\n  # alone\n") : one_of("", " ", "  ");
  }
  // Where a statement may go on at the next line.
  std::string lead() { return chance(15) ? one_of("\n", "\n      ", "  # so far\n") : " "; }

  std::string name() { return one_of("x", "y", "w", "mean", "total", "a_rather_long_name", "k2", "stride"); }
  std::string number() { return one_of("0", "1", "2", "16", "0.5", "1e-5", "255"); }

  std::string sequence(int most, const std::string& separator, auto&& element) {
    std::string result = element();
    for (int i = pick(most); i > 0; --i) result += inside() + separator + " " + inside() + element();
    return result;
  }

  std::string index(int depth) {
    switch (pick(7)) {
    case 0:
      return "..";
    case 1:
      return "a..";
    case 2:
      return "(" + inside() + "g" + (chance(50) ? " c" : " c d") + inside() + ")";
    case 3:
      return "i*2 + " + expression(depth - 1);
    case 4:
      return expression(depth - 1);
    default:
      return one_of("n", "c", "i", "j");
    }
  }
  std::string read(int depth) {
    return name() + "[" + inside() + sequence(3, ",", [&] { return index(depth); }) + inside() + "]";
  }
  std::string call(int depth) {
    return name() + "(" + inside() +
           sequence(
               3, ",",
               [&] { return (chance(30) ? "key" + inside() + "=" + inside() : "") + value(depth - 1); }) +
           inside() + ")";
  }
  std::string expression(int depth) {
    if (depth <= 0) return chance(50) ? name() : number();
    switch (pick(12)) {
    case 0:
    case 1:
    case 2:
      return expression(depth - 1) + " " + one_of("+", "-", "*", "/", "//", "%", "**", "*", "+") +
             one_of("", " ") + operand(depth - 1);
    case 3:
      return "-" + operand(depth - 1);
    case 4:
      return "(" + inside() + expression(depth - 1) + inside() + ")";
    case 5:
      return "(" + inside() + read(depth - 1) + inside() + " else " + inside() + expression(depth - 1) +
             inside() + ")";
    case 6:
      return read(depth - 1);
    case 7:
      return call(depth);
    case 8:
      return "(" + inside() + operand(depth - 1) + one_of(" < ", ">=", "==", " != ") + operand(depth - 1) +
             inside() + one_of(" and ", " or ") + one_of("", "not ") + operand(depth - 1) + ")";
    case 9:
      return "(if " + expression(depth - 1) + " " + block(depth - 1) + inside() + " else " +
             block(depth - 1) + ")";
    case 10:
      return "[" + inside() + sequence(3, ",", [&] { return expression(depth - 1); }) + inside() + "]";
    default:
      return name();
    }
  }
  std::string operand(int depth) { return depth <= 0 || chance(60) ? name() : "(" + expression(depth) + ")"; }
  std::string block(int depth) {
    switch (pick(4)) {
    case 0:
      return "{\n" + remark(true) + "    " + expression(depth) + "\n}";
    case 1:
      return "{ t = " + expression(depth) + "; " + name() + "}";
    default:
      return "{" + expression(depth) + " }";
    }
  }
  std::string stage(int depth) {
    std::string result = chance(60) ? call(depth) : name();
    if (chance(15)) result = "repeat i in 0.." + number() + " " + block(depth);
    if (chance(10)) result = "when training " + block(depth);
    if (chance(30)) result += one_of(" as conv1", " as layer{i + 1}", "  as layer{i}.0.down", " as a.b.0");
    return result;
  }
  std::string value(int depth) {
    std::string result = expression(depth);
    if (depth > 0 && chance(40)) {
      result = "(" + result + ")";
      for (int i = 1 + pick(4); i > 0; --i) result += lead() + "-> " + stage(depth - 1);
    }
    return result;
  }
  std::string reduction(int depth) {
    return one_of("sum", "max", "prod") + "(" + inside() + one_of("c", "c, r: 3", "s: 0..n + 1", "a..") +
           inside() + ")" + one_of(" ", "  ") +
           one_of(read(depth), "(" + expression(depth) + ")", read(depth) + " * " + read(depth));
  }

  std::string end() { return chance(15) ? one_of("; ", "   # said\n", ";\n", "\n\n\n") : "\n"; }
  std::string body(auto&& statement) {
    std::string result = chance(20) ? "\n{" : " {";
    result += chance(80) ? "\n" : " ";
    for (int i = 1 + pick(4); i > 0; --i)
      result += remark(true) + one_of("", "  ", "\t") + statement() + end();
    return result + "}";
  }
  std::string dimensions() { return one_of("[N, C]", "[..]", "[N, (G C), H, W]", "[.., C]", "[N,a..]"); }
  std::string attributes() {
    return sequence(3, ",", [&] {
      return name() + one_of(": int", ": int[2]", ": real", " G: int") + (chance(50) ? " = " + number() : "");
    });
  }
  std::string condition() {
    return chance(20)
               ? lead() + "where C % 2 == 0" + one_of("", ", \"even, # really\"", ",\n  \"even\"") + "\n"
               : "";
  }
  std::string item() {
    switch (pick(6)) {
    case 0:
      return "op f(" + inside() + "x" + dimensions() + (chance(50) ? "; " + inside() + attributes() : "") +
             inside() + ")" + lead() + "-> y" + dimensions() + condition() + body([&] {
               const bool reduces = chance(40);
               return name() + dimensions_read() + " = " + (reduces ? reduction(2) : expression(3));
             });
    case 1:
      return "layer L(" + attributes() + ")  (x" + dimensions() + ")" + condition() + body([&] {
               return one_of("", "param ", "return ", "") == "param "
                          ? "param w: f32[C, 3*C] = " + expression(2)
                          : name() + "=" + value(3);
             });
    case 2:
      return "model M" + one_of("", "(n: int = 3)") + body([&] {
               return one_of("input image: f32[N,1,28,28]", "output y", "z = " + value(3),
                             "output z = " + value(2), "layer enc = " + call(1));
             });
    case 3:
      return "optimizer O(lr: real) (w[..], g[..])" + body([&] {
               return one_of("state v[..] = 0", "next w = " + expression(3), "u = " + expression(4));
             });
    case 4:
      return "data d" + body([&] {
               return one_of("split train, val = " + value(1), "split test = " + call(1),
                             "field f = " + value(2));
             });
    default:
      return "train M with d(x = y)" + body([&] {
               return one_of("epochs = 1    batch = 2", "loss = " + value(2), "metric m = " + call(2),
                             "phase p { epochs = 1; seed=2 }", "phase p{i} { loss = e{i + 1} }",
                             "freeze a, b.c.0", "optimizer layer{i}.b, a.{i} = " + value(1),
                             "load \"f\" into a except b.c");
             });
    }
  }
  std::string dimensions_read() { return one_of("[n, c]", "[..]", "[n, (g c), i, j]", "[.., c]"); }

  std::mt19937 random_;
};

} // namespace striate
