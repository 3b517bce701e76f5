// Runs kernels built by hand on the CPU back end and compares all of the arena's bytes with what a test
// expects.
#pragma once

#include "codegen/cpu/jit.h"
#include "codegen/cpu/target.h"
#include "ir/kernel/analysis.h"
#include "support/random.h"
#include "tests/codegen/kernel_builder.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>

namespace striate::testing {

inline const std::vector<std::string> kScalars = {"N", "step", "epoch", "seed.low", "seed.high", "alpha"};

// The host, and the same code in vectors of other widths (code generation splits what is too wide): the bits
// must agree.
inline std::vector<TargetInfo> targets() {
  std::vector<TargetInfo> result = {host_target()};
  for (int bits : {512, 256, 128}) {
    if (bits == result[0].vector_bits) continue;
    result.push_back(result[0]);
    result.back().vector_bits = bits;
  }
  if (result[0].bfloat16_products) { // without the instruction
    result.push_back(result[0]);
    result.back().bfloat16_products = false;
  }
  return result;
}

struct Arena {
  explicit Arena(const KernelBuilder& builder)
      : kernel(builder.kernel), bytes(static_cast<std::size_t>(builder.arena_bytes) + 64) {}

  template <typename T = float>
  T* at(int buffer) {
    return reinterpret_cast<T*>(bytes.data() + kernel.buffers[buffer].offset);
  }
  // Small, signed, different values; exact sums would hide a wrong order.
  void fill(int buffer, uint32_t stream) {
    float* values = at(buffer);
    for (int64_t i = 0; i < kernel.buffers[buffer].elements; ++i)
      values[i] = uniform(7, static_cast<uint64_t>(i), 0, stream) - 0.5f;
  }

  const Kernel& kernel;
  std::vector<char> bytes;
};

// Runs the kernel on a copy of `initial` for each target and each split of its range, and checks that all
// agree with `expected`, byte for byte.
inline void expect_result(const KernelBuilder& builder, const Arena& initial,
                          const std::vector<char>& expected, int64_t examples, float alpha = 0,
                          float step = 0, uint64_t seed = 0) {
  Program program;
  program.name = "test";
  program.scalars = kScalars;
  program.kernels = {builder.kernel};
  const float scalars[] = {static_cast<float>(examples),
                           step,
                           0,
                           std::bit_cast<float>(static_cast<uint32_t>(seed)),
                           std::bit_cast<float>(static_cast<uint32_t>(seed >> 32)),
                           alpha};
  for (const TargetInfo& target : targets()) {
    auto compiled = jit_compile({&program}, target, 1);
    ASSERT_TRUE(compiled.ok()) << compiled.failure().message;
    const KernelFunction function = (*compiled)->function(0, 0);
    const int64_t extent = parallel_extent(builder.kernel, examples);
    for (int64_t part : {extent, int64_t{1}, int64_t{3}}) {
      std::vector<char> bytes = initial.bytes;
      for (int64_t begin = 0; begin < extent; begin += part)
        function(bytes.data(), scalars, examples, begin, std::min(extent, begin + part));
      EXPECT_EQ(0, std::memcmp(bytes.data(), expected.data(), bytes.size()))
          << builder.kernel.name << " in vectors of " << target.vector_bits << " bits, in parts of " << part
          << ", " << examples << " examples";
    }
  }
}

inline ExprRef real_tile(int tile) { return tile_point(tile, ScalarType::Real); }
inline ExprRef real_load(int buffer, const IndexExpr& offset) {
  return load(buffer, offset, ScalarType::Real);
}

} // namespace striate::testing
