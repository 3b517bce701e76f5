#include "codegen/cuda/emit_cuda.h"
#include "codegen/cuda/nvrtc.h"
#include "tests/codegen_cuda/samples.h"

#include <gtest/gtest.h>

namespace striate {

static const Nvrtc* nvrtc() {
  const Result<const Nvrtc*> loaded = Nvrtc::load();
  return loaded ? *loaded : nullptr;
}

#define SKIP_WITHOUT_NVRTC()                                                                                 \
  if (!nvrtc()) GTEST_SKIP() << Nvrtc::load().failure().message

TEST(Nvrtc, CompilesEveryKernelWithoutSpillsOrWarnings) {
  SKIP_WITHOUT_NVRTC();
  for (const auto& [name, sample] : all_samples()) {
    const std::string text = *cuda_text(sample.program);
    const Result<CudaBinary> native = nvrtc()->compile(text, name + ".cu", "sm_90a");
    ASSERT_TRUE(native.ok()) << native.failure().message;
    EXPECT_FALSE(native->cubin.empty());
    ASSERT_EQ(native->resources.size(), 1u) << native->log;
    EXPECT_EQ(native->resources[0].function, cuda_names(sample.program)[0]);
    EXPECT_GT(native->resources[0].registers, 0);
    EXPECT_EQ(native->resources[0].spill_bytes, 0) << name << "\n" << native->log;
    // Tiles are registers: nothing lies in local memory.
    EXPECT_EQ(native->resources[0].stack_bytes, 0) << name << "\n" << native->log;
    EXPECT_EQ(native->log.find("warning"), std::string::npos) << name << "\n" << native->log;
    const Result<CudaBinary> portable = nvrtc()->compile(text, name + ".cu", "compute_80");
    ASSERT_TRUE(portable.ok()) << portable.failure().message;
    EXPECT_TRUE(portable->cubin.empty());
    EXPECT_NE(portable->ptx.find(".entry " + cuda_names(sample.program)[0]), std::string::npos);
  }
}

TEST(Nvrtc, ContractsNothingByItself) {
  SKIP_WITHOUT_NVRTC();
  const Result<CudaBinary> sum = nvrtc()->compile(*cuda_text(scaled_sum().program), "sum.cu", "compute_80");
  ASSERT_TRUE(sum.ok());
  EXPECT_EQ(sum->ptx.find("fma.rn"), std::string::npos);
  EXPECT_NE(sum->ptx.find("mul.rn.ftz.f32"), std::string::npos);
  const Result<CudaBinary> product =
      nvrtc()->compile(*cuda_text(product_tile().program), "product.cu", "compute_80");
  ASSERT_TRUE(product.ok());
  EXPECT_NE(product->ptx.find("fma.rn.ftz.f32"), std::string::npos);
}

TEST(Nvrtc, IsDeterministic) {
  SKIP_WITHOUT_NVRTC();
  const std::string text = *cuda_text(folded_gradient().program);
  EXPECT_EQ(nvrtc()->compile(text, "a.cu", "sm_90a")->cubin, nvrtc()->compile(text, "a.cu", "sm_90a")->cubin);
}

TEST(Nvrtc, ReportsErrors) {
  SKIP_WITHOUT_NVRTC();
  const Result<CudaBinary> wrong = nvrtc()->compile("void f() { return 1 }", "wrong.cu", "sm_90a");
  ASSERT_FALSE(wrong.ok());
  EXPECT_NE(wrong.failure().message.find("wrong.cu"), std::string::npos) << wrong.failure().message;
}

} // namespace striate
