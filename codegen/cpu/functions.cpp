// The primitive scalar functions (ir/scalar_functions.def), on scalars and hardware vectors alike.
#include "codegen/cpu/expressions.h"
#include "support/random.h"

namespace striate::cpu {

static constexpr int kMantissaBits = 23;
static constexpr uint64_t kSignMask = 0x80000000;
static constexpr uint64_t kExponentField = 0xFF;

static bool is_real(llvm::Value* v) { return v->getType()->isFPOrFPVectorTy(); }

static llvm::Type* same_shape(const llvm::Type* like, llvm::Type* element) {
  const auto* vector = llvm::dyn_cast<llvm::FixedVectorType>(like);
  return vector ? llvm::FixedVectorType::get(element, vector->getNumElements()) : element;
}
static llvm::Type* same_shape(const llvm::Value* like, llvm::Type* element) {
  return same_shape(like->getType(), element);
}

llvm::Value* emit_max(llvm::IRBuilder<>& b, llvm::Value* a, llvm::Value* other) {
  llvm::Value* greater = is_real(a) ? b.CreateFCmpOGT(other, a) : b.CreateICmpSGT(other, a);
  return b.CreateSelect(greater, other, a);
}

llvm::Value* emit_min(llvm::IRBuilder<>& b, llvm::Value* a, llvm::Value* other) {
  llvm::Value* less = is_real(a) ? b.CreateFCmpOLT(other, a) : b.CreateICmpSLT(other, a);
  return b.CreateSelect(less, other, a);
}

// The bits of a real and its exponent field; denormals count as zero.
struct RealBits {
  llvm::Value* bits;
  llvm::Value* exponent;
};
static RealBits real_bits(llvm::IRBuilder<>& b, llvm::Value* x) {
  llvm::Value* bits = b.CreateBitCast(x, same_shape(x, b.getInt32Ty()));
  return {bits, b.CreateAnd(b.CreateLShr(bits, kMantissaBits), kExponentField)};
}

// x * 2^k by exponent arithmetic: exact for normal results, infinite above, zero (with x's sign) below.
static llvm::Value* scale2(llvm::IRBuilder<>& b, llvm::Value* x, llvm::Value* k) {
  llvm::Type* type = k->getType();
  auto number = [&](uint64_t n) { return llvm::ConstantInt::get(type, n); };
  constexpr uint64_t kBeyondAll = 1024;
  const RealBits real = real_bits(b, x);
  llvm::Value* bounded = emit_min(b, k, number(kBeyondAll)); // no overflow in the sum
  llvm::Value* exponent = b.CreateAdd(real.exponent, bounded);
  llvm::Value* scaled = b.CreateAdd(real.bits, b.CreateShl(bounded, kMantissaBits));
  llvm::Value* sign = b.CreateAnd(real.bits, number(kSignMask));
  llvm::Value* infinity = b.CreateOr(sign, number(kExponentField << kMantissaBits));
  llvm::Value* result = b.CreateSelect(b.CreateICmpSGE(exponent, number(kExponentField)), infinity, scaled);
  llvm::Value* is_zero = b.CreateICmpEQ(real.exponent, number(0));
  llvm::Value* vanishes = b.CreateOr(is_zero, b.CreateICmpSLE(exponent, number(0)));
  result = b.CreateSelect(vanishes, sign, result);
  llvm::Value* not_finite = b.CreateICmpEQ(real.exponent, number(kExponentField));
  return b.CreateBitCast(b.CreateSelect(not_finite, real.bits, result), x->getType());
}

// 0 for zeros, infinities and NaN, as frexp gives.
static llvm::Value* exponent2(llvm::IRBuilder<>& b, llvm::Value* x) {
  const RealBits real = real_bits(b, x);
  llvm::Type* type = real.bits->getType();
  constexpr uint64_t kBias = 126; // of a mantissa in [0.5, 1)
  llvm::Value* exponent = b.CreateSub(real.exponent, llvm::ConstantInt::get(type, kBias));
  llvm::Value* zero = llvm::ConstantInt::get(type, 0);
  llvm::Value* special =
      b.CreateOr(b.CreateICmpEQ(real.exponent, zero),
                 b.CreateICmpEQ(real.exponent, llvm::ConstantInt::get(type, kExponentField)));
  return b.CreateSelect(special, zero, exponent);
}

static llvm::Value* mantissa2(llvm::IRBuilder<>& b, llvm::Value* x) {
  const RealBits real = real_bits(b, x);
  llvm::Type* type = real.bits->getType();
  auto number = [&](uint64_t n) { return llvm::ConstantInt::get(type, n); };
  constexpr uint64_t kSignAndMantissa = 0x807FFFFF;
  constexpr uint64_t kOneHalf = 0x3F000000;
  llvm::Value* mantissa = b.CreateOr(b.CreateAnd(real.bits, number(kSignAndMantissa)), number(kOneHalf));
  llvm::Value* sign = b.CreateAnd(real.bits, number(kSignMask));
  llvm::Value* result = b.CreateSelect(b.CreateICmpEQ(real.exponent, number(0)), sign, mantissa);
  result = b.CreateSelect(b.CreateICmpEQ(real.exponent, number(kExponentField)), real.bits, result);
  return b.CreateBitCast(result, x->getType());
}

// The upper half of the bits after half a step was added, or just less where the last bit kept is 0; a NaN
// stays one.
static llvm::Value* nearest_bfloat16(llvm::IRBuilder<>& b, llvm::Value* x) {
  const RealBits real = real_bits(b, x);
  llvm::Type* type = real.bits->getType();
  auto number = [&](uint64_t n) { return llvm::ConstantInt::get(type, n); };
  constexpr uint64_t kLower = 0x7FFF, kUpperHalf = 0xFFFF0000, kNaN = 0x7FC00000;
  llvm::Value* last = b.CreateAnd(b.CreateLShr(real.bits, kBfloat16Shift), number(1));
  llvm::Value* rounded = b.CreateAdd(real.bits, b.CreateAdd(last, number(kLower)));
  llvm::Value* result =
      b.CreateSelect(b.CreateFCmpUNO(x, x), number(kNaN), b.CreateAnd(rounded, number(kUpperHalf)));
  return b.CreateBitCast(result, x->getType());
}

// Rounds down; by zero it gives 0, and the least integer by -1 itself. None of it may trap, in lanes that are
// masked out either.
static llvm::Value* floor_divide(llvm::IRBuilder<>& b, llvm::Value* x, llvm::Value* y) {
  llvm::Type* type = x->getType();
  llvm::Value* zero = llvm::ConstantInt::get(type, 0);
  llvm::Value* by_zero = b.CreateICmpEQ(y, zero);
  llvm::Value* by_minus_one = b.CreateICmpEQ(y, llvm::Constant::getAllOnesValue(type));
  llvm::Value* divisor =
      b.CreateSelect(b.CreateOr(by_zero, by_minus_one), llvm::ConstantInt::get(type, 1), y);
  llvm::Value* quotient = b.CreateSDiv(x, divisor);
  llvm::Value* rest = b.CreateSub(x, b.CreateMul(quotient, divisor));
  llvm::Value* is_above =
      b.CreateAnd(b.CreateICmpNE(rest, zero), b.CreateICmpSLT(b.CreateXor(rest, divisor), zero));
  quotient = b.CreateAdd(quotient, b.CreateSExt(is_above, type));
  return b.CreateSelect(by_zero, zero, b.CreateSelect(by_minus_one, b.CreateNeg(x), quotient));
}

// Toward zero; what does not fit becomes the nearest integer that does, NaN becomes 0.
static llvm::Value* to_int(llvm::IRBuilder<>& b, llvm::Value* x) {
  llvm::Type* type = same_shape(x, b.getInt32Ty());
  return b.CreateIntrinsic(llvm::Intrinsic::fptosi_sat, {type, x->getType()}, {x});
}

llvm::Value* emit_function(Frame& frame, Function function, const std::vector<llvm::Value*>& arguments) {
  llvm::IRBuilder<>& b = frame.builder;
  llvm::Value* x = arguments[0];
  llvm::Value* y = arguments.size() > 1 ? arguments[1] : nullptr;
  const bool real = is_real(x);
  switch (function) {
  case Function::Add:
    return real ? b.CreateFAdd(x, y) : b.CreateAdd(x, y);
  case Function::Sub:
    return real ? b.CreateFSub(x, y) : b.CreateSub(x, y);
  case Function::Mul:
    return real ? b.CreateFMul(x, y) : b.CreateMul(x, y);
  case Function::Div:
    return real ? b.CreateFDiv(x, y) : floor_divide(b, x, y);
  case Function::Neg:
    return real ? b.CreateFNeg(x) : b.CreateNeg(x);
  case Function::Fma:
    return frame.call(llvm::Intrinsic::fma, {x, y, arguments[2]});
  case Function::Max:
    return emit_max(b, x, y);
  case Function::Min:
    return emit_min(b, x, y);
  case Function::Abs:
    if (real) return frame.call(llvm::Intrinsic::fabs, {x});
    return emit_max(b, x, b.CreateNeg(x));
  case Function::Floor:
    return frame.call(llvm::Intrinsic::floor, {x});
  case Function::Round:
    return frame.call(llvm::Intrinsic::roundeven, {x});
  case Function::Bfloat16:
    return nearest_bfloat16(b, x);
  case Function::Sqrt:
    return frame.call(llvm::Intrinsic::sqrt, {x});
  case Function::Less:
    return real ? b.CreateFCmpOLT(x, y) : b.CreateICmpSLT(x, y);
  case Function::LessEqual:
    return real ? b.CreateFCmpOLE(x, y) : b.CreateICmpSLE(x, y);
  case Function::Equal:
    return real ? b.CreateFCmpOEQ(x, y) : b.CreateICmpEQ(x, y);
  case Function::And:
    return b.CreateAnd(x, y);
  case Function::Or:
    return b.CreateOr(x, y);
  case Function::Not:
    return b.CreateNot(x);
  case Function::Select:
    if (const auto* known = llvm::dyn_cast<llvm::Constant>(x))
      if (known->isAllOnesValue() || known->isNullValue()) return known->isNullValue() ? arguments[2] : y;
    return b.CreateSelect(x, y, arguments[2]);
  case Function::ToReal: {
    if (real) return x;
    llvm::Type* type = same_shape(x, b.getFloatTy());
    return x->getType()->isIntOrIntVectorTy(1) ? b.CreateUIToFP(x, type) : b.CreateSIToFP(x, type);
  }
  case Function::ToInt:
    return real ? to_int(b, x) : b.CreateZExtOrTrunc(x, same_shape(x, b.getInt32Ty()));
  case Function::Scale2:
    return scale2(b, x, y);
  case Function::Exponent2:
    return exponent2(b, x);
  case Function::Mantissa2:
    return mantissa2(b, x);
  case Function::Exp:
  case Function::Log:
  case Function::Tanh:
  case Function::Erf:
  case Function::Sin:
  case Function::Cos:
  case Function::Pow:
    break;
  }
  CHECK(false, "{} should have been expanded, in kernel {}", name_of(function), frame.kernel.name);
}

// A function of the module, since a draw is some hundred instructions and a tile draws many numbers: the
// first word of Philox4x32-10 as a uniform f32, from (low, high, step, stream, seed_low, seed_high).
static llvm::Function* uniform_function(Frame& frame, llvm::Type* type) {
  llvm::Module& module = *frame.function->getParent();
  llvm::LLVMContext& context = module.getContext();
  // A module may hold code for several CPUs.
  const auto* lanes_of_type = llvm::dyn_cast<llvm::FixedVectorType>(type);
  const std::string name = fmt::format("uniform.{}.{}", lanes_of_type ? lanes_of_type->getNumElements() : 1,
                                       frame.function->getFnAttribute("target-cpu").getValueAsString().str());
  if (llvm::Function* known = module.getFunction(name)) return known;
  llvm::Type* i32 = llvm::Type::getInt32Ty(context);
  llvm::Type* reals = same_shape(type, llvm::Type::getFloatTy(context));
  auto* signature = llvm::FunctionType::get(reals, {type, type, i32, i32, i32, i32}, false);
  auto* function = llvm::Function::Create(signature, llvm::Function::InternalLinkage, name, module);
  function->setAttributes(
      llvm::AttributeList::get(context, llvm::AttributeList::FunctionIndex,
                               llvm::AttrBuilder(context, frame.function->getAttributes().getFnAttrs())));
  function->addFnAttr(llvm::Attribute::NoInline);
  function->setDoesNotAccessMemory();
  auto* entry = llvm::BasicBlock::Create(context, "entry", function);
  auto* round = llvm::BasicBlock::Create(context, "round", function);
  auto* done = llvm::BasicBlock::Create(context, "done", function);
  llvm::IRBuilder<> b(entry);
  const auto splat = [&](llvm::Value* scalar) {
    const auto* lanes = llvm::dyn_cast<llvm::FixedVectorType>(type);
    return lanes ? b.CreateVectorSplat(lanes->getNumElements(), scalar) : scalar;
  };
  llvm::Value* first[4] = {function->getArg(0), function->getArg(1), splat(function->getArg(2)),
                           splat(function->getArg(3))};
  b.CreateBr(round);

  b.SetInsertPoint(round);
  const auto carried = [&](llvm::Value* at_first) {
    llvm::PHINode* phi = b.CreatePHI(at_first->getType(), 2);
    phi->addIncoming(at_first, entry);
    return phi;
  };
  llvm::PHINode* number = carried(b.getInt32(0));
  llvm::PHINode* key[2] = {carried(function->getArg(4)), carried(function->getArg(5))};
  llvm::PHINode* counter[4];
  for (int word = 0; word < 4; ++word) counter[word] = carried(first[word]);
  llvm::Type* wide = same_shape(type, b.getInt64Ty());
  auto multiply = [&](llvm::Value* word, uint32_t by) { // (high, low)
    llvm::Value* product = b.CreateMul(b.CreateZExt(word, wide), llvm::ConstantInt::get(wide, by));
    return std::pair(b.CreateTrunc(b.CreateLShr(product, 32), type), b.CreateTrunc(product, type));
  };
  const auto [high0, low0] = multiply(counter[0], kPhiloxMultiplier0);
  const auto [high1, low1] = multiply(counter[2], kPhiloxMultiplier1);
  llvm::Value* next[4] = {b.CreateXor(b.CreateXor(high1, counter[1]), splat(key[0])), low1,
                          b.CreateXor(b.CreateXor(high0, counter[3]), splat(key[1])), low0};
  for (int word = 0; word < 4; ++word) counter[word]->addIncoming(next[word], round);
  key[0]->addIncoming(b.CreateAdd(key[0], b.getInt32(kPhiloxWeyl0)), round);
  key[1]->addIncoming(b.CreateAdd(key[1], b.getInt32(kPhiloxWeyl1)), round);
  llvm::Value* following = b.CreateAdd(number, b.getInt32(1));
  number->addIncoming(following, round);
  b.CreateCondBr(b.CreateICmpULT(following, b.getInt32(kPhiloxRounds)), round, done);

  b.SetInsertPoint(done);
  constexpr uint64_t kDroppedBits = 8; // what is left, 24 bits, is exact in f32
  llvm::Value* whole = b.CreateLShr(next[0], kDroppedBits);
  b.CreateRet(b.CreateFMul(b.CreateSIToFP(whole, reals), llvm::ConstantFP::get(reals, 0x1p-24)));
  return function;
}

llvm::Value* emit_uniform(Frame& frame, llvm::Value* element_low, llvm::Value* element_high,
                          llvm::Value* step, uint32_t stream, llvm::Value* seed_low, llvm::Value* seed_high) {
  llvm::IRBuilder<>& b = frame.builder;
  return b.CreateCall(uniform_function(frame, element_low->getType()),
                      {element_low, element_high, step, b.getInt32(stream), seed_low, seed_high});
}

} // namespace striate::cpu
