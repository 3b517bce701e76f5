// The runtime on a CUDA device, by the emulated driver, with a small program of two kernels written by hand;
// and the emulated driver's own rules, without which the rest would prove nothing.
#include "codegen/cuda/emulated_driver.h"
#include "codegen/cuda/host_library.h"
#include "codegen/cuda/prelude_text.h"
#include "runtime/executor.h"

#include "runtime/cuda/cuda_device.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

namespace striate {

#define SKIP_WITHOUT_COMPILER()                                                                              \
  if (host_compiler().empty()) GTEST_SKIP() << "no host C++ compiler on the path"

constexpr int64_t kCapacity = 32, kWeight = 0, kInput = 64, kResult = 192, kBytes = 320;

// init: w = the seed. step: y[n] = w * x[n], in blocks of 8 points; w = w + scalars[0] * y[0].
static std::string text() {
  return std::string(kCudaPrelude) + R"(
extern "C" __global__ void set(char* arena, const float* scalars, long long, long long, long long) {
  *reinterpret_cast<float*>(arena) = scalars[0];
}
extern "C" __global__ void scale(char* arena, const float*, long long, long long begin, long long end) {
  const long long n = begin + blockIdx.x * 8 + threadIdx.x;
  if (n >= end) return;
  reinterpret_cast<float*>(arena + 192)[n] = *reinterpret_cast<const float*>(arena) *
                                             reinterpret_cast<const float*>(arena + 64)[n];
}
extern "C" __global__ void add(char* arena, const float* scalars, long long, long long, long long) {
  *reinterpret_cast<float*>(arena) += scalars[0] * *reinterpret_cast<const float*>(arena + 192);
}
extern "C" __global__ void broken(char*, const float*, long long, long long, long long) {
  if (threadIdx.x < 4) __syncthreads();
}
)";
}

static Placement plain(const std::string& name, std::vector<int64_t> shape, bool batch, int64_t offset) {
  Placement placement{name, ElementType::F32, std::move(shape), batch, offset, 1, {}};
  for (int64_t size : placement.shape) placement.storage *= size;
  placement.digits = {{0, 1, placement.shape[0], 1}};
  return placement;
}

static ExecutableKernel kernel(const std::string& function, int64_t points, int threads,
                               std::function<int64_t(int64_t)> extent) {
  ExecutableKernel kernel;
  kernel.name = function;
  kernel.parallel_extent = std::move(extent);
  kernel.launch = {0, function, points, threads, 0};
  return kernel;
}

static Executable program() {
  const auto once = [](int64_t) -> int64_t { return 1; };
  const auto each = [](int64_t examples) { return examples; };
  Executable program;
  program.capacity = kCapacity;
  program.arena_bytes = kBytes;
  program.parameters = {plain("w", {1}, false, kWeight)};
  program.scalar_defaults = {{"rate", 2}};
  program.init.name = "init";
  program.init.kernels = {kernel("set", 1, 1, once)};
  program.step.name = "step";
  program.step.kernels = {kernel("scale", 8, 8, each), kernel("add", 1, 1, once)};
  program.step.forward_kernels = 1;
  program.step.inputs = {plain("x", {kCapacity}, true, kInput)};
  program.step.outputs = {plain("y", {kCapacity}, true, kResult)};
  program.eval.name = "eval";
  program.eval.kernels = {kernel("broken", 1, 8, once)};
  for (EntryPoint* entry : {&program.init, &program.step, &program.eval}) {
    entry->codes = {text()};
    entry->scalars = {"rate"};
  }
  program.make_device = [](const Executable& executable) -> Result<std::unique_ptr<Device>> {
    auto context = CudaContext::open(emulated_cuda_driver(), 0);
    if (!context) return context.failure();
    return make_cuda_device(*context, executable);
  };
  return program;
}

static float weight(const Executor& executor) { return executor.weights()[0].tensor.as<float>()[0]; }

static void set_input(Executor& executor, int64_t examples, float first) {
  Tensor x(ElementType::F32, {examples});
  std::iota(x.as<float>().begin(), x.as<float>().end(), first);
  std::vector<int64_t> rows(static_cast<std::size_t>(examples));
  std::iota(rows.begin(), rows.end(), int64_t{0});
  ASSERT_TRUE(executor.set_input(executor.executable().step, "x", x, rows).ok());
}

TEST(CudaDevice, RunsStepAfterStep) {
  SKIP_WITHOUT_COMPILER();
  Result<Executor> made = Executor::create(program(), 1);
  ASSERT_TRUE(made.ok()) << made.failure().message;
  Executor& executor = *made;
  ASSERT_TRUE(executor.initialize().ok());
  EXPECT_EQ(weight(executor), 2);
  const EntryPoint& step = executor.executable().step;
  float expected = 2;
  // The same numbers of examples again and again: launched one by one, captured, launched as a graph; inputs
  // and scalars change all the time.
  for (int run = 0; run < 12; ++run) {
    const int64_t examples = run % 3 == 2 ? 11 : 20;
    const float first = static_cast<float>(run % 4), rate = run % 2 == 0 ? 0.5F : -0.25F;
    set_input(executor, examples, first);
    executor.set_scalar("rate", rate);
    ASSERT_TRUE(executor.run(step, examples).ok());
    const Tensor y = executor.output(step, "y", examples);
    for (int64_t n = 0; n < examples; ++n)
      ASSERT_EQ(y.number(n), expected * (first + static_cast<float>(n))) << run << ", " << n;
    expected += rate * expected * first;
    ASSERT_EQ(weight(executor), expected) << run;
  }
}

TEST(CudaDevice, RunsAheadWithoutOverwritingWhatIsStillCopied) {
  SKIP_WITHOUT_COMPILER();
  Executor executor = std::move(Executor::create(program(), 1).value());
  ASSERT_TRUE(executor.initialize().ok());
  float expected = 2;
  // Nobody waits in between: all of it is still to be done.
  for (int run = 0; run < 9; ++run) {
    const float first = static_cast<float>(run % 5) + 1, rate = 1 / static_cast<float>(run + 2);
    set_input(executor, 3, first);
    executor.set_scalar("rate", rate);
    ASSERT_TRUE(executor.run(executor.executable().step, 3).ok());
    expected += rate * (expected * first);
  }
  EXPECT_EQ(weight(executor), expected);
}

TEST(CudaDevice, RunsInTwoPartsAndTakesTime) {
  SKIP_WITHOUT_COMPILER();
  Executor executor = std::move(Executor::create(program(), 1).value());
  ASSERT_TRUE(executor.initialize().ok());
  const EntryPoint& step = executor.executable().step;
  set_input(executor, 4, 1);
  Timeline timeline;
  executor.record(&timeline);
  ASSERT_TRUE(executor.run_forward(step, 4).ok());
  EXPECT_EQ(weight(executor), 2);
  ASSERT_TRUE(executor.run_update(step, 4).ok());
  EXPECT_EQ(weight(executor), 6); // 2 + 2 * (2 * 1)
  ASSERT_EQ(timeline.size(), 2u);
  EXPECT_EQ(timeline[1].kernel, 1u);
  for (const KernelSpan& span : timeline) EXPECT_LE(span.begin, span.end);
}

TEST(CudaDevice, ChangesPartsOfMemoryAlone) {
  SKIP_WITHOUT_COMPILER();
  Executable wide = program();
  // A weight with gaps, as blocked layouts have: every other element is not its own.
  wide.parameters.push_back(plain("gaps", {4}, false, kInput));
  wide.parameters.back().digits = {{0, 1, 4, 2}};
  wide.parameters.back().storage = 8;
  Executor executor = std::move(Executor::create(std::move(wide), 1).value());
  executor.fill(0x3C);
  executor.set("gaps", Tensor(ElementType::F32, {4}));
  const std::string bytes = executor.stored(executor.executable().parameters[1]);
  for (std::size_t k = 0; k < bytes.size(); ++k) EXPECT_EQ(bytes[k], k / 4 % 2 == 0 ? 0 : 0x3C) << k;
}

TEST(CudaDevice, AFailureStays) {
  SKIP_WITHOUT_COMPILER();
  // In a process of its own: the device fails for good, as a real one does.
  const auto fails = [] {
    Executor executor = std::move(Executor::create(program(), 1).value());
    if (!executor.initialize() || weight(executor) != 2) std::exit(1);
    if (!executor.run(executor.executable().eval, 1)) std::exit(2);
    const Status failed = executor.finish();
    if (failed.ok()) std::exit(3);
    if (!std::isnan(weight(executor)) || executor.first_non_finite() != "w") std::exit(4);
    if (executor.run(executor.executable().step, 1) || executor.initialize()) std::exit(5);
    fmt::print(stderr, "{}\n", failed.failure().message);
    std::exit(0);
  };
  EXPECT_EXIT(
      fails(), testing::ExitedWithCode(0),
      "the emulated device: what runs on it has failed: block 0: thread 0 waits at line .* for thread 4, "
      "which has left the kernel");
}

TEST(CudaDevice, RefusesWhatDoesNotFit) {
  Executable large = program();
  large.arena_bytes = int64_t{40} << 30;
  const Result<Executor> executor = Executor::create(std::move(large), 1);
  ASSERT_FALSE(executor.ok());
  EXPECT_EQ(executor.failure().code, ExitCode::OutOfMemory);
  EXPECT_EQ(
      executor.failure().message,
      "the program needs 40.00 GiB, but the emulated device has 16.00 GiB free of 16.00 GiB; a smaller batch "
      "needs less");
}

TEST(CudaDevice, RefusesCodeThatLacksAKernel) {
  SKIP_WITHOUT_COMPILER();
  Executable lacking = program();
  lacking.step.kernels[1].launch.function = "subtract";
  const Result<Executor> executor = Executor::create(std::move(lacking), 1);
  ASSERT_FALSE(executor.ok());
  EXPECT_EQ(executor.failure().message,
            "the emulated device: its code has no subtract: named symbol not found (error 500)");
}

TEST(CudaDevice, RefusesANumberThatIsNone) {
  const auto context = CudaContext::open(emulated_cuda_driver(), 3);
  ASSERT_FALSE(context.ok());
  EXPECT_EQ(context.failure().code, ExitCode::Usage);
  EXPECT_EQ(context.failure().message, "there is no CUDA device 3: 0 is the only one");
}

// The emulated driver is unkind: what waits is not done yet.
TEST(EmulatedDriver, DoesNothingBeforeSomebodyWaits) {
  const auto context = CudaContext::open(emulated_cuda_driver(), 0);
  ASSERT_TRUE(context.ok());
  const CudaDriver& driver = (*context)->driver();
  ASSERT_EQ((*context)->enter(), 0);
  CudaHandle stream = nullptr;
  CudaAddress memory = 0;
  ASSERT_EQ(driver.stream_create(&stream, 0), 0);
  ASSERT_EQ(driver.memory_allocate(&memory, 64), 0);
  float source = 1, target = 5;
  ASSERT_EQ(driver.copy_to_device(memory, &source, sizeof source, stream), 0);
  source = 2; // too early: the copy has not happened
  ASSERT_EQ(driver.copy_to_host(&target, memory, sizeof target, stream), 0);
  EXPECT_TRUE(std::isnan(target));
  ASSERT_EQ(driver.stream_synchronize(stream), 0);
  EXPECT_EQ(target, 2);
  // What was never written is no number.
  ASSERT_EQ(driver.copy_to_host(&target, memory + 32, sizeof target, stream), 0);
  ASSERT_EQ(driver.stream_synchronize(stream), 0);
  EXPECT_TRUE(std::isnan(target));
  // Past the end, and after the end.
  EXPECT_NE(driver.copy_to_host(&target, memory + 62, sizeof target, stream), 0);
  ASSERT_EQ(driver.memory_free(memory), 0);
  EXPECT_NE(driver.copy_to_host(&target, memory, sizeof target, stream), 0);
  EXPECT_NE(driver.memory_free(memory), 0);
  // A stream that is being captured takes launches alone.
  ASSERT_EQ(driver.capture_begin(stream, cuda::kCaptureThreadLocal), 0);
  EXPECT_NE(driver.stream_synchronize(stream), 0);
  CudaHandle graph = nullptr;
  ASSERT_EQ(driver.capture_end(stream, &graph), 0);
  EXPECT_EQ(driver.graph_destroy(graph), 0);
  EXPECT_NE(driver.graph_destroy(graph), 0);
  EXPECT_EQ(driver.stream_destroy(stream), 0);
}

TEST(EmulatedDriverDeathTest, AddressesAreTheDevicesAlone) {
  const auto context = CudaContext::open(emulated_cuda_driver(), 0);
  ASSERT_TRUE(context.ok());
  ASSERT_EQ((*context)->enter(), 0);
  CudaAddress memory = 0;
  ASSERT_EQ((*context)->driver().memory_allocate(&memory, 64), 0);
  EXPECT_DEATH(fmt::print("{}", *reinterpret_cast<const volatile float*>(memory)), "");
  ASSERT_EQ((*context)->driver().memory_free(memory), 0);
}

} // namespace striate
