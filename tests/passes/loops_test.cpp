// Loops: what belongs to them, in which order it runs, their derivative and their memory.
#include "frontend/parser.h"
#include "ir/graph/loops.h"
#include "ir/graph/parse.h"
#include "passes/expand_calls.h"
#include "passes/order_nodes.h"
#include "passes/pipeline.h"
#include "tests/passes/graphs.h"

#include <algorithm>

namespace striate {
namespace {

const char* const kRecurrent = "input x: f32[N, 6, 3]\n"
                               "output y = x -> scan u {\n"
                               "    carry h: f32[N, 5] = 0\n"
                               "    now = tanh((u -> Linear(5) as a) + (h -> Linear(5) as b))\n"
                               "    next h = now\n"
                               "    now\n"
                               "}";
// The same by hand: each step is written out.
const char* const kSlices =
    "op at(x[N, T, C]; t: int) -> y[N, C] { y[n, c] = x[n, t, c] }\n"
    "op zero(x[N, T, C]) -> y[N, 5] { y[n, k] = 0 }\n"
    "op step_of(y[N, K]; t: int) -> z[N, 6, K] { z[n, s, k] = select(s == t, y[n, k], 0) }\n";
const char* const kUnrolled = "input x: f32[N, 6, 3]\n"
                              "layer a = Linear(5)\n"
                              "layer b = Linear(5)\n"
                              "h1 = tanh(a(at(x, t = 0)) + b(zero(x)))\n"
                              "h2 = tanh(a(at(x, t = 1)) + b(h1))\n"
                              "h3 = tanh(a(at(x, t = 2)) + b(h2))\n"
                              "h4 = tanh(a(at(x, t = 3)) + b(h3))\n"
                              "h5 = tanh(a(at(x, t = 4)) + b(h4))\n"
                              "h6 = tanh(a(at(x, t = 5)) + b(h5))\n"
                              "output y = step_of(h1, t = 0) + step_of(h2, t = 1) + step_of(h3, t = 2) + "
                              "step_of(h4, t = 3) + step_of(h5, t "
                              "= 4) + step_of(h6, t = 5)";

std::vector<std::string> members(const Graph& graph, int loop) {
  std::vector<std::string> names;
  for (const Node& node : graph.nodes)
    if (node.loop == loop) names.push_back(graph.values[node.outputs[0]].name);
  return names;
}

TEST(Loops, HoldWhatNeedsTheStepBeforeAndNothingElse) {
  const Graph graph = step_graph(training_program("", kRecurrent));
  ASSERT_EQ(graph.loops.size(), 2u);
  EXPECT_EQ(graph.loops[0].steps, 6);
  EXPECT_FALSE(graph.loops[0].reverse);
  EXPECT_TRUE(graph.loops[1].reverse);
  const std::vector<std::string> forward = {"h", "b.linear", "b", "add", "y"};
  EXPECT_EQ(members(graph, 0).size(), forward.size());
  // What the inputs alone decide is computed for all steps at once, and so are the weights' gradients.
  for (const char* outside : {"a.linear", "a", "a.weight.grad", "b.weight.grad", "b.bias.grad"}) {
    const ValueId value = graph.find(outside);
    ASSERT_GE(value, 0) << outside;
    EXPECT_EQ(graph.nodes[graph.values[value].producer].loop, -1) << outside;
  }
  EXPECT_EQ(statement_of_value(graph, "b.weight.grad").substr(0, 36), "b.weight.grad[o, c] = sum(d0: N, t: ");
}

TEST(Loops, AStepIsTheOneThatIsWrittenOut) {
  const Graph scanned = step_graph(training_program("", kRecurrent));
  const Graph unrolled = step_graph(training_program(kSlices, kUnrolled));
  // All outputs, the parameters after an update among them: `difference` compares by name.
  EXPECT_LT(difference(scanned, unrolled, 3), 1e-12);
  ReferenceRun a(scanned, Precision::F64, 5), b(unrolled, Precision::F64, 5);
  const std::map<std::string, ReferenceTensor> inputs = {{"x", noise(f32({-1, 6, 3}), 3, 9)}};
  for (const char* name : {"a.weight", "a.bias", "b.weight", "b.bias"}) {
    const ReferenceTensor values = noise(scanned.values[scanned.find(name)].type, 1, 11);
    a.set_persistent(name, values);
    b.set_persistent(name, values);
  }
  for (int step = 0; step < 3; ++step) {
    a.step(inputs, 3);
    b.step(inputs, 3);
  }
  for (const char* name : {"a.weight", "a.bias", "b.weight", "b.bias"}) {
    const std::vector<double>&x = a.persistent(name).values, &y = b.persistent(name).values;
    for (std::size_t i = 0; i < x.size(); ++i) EXPECT_NEAR(x[i], y[i], 1e-12) << name;
  }
}

// The reductions of a loop's body keep what they found at other steps: the reverse loop reads them again.
TEST(Loops, ReductionsKeepTheirOtherSteps) {
  Graph graph =
      step_graph(training_program("", "input x: f32[N, 6, 3]\n"
                                      "output y = x -> scan u {\n carry h: f32[N, 5] = 0\n"
                                      " now = softmax((u -> Linear(5) as a) - (h -> Linear(5) as b))\n"
                                      " next h = 0.5*h + now\n h\n}"));
  Graph lowered = graph;
  run_region_passes(lowered, {}, PipelineOptions());
  for (Graph* one : {&graph, &lowered}) one->outputs.emplace_back("gradient", one->find("b.weight.grad"));
  EXPECT_LT(difference(graph, lowered, 5), 1e-7);
}

TEST(Loops, AreReadBackAsTheyWerePrinted) {
  for (const Graph& graph : {model_graph("model M {\n" + std::string(kRecurrent) + "\n}\n"),
                             step_graph(training_program("", kRecurrent))}) {
    const std::string text = print(graph);
    const Result<Graph> parsed = parse_graph(text);
    ASSERT_TRUE(parsed.ok()) << parsed.failure().message;
    EXPECT_EQ(print(*parsed), text);
  }
}

// A graph whose only loop was broken in some way.
std::vector<std::string> problems_after(const std::function<void(Graph&)>& change) {
  Graph graph = model_graph("model M {\n" + std::string(kRecurrent) + "\n}\n");
  change(graph);
  return verify(graph);
}

TEST(Loops, TheVerifierKnowsTheirRules) {
  EXPECT_EQ(problems_after([](Graph&) {}), std::vector<std::string>());
  EXPECT_TRUE(contains(problems_after([](Graph& graph) {
                         for (Node& node : graph.nodes)
                           if (node.loop == 0) node.loop = -1;
                         graph.loops.clear();
                       }),
                       "before it is computed"));
  EXPECT_TRUE(
      contains(problems_after([](Graph& graph) { graph.loops[0].steps = 5; }), "no dimension of 5 steps"));
  EXPECT_TRUE(contains(problems_after([](Graph& graph) { graph.loops[0].reverse = true; }), "not there yet"));
  EXPECT_TRUE(contains(problems_after([](Graph& graph) {
                         graph.loops.push_back({"none", 3, false});
                       }),
                       "is empty"));
  EXPECT_TRUE(
      contains(problems_after([](Graph& graph) { graph.nodes.back().loop = 7; }), "has the number 7"));
}

// From the first region of a loop to its last, nothing that lives in it may share memory with anything else.
TEST(Loops, KeepTheirMemoryThroughAllSteps) {
  Graph graph = step_graph(training_program("", kRecurrent));
  PipelineOptions options;
  options.capacity = 17;
  run_region_passes(graph, {}, options);
  run_kernel_passes(graph, plan_persistents(graph), options);
  std::vector<int> region_of(graph.nodes.size(), -1);
  for (std::size_t r = 0; r < graph.regions.size(); ++r)
    for (NodeId node : graph.regions[r].nodes) region_of[node] = static_cast<int>(r);
  for (std::size_t l = 0; l < graph.loops.size(); ++l) {
    std::vector<ValueId> alive;
    for (const Region& region : graph.regions) {
      if (graph.nodes[region.nodes[0]].loop != static_cast<int>(l)) continue;
      alive.insert(alive.end(), region.stored.begin(), region.stored.end());
      for (NodeId node : region.nodes)
        for (ValueId input : graph.nodes[node].inputs)
          if (graph.values[input].offset >= 0) alive.push_back(input);
    }
    std::sort(alive.begin(), alive.end());
    alive.erase(std::unique(alive.begin(), alive.end()), alive.end());
    ASSERT_GE(alive.size(), 2u);
    for (ValueId a : alive)
      for (ValueId b : alive) {
        if (a >= b) continue;
        const Value &x = graph.values[a], &y = graph.values[b];
        const int64_t x_end = x.offset + storage_bytes(x, 17), y_end = y.offset + storage_bytes(y, 17);
        EXPECT_TRUE(x_end <= y.offset || y_end <= x.offset) << x.name << " and " << y.name;
      }
  }
}

TEST(Loops, AWindowInALoopIsNotFused) {
  Graph graph =
      model_graph("model M {\ninput x: f32[N, 3, 2, 6, 6]\n"
                  "output y = x -> scan u {\n carry h: f32[N, 4, 6, 6] = 0\n"
                  " now = (u -> Conv2d(4, 3, padding = 1) as a) + (h -> Conv2d(4, 3, padding = 1) as b)\n"
                  " next h = now -> max_pool2d(3, stride = 1, padding = 1)\n now\n}\n}\n");
  run_region_passes(graph, {}, PipelineOptions());
  EXPECT_EQ(graph.loops.size(), 1u);
  EXPECT_FALSE(contains(decisions(graph, "form_regions"), ": fused"));
}

TEST(Loops, LongChainsAreNoRecursion) {
  // 1,000 steps are one body.
  const Graph graph = step_graph(training_program("", "input x: f32[N, 1000, 3]\n"
                                                      "output y = x -> LSTM(4) as lstm"));
  EXPECT_EQ(graph.loops.size(), 2u);
  EXPECT_LT(graph.nodes.size(), 150u);
}

} // namespace
} // namespace striate
