// How fast are the library's own definitions? Convolutions from std/*.nn, through every pass and the JIT,
// against a loop of nothing but FMAs in the same run: every round times both, and the medians of the ratios
// are printed.
//
//   from_definitions [FILTER]        time the cases whose name contains FILTER
//   from_definitions --kernel NAME   print a case's kernels instead
#include "codegen/cpu/jit.h"
#include "codegen/cpu/target.h"
#include "frontend/elaborate.h"
#include "ir/kernel/analysis.h"
#include "passes/differentiate.h"
#include "passes/expand_calls.h"
#include "passes/pipeline.h"
#include "runtime/tensor.h"

#include <algorithm>
#include <cstring>
#include <ctime>

namespace striate {

namespace {

struct Case {
  std::string name;
  TensorType image, filters;
  std::map<std::string, std::string> attributes;
  enum class Direction { Forward, WeightGradient, DataGradient } direction;
  int64_t batch;
  LayoutPolicy layout;
  double flops;
};

TensorType tensor(std::vector<int64_t> shape, bool batch) {
  TensorType type;
  for (int64_t size : shape) type.shape.push_back(Size::constant(size));
  if (batch) type.shape.insert(type.shape.begin(), Size::n());
  return type;
}

Case convolution(const std::string& name, Case::Direction direction, int64_t batch, LayoutPolicy layout,
                 int64_t in, int64_t out, int64_t image, int64_t window, int64_t padding) {
  const int64_t result = image + 2 * padding - window + 1;
  return {name,
          tensor({in, image, image}, true),
          tensor({out, in, window, window}, false),
          {{"padding", std::to_string(padding)}},
          direction,
          batch,
          layout,
          2.0 * static_cast<double>(batch * in * out * result * result * window * window)};
}

std::vector<Case> all_cases() {
  using enum Case::Direction;
  const LayoutPolicy batch = LayoutPolicy::BatchBlocked, channel = LayoutPolicy::ChannelBlocked;
  return {
      convolution("lenet_conv1_forward", Forward, 64, batch, 1, 20, 28, 5, 0),
      convolution("lenet_conv1_weight_gradient", WeightGradient, 64, batch, 1, 20, 28, 5, 0),
      convolution("lenet_conv2_forward", Forward, 64, batch, 20, 50, 12, 5, 0),
      convolution("lenet_conv2_weight_gradient", WeightGradient, 64, batch, 20, 50, 12, 5, 0),
      convolution("lenet_conv2_data_gradient", DataGradient, 64, batch, 20, 50, 12, 5, 0),
      convolution("blocked_64_64_56_forward", Forward, 1, channel, 64, 64, 56, 3, 1),
  };
}

} // namespace

static Program program_of(const Case& one, const TargetInfo& target) {
  Diagnostics diagnostics;
  const auto definition =
      instantiate_op(nullptr, "conv2d", {one.image, one.filters}, one.attributes, diagnostics);
  CHECK(definition, "{}", diagnostics.render());
  Graph graph;
  graph.name = one.name;
  graph.entry = "bench";
  const ValueId x = graph.add_value("x", one.image, ValueRole::Input, {});
  const ValueId k = graph.add_value("k", one.filters, ValueRole::Input, {});
  graph.inputs = {x, k};
  Node call;
  call.op = definition->name;
  call.definition = definition;
  call.inputs = {x, k};
  const NodeId node = graph.add_node(std::move(call), {"y"});
  const ValueId y = graph.nodes[node].outputs[0];
  expand_calls(graph);
  if (one.direction == Case::Direction::Forward) {
    graph.outputs = {{"y", y}};
  } else {
    const ValueId dy = graph.add_value("dy", graph.values[y].type, ValueRole::Input, {});
    graph.inputs.push_back(dy);
    graph.values[dy].zero_in_padding = true;
    const ValueId wanted = one.direction == Case::Direction::WeightGradient ? k : x;
    const auto gradients = append_adjoints(graph, y, dy, {wanted});
    CHECK(gradients.ok());
    graph.outputs = {{"gradient", gradients->at(wanted)}};
  }
  PipelineOptions options;
  options.capacity = one.batch;
  options.target = target;
  options.layout = one.layout;
  run_region_passes(graph, {}, options);
  return run_kernel_passes(graph, {}, options);
}

// Of this thread's own time: others may be running.
static double now() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

static double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<long>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

// Independent chains of FMAs on registers: 12 hardware vectors.
static Program peak_program(const TargetInfo& target, double* flops) {
  constexpr int64_t kSteps = 20000, kUnroll = 8;
  const int64_t points = 12 * target.vector_bits / 512;
  Kernel kernel;
  kernel.name = "peak";
  const int out = kernel.add_buffer({"out", ElementType::F32, BufferSpace::Memory, points * kLanes, 0});
  const int step = kernel.add_variable({"step", VariableKind::Serial, Size::constant(kSteps), 1, false});
  const int unroll =
      kernel.add_variable({"unroll", VariableKind::Unrolled, Size::constant(kUnroll), 1, false});
  const int point = kernel.add_variable({"point", VariableKind::Axis, Size::constant(points), 1, false});
  const int lane = kernel.add_variable({"lane", VariableKind::Lane, Size::constant(kLanes), 1, false});
  const int tile = kernel.add_tile({"sum", ScalarType::Real, {point, lane}});
  const ExprRef a = run_time_scalar("N"), here = tile_point(tile, ScalarType::Real);
  KernelStatement start, multiply, store, inner, outer;
  start.kind = multiply.kind = KernelStatement::Kind::Map;
  start.tile = multiply.tile = tile;
  start.value = constant(0);
  multiply.value = apply(Function::Fma, {here, a, a});
  inner.kind = outer.kind = KernelStatement::Kind::For;
  inner.variable = unroll;
  inner.body = {multiply};
  outer.variable = step;
  outer.body = {inner};
  store.kind = KernelStatement::Kind::Store;
  store.buffer = out;
  store.offset = IndexExpr::variable(point) * kLanes + IndexExpr::variable(lane);
  store.value = here;
  store.axes = {point, lane};
  kernel.body = {start, outer, store};
  *flops = 2.0 * kSteps * kUnroll * static_cast<double>(points * kLanes);
  Program program;
  program.name = "peak";
  program.capacity = 1;
  program.arena_bytes = points * kLanes * 4;
  program.scalars = {"N"};
  program.kernels = {kernel};
  return program;
}

static int run(const std::string& filter, bool print_kernels) {
  const TargetInfo target = host_target();
  double peak_flops = 0;
  std::vector<Case> cases;
  std::vector<Program> programs = {peak_program(target, &peak_flops)};
  for (const Case& one : all_cases()) {
    if (one.name.find(filter) == std::string::npos) continue;
    cases.push_back(one);
    programs.push_back(program_of(one, target));
    if (print_kernels) fmt::print("{}", print(programs.back()));
  }
  if (print_kernels) return 0;
  std::vector<const Program*> pointers;
  int64_t bytes = 0;
  for (const Program& program : programs) {
    pointers.push_back(&program);
    bytes = std::max(bytes, program.arena_bytes);
  }
  const auto code = jit_compile(pointers, target, 1);
  CHECK(code.ok(), "{}", code.failure().message);
  Tensor arena(ElementType::U8, {bytes + 64});
  const std::vector<float> scalars(16, 0.5f);
  const auto seconds = [&](std::size_t program, int64_t examples) {
    const double begin = now();
    for (std::size_t k = 0; k < programs[program].kernels.size(); ++k)
      (*code)->function(program, k)(static_cast<char*>(arena.data()), scalars.data(), examples, 0,
                                    parallel_extent(programs[program].kernels[k], examples));
    return now() - begin;
  };
  constexpr int kRounds = 15;
  fmt::print("{} ({} bit vectors), one thread\n", target.name, target.vector_bits);
  for (std::size_t c = 0; c < cases.size(); ++c) {
    std::vector<double> ratios, rates;
    for (int round = 0; round <= kRounds; ++round) {
      const double peak = peak_flops / seconds(0, 1);
      const double rate = cases[c].flops / seconds(c + 1, cases[c].batch);
      if (round == 0) continue; // warm-up
      ratios.push_back(rate / peak);
      rates.push_back(rate);
    }
    fmt::print("{:32} {:7.1f} GFLOP/s {:6.1f} % of the FMA peak\n", cases[c].name, median(rates) * 1e-9,
               median(ratios) * 100);
  }
  return 0;
}

} // namespace striate

int main(int count, char** arguments) {
  const bool print_kernels = count > 2 && std::string(arguments[1]) == "--kernel";
  return striate::run(count > 1 ? arguments[count - 1] : "", print_kernels);
}
