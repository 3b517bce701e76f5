// The parts of `striate verify`. tests/verify/planted_bugs.py plants bugs in the whole.
#include "codegen/cuda/host_library.h"
#include "driver/cuda_target.h"
#include "driver/kernel_compiler.h"
#include "frontend/parser.h"
#include "ir/graph/parse.h"
#include "verify/gradient_check.h"
#include "verify/rounding.h"
#include "verify/shrink.h"
#include "verify/sizes.h"
#include "verify/verify_module.h"

#include <gtest/gtest.h>

#include <algorithm>
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
    options.compile = kernel_compiler("", 1);
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
  options.compile = kernel_compiler("", 1);
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

// A label is one of the classes, of whatever type the data has it.
TEST(Verify, LabelsAreClasses) {
  for (const char* type : {"i32", "u8"}) {
    const Result<Graph> graph = parse_graph(fmt::format(R"(graph M.step {{
  input %label : {0}[N]
  %y : f32[N,7] = one_hot(%label) @one_hot
  output y = %y
}}

define @one_hot op one_hot(label: {0}[N]) -> (y) {{
  let y: f32[N,7]
  y[n, c] = select(c == label[n], 1.0, 0)
}}
)",
                                                        type));
    ASSERT_TRUE(graph.ok()) << graph.failure().message;
    Trial trial = small_trial();
    trial.examples = 100;
    const std::vector<double> labels = draw_inputs(*graph, trial, 1).at("label").values;
    EXPECT_EQ(*std::ranges::min_element(labels), 0) << type;
    EXPECT_EQ(*std::ranges::max_element(labels), 6) << type;
  }
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
  EXPECT_EQ(first_difference({1, 2}, {1, 3}).text, "element 1 of 2 is 2, not 3");
  EXPECT_EQ(first_difference({0.0}, {-0.0}).text, "element 0 of 1 is 0, not -0");
  EXPECT_FALSE(first_difference({NAN}, {-NAN}).found());
  EXPECT_EQ(first_difference({1}, {NAN}).kind, "not finite");
  EXPECT_EQ(first_difference({0.0}, {-0.0}).kind, "the sign of a zero");
  EXPECT_EQ(first_difference({1}, {2}).kind, "a number");
}

TEST(Verify, GradientsOfSmoothAndKinkedStatements) {
  EXPECT_FALSE(gradient_difference(small_graph(), small_trial()).found());
  EXPECT_FALSE(gradient_difference(small_graph(" + max(y[n], 0) * abs(x[n, 1])"), small_trial()).found());
}

// A wrong gradient cannot be written in a graph; a value that hides its dependence can.
TEST(Verify, GradientsThatAreHiddenAreFound) {
  const Problem problem =
      gradient_difference(small_graph(" + floor(1000000000 * y[n]) / 1000000000"), small_trial());
  EXPECT_NE(problem.text.find("by `"), std::string::npos) << problem.text;
}

// What ends the process is a finding: with a stand-in for the process apart, in which everything does that
// comes after the given number of good ends.
VerifyOptions ending_after(int good, const std::string& end) {
  VerifyOptions options;
  options.pipeline.capacity = 6;
  options.trial = small_trial();
  options.compile = kernel_compiler("", 1);
  options.guard = [good, end](const std::function<std::string()>& work) mutable -> Result<std::string> {
    if (good-- > 0) return work();
    return Failure{ExitCode::Internal, end};
  };
  return options;
}

TEST(Verify, APassThatEndsTheProcessIsNamed) {
  const std::optional<Module> module = module_in("models/xor.nn");
  ASSERT_TRUE(module);
  const std::string end = "x.cpp:1: `a` does not hold: after some pass: `v`";
  const std::vector<EntryReport> reports = *verify_module(*module, ending_after(0, end));
  ASSERT_EQ(reports.size(), 1U); // nothing follows from what was not compiled
  ASSERT_EQ(reports[0].mistakes.size(), 1U);
  const Mistake& mistake = reports[0].mistakes[0];
  EXPECT_EQ(mistake.culprit, "the pass expand_calls");
  EXPECT_EQ(mistake.difference, end);
  EXPECT_EQ(mistake.kind, CheckKind::Crash);
  EXPECT_EQ(mistake.reproducer.graph.nodes.size(), 1U);
}

TEST(Verify, WhatEndsWhileKernelsAreMadeIsNamed) {
  if (!kernel_compiler("", 1)) GTEST_SKIP() << "no CPU back end";
  const std::optional<Module> module = module_in("models/xor.nn");
  ASSERT_TRUE(module);
  const std::vector<EntryReport> reports = *verify_module(*module, ending_after(1, "Segmentation fault"));
  ASSERT_EQ(reports.size(), 2U);             // in the second no pass comes to its end
  ASSERT_EQ(reports[0].mistakes.size(), 2U); // kernels as used, and unfused
  EXPECT_EQ(reports[0].mistakes[0].culprit, "the pass assign_layouts");
  EXPECT_EQ(reports[0].mistakes[0].reproducer.check.kind, CheckKind::Crash);
}

void double_sums(KernelBody& body) {
  for (KernelStatement& statement : body) {
    double_sums(statement.body);
    if (statement.kind == KernelStatement::Kind::Accumulate && statement.reducer == Reducer::Sum)
      statement.value = apply(Function::Mul, {statement.value, constant(2)});
  }
}

// Stands in for a wrong code generator.
CompileKernels doubling_sums(const std::string& device) {
  return [compile = kernel_compiler(device, 1)](const Program& program, const TargetInfo& target) {
    Program wrong = program;
    for (Kernel& kernel : wrong.kernels) double_sums(kernel.body);
    return compile(wrong, target);
  };
}

// The first kernel that sums is named, and one sum is left of the program, of one number.
void expect_the_sum(const std::string& device) {
  const std::optional<Module> module = module_in("models/xor.nn");
  ASSERT_TRUE(module);
  VerifyOptions options;
  options.pipeline.capacity = 6;
  options.trial = small_trial();
  options.trial.steps = 2;
  options.device = device;
  options.compile = doubling_sums(device);
  if (!device.empty()) options.pipeline.target = cuda_target_info();
  const std::vector<EntryReport> reports = *verify_module(*module, options);
  ASSERT_FALSE(reports.empty());
  ASSERT_EQ(reports[0].mistakes.size(), 2U); // kernels as used, and unfused
  EXPECT_TRUE(reports[0].mistakes[0].culprit.starts_with("the kernel tanh ("))
      << reports[0].mistakes[0].culprit; // with fc1 in it
  EXPECT_TRUE(reports[0].mistakes[1].culprit.starts_with("the kernel fc1_linear ("))
      << reports[0].mistakes[1].culprit;
  for (const Mistake& mistake : reports[0].mistakes) {
    EXPECT_EQ(mistake.kind, CheckKind::Kernels);
    const auto& [graph, check] = mistake.reproducer;
    ASSERT_EQ(graph.nodes.size(), 1U) << print(graph);
    for (const Value& value : graph.values)
      for (const Size& size : value.type.shape) EXPECT_EQ(size.factor, 1) << value.name;
    EXPECT_EQ(check.trial.examples, 1);
    EXPECT_EQ(check.trial.steps, 1);
    // The file shows it again, and nothing with the right code.
    const Result<Reproducer> read = parse_reproducer(print(mistake.reproducer, {}), "r.sir",
                                                     {options.pipeline.target, cuda_target_info()});
    ASSERT_TRUE(read.ok()) << read.failure().message;
    EXPECT_EQ(read->check.device, device);
    EXPECT_TRUE(problem_of(read->graph, read->check, options.compile).found());
    EXPECT_FALSE(problem_of(read->graph, read->check, kernel_compiler(device, 1)).found());
  }
}

TEST(Verify, AWrongKernelIsNamedAndMadeSmall) {
  if (!kernel_compiler("", 1)) GTEST_SKIP() << "no CPU back end";
  expect_the_sum("");
}

TEST(Verify, AWrongKernelOfCudaIsNamedAndMadeSmall) {
  if (host_compiler().empty()) GTEST_SKIP() << "the emulated device needs a C++ compiler";
  expect_the_sum(kEmulatedDeviceWord);
}

TEST(Reduce, LeavesWhatIsWrong) {
  const Graph step = [] {
    const std::optional<Module> module = module_in("tests/verify/net.nn");
    return module ? module->train : Graph();
  }();
  ASSERT_GT(step.nodes.size(), 15U);
  const std::string culprit = step.nodes[6].op;
  const Graph small = reduce(step, [&](const Graph& graph) {
    return std::ranges::any_of(graph.nodes, [&](const Node& node) { return node.op == culprit; });
  });
  EXPECT_EQ(small.nodes.size(), 1U);
  EXPECT_EQ(small.nodes[0].op, culprit);
  EXPECT_TRUE(verify(small).empty());
  EXPECT_TRUE(small.persistents.empty());
  EXPECT_EQ(small.inputs.size(), small.nodes[0].inputs.size());
}

TEST(Reduce, KeepsTwoThatBelongTogether) {
  const Graph graph = small_graph();
  const Graph small = reduce(graph, [](const Graph& candidate) { return candidate.nodes.size() == 2; });
  EXPECT_EQ(small.nodes.size(), 2U);
}

// A reproducer of the kernels of small_graph(), larger than it has to be.
Reproducer large_reproducer() {
  Reproducer large{small_graph(), {}};
  large.check.trial = {16, 3, 1, {}};
  large.check.lowering.capacity = 64;
  return large;
}

TEST(Shrink, MakesSizesExamplesAndStepsLess) {
  Reproducer small = large_reproducer();
  shrink(small, [](const Graph& graph, const Check&) { return graph.find("y") >= 0; });
  ASSERT_EQ(small.graph.nodes.size(), 1U);
  EXPECT_TRUE(verify(small.graph).empty());
  EXPECT_EQ(small.graph.values[small.graph.find("x")].type.text(), "f32[N,1]");
  EXPECT_EQ(small.graph.values[small.graph.find("w")].type.text(), "f32[1]");
  EXPECT_EQ(small.check.trial.examples, 1);
  EXPECT_EQ(small.check.trial.steps, 1);
  EXPECT_EQ(small.check.lowering.capacity, 1);
}

// What does not show the mistake any more is not taken.
TEST(Shrink, KeepsWhatMatters) {
  Reproducer small = large_reproducer();
  shrink(small, [](const Graph& graph, const Check& check) {
    const ValueId w = graph.find("w");
    return w >= 0 && graph.values[w].type.shape[0].factor > 2 && check.trial.examples > 3;
  });
  EXPECT_EQ(small.graph.values[small.graph.find("w")].type.text(), "f32[3]");
  EXPECT_EQ(small.graph.values[small.graph.find("x")].type.text(), "f32[N,3]");
  EXPECT_EQ(small.check.trial.examples, 4);
  EXPECT_EQ(small.check.lowering.capacity, 4);
}

// A dimension of two digits is as large as they are, an order's highest digit covers what is left.
TEST(Sizes, FollowFromOneAnother) {
  const Result<Graph> graph = parse_graph(R"(graph M.step {
  input %x : f32[N,40,6]
  %y : f32[N,240] = flat(%x) @flat
  %z : f32[N] = total(%y) @total
  output z = %z
}

define @flat op flat(x: f32[N,40,6]) -> (y) {
  let y: f32[N,240]
  y[n, (c: 40 i: 6)] = x[n, c, i]
}

define @total op total(y: f32[N,240]) -> (z) {
  let z: f32[N]
  z[n] = sum(k: 240) y[n, k] order (k/16; lanes k%16)
}
)");
  ASSERT_TRUE(graph.ok()) << graph.failure().message;
  const std::vector<SizeClass> classes = size_classes(*graph);
  const auto of_channels = std::ranges::find(classes, 40, &SizeClass::size);
  ASSERT_NE(of_channels, classes.end());
  const Graph less = resized(*graph, classes, static_cast<std::size_t>(of_channels - classes.begin()), 20);
  for (const std::string& problem : verify(less)) ADD_FAILURE() << problem;
  EXPECT_EQ(less.values[less.find("x")].type.text(), "f32[N,20,6]");
  EXPECT_EQ(less.values[less.find("y")].type.text(), "f32[N,120]");
  const Statement& total = less.nodes[1].definition->statements[0];
  EXPECT_TRUE(total.variables[1].extent.is_constant(120));
  EXPECT_TRUE(total.order.loops[0].extent.is_constant(8));
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
  EXPECT_FALSE(problem_of(read->graph, read->check, {}).found());
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
  EXPECT_EQ(failure("check=passes pass=expand_elementary", "check=crash pass=nothing"),
            "r.sir:1: it names no pass");
  EXPECT_EQ(failure("check=passes pass=expand_elementary", "check=crash pass=-"), "accepted");
  EXPECT_EQ(failure("examples=3", "examples=30"),
            "r.sir:1: examples, steps and capacity do not fit together");
  EXPECT_EQ(failure("examples=3", "examples=-3"), "r.sir:1: `examples=-3` is no setting of a check");
  EXPECT_EQ(failure("bits=512", "bits=64"), "r.sir:1: `bits=64` is no setting of a check");
  EXPECT_EQ(failure("fuse=0", "fuse"), "r.sir:1: `fuse` is not NAME=VALUE");
  EXPECT_NE(failure("dot(%x, %w)", "dot(%x, %v)").find("r.sir:"), std::string::npos);
}

} // namespace
} // namespace striate
