// Scans: what they are elaborated to, and what is wrong with those that are not.
#include "ir/graph/loops.h"
#include "tests/elaborate/elaborated.h"

namespace striate {
namespace {

// The block of a scan over x[N, 6, 4], which begins on line 4.
std::string in_scan(const std::string& block) {
  return "model M {\n    input x: f32[N, 6, 4]\n    output y = x -> scan u {\n" + block + "\n    }\n}\n";
}

TEST(Scan, YieldsEachStepsValue) {
  const Module module = module_of(in_scan("carry h: f32[N, 4] = 0\nnow = tanh(u + h)\nnext h = now\nnow"));
  const Graph& graph = module.eval;
  ASSERT_EQ(graph.loops.size(), 1u);
  EXPECT_EQ(graph.loops[0].steps, 6);
  EXPECT_EQ(graph.values[graph.outputs[0].second].type.text(), "f32[N,6,4]");
  EXPECT_EQ(graph.nodes.size(), 3u); // carry, add, tanh
}

TEST(Scan, HasOneBodyForAnyNumberOfSteps) {
  for (const char* steps : {"1", "2", "1000"}) {
    const Module module = module_of("model M {\n input x: f32[N, " + std::string(steps) +
                                    ", 4]\n output y = x -> LSTM(3) as lstm -> last_step\n}\n");
    EXPECT_LT(module.eval.nodes.size(), 40u);
    EXPECT_EQ(module.eval.persistents.size(), 4u);
  }
}

TEST(Scan, WhatIsTheSameAtEachStepStandsBefore) {
  const Module module =
      module_of("model M {\n input x: f32[N, 6, 4]\n layer a = Linear(4)\n output y = x -> scan u {\n"
                " carry h: f32[N, 4] = 0\n next h = a(u) * h\n h + tanh(a.bias)\n }\n}\n");
  for (const Node& node : module.eval.nodes)
    EXPECT_EQ(node.loop, node.inputs.size() == 1 && node.op == "tanh" ? -1 : 0) << node.op;
}

TEST(Scan, ListsAreStackedOneByOne) {
  const Module module =
      module_of("model M {\n input x: f32[N, 6, 4]\n a, b = x -> scan u {\n carry h: f32[N, 4] = 0\n"
                " next h = u\n (h, u + h)\n }\n output y = a * b\n}\n");
  EXPECT_EQ(module.eval.values[module.eval.outputs[0].second].type.text(), "f32[N,6,4]");
}

TEST(Scan, MistakesAreToldWhereTheyAre) {
  EXPECT_EQ(errors_of(in_scan("carry h: f32[N, 4] = 0\nh + u")),
            "E0206 at 4:7: `h` is carried, and no step changes it");
  EXPECT_EQ(errors_of(in_scan("carry h: f32[N, 4] = 0\nnext h = u -> Linear(3)\nh + u")),
            "E0301 at 5:1: `h` is f32[N,4], and its next value is f32[N,3]");
  EXPECT_EQ(errors_of(in_scan("carry h: f32[N, 4] = 0\nnext h = u\nnext h = u\nh + u")),
            "E0202 at 6:1: `h` has a next value already");
  EXPECT_EQ(errors_of(in_scan("carry h = 0\nnext h = u\nh + u")),
            "E0206 at 4:7: the shape of `h` is not known");
  EXPECT_EQ(errors_of(in_scan("carry h: f32[N, 4]\nnext h = u\nh + u")),
            "E0206 at 4:7: `h` has no first value");
  EXPECT_EQ(errors_of(in_scan("carry h = tanh(u)\nnext h = u\nh + u")),
            "E0205 at 4:11: the first value of `h` is made of what the steps compute");
  EXPECT_EQ(errors_of(in_scan("carry h: f32[N, 5] = x\nnext h = u\nh + u")),
            "E0301 at 4:22: `h` is f32[N,5], and its first value is f32[N,6,4]");
  EXPECT_EQ(errors_of(in_scan("carry h: f32[N, 4] = true\nnext h = u\nh + u")),
            "E0204 at 4:22: `h` starts from a number or a tensor, not from true");
  EXPECT_EQ(errors_of(in_scan("a = u")), "E0206 at 3:21: this scan has no value");
  EXPECT_EQ(errors_of(in_scan("3")), "E0204 at 3:21: a scan yields tensors, not the integer 3");
  EXPECT_EQ(errors_of(in_scan("tanh(x)")), "E0205 at 3:21: this scan yields the same at every step");
  EXPECT_EQ(errors_of(in_scan("a = x -> scan v { v }\nu")),
            "E0403 at 4:10: a scan inside of a scan is not supported yet");
  EXPECT_EQ(
      errors_of("layer Count() (x[N, C]) { state m: f32[C] = zeros; next m = m; return x }\n" +
                in_scan("u -> Count")),
      "E0403 at 1:52: `m` would change at each step of the scan; a state changes once in a training step");
  EXPECT_EQ(errors_of("model M {\n input x: f32[N]\n output y = x -> scan u { u }\n}\n"),
            "E0301 at 3:18: f32[N] has no steps to go through");
}

TEST(Scan, SequencesGoTogether) {
  const auto model = [](const std::string& scan) {
    return "model M {\n input x: f32[N, 6, 4]\n input z: f32[N, 5, 4]\n output y = " + scan + "\n}\n";
  };
  EXPECT_EQ(errors_of(model("scan u, v in x, z { u + v }")),
            "E0301 at 4:29: this sequence has 5 steps, the first one 6");
  EXPECT_EQ(errors_of(model("x -> scan u, v { u + v }")),
            "E0203 at 4:18: a scan has a name for each of its sequences, and here are 2 and 1");
  EXPECT_EQ(errors_of(model("x -> scan u in z { u }")),
            "E0203 at 4:18: this scan is given its sequence twice");
  EXPECT_EQ(errors_of(model("scan u { u }")), "E0206 at 4:13: this scan has nothing to go through");
  EXPECT_EQ(errors_of("model M {\n input x: f32[N, 4]\n carry h = x\n output y = x\n}\n"),
            "E0108 at 3:2: `carry` belongs in a `scan`");
}

} // namespace
} // namespace striate
