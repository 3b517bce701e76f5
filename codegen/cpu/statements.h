// Kernel statements -> basic blocks. Tiles are SSA values throughout: phis where loops and branches meet.
#pragma once

#include "codegen/cpu/expressions.h"

#include <functional>

namespace striate::cpu {

constexpr int kEveryLane = -1; // in place of one lane

class Statements {
public:
  explicit Statements(Frame& frame);

  // The whole kernel: its parallel range, then `ret`.
  void emit_kernel();

private:
  void body(const KernelBody& statements);
  void statement(const KernelStatement& s);
  void parallel_range();
  void loop(const KernelStatement& s);
  void unrolled(const KernelStatement& s);
  void rolled(const KernelStatement& s);
  void branch(const KernelStatement& s);
  void map(const KernelStatement& s);
  struct Visit {
    int piece;
    std::vector<int64_t> point; // per axis of the tile
    std::size_t operand[2] = {0, 0};
  };
  std::vector<Visit> visits_of(const KernelStatement& s);
  void go_to(const std::vector<int>& axes, const Visit& visit);
  bool is_product(const KernelStatement& s) const;
  bool is_pair_product(const KernelStatement& s);
  void accumulate_pairs(const KernelStatement& s);
  void accumulate(const KernelStatement& s);
  void accumulate_point(const KernelStatement& s, int piece, int lane);
  llvm::Value* operand(const ExprRef& e, int piece, int lane);
  void fold(const KernelStatement& s);
  void store(const KernelStatement& s);
  void store_point(const KernelStatement& s);
  void store_in_pairs(const KernelStatement& s);

  // Emits `make` where `condition` holds; tiles assigned in it merge with what they held before.
  void where(llvm::Value* condition, const std::vector<int>& assigned, const std::function<void()>& make);
  // Every point of the axes in order, first outermost; the lane axis is left out.
  void for_each_point(const std::vector<int>& axes, const std::function<void()>& visit, std::size_t from = 0);
  // Every piece of a tile's or a statement's value (in a loop that runs piece by piece, its own one): kScalar
  // alone where the axes lack the lane.
  void for_each_piece(const std::vector<int>& axes, const std::function<void(int)>& visit);

  llvm::Value*& held(int tile, int piece);
  llvm::BasicBlock* new_block(const std::string& name);
  void start_block(llvm::BasicBlock* block);
  llvm::Value* combine(Reducer reducer, llvm::Value* a, llvm::Value* b);
  bool is_lane(int variable) const { return frame_.kernel.variables[variable].kind == VariableKind::Lane; }

  Frame& frame_;
  llvm::IRBuilder<>& builder_;
  TileValues tiles_;
  std::optional<int> only_piece_; // inside a loop that runs piece by piece
  Expressions expressions_;
};

} // namespace striate::cpu
