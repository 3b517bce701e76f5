#include "driver/measure_machine.h"

#include "ir/kernel/analysis.h"
#include "ir/kernel/parse.h"
#include "runtime/tensor.h"
#include "runtime/timeline.h"

#ifdef STRIATE_HAS_LLVM
#include "codegen/cpu/jit.h"
#endif

#include <algorithm>
#include <cstring>

namespace striate {

#ifdef STRIATE_HAS_LLVM

static constexpr int64_t kParts = 64; // of the parallel range
static constexpr int64_t kSteps = 2000, kUnroll = 8;

// Chains of FMAs on registers: enough of them to cover the latency, few enough to stay in registers.
static int64_t chains(const TargetInfo& target) {
  const int64_t pieces = std::max<int64_t>(1, kLanes * 32 / target.vector_bits);
  return std::max<int64_t>(1, std::min<int64_t>(12, (target.vector_registers - 2) / pieces));
}

static std::string arithmetic_text(const TargetInfo& target) {
  const int64_t points = chains(target);
  return fmt::format(R"(kernel arithmetic {{
  memory out: f32[{}] at 0
  axes chain: {}, lane: 16 lanes
  tile total[chain, lane]
  parallel part: 0..{} {{
    total[chain, lane] = 0
    for step: 0..{} {{
      unroll repeat: 0..{} {{
        total[chain, lane] += $a * $a
      }}
    }}
    store out[16*chain + lane + {}*part] = total over (chain, lane)
  }}
}}
)",
                     kParts * points * kLanes, points, kParts, kSteps, kUnroll, points * kLanes);
}

static std::string traffic_text(const std::string& name, int64_t elements) {
  const int64_t part = elements / kParts;
  return fmt::format(R"(kernel {0} {{
  memory x: f32[{1}] at 0
  memory y: f32[{1}] at {2}
  axes vector: 4, lane: 16 lanes
  tile sum[vector, lane]
  parallel first: 0..{1} step {3} {{
    for next: 0..{3} step 64 {{
      sum[vector, lane] = load x[first + lane + next + 16*vector] + load y[first + lane + next + 16*vector]
      store y[first + lane + next + 16*vector] = sum over (vector, lane)
    }}
  }}
}}
)",
                     name, elements, elements * 4, part);
}

Result<MachineSpeed> measure_machine(const TargetInfo& target, ThreadPool& pool) {
  MachineSpeed speed;
  speed.cache = target.l2_bytes * pool.threads();
  constexpr int64_t kGranule = 64 * kParts; // elements: a whole number of steps for each part
  const int64_t cached = std::max<int64_t>(1, speed.cache / 2 / 8 / kGranule) * kGranule;
  const int64_t large = (int64_t{1} << 28) / 8;
  const std::string text =
      fmt::format("program \"machine\" capacity 1 arena {} scalars (\"N\", \"a\")\n{}{}{}", large * 8,
                  arithmetic_text(target), traffic_text("cache", cached), traffic_text("memory", large));
  const Result<Program> program = parse_program(text, "machine");
  CHECK(program.ok(), "{}", program.ok() ? "" : program.failure().message);
  Result<std::shared_ptr<CompiledPrograms>> code = jit_compile({&*program}, target, pool.threads());
  if (!code) return code.failure();
  Result<Tensor> arena = Tensor::allocate(ElementType::U8, {large * 8});
  if (!arena) return Failure{ExitCode::OutOfMemory, "no memory to measure the machine with"};
  char* memory = static_cast<char*>(arena->data());
  std::memset(memory, 0, static_cast<std::size_t>(large * 8)); // every page is there
  const float scalars[] = {1, 0.5F};
  // The best rate of several runs, each of `repeats` calls.
  const auto rate = [&](std::size_t kernel, int64_t repeats, double amount) {
    const KernelFunction function = (*code)->function(0, kernel);
    const int64_t extent = parallel_extent(program->kernels[kernel], 1);
    double best = 0;
    constexpr int kRuns = 7;
    for (int run = 0; run < kRuns; ++run) {
      const int64_t began = steady_nanoseconds();
      for (int64_t repeat = 0; repeat < repeats; ++repeat)
        pool.run(extent, [&](int64_t begin, int64_t end) { function(memory, scalars, 1, begin, end); });
      const double seconds = static_cast<double>(std::max<int64_t>(1, steady_nanoseconds() - began)) * 1e-9;
      best = std::max(best, amount * static_cast<double>(repeats) / seconds);
    }
    return best;
  };
  constexpr double kBytesMoved = 12; // an element: two loads and a store
  speed.flops = rate(0, 1, 2.0 * static_cast<double>(kParts * kSteps * kUnroll * chains(target) * kLanes));
  speed.cache_bytes = rate(1, 200, kBytesMoved * static_cast<double>(cached));
  speed.memory_bytes = rate(2, 1, kBytesMoved * static_cast<double>(large));
  return speed;
}

#else

Result<MachineSpeed> measure_machine(const TargetInfo&, ThreadPool&) {
  return Failure{ExitCode::Failed,
                 "this build has no CPU back end (it was configured with -DSTRIATE_LLVM=OFF)"};
}

#endif

} // namespace striate
