#include "codegen/cpu/cpu_level.h"

#include <llvm/IR/InlineAsm.h>

#include <initializer_list>

namespace striate::cpu {

int level_of(const std::string& name) {
  const char* levels[] = {"x86-64", "x86-64-v2", "x86-64-v3", "x86-64-v4"};
  for (int k = 0; k < 4; ++k)
    if (name == levels[k]) return k + 1;
  return 0;
}

namespace {

// Bits of cpuid's answers, by Intel's and AMD's manuals.
constexpr uint32_t bits(std::initializer_list<int> numbers) {
  uint32_t mask = 0;
  for (int number : numbers) mask |= uint32_t{1} << number;
  return mask;
}
constexpr uint32_t kV2Leaf1Ecx = bits({0, 9, 13, 19, 20, 23}); // SSE3, SSSE3, CX16, SSE4.1, SSE4.2, POPCNT
constexpr uint32_t kV2ExtendedEcx = bits({0});                 // LAHF
constexpr uint32_t kV3Leaf1Ecx = bits({12, 22, 27, 28, 29});   // FMA, MOVBE, OSXSAVE, AVX, F16C
constexpr uint32_t kV3Leaf7Ebx = bits({3, 5, 8});              // BMI1, AVX2, BMI2
constexpr uint32_t kV3ExtendedEcx = bits({5});                 // LZCNT
constexpr uint32_t kV4Leaf7Ebx = bits({16, 17, 28, 30, 31});   // AVX512F, DQ, CD, BW, VL
constexpr uint32_t kV3State = bits({1, 2}),
                   kV4State = bits({1, 2, 5, 6, 7}); // what the system keeps of registers

class LevelEmitter {
public:
  explicit LevelEmitter(llvm::IRBuilder<>& builder) : builder_(builder), i32_(builder.getInt32Ty()) {}

  llvm::Value* emit() {
    llvm::Function* function = builder_.GetInsertBlock()->getParent();
    llvm::LLVMContext& context = builder_.getContext();
    llvm::Value* leaf1_ecx = part(cpuid(1), 2);
    llvm::Value* extended_ecx = part(cpuid(0x80000001), 2);
    llvm::Value* v2 = builder_.CreateAnd(has(leaf1_ecx, kV2Leaf1Ecx), has(extended_ecx, kV2ExtendedEcx));
    // Beyond the leaves that a CPU has, cpuid answers anything; without OSXSAVE there is no xgetbv.
    llvm::Value* newer = builder_.CreateAnd(builder_.CreateICmpUGE(part(cpuid(0), 0), constant(7)),
                                            builder_.CreateAnd(v2, has(leaf1_ecx, kV3Leaf1Ecx)));
    llvm::Value* below = builder_.CreateSelect(v2, constant(2), constant(1));
    llvm::BasicBlock* before = builder_.GetInsertBlock();
    auto* then = llvm::BasicBlock::Create(context, "newer", function);
    auto* after = llvm::BasicBlock::Create(context, "level", function);
    builder_.CreateCondBr(newer, then, after);
    builder_.SetInsertPoint(then);
    llvm::Value* leaf7_ebx = part(cpuid(7), 1);
    llvm::Value* state = part(xgetbv(), 0);
    llvm::Value* v3 =
        builder_.CreateAnd(builder_.CreateAnd(has(leaf7_ebx, kV3Leaf7Ebx), has(extended_ecx, kV3ExtendedEcx)),
                           has(state, kV3State));
    llvm::Value* v4 = builder_.CreateAnd(has(leaf7_ebx, kV4Leaf7Ebx), has(state, kV4State));
    llvm::Value* level =
        builder_.CreateSelect(v3, builder_.CreateSelect(v4, constant(4), constant(3)), constant(2));
    builder_.CreateBr(after);
    builder_.SetInsertPoint(after);
    llvm::PHINode* result = builder_.CreatePHI(i32_, 2);
    result->addIncoming(below, before);
    result->addIncoming(level, then);
    return result;
  }

private:
  llvm::ConstantInt* constant(uint32_t value) { return builder_.getInt32(value); }
  llvm::Value* part(llvm::Value* answer, unsigned number) {
    return builder_.CreateExtractValue(answer, number);
  }
  llvm::Value* has(llvm::Value* answer, uint32_t mask) {
    return builder_.CreateICmpEQ(builder_.CreateAnd(answer, constant(mask)), constant(mask));
  }

  // eax, ebx, ecx, edx
  llvm::Value* cpuid(uint32_t leaf) {
    auto* result = llvm::StructType::get(i32_, i32_, i32_, i32_);
    auto* type = llvm::FunctionType::get(result, {i32_, i32_}, false);
    auto* text = llvm::InlineAsm::get(type, "cpuid", "={ax},={bx},={cx},={dx},{ax},{cx}", true);
    return builder_.CreateCall(type, text, {constant(leaf), constant(0)});
  }
  // eax, edx
  llvm::Value* xgetbv() {
    auto* result = llvm::StructType::get(i32_, i32_);
    auto* type = llvm::FunctionType::get(result, {i32_}, false);
    auto* text = llvm::InlineAsm::get(type, "xgetbv", "={ax},={dx},{cx}", true);
    return builder_.CreateCall(type, text, {constant(0)});
  }

  llvm::IRBuilder<>& builder_;
  llvm::IntegerType* i32_;
};

} // namespace

llvm::Value* emit_cpu_level(llvm::IRBuilder<>& builder) { return LevelEmitter(builder).emit(); }

} // namespace striate::cpu
