#include "codegen/cpu/frame.h"

#include "support/check.h"

#include <llvm/IR/Intrinsics.h>
#include <llvm/IR/MDBuilder.h>

#include <algorithm>

namespace striate::cpu {

static constexpr int64_t kMostScratchBytes = 1 << 20; // of a thread's stack

llvm::Constant* ramp(llvm::Type* element, int64_t first, int64_t step, int width) {
  std::vector<llvm::Constant*> values;
  for (int lane = 0; lane < width; ++lane) values.push_back(wrapped_integer(element, first + lane * step));
  return llvm::ConstantVector::get(values);
}

static llvm::Function* declare_body(llvm::Module& module, const std::string& symbol) {
  llvm::LLVMContext& context = module.getContext();
  llvm::Type* pointer = llvm::PointerType::get(context, 0);
  llvm::Type* i64 = llvm::Type::getInt64Ty(context);
  auto* type = llvm::FunctionType::get(llvm::Type::getVoidTy(context),
                                       {pointer, pointer, i64, i64, i64, pointer}, false);
  auto* function = llvm::Function::Create(type, llvm::Function::ExternalLinkage, symbol, module);
  const char* names[] = {"arena", "scalars", "examples", "begin", "end", "offsets"};
  for (unsigned i = 0; i < 6; ++i) function->getArg(i)->setName(names[i]);
  return function;
}

Frame::Frame(const Kernel& kernel, const std::vector<std::string>& scalars, const TargetInfo& target,
             const std::string& symbol, llvm::Module& module)
    : kernel(kernel), builder(module.getContext()), function(declare_body(module, symbol)),
      vector_registers(target.vector_registers), bfloat16_products(target.bfloat16_products),
      lane_(kernel.lane()), slots_(scalars), bindings_(kernel.variables.size()) {
  width = std::min<int>(kLanes, target.vector_bits / 32);
  pieces = static_cast<int>(kLanes) / width;
  set_attributes(target);
  auto* entry = llvm::BasicBlock::Create(module.getContext(), "entry", function);
  auto* start = llvm::BasicBlock::Create(module.getContext(), "start", function);
  builder.SetInsertPoint(entry);
  hoist_points_.push_back(builder.CreateBr(start));
  builder.SetInsertPoint(entry->getTerminator());
  set_up_buffers();
  set_up_alias_scopes();
  builder.SetInsertPoint(start);
}

void Frame::set_attributes(const TargetInfo& target) {
  function->setDoesNotThrow();
  function->addFnAttr("target-cpu", target.name);
  if (!target.features.empty()) function->addFnAttr("target-features", target.features);
  const std::string bits = std::to_string(target.vector_bits);
  function->addFnAttr("prefer-vector-width", bits);
  function->addFnAttr("min-legal-vector-width", bits);
  function->addFnAttr("probe-stack", "inline-asm"); // scratch may be larger than the stack's guard page
  for (unsigned i : {0u, 1u, 5u}) {
    function->addParamAttr(i, llvm::Attribute::NoUndef);
    function->addParamAttr(i, llvm::Attribute::NonNull);
  }
}

void Frame::set_up_buffers() {
  int64_t scratch = 0;
  for (std::size_t b = 0; b < kernel.buffers.size(); ++b) {
    const KernelBuffer& buffer = kernel.buffers[b];
    if (buffer.space == BufferSpace::Memory) {
      llvm::Value* slot = builder.CreateConstInBoundsGEP1_64(builder.getInt64Ty(), function->getArg(5), b);
      llvm::Value* offset = builder.CreateAlignedLoad(builder.getInt64Ty(), slot, llvm::Align(8));
      bases_.push_back(builder.CreatePtrAdd(function->getArg(0), offset, buffer.name));
      continue;
    }
    const int64_t bytes = buffer.elements * byte_size(buffer.type);
    scratch += bytes;
    auto* memory =
        builder.CreateAlloca(llvm::ArrayType::get(builder.getInt8Ty(), bytes), nullptr, buffer.name);
    memory->setAlignment(llvm::Align(64));
    bases_.push_back(memory);
  }
  CHECK(scratch <= kMostScratchBytes, "kernel {} wants {} bytes of scratch", kernel.name, scratch);
}

static bool share_bytes(const KernelBuffer& a, const KernelBuffer& b) {
  if (a.space != BufferSpace::Memory || b.space != BufferSpace::Memory) return false;
  return a.offset < b.offset + b.elements * byte_size(b.type) &&
         b.offset < a.offset + a.elements * byte_size(a.type);
}

void Frame::set_up_alias_scopes() {
  llvm::LLVMContext& context = function->getContext();
  llvm::MDBuilder metadata(context);
  llvm::MDNode* domain = metadata.createAnonymousAliasScopeDomain("kernel");
  std::vector<llvm::Metadata*> scopes;
  for (const KernelBuffer& buffer : kernel.buffers)
    scopes.push_back(metadata.createAnonymousAliasScope(domain, buffer.name));
  for (std::size_t b = 0; b < scopes.size(); ++b) {
    std::vector<llvm::Metadata*> apart;
    for (std::size_t other = 0; other < scopes.size(); ++other)
      if (other != b && !share_bytes(kernel.buffers[b], kernel.buffers[other]))
        apart.push_back(scopes[other]);
    scope_of_.push_back(llvm::MDNode::get(context, {scopes[b]}));
    apart_from_.push_back(llvm::MDNode::get(context, apart));
  }
}

void Frame::tag(llvm::Instruction* access, int buffer) {
  access->setMetadata(llvm::LLVMContext::MD_alias_scope, scope_of_[buffer]);
  access->setMetadata(llvm::LLVMContext::MD_noalias, apart_from_[buffer]);
}

template <typename Make>
llvm::Value* Frame::hoisted(int level, Make make) {
  llvm::IRBuilder<>::InsertPointGuard guard(builder);
  builder.SetInsertPoint(hoist_points_[level]);
  return make();
}

llvm::Value* Frame::size(const Size& size) {
  if (!size.batch) return builder.getInt64(size.factor);
  llvm::Value* examples = function->getArg(2);
  if (size.factor == 1) return examples;
  llvm::Value*& product = products_[{size.factor, examples}];
  if (!product)
    product = hoisted(0, [&] { return builder.CreateMul(examples, builder.getInt64(size.factor)); });
  return product;
}

llvm::Value* Frame::scalar_bits(const std::string& name) {
  llvm::Value*& value = scalars_[name + " bits"];
  if (!value) {
    const auto slot = std::find(slots_.begin(), slots_.end(), name);
    CHECK(slot != slots_.end(), "kernel {} reads the scalar {}, which has no slot", kernel.name, name);
    value = hoisted(0, [&] {
      llvm::Value* place = builder.CreateConstInBoundsGEP1_64(builder.getInt32Ty(), function->getArg(1),
                                                              static_cast<uint64_t>(slot - slots_.begin()));
      return builder.CreateAlignedLoad(builder.getInt32Ty(), place, llvm::Align(4), name);
    });
  }
  return value;
}

llvm::Value* Frame::scalar(const std::string& name) {
  llvm::Value*& value = scalars_[name];
  if (!value && name == "N") {
    value = hoisted(0, [&] { return builder.CreateSIToFP(function->getArg(2), builder.getFloatTy(), name); });
  } else if (!value) {
    llvm::Value* bits = scalar_bits(name);
    value = hoisted(0, [&] { return builder.CreateBitCast(bits, builder.getFloatTy(), name); });
  }
  return value;
}

void Frame::define(int variable, llvm::Value* value) {
  if (auto* constant = llvm::dyn_cast<llvm::ConstantInt>(value))
    return bind(variable, constant->getSExtValue());
  bindings_[variable] = {0, value, static_cast<int>(hoist_points_.size()) - 1};
}

Frame::Parts Frame::split(const IndexExpr& e) {
  Parts result;
  result.constant = e.constant();
  for (const IndexExpr::Term& term : e.terms()) {
    if (term.kind != IndexExpr::TermKind::Variable) {
      add_division(term, result);
    } else if (const Binding& binding = bindings_[term.variable]; binding.value) {
      result.parts.push_back({term.coefficient, binding.value, binding.level, term.variable});
    } else {
      result.constant += term.coefficient * binding.constant;
    }
  }
  std::stable_sort(result.parts.begin(), result.parts.end(), [](const Part& a, const Part& b) {
    return std::tie(a.level, a.order) < std::tie(b.level, b.order);
  });
  return result;
}

// A quotient or remainder: floor division by a positive constant.
void Frame::add_division(const IndexExpr::Term& term, Parts& result) {
  const bool quotient = term.kind == IndexExpr::TermKind::Quotient;
  const Parts operand = split(*term.operand);
  auto [value, level] = sum(operand);
  if (!value) {
    result.constant += term.coefficient * (quotient ? floor_div(operand.constant, term.divisor)
                                                    : floor_mod(operand.constant, term.divisor));
    return;
  }
  auto& results = divisions_[{value, term.divisor}];
  if (!results.first) {
    hoisted(level, [&] {
      llvm::Value* divisor = builder.getInt64(term.divisor);
      llvm::Value* zero = builder.getInt64(0);
      llvm::Value* towards_zero = builder.CreateSDiv(value, divisor);
      llvm::Value* rest = builder.CreateSub(value, builder.CreateMul(towards_zero, divisor));
      llvm::Value* below = builder.CreateICmpSLT(rest, zero);
      results = {builder.CreateAdd(towards_zero, builder.CreateSExt(below, builder.getInt64Ty())),
                 builder.CreateAdd(rest, builder.CreateSelect(below, divisor, zero))};
      return results.first;
    });
  }
  constexpr int kAfterVariables = 1 << 20;
  result.parts.push_back(
      {term.coefficient, quotient ? results.first : results.second, level, kAfterVariables});
}

// Everything of an index expression, the constant included, as one value.
std::pair<llvm::Value*, int> Frame::sum(const Parts& parts) {
  if (parts.parts.empty()) return {nullptr, 0};
  llvm::Value* total = nullptr;
  int level = 0;
  auto add = [&](llvm::Value* value) {
    if (!total) {
      total = value;
      return;
    }
    llvm::Value*& result = sums_[{total, value}];
    if (!result) result = hoisted(level, [&] { return builder.CreateAdd(total, value); });
    total = result;
  };
  for (const Part& part : parts.parts) {
    level = std::max(level, part.level);
    llvm::Value* value = part.value;
    if (part.coefficient != 1) {
      llvm::Value*& product = products_[{part.coefficient, value}];
      if (!product)
        product = hoisted(part.level, [&] {
          return builder.CreateMul(part.value, builder.getInt64(static_cast<uint64_t>(part.coefficient)));
        });
      value = product;
    }
    add(value);
  }
  if (parts.constant != 0) add(builder.getInt64(static_cast<uint64_t>(parts.constant)));
  return {total, level};
}

llvm::Value* Frame::index(const IndexExpr& e) {
  const Parts parts = split(e);
  llvm::Value* total = sum(parts).first;
  return total ? total : builder.getInt64(static_cast<uint64_t>(parts.constant));
}

std::optional<int64_t> Frame::constant_index(const IndexExpr& e) {
  const Parts parts = split(e);
  if (parts.parts.empty()) return parts.constant;
  return std::nullopt;
}

Address Frame::address(int buffer, const IndexExpr& offset) {
  const int64_t bytes = byte_size(kernel.buffers[buffer].type);
  const Parts parts = split(offset * bytes);
  Address result{bases_[buffer], parts.constant};
  int level = 0;
  for (const Part& part : parts.parts) {
    level = std::max(level, part.level);
    llvm::Value*& product = products_[{part.coefficient, part.value}];
    if (!product)
      product = hoisted(part.level, [&] {
        return builder.CreateMul(part.value, builder.getInt64(static_cast<uint64_t>(part.coefficient)));
      });
    llvm::Value*& next = sums_[{result.base, product}];
    if (!next) next = hoisted(level, [&] { return builder.CreatePtrAdd(result.base, product); });
    result.base = next;
  }
  return result;
}

llvm::Value* Frame::pointer(const Address& address) {
  if (address.displacement == 0) return address.base;
  return builder.CreatePtrAdd(address.base, builder.getInt64(static_cast<uint64_t>(address.displacement)));
}

std::optional<int64_t> Frame::lane_coefficient(const IndexExpr& e) const {
  if (lane_ < 0) return 0;
  for (const IndexExpr::Term& term : e.terms())
    if (term.kind != IndexExpr::TermKind::Variable && term.operand->uses(lane_)) return std::nullopt;
  return e.coefficient(lane_);
}

llvm::Type* Frame::type_of(ScalarType type) {
  switch (type) {
  case ScalarType::Real:
    return builder.getFloatTy();
  case ScalarType::Int:
    return builder.getInt32Ty();
  case ScalarType::Bool:
    return builder.getInt1Ty();
  }
  CHECK(false);
}

llvm::Type* Frame::storage_type_of(ElementType type) {
  switch (type) {
  case ElementType::F32:
    return builder.getFloatTy();
  case ElementType::F64:
    return builder.getDoubleTy();
  case ElementType::BF16:
    return builder.getInt16Ty(); // the upper half of an f32, as integers everywhere
  case ElementType::I32:
    return builder.getInt32Ty();
  case ElementType::U8:
  case ElementType::Bool:
    return builder.getInt8Ty();
  }
  CHECK(false);
}

llvm::Type* Frame::vector_of(llvm::Type* element) const { return llvm::FixedVectorType::get(element, width); }

llvm::Value* Frame::call(llvm::Intrinsic::ID intrinsic, std::vector<llvm::Value*> arguments) {
  return builder.CreateIntrinsic(intrinsic, {arguments[0]->getType()}, arguments);
}

} // namespace striate::cpu
