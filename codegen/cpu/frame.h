// What an emitted function stands on: its arguments, the values of loop variables, and integer arithmetic on
// them.
//
// Variables have *levels*: 0 is the function, each rolled loop adds one. Every level has a place just after
// its variables are defined; arithmetic that depends on the levels up to k is emitted there, once, and found
// again by its operands. What is left in a loop's body is a base pointer and a constant displacement.
#pragma once

#include "codegen/cpu/llvm_compat.h"
#include "ir/kernel/kernel.h"
#include "support/target_info.h"

#include <llvm/IR/IRBuilder.h>

#include <map>
#include <optional>
#include <tuple>
#include <vector>

namespace striate::cpu {

class DebugLines;

struct Address {
  llvm::Value* base = nullptr;
  int64_t displacement = 0; // bytes
};

class Frame {
public:
  Frame(const Kernel& kernel, const std::vector<std::string>& scalars, const TargetInfo& target,
        const std::string& symbol, llvm::Module& module);

  // Which lines instructions belong to, where that is wanted; set before anything is built.
  DebugLines* debug_lines = nullptr;

  const Kernel& kernel;
  llvm::IRBuilder<> builder;
  llvm::Function* function;
  // 16 logical lanes = pieces * width hardware lanes.
  int pieces;
  int width;
  int vector_registers;
  bool bfloat16_products;

  // Arguments.
  llvm::Value* begin() const { return function->getArg(3); }
  llvm::Value* end() const { return function->getArg(4); }
  llvm::Value* size(const Size& size);               // i64, at the function's level
  llvm::Value* scalar(const std::string& name);      // f32; "N" is the number of examples
  llvm::Value* scalar_bits(const std::string& name); // the same slot's 32 bits as an integer
  llvm::Value* buffer_base(int buffer) const { return bases_[buffer]; }

  // Levels and variables. A level's `header` ends in its terminator already.
  void enter_level(llvm::BasicBlock* header) { hoist_points_.push_back(header->getTerminator()); }
  void leave_level() { hoist_points_.pop_back(); }
  void bind(int variable, int64_t value) { bindings_[variable] = {value, nullptr, 0}; }
  void define(int variable, llvm::Value* value); // defined at the current level
  // The value bound to an axis or an unrolled variable.
  int64_t constant_of(int variable) const { return bindings_[variable].constant; }

  // Where the lane axis is bound to 0 (as it is outside gathers), the values of lane 0.
  llvm::Value* index(const IndexExpr& e);
  std::optional<int64_t> constant_index(const IndexExpr& e);
  Address address(int buffer, const IndexExpr& offset);
  llvm::Value* pointer(const Address& address);

  // How an index moves with the lane: elements per lane (0: not at all), or nothing where it is not affine.
  std::optional<int64_t> lane_coefficient(const IndexExpr& e) const;
  // Calls `visit(lane)` with the lane axis bound to each lane in turn.
  template <typename Visit>
  void for_each_lane(Visit visit) {
    for (int lane = 0; lane < kLanes; ++lane) {
      bind(lane_, lane);
      visit(lane);
    }
    bind(lane_, 0);
  }

  llvm::Type* type_of(ScalarType type);             // float, i32, i1
  llvm::Type* storage_type_of(ElementType type);    // float, double, i32, i8
  llvm::Type* vector_of(llvm::Type* element) const; // one piece
  llvm::Value* call(llvm::Intrinsic::ID intrinsic, std::vector<llvm::Value*> arguments);
  // Tells a load or store of `buffer` apart from those of buffers that share no byte with it.
  void tag(llvm::Instruction* access, int buffer);

private:
  struct Binding {
    int64_t constant = 0;
    llvm::Value* value = nullptr; // null: `constant`
    int level = 0;
  };
  struct Part {
    int64_t coefficient;
    llvm::Value* value;
    int level;
    int order; // among parts of one level
  };
  struct Parts {
    int64_t constant = 0;
    std::vector<Part> parts; // by level, outermost first
  };

  void set_attributes(const TargetInfo& target);
  void set_up_buffers();
  void set_up_alias_scopes();
  Parts split(const IndexExpr& e);
  void add_division(const IndexExpr::Term& term, Parts& parts);
  std::pair<llvm::Value*, int> sum(const Parts& parts); // with its level; null where there are no parts
  template <typename Make>
  llvm::Value* hoisted(int level, Make make);

  int lane_;
  std::vector<std::string> slots_;
  std::vector<Binding> bindings_;
  std::vector<llvm::Instruction*> hoist_points_;
  std::vector<llvm::Value*> bases_;
  std::vector<llvm::MDNode*> scope_of_;   // per buffer: the list of its own scope
  std::vector<llvm::MDNode*> apart_from_; // per buffer: the scopes of buffers that it shares no byte with
  std::map<std::string, llvm::Value*> scalars_;
  std::map<std::tuple<int64_t, llvm::Value*>, llvm::Value*> products_;
  std::map<std::tuple<llvm::Value*, llvm::Value*>, llvm::Value*> sums_;
  std::map<std::tuple<llvm::Value*, int64_t>, std::pair<llvm::Value*, llvm::Value*>> divisions_;
};

// Vectors of `width` i32 (or i64) constants: first, first + step, ...
llvm::Constant* ramp(llvm::Type* element, int64_t first, int64_t step, int width);

} // namespace striate::cpu
