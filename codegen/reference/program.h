// A statement compiled for the interpreter: a loop nest that visits its points in an order that respects the
// declared reduction order, and a flat register program for the body. Points are gathered into blocks; each
// instruction works on a whole block, so the cost of interpretation is paid once per kBlock points.
#pragma once

#include "ir/definition.h"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace striate::reference {

constexpr int kBlock = 128;    // points per block
constexpr int kLaneCount = 16; // accumulators of a reduction with lanes

// Every affine function of the variables that the points need is a slot: the nest keeps its value
// incrementally.
struct Loop {
  int variable = -1;
  int64_t step = 1;
  int64_t extent = 1;
  bool down = false;
  std::vector<int64_t> strides = {}; // per slot; below 0 where a loop over a rising slot runs down
};

enum class Opcode {
// The closed set of scalar functions. Real and Int versions are told apart by `Instruction::type`.
#define FUNCTION(kind, text, arity, result) kind,
#include "ir/scalar_functions.def"
#undef FUNCTION
  // And what reads at index expressions with quotients and remainders need.
  AddScaled,   // a + immediate * b
  FloorDivide, // a // immediate
  FloorModulo, // a mod immediate, never negative
  InBounds,    // 0 <= a < immediate, and b where there is one
  Gather,      // operand[a] where b holds (always where there is no b), else `otherwise`
  Draw,        // uniform(seed, a, counter, stream); where there is a b, element a of row b
};

struct Instruction {
  Opcode opcode = Opcode::Add;
  ScalarType type = ScalarType::Real; // of the arguments (of the result where there is none)
  int target = 0;
  int a = -1;
  int b = -1;
  int c = -1;
  int64_t immediate = 0; // Gather: the operand; Draw: the stream
  double otherwise = 0;
  bool required = false; // InBounds: it is a bug where it does not hold
  uint32_t counter = 0;  // Draw: the step, or the epoch of a draw of a row of the data
};

// A read at affine indices: along a run of the innermost loop it is a strided copy, cut to the part in
// bounds.
struct AffineRead {
  int target = 0; // register
  ScalarType type = ScalarType::Real;
  int operand = -1;
  int offset = -1; // slot
  double otherwise = 0;
  struct Bound {
    int slot = -1;
    int64_t extent = 0;
  };
  std::vector<Bound> bounds; // only those that the ranges do not prove
};

// An affine value put into an Int register, point by point.
struct AffineValue {
  int target = 0;
  int slot = -1;
};

struct Fill {
  int target = 0;
  ScalarType type = ScalarType::Real;
  double value = 0;
};

// Variables that loops split in several digits, whose last digit may run past the extent.
struct RaggedBound {
  int slot = -1; // the variable's value
  int64_t extent = 0;
};

struct Program {
  int target = -1;            // operand
  std::vector<Loop> loops;    // outermost to innermost; a run is a piece of the innermost
  std::vector<int64_t> start; // per slot: its value at the first point
  std::vector<RaggedBound> ragged;

  std::vector<Fill> fills; // registers that never change
  std::vector<AffineRead> reads;
  std::vector<AffineValue> values;
  std::vector<Instruction> instructions;
  int registers = 0;

  Reducer reducer = Reducer::None;
  ScalarType body_type = ScalarType::Real;
  int result = -1;         // register of the body, or of the first factor
  int second_factor = -1;  // a Sum of a product accumulates by fma
  bool run_is_free = true; // a run's points belong to neighbouring outputs (else all to one)
  int64_t points_per_output = 1;
  int output = -1;     // slot: flat offset in the target
  int flat_index = -1; // slot: row-major index over the reduced variables (ArgMax, ArgMin)
  int lane_loop = -1;  // the loop whose digit selects the accumulator, or -1
};

struct CompileInput {
  const Statement* statement = nullptr;
  std::vector<std::vector<int64_t>> shapes; // per operand
  int64_t batch = 1;
  std::function<double(const std::string&)> scalar; // a run-time scalar's value
  int fixed_variable = -1;                          // a free variable that has one value alone, or -1
  int64_t fixed_value = 0;
};

Program compile(const CompileInput& input);

} // namespace striate::reference
