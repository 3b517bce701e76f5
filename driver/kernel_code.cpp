#include "driver/kernel_code.h"

#ifdef STRIATE_HAS_LLVM
#include "codegen/cpu/jit.h"
#include "driver/hardware_counters.h"
#include "driver/kernel_id.h"

#include <algorithm>
#include <numeric>

namespace striate {

// One addition a cycle, each of which waits for the one before, on every processor that there is code for.
static double clock_now() {
  constexpr int64_t kAdditions = 200'000; // so few that one of the attempts is not interrupted
  double best = 0;
  for (int attempt = 0; attempt < 50; ++attempt) {
    uint64_t sum = 0;
    const uint64_t one = 1;
    const int64_t began = steady_nanoseconds();
    for (int64_t k = 0; k < kAdditions / 8; ++k) {
#if defined(__x86_64__)
      asm volatile("add %1, %0\n\tadd %1, %0\n\tadd %1, %0\n\tadd %1, %0\n\t"
                   "add %1, %0\n\tadd %1, %0\n\tadd %1, %0\n\tadd %1, %0"
                   : "+r"(sum)
                   : "r"(one));
#elif defined(__aarch64__)
      asm volatile("add %0, %0, %1\n\tadd %0, %0, %1\n\tadd %0, %0, %1\n\tadd %0, %0, %1\n\t"
                   "add %0, %0, %1\n\tadd %0, %0, %1\n\tadd %0, %0, %1\n\tadd %0, %0, %1"
                   : "+r"(sum)
                   : "r"(one));
#else
      return 0;
#endif
    }
    const auto seconds = static_cast<double>(steady_nanoseconds() - began) * 1e-9;
    best = std::max(best, static_cast<double>(kAdditions) / seconds);
  }
  return best;
}

// The kernel alone, several times, by the calling thread's counters.
static double instructions_per_cycle(BenchSubject& subject, std::size_t kernel, HardwareCounters& counters) {
  constexpr int kRuns = 5;
  EntryPoint one = subject.entry();
  one.kernels = {one.kernels[kernel]};
  one.loops = only_kernel(subject.program, kernel).loops;
  const auto run = [&] { return subject.executor->run(one, subject.examples()).ok(); };
  if (!run()) return 0;
  counters.start();
  for (int k = 0; k < kRuns; ++k)
    if (!run()) return 0;
  const HardwareCounters::Counts counts = counters.stop();
  return counts.cycles > 0 ? static_cast<double>(counts.instructions) / static_cast<double>(counts.cycles)
                           : 0;
}

Result<CodeReport> code_report(BenchSubject& subject, const RunProfile& profile) {
  const int threads = subject.executor->pool().threads();
  const Result<std::vector<KernelAssembly>> assembly =
      kernel_assembly(subject.program, subject.settings.pipeline.target, threads);
  if (!assembly) return assembly.failure();
  CodeReport report;
  report.clock = clock_now();
  report.kernels.resize(profile.kernels.size());
  for (const KernelAssembly& part : *assembly) {
    const std::optional<InnerLoop> loop = hottest_inner_loop(part.text, subject.settings.pipeline.target);
    for (std::size_t k : part.kernels) {
      KernelCode& code = report.kernels[k];
      code.loop = loop;
      if (!loop || loop->flops <= 0 || profile.kernels[k].flop <= 0) continue;
      code.passes = profile.kernels[k].flop / loop->flops / threads;
      code.cycles = profile.kernels[k].seconds * report.clock / code.passes;
    }
  }
  Result<HardwareCounters> counters = HardwareCounters::open();
  if (!counters) {
    report.no_counters = counters.failure().message;
    return report;
  }
  for (std::size_t k = 0; k < report.kernels.size(); ++k)
    report.kernels[k].instructions_per_cycle = instructions_per_cycle(subject, k, *counters);
  return report;
}

std::string code_table(const CodeReport& report, const RunProfile& profile, int64_t rows) {
  std::vector<std::size_t> order(profile.kernels.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) {
    return profile.kernels[a].seconds > profile.kernels[b].seconds;
  });
  if (rows > 0 && static_cast<std::size_t>(rows) < order.size()) order.resize(static_cast<std::size_t>(rows));
  std::size_t names = 13;
  constexpr std::size_t kLongest = 36;
  for (std::size_t k : order) names = std::max(names, std::min(kLongest, profile.kernels[k].name.size()));
  std::string text =
      fmt::format("{:>4}  {:{}}  {:>5}  {:>4}  {:>4}  {:>6}  {:>6}  {:>8}  {:>6}  {:>6}  {:>8}  {:>7}\n",
                  "id", "inner loop of", names, "instr", "bits", "fma", "loads", "stores", "shuffles",
                  "spills", "model", "measured", "instr/c");
  const auto number = [](double value, int digits) {
    return value > 0 ? fmt::format("{:.{}f}", value, digits) : std::string("-");
  };
  for (std::size_t k : order) {
    const KernelProfile& kernel = profile.kernels[k];
    const KernelCode& code = report.kernels[k];
    text += fmt::format("{:>4}  {:{}}", kernel.kernel, kernel.name.substr(0, kLongest), names);
    if (!code.loop) {
      text += "  nothing loops\n";
      continue;
    }
    const InnerLoop& loop = *code.loop;
    text += fmt::format("  {:>5}  {:>4}  {:>4}  {:>6}  {:>6}  {:>8}  {:>6}  {:>6}  {:>8}  {:>7}\n",
                        loop.instructions, loop.vector_bits, loop.fmas, loop.loads, loop.stores,
                        loop.shuffles, loop.spills, number(loop.model_cycles, 1), number(code.cycles, 1),
                        number(code.instructions_per_cycle, 2));
  }
  text += fmt::format(
      "model, measured: cycles of a pass, by LLVM's model and by the time at {:.2f} GHz, as if all was "
      "done in this loop\n",
      report.clock * 1e-9);
  if (!report.no_counters.empty())
    text += fmt::format("no hardware counters (instr/c): {}\n", report.no_counters);
  return text;
}

nlohmann::json code_json(const CodeReport& report) {
  nlohmann::json kernels = nlohmann::json::array();
  for (const KernelCode& code : report.kernels) {
    kernels.push_back(nullptr);
    if (!code.loop) continue;
    const InnerLoop& loop = *code.loop;
    kernels.back() = {{"instructions", loop.instructions},
                      {"vector_bits", loop.vector_bits},
                      {"fma", loop.fmas},
                      {"loads", loop.loads},
                      {"stores", loop.stores},
                      {"shuffles", loop.shuffles},
                      {"spills", loop.spills},
                      {"flop", loop.flops},
                      {"model_cycles", loop.model_cycles},
                      {"passes", code.passes},
                      {"measured_cycles", code.cycles},
                      {"instructions_per_cycle", code.instructions_per_cycle}};
  }
  return kernels;
}

} // namespace striate
#endif
