#include "tests/targets/run_targets.h"

#include "codegen/cpu/jit.h"
#include "codegen/cpu/target.h"
#include "codegen/cuda/host_module.h"
#include "codegen/reference/interpreter.h"
#include "frontend/parser.h"
#include "runtime/placement.h"
#include "support/random.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>

namespace striate {

std::optional<Module> module_of(const std::string& text) {
  Diagnostics diagnostics;
  diagnostics.add_source("test.nn", text);
  const ast::File file = parse("test.nn", text, diagnostics);
  std::optional<Module> module;
  if (!diagnostics.has_errors()) module = elaborate(file, {}, diagnostics);
  if (!module) ADD_FAILURE() << diagnostics.render();
  return module;
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

Tensor tensor_of(const ReferenceTensor& reference) {
  Tensor tensor(reference.type.element, reference.shape);
  for (int64_t k = 0; k < tensor.elements(); ++k) {
    switch (reference.type.element) {
    case ElementType::F32:
      tensor.as<float>()[k] = static_cast<float>(reference.values[k]);
      break;
    case ElementType::I32:
      tensor.as<int32_t>()[k] = static_cast<int32_t>(reference.values[k]);
      break;
    default:
      tensor.as<uint8_t>()[k] = static_cast<uint8_t>(reference.values[k]);
      break;
    }
  }
  return tensor;
}

constexpr uint64_t kSeed = 12345;

std::vector<float> scalar_slots(const Program& program, const Module& module, int64_t examples,
                                int64_t step) {
  std::vector<float> slots;
  for (const std::string& name : program.scalars) {
    float value = 0;
    if (name == "N") value = static_cast<float>(examples);
    if (name == "1/N") value = static_cast<float>(1.0 / static_cast<double>(examples));
    if (name == "step") value = static_cast<float>(step);
    if (name == "seed.low") value = std::bit_cast<float>(static_cast<uint32_t>(kSeed));
    if (name == "seed.high") value = std::bit_cast<float>(static_cast<uint32_t>(kSeed >> 32));
    for (const auto& [scalar, initial] : module.scalars)
      if (scalar == name) value = static_cast<float>(initial);
    slots.push_back(value);
  }
  return slots;
}

struct Arena {
  explicit Arena(int64_t bytes) : memory(ElementType::U8, {bytes}) {
    // What was never written must not matter.
    std::memset(memory.data(), 0xff, static_cast<std::size_t>(bytes));
  }
  char* data() { return static_cast<char*>(memory.data()); }
  Tensor memory;
};

using Runner =
    std::function<void(const EntryPoint&, std::size_t program, char* arena, int64_t examples, int64_t step)>;

class Comparison {
public:
  Comparison(const Module& module, const TargetRunOptions& options) : module_(module), options_(options) {
    compile_.pipeline.capacity = options.capacity;
    compile_.pipeline.target = host_target();
    if (options.vector_bits > 0) {
      compile_.pipeline.target.vector_bits = options.vector_bits;
      compile_.pipeline.target.vector_registers = options.vector_bits == 512 ? 32 : 16;
    }
    compile_.pipeline.layout = options.layout;
    compile_.pipeline.fuse = options.fuse;
    compilation_ = std::move(*lower(module, true, compile_));
    executable_ = std::move(*compile(module, compilation_, compile_));
  }

  std::vector<std::string> run() {
    interpret(compilation_.step.regions, Precision::F32);
    const Runner jit = [&](const EntryPoint& entry, std::size_t, char* arena, int64_t examples,
                           int64_t step) {
      const std::vector<float> slots = scalar_slots(program_of(entry), module_, examples, step);
      for (const ExecutableKernel& kernel : entry.kernels) {
        // In uneven parts, the last one first: parts of the parallel range are independent.
        const int64_t extent = kernel.parallel_extent(examples), cut = extent / 3;
        kernel.function(arena, slots.data(), examples, cut, extent);
        kernel.function(arena, slots.data(), examples, 0, cut);
      }
    };
    compare("jit", jit);
    if (options_.cuda && !host_compiler().empty()) {
      std::vector<HostShimModule> modules;
      for (const Program* program : {&compilation_.init.program, &compilation_.step.program}) {
        Result<HostShimModule> module = HostShimModule::compile(*program);
        if (!module) {
          differences_.push_back("cuda: " + module.failure().message);
          return differences_;
        }
        modules.push_back(std::move(*module));
      }
      for (ThreadOrder order : {ThreadOrder::Forward, ThreadOrder::Reverse, ThreadOrder::Strided}) {
        compare("cuda", [&](const EntryPoint& entry, std::size_t program, char* arena, int64_t examples,
                            int64_t step) {
          const std::vector<float> slots = scalar_slots(program_of(entry), module_, examples, step);
          const Status status = modules[program].run(arena, slots.data(), examples, order);
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
    Arena arena(executable_.arena_bytes);
    run_jit(arena);
    double worst = 0;
    for (const std::vector<Placement>* list : {&executable_.parameters, &executable_.states}) {
      for (const Placement& placement : *list) {
        const Tensor got = PlacedTensor(placement).read(arena.data(), options_.capacity);
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
  const Program& program_of(const EntryPoint& entry) const {
    return &entry == &executable_.init ? compilation_.init.program : compilation_.step.program;
  }

  std::vector<Tensor> inputs_of_step(std::size_t step) const {
    std::vector<Tensor> tensors;
    const Graph& graph = compilation_.step.regions;
    for (std::size_t k = 0; k < graph.inputs.size(); ++k)
      tensors.push_back(random_input(graph.values[graph.inputs[k]], options_.batches[step], 100 * step + k));
    return tensors;
  }

  void interpret(const Graph& graph, Precision precision) {
    ReferenceRun run(graph, precision, kSeed);
    outputs_.clear();
    for (std::size_t step = 0; step < options_.batches.size(); ++step) {
      std::map<std::string, ReferenceTensor> inputs;
      const std::vector<Tensor> tensors = inputs_of_step(step);
      for (std::size_t k = 0; k < tensors.size(); ++k) {
        const Value& value = graph.values[graph.inputs[k]];
        inputs[value.name] = reference_of(value.type, tensors[k]);
      }
      std::map<std::string, double> scalars(module_.scalars.begin(), module_.scalars.end());
      scalars["step"] = static_cast<double>(step + 1);
      run.step(inputs, options_.batches[step], scalars);
      std::map<std::string, ReferenceTensor> outputs;
      for (const auto& [name, value] : graph.outputs) outputs[name] = run.output(name);
      outputs_.push_back(std::move(outputs));
    }
    final_.clear();
    for (const Persistent& persistent : graph.persistents)
      final_[graph.values[persistent.value].name] = run.persistent(graph.values[persistent.value].name);
  }

  void fill_inputs(Arena& arena, std::size_t step) {
    const std::vector<Tensor> tensors = inputs_of_step(step);
    std::vector<int64_t> rows;
    for (int64_t r = 0; r < options_.batches[step]; ++r) rows.push_back(r);
    ThreadPool pool(1);
    for (std::size_t k = 0; k < tensors.size(); ++k)
      EXPECT_TRUE(
          PlacedTensor(executable_.step.inputs[k]).write_examples(arena.data(), tensors[k], rows, pool).ok());
  }

  void run_jit(Arena& arena) {
    const auto run = [&](const EntryPoint& entry, int64_t examples, int64_t step) {
      const std::vector<float> slots = scalar_slots(program_of(entry), module_, examples, step);
      for (const ExecutableKernel& kernel : entry.kernels)
        kernel.function(arena.data(), slots.data(), examples, 0, kernel.parallel_extent(examples));
    };
    run(executable_.init, 1, 0);
    for (std::size_t step = 0; step < options_.batches.size(); ++step) {
      fill_inputs(arena, step);
      run(executable_.step, options_.batches[step], static_cast<int64_t>(step) + 1);
    }
  }

  void compare(const std::string& target, const Runner& runner) {
    Arena arena(executable_.arena_bytes);
    runner(executable_.init, 0, arena.data(), 1, 0);
    for (std::size_t step = 0; step < options_.batches.size(); ++step) {
      fill_inputs(arena, step);
      runner(executable_.step, 1, arena.data(), options_.batches[step], static_cast<int64_t>(step) + 1);
      for (const Placement& placement : executable_.step.outputs)
        check(fmt::format("{}: step {}: {}", target, step, placement.name),
              PlacedTensor(placement).read(arena.data(), options_.batches[step]),
              outputs_[step].at(placement.name));
    }
    for (const std::vector<Placement>* list : {&executable_.parameters, &executable_.states})
      for (const Placement& placement : *list)
        check(fmt::format("{}: {}", target, placement.name),
              PlacedTensor(placement).read(arena.data(), options_.capacity), final_.at(placement.name));
  }

  void check(const std::string& what, const Tensor& got, const ReferenceTensor& want) {
    const Tensor expected = tensor_of(want);
    if (got.shape() != expected.shape()) {
      differences_.push_back(what + ": another shape");
      return;
    }
    for (int64_t k = 0; k < got.elements(); ++k) {
      const double a = element(got, k), b = element(expected, k);
      if (std::memcmp(&a, &b, sizeof a) == 0) continue;
      differences_.push_back(
          fmt::format("{}: element {} of {} is {:.9g}, not {:.9g}", what, k, got.elements(), a, b));
      return;
    }
  }

  const Module& module_;
  const TargetRunOptions& options_;
  CompileOptions compile_;
  Compilation compilation_;
  Executable executable_;
  std::vector<std::map<std::string, ReferenceTensor>> outputs_;
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

} // namespace striate
