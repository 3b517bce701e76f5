// What is read off the machine code of inner loops.
#include "codegen/cpu/inner_loop.h"

#include "codegen/cpu/jit.h"
#include "codegen/cpu/target.h"
#include "ir/kernel/parse.h"

#include <gtest/gtest.h>

namespace striate {
namespace {

// As the code generator writes it: an outer loop with an inner one that has an FMA on a loaded operand, and a
// loop beside it without one.
const char* const kAssembly = R"(	.text
body:
# %bb.0:                                # %entry
	vxorps	%xmm0, %xmm0, %xmm0
.LBB0_1:                                # %outer
                                        # =>This Loop Header: Depth=1
                                        #     Child Loop BB0_2 Depth 2
	vmovaps	%ymm1, 32(%rsp)                 # 32-byte Spill
.LBB0_2:                                # %inner
                                        #   Parent Loop BB0_1 Depth=1
                                        # =>  This Inner Loop Header: Depth=2
	vmovups	(%rdi,%rax,4), %ymm2
	vpermilps	$27, %ymm2, %ymm2
	vfmadd231ps	32(%rdi,%rax,4), %ymm2, %ymm0
	vmovaps	32(%rsp), %ymm3                 # 32-byte Reload
	vmulps	%ymm3, %ymm0, %ymm0
	vmovups	%ymm0, (%rsi,%rax,4)
	addq	$8, %rax
	cmpq	%rcx, %rax
	jb	.LBB0_2
# %bb.3:                                # %behind
                                        #   in Loop: Header=BB0_1 Depth=1
	decq	%rdx
	jne	.LBB0_1
.LBB0_4:                                # %other
                                        # =>This Inner Loop Header: Depth=1
	vaddss	(%rdi,%rax,4), %xmm0, %xmm0
	addq	$1, %rax
	cmpq	%rcx, %rax
	jb	.LBB0_4
# %bb.5:
	retq
)";

TargetInfo haswell() { return *target_named("haswell", "x86_64"); }

TEST(InnerLoops, AreReadOffTheAssembly) {
  const std::optional<InnerLoop> loop = hottest_inner_loop(kAssembly, haswell());
  ASSERT_TRUE(loop);
  EXPECT_EQ(loop->depth, 2);
  EXPECT_EQ(loop->instructions, 9);
  EXPECT_EQ(loop->vector_bits, 256);
  EXPECT_EQ(loop->fmas, 1);
  EXPECT_EQ(loop->loads, 3);
  EXPECT_EQ(loop->stores, 1);
  EXPECT_EQ(loop->shuffles, 1);
  EXPECT_EQ(loop->spills, 1);
  EXPECT_EQ(loop->flops, 24); // 8 multiply-adds and 8 products
  // As llvm-mca has it: 1216 cycles for 100 passes (LLVM 22). The product waits for the multiply-add of the
  // same pass, and that for the product of the one before.
  EXPECT_NEAR(loop->model_cycles, 12, 2);
}

TEST(InnerLoops, OfScalarsAndOfNone) {
  const std::string text = kAssembly;
  const std::optional<InnerLoop> scalar = hottest_inner_loop(text.substr(text.find(".LBB0_4")), haswell());
  ASSERT_TRUE(scalar);
  EXPECT_EQ(scalar->vector_bits, 32);
  EXPECT_EQ(scalar->flops, 1);
  EXPECT_EQ(scalar->loads, 1);
  EXPECT_EQ(scalar->fmas, 0);
  EXPECT_FALSE(hottest_inner_loop("body:\n# %bb.0:\n\tretq\n", haswell()));
}

// y[o] = sum over k of w[k] * x[16*k + o]
const char* const kProduct = R"(program "M.step" capacity 16 arena 65536 scalars ("N")
kernel product {
  memory x: f32[1600] at 0
  memory w: f32[100] at 8192
  memory y: f32[16] at 16384
  axes o: 16 lanes
  tile t[o]
  parallel n: 0..1 {
    t[o] = 0
    for k: 0..100 {
      t[o] += load w[k] * load x[o + 16*k]
    }
    store y[o] = t over (o)
  }
}
)";

TEST(InnerLoops, OfKernelsOnEachArchitecture) {
  const Result<Program> program = parse_program(kProduct);
  ASSERT_TRUE(program.ok()) << program.failure().message;
  for (const auto& [cpu, architecture, bits, fmas] :
       {std::tuple("haswell", "x86_64", 256, 2), std::tuple("skylake-avx512", "x86_64", 512, 1),
        std::tuple("cortex-a76", "aarch64", 128, 4)}) {
    const TargetInfo target = *target_named(cpu, architecture);
    const auto assembly = kernel_assembly(*program, target, 1);
    ASSERT_TRUE(assembly.ok());
    const std::optional<InnerLoop> loop = hottest_inner_loop(assembly->at(0).text, target);
    ASSERT_TRUE(loop) << cpu;
    EXPECT_EQ(loop->vector_bits, bits) << cpu;
    EXPECT_EQ(loop->fmas % fmas, 0) << cpu << " " << loop->fmas;
    EXPECT_EQ(loop->flops, 32.0 * loop->fmas / fmas) << cpu;
    EXPECT_GE(loop->loads, 1) << cpu;
    EXPECT_EQ(loop->stores, 0) << cpu;
    EXPECT_GT(loop->model_cycles, 0) << cpu;
    const Result<std::string> text = assembly_text(*program, target);
    ASSERT_TRUE(text.ok());
    EXPECT_NE(text->find("# inner loop: "), std::string::npos) << *text;
  }
}

} // namespace
} // namespace striate
