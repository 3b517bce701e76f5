#include "codegen/cuda/host_module.h"
#include "tests/codegen_cuda/samples.h"

#include <gtest/gtest.h>

#include <cstring>

namespace striate {

static constexpr ThreadOrder kOrders[] = {ThreadOrder::Forward, ThreadOrder::Reverse, ThreadOrder::Strided};

#define SKIP_WITHOUT_COMPILER()                                                                              \
  if (host_compiler().empty()) GTEST_SKIP() << "no host C++ compiler on the path"

class CudaOnTheHost : public testing::TestWithParam<std::pair<std::string, Sample>> {};

TEST_P(CudaOnTheHost, GivesTheBitsOfThePlainEvaluation) {
  SKIP_WITHOUT_COMPILER();
  const Sample& sample = GetParam().second;
  const Result<HostShimModule> module = HostShimModule::compile(sample.program);
  ASSERT_TRUE(module.ok()) << module.failure().message;
  std::vector<char> expected = sample.arena;
  sample.evaluate(expected.data());
  ASSERT_NE(expected, sample.arena);
  for (ThreadOrder order : kOrders) {
    std::vector<char> arena = sample.arena;
    const Status status = module->run(arena.data(), sample.scalars.data(), sample.examples, order);
    ASSERT_TRUE(status.ok()) << status.failure().message;
    for (const KernelBuffer& buffer : sample.program.kernels[0].buffers) {
      if (buffer.space != BufferSpace::Memory) continue;
      const int64_t size = byte_size(buffer.type);
      for (int64_t e = 0; e < buffer.elements; ++e) {
        const int64_t place = buffer.offset + e * size;
        ASSERT_EQ(std::memcmp(&arena[place], &expected[place], size), 0)
            << buffer.name << "[" << e << "] in order " << static_cast<int>(order);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Samples, CudaOnTheHost, testing::ValuesIn(all_samples()),
                         [](const auto& info) { return info.param.first; });

// Whether some order of threads fails, or gives other bits than the evaluation.
static bool caught(const Sample& sample, const std::string& text) {
  const Result<HostShimModule> module = HostShimModule::compile(sample.program, text);
  EXPECT_TRUE(module.ok()) << module.failure().message;
  std::vector<char> expected = sample.arena;
  sample.evaluate(expected.data());
  for (ThreadOrder order : kOrders) {
    std::vector<char> arena = sample.arena;
    if (!module->run(arena.data(), sample.scalars.data(), sample.examples, order) || arena != expected)
      return true;
  }
  return false;
}

static size_t kernel_text_begin(const std::string& text) { return text.find("\nextern \"C\" __global__"); }

TEST(CudaHostShim, CatchesARemovedBarrier) {
  SKIP_WITHOUT_COMPILER();
  const Sample sample = window_over_row_lanes();
  const std::string text = *cuda_text(sample.program);
  const std::string barrier = "sync_lanes();";
  int removed = 0;
  for (size_t at = text.find(barrier, kernel_text_begin(text)); at != std::string::npos;
       at = text.find(barrier, at + 1)) {
    std::string without = text;
    without.erase(at, barrier.size());
    EXPECT_TRUE(caught(sample, without)) << "barrier " << removed;
    ++removed;
  }
  EXPECT_EQ(removed, 2); // before the window is read, and before the next rows are written
}

TEST(CudaHostShim, CatchesABarrierThatSomeLanesDoNotReach) {
  SKIP_WITHOUT_COMPILER();
  const Sample sample = window_over_row_lanes();
  std::string text = *cuda_text(sample.program);
  text.replace(text.find("sync_lanes();", kernel_text_begin(text)), 13, "if (j < 9) sync_lanes();");
  const Result<HostShimModule> module = HostShimModule::compile(sample.program, text);
  ASSERT_TRUE(module.ok()) << module.failure().message;
  std::vector<char> arena = sample.arena;
  const Status status = module->run(arena.data(), sample.scalars.data(), sample.examples);
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.failure().message.find("rows_kernel: block 0: thread 0 waits at line"), std::string::npos)
      << status.failure().message;
}

TEST(CudaHostShim, CatchesStoresPastTheEndOfSharedMemory) {
  SKIP_WITHOUT_COMPILER();
  Sample sample = window_over_row_lanes();
  const std::string text = *cuda_text(sample.program);
  sample.program.kernels[0].buffers.back().elements = 16; // the launch asks for less than the text uses
  const Result<HostShimModule> module = HostShimModule::compile(sample.program, text);
  ASSERT_TRUE(module.ok()) << module.failure().message;
  const Status status = module->run(sample.arena.data(), sample.scalars.data(), sample.examples);
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.failure().message.find("shared memory written"), std::string::npos);
}

TEST(CudaHostShim, BlocksMeetAsAWhole) {
  SKIP_WITHOUT_COMPILER();
  Program program;
  program.name = "block";
  program.capacity = 1;
  Kernel kernel;
  kernel.name = "block";
  kernel.add_variable({"lane", VariableKind::Lane, Size::constant(kLanes), 1, false});
  const int item = kernel.add_variable({"item", VariableKind::Parallel, Size::constant(2), 1, false});
  KernelStatement loop;
  loop.variable = item;
  loop.kind = KernelStatement::Kind::For;
  kernel.body = {loop};
  kernel.buffers.push_back({"all", ElementType::I32, BufferSpace::Scratch, 16, 0});
  program.kernels = {kernel};
  const std::string text = std::string(*cuda_text(Program{})) + R"(
extern "C" __global__ void block_kernel(char* arena, const float*, long long) {
  int* all = reinterpret_cast<int*>(shared_memory);
  all[threadIdx.x] = int(threadIdx.x) + 100;
  __syncthreads();
  reinterpret_cast<int*>(arena)[threadIdx.x] = all[blockDim.x - 1 - threadIdx.x];
}
)";
  const Result<HostShimModule> module = HostShimModule::compile(program, text);
  ASSERT_TRUE(module.ok()) << module.failure().message;
  for (ThreadOrder order : kOrders) {
    int32_t arena[32] = {};
    ASSERT_TRUE(module->run(reinterpret_cast<char*>(arena), nullptr, 1, order).ok());
    for (int t = 0; t < 32; ++t) EXPECT_EQ(arena[t], 131 - t);
  }
}

TEST(CudaHostShim, ReportsWhatTheCompilerSays) {
  SKIP_WITHOUT_COMPILER();
  const Result<HostShimModule> module = HostShimModule::compile(scaled_sum().program, "this is not C++");
  ASSERT_FALSE(module.ok());
  EXPECT_NE(module.failure().message.find("error"), std::string::npos);
}

} // namespace striate
