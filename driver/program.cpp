#include "driver/program.h"

#include "driver/crash_report.h"
#include "driver/cuda_target.h"
#include "driver/definition_gradient.h"
#include "driver/print_diagnostics.h"
#include "driver/schedules.h"

#ifdef STRIATE_HAS_LLVM
#include "codegen/cpu/target.h"
#endif
#include "frontend/parser.h"
#include "frontend/used_files.h"
#include "runtime/files.h"
#include "runtime/safetensors.h"
#include "runtime/trainer.h"
#include "support/random.h"
#include "support/time_trace.h"
#include "support/version.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <thread>

namespace striate {

Result<std::string> read_program_text(const std::string& file) {
  Result<std::string> text = read_file(file);
  if (!text) return text.failure();
  return std::move(*text);
}

bool use_color(const Options& options) {
  if (options.color == "always") return true;
  if (options.color == "never" || std::getenv("NO_COLOR")) return false;
  return isatty(STDERR_FILENO) != 0;
}

static Result<std::map<std::string, std::string>> assignments(const std::vector<std::string>& texts,
                                                              const char* flag) {
  std::map<std::string, std::string> result;
  for (const std::string& text : texts) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0)
      return Failure{ExitCode::Usage, fmt::format("{} takes NAME=VALUE, not `{}`", flag, text)};
    result[text.substr(0, equals)] = text.substr(equals + 1);
  }
  return result;
}

// What the weights' training split settled. Weights that cannot be read are the command's to report.
static Status take_saved_fit(const Options& options, DataSource& data) {
  if (options.weights.empty()) return {};
  const Result<std::map<std::string, std::string>> metadata = read_safetensors_metadata(options.weights);
  if (!metadata) return {};
  auto note = metadata->find(kDataNote);
  if (note == metadata->end()) note = metadata->find(std::string(kCheckpointNotePrefix) + kDataNote);
  if (note == metadata->end()) return {};
  Result<DataFit> fit = parse_fit(note->second, options.weights);
  if (!fit) return fit.failure();
  data.set_fit(std::move(*fit));
  return {};
}

Result<OpenProgram> open_program(const Options& options) {
  set_crash_program(options.file);
  Diagnostics diagnostics;
  Result<OpenProgram> program = read_program(options, diagnostics);
  if (!diagnostics.messages().empty()) print_diagnostics(diagnostics, options);
  return program;
}

Result<OpenProgram> read_program(const Options& options, Diagnostics& diagnostics) {
  OpenProgram program;
  Result<std::string> text = read_program_text(options.file);
  if (!text) return text.failure();
  program.source = std::move(*text);
  ElaborateOptions elaborate_options;
  Result<std::map<std::string, std::string>> parameters = assignments(options.parameters, "--param");
  if (!parameters) return parameters.failure();
  Result<std::map<std::string, std::string>> settings = assignments(options.settings, "--set");
  if (!settings) return settings.failure();
  elaborate_options.parameters = std::move(*parameters);
  elaborate_options.settings = std::move(*settings);
  const std::string folder =
      options.data.empty() ? std::filesystem::path(options.file).parent_path().string() : options.data;
  program.data = std::make_unique<DataSource>(folder);
  if (Status known = take_saved_fit(options, *program.data); !known) return known.failure();
  elaborate_options.column_type = [&](const DataDescription& description, int column) {
    return program.data->column_type(description, column);
  };
  elaborate_options.data_count = [&](const DataDescription& description, const std::string& what) {
    return program.data->count(description, what);
  };

  {
    const TimedSpan span("front end", "parse", options.file);
    program.file = parse(options.file, program.source, diagnostics);
  }
  add_used_files(program.file, read_program_text, program.source, diagnostics);
  if (!diagnostics.has_errors()) {
    const TimedSpan span("front end", "elaborate", options.file);
    program.phases = elaborate(program.file, elaborate_options, diagnostics);
  }
  if (!program.phases.empty()) check_gradient_clauses(program.file, diagnostics);
  if (options.deny == "warnings") diagnostics.deny_warnings();
  if (program.phases.empty() || diagnostics.has_errors()) {
    // What --set and --param say is the command line's.
    const bool usage = std::ranges::all_of(diagnostics.messages(), [](const DiagnosticMessage& message) {
      return message.location.file.starts_with("--");
    });
    return Failure{usage ? ExitCode::Usage : ExitCode::Failed, ""};
  }
  return program;
}

int thread_count(const Options& options) {
  if (options.threads > 0) return options.threads;
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

// Says of each pass that counts whether it runs.
static std::shared_ptr<PassLimit> pass_limit(int64_t most) {
  auto limit = std::make_shared<PassLimit>();
  limit->most = most;
  limit->tell = [](int64_t number, const char* pass, const Graph& graph, bool runs) {
    fmt::print(stderr, "pass {}: {} on {}.{}{}\n", number, pass, graph.name, graph.entry,
               runs ? "" : ": beyond the limit");
  };
  return limit;
}

// Options of one target do not go with another.
static Status check_target(const Options& options) {
  if (options.target == "cpu") {
    if (!options.device.empty()) return Failure{ExitCode::Usage, "--device is for --target cuda"};
    return {};
  }
  if (options.cpu != "native") return Failure{ExitCode::Usage, "--mcpu is for --target cpu"};
  if (!options.listing_folder.empty())
    return Failure{ExitCode::Usage,
                   "--kernel-text is for --target cpu; `build --emit=cuda` prints the kernels"};
  return {};
}

Result<CompileOptions> compile_options(const Options& options, int64_t capacity, bool runs_here) {
  CompileOptions compile;
  compile.threads = thread_count(options);
  compile.listing_folder = options.listing_folder;
  compile.pipeline.capacity = capacity;
  compile.pipeline.fuse = options.fuse;
  compile.pipeline.winograd = options.winograd;
  compile.pipeline.bfloat16 = options.precision == "bf16";
  if (options.bisect_limit) compile.pipeline.limit = pass_limit(*options.bisect_limit);
  if (options.layout == "batch") compile.pipeline.layout = LayoutPolicy::BatchBlocked;
  if (options.layout == "channel") compile.pipeline.layout = LayoutPolicy::ChannelBlocked;
  if (options.layout == "plain") compile.pipeline.layout = LayoutPolicy::Plain;
  if (const Status right = check_target(options); !right) return right.failure();
  if (options.target == "cuda") {
    compile.pipeline.target = cuda_target_info();
    if (runs_here) {
      Result<std::shared_ptr<const CudaTarget>> opened =
          CudaTarget::open(options.device.empty() ? "0" : options.device);
      if (!opened) return opened.failure();
      compile.cuda = std::move(*opened);
    }
    return compile;
  }
#ifdef STRIATE_HAS_LLVM
  compile.pipeline.target = host_target();
  if (options.cpu != "native" || !options.architecture.empty()) {
    Result<TargetInfo> named = target_named(options.cpu, options.architecture);
    if (!named) return named.failure();
    if (runs_here)
      if (const std::string missing = missing_here(*named); !missing.empty())
        return Failure{ExitCode::Usage, fmt::format("this machine cannot run code for `{}`: it lacks {}",
                                                    options.cpu, missing)};
    compile.pipeline.target = *named;
  }
#endif
  return compile;
}

PhaseOptions phase_options(const Options& options, const Module& module) {
  PhaseOptions phase;
  const TrainDescription& training = module.training;
  phase.name = training.phase;
  phase.epochs = training.epochs;
  phase.batch = training.batch;
  phase.accumulate = training.accumulate;
  static_assert(kRowNumbers == ColumnBinding::kRowNumbers);
  for (const InputBinding& binding : module.bindings)
    phase.bindings.push_back({binding.input, binding.column});
  phase.metrics = training.metrics;
  phase.checkpoint_every = training.checkpoint_every;
  phase.checkpoint_keep = static_cast<int>(training.checkpoint_keep);
  phase.best = training.best;
  const std::filesystem::path folder = std::filesystem::path(options.file).parent_path();
  for (const LoadDescription& load : training.loads)
    phase.loads.push_back({(folder / load.file).string(), load.into, load.except, load.location.text()});
  set_schedules(module, phase);
  return phase;
}

TrainerOptions trainer_options(const Options& options, const OpenProgram& program) {
  TrainerOptions trainer;
  trainer.seed = static_cast<uint64_t>(program.module().training.seed);
  for (const Module& module : program.phases) trainer.phases.push_back(phase_options(options, module));
  trainer.notes = {{"striate.version", kVersion},
                   {"striate.command", options.command_line},
                   {kProgramNote, fmt::format("{:016x}", fnv1a(program.source))}};
  if (!program.data->fit().empty()) trainer.data_notes[kDataNote] = fit_text(program.data->fit());
  if (options.progress == "bar") trainer.progress = ProgressMode::Bar;
  if (options.progress == "plain") trainer.progress = ProgressMode::Plain;
  if (options.progress == "none") trainer.progress = ProgressMode::None;
  return trainer;
}

int report(const Failure& failure) {
  if (!failure.message.empty()) fmt::print(stderr, "striate: error: {}\n", failure.message);
  return static_cast<int>(failure.code);
}

} // namespace striate
