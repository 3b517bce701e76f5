// Mistakes in programs: each is told once, where it was made.
#include "tests/elaborate/elaborated.h"

namespace striate {
namespace {

std::string in_model(const std::string& statement) {
  return "model M(classes: int = 10) {\n"
         "    input image: f32[N, 3, 8, 8]\n"
         "    " +
         statement + "\n    output y = image\n}\n";
}

// An op of one's own, applied to f32[N, 4].
std::string in_op(const std::string& head, const std::string& body) {
  return "op f" + head + " { " + body + " }\nmodel M { input x: f32[N, 4]; output y = f(x) }\n";
}

std::string rendered(const std::string& text) {
  Elaborated result;
  elaborate_text(text, result);
  return result.diagnostics.render();
}

TEST(Errors, Names) {
  EXPECT_EQ(errors_of(in_model("a = image -> rleu")),
            "E0201 at 3:18: no operator or layer is called `rleu` here");
  EXPECT_EQ(errors_of(in_model("a = picture -> relu")), "E0201 at 3:9: no value is called `picture` here");
  EXPECT_EQ(errors_of(in_model("a = image; a = image")), "E0202 at 3:16: `a` has a value already");
  EXPECT_EQ(errors_of(in_model("a = image -> Linear(2) as fc -> Linear(3) as fc")),
            "E0202 at 3:37: `fc` names two values");
  EXPECT_EQ(
      errors_of("op relu2(x[..]) -> y[..] { y = x }\nop relu2(x[..]) -> y[..] { y = x }\n" + in_model("")),
      "E0202 at 2:4: `relu2` is defined twice");
}

TEST(Errors, NamesOfOthers) {
  EXPECT_NE(rendered(in_model("a = image -> Dense(4)")).find("Striate's name for it is `Linear`"),
            std::string::npos);
  EXPECT_NE(rendered(in_model("a = image -> MaxPooling2D(2)")).find("Striate's name for it is `max_pool2d`"),
            std::string::npos);
  EXPECT_NE(rendered(in_model("a = image -> Conv2d(filters = 4, kernel_size = 3)"))
                .find("Striate's name for it is `out_channels`"),
            std::string::npos);
}

TEST(Errors, Arguments) {
  EXPECT_EQ(errors_of(in_model("a = image -> Conv2d(8)")), "E0203 at 3:18: `Conv2d` needs `kernel_size`");
  EXPECT_EQ(errors_of(in_model("a = image -> Conv2d(8, 3, 1, 1, 1, 1, true, 9)")),
            "E0203 at 3:49: `Conv2d` takes 7 arguments, not 8");
  EXPECT_EQ(errors_of(in_model("a = image -> Conv2d(8, 3, out_channels = 8)")),
            "E0203 at 3:31: `out_channels` of `Conv2d` is given twice");
  EXPECT_EQ(errors_of(in_model("a = conv2d(image)")), "E0203 at 3:9: `conv2d` needs `k`");
  EXPECT_EQ(errors_of(in_model("a = image -> Conv2d(8, [3, 3, 3])")),
            "E0204 at 3:28: `kernel_size` of `Conv2d` is a list of 2 values, not of 3");
  EXPECT_EQ(errors_of(in_model("a = image -> Conv2d(2.5, 3)")),
            "E0204 at 3:25: `out_channels` of `Conv2d` is an integer, not the real number 2.5");
  EXPECT_EQ(errors_of(in_model("a = cross_entropy(flatten(image), flatten(image))")),
            "E0204 at 3:9: `label` of `cross_entropy` holds integers, not f32[N,192]");
  EXPECT_EQ(errors_of(in_model("a = image < 3")), "E0204 at 3:9: `<` does not join tensors");
}

TEST(Errors, Shapes) {
  EXPECT_EQ(errors_of(in_model("a = image -> Conv2d(8, 3, stride = 0)")),
            "E0303 at 3:18: `conv2d`: `stride` is at least 1");
  EXPECT_EQ(errors_of(in_model("a = image -> max_pool2d(9)")),
            "E0303 at 3:18: `max_pool2d`: the window does not fit in the padded image");
  EXPECT_EQ(errors_of(in_model("a = image -> flatten -> Conv2d(8, 3)")),
            "E0301 at 3:29: `Conv2d` takes `x[N, C, H, W]`, 4 dimensions, and gets [N, 192]");
  EXPECT_EQ(errors_of("op pairs(x[N, (C 2)]) -> y[N, C] { y[n, c] = x[n, (c 0)] }\n"
                      "model M { input x: f32[N, 5]; output y = pairs(x) }"),
            "E0301 at 2:42: `pairs`: dimension 1 of `x`, 5, is not divisible by 2");
  EXPECT_EQ(errors_of("model M { input x: f32[N, 0]; output y = x }"),
            "E0302 at 1:27: a dimension is an integer of at least 1, not 0");
}

// The wanted quality: what arrives, how it came about, what would help.
TEST(Errors, ShapesAreDerived) {
  const std::string text =
      rendered("model M {\n"
               "    input image: f32[N, 1, 28, 28]\n"
               "    output y = image -> Conv2d(6, 5) as conv1 -> relu -> max_pool2d(2) -> batch_of_rows\n"
               "}\n"
               "op batch_of_rows(x[N, C]) -> y[N, C] { y[n, c] = x[n, c] }\n");
  EXPECT_NE(text.find("shapes: image f32[N,1,28,28] -> conv1 [N, 6, 24, 24] -> relu [N, 6, 24, 24] -> "
                      "max_pool2d [N, 6, 12, 12]"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("`-> flatten` makes it [N, 864]"), std::string::npos) << text;
}

TEST(Errors, IndexNotation) {
  EXPECT_EQ(errors_of(in_op("(x[N, C]) -> y[N]", "y[n] = sum(k) x[n, 2*k]")),
            "E0305 at 1:36: what the index `k` ranges over is not known");
  EXPECT_EQ(errors_of(in_op("(x[N, C]) -> y[N, C]", "y[n, c] = x[n, c + 1]")),
            "E0304 at 1:43: `c + 1` runs from 1 to 4, outside of 0 to 3");
  EXPECT_EQ(errors_of(in_op("(x[N, C]) -> y[N, C]", "y[n, c] = (x[n, c*c] else 0)")),
            "E0306 at 1:44: `c*c` multiplies two indices");
  EXPECT_EQ(errors_of(in_op("(x[N, C]) -> y[N, C]", "y[n, c] = (x[n, c // 0] else 0)")),
            "E0306 at 1:44: `c // 0` divides by something that is no positive constant");
  EXPECT_EQ(errors_of(in_op("(x[N, C]) -> y[N, C]", "y[n, c] = x[n + 1, c]")),
            "E0304 at 1:40: `x[n + 1, c]` reads across the examples of the batch");
  EXPECT_EQ(errors_of(in_op("(x[N, C]) -> y[N]", "y[n] = x[n]")),
            "E0301 at 1:32: `x` has 2 dimensions, and `x[n]` reads 1");
  EXPECT_EQ(errors_of(in_op("(x[N, C]) -> y[N]", "y[n] = x[n, d]")), "E0201 at 1:37: `d` is no index here");
  EXPECT_EQ(errors_of(in_op("(x[..]) -> y[..]", "y[..] = x[..] > 0")),
            "E0204 at 1:24: `y` is real, and its value is true or false");
  EXPECT_EQ(errors_of(in_op("(x[..]) -> y[..]", "y[..] = x[..]; y[..] = x[..]")),
            "E0202 at 1:39: `y` is defined twice");
  EXPECT_EQ(errors_of(in_op("(x[..]) -> y[..]", "z[..] = x[..]")),
            "E0206 at 1:4: `f` never gives its output `y` a value");
  EXPECT_EQ(errors_of(in_op("(x[..]) -> y[..]", "y[..] = sin(x[..], 1)")),
            "E0203 at 1:32: `sin` takes 1 argument, not 2");
}

TEST(Errors, TheLanguageIsTotal) {
  EXPECT_EQ(errors_of("op ping(x[..]) -> y[..] { y = pong(x) }\nop pong(x[..]) -> y[..] { y = ping(x) }\n" +
                      in_model("")),
            "E0401 at 1:31: `ping` contains itself: `ping` -> `pong` -> `ping`");
  EXPECT_EQ(errors_of("layer Ring(width: int) (x[N, C]) { return x -> Ring(width) }\n" + in_model("")),
            "E0401 at 1:48: `Ring` contains itself: `Ring` -> `Ring`");
  EXPECT_EQ(errors_of(in_model("a = repeat i in 0..1000000000 { image -> relu }")),
            "E0402 at 3:21: this `repeat` runs 1000000000 times; at most 10000 are allowed");
  EXPECT_EQ(
      errors_of(in_model("a = repeat i in 0..9999 { repeat j in 0..9999 { image -> relu } }")).substr(0, 5),
      "E0402");
  EXPECT_EQ(errors_of("model M { input x: f32[N, 4]; output y = x -> Linear(9000000000000000000) as fc }")
                .substr(0, 5),
            "E0302");
}

TEST(Errors, OnlyIndependentOnesAreTold) {
  EXPECT_EQ(errors_of("model M {\n"
                      "    input image: f32[N, 3, 8, 8]\n"
                      "    a = image -> rleu -> Conv2d(8, 3)\n"
                      "    b = a -> flatten -> Linear(4)\n"
                      "    output c = b + d\n"
                      "}\n"),
            "E0201 at 3:18: no operator or layer is called `rleu` here\nE0201 at 5:20: no value is called "
            "`d` here");
}

TEST(Errors, TheBatchSizeIsTheFirstDimension) {
  EXPECT_EQ(
      errors_of("model M { input x: f32[N, 4]; output y = x -> transpose }\n"),
      "E0302 at 1:47: `y` would be [4, N]: the batch size is the first dimension of a tensor, and no other");
  EXPECT_EQ(
      errors_of(in_op("(x[N, C]) -> y[N]", "t[c, n] = x[n, c]; y[n] = sum(c: C) t[c, n]")),
      "E0302 at 1:25: `t` would be [4, N]: the batch size is the first dimension of a tensor, and no other");
}

TEST(Errors, AParameterOfEvaluationAlone) {
  EXPECT_EQ(
      errors_of(
          "layer L() (x[N, C]) {\n"
          "    return when training { x } else { param v: f32[C] = ones; x * v }\n"
          "}\n"
          "model M { input x: f32[N, 4]; output y = x -> Linear(4) as f -> L() as l }\n"
          "data d { split train = csv(\"d.csv\", label = -1); field x = column(0); field t = column(1) }\n"
          "train M with d { loss = cross_entropy(y, t); optimizer = Adam() }\n"),
      "E0206 at 2:45: `l.v` exists in evaluation only: training never sets it");
}

} // namespace
} // namespace striate
