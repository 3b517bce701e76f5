#include "codegen/cpu/placed_copy.h"

#include "support/tensor_type.h"

namespace striate::cpu {

void emit_loop(llvm::IRBuilder<>& builder, llvm::Value* count,
               const std::function<void(llvm::Value*)>& body) {
  llvm::LLVMContext& context = builder.getContext();
  llvm::BasicBlock* before = builder.GetInsertBlock();
  llvm::Function* function = before->getParent();
  auto* head = llvm::BasicBlock::Create(context, "head", function);
  auto* inside = llvm::BasicBlock::Create(context, "inside", function);
  auto* after = llvm::BasicBlock::Create(context, "after", function);
  builder.CreateBr(head);
  builder.SetInsertPoint(head);
  llvm::PHINode* index = builder.CreatePHI(builder.getInt64Ty(), 2, "i");
  index->addIncoming(builder.getInt64(0), before);
  builder.CreateCondBr(builder.CreateICmpSLT(index, count), inside, after);
  builder.SetInsertPoint(inside);
  body(index);
  index->addIncoming(builder.CreateAdd(index, builder.getInt64(1)), builder.GetInsertBlock());
  builder.CreateBr(head);
  builder.SetInsertPoint(after);
}

namespace {

class Copy {
public:
  Copy(llvm::IRBuilder<>& builder, const Placement& placement, llvm::Value* arena, llvm::Value* logical,
       bool in)
      : builder_(builder), placement_(placement), logical_(logical), in_(in),
        bytes_(byte_size(placement.element)), type_(builder.getIntNTy(static_cast<unsigned>(8 * bytes_))) {
    placed_ = builder.CreatePtrAdd(arena, builder.getInt64(static_cast<uint64_t>(placement.offset)));
  }

  // From dimension d on: `row` counts the logical elements before it, `place` those before it in memory.
  void dimensions(std::size_t d, llvm::Value* row, llvm::Value* place) {
    if (d == placement_.shape.size()) return element(row, place);
    emit_loop(builder_, constant(placement_.shape[d]), [&](llvm::Value* index) {
      llvm::Value* next = builder_.CreateAdd(builder_.CreateMul(row, constant(placement_.shape[d])), index);
      dimensions(d + 1, next, builder_.CreateAdd(place, place_of(d, index)));
    });
  }

  // What an index of dimension d adds to the place.
  llvm::Value* place_of(std::size_t d, llvm::Value* index) {
    llvm::Value* place = constant(0);
    for (const Placement::Digit& digit : placement_.digits) {
      if (digit.dimension != static_cast<int>(d)) continue;
      llvm::Value* value = digit.step == 1 ? index : builder_.CreateUDiv(index, constant(digit.step));
      if (digit.step * digit.extent < room(d)) value = builder_.CreateURem(value, constant(digit.extent));
      place = builder_.CreateAdd(place, builder_.CreateMul(value, constant(digit.stride)));
    }
    return place;
  }

  // How many indices dimension d has a place for.
  int64_t room(std::size_t d) const {
    int64_t most = 1;
    for (const Placement::Digit& digit : placement_.digits)
      if (digit.dimension == static_cast<int>(d)) most *= digit.extent;
    return most;
  }

  llvm::Value* constant(int64_t value) { return builder_.getInt64(static_cast<uint64_t>(value)); }

private:
  void element(llvm::Value* logical, llvm::Value* place) {
    llvm::Value* outside = builder_.CreateGEP(type_, logical_, logical);
    llvm::Value* inside = builder_.CreateGEP(type_, placed_, place);
    const llvm::Align aligned(static_cast<uint64_t>(bytes_)), anywhere(1);
    if (in_)
      builder_.CreateAlignedStore(builder_.CreateAlignedLoad(type_, outside, anywhere), inside, aligned);
    else
      builder_.CreateAlignedStore(builder_.CreateAlignedLoad(type_, inside, aligned), outside, anywhere);
  }

  llvm::IRBuilder<>& builder_;
  const Placement& placement_;
  llvm::Value* logical_;
  llvm::Value* placed_;
  bool in_;
  int64_t bytes_;
  llvm::Type* type_;
};

} // namespace

void emit_copy_in(llvm::IRBuilder<>& builder, const Placement& placement, llvm::Value* arena,
                  llvm::Value* logical, llvm::Value* examples) {
  Copy copy(builder, placement, arena, logical, true);
  if (!placement.batch) return copy.dimensions(0, copy.constant(0), copy.constant(0));
  const auto umin = [&](llvm::Value* a, llvm::Value* b) {
    return builder.CreateSelect(builder.CreateICmpULT(a, b), a, b);
  };
  llvm::Value* blocks = builder.CreateAnd(builder.CreateAdd(examples, copy.constant(kBatchBlock - 1)),
                                          copy.constant(-kBatchBlock));
  llvm::Value* last = builder.CreateSub(examples, copy.constant(1));
  emit_loop(builder, umin(blocks, copy.constant(copy.room(0))), [&](llvm::Value* example) {
    copy.dimensions(1, umin(example, last), copy.place_of(0, example));
  });
}

void emit_copy_out(llvm::IRBuilder<>& builder, const Placement& placement, llvm::Value* arena,
                   llvm::Value* logical, llvm::Value* examples) {
  Copy copy(builder, placement, arena, logical, false);
  if (!placement.batch) return copy.dimensions(0, copy.constant(0), copy.constant(0));
  emit_loop(builder, examples,
            [&](llvm::Value* example) { copy.dimensions(1, example, copy.place_of(0, example)); });
}

} // namespace striate::cpu
