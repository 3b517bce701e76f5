// striate bench: how fast a program runs, and where the time goes. striate machine: what the machine can do
// at most.

#include "driver/commands.h"
#include "driver/cuda_target.h"
#include "driver/kernel_code.h"
#include "driver/kernel_profile.h"
#include "driver/measure_machine.h"
#include "driver/memory_limit.h"
#include "driver/stored_speed.h"
#include "runtime/files.h"
#include "support/byte_size.h"
#include "support/time_trace.h"

namespace striate {

static std::string speed_text(const MachineSpeed& speed) {
  return fmt::format("{:.1f} GFLOP/s, {:.1f} GB/s from cache, {:.1f} GB/s from memory", speed.flops * 1e-9,
                     speed.cache_bytes * 1e-9, speed.memory_bytes * 1e-9);
}

// What a device says of itself: nothing is measured.
static int print_device(const CudaTarget& target) {
  const CudaContext& context = target.context();
  const auto gibibytes = [](std::size_t bytes) { return static_cast<double>(bytes) / (1 << 30); };
  const CudaContext::Memory memory = context.memory();
  fmt::print("device   {}, compute capability {}.{}, {} multiprocessors\n", context.name(),
             context.capability() / 10, context.capability() % 10, context.multiprocessors());
  fmt::print("memory   {:.2f} GiB, {:.2f} GiB of it free\n", gibibytes(memory.total), gibibytes(memory.free));
  fmt::print("driver   takes code of CUDA {}\n", context.driver_version());
  fmt::print("compiler {}\n", target.compiler());
  const MachineSpeed speed = context.speed();
  fmt::print("at most  {:.0f} GFLOP/s of f32, {:.0f} GB/s from memory, by its own figures\n",
             speed.flops * 1e-9, speed.memory_bytes * 1e-9);
  return 0;
}

int command_machine(const Options& options) {
  const Result<CompileOptions> settings = compile_options(options, 1, true);
  if (!settings) return report(settings.failure());
  if (settings->cuda) return print_device(*settings->cuda);
  ThreadPool pool(settings->threads);
  const TargetInfo& target = settings->pipeline.target;
  const Result<MachineSpeed> speed = measure_machine(target, pool);
  if (!speed) return report(speed.failure());
  fmt::print("cpu      {}, {} registers of {} bits\n", target.name, target.vector_registers,
             target.vector_bits);
  fmt::print("caches   {} KiB, {} KiB\n", target.l1_bytes >> 10, target.l2_bytes >> 10);
  fmt::print("threads  {}\n", settings->threads);
  fmt::print("at most  {}\n", speed_text(*speed));
  // What is missing then are predicted times, no more.
  if (const Status stored = store_speed(target.name, settings->threads, *speed); stored)
    fmt::print("kept in  {}\n", stored_speed_file());
  else
    fmt::print(stderr, "striate: warning: the figures are not kept: {}\n", stored.failure().message);
  return 0;
}

int command_bench(const Options& options) {
  if (!options.trace.empty()) begin_time_trace();
  Result<BenchSubject> subject = bench_subject(options);
  if (!subject) return report(subject.failure());
  const bool on_device = subject->settings.cuda != nullptr;
  if (on_device && options.code)
    return report({ExitCode::Usage, "--code is for --target cpu: it reads the machine code of its kernels"});
  const bool known = !on_device && stored_speed(subject->machine(), subject->executor->pool().threads());
  Timeline last;
  const Result<RunProfile> measured = profile_runs(*subject, options.seconds, options.iterations, last);
  if (!measured) return report(measured.failure());
  const RunProfile& profile = *measured;
  // Before the machine is measured, which takes memory too.
  const std::optional<MemoryUse> memory = memory_use(*subject);
  const Result<MachineSpeed> speed = known_speed(subject->settings, subject->executor->pool());
  if (!speed) return report(speed.failure());

  const double median = quantile(profile.runs, 0.5);
  const auto milliseconds = [&](double share) { return quantile(profile.runs, share) * 1e3; };
  double flop = 0;
  for (const KernelProfile& kernel : profile.kernels) flop += kernel.flop;
  const int threads = subject->executor->pool().threads();
  fmt::print("{}, batch {}, {}{}\n", subject->program.name, subject->examples(),
             on_device ? "" : fmt::format("{} thread{}, ", threads, threads == 1 ? "" : "s"),
             subject->machine());
  fmt::print("compiled in {:.2f} s ({:.2f} s of passes), {:.1f} MB of memory\n",
             subject->lowering_seconds + subject->code_seconds, subject->lowering_seconds,
             static_cast<double>(subject->executor->executable().arena_bytes) * 1e-6);
  if (!subject->regions.values.empty()) fmt::print("memory: {}", memory_parts(subject->regions));
  if (memory)
    fmt::print("; of the process at most {}, predicted {}", bytes_text(memory->measured),
               bytes_text(memory->predicted));
  fmt::print("\n");
  fmt::print(
      "{} runs: p50 {:.3f} ms, p90 {:.3f}, p99 {:.3f}, least {:.3f}; {:.1f} examples/s, {:.1f} GFLOP/s\n",
      profile.runs.size(), median * 1e3, milliseconds(0.9), milliseconds(0.99), milliseconds(0),
      static_cast<double>(subject->examples()) / median, flop / median * 1e-9);
  fmt::print("the {}, at most: {}{}\n\n{}", on_device ? "device" : "machine", speed_text(*speed),
             known       ? " (from `striate machine`)"
             : on_device ? " (by its own figures)"
                         : "",
             profile_table(profile, *speed, options.rows));
  nlohmann::json code;
  if (options.code) {
#ifdef STRIATE_HAS_LLVM
    const Result<CodeReport> found = code_report(*subject, profile);
    if (!found) return report(found.failure());
    fmt::print("\n{}", code_table(*found, profile, options.rows));
    code = code_json(*found);
#endif
  }
  if (!options.json.empty())
    if (const Status written =
            write_file_safely(options.json, profile_json(*subject, profile, *speed, memory, code));
        !written)
      return report(written.failure());
  if (!options.annotate.empty())
    if (const Status written =
            write_file_safely(options.annotate, annotated_text(*subject, profile, *speed, options.emit));
        !written)
      return report(written.failure());
  if (!options.trace.empty())
    if (const Status written = write_file_safely(options.trace, trace_json(*subject, last)); !written)
      return report(written.failure());
  return 0;
}

} // namespace striate
