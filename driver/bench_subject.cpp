#include "driver/bench_subject.h"

#include "driver/cuda_target.h"
#include "driver/ir_file.h"
#include "driver/kernel_id.h"
#include "driver/kernel_program.h"
#include "driver/memory_limit.h"
#include "driver/trained_model.h"
#include "runtime/dataset.h"
#include "runtime/timeline.h"
#include "runtime/trainer.h"

#include <algorithm>
#include <numeric>
#include <random>

namespace striate {

// Reals in [0, 1), whole numbers 0: a class and a word that exist.
static Status draw_inputs(Executor& executor, const EntryPoint& entry, int64_t examples) {
  std::mt19937 generator(1);
  std::vector<int64_t> rows(static_cast<std::size_t>(examples));
  std::iota(rows.begin(), rows.end(), int64_t{0});
  for (const Placement& input : entry.inputs) {
    std::vector<int64_t> shape = input.shape;
    if (input.batch) shape[0] = examples;
    Tensor values(input.element, shape);
    if (input.element == ElementType::F32)
      for (float& value : values.as<float>()) value = static_cast<float>(generator() >> 8) * 0x1p-24F;
    if (const Status set = executor.set_input(entry, input.name, values, rows); !set) return set.failure();
  }
  return {};
}

static double seconds_since(int64_t began) {
  return static_cast<double>(steady_nanoseconds() - began) * 1e-9;
}

static Result<BenchSubject> subject_of_model(const Options& options) {
  Result<OpenProgram> opened = open_program(options);
  if (!opened) return opened.failure();
  Module& module = opened->module();
  const bool of_step = options.mode == "train" && module.has_training;
  if (!of_step) keep_model_only(module);
  const int64_t capacity = options.batch > 0     ? options.batch
                           : module.has_training ? phase_options(options, module).capacity()
                                                 : kInferenceBatch;
  const Result<CompileOptions> settings = compile_options(options, capacity, true);
  if (!settings) return settings.failure();
  BenchSubject subject;
  subject.of_step = of_step;
  subject.settings = *settings;
  int64_t began = steady_nanoseconds();
  const Result<Compilation> compilation = lower_within_memory(options, module, of_step, *settings);
  if (!compilation) return compilation.failure();
  subject.lowering_seconds = seconds_since(began);
  began = steady_nanoseconds();
  Result<Executable> executable = compile(*compilation, *settings);
  if (!executable) return executable.failure();
  subject.code_seconds = seconds_since(began);
  subject.program = of_step ? compilation->step.program : compilation->eval.program;
  subject.regions = of_step ? compilation->step.regions : compilation->eval.regions;
  subject.before = process_memory();
  Result<Executor> executor = Executor::create(std::move(*executable), settings->threads);
  if (!executor) return executor.failure();
  subject.executor = std::make_unique<Executor>(std::move(*executor));
  subject.executor->set_seed(static_cast<uint64_t>(module.training.seed));
  for (const ScalarSchedule& schedule : module.schedules) subject.executor->set_scalar(schedule.scalar, 1e-3);
  subject.executor->set_scalar("update", 1);
  subject.executor->set_scalar("step", 1);
  if (const Status drawn = subject.executor->initialize(); !drawn) return drawn.failure();
  if (const Status drawn = draw_inputs(*subject.executor, subject.entry(), capacity); !drawn)
    return drawn.failure();
  return subject;
}

static Result<BenchSubject> subject_of_kernels(const Options& options) {
  Result<IrText> text = read_ir(options.file);
  if (!text) return text.failure();
  auto* program = std::get_if<Program>(&*text);
  if (!program)
    return bad_data("{} is a graph; what runs is a program of kernels, as `build --emit=kernel` prints it",
                    options.file);
  const Result<CompileOptions> settings = compile_options(options, program->capacity, true);
  if (!settings) return settings.failure();
  BenchSubject subject;
  subject.settings = *settings;
  const int64_t began = steady_nanoseconds();
  Result<Executable> executable = executable_of(*program, *settings);
  if (!executable) return executable.failure();
  subject.code_seconds = seconds_since(began);
  subject.before = process_memory();
  Result<Executor> executor = Executor::create(std::move(*executable), settings->threads);
  if (!executor) return executor.failure();
  subject.executor = std::make_unique<Executor>(std::move(*executor));
  for (const std::string& scalar : program->scalars) subject.executor->set_scalar(scalar, 1e-3);
  constexpr char kByte = 0x3C; // four of them are the f32 0.0115
  subject.executor->fill(kByte);
  subject.program = std::move(*program);
  return subject;
}

// Leaves one kernel, on what a run of all of them left in memory.
static Status keep_only(BenchSubject& subject, const std::string& id) {
  const Result<std::size_t> kernel = kernel_with_id(subject.program, id);
  if (!kernel) return kernel.failure();
  if (Status run = subject.executor->run(subject.whole_entry(), subject.examples()); !run) return run;
  EntryPoint one = subject.whole_entry();
  one.kernels = {one.kernels[*kernel]};
  subject.program = only_kernel(subject.program, *kernel);
  one.loops = subject.program.loops;
  if (!subject.regions.regions.empty()) subject.regions = only_region(subject.regions, *kernel);
  subject.entry_of_one = std::move(one);
  subject.only = *kernel;
  return {};
}

std::optional<MemoryUse> memory_use(const BenchSubject& subject) {
  const std::optional<ProcessMemory> now = process_memory();
  if (!now || !subject.before || subject.settings.cuda) return std::nullopt;
  const int64_t with_arena = subject.before->resident + subject.executor->executable().arena_bytes;
  return MemoryUse{now->peak, std::max(subject.before->peak, with_arena)};
}

std::string BenchSubject::machine() const {
  return settings.cuda ? settings.cuda->context().name() : settings.pipeline.target.name;
}

Result<BenchSubject> bench_subject(const Options& options) {
  Result<BenchSubject> subject =
      options.file.ends_with(".sir") ? subject_of_kernels(options) : subject_of_model(options);
  if (subject && !options.only.empty())
    if (const Status kept = keep_only(*subject, options.only); !kept) return kept.failure();
  return subject;
}

} // namespace striate
