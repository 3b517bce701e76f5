#include "ir/definition.h"

#include "ir/expression_reader.h"

#include <gtest/gtest.h>

namespace striate {
namespace {

// Reads a definition, which must be readable; it need not be sound.
Definition parsed(const std::string& text) {
  TextReader reader(text, "test");
  Definition definition = read_definition(reader);
  EXPECT_FALSE(reader.failed()) << reader.failure().message;
  return definition;
}

const char* const kConvolution = R"(op conv2d(x: f32[N,20,12,12], k: f32[50,20,5,5]) -> (y) {
  let y: f32[N,50,8,8]
  y[n, o, i, j] = sum(c: 20, r: 5, s: 5) k[o, c, r, s] * x[n, c, i + r, j + s] order (c/16, r, s, c%16)
})";

std::vector<std::string> sound_definitions() {
  return {kConvolution,
          R"(op softmax(x: f32[N,10]) -> (y) {
  let m: f32[N], e: f32[N,10], z: f32[N], y: f32[N,10]
  m[n] = max(c: 10) stop(x[n, c])
  e[n, c] = exp(x[n, c] - m[n])
  z[n] = sum(c: 10) e[n, c]
  y[n, c] = e[n, c] / z[n]
})",
          R"(op padded(x: f32[N,3,8,8], k: f32[4,3,3,3]) -> (y) {
  let y: f32[N,4,4,4]
  y[n, o, i, j] = sum(c: 3, r: 3, s: 3) k[o, c, r, s] * (x[n, c, 2*i + r - 1, 2*j + s - 1] else 0)
})",
          R"(op flatten(x: f32[N,2,3]) -> (y) {
  let y: f32[N,6]
  y[n, (c: 2 h: 3)] = x[n, c, h]
})",
          R"(op unflatten(x: f32[N,6]) -> (y) {
  let y: f32[N,2,3]
  y[n, c, h] = x[n, 3*c + h]
})",
          R"(op gradient(x: f32[N,4], dy: f32[N,5]) -> (dw) {
  let dw: f32[5,4]
  dw[i, j] = sum(n: N) dy[n, i] * x[n, j] order (n/16; lanes n%16)
})",
          R"(op pool(x: f32[N,3,8]) -> (y, which) {
  let which: u8[N,3,4], y: f32[N,3,4]
  which[n, c, i] = argmax(r: 2) x[n, c, 2*i + r]
  y[n, c, i] = max(r: 2) (x[n, c, 2*i + r] else -inf)
})",
          R"(op drop(w: f32[N,4]) -> (y) {
  let y: f32[N,4]
  y[n, i] = select(random(4*n + i; 4042322160) < 0.5, 0, w[n, i] / 0.5)
})",
          R"(op shifted(w: f32[N,4], dy: i32[N], row: i32[N]) -> (y) {
  let y: f32[N,4]
  y[n, i] = select(random(i, @(row[n]); 7) < 0.5, (w[n, @(dy[n]) + i - 2] else 0.5), (w[n, @(max(dy[n], 0))] else -1))
})",
          R"(op merge(x: f32[N,4]) -> (y) {
  let y: f32[4*N]
  y[(n: N i: 4)] = x[n, i]
})",
          R"(op split(x: f32[4*N]) -> (y) {
  let y: f32[N,4]
  y[n, i] = x[4*n + i]
})",
          R"(op digits(x: f32[N,4]) -> (y) {
  let y: f32[4*N]
  y[n] = x[(n // 4), (n % 4)]
})",
          R"(op top1(x: f32[N,10], label: i32[N]) -> (y) {
  let best: i32[N], y: f32[N]
  best[n] = argmax(c: 10) x[n, c]
  y[n] = select(best[n] == label[n], 1.0, 0)
})",
          R"(op constant() -> (y) {
  let y: f32[1,2]
  y[0, i] = 1
})",
          R"(op odd(x: f32[N,7], flag: bool[N]) -> (y, any) {
  let any: bool[], y: f32[N,7]
  any[] = any(n: N) (flag[n] and not $optimizer.lr < 0.5)
  y[n, i] = let t0 = tanh(x[n, i] * $"1/N") in select((i // 2) == 1, t0 * t0, -t0) - (i % 2) / real(i + 1)
})"};
}

TEST(Definition, TextReadsBack) {
  for (const std::string& text : sound_definitions()) {
    Definition definition = parsed(text);
    EXPECT_EQ(verify(definition), "") << text;
    std::string printed = definition_text(definition);
    EXPECT_EQ(definition_text(parsed(printed)), printed);
  }
}

TEST(Definition, TextIsTheLanguagesNotation) {
  for (const std::string& text : sound_definitions()) {
    if (text.find("op odd") != std::string::npos) continue; // mixes ints and reals: prints with conversions
    EXPECT_EQ(definition_text(parsed(text)), text);
  }
}

TEST(Definition, FreeVariablesPrintInTheTargetsOrder) {
  Definition definition = parsed("op t(x: f32[2,3]) -> (y) { let y: f32[3,2]\n y[i, j] = x[j, i] }");
  Statement& statement = definition.statements[0];
  std::swap(statement.variables[0], statement.variables[1]);
  statement.output = {{1}, {0}};
  statement.body = read(0, {IndexExpr::variable(0), IndexExpr::variable(1)});
  EXPECT_EQ(verify(definition), "");
  EXPECT_EQ(statement_text(statement, [](int i) { return i == 0 ? "x" : "y"; }), "y[i, j] = x[j, i]");
}

TEST(Definition, NamesThatDoNotFitAreReplaced) {
  Definition definition = parsed("op t(x: f32[2,3]) -> (y) { let y: f32[2,3]\n y[i, j] = x[i, j] }");
  definition.statements[0].variables[0].name = "order";
  definition.statements[0].variables[1].name = "order";
  definition.operands[0].name = "x'";
  std::string printed = definition_text(definition);
  EXPECT_EQ(
      printed,
      "op t(x_: f32[2,3]) -> (y) {\n  let y: f32[2,3]\n  y[order_, order__1] = x_[order_, order__1]\n}");
  EXPECT_EQ(definition_text(parsed(printed)), printed);
}

TEST(Definition, OutputIndicesCountDigits) {
  Definition definition =
      parsed("op t(x: f32[N,2,3,5]) -> (y) { let y: f32[N,30]\n y[n, (a: 2 b: 3 c: 5)] = x[n, a, b, c] }");
  std::vector<IndexExpr> indices = definition.statements[0].output_indices();
  EXPECT_EQ(indices[1], IndexExpr::variable(1) * 15 + IndexExpr::variable(2) * 5 + IndexExpr::variable(3));
}

struct Rejected {
  const char* text;
  const char* why;
};

TEST(Definition, RulesAreChecked) {
  const Rejected cases[] = {
      {"op t(x: f32[4]) -> (y) { let y: f32[4]\n y[i] = x[i + 1] }", "x is read at 1 .. 4 of 4"},
      {"op t(x: f32[4]) -> (y) { let y: f32[4]\n y[i] = x[i - 1] }", "x is read at -1 .. 2 of 4"},
      {"op t(x: f32[4]) -> (y) { let y: f32[4]\n y[i] = x[i, i] }", "2 indices for x"},
      {"op t(x: f32[4]) -> (y) { let y: f32[4], z: f32[4]\n y[i] = x[i] }", "z is not defined"},
      {"op t(x: f32[4]) -> (y) { let y: f32[4], z: f32[4]\n y[i] = z[i]\n z[i] = x[i] }",
       "z is read before it is defined"},
      {"op t(x: f32[4]) -> (y) { let y: f32[4]\n y[i] = x[i]\n y[i] = x[i] }", "y is defined twice"},
      {"op t(x: f32[4]) -> (y) { let y: f32[4]\n x[i] = x[i] }", "a statement defines no operand"},
      {"op t(x: f32[4]) -> (x) { let y: f32[4]\n y[i] = x[i] }", "an output is not a defined operand"},
      {"op t(x: f32[4]) -> () { let y: f32[4]\n y[i] = x[i] }", "there is no output"},
      {"op t(x: f32[4]) -> (y) { let y: f32[5]\n y[(a: 2 b: 2)] = x[a] }", "its digits make 4"},
      {"op t(x: f32[4]) -> (y) { let y: f32[4,4]\n y[i] = x[i] }", "1 indices for f32[4,4]"},
      {"op t(x: f32[4,N]) -> (y) { let y: f32[4]\n y[i] = 0 }", "x has a batch size that is not outermost"},
      {"op t(x: f32[N,4]) -> (y) { let y: f32[4]\n y[i] = x[0, i] }",
       "the batch dimension of x is indexed by 0"},
      {"op t(x: f32[N]) -> (y) { let y: f32[N]\n y[n] = (x[n + 1] else 0) }", "the batch dimension of x"},
      {"op t(x: f32[2*N]) -> (y) { let y: f32[N]\n y[n] = x[2*n] + x[n] }", "the batch dimension of x"},
      {"op t(x: f32[N], k: i32[N]) -> (y) { let y: f32[N]\n y[n] = (x[@(k[n]) + n] else 0) }",
       "data decides the place in the batch dimension of x"},
      {"op t(x: f32[N,4], k: i32[N]) -> (y) { let y: f32[N]\n y[n] = (x[0, @(k[n])] else 0) }",
       "the batch dimension of x is indexed by 0"},
      {"op t(x: f32[4]) -> (y) { let y: i32[4]\n y[i] = x[i] }", "the body is real, the target holds int"},
      {"op t(x: f32[4]) -> (y) { let y: f32[]\n y[] = any(i: 4) x[i] }", "any of real"},
      {"op t(x: f32[4]) -> (y) { let y: f32[]\n y[] = argmax(i: 4) x[i] }", "the body is int"},
      {"op t(x: bool[4]) -> (y) { let y: f32[]\n y[] = sum(i: 4) x[i] }", "sum of bool"},
      {"op t(x: f32[40]) -> (y) { let y: f32[]\n y[] = sum(i: 40) x[i] order (i/16) }",
       "do not fit together"},
      {"op t(x: f32[40]) -> (y) { let y: f32[]\n y[] = sum(i: 40) x[i] order (i%16) }", "does not cover i"},
      {"op t(x: f32[4,4]) -> (y) { let y: f32[]\n y[] = sum(i: 4, j: 4) x[i, j] order (i) }",
       "does not cover j"},
      {"op t(x: f32[4,4]) -> (y) { let y: f32[4]\n y[i] = sum(j: 4) x[i, j] order (j, i) }",
       "a loop over a variable that is not reduced"},
      {"op t(x: f32[40]) -> (y) { let y: f32[]\n y[] = sum(i: 40) x[i] order (i/8; lanes i%8) }",
       "the lanes of the order"},
  };
  for (const Rejected& rejected : cases) {
    std::string why = verify(parsed(rejected.text));
    EXPECT_NE(why.find(rejected.why), std::string::npos) << rejected.text << "\n  says: " << why;
  }
}

TEST(Definition, RulesBeyondTheTextAreChecked) {
  const Definition sound = parsed(kConvolution);
  ASSERT_EQ(verify(sound), "");
  auto why = [&](const std::function<void(Definition&)>& spoil) {
    Definition definition = sound;
    spoil(definition);
    return verify(definition);
  };
  auto statement = [](Definition& d) -> Statement& { return d.statements[0]; };
  EXPECT_EQ(why([](Definition& d) { d.input_count = 9; }), "the number of inputs is wrong");
  EXPECT_EQ(why([](Definition& d) { d.operands[1].name = ""; }), "an operand has no name");
  EXPECT_EQ(why([](Definition& d) { d.operands[1].type.shape[0] = Size::constant(0); }),
            "k has a dimension of size 0");
  EXPECT_EQ(why([&](Definition& d) { statement(d).free_count = 99; }),
            "y: the number of free variables is wrong");
  EXPECT_EQ(why([&](Definition& d) { statement(d).variables[5].name = ""; }), "y: a variable has no name");
  EXPECT_EQ(why([&](Definition& d) { statement(d).variables[5].extent = Size::constant(0); }),
            "y: r has the extent 0");
  EXPECT_EQ(why([&](Definition& d) { statement(d).reducer = Reducer::None; }),
            "y: variables that are neither free nor reduced");
  EXPECT_EQ(why([&](Definition& d) { statement(d).output[3] = {2}; }), "y: i indexes the target 2 times");
  EXPECT_EQ(why([&](Definition& d) { statement(d).output[3] = {5}; }),
            "y: the target is indexed by a reduced variable");
  EXPECT_EQ(why([&](Definition& d) { statement(d).body = nullptr; }), "y: there is no body");
  EXPECT_EQ(why([&](Definition& d) { statement(d).body = read(7, {}); }), "y: a read of an unknown operand");
  EXPECT_EQ(why([&](Definition& d) { statement(d).body = index_value(IndexExpr::variable(44)); }),
            "y: an index uses an unknown variable");
  EXPECT_EQ(why([&](Definition& d) { statement(d).body = tile_point(0, ScalarType::Real); }),
            "y: a load or a tile in a definition");
  EXPECT_EQ(why([&](Definition& d) { statement(d).body = constant_bool(true); }), "y: sum of bool");
  EXPECT_EQ(why([&](Definition& d) {
              ExprRef flag = apply(Function::Less, {index_value(IndexExpr::variable(0)), constant_int(3)});
              statement(d).body = apply(Function::Exp, {flag});
            }),
            "y: argument 1 of exp is bool, not real");
}

TEST(Definition, ReducersHaveNeutralElements) {
  EXPECT_EQ(identity_of(Reducer::Sum), 0);
  EXPECT_EQ(identity_of(Reducer::Prod), 1);
  EXPECT_EQ(identity_of(Reducer::ArgMax), identity_of(Reducer::Max));
  EXPECT_LT(identity_of(Reducer::Max), 0);
  EXPECT_GT(identity_of(Reducer::Min), 0);
  EXPECT_EQ(identity_of(Reducer::All), 1);
}

} // namespace
} // namespace striate
