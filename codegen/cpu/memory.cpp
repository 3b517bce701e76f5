// Loads and stores of Expressions: scalar, contiguous along the lanes, or lane by lane; guards by selected
// addresses and masks, never by branches.
#include "codegen/cpu/expressions.h"

namespace striate::cpu {

llvm::Value* Expressions::from_storage(llvm::Value* value, ElementType stored, ScalarType type) {
  llvm::Type* wanted = frame_.type_of(type);
  if (value->getType()->isVectorTy()) wanted = frame_.vector_of(wanted);
  const bool real = scalar_type_of(stored) == ScalarType::Real;
  const bool is_unsigned = stored == ElementType::U8 || stored == ElementType::Bool;
  if (stored == ElementType::BF16) {
    llvm::Type* bits = builder_.getInt32Ty();
    if (value->getType()->isVectorTy()) bits = frame_.vector_of(bits);
    CHECK(type == ScalarType::Real, "{}", frame_.kernel.name);
    return builder_.CreateBitCast(builder_.CreateShl(builder_.CreateZExt(value, bits), kBfloat16Shift),
                                  wanted);
  }
  switch (type) {
  case ScalarType::Real:
    if (real) return builder_.CreateFPCast(value, wanted);
    return is_unsigned ? builder_.CreateUIToFP(value, wanted) : builder_.CreateSIToFP(value, wanted);
  case ScalarType::Int:
    CHECK(!real, "an integer read from a {} buffer, in {}", name_of(stored), frame_.kernel.name);
    return builder_.CreateZExtOrTrunc(value, wanted);
  case ScalarType::Bool:
    CHECK(!real, "a truth value read from a {} buffer, in {}", name_of(stored), frame_.kernel.name);
    return builder_.CreateIsNotNull(value);
  }
  CHECK(false);
}

llvm::Value* Expressions::to_storage(llvm::Value* value, ScalarType type, ElementType stored) {
  llvm::Type* wanted = frame_.storage_type_of(stored);
  if (value->getType()->isVectorTy()) wanted = frame_.vector_of(wanted);
  const bool real = scalar_type_of(stored) == ScalarType::Real;
  CHECK(real == (type == ScalarType::Real), "a value stored to a {} buffer of another type, in {}",
        name_of(stored), frame_.kernel.name);
  if (stored == ElementType::BF16) {
    llvm::Type* bits = builder_.getInt32Ty();
    if (value->getType()->isVectorTy()) bits = frame_.vector_of(bits);
    return builder_.CreateTrunc(builder_.CreateLShr(builder_.CreateBitCast(value, bits), kBfloat16Shift),
                                wanted);
  }
  if (real) return builder_.CreateFPCast(value, wanted);
  return builder_.CreateZExtOrTrunc(value, wanted);
}

llvm::Value* Expressions::load_from(llvm::Value* pointer, llvm::Type* type, int buffer) {
  const auto alignment = llvm::Align(static_cast<uint64_t>(byte_size(frame_.kernel.buffers[buffer].type)));
  llvm::LoadInst* result = builder_.CreateAlignedLoad(type, pointer, alignment);
  frame_.tag(result, buffer);
  return result;
}

llvm::Value* Expressions::load(const Expr& e, int piece) {
  if (has_places(e)) return load_at_place(e, piece);
  if (piece == kScalar) return load_scalar(e);
  const std::optional<int64_t> per_lane = frame_.lane_coefficient(e.indices[0]);
  const ExprRef guard = e.arguments.empty() ? nullptr : e.arguments[0];
  if (per_lane == 1 && !guard) return load_contiguous(e, nullptr, piece);
  if (per_lane == 1 && uses_lane(guard)) return load_contiguous(e, value(guard, piece), piece);
  if (per_lane == 1) { // one guard for all lanes: read the buffer's start instead
    llvm::Value* holds = value(guard, kScalar);
    Address address = frame_.address(e.operand, e.indices[0]);
    address.displacement += piece * frame_.width * byte_size(frame_.kernel.buffers[e.operand].type);
    llvm::Value* pointer =
        builder_.CreateSelect(holds, frame_.pointer(address), frame_.buffer_base(e.operand));
    const ElementType stored = frame_.kernel.buffers[e.operand].type;
    llvm::Value* loaded = load_from(pointer, frame_.vector_of(frame_.storage_type_of(stored)), e.operand);
    return builder_.CreateSelect(holds, from_storage(loaded, stored, e.type), splat(constant_of(e)));
  }
  return gather(e, piece);
}

llvm::Value* Expressions::load_scalar(const Expr& e) {
  const ElementType stored = frame_.kernel.buffers[e.operand].type;
  llvm::Type* type = frame_.storage_type_of(stored);
  const Address address = frame_.address(e.operand, e.indices[0]);
  if (e.arguments.empty()) {
    llvm::Value*& loaded = loads_[{address.base, address.displacement, type}];
    if (!loaded) loaded = load_from(frame_.pointer(address), type, e.operand);
    return from_storage(loaded, stored, e.type);
  }
  llvm::Value* holds = value(e.arguments[0], kScalar);
  llvm::Value* pointer = builder_.CreateSelect(holds, frame_.pointer(address), frame_.buffer_base(e.operand));
  llvm::Value* loaded = load_from(pointer, type, e.operand);
  return builder_.CreateSelect(holds, from_storage(loaded, stored, e.type), constant_of(e));
}

llvm::Value* Expressions::pair(const ExprRef& e, int piece) {
  llvm::Value*& known = values_[key_of(e, piece)];
  if (known) return known;
  constexpr int64_t kPairBytes = 4;
  const std::optional<int64_t> per_lane = frame_.lane_coefficient(e->indices[0]);
  CHECK(per_lane == 0 || per_lane == 2, "pairs that are {} apart, in {}", per_lane.value_or(-1),
        frame_.kernel.name);
  llvm::Type* type = builder_.getInt32Ty();
  Address address = frame_.address(e->operand, e->indices[0]);
  const auto load_as = [&](llvm::Type* loaded) {
    llvm::LoadInst* result = builder_.CreateAlignedLoad(loaded, frame_.pointer(address), llvm::Align(2));
    frame_.tag(result, e->operand);
    return result;
  };
  if (per_lane == 0) {
    llvm::Value*& loaded = loads_[{address.base, address.displacement, type}];
    if (!loaded) loaded = load_as(type);
    return known = piece == kScalar ? loaded : splat(loaded);
  }
  address.displacement += piece * frame_.width * kPairBytes;
  return known = load_as(frame_.vector_of(type));
}

llvm::Value* Expressions::load_contiguous(const Expr& e, llvm::Value* mask, int piece) {
  const ElementType stored = frame_.kernel.buffers[e.operand].type;
  llvm::Type* type = frame_.vector_of(frame_.storage_type_of(stored));
  Address address = frame_.address(e.operand, e.indices[0]);
  address.displacement += piece * frame_.width * byte_size(stored);
  if (!mask) {
    llvm::Value*& loaded = loads_[{address.base, address.displacement, type}];
    if (!loaded) loaded = load_from(frame_.pointer(address), type, e.operand);
    return from_storage(loaded, stored, e.type);
  }
  const auto alignment = llvm::Align(static_cast<uint64_t>(byte_size(stored)));
  llvm::CallInst* loaded = builder_.CreateMaskedLoad(type, frame_.pointer(address), alignment, mask,
                                                     llvm::Constant::getNullValue(type));
  frame_.tag(loaded, e.operand);
  llvm::Value* converted = from_storage(loaded, stored, e.type);
  llvm::Constant* otherwise = llvm::cast<llvm::Constant>(constant_of(e));
  if (otherwise->isNullValue()) return converted;
  return builder_.CreateSelect(mask, converted, splat(otherwise));
}

llvm::Value* Expressions::gather(const Expr& e, int piece) {
  const ElementType stored = frame_.kernel.buffers[e.operand].type;
  llvm::Type* type = frame_.storage_type_of(stored);
  llvm::Value* mask = e.arguments.empty() ? nullptr : value(e.arguments[0], piece);
  llvm::Value* result = llvm::PoisonValue::get(frame_.vector_of(type));
  frame_.for_each_lane([&](int lane) {
    if (lane / frame_.width != piece) return;
    const auto place = static_cast<uint64_t>(lane % frame_.width);
    llvm::Value* pointer = frame_.pointer(frame_.address(e.operand, e.indices[0]));
    if (mask) {
      llvm::Value* holds = builder_.CreateExtractElement(mask, place);
      pointer = builder_.CreateSelect(holds, pointer, frame_.buffer_base(e.operand));
    }
    result = builder_.CreateInsertElement(result, load_from(pointer, type, e.operand), place);
  });
  result = from_storage(result, stored, e.type);
  return mask ? builder_.CreateSelect(mask, result, splat(constant_of(e))) : result;
}

// Element by element: where the guard does not hold, the buffer's first element is read instead.
llvm::Value* Expressions::load_at_place(const Expr& e, int piece) {
  const ElementType stored = frame_.kernel.buffers[e.operand].type;
  llvm::Type* type = frame_.storage_type_of(stored);
  llvm::Value* holds = value(e.arguments[0], piece);
  llvm::Value* place = value(e.arguments[1], piece);
  const auto load_one = [&](llvm::Value* condition, llvm::Value* further) {
    llvm::Value* wide = builder_.CreateSExt(further, builder_.getInt64Ty());
    llvm::Value* pointer = frame_.pointer(frame_.address(e.operand, e.indices[0]));
    pointer = builder_.CreateGEP(type, pointer, wide);
    pointer = builder_.CreateSelect(condition, pointer, frame_.buffer_base(e.operand));
    return load_from(pointer, type, e.operand);
  };
  llvm::Value* otherwise = constant_of(e);
  if (piece == kScalar)
    return builder_.CreateSelect(holds, from_storage(load_one(holds, place), stored, e.type), otherwise);
  llvm::Value* result = llvm::PoisonValue::get(frame_.vector_of(type));
  frame_.for_each_lane([&](int lane) {
    if (lane / frame_.width != piece) return;
    const auto at = static_cast<uint64_t>(lane % frame_.width);
    llvm::Value* loaded =
        load_one(builder_.CreateExtractElement(holds, at), builder_.CreateExtractElement(place, at));
    result = builder_.CreateInsertElement(result, loaded, at);
  });
  return builder_.CreateSelect(holds, from_storage(result, stored, e.type), splat(otherwise));
}

void Expressions::store_pair(int buffer, const IndexExpr& offset, llvm::Value* lower, llvm::Value* upper,
                             int piece) {
  constexpr int64_t kPairBytes = 4;
  constexpr uint64_t kUpperHalf = 0xFFFF0000;
  llvm::Type* bits = frame_.vector_of(builder_.getInt32Ty());
  llvm::Value* low = builder_.CreateLShr(builder_.CreateBitCast(lower, bits), kBfloat16Shift);
  llvm::Value* high = builder_.CreateAnd(builder_.CreateBitCast(upper, bits), kUpperHalf);
  Address address = frame_.address(buffer, offset);
  address.displacement += piece * frame_.width * kPairBytes;
  frame_.tag(
      builder_.CreateAlignedStore(builder_.CreateOr(low, high), frame_.pointer(address), llvm::Align(2)),
      buffer);
  loads_.clear();
}

void Expressions::store(int buffer, const IndexExpr& offset, const ExprRef& stored_value,
                        const ExprRef& lane_guard, int piece) {
  const ElementType stored = frame_.kernel.buffers[buffer].type;
  const auto alignment = llvm::Align(static_cast<uint64_t>(byte_size(stored)));
  llvm::Value* bits = to_storage(value(stored_value, piece), stored_value->type, stored);
  auto store_at = [&](llvm::Value* what, llvm::Value* pointer) {
    frame_.tag(builder_.CreateAlignedStore(what, pointer, alignment), buffer);
  };
  if (piece == kScalar) {
    store_at(bits, frame_.pointer(frame_.address(buffer, offset)));
  } else if (frame_.lane_coefficient(offset) == 1) {
    Address address = frame_.address(buffer, offset);
    address.displacement += piece * frame_.width * byte_size(stored);
    llvm::Value* pointer = frame_.pointer(address);
    if (lane_guard)
      frame_.tag(builder_.CreateMaskedStore(bits, pointer, alignment, value(lane_guard, piece)), buffer);
    else
      store_at(bits, pointer);
  } else {
    llvm::Value* mask = lane_guard ? value(lane_guard, piece) : nullptr;
    frame_.for_each_lane([&](int lane) {
      if (lane / frame_.width != piece) return;
      const auto place = static_cast<uint64_t>(lane % frame_.width);
      llvm::Value* one = builder_.CreateExtractElement(bits, place);
      llvm::Value* pointer = frame_.pointer(frame_.address(buffer, offset));
      if (!mask) return store_at(one, pointer);
      // A vector of one lane: its masked store is a branch, made by code generation.
      auto* single = llvm::FixedVectorType::get(one->getType(), 1);
      llvm::Value* holds = builder_.CreateExtractElement(mask, place);
      auto in_vector = [&](llvm::Value* scalar, llvm::Type* type) {
        return builder_.CreateInsertElement(llvm::PoisonValue::get(type), scalar, uint64_t{0});
      };
      auto* flags = llvm::FixedVectorType::get(builder_.getInt1Ty(), 1);
      frame_.tag(
          builder_.CreateMaskedStore(in_vector(one, single), pointer, alignment, in_vector(holds, flags)),
          buffer);
    });
  }
  // Another buffer may share these bytes.
  loads_.clear();
}

} // namespace striate::cpu
