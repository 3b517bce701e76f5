// Where does a training step's time go? Compiles a `.nn` file's step and times each kernel, medians over many
// steps on zero inputs (the time of these kernels does not depend on values).
//
//   step_profile FILE.nn [DATA_FOLDER [BATCH]]
#include "driver/program.h"
#include "runtime/tensor.h"

#include <algorithm>
#include <ctime>

namespace striate {

// Of this thread's own time: others may be running.
static double now() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

static int run(int count, char** arguments) {
  if (count < 2) {
    fmt::print(stderr, "usage: step_profile FILE.nn [DATA_FOLDER [BATCH]]\n");
    return 2;
  }
  Options options;
  options.file = arguments[1];
  if (count > 2) options.data = arguments[2];
  options.threads = 1;
  Result<OpenProgram> program = open_program(options);
  if (!program) return report(program.failure());
  const int64_t batch = count > 3 ? std::atoll(arguments[3]) : program->module().training.batch;
  const Result<CompileOptions> chosen = compile_options(options, batch, true);
  if (!chosen) return report(chosen.failure());
  const CompileOptions& settings = *chosen;
  const double start = now();
  Result<Compilation> compilation = lower(program->module(), true, settings);
  if (!compilation) return report(compilation.failure());
  const double lowered = now();
  Result<Executable> executable = compile(*compilation, settings);
  if (!executable) return report(executable.failure());
  fmt::print("passes {:.0f} ms, code generation {:.0f} ms for {} + {} + {} kernels\n",
             (lowered - start) * 1e3, (now() - lowered) * 1e3, executable->init.kernels.size(),
             executable->step.kernels.size(), executable->eval.kernels.size());

  Tensor arena(ElementType::U8, {executable->arena_bytes});
  char* memory = static_cast<char*>(arena.data());
  const std::vector<float> scalars(32, 0.01f);
  for (const ExecutableKernel& kernel : executable->init.kernels)
    kernel.function(memory, scalars.data(), 1, 0, kernel.parallel_extent(1));
  const std::vector<Kernel>& kernels = compilation->step.program.kernels;
  std::vector<std::vector<double>> times(kernels.size());
  constexpr int kSteps = 25;
  for (int step = 0; step < kSteps; ++step) {
    for (std::size_t k = 0; k < kernels.size(); ++k) {
      const ExecutableKernel& kernel = executable->step.kernels[k];
      const double begin = now();
      kernel.function(memory, scalars.data(), batch, 0, kernel.parallel_extent(batch));
      times[k].push_back(now() - begin);
    }
  }
  double total = 0, work = 0;
  for (std::size_t k = 0; k < kernels.size(); ++k) {
    std::vector<double>& samples = times[k];
    std::nth_element(samples.begin(), samples.begin() + kSteps / 2, samples.end());
    const double seconds = samples[kSteps / 2];
    const double flops = kernels[k].flops_per_example * static_cast<double>(batch) + kernels[k].flops_fixed;
    fmt::print("{:40} {:9.1f} us {:8.2f} MFLOP {:7.1f} GFLOP/s\n", kernels[k].name, seconds * 1e6,
               flops * 1e-6, flops / seconds * 1e-9);
    total += seconds;
    work += flops;
  }
  fmt::print("{:40} {:9.1f} us {:8.2f} MFLOP {:7.1f} GFLOP/s, {:.0f} examples/s\n", "step", total * 1e6,
             work * 1e-6, work / total * 1e-9, static_cast<double>(batch) / total);
  return 0;
}

} // namespace striate

int main(int count, char** arguments) { return striate::run(count, arguments); }
