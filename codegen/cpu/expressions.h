// Values of expressions at one point of a tile: scalars where they do not depend on the lane axis, else
// hardware vectors, one per piece of the 16 lanes. What does not depend on the lane stays scalar until it
// meets a vector.
//
// Nothing is computed twice within a statement at points that agree in the axes used; loads are shared
// within a straight line of code until something is stored.
#pragma once

#include "codegen/cpu/frame.h"

#include <unordered_map>

namespace striate::cpu {

constexpr int kScalar = -1; // in place of a piece

// The values that tiles hold now: [tile][point * pieces + piece]; null before the first assignment.
using TileValues = std::vector<std::vector<llvm::Value*>>;

class Expressions {
public:
  Expressions(Frame& frame, const TileValues& tiles)
      : frame_(frame), tiles_(tiles), builder_(frame.builder) {}

  // At the point that the frame's axes are bound to. A piece of an expression without the lane is a splat;
  // kScalar asks for the scalar of an expression without the lane.
  llvm::Value* value(const ExprRef& e, int piece);
  bool uses_lane(const ExprRef& e) { return facts_of(e).lane; }
  // The same for points at which the expression has the same value.
  using Key = std::pair<const Expr*, int64_t>;
  Key key_of(const ExprRef& e, int piece);
  llvm::Value* splat(llvm::Value* scalar);

  // The current point's index within a tile, lanes aside.
  int64_t point_of(int tile) const;

  // Stores two neighbours of a bf16 buffer, of an offset that moves by two with the lane, which is the lower
  // one's.
  void store_pair(int buffer, const IndexExpr& offset, llvm::Value* lower, llvm::Value* upper, int piece);
  void store(int buffer, const IndexExpr& offset, const ExprRef& value, const ExprRef& lane_guard, int piece);

  // Two neighbouring elements of a bf16 buffer as one i32 per lane, the one at the lower address in the lower
  // half; the load's offset is that of the lower one, and moves by two with the lane or not at all.
  llvm::Value* pair(const ExprRef& e, int piece);

  void end_statement() { values_.clear(); }
  // What was computed does not reach here: another basic block.
  void enter_block();

private:
  struct Facts {
    bool lane = false;
    std::vector<int> axes; // other than the lane
  };
  const Facts& facts_of(const ExprRef& e);

  llvm::Value* compute(const ExprRef& e, int piece);
  llvm::Value* constant_of(const Expr& e) const;
  llvm::Value* index_value(const IndexExpr& index, llvm::Type* element, int piece);
  llvm::Value* apply(const Expr& e, int piece);
  llvm::Value* random(const Expr& e, int piece);
  llvm::Value* load(const Expr& e, int piece);
  llvm::Value* load_scalar(const Expr& e);
  llvm::Value* load_contiguous(const Expr& e, llvm::Value* mask, int piece);
  llvm::Value* gather(const Expr& e, int piece);
  llvm::Value* load_at_place(const Expr& e, int piece);
  llvm::Value* load_from(llvm::Value* pointer, llvm::Type* type, int buffer);
  llvm::Value* from_storage(llvm::Value* value, ElementType stored, ScalarType type);
  llvm::Value* to_storage(llvm::Value* value, ScalarType type, ElementType stored);

  struct KeyHash {
    std::size_t operator()(const Key& key) const {
      return std::hash<const void*>()(key.first) * 31 + std::hash<int64_t>()(key.second);
    }
  };

  Frame& frame_;
  const TileValues& tiles_;
  llvm::IRBuilder<>& builder_;
  std::unordered_map<const Expr*, Facts> facts_;
  std::unordered_map<Key, llvm::Value*, KeyHash> values_;
  std::map<std::tuple<llvm::Value*, int64_t, llvm::Type*>, llvm::Value*> loads_; // base, displacement, type
  std::unordered_map<llvm::Value*, llvm::Value*> splats_;
};

constexpr uint64_t kBfloat16Shift = 16; // a bf16 is the upper half of an f32

// Primitive functions, on scalars and vectors alike (functions.cpp).
llvm::Value* emit_function(Frame& frame, Function function, const std::vector<llvm::Value*>& arguments);
// b > a ? b : a and b < a ? b : a.
llvm::Value* emit_max(llvm::IRBuilder<>& builder, llvm::Value* a, llvm::Value* b);
llvm::Value* emit_min(llvm::IRBuilder<>& builder, llvm::Value* a, llvm::Value* b);
// The first word of Philox4x32-10, as a uniform f32 in [0, 1); the element's halves may be vectors.
llvm::Value* emit_uniform(Frame& frame, llvm::Value* element_low, llvm::Value* element_high,
                          llvm::Value* step, uint32_t stream, llvm::Value* seed_low, llvm::Value* seed_high);

} // namespace striate::cpu
