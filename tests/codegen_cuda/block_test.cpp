// Kernels whose tiles are divided among the threads of a block: their text, NVRTC's opinion of it, and what
// the host shim makes of it, whole and spoilt.
#include "codegen/cuda/host_module.h"
#include "codegen/cuda/nvrtc.h"
#include "ir/kernel/parse.h"
#include "tests/ir/block_kernel_text.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

namespace striate {
namespace {

constexpr ThreadOrder kOrders[] = {ThreadOrder::Forward, ThreadOrder::Reverse, ThreadOrder::Strided};
constexpr int kA = kBlockRows * kBlockDepth, kB = kBlockDepth * kBlockColumns,
              kC = kBlockRows * kBlockColumns;

Program block_program() {
  Program program;
  program.name = "block";
  program.capacity = 1;
  program.arena_bytes = 4 * (kA + kB + kC);
  const Result<Kernel> kernel = parse_kernel(kBlockKernel, "test");
  EXPECT_TRUE(kernel.ok()) << (kernel.ok() ? "" : kernel.failure().message);
  program.kernels = {*kernel};
  return program;
}

std::vector<float> matrices() {
  std::vector<float> values(kA + kB + kC, -1);
  for (int k = 0; k < kA + kB; ++k) values[k] = std::sin(static_cast<float>(k));
  return values;
}

// In the order of the terms.
std::vector<float> product(std::vector<float> values) {
  for (int row = 0; row < kBlockRows; ++row)
    for (int column = 0; column < kBlockColumns; ++column) {
      float sum = 0;
      for (int k = 0; k < kBlockDepth; ++k)
        sum = std::fma(values[row * kBlockDepth + k], values[kA + k * kBlockColumns + column], sum);
      values[kA + kB + row * kBlockColumns + column] = sum;
    }
  return values;
}

// "" where all orders of threads give the product's bits.
std::string problem_of(const std::string& text) {
  const Result<HostShimModule> module = HostShimModule::compile(block_program(), text);
  EXPECT_TRUE(module.ok()) << (module.ok() ? "" : module.failure().message);
  const std::vector<float> expected = product(matrices());
  for (ThreadOrder order : kOrders) {
    std::vector<float> values = matrices();
    if (const Status ran = module->run(reinterpret_cast<char*>(values.data()), nullptr, 1, order); !ran)
      return ran.failure().message;
    if (std::memcmp(values.data(), expected.data(), values.size() * sizeof(float)) != 0) return "other bits";
  }
  return "";
}

std::string replaced(std::string text, const std::string& before, const std::string& after) {
  // Not in the prelude.
  const std::size_t at = text.find(before, text.find("product_kernel"));
  EXPECT_NE(at, std::string::npos) << before;
  if (at != std::string::npos) text.replace(at, before.size(), after);
  return text;
}

TEST(CudaBlocks, GiveTheBitsOfTheDeclaredOrder) {
  if (host_compiler().empty()) GTEST_SKIP() << "no host C++ compiler on the path";
  EXPECT_EQ(problem_of(*cuda_text(block_program())), "");
}

TEST(CudaBlocks, AreCaughtWithoutAWaitOrABarrier) {
  if (host_compiler().empty()) GTEST_SKIP() << "no host C++ compiler on the path";
  const std::string text = *cuda_text(block_program());
  EXPECT_EQ(problem_of(replaced(text, "wait_for_copies();", "")), "other bits"); // NaN from copies under way
  EXPECT_EQ(problem_of(replaced(text, "__syncthreads();", "")), "other bits");
  EXPECT_NE(problem_of(replaced(text, "__syncthreads();", "if (thread != 5) __syncthreads();"))
                .find("waits at line"),
            std::string::npos);
  EXPECT_NE(problem_of(replaced(text, "copy4(&b_tiles[", "copy4(&b_tiles[1 + ")).find("not aligned"),
            std::string::npos);
  EXPECT_EQ(problem_of(replaced(text, "-0.0f", "0.5f")), ""); // a row that is not there
}

TEST(CudaBlocks, HaveTheirFormInTheText) {
  const std::string text = *cuda_text(block_program());
  for (const char* part :
       {"void __launch_bounds__(64, 8)\nproduct_kernel(", "const int thread = int(threadIdx.x);",
        "const int item = int(begin) + int(blockIdx.x);", "float sum[i_size][j_size];",
        "copy4(&b_tiles[36 * (thread / 8) + 4 * (thread % 8)], &b[",
        "    wait_for_copies();\n    __syncthreads();\n",
        "sum[i][j] = fmaf(a_part[i], b_part[j], sum[i][j]);"})
    EXPECT_NE(text.find(part), std::string::npos) << part;
  const CudaLaunch launch = cuda_launch(block_program(), 0);
  EXPECT_EQ(launch.threads(), 64);
  EXPECT_EQ(launch.blocks(4), 4);
  EXPECT_EQ(launch.shared_bytes(), 2 * 576 * 4);
}

TEST(CudaBlocks, CompileWithoutSpills) {
  const Result<const Nvrtc*> compiler = Nvrtc::load();
  if (!compiler) GTEST_SKIP() << compiler.failure().message;
  for (const char* architecture : {"sm_90a", "sm_80", "sm_75"}) {
    const Result<CudaBinary> binary =
        (*compiler)->compile(*cuda_text(block_program()), "block.cu", architecture);
    ASSERT_TRUE(binary.ok()) << binary.failure().message;
    ASSERT_EQ(binary->resources.size(), 1u);
    EXPECT_EQ(binary->resources[0].spill_bytes, 0) << architecture;
    EXPECT_LE(binary->resources[0].registers, 128) << architecture;
    const bool asynchronous = std::string(architecture) != "sm_75";
    EXPECT_EQ(binary->ptx.find("cp.async") != std::string::npos, asynchronous) << architecture;
    EXPECT_NE(binary->ptx.find("ld.shared.v4"), std::string::npos) << "terms are loaded one by one";
  }
}

} // namespace
} // namespace striate
