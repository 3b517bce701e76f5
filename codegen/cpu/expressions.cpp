#include "codegen/cpu/expressions.h"

#include "ir/definition.h"

#include <algorithm>

namespace striate::cpu {

const Expressions::Facts& Expressions::facts_of(const ExprRef& e) {
  if (auto found = facts_.find(e.get()); found != facts_.end()) return found->second;
  std::vector<int> variables;
  for (const IndexExpr& index : e->indices) index.collect_variables(variables);
  if (e->kind == Expr::Kind::Tile) {
    const std::vector<int>& axes = frame_.kernel.tiles[e->operand].axes;
    variables.insert(variables.end(), axes.begin(), axes.end());
  }
  Facts facts;
  for (int variable : variables) {
    const VariableKind kind = frame_.kernel.variables[variable].kind;
    if (kind == VariableKind::Lane) facts.lane = true;
    if (kind == VariableKind::Axis) facts.axes.push_back(variable);
  }
  for (const ExprRef& argument : e->arguments) {
    const Facts& inner = facts_of(argument);
    facts.lane |= inner.lane;
    facts.axes.insert(facts.axes.end(), inner.axes.begin(), inner.axes.end());
  }
  std::sort(facts.axes.begin(), facts.axes.end());
  facts.axes.erase(std::unique(facts.axes.begin(), facts.axes.end()), facts.axes.end());
  return facts_[e.get()] = std::move(facts);
}

Expressions::Key Expressions::key_of(const ExprRef& e, int piece) {
  int64_t point = 0;
  for (int axis : facts_of(e).axes)
    point = point * frame_.kernel.variables[axis].extent.factor + frame_.constant_of(axis);
  const int part = uses_lane(e) ? piece + 1 : 0;
  return {e.get(), point * (frame_.pieces + 1) + part};
}

void Expressions::enter_block() {
  values_.clear();
  loads_.clear();
  splats_.clear();
}

llvm::Value* Expressions::splat(llvm::Value* scalar) {
  if (auto* constant = llvm::dyn_cast<llvm::Constant>(scalar))
    return llvm::ConstantVector::getSplat(llvm::ElementCount::getFixed(frame_.width), constant);
  llvm::Value*& result = splats_[scalar];
  if (!result) result = builder_.CreateVectorSplat(frame_.width, scalar);
  return result;
}

int64_t Expressions::point_of(int tile) const {
  int64_t point = 0;
  for (int axis : frame_.kernel.tiles[tile].axes) {
    if (frame_.kernel.variables[axis].kind == VariableKind::Lane) continue;
    point = point * frame_.kernel.variables[axis].extent.factor + frame_.constant_of(axis);
  }
  return point;
}

llvm::Value* Expressions::value(const ExprRef& e, int piece) {
  if (piece != kScalar && !uses_lane(e)) return splat(value(e, kScalar));
  CHECK(piece != kScalar || !uses_lane(e), "a value per lane where one value is wanted, in {}",
        frame_.kernel.name);
  const auto key = key_of(e, piece);
  if (auto found = values_.find(key); found != values_.end()) return found->second;
  llvm::Value* result = compute(e, piece);
  values_[key] = result;
  return result;
}

llvm::Value* Expressions::constant_of(const Expr& e) const {
  llvm::Type* type = frame_.type_of(e.type);
  if (e.type == ScalarType::Real)
    return llvm::ConstantFP::get(type, static_cast<double>(static_cast<float>(e.constant)));
  return wrapped_integer(type, static_cast<int64_t>(e.constant));
}

llvm::Value* Expressions::compute(const ExprRef& e, int piece) {
  switch (e->kind) {
  case Expr::Kind::Constant:
    return constant_of(*e);
  case Expr::Kind::Index:
    return index_value(e->indices[0], builder_.getInt32Ty(), piece);
  case Expr::Kind::Scalar:
    return frame_.scalar(e->name);
  case Expr::Kind::Random:
    return random(*e, piece);
  case Expr::Kind::Apply:
    return apply(*e, piece);
  case Expr::Kind::Load:
    return load(*e, piece);
  case Expr::Kind::Tile: {
    const int64_t point = point_of(e->operand);
    llvm::Value* held = tiles_[e->operand][piece == kScalar ? point : point * frame_.pieces + piece];
    CHECK(held, "tile {} is read before it is assigned, in {}", frame_.kernel.tiles[e->operand].name,
          frame_.kernel.name);
    return held;
  }
  case Expr::Kind::Read:
    break;
  }
  CHECK(false, "a graph read in kernel {}", frame_.kernel.name);
}

llvm::Value* Expressions::index_value(const IndexExpr& index, llvm::Type* element, int piece) {
  const std::optional<int64_t> per_lane = frame_.lane_coefficient(index);
  if (per_lane) {
    llvm::Value* first = builder_.CreateTrunc(frame_.index(index), element);
    if (piece == kScalar) return first;
    return builder_.CreateAdd(splat(first),
                              ramp(element, *per_lane * piece * frame_.width, *per_lane, frame_.width));
  }
  llvm::Value* result = llvm::PoisonValue::get(frame_.vector_of(element));
  frame_.for_each_lane([&](int lane) {
    if (lane / frame_.width != piece) return;
    llvm::Value* one = builder_.CreateTrunc(frame_.index(index), element);
    result = builder_.CreateInsertElement(result, one, static_cast<uint64_t>(lane % frame_.width));
  });
  return result;
}

llvm::Value* Expressions::apply(const Expr& e, int piece) {
  std::vector<llvm::Value*> arguments;
  for (const ExprRef& argument : e.arguments) arguments.push_back(value(argument, piece));
  return emit_function(frame_, e.function, arguments);
}

llvm::Value* Expressions::random(const Expr& e, int piece) {
  llvm::Type* i32 = builder_.getInt32Ty();
  const bool of_row = !e.arguments.empty();
  llvm::Value* element = index_value(e.indices[0], builder_.getInt64Ty(), piece);
  llvm::Type* type = piece == kScalar ? i32 : frame_.vector_of(i32);
  llvm::Value* low = builder_.CreateTrunc(element, type);
  llvm::Value* high =
      of_row ? value(e.arguments[0], piece) : builder_.CreateTrunc(builder_.CreateLShr(element, 32), type);
  llvm::Value* step = builder_.CreateFPToUI(frame_.scalar(of_row ? "epoch" : "step"), i32);
  return emit_uniform(frame_, low, high, step, e.stream, frame_.scalar_bits("seed.low"),
                      frame_.scalar_bits("seed.high"));
}

} // namespace striate::cpu
