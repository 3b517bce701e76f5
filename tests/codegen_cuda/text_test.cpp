#include "codegen/cuda/emit_cuda.h"
#include "codegen/cuda/prelude_text.h"
#include "tests/codegen_cuda/samples.h"

#include <gtest/gtest.h>

namespace striate {

// The kernels' text, without the prelude.
static std::string kernels_of(const Program& program) {
  const Result<std::string> text = cuda_text(program);
  EXPECT_TRUE(text.ok());
  EXPECT_TRUE(text->starts_with(kCudaPrelude));
  return text->substr(kCudaPrelude.size() + 1);
}

TEST(CudaText, RegisterTile) {
  EXPECT_EQ(kernels_of(product_tile().program), R"cuda(// fc1: y[N,10] = sum(k: 37) w[o, k] * x[n, k] + b[o]
// schedule: parallel over n below N by 16, o below 10 by 5; a block is 2 x 16 lanes
// FLOPs: 740 per example
// bytes, at capacity 48: x 7104, w 1480, b 40, y 1920
extern "C" __global__ void __launch_bounds__(32)
fc1_bias_kernel(char* arena, const float* scalars, long long examples, long long begin, long long end) {
  constexpr int groups = 2; // of lanes, in a block
  constexpr int n_step = 16;
  constexpr int o_size = 10, o_step = 5, o_count = (o_size + o_step - 1) / o_step;
  constexpr int k_size = 37;
  constexpr int f_size = 5;
  const int lane = int(threadIdx.x) % kLanes;
  const int group = int(threadIdx.x) / kLanes;
  const int item = int(begin) + int(blockIdx.x) * groups + group;
  if (item >= end) return;
  const int o = item % o_count * o_step;
  const int n = item / o_count * n_step;
  const float* const x = reinterpret_cast<const float*>(arena + 0);
  const float* const w = reinterpret_cast<const float*>(arena + 7104);
  const float* const b = reinterpret_cast<const float*>(arena + 8640);
  float* const y = reinterpret_cast<float*>(arena + 8704);
  float sum[f_size];

  #pragma unroll
  for (int f = 0; f < f_size; ++f) {
    sum[f] = 0.0f;
  }
  for (int k = 0; k < k_size; ++k) {
    #pragma unroll
    for (int f = 0; f < f_size; ++f) {
      sum[f] = fmaf(w[37 * (o + f) + k], x[37 * n + 16 * k + lane], sum[f]);
    }
  }
  #pragma unroll
  for (int f = 0; f < f_size; ++f) {
    y[16 * (o + f) + 10 * n + lane] = sum[f] + b[o + f];
  }
}
)cuda");
}

TEST(CudaText, ScratchThatLanesShare) {
  EXPECT_EQ(kernels_of(window_over_row_lanes().program),
            R"cuda(// schedule: parallel over n below N; a block is 2 x 16 lanes
// shared memory: 256 bytes, 128 per group
// bytes, at capacity 4: x 2304, w 12, y 512
extern "C" __global__ void __launch_bounds__(32)
rows_kernel(char* arena, const float* scalars, long long examples, long long begin, long long end) {
  constexpr int groups = 2; // of lanes, in a block
  constexpr int i_size = 4;
  constexpr int row_size = 2;
  constexpr int s_size = 3;
  constexpr int dr_size = 2;
  constexpr int ds_size = 2;
  const int j = int(threadIdx.x) % kLanes;
  const int group = int(threadIdx.x) / kLanes;
  const int item = int(begin) + int(blockIdx.x) * groups + group;
  if (item >= end) return;
  const int n = item;
  const float* const x = reinterpret_cast<const float*>(arena + 0);
  const float* const w = reinterpret_cast<const float*>(arena + 2304);
  float* const y = reinterpret_cast<float*>(arena + 2368);
  float* const rows = reinterpret_cast<float*>(shared_memory + group * 128 + 0);
  float sum;
  float best;

  for (int i = 0; i < i_size; ++i) {
    sync_lanes();
    for (int row = 0; row < row_size; ++row) {
      sum = 0.0f;
      #pragma unroll
      for (int s = 0; s < s_size; ++s) {
        sum = fmaf(w[s], x[144 * n + 36 * i + 18 * row + s + j], sum);
      }
      rows[16 * row + j] = sum;
    }
    best = -infinity();
    sync_lanes();
    #pragma unroll
    for (int dr = 0; dr < dr_size; ++dr) {
      #pragma unroll
      for (int ds = 0; ds < ds_size; ++ds) {
        best = max_of(best, j < 8 ? rows[16 * dr + 2 * j + ds] : 0.0f);
      }
    }
    if (j < 8) y[32 * n + 8 * i + j] = best;
  }
}
)cuda");
}

TEST(CudaText, SamplesAreSound) {
  for (const auto& [name, sample] : all_samples())
    EXPECT_EQ(verify(sample.program.kernels[0]), std::vector<std::string>{}) << name;
}

TEST(CudaText, DependsOnTheProgramAlone) {
  for (const auto& [name, sample] : all_samples())
    EXPECT_EQ(*cuda_text(sample.program), *cuda_text(sample.program)) << name;
}

TEST(CudaText, NamesOfKernelsAreUniqueIdentifiers) {
  Program program;
  for (const char* name : {"conv1 + relu1", "conv1.relu1", "2x", "switch", "v0", "tanh"}) {
    program.kernels.emplace_back();
    program.kernels.back().name = name;
  }
  const std::vector<std::string> expected = {"conv1_relu1_kernel", "conv1_relu1_kernel_2",
                                             "_2x_kernel",         "switch_kernel",
                                             "v0_kernel",          "tanh_kernel"};
  EXPECT_EQ(cuda_names(program), expected);
}

TEST(CudaText, ABlockIsOneWarpOfGroups) {
  const CudaLaunch lanes = cuda_launch(window_over_batch_lanes().program, 0);
  EXPECT_EQ(lanes.lanes, 16);
  EXPECT_EQ(lanes.groups, 2);
  EXPECT_EQ(lanes.group_bytes, 2 * 9 * 16 * 4);
  EXPECT_EQ(lanes.blocks(7), 4);
  const CudaLaunch scalar = cuda_launch(loop_forms().program, 0);
  EXPECT_EQ(scalar.lanes, 1);
  EXPECT_EQ(scalar.groups, 32);
}

TEST(CudaText, ABlockIsLargerWhereThereAreBlocksEnough) {
  Program program;
  program.capacity = 1;
  Kernel kernel;
  kernel.name = "many";
  kernel.add_variable({"lane", VariableKind::Lane, Size::constant(kLanes), 1, false});
  KernelStatement loop;
  loop.kind = KernelStatement::Kind::For;
  loop.variable = kernel.add_variable({"item", VariableKind::Parallel, Size::constant(100000), 1, false});
  kernel.body = {loop};
  program.kernels = {kernel};
  EXPECT_EQ(cuda_launch(program, 0).threads(), 256);
  // Step by step there are fewer at once: 1000 items are 500 blocks of a warp.
  program.loops = {{0, 1, 100, false}};
  EXPECT_EQ(cuda_launch(program, 0).threads(), 32);
  program.loops.clear();
  // Shared memory for four groups, and for others' blocks.
  program.kernels[0].buffers.push_back({"rows", ElementType::F32, BufferSpace::Scratch, 3 * 1024, 0});
  EXPECT_EQ(cuda_launch(program, 0).groups, 4);
}

TEST(CudaText, ScratchBeyondABlocksSharedMemoryIsRefused) {
  Program program = window_over_batch_lanes().program;
  program.kernels[0].buffers.back().elements = 50 * 1024; // 200 KiB: one group fits
  EXPECT_EQ(cuda_launch(program, 0).groups, 1);
  EXPECT_TRUE(cuda_text(program).ok());
  program.kernels[0].buffers.back().elements = 60 * 1024;
  const Result<std::string> refused = cuda_text(program);
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.failure().message.find("conv1 + relu1 + pool1"), std::string::npos);
}

TEST(CudaText, OffsetsBeyond32BitsAreWide) {
  Program program = scaled_sum().program;
  EXPECT_EQ(kernels_of(program).find("int64 item"), std::string::npos);
  program.capacity = int64_t{1} << 30;
  EXPECT_NE(kernels_of(program).find("const int64 item = int64(begin) + int64(blockIdx.x)"),
            std::string::npos);
}

} // namespace striate
