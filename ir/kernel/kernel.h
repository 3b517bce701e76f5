// The kernel IR: loop nests over tiles, closed and small, between a region and two emitters.
//
// A kernel has *variables*: loops (parallel, serial, unrolled) and *axes* (the extents of tiles). A *tile* is
// a block of values in registers, one per point of its axes; every tile statement works on all points of its
// tile at once, an expression broadcasting along axes that it does not use. At most one axis is the *lane*
// axis: the LLVM emitter makes it the vector, the CUDA emitter the threads of a warp. In its place a kernel
// may have one axis of *threads*, a whole block that works on one point of the parallel range: tiles are
// divided among them, and what one leaves in scratch for others takes a barrier. Loads and stores address
// *buffers* (arena memory, or scratch that lives within the innermost parallel iteration) by flat element
// offsets.
//
// Nothing is implicit: the order of loops and of unrolled points is the order of evaluation, and
// accumulations happen in exactly that order (docs/ir.md, "Orders").
#pragma once

#include "ir/cost.h"
#include "ir/definition.h"
#include "ir/expression.h"
#include "ir/layout.h"
#include "support/kernel_loop.h"
#include "support/source_location.h"
#include "support/tensor_type.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace striate {

enum class VariableKind {
  Parallel, // iterations are independent; the outermost ones, perfectly nested, are the kernel's parallel
            // range
  Serial,
  Unrolled, // a loop whose iterations are all emitted (extent constant)
  Axis,     // a tile axis: exists only inside tile statements
  Lane,     // the vector axis: extent 16 (kLanes)
  Thread,   // the threads of a block, each with its part of every tile; a kernel with them has no lanes
};

constexpr int64_t kLanes = 16;         // logical lanes of an f32 vector on every target
constexpr int64_t kMostThreads = 1024; // of a block

// A loop variable takes the values 0, step, 2*step, ... below `extent`; an axis 0 .. extent-1.
struct KernelVariable {
  std::string name;
  VariableKind kind = VariableKind::Serial;
  Size extent;
  int64_t step = 1;
  // A loop whose step does not divide its extent either runs past it in the last iteration (the body guards,
  // or storage is padded), or, with `overlap`, its last value is extent - step: some points are computed
  // twice, alike.
  bool overlap = false;
};

enum class BufferSpace { Memory, Scratch };

struct KernelBuffer {
  std::string name;
  ElementType type = ElementType::F32;
  BufferSpace space = BufferSpace::Memory;
  int64_t elements = 0; // of storage, at the capacity
  int64_t offset = 0;   // Memory: bytes from the arena's start
};

inline bool is_axis(VariableKind kind) {
  return kind == VariableKind::Axis || kind == VariableKind::Lane || kind == VariableKind::Thread;
}

// Values in registers, one per point of `axes` (variable numbers of kind Axis, Lane or Thread).
struct KernelTile {
  std::string name;
  ScalarType type = ScalarType::Real;
  std::vector<int> axes;
};

struct KernelStatement;
using KernelBody = std::vector<KernelStatement>;

struct KernelStatement {
  enum class Kind {
    For,        // `variable`, `body`; where `bound` is set it also stops at variable >= bound
    If,         // `value` (a Bool that does not depend on axes) guards `body`
    Map,        // tile = value
    Accumulate, // tile = reducer(tile, value), over the points of `axes` too, first axis outermost; a Sum of
                // a product is fma. With `index_tile`, where the value replaces the tile's (Max, Min),
                // index_tile = index_value
    Fold,  // tile = the lanes of `source` combined: l with l + 8, then 4, 2, 1 (tile lacks the lane axis)
    Store, // buffer[offset] = value at every point of `axes`, where `guard` (if any) holds
    // Of kernels with threads:
    Copy,    // as Store, of a load from memory into scratch; it is there after the next Wait
    Wait,    // what the threads copied is there, for each thread its own
    Barrier, // the threads wait for each other: what is in scratch is there for all
  };
  Kind kind = Kind::Map;
  int variable = -1;
  std::optional<IndexExpr> bound;
  KernelBody body;
  int tile = -1;
  int source = -1;
  int index_tile = -1;
  ExprRef index_value;
  Reducer reducer = Reducer::None;
  std::vector<int> axes;
  ExprRef value;
  ExprRef guard;
  int buffer = -1;
  IndexExpr offset;
};

struct Kernel {
  std::string name;
  std::string comment; // what it computes: graph ops, shapes, FLOPs, bytes; one line each
  SourceLocation location;
  std::vector<KernelVariable> variables;
  std::vector<KernelBuffer> buffers;
  std::vector<KernelTile> tiles;
  KernelBody body;
  double flops_per_example = 0; // and for what does not depend on the batch:
  double flops_fixed = 0;
  std::optional<Cost> cost; // at the program's capacity; absent where no pass said it

  int add_variable(KernelVariable variable);
  int add_buffer(KernelBuffer buffer);
  int add_tile(KernelTile tile);
  int lane() const;    // the lane axis, or -1
  int threads() const; // the axis of threads, or -1
  Interval range_of(int variable, int64_t capacity) const;
};

// A value that a program is given, keeps from run to run, or yields: what it is, and where it lies.
struct ProgramValue {
  enum class Role { Input, Parameter, State, Output };
  Role role = Role::Input;
  std::string name;
  TensorType type;
  Layout layout;      // empty where it has one element
  int64_t offset = 0; // bytes from the arena's start
};

// Every kernel of one entry point, in order of execution, with the scalars buffer's slots. A compiled kernel
// is called as kernel(arena, scalars, examples, begin, end), where [begin, end) is a part of its parallel
// range.
struct Program {
  std::string name; // "LeNet.step"
  int64_t capacity = 0;
  int64_t arena_bytes = 0;
  std::vector<std::string>
      scalars; // slot -> name; "N", "1/N", "step", "epoch", "seed.low", "seed.high" come first
  std::vector<Kernel> kernels;
  std::vector<KernelLoop> loops = {};    // in order, apart from each other
  std::vector<ProgramValue> values = {}; // none where nobody said them
};

const char* name_of(ProgramValue::Role role); // "input", "param", "state", "output"

std::string print(const Kernel& kernel);
// `lines`: gets, for each kernel, the lines of the text (from 1) of the kernel itself and of its statements,
// an outer one before what is in it.
std::string print(const Program& program, std::vector<std::vector<int>>* lines = nullptr);
// One line per violation of the rules in docs/ir.md.
std::vector<std::string> verify(const Kernel& kernel);
// The same of all its kernels, and of what the program gives them: memory, examples and scalars.
std::vector<std::string> verify(const Program& program);

} // namespace striate
