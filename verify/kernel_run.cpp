#include "verify/kernel_run.h"

#include "passes/pass.h"
#include "passes/plan_memory.h"
#include "verify/placed_program.h"
#include "verify/placed_tensor.h"

namespace striate {

LoweredKernels lower_to_kernels(Graph graph, const Lowering& lowering) {
  PipelineOptions options;
  options.capacity = lowering.capacity;
  options.target = lowering.target;
  options.layout = lowering.layout;
  options.fuse = lowering.fuse;
  PassState state(options);
  state.fixed = lowering.fixed;
  const Status status = run_passes(graph, {"assign_layouts", "form_regions"}, state);
  CHECK(status, "{}", status.failure().message);
  const PersistentPlan persistents = plan_persistents(graph);
  Program program = run_kernel_passes(graph, persistents, options);
  return {std::move(graph), std::move(program)};
}

namespace {

// Runs the kernels step after step; the memory begins as bytes that are no numbers.
class KernelRun {
public:
  KernelRun(const LoweredKernels& kernels, const Trial& trial, bool spread)
      : graph_(kernels.graph), trial_(trial), spread_(spread),
        placed_(spread ? spread_out(kernels.graph, kernels.program)
                       : as_planned(kernels.graph, kernels.program)) {}

  Status prepare(const CompileKernels& compile, const TargetInfo& target) {
    Result<Executable> executable = compile(placed_.program, target);
    if (!executable) return executable.failure();
    executable_ = std::move(*executable);
    if (!executable_.make_device) {
      device_ = make_uneven_device(executable_);
      return {};
    }
    Result<std::unique_ptr<Device>> device = executable_.make_device(executable_);
    if (!device) return device.failure();
    device_ = std::move(*device);
    return {};
  }

  std::optional<KernelDifference> compare() {
    constexpr char kNoNumber = '\xff';
    device_->fill(kNoNumber);
    ReferenceRun expected(graph_, Precision::F32, trial_.seed);
    for (const Persistent& persistent : graph_.persistents)
      write(persistent.value, expected.persistent(graph_.values[persistent.value].name));
    for (int64_t step = 1; step <= trial_.steps; ++step) {
      const Tensors inputs = draw_inputs(graph_, trial_, step);
      const std::map<std::string, double> scalars = scalars_of(graph_, trial_, step);
      expected.step(inputs, trial_.examples, scalars);
      for (ValueId input : graph_.inputs)
        if (placed_.places.contains(input)) write(input, inputs.at(graph_.values[input].name));
      if (auto difference =
              run_step(expected, scalar_slots(placed_.program, scalars, trial_.examples, trial_.seed))) {
        difference->step = step;
        return difference;
      }
    }
    return std::nullopt;
  }

private:
  int64_t bytes_of(ValueId id) const { return storage_bytes(graph_.values[id], placed_.program.capacity); }
  void write(ValueId id, const ReferenceTensor& tensor) {
    char* const memory = device_->begin_write(placed_.places.at(id), bytes_of(id), true);
    write_tensor(memory, graph_.values[id], tensor, trial_.examples, placed_.program.capacity);
    device_->end_write();
  }
  ReferenceTensor read(ValueId id) {
    return read_tensor(device_->read(placed_.places.at(id), bytes_of(id)), graph_.values[id],
                       trial_.examples);
  }

  // Kernel by kernel; those of a loop run together.
  std::optional<KernelDifference> run_step(const ReferenceRun& expected, const std::vector<float>& slots) {
    for (std::size_t first = 0; first < placed_.program.kernels.size();) {
      const auto loop = std::ranges::find(placed_.program.loops, first, &KernelLoop::first);
      const std::size_t last = first + (loop == placed_.program.loops.end() ? 1 : loop->count);
      Status ran = device_->run(executable_.eval, first, last, trial_.examples, slots, nullptr);
      if (ran) ran = device_->finish();
      if (!ran) return KernelDifference{1, first, {"no end", "", ran.failure().message}};
      for (; first < last; ++first)
        if (auto difference = difference_after(expected, first)) return difference;
    }
    // Where values lie apart, what replaces a parameter or state does so here.
    if (spread_)
      for (const Persistent& persistent : graph_.persistents)
        if (persistent.next >= 0 && placed_.places.contains(persistent.next))
          write(persistent.value, read(persistent.next));
    return std::nullopt;
  }

  std::optional<KernelDifference> difference_after(const ReferenceRun& expected, std::size_t k) {
    for (ValueId value : graph_.regions[k].stored) {
      Problem problem = first_difference(read(value).values, expected.value(value).values);
      if (!problem.found()) continue;
      problem.value = graph_.values[value].name;
      return KernelDifference{1, k, std::move(problem)};
    }
    return std::nullopt;
  }

  const Graph& graph_;
  const Trial& trial_;
  bool spread_;
  PlacedProgram placed_;
  Executable executable_; // stays where it is: devices know entry points by their address
  std::unique_ptr<Device> device_;
};

} // namespace

Result<std::optional<KernelDifference>> first_kernel_difference(const LoweredKernels& kernels,
                                                                const CompileKernels& compile,
                                                                const TargetInfo& target, const Trial& trial,
                                                                bool spread) {
  KernelRun run(kernels, trial, spread);
  if (const Status status = run.prepare(compile, target); !status) return status.failure();
  return run.compare();
}

} // namespace striate
