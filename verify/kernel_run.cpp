#include "verify/kernel_run.h"

#include "ir/kernel/analysis.h"
#include "passes/pass.h"
#include "runtime/tensor.h"
#include "runtime/thread_pool.h"
#include "verify/placed_tensor.h"

#ifdef STRIATE_HAS_LLVM
#include "codegen/cpu/jit.h"
#endif

#include <bit>
#include <cstring>

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

#ifdef STRIATE_HAS_LLVM

namespace {

std::vector<float> slots_of(const Program& program, const std::map<std::string, double>& scalars,
                            const Trial& trial) {
  std::vector<float> slots;
  for (const std::string& name : program.scalars) {
    float value = 0;
    if (const auto found = scalars.find(name); found != scalars.end())
      value = static_cast<float>(found->second);
    if (name == "N") value = static_cast<float>(trial.examples);
    if (name == "1/N") value = static_cast<float>(1.0 / static_cast<double>(trial.examples));
    if (name == "seed.low") value = std::bit_cast<float>(static_cast<uint32_t>(trial.seed));
    if (name == "seed.high") value = std::bit_cast<float>(static_cast<uint32_t>(trial.seed >> 32));
    slots.push_back(value);
  }
  return slots;
}

// Gives every buffer a place of its own, with a gap between them.
std::map<ValueId, int64_t> spread(const Graph& graph, Program& program) {
  constexpr int64_t kGap = 3 * 64;
  std::map<ValueId, int64_t> places;
  int64_t end = kGap;
  for (ValueId value = 0; value < static_cast<ValueId>(graph.values.size()); ++value) {
    if (graph.values[value].offset < 0) continue;
    places[value] = end;
    const int64_t bytes = storage_bytes(graph.values[value], program.capacity);
    end += (bytes + 63) / 64 * 64 + kGap;
  }
  program.arena_bytes = end;
  for (Kernel& kernel : program.kernels)
    for (KernelBuffer& buffer : kernel.buffers)
      if (buffer.space == BufferSpace::Memory) buffer.offset = places.at(graph.find(buffer.name));
  return places;
}

// Runs the kernels step after step; the memory begins as bytes that are no numbers.
class KernelRun {
public:
  KernelRun(const LoweredKernels& kernels, const Trial& trial, bool spread_out)
      : graph_(kernels.graph), program_(kernels.program), trial_(trial), spread_(spread_out) {
    if (spread_) places_ = spread(graph_, program_);
    for (ValueId value = 0; value < static_cast<ValueId>(graph_.values.size()); ++value)
      if (!spread_ && graph_.values[value].offset >= 0) places_[value] = graph_.values[value].offset;
  }

  Status compile(const TargetInfo& target) {
    Result<std::shared_ptr<CompiledPrograms>> code = jit_compile({&program_}, target, 1);
    if (!code) return code.failure();
    code_ = std::move(*code);
    return {};
  }

  std::optional<KernelDifference> compare() {
    Tensor memory(ElementType::U8, {program_.arena_bytes});
    arena_ = static_cast<char*>(memory.data());
    constexpr int kNoNumber = 0xff;
    std::memset(arena_, kNoNumber, static_cast<std::size_t>(program_.arena_bytes));
    ReferenceRun expected(graph_, Precision::F32, trial_.seed);
    for (const Persistent& persistent : graph_.persistents)
      write(persistent.value, expected.persistent(graph_.values[persistent.value].name));
    for (int64_t step = 1; step <= trial_.steps; ++step) {
      const Tensors inputs = draw_inputs(graph_, trial_, step);
      const std::map<std::string, double> scalars = scalars_of(graph_, trial_, step);
      expected.step(inputs, trial_.examples, scalars);
      for (ValueId input : graph_.inputs)
        if (places_.contains(input)) write(input, inputs.at(graph_.values[input].name));
      if (auto difference = run_step(expected, slots_of(program_, scalars, trial_))) {
        difference->step = step;
        return difference;
      }
    }
    return std::nullopt;
  }

private:
  void write(ValueId id, const ReferenceTensor& tensor) {
    write_tensor(arena_ + places_.at(id), graph_.values[id], tensor, trial_.examples, program_.capacity);
  }
  ReferenceTensor read(ValueId id) const {
    return read_tensor(arena_ + places_.at(id), graph_.values[id], trial_.examples);
  }

  std::optional<KernelDifference> run_step(const ReferenceRun& expected, const std::vector<float>& slots) {
    std::optional<KernelDifference> found;
    visit_calls(program_.loops, 0, program_.kernels.size(), [&](std::size_t k, int64_t part, int64_t parts) {
      if (found) return;
      // In uneven pieces, the last one first: pieces of the parallel range are independent.
      const int64_t extent = parallel_extent(program_.kernels[k], trial_.examples) / parts;
      const int64_t begin = part * extent, cut = begin + extent / 3;
      {
        const CompiledCodeFloatEnvironment environment;
        const KernelFunction run = code_->function(0, k);
        run(arena_, slots.data(), trial_.examples, cut, begin + extent);
        run(arena_, slots.data(), trial_.examples, begin, cut);
      }
      const int64_t last = loop_is_reverse(k) ? 0 : parts - 1;
      if (part == last) found = difference_after(expected, k);
    });
    // Where values lie apart, what replaces a parameter or state does so here.
    if (spread_)
      for (const Persistent& persistent : graph_.persistents)
        if (persistent.next >= 0 && places_.contains(persistent.next))
          write(persistent.value, read(persistent.next));
    return found;
  }

  bool loop_is_reverse(std::size_t kernel) const {
    for (const KernelLoop& loop : program_.loops)
      if (kernel >= loop.first && kernel < loop.first + loop.count) return loop.reverse;
    return false;
  }

  std::optional<KernelDifference> difference_after(const ReferenceRun& expected, std::size_t k) const {
    for (ValueId value : graph_.regions[k].stored) {
      const std::string difference = first_difference(read(value).values, expected.value(value).values);
      if (!difference.empty()) return KernelDifference{1, k, graph_.values[value].name, difference};
    }
    return std::nullopt;
  }

  const Graph& graph_;
  Program program_;
  const Trial& trial_;
  bool spread_;
  std::map<ValueId, int64_t> places_;
  std::shared_ptr<CompiledPrograms> code_;
  char* arena_ = nullptr;
};

} // namespace

bool can_run_kernels() { return true; }

Result<std::optional<KernelDifference>> first_kernel_difference(const LoweredKernels& kernels,
                                                                const TargetInfo& target, const Trial& trial,
                                                                bool spread_out) {
  KernelRun run(kernels, trial, spread_out);
  if (const Status status = run.compile(target); !status) return status.failure();
  return run.compare();
}

#else

bool can_run_kernels() { return false; }

Result<std::optional<KernelDifference>> first_kernel_difference(const LoweredKernels&, const TargetInfo&,
                                                                const Trial&, bool) {
  return Failure{ExitCode::Failed,
                 "this build has no CPU back end (it was configured with -DSTRIATE_LLVM=OFF)"};
}

#endif

} // namespace striate
