// striate check, train, eval.

#include "driver/check_data.h"
#include "driver/commands.h"
#include "driver/cuda_target.h"
#include "driver/fit_fields.h"
#include "driver/kernel_id.h"
#include "driver/kernel_profile.h"
#include "driver/memory_limit.h"
#include "driver/print_config.h"
#include "driver/stored_speed.h"
#include "driver/trained_model.h"
#include "passes/eliminate_dead_nodes.h"
#include "runtime/files.h"
#include "runtime/interrupt.h"
#include "runtime/metrics_log.h"
#include "runtime/trainer.h"

#include <algorithm>
#include <chrono>
#include <filesystem>

namespace striate {

int command_check(const Options& options) {
  const Result<OpenProgram> program = open_program(options);
  if (!program) return report(program.failure());
  // As far as every command goes: a program that cannot be differentiated or scheduled is not sound.
  for (const Module& module : program->phases) {
    const int64_t capacity =
        module.has_training ? phase_options(options, module).capacity() : kInferenceBatch;
    const Result<CompileOptions> settings = compile_options(options, capacity, false);
    if (!settings) return report(settings.failure());
    const Result<Compilation> compilation = lower(module, module.has_training, *settings);
    if (!compilation) return report(compilation.failure());
  }
  return 0;
}

// What is about to be trained, before the first step is.
static void announce(const Module& module, const Compilation& compilation, const Executable& executable,
                     const CudaTarget* cuda, double seconds) {
  int64_t parameters = 0;
  for (const Persistent& persistent : module.train.persistents)
    if (persistent.trainable) parameters += module.train.values[persistent.value].type.elements(1);
  const std::string& phase = module.training.phase;
  fmt::print(
      stderr,
      "{}{}: {} parameters, {:.1f} MB of memory at batch {}, {} kernels a step, compiled in {:.1f} s{}\n",
      module.training.model, phase.empty() ? "" : ", " + phase, parameters,
      static_cast<double>(executable.arena_bytes) / 1e6, executable.capacity,
      compilation.step.program.kernels.size(), seconds, cuda ? " for " + cuda->context().name() : "");
}

// Training evaluates the loss and the metrics; the model's outputs are left to other commands.
static void keep_measures_only(Module& module) {
  std::erase_if(module.eval.outputs, [&](const auto& output) {
    return output.first != "loss" && std::ranges::count(module.training.metrics, output.first) == 0;
  });
  eliminate_dead_nodes(module.eval);
}

static Failure no_training(const Options& options) {
  return {ExitCode::Failed, fmt::format("{} has no `train` block", options.file)};
}

// Shares are easier to read in hundredths.
static std::string metric_text(const std::string& name, double value) {
  const bool share = (name.ends_with("accuracy") || name.ends_with("error")) && value >= 0 && value <= 1;
  return share ? fmt::format("{:.2f} %", 100 * value) : fmt::format("{:.4f}", value);
}

// Decides the run folder and makes it ready; the checkpoint to go on from, where one is asked for.
static Result<std::optional<LatestCheckpoint>> open_run(const Options& options, TrainerOptions& trainer) {
  const std::string stem = std::filesystem::path(options.file).stem().string();
  trainer.run_folder = options.run_folder;
  std::optional<LatestCheckpoint> resumed;
  if (!options.resume_from.empty()) {
    Result<Checkpoint> checkpoint = load_checkpoint(options.resume_from);
    if (!checkpoint) return checkpoint.failure();
    resumed = LatestCheckpoint{options.resume_from, std::move(*checkpoint), {}};
    if (trainer.run_folder.empty())
      trainer.run_folder = std::filesystem::path(options.resume_from).parent_path().string();
  } else if (options.resume) {
    if (trainer.run_folder.empty()) trainer.run_folder = latest_run_folder("runs", stem);
    Result<LatestCheckpoint> latest = latest_checkpoint(trainer.run_folder);
    if (!latest) return latest.failure();
    resumed = std::move(*latest);
    for (const std::string& refused : resumed->refused)
      fmt::print(stderr, "striate: warning: passed over {}\n", refused);
  } else if (trainer.run_folder.empty()) {
    trainer.run_folder = unused_run_folder("runs", stem);
  }
  if (resumed && resumed->checkpoint.notes[kProgramNote] != trainer.notes[kProgramNote])
    fmt::print(stderr, "striate: warning: {} has changed since `{}` was saved\n", options.file,
               resumed->path);
  const RunFolderUse use = options.resume  ? RunFolderUse::Resume
                           : options.force ? RunFolderUse::Force
                                           : RunFolderUse::Create;
  if (const Status folder = open_run_folder(trainer.run_folder, use); !folder) return folder.failure();
  return resumed;
}

static double seconds_since(std::chrono::steady_clock::time_point started) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
}

static Status print_profile(const TrainingProfile::Phase& phase, const Compilation& compilation,
                            const CompileOptions& settings, const Options& options) {
  std::optional<std::size_t> only;
  if (!options.only.empty()) {
    const Result<std::size_t> found = kernel_with_id(compilation.step.program, options.only);
    if (!found) return found.failure();
    only = *found;
  }
  ThreadPool pool(settings.threads);
  const Result<MachineSpeed> speed = known_speed(settings, pool);
  if (!speed) return speed.failure();
  const RunProfile profile = profile_of_updates(phase, compilation);
  fmt::print(
      "{}{} updates of {:.1f} examples, {:.3f} ms each; evaluation {:.2f} s, checkpoints {:.2f} s\n\n{}\n",
      phase.name.empty() ? "" : phase.name + ": ", phase.updates,
      static_cast<double>(phase.examples) / static_cast<double>(std::max<int64_t>(phase.updates, 1)),
      profile.typical * 1e3, phase.evaluation, phase.checkpoints,
      profile_table(profile, *speed, options.rows, only));
  return {};
}

int command_train(const Options& options) {
  Result<OpenProgram> program = open_program(options);
  if (!program) return report(program.failure());
  if (!program->module().has_training) return report(no_training(options));
  if (options.print_config) {
    fmt::print("{}", config_text(*program));
    return 0;
  }
  if (!options.only.empty() && !options.profile)
    return report({ExitCode::Usage, "--only is for a row of --profile, which is not asked for"});
  Result<Dataset> dataset = program->data->dataset(program->module().data);
  if (!dataset) return report(dataset.failure());
  TrainerOptions trainer = trainer_options(options, *program);

  // Each phase becomes kernels before the first begins, so that none is refused in the middle of a run.
  struct Lowered {
    CompileOptions settings;
    Compilation compilation;
    double seconds = 0;
  };
  std::vector<Lowered> lowered;
  for (std::size_t number = 0; number < program->phases.size(); ++number) {
    Module& module = program->phases[number];
    const auto started = std::chrono::steady_clock::now();
    if (const Status sound = check_data(module, *dataset); !sound) return report(sound.failure());
    keep_measures_only(module);
    const Result<CompileOptions> settings = compile_options(options, trainer.phases[number].capacity(), true);
    if (!settings) return report(settings.failure());
    Result<Compilation> compilation = lower_within_memory(options, module, true, *settings);
    if (!compilation) return report(compilation.failure());
    if (!options.only.empty())
      if (const auto known = kernel_with_id(compilation->step.program, options.only); !known)
        return report(known.failure());
    lowered.push_back({*settings, std::move(*compilation), seconds_since(started)});
  }

  Result<std::optional<LatestCheckpoint>> resumed = open_run(options, trainer);
  if (!resumed) return report(resumed.failure());
  const ExecutorMaker make_executor = [&](std::size_t number) -> Result<Executor> {
    const auto& [settings, compilation, seconds] = lowered[number];
    const auto started = std::chrono::steady_clock::now();
    Result<Executable> executable = compile(compilation, settings);
    if (!executable) return executable.failure();
    if (trainer.progress != ProgressMode::None)
      announce(program->phases[number], compilation, *executable, settings.cuda.get(),
               seconds + seconds_since(started));
    return Executor::create(std::move(*executable), settings.threads);
  };
  trainer.settle = [&](Executor& executor, const Split& training) {
    return fit_fields(program->module().data, training, executor);
  };
  TrainingProfile profile;
  if (options.profile) trainer.profile = &profile;
  install_interrupt_handlers();
  const Result<TrainingResult> result =
      train(make_executor, *dataset, trainer, *resumed ? &**resumed : nullptr);
  if (!result) return report(result.failure());
  for (const TrainingProfile::Phase& phase : profile.phases) {
    const auto& [settings, compilation, seconds] = lowered[phase.number];
    if (const Status printed = print_profile(phase, compilation, settings, options); !printed)
      return report(printed.failure());
  }
  if (result->code != ExitCode::Ok) {
    fmt::print(stderr, "stopped after step {}; saved {}; --resume goes on from there\n", result->step,
               result->checkpoint);
    return static_cast<int>(result->code);
  }
  for (const auto& [split, values] : result->splits)
    for (const auto& [name, value] : values) fmt::print("{} {} {}\n", split, name, metric_text(name, value));
  fmt::print("weights {}\n", model_path(trainer.run_folder));
  return 0;
}

int command_eval(const Options& options) {
  Result<OpenProgram> program = open_program(options);
  if (!program) return report(program.failure());
  const Module& module = program->module();
  if (!module.has_training) return report(no_training(options));
  std::vector<std::string> names;
  for (const SplitDescription& known : module.data.splits)
    names.insert(names.end(), known.names.begin(), known.names.end());
  if (std::ranges::find(names, options.split) == names.end())
    return report({ExitCode::Usage, fmt::format("there is no split `{}`; the data has {}", options.split,
                                                fmt::join(names, ", "))});
  Result<Dataset> dataset = program->data->dataset(module.data, options.split);
  if (!dataset) return report(dataset.failure());
  const Split* split = dataset->find(options.split);
  if (const Status sound = check_data(module, *split); !sound) return report(sound.failure());
  const PhaseOptions phase = phase_options(options, module);
  Result<Executor> executor = load_trained_model(options, module, phase.capacity());
  if (!executor) return report(executor.failure());
  install_interrupt_handlers();
  const Result<std::optional<MetricValues>> values = evaluate(*executor, *split, phase);
  if (!values) return report(values.failure());
  if (!*values) return static_cast<int>(stop_exit_code());
  for (const auto& [name, value] : **values) fmt::print("{} {}\n", name, value);
  return 0;
}

} // namespace striate
