// The parts of `striate verify`. tests/verify/planted_bugs.py plants bugs in the whole.
#include "frontend/parser.h"
#include "ir/graph/parse.h"
#include "verify/gradient_check.h"
#include "verify/rounding.h"
#include "verify/verify_module.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

namespace striate {
namespace {

std::string text_of(const std::string& file) {
  std::ifstream stream(std::string(STRIATE_SOURCE_FOLDER) + "/" + file);
  return {std::istreambuf_iterator<char>(stream), {}};
}

std::optional<Module> module_in(const std::string& file) {
  const std::string text = text_of(file);
  Diagnostics diagnostics;
  diagnostics.add_source(file, text);
  const ast::File parsed = parse(file, text, diagnostics);
  std::vector<Module> modules = elaborate(parsed, {}, diagnostics);
  if (!modules.empty()) return std::move(modules[0]);
  ADD_FAILURE() << diagnostics.render();
  return std::nullopt;
}

// y = sum over c of x[n, c] * w[c], z = exp(y) - 1; `wrong` is what z adds beside.
Graph small_graph(const std::string& wrong = "") {
  const std::string text = R"(graph M.step {
  input %x : f32[N,6]
  input %w : f32[6]
  %y : f32[N] = dot(%x, %w) @dot
  %z : f32[N] = tail(%y, %x) @tail
  output z = %z
}

define @dot op dot(x: f32[N,6], w: f32[6]) -> (y) {
  let y: f32[N]
  y[n] = sum(c: 6) x[n, c] * w[c]
}

define @tail op tail(y: f32[N], x: f32[N,6]) -> (z) {
  let z: f32[N]
  z[n] = exp(y[n]) - 1 + 0 * x[n, 0])" +
                           wrong + R"(
}
)";
  Result<Graph> graph = parse_graph(text);
  EXPECT_TRUE(graph.ok()) << (graph.ok() ? "" : graph.failure().message);
  return graph.ok() ? *graph : Graph();
}

Trial small_trial() {
  Trial trial;
  trial.examples = 5;
  return trial;
}

TEST(Verify, FindsNothingWrongWithSoundPrograms) {
  for (const char* file : {"tests/verify/net.nn", "tests/verify/sequence.nn", "models/xor.nn"}) {
    const std::optional<Module> module = module_in(file);
    ASSERT_TRUE(module);
    VerifyOptions options;
    options.pipeline.capacity = 6;
    options.trial = small_trial();
    options.trial.steps = 2;
    const std::vector<EntryReport> reports = *verify_module(*module, options);
    ASSERT_EQ(reports.size(), 3U); // step, eval, init
    EXPECT_GT(reports[0].operators, 5U);
    for (const EntryReport& report : reports) {
      EXPECT_GT(report.passes, 8U);
      EXPECT_LT(report.rounding, 1);
      for (const Mistake& mistake : report.mistakes)
        ADD_FAILURE() << file << " " << report.name << ": " << mistake.culprit << ": " << mistake.value << " "
                      << mistake.difference;
    }
  }
}

// In every pass's f64, and in the kernels' bits.
TEST(Verify, WinogradKeepsWhatIsComputed) {
  const std::optional<Module> module = module_in("tests/verify/window.nn");
  ASSERT_TRUE(module);
  VerifyOptions options;
  options.pipeline.capacity = 4;
  options.pipeline.winograd = true;
  options.pipeline.layout = LayoutPolicy::ChannelBlocked;
  options.trial = small_trial();
  options.trial.examples = 3;
  const std::vector<EntryReport> reports = *verify_module(*module, options);
  for (const EntryReport& report : reports) {
    EXPECT_LT(report.rounding, 1);
    for (const Mistake& mistake : report.mistakes)
      ADD_FAILURE() << report.name << ": " << mistake.culprit << ": " << mistake.value << " "
                    << mistake.difference;
  }
}

TEST(Verify, InputsFollowFromTheirNames) {
  const Graph graph = small_graph();
  Graph without = graph;
  std::swap(without.inputs[0], without.inputs[1]);
  const Tensors all = draw_inputs(graph, small_trial(), 1), swapped = draw_inputs(without, small_trial(), 1);
  EXPECT_EQ(all.at("x").values, swapped.at("x").values);
  EXPECT_NE(all.at("x").values, draw_inputs(graph, small_trial(), 2).at("x").values);
}

// The bound holds for f32 and does not hold for a mistake in the fourth digit.
TEST(Verify, RoundingStaysWithinItsBound) {
  const Graph graph = small_graph();
  const Outcome exact = interpret(graph, Precision::F64, small_trial());
  const Bounds bounds = rounding_bounds(graph, exact, small_trial());
  EXPECT_TRUE(beyond(interpret(graph, Precision::F32, small_trial()), exact, bounds, 1).empty());
  EXPECT_GT(bounds[0].at("z"), 0);
  EXPECT_LT(bounds[0].at("z"), 1e-4 * norm(exact[0].at("z")));
  const Outcome wrong = interpret(small_graph(" + 0.001"), Precision::F64, small_trial());
  const std::vector<Excess> excess = beyond(wrong, exact, bounds, 1);
  ASSERT_EQ(excess.size(), 1U);
  EXPECT_EQ(excess[0].name, "z");
  EXPECT_GT(excess[0].ratio, 1);
}

// A sum that cancels is allowed what its terms lose, not what is left of them.
TEST(Verify, BoundsGrowWithCancellation) {
  const Graph graph = small_graph(" + 100000 * y[n] - 100000 * y[n]");
  Graph plain = small_graph();
  const Outcome exact = interpret(plain, Precision::F64, small_trial());
  const double bound = rounding_bounds(plain, exact, small_trial())[0].at("z");
  EXPECT_GT(distance(interpret(graph, Precision::F32, small_trial())[0].at("z"), exact[0].at("z")), bound);
}

TEST(Verify, DistancesOfWhatIsNotFinite) {
  ReferenceTensor a, b;
  a.values = {1, NAN, INFINITY};
  b.values = {1, NAN, INFINITY};
  EXPECT_EQ(distance(a, b), 0);
  b.values[1] = 2;
  EXPECT_EQ(distance(a, b), INFINITY);
  EXPECT_EQ(first_difference({1, 2}, {1, 3}), "element 1 of 2 is 2, not 3");
  EXPECT_EQ(first_difference({0.0}, {-0.0}), "element 0 of 1 is 0, not -0");
  EXPECT_EQ(first_difference({NAN}, {-NAN}), "");
}

TEST(Verify, GradientsOfSmoothAndKinkedStatements) {
  EXPECT_EQ(gradient_difference(small_graph(), small_trial()), "");
  EXPECT_EQ(gradient_difference(small_graph(" + max(y[n], 0) * abs(x[n, 1])"), small_trial()), "");
}

// A wrong gradient cannot be written in a graph; a value that hides its dependence can.
TEST(Verify, GradientsThatAreHiddenAreFound) {
  const std::string problem =
      gradient_difference(small_graph(" + floor(1000000000 * y[n]) / 1000000000"), small_trial());
  EXPECT_NE(problem.find("by `"), std::string::npos) << problem;
}

TEST(Reduce, LeavesWhatIsWrong) {
  const Graph step = [] {
    const std::optional<Module> module = module_in("tests/verify/net.nn");
    return module ? module->train : Graph();
  }();
  ASSERT_GT(step.nodes.size(), 15U);
  const std::string culprit = step.nodes[6].op;
  const Graph small = reduce(step, [&](const Graph& graph) -> std::string {
    for (const Node& node : graph.nodes)
      if (node.op == culprit) return "it is there";
    return "";
  });
  EXPECT_EQ(small.nodes.size(), 1U);
  EXPECT_EQ(small.nodes[0].op, culprit);
  EXPECT_TRUE(verify(small).empty());
  EXPECT_TRUE(small.persistents.empty());
  EXPECT_EQ(small.inputs.size(), small.nodes[0].inputs.size());
}

TEST(Reduce, KeepsTwoThatBelongTogether) {
  const Graph graph = small_graph();
  const Graph small =
      reduce(graph, [](const Graph& candidate) { return candidate.nodes.size() == 2 ? "both" : ""; });
  EXPECT_EQ(small.nodes.size(), 2U);
}

TEST(Subgraph, HasInputsForWhatOthersCompute) {
  const Graph graph = small_graph();
  const Graph part = subgraph(graph, {1}, {graph.find("z")});
  EXPECT_TRUE(verify(part).empty());
  ASSERT_EQ(part.inputs.size(), 2U);
  EXPECT_EQ(part.values[part.inputs[0]].name, "y");
  EXPECT_EQ(part.outputs[0].first, "z");
}

Reproducer reproducer() {
  Reproducer written{small_graph(), {}};
  written.check.kind = CheckKind::Passes;
  written.check.pass = "expand_elementary";
  written.check.trial = {3, 2, 9, {{"optimizer.lr", 0.5}}};
  written.check.lowering.capacity = 7;
  written.check.lowering.layout = LayoutPolicy::ChannelBlocked;
  written.check.lowering.fuse = false;
  written.check.lowering.target.vector_bits = 512;
  return written;
}

TEST(Reproducers, AreReadBack) {
  const std::string text = print(reproducer(), {"for people"});
  const Result<Reproducer> read = parse_reproducer(text, "r.sir", {});
  ASSERT_TRUE(read.ok()) << read.failure().message;
  EXPECT_EQ(print(*read, {"for people"}), text);
  EXPECT_EQ(problem_of(read->graph, read->check), "");
}

TEST(Reproducers, WrongOnesAreRefusedWithTheirPlace) {
  const std::string text = print(reproducer(), {});
  const auto failure = [&](const std::string& from, const std::string& to) {
    std::string changed = text;
    const std::size_t at = changed.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    changed.replace(at, from.size(), to);
    const Result<Reproducer> read = parse_reproducer(changed, "r.sir", {});
    return read.ok() ? "accepted" : read.failure().message;
  };
  EXPECT_EQ(failure("# striate", "# other"), "r.sir does not begin with `# striate reproducer:`");
  EXPECT_EQ(failure("check=passes", "check=guesses"), "r.sir:1: `check=guesses` is no setting of a check");
  EXPECT_EQ(failure("pass=expand_elementary", "pass=nothing"), "r.sir:1: it names no pass");
  EXPECT_EQ(failure("examples=3", "examples=30"),
            "r.sir:1: examples, steps and capacity do not fit together");
  EXPECT_EQ(failure("examples=3", "examples=-3"), "r.sir:1: `examples=-3` is no setting of a check");
  EXPECT_EQ(failure("bits=512", "bits=64"), "r.sir:1: `bits=64` is no setting of a check");
  EXPECT_EQ(failure("fuse=0", "fuse"), "r.sir:1: `fuse` is not NAME=VALUE");
  EXPECT_NE(failure("dot(%x, %w)", "dot(%x, %v)").find("r.sir:"), std::string::npos);
}

} // namespace
} // namespace striate
