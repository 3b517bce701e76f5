#include "tests/targets/run_targets.h"

#include "codegen/cpu/jit.h"
#include "codegen/cpu/target.h"
#include "codegen/cuda/host_module.h"
#include "codegen/reference/interpreter.h"
#include "frontend/parser.h"
#include "passes/input_ranges.h"
#include "runtime/placement.h"
#include "support/random.h"
#include "tests/targets/target_run.h"
#include "verify/placed_program.h"
#include "verify/trial.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <numeric>

namespace striate {

TargetInfo target_of(const TargetRunOptions& options) {
  TargetInfo target = host_target();
  if (options.vector_bits > 0) {
    target.vector_bits = options.vector_bits;
    target.vector_registers = options.vector_bits == 512 ? 32 : 16;
  }
  if (options.l2_bytes > 0) target.l2_bytes = options.l2_bytes;
  return target;
}

std::optional<Module> module_of(const std::string& text) {
  Diagnostics diagnostics;
  diagnostics.add_source("test.nn", text);
  const ast::File file = parse("test.nn", text, diagnostics);
  std::vector<Module> modules;
  if (!diagnostics.has_errors()) modules = elaborate(file, {}, diagnostics);
  if (!modules.empty()) return std::move(modules[0]);
  ADD_FAILURE() << diagnostics.render();
  return std::nullopt;
}

namespace {

// A run's inputs: the same logical tensors for every target.
Tensor random_input(const Value& value, int64_t examples, uint64_t seed) {
  std::vector<int64_t> shape;
  for (const Size& size : value.type.shape) shape.push_back(size.at(examples));
  Tensor tensor(value.type.element, shape);
  for (int64_t k = 0; k < tensor.elements(); ++k) {
    const float u = uniform(seed, static_cast<uint64_t>(k), 0, 77);
    switch (value.type.element) {
    case ElementType::F32:
      tensor.as<float>()[k] = 2 * u - 1;
      break;
    case ElementType::U8:
      tensor.as<uint8_t>()[k] = static_cast<uint8_t>(u * 256);
      break;
    case ElementType::I32:
      tensor.as<int32_t>()[k] = static_cast<int32_t>(u * 3);
      break;
    default:
      ADD_FAILURE() << "an input of type " << value.type.text();
    }
  }
  return tensor;
}

double element(const Tensor& tensor, int64_t k) {
  switch (tensor.element()) {
  case ElementType::F32:
    return tensor.as<float>()[k];
  case ElementType::I32:
    return tensor.as<int32_t>()[k];
  default:
    return tensor.as<uint8_t>()[k];
  }
}

ReferenceTensor reference_of(const TensorType& type, const Tensor& tensor) {
  ReferenceTensor reference;
  reference.type = type;
  reference.shape = tensor.shape();
  for (int64_t k = 0; k < tensor.elements(); ++k) reference.values.push_back(element(tensor, k));
  return reference;
}

enum Entry { kInit, kStep, kEval };

// One call of an entry point: the steps in order, then evaluations.
struct Call {
  Entry entry = kStep;
  int64_t examples = 1;
  int64_t step = 0;
  uint64_t draw = 0; // of its inputs

  std::string text() const { return fmt::format("{} {}", entry == kStep ? "step" : "evaluation", draw); }
};

using Runner = std::function<void(const Call& call, char* arena)>;

class Comparison {
public:
  Comparison(const Module& module, const TargetRunOptions& options) : module_(module), options_(options) {
    compile_.pipeline.capacity = options.capacity;
    compile_.pipeline.target = target_of(options);
    compile_.pipeline.layout = options.layout;
    compile_.pipeline.fuse = options.fuse;
    compile_.pipeline.memory = options.memory;
    compilation_ = std::move(*lower(module, true, compile_));
    executable_ = std::move(*compile(compilation_, compile_));
    const auto steps = static_cast<int64_t>(options.batches.size());
    for (int64_t k = 0; k < steps; ++k)
      calls_.push_back({kStep, options.batches[k], k + 1, static_cast<uint64_t>(k)});
    for (int64_t k = 0; k < steps; ++k)
      calls_.push_back({kEval, options.batches[k], steps, static_cast<uint64_t>(k + steps)});
  }

  std::vector<std::string> run() {
    CompileOptions whole = compile_;
    whole.pipeline.memory.reset();
    const Compilation reference = options_.memory ? std::move(*lower(module_, true, whole)) : compilation_;
    interpret(reference.step.regions, Precision::F32);
    interpret_evaluation(reference.eval.regions);
    if (options_.finite_only && !is_finite()) return {};
    compare("jit", jit());
    if (options_.cuda && !host_compiler().empty()) {
      // With the passes and schedules of a GPU.
      compile_.pipeline.target.many_threads = true;
      compilation_ = std::move(*lower(module_, true, compile_));
      executable_ = describe(compilation_, options_.capacity);
      interpret(compilation_.step.regions, Precision::F32);
      interpret_evaluation(compilation_.eval.regions);
      std::vector<HostShimModule> modules;
      for (Entry entry : {kInit, kStep, kEval}) {
        Result<HostShimModule> module = HostShimModule::compile(stages(entry).program);
        if (!module) {
          differences_.push_back("cuda: " + module.failure().message);
          return differences_;
        }
        modules.push_back(std::move(*module));
      }
      for (ThreadOrder order : {ThreadOrder::Forward, ThreadOrder::Reverse, ThreadOrder::Strided}) {
        compare("cuda", [&](const Call& call, char* arena) {
          const Status status = modules[call.entry].run(arena, slots(call).data(), call.examples, order);
          if (!status) differences_.push_back("cuda: " + status.failure().message);
        });
      }
    }
    return differences_;
  }

  // Interprets the unoptimised graph in f64, and returns the largest relative distance of a persistent.
  double distance() {
    Graph graph = module_.train;
    graph.scalars = module_.scalars;
    graph.entry = "step";
    PipelineOptions plain = compile_.pipeline;
    EXPECT_TRUE(run_gradient_passes(graph, module_.optimizers, true, plain).ok());
    interpret(graph, Precision::F64);
    GuardedArena arena(executable_.arena_bytes);
    arena.hand_out(0, executable_.arena_bytes);
    jit()({kInit}, arena.data());
    for (const Call& call : calls_) {
      if (call.entry != kStep) continue;
      fill_inputs(arena, call);
      jit()(call, arena.data());
    }
    double worst = 0;
    for (const std::vector<Placement>* list : {&executable_.parameters, &executable_.states}) {
      for (const Placement& placement : *list) {
        const Tensor got = PlacedTensor(placement).read(arena.data() + placement.offset, options_.capacity);
        const ReferenceTensor& want = final_.at(placement.name);
        double largest = 1e-30, difference = 0;
        for (int64_t k = 0; k < got.elements(); ++k) {
          largest = std::max(largest, std::abs(want.values[k]));
          difference = std::max(difference, std::abs(want.values[k] - element(got, k)));
        }
        worst = std::max(worst, difference / std::max(largest, 1e-3));
      }
    }
    return worst;
  }

private:
  bool is_finite() const {
    const auto finite = [](const auto& named) {
      return std::ranges::all_of(named.second.values, [](double x) { return std::isfinite(x); });
    };
    return std::ranges::all_of(final_, finite) && std::ranges::all_of(outputs_, [&](const auto& of_call) {
             return std::ranges::all_of(of_call, finite);
           });
  }
  const CompiledEntry& stages(Entry entry) const {
    return entry == kInit ? compilation_.init : entry == kStep ? compilation_.step : compilation_.eval;
  }
  const EntryPoint& point(Entry entry) const {
    return entry == kInit ? executable_.init : entry == kStep ? executable_.step : executable_.eval;
  }
  std::vector<float> slots(const Call& call) const {
    return slots_of_step(stages(call.entry).program, compilation_.step.regions.scalars, call.examples,
                         call.step);
  }

  std::vector<Tensor> inputs_of(const Call& call) const {
    std::vector<Tensor> tensors;
    const Graph& graph = stages(call.entry).regions;
    for (std::size_t k = 0; k < graph.inputs.size(); ++k)
      tensors.push_back(random_input(graph.values[graph.inputs[k]], call.examples, 100 * call.draw + k));
    return tensors;
  }

  // One call, its outputs added to outputs_.
  void interpret(const Graph& graph, ReferenceRun& run, const Call& call) {
    std::map<std::string, ReferenceTensor> inputs;
    const std::vector<Tensor> tensors = inputs_of(call);
    for (std::size_t k = 0; k < tensors.size(); ++k) {
      const Value& value = graph.values[graph.inputs[k]];
      inputs[value.name] = reference_of(value.type, tensors[k]);
    }
    const auto& first = compilation_.step.regions.scalars;
    std::map<std::string, double> scalars(first.begin(), first.end());
    scalars["step"] = static_cast<double>(call.step);
    scalars["epoch"] = static_cast<double>(call.step / 2);
    run.step(inputs, call.examples, scalars);
    std::map<std::string, ReferenceTensor> outputs;
    for (const auto& [name, value] : graph.outputs) outputs[name] = run.output(name);
    outputs_.push_back(std::move(outputs));
  }

  void interpret(const Graph& step, Precision precision) {
    ReferenceRun run(step, precision, kRunSeed);
    outputs_.clear();
    for (const Call& call : calls_)
      if (call.entry == kStep) interpret(step, run, call);
    final_.clear();
    for (const Persistent& persistent : step.persistents)
      final_[step.values[persistent.value].name] = run.persistent(step.values[persistent.value].name);
  }

  void interpret_evaluation(const Graph& graph) {
    ReferenceRun run(graph, Precision::F32, kRunSeed);
    for (const Persistent& persistent : graph.persistents) {
      const std::string& name = graph.values[persistent.value].name;
      run.set_persistent(name, final_.at(name));
    }
    for (const Call& call : calls_)
      if (call.entry == kEval) interpret(graph, run, call);
  }

  void fill_inputs(GuardedArena& arena, const Call& call) {
    const std::vector<Tensor> tensors = inputs_of(call);
    std::vector<int64_t> rows;
    for (int64_t r = 0; r < call.examples; ++r) rows.push_back(r);
    ThreadPool pool(1);
    const Graph& graph = stages(call.entry).regions;
    for (const Placement& placement : point(call.entry).inputs) { // an input that nothing reads has none
      for (std::size_t k = 0; k < tensors.size(); ++k) {
        if (graph.values[graph.inputs[k]].name != placement.name) continue;
        EXPECT_TRUE(PlacedTensor(placement)
                        .write_examples(arena.data() + placement.offset, tensors[k], rows, pool)
                        .ok());
      }
    }
  }

  Runner jit() const {
    return [this](const Call& call, char* arena) {
      const std::vector<float> scalars = slots(call);
      const EntryPoint& entry = point(call.entry);
      visit_calls(entry.loops, 0, entry.kernels.size(), [&](std::size_t k, int64_t part, int64_t parts) {
        const ExecutableKernel& kernel = entry.kernels[k];
        run_in_pieces(kernel.function, kernel.parallel_extent(call.examples), part, parts, arena,
                      scalars.data(), call.examples);
      });
    };
  }

  void compare(const std::string& target, const Runner& runner) {
    GuardedArena arena(executable_.arena_bytes);
    arena.hand_out(0, executable_.arena_bytes);
    runner({kInit}, arena.data());
    for (std::size_t c = 0; c < calls_.size(); ++c) {
      const EntryPoint& entry = point(calls_[c].entry);
      fill_inputs(arena, calls_[c]);
      std::vector<std::string> before;
      for (const Placement& input : entry.inputs) before.push_back(bytes_of(arena, input));
      runner(calls_[c], arena.data());
      for (std::size_t k = 0; k < before.size(); ++k)
        if (bytes_of(arena, entry.inputs[k]) != before[k])
          differences_.push_back(fmt::format("{}: {}: the input {} was written", target, calls_[c].text(),
                                             entry.inputs[k].name));
      for (const Placement& placement : entry.outputs)
        check(fmt::format("{}: {}: {}", target, calls_[c].text(), placement.name),
              PlacedTensor(placement).read(arena.data() + placement.offset, calls_[c].examples),
              outputs_[c].at(placement.name));
    }
    for (const std::vector<Placement>* list : {&executable_.parameters, &executable_.states})
      for (const Placement& placement : *list)
        check(fmt::format("{}: {}", target, placement.name),
              PlacedTensor(placement).read(arena.data() + placement.offset, options_.capacity),
              final_.at(placement.name));
    if (const std::optional<int64_t> stray = arena.stray_write())
      differences_.push_back(
          fmt::format("{}: byte {} was written, the arena has {}", target, *stray, executable_.arena_bytes));
  }

  // The whole storage, padding too.
  static std::string bytes_of(const GuardedArena& arena, const Placement& placement) {
    return {arena.data() + placement.offset,
            static_cast<std::size_t>(placement.storage * byte_size(placement.element))};
  }

  void check(const std::string& what, const Tensor& got, const ReferenceTensor& want) {
    if (got.shape() != want.shape) {
      differences_.push_back(what + ": another shape");
      return;
    }
    std::vector<double> values;
    for (int64_t k = 0; k < got.elements(); ++k) values.push_back(element(got, k));
    const Problem difference = first_difference(values, want.values);
    if (difference.found()) differences_.push_back(what + ": " + difference.text);
  }

  const Module& module_;
  const TargetRunOptions& options_;
  CompileOptions compile_;
  Compilation compilation_;
  Executable executable_;
  std::vector<Call> calls_;
  std::vector<std::map<std::string, ReferenceTensor>> outputs_; // per call
  std::map<std::string, ReferenceTensor> final_;
  std::vector<std::string> differences_;
};

} // namespace

std::vector<std::string> differences_between_targets(const Module& module, const TargetRunOptions& options) {
  return Comparison(module, options).run();
}

double distance_from_oracle(const Module& module, const TargetRunOptions& options) {
  return Comparison(module, options).distance();
}

std::string gradient_problem(const Module& module, int64_t examples, double rate, uint64_t seed) {
  Graph graph = module.train;
  graph.scalars = module.scalars;
  graph.entry = "step";
  PipelineOptions options;
  options.capacity = examples;
  if (const Status status = run_gradient_passes(graph, module.optimizers, true, options); !status)
    return status.failure().message;
  std::map<std::string, ReferenceTensor> inputs;
  for (ValueId input : graph.inputs)
    inputs[graph.values[input].name] =
        reference_of(graph.values[input].type, random_input(graph.values[input], examples, seed));
  // Classes that there are: of others there is no gradient.
  for (const InputRange& range : input_ranges(module.train))
    for (double& value : inputs.at(module.train.values[range.input].name).values)
      value = static_cast<double>(range.values.low) +
              std::fmod(value, static_cast<double>(range.values.high - range.values.low + 1));
  const std::map<std::string, double> scalars(graph.scalars.begin(), graph.scalars.end());
  const auto direction = [&](std::size_t parameter, std::size_t k) {
    return 2.0 * uniform(seed, k, parameter, 78) - 1;
  };
  const auto loss_at = [&](double distance) {
    ReferenceRun run(graph, Precision::F64, kRunSeed);
    for (std::size_t p = 0; p < graph.persistents.size(); ++p) {
      if (!graph.persistents[p].group.empty()) continue; // an optimizer's state
      const std::string& name = graph.values[graph.persistents[p].value].name;
      ReferenceTensor moved = run.persistent(name);
      for (std::size_t k = 0; k < moved.values.size(); ++k) moved.values[k] += distance * direction(p, k);
      run.set_persistent(name, std::move(moved));
    }
    run.step(inputs, examples, scalars);
    const std::vector<double>& losses = run.output("loss").values; // of the examples
    return std::accumulate(losses.begin(), losses.end(), 0.0) / static_cast<double>(losses.size());
  };
  ReferenceRun run(graph, Precision::F64, kRunSeed);
  std::vector<ReferenceTensor> before;
  for (const Persistent& persistent : graph.persistents)
    before.push_back(run.persistent(graph.values[persistent.value].name));
  run.step(inputs, examples, scalars);
  double derived = 0, scale = 0;
  for (std::size_t p = 0; p < before.size(); ++p) {
    if (!graph.persistents[p].group.empty()) continue;
    const ReferenceTensor& after = run.persistent(graph.values[graph.persistents[p].value].name);
    for (std::size_t k = 0; k < after.values.size(); ++k) {
      const double part = (before[p].values[k] - after.values[k]) / rate * direction(p, k);
      derived += part;
      scale += std::abs(part);
    }
  }
  if (!std::isfinite(derived) || scale > 1e12) return ""; // differences would show nothing
  // A kink may lie within a step: then a shorter one does without it. And there may be a jump at the point
  // itself, as where rounding decides which of equal scores is the largest: there is no derivative.
  std::string problem;
  const double here = loss_at(0);
  for (const double step : {1e-5, 1e-6, 1e-7}) {
    const double above = loss_at(step), below = loss_at(-step);
    const double difference = (above - below) / (2 * step);
    const double noise = 1e-15 * std::abs(here) / step;
    if (std::abs(above + below - 2 * here) > 1000 * step * scale + 1e-12 * std::abs(here)) {
      problem.clear();
      continue;
    }
    if (std::abs(difference - derived) <= 1e-4 * std::abs(derived) + 1e-6 * scale + 10 * noise + 1e-12)
      return "";
    problem = fmt::format("the derivative along a direction is {}, by differences {}", derived, difference);
  }
  return problem;
}

} // namespace striate
