// striate verify: whether the compiler did right by a program.

#include "driver/commands.h"
#include "driver/crash_report.h"
#include "driver/cuda_target.h"
#include "driver/kernel_compiler.h"
#include "driver/program.h"
#include "driver/run_apart.h"
#include "driver/trained_model.h"
#include "runtime/files.h"
#include "runtime/trainer.h"
#include "verify/verify_module.h"

#include <unistd.h>

#include <filesystem>

namespace striate {

// A mistake may be one that ends the process: what may show it runs apart. How it ended: as it said itself,
// where it could.
static Result<std::string> guard(const std::function<std::string()>& work) {
  constexpr std::chrono::hours kLimit(1);
  std::string errors;
  Result<std::string> result = run_apart(
      [&] {
        leave_crash_report();
        return work();
      },
      kLimit, &errors);
  constexpr std::string_view kMark = "internal error: ";
  const std::size_t said = errors.find(kMark);
  if (result || said == std::string::npos) return result;
  const std::string what = errors.substr(said + kMark.size());
  return Failure{result.failure().code, what.substr(0, what.find('\n'))};
}

// The word of the CUDA device that --target and --device name; "": this CPU.
static std::string device_word(const Options& options) {
  if (options.target != "cuda") return "";
  return options.device.empty() ? kFirstDevice : options.device;
}

// A Failure where there is no such CUDA device. Seen apart: this process, which is forked, must not open one.
static Status see_device(const std::string& device) {
  if (device.empty()) return {};
  const Result<std::string> seen = guard([&]() -> std::string {
    const Result<std::shared_ptr<const CudaTarget>> opened = CudaTarget::open(device);
    return opened ? ""
                  : fmt::format("{} {}", static_cast<int>(opened.failure().code), opened.failure().message);
  });
  if (!seen) return seen.failure();
  if (seen->empty()) return {};
  const std::size_t code_end = seen->find(' ');
  return Failure{static_cast<ExitCode>(std::stoi(seen->substr(0, code_end))), seen->substr(code_end + 1)};
}

static const char* meaning_of(CheckKind kind, const std::string& device) {
  switch (kind) {
  case CheckKind::Gradients:
    return "a derived gradient is not that of differences";
  case CheckKind::Passes:
    return "a pass changes what the program computes";
  case CheckKind::Rounding:
    return "f32 is farther from f64 than rounding explains";
  case CheckKind::Kernels:
    return device.empty() ? "machine code does not compute what the interpreter does"
                          : "CUDA code does not compute what the interpreter does";
  case CheckKind::Crash:
    return "the compiler, or what it made, ends in an internal error";
  }
  CHECK(false);
}

// The file of the reproducer, or why there is none.
static Result<std::string> write_reproducer(const Options& options, const Mistake& mistake,
                                            std::size_t number) {
  const std::string folder = options.output.empty() ? "." : options.output;
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  const std::string stem = std::filesystem::path(options.file).stem().string();
  const std::string file =
      (std::filesystem::path(folder) / fmt::format("{}.verify-{}.sir", stem, number)).string();
  const std::vector<std::string> comments = {
      "`striate verify --reproducer` with this file checks it again.",
      "found by: " + options.command_line,
      fmt::format("{}: {}", meaning_of(mistake.kind, mistake.reproducer.check.device), mistake.culprit),
  };
  if (const Status written = write_file_safely(file, print(mistake.reproducer, comments)); !written)
    return written.failure();
  return file;
}

static void print_report(const EntryReport& report, bool of_step, const std::string& device, bool kernels) {
  fmt::print("{}: {} step{} of {} examples\n", report.name, report.steps, report.steps == 1 ? "" : "s",
             report.examples);
  if (report.passes == 0) return; // compiled not to its end
  if (of_step)
    fmt::print("  gradients  {} operators have the gradients that differences have\n", report.operators);
  fmt::print("  passes     {} keep what is computed, in f64\n", report.passes);
  if (!report.moved.empty())
    fmt::print("  precision  bf16 moves the outputs by at most {:.2g} % of their size (`{}`)\n",
               100 * report.moved_by, report.moved);
  fmt::print("  rounding   f32 is at most {:.1f} % of its bound away from f64\n", 100 * report.rounding);
  const std::string where = device.empty()                  ? ""
                            : device == kEmulatedDeviceWord ? ", on the emulated device"
                                                            : ", on CUDA device " + device;
  if (kernels)
    fmt::print("  kernels    {} and, unfused, {} have the interpreter's bits{}\n", report.kernels,
               report.plain, where);
  else
    fmt::print("  kernels    not compared: this build has no CPU back end\n");
}

static int replay(const Options& options) {
  constexpr int64_t kMost = int64_t{1} << 28;
  const Result<std::string> text = read_file(options.reproducer, kMost);
  if (!text) return report(text.failure());
  Options of_cpu = options;
  of_cpu.target = "cpu", of_cpu.device.clear();
  const Result<CompileOptions> settings = compile_options(of_cpu, 1, true);
  if (!settings) return report(settings.failure());
  Result<Reproducer> reproducer =
      parse_reproducer(*text, options.reproducer, {settings->pipeline.target, cuda_target_info()});
  if (!reproducer) return report(reproducer.failure());
  std::string& device = reproducer->check.device;
  if (!options.device.empty()) {
    if (device.empty())
      return report({ExitCode::Usage,
                     fmt::format("--device is for CUDA, and {} is about the CPU", options.reproducer)});
    device = options.device;
  }
  const CheckKind kind = reproducer->check.kind;
  const CompileKernels compile = kernel_compiler(device, settings->threads);
  if (kind == CheckKind::Kernels) {
    if (!compile)
      return report({ExitCode::Failed, "it compares kernels, and this build has no CPU back end"});
    if (const Status there = see_device(device); !there) return report(there.failure());
  }
  const Result<std::string> found =
      guard([&] { return problem_of(reproducer->graph, reproducer->check, compile).text; });
  const bool crashed = !found && found.failure().code == ExitCode::Internal;
  if (!found && !(crashed && kind == CheckKind::Crash)) return report(found.failure());
  const std::string problem = found ? *found : found.failure().message;
  if (problem.empty()) {
    fmt::print("no mistake\n");
    return 0;
  }
  fmt::print("{}: {}\n", meaning_of(kind, device), problem);
  return static_cast<int>(ExitCode::Failed);
}

int command_verify(const Options& options) {
  if (!options.reproducer.empty()) {
    if (!options.file.empty())
      return report({ExitCode::Usage, "a reproducer is checked by itself, without a program"});
    return replay(options);
  }
  Result<OpenProgram> program = open_program(options);
  if (!program) return report(program.failure());
  const std::string device = device_word(options);
  if (const Status there = see_device(device); !there) return report(there.failure());
  std::size_t mistakes = 0;
  for (Module& module : program->phases) {
    if (!module.has_training) keep_model_only(module);
    const int64_t capacity =
        options.batch > 0
            ? options.batch
            : (module.has_training ? phase_options(options, module).capacity() : kInferenceBatch);
    const Result<CompileOptions> settings = compile_options(options, capacity, device.empty());
    if (!settings) return report(settings.failure());
    VerifyOptions how;
    how.pipeline = settings->pipeline;
    how.device = device;
    how.compile = kernel_compiler(device, settings->threads);
    how.trial.examples = options.examples > 0 ? options.examples : default_examples(module, capacity);
    if (how.trial.examples > capacity)
      return report({ExitCode::Usage, fmt::format("--examples {} is more than the batch of {}",
                                                  how.trial.examples, capacity)});
    how.trial.steps = options.steps;
    how.trial.seed = options.seed;
    // What the host computes from step to step: any number will do.
    constexpr double kRate = 1e-3;
    for (const ScalarSchedule& schedule : module.schedules)
      how.trial.scalars.emplace_back(schedule.scalar, kRate);
    how.trial.scalars.emplace_back("update", 1);
    how.guard = guard;
    const bool shows_progress = isatty(STDERR_FILENO) != 0;
    if (shows_progress)
      how.progress = [](const std::string& what) { fmt::print(stderr, "\r\x1b[K{}", what); };
    const Result<std::vector<EntryReport>> entries = verify_module(module, how);
    if (shows_progress) fmt::print(stderr, "\r\x1b[K");
    if (!entries) return report(entries.failure());
    for (const EntryReport& entry : *entries) {
      print_report(entry, entry.operators > 0, device, static_cast<bool>(how.compile));
      for (const Mistake& mistake : entry.mistakes) {
        fmt::print("\nMISTAKE: {}\n  culprit     {}\n  shows in    {}{}\n",
                   meaning_of(mistake.kind, mistake.reproducer.check.device), mistake.culprit,
                   mistake.value.empty() ? "" : fmt::format("`{}`: ", mistake.value), mistake.difference);
        for (const std::string& note : mistake.notes) fmt::print("  note        {}\n", note);
        const Result<std::string> file = write_reproducer(options, mistake, ++mistakes);
        if (!file) return report(file.failure());
        fmt::print("  reproducer  {} ({} operations): striate verify --reproducer {}\n\n", *file,
                   mistake.reproducer.graph.nodes.size(), *file);
      }
    }
  }
  if (mistakes == 0) return 0;
  return report({ExitCode::Internal, fmt::format("{} mistake{} of Striate's own: please report {}", mistakes,
                                                 mistakes == 1 ? "" : "s",
                                                 mistakes == 1 ? "its reproducer" : "the reproducers")});
}

} // namespace striate
