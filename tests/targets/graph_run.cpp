#include "tests/targets/graph_run.h"

#include "codegen/cpu/jit.h"
#include "codegen/cpu/target.h"
#include "codegen/cuda/host_module.h"
#include "ir/kernel/analysis.h"
#include "passes/plan_memory.h"
#include "support/check.h"
#include "verify/placed_tensor.h"
#include "verify/trial.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <set>

namespace striate {

std::string GraphConfiguration::text() const {
  return fmt::format("{}, capacity {}, {}, {} bits", name_of(layout), capacity, fuse ? "fused" : "not fused",
                     target().vector_bits);
}

TargetInfo GraphConfiguration::target() const {
  TargetInfo target = host_target();
  if (vector_bits > 0) {
    target.vector_bits = vector_bits;
    target.vector_registers = vector_bits == 512 ? 32 : 16;
  }
  target.many_threads = many_threads;
  return target;
}

LoweredGraph::LoweredGraph(const GraphSubject& subject, const GraphConfiguration& configuration,
                           std::size_t number)
    : subject_(subject), configuration_(configuration), graph_(subject.graph) {
  graph_.name = fmt::format("{}{}", graph_.name, number);
  PipelineOptions options;
  options.capacity = configuration.capacity;
  options.target = configuration.target();
  options.layout = configuration.layout;
  options.fuse = configuration.fuse;
  run_region_passes(graph_, {}, options);
  const Program program = run_kernel_passes(graph_, {}, options);
  planned_ = as_planned(graph_, program);
  spread_ = spread_out(graph_, program);
}

int64_t LoweredGraph::place_of(ValueId value, bool spread) const {
  return (spread ? spread_ : planned_).places.at(value);
}

void LoweredGraph::write(char* arena, ValueId input, bool spread, int64_t examples,
                         const ReferenceTensor& tensor) const {
  write_tensor(arena + place_of(input, spread), graph_.values[input], tensor, examples,
               configuration_.capacity);
}

std::vector<double> LoweredGraph::read(const char* arena, ValueId id, bool spread, int64_t examples) const {
  return read_tensor(arena + place_of(id, spread), graph_.values[id], examples).values;
}

void LoweredGraph::fill(GuardedArena& arena, int64_t base, bool spread, int64_t examples,
                        uint64_t draw) const {
  if (spread) {
    for (const auto& [value, place] : spread_.places)
      arena.hand_out(base + place, storage_bytes(graph_.values[value], configuration_.capacity));
  } else {
    arena.hand_out(base, program().arena_bytes);
  }
  for (ValueId input : graph_.inputs)
    write(arena.data() + base, input, spread, examples,
          subject_.values(graph_.values[input], examples, draw));
}

void LoweredGraph::interpret(int64_t examples, uint64_t draw) {
  std::map<std::string, ReferenceTensor>& outputs = expected_[{examples, draw}];
  if (!outputs.empty()) return;
  std::map<std::string, ReferenceTensor> inputs;
  for (ValueId input : graph_.inputs) {
    const Value& value = graph_.values[input];
    inputs[value.name] = subject_.values(value, examples, draw);
  }
  ReferenceRun run(graph_, Precision::F32, kRunSeed);
  run.step(inputs, examples, {{"step", 1}});
  for (const auto& [name, value] : graph_.outputs) outputs[name] = run.output(name);
}

std::vector<std::string> LoweredGraph::problems(const GuardedArena& arena, int64_t base, bool spread,
                                                int64_t examples, uint64_t draw) {
  interpret(examples, draw);
  std::vector<std::string> result;
  const auto report = [&](const std::string& what) {
    result.push_back(fmt::format("{} ({}), {} examples, draw {}{}: {}", subject_.name, configuration_.text(),
                                 examples, draw, spread ? ", spread" : "", what));
  };
  const char* memory = arena.data() + base;
  // A denormal counts as zero, but what only moves an input's leaves it as it is.
  std::set<double> denormals;
  for (ValueId input : graph_.inputs)
    for (double x : subject_.values(graph_.values[input], examples, draw).values)
      if (x != 0 && std::abs(x) < std::numeric_limits<float>::min()) denormals.insert(std::abs(x));
  for (const auto& [name, value] : graph_.outputs) {
    std::vector<double> got = read(memory, value, spread, examples);
    for (double& x : got)
      if (std::isfinite(x) && denormals.contains(std::abs(x))) x = std::copysign(0.0, x);
    const Problem difference = first_difference(got, expected_[{examples, draw}].at(name).values);
    if (difference.found()) report(name + ": " + difference.text);
  }
  for (ValueId input : graph_.inputs) {
    const Value& value = graph_.values[input];
    const ReferenceTensor tensor = subject_.values(value, examples, draw);
    // The whole storage, padding too, as it was before the run.
    GuardedArena before((spread ? spread_program() : program()).arena_bytes);
    const int64_t bytes = storage_bytes(value, configuration_.capacity);
    before.hand_out(place_of(input, spread), bytes);
    write(before.data(), input, spread, examples, tensor);
    if (std::memcmp(before.data() + place_of(input, spread), memory + place_of(input, spread),
                    static_cast<std::size_t>(bytes)) != 0)
      report(value.name + ": the input was written");
  }
  if (const std::optional<int64_t> stray = arena.stray_write())
    report(fmt::format("byte {} of the arena ({} bytes) was written and belongs to no value", *stray - base,
                       (spread ? spread_program() : program()).arena_bytes));
  return result;
}

Program merged(const std::vector<const Program*>& programs, std::vector<int64_t>& bases) {
  Program whole;
  whole.name = "merged";
  whole.capacity = programs.at(0)->capacity;
  whole.scalars = programs[0]->scalars;
  for (const Program* program : programs) {
    CHECK(program->capacity == whole.capacity && program->scalars == whole.scalars);
    bases.push_back(whole.arena_bytes);
    for (KernelLoop loop : program->loops) {
      loop.first += whole.kernels.size();
      whole.loops.push_back(loop);
    }
    for (Kernel kernel : program->kernels) {
      kernel.name = fmt::format("p{}_{}", bases.size(), kernel.name);
      for (KernelBuffer& buffer : kernel.buffers)
        if (buffer.space == BufferSpace::Memory) buffer.offset += whole.arena_bytes;
      whole.kernels.push_back(std::move(kernel));
    }
    whole.arena_bytes += program->arena_bytes;
  }
  return whole;
}

static void append(std::vector<std::string>& all, std::vector<std::string> more) {
  all.insert(all.end(), more.begin(), more.end());
}

std::vector<std::string> jit_problems(const std::vector<GraphSubject>& subjects,
                                      const std::vector<GraphConfiguration>& configurations) {
  std::vector<std::string> problems;
  // One compilation per target, so that kernels that recur are compiled once.
  std::map<int, std::vector<const GraphConfiguration*>> by_target;
  for (const GraphConfiguration& configuration : configurations)
    by_target[configuration.target().vector_bits].push_back(&configuration);
  for (const auto& [bits, list] : by_target) {
    std::vector<std::pair<const GraphConfiguration*, LoweredGraph>> lowered;
    for (const GraphConfiguration* configuration : list)
      for (const GraphSubject& subject : subjects)
        lowered.push_back({configuration, {subject, *configuration, lowered.size()}});
    std::vector<const Program*> programs;
    for (const auto& [configuration, graph] : lowered) {
      programs.push_back(&graph.program());
      programs.push_back(&graph.spread_program());
    }
    const Result<std::shared_ptr<CompiledPrograms>> code = jit_compile(programs, list[0]->target(), 1);
    if (!code) return {code.failure().message};
    for (std::size_t p = 0; p < programs.size(); ++p) {
      const GraphConfiguration& configuration = *lowered[p / 2].first;
      LoweredGraph& graph = lowered[p / 2].second;
      const bool spread = p % 2 == 1;
      for (int64_t examples : configuration.examples) {
        for (uint64_t draw = 0; draw < graph.subject().draws; ++draw) {
          GuardedArena arena(programs[p]->arena_bytes);
          graph.fill(arena, 0, spread, examples, draw);
          const std::vector<float> slots = slots_of_step(*programs[p], {}, examples, 1);
          const std::vector<Kernel>& kernels = programs[p]->kernels;
          visit_calls(programs[p]->loops, 0, kernels.size(), [&](std::size_t k, int64_t part, int64_t parts) {
            run_in_pieces((*code)->function(p, k), parallel_extent(kernels[k], examples), part, parts,
                          arena.data(), slots.data(), examples);
          });
          append(problems, graph.problems(arena, 0, spread, examples, draw));
        }
      }
    }
  }
  return problems;
}

std::vector<std::string> cuda_problems(const std::vector<GraphSubject>& subjects,
                                       GraphConfiguration configuration) {
  configuration.many_threads = true;
  std::vector<LoweredGraph> lowered;
  for (const GraphSubject& subject : subjects) lowered.emplace_back(subject, configuration, lowered.size());
  std::vector<const Program*> programs;
  for (const LoweredGraph& graph : lowered) programs.push_back(&graph.program());
  std::vector<int64_t> bases;
  const Program whole = merged(programs, bases);
  const Result<HostShimModule> module = HostShimModule::compile(whole);
  if (!module) return {module.failure().message};
  std::vector<std::string> problems;
  uint64_t draws = 0;
  for (const GraphSubject& subject : subjects) draws = std::max(draws, subject.draws);
  for (int64_t examples : configuration.examples) {
    for (uint64_t draw = 0; draw < draws; ++draw) {
      GuardedArena arena(whole.arena_bytes);
      for (std::size_t g = 0; g < lowered.size(); ++g)
        lowered[g].fill(arena, bases[g], false, examples, draw % subjects[g].draws);
      const ThreadOrder order = draw % 2 == 0 ? ThreadOrder::Strided : ThreadOrder::Reverse;
      const Status status =
          module->run(arena.data(), slots_of_step(whole, {}, examples, 1).data(), examples, order);
      if (!status) problems.push_back(status.failure().message);
      for (std::size_t g = 0; g < lowered.size(); ++g)
        append(problems, lowered[g].problems(arena, bases[g], false, examples, draw % subjects[g].draws));
    }
  }
  return problems;
}

} // namespace striate
