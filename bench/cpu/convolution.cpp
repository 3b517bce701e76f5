#include "bench/cpu/convolution.h"

#include "frontend/elaborate.h"
#include "ir/kernel/analysis.h"
#include "passes/differentiate.h"
#include "passes/expand_calls.h"
#include "passes/pipeline.h"

#include <algorithm>
#include <ctime>
#include <set>

namespace striate {

static TensorType tensor(std::vector<int64_t> shape, bool batch) {
  TensorType type;
  for (int64_t size : shape) type.shape.push_back(Size::constant(size));
  if (batch) type.shape.insert(type.shape.begin(), Size::n());
  return type;
}

double Convolution::flops() const {
  return 2.0 * static_cast<double>(batch * (in / groups) * out * result() * result() * window * window);
}

// The regions that an output, or the update, needs.
static std::set<std::size_t> regions_for(const Graph& graph, const std::string& output) {
  std::vector<ValueId> pending;
  for (const auto& [name, value] : graph.outputs)
    if (name == output) pending.push_back(value);
  if (output == "k.next") pending.push_back(graph.persistents[0].next);
  std::vector<int> region_of(graph.nodes.size(), -1);
  for (std::size_t r = 0; r < graph.regions.size(); ++r)
    for (NodeId node : graph.regions[r].nodes) region_of[node] = static_cast<int>(r);
  std::set<std::size_t> regions;
  while (!pending.empty()) {
    const NodeId producer = graph.values[pending.back()].producer;
    pending.pop_back();
    if (producer < 0 || !regions.insert(static_cast<std::size_t>(region_of[producer])).second) continue;
    for (NodeId node : graph.regions[region_of[producer]].nodes)
      pending.insert(pending.end(), graph.nodes[node].inputs.begin(), graph.nodes[node].inputs.end());
  }
  return regions;
}

Program program_of(const Convolution& one, const TargetInfo& target) {
  Diagnostics diagnostics;
  const TensorType image = tensor({one.in, one.image, one.image}, true);
  const TensorType filters = tensor({one.out, one.in / one.groups, one.window, one.window}, false);
  const auto definition = instantiate_op(nullptr, "conv2d", {image, filters},
                                         {{"padding", std::to_string(one.padding)},
                                          {"stride", std::to_string(one.stride)},
                                          {"groups", std::to_string(one.groups)}},
                                         diagnostics);
  CHECK(definition, "{}", diagnostics.render());
  Graph graph;
  graph.name = one.name;
  graph.entry = "bench";
  const ValueId x = graph.add_value("x", image, ValueRole::Input, {});
  const ValueId k = graph.add_value("k", filters, ValueRole::Parameter, {});
  graph.inputs = {x};
  Node call;
  call.op = definition->name;
  call.definition = definition;
  call.inputs = {x, k};
  const NodeId node = graph.add_node(std::move(call), {"y"});
  const ValueId y = graph.nodes[node].outputs[0];
  expand_calls(graph);
  // As a network has it: layouts are chosen for the layer and its gradients together. A network's picture has
  // none.
  const bool is_first = one.in <= 3;
  const ValueId dy = graph.add_value("dy", graph.values[y].type, ValueRole::Input, {});
  graph.inputs.push_back(dy);
  graph.values[dy].zero_in_padding = true;
  const auto gradients = append_adjoints(graph, y, dy, is_first ? std::vector{k} : std::vector{x, k});
  CHECK(gradients.ok());
  graph.outputs = {{"y", y}};
  if (!is_first) graph.outputs.emplace_back("x.grad", gradients->at(x));
  // The weights' gradient lies as they do, and ends in their update.
  Statement update = pointwise_statement(filters);
  const std::vector<IndexExpr> here = update.output_indices();
  update.body = read(0, here) - constant(1e-3) * read(1, here);
  Persistent weights;
  weights.value = k;
  weights.trainable = true;
  weights.initial = constant(0.01);
  weights.next =
      add_statement(graph, "update", "", "k.next", filters, {k, gradients->at(k)}, std::move(update), {});
  graph.persistents = {weights};
  PipelineOptions options;
  options.capacity = one.batch;
  options.target = target;
  options.layout = one.layout;
  options.winograd = one.winograd;
  run_region_passes(graph, {}, options);
  Program program = run_kernel_passes(graph, plan_persistents(graph), options);

  // What is timed: what the direction needs, and a gradient without what the forward pass has left to it.
  const std::set<std::size_t> forward = regions_for(graph, "y");
  const std::set<std::size_t> wanted =
      one.direction == Direction::Forward
          ? forward
          : regions_for(graph, one.direction == Direction::DataGradient ? "x.grad" : "k.next");
  std::vector<Kernel> kernels;
  for (std::size_t r : wanted)
    if (one.direction == Direction::Forward || !forward.contains(r))
      kernels.push_back(std::move(program.kernels[r]));
  program.kernels = std::move(kernels);
  return program;
}

Program peak_program(const TargetInfo& target, double* flops) {
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

double thread_seconds() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

Runs::Runs(const std::vector<Program>& programs, const TargetInfo& target) : programs_(programs) {
  std::vector<const Program*> pointers;
  int64_t bytes = 0;
  for (const Program& program : programs) {
    pointers.push_back(&program);
    bytes = std::max(bytes, program.arena_bytes);
  }
  auto code = jit_compile(pointers, target, 1);
  CHECK(code.ok(), "{}", code.failure().message);
  code_ = std::move(*code);
  arena_ = Tensor(ElementType::U8, {bytes + 64});
  constexpr char kByte = 0x3C; // four of them are the f32 0.0115
  std::fill_n(static_cast<char*>(arena_.data()), arena_.bytes(), kByte);
}

double Runs::seconds(std::size_t program, int64_t examples) {
  const double begin = thread_seconds();
  for (std::size_t k = 0; k < programs_[program].kernels.size(); ++k)
    code_->function(program, k)(static_cast<char*>(arena_.data()), scalars_.data(), examples, 0,
                                parallel_extent(programs_[program].kernels[k], examples));
  return thread_seconds() - begin;
}

} // namespace striate
