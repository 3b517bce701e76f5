// What the innermost loop of a kernel's machine code is made of: the loop as LLVM's code generator marked it
// in the assembly, its instructions as LLVM's assembler reads them, and how long LLVM's model of the
// processor (that of llvm-mca) takes for a pass through it.
#pragma once

#include "support/target_info.h"

#include <optional>
#include <string>

namespace striate {

struct InnerLoop {
  int depth = 0; // of loops, from 1
  int instructions = 0;
  int vector_bits = 0; // of the widest registers that arithmetic is done in; a scalar's are its own
  int fmas = 0;        // fused multiply-adds
  int loads = 0;       // instructions that read memory, spills among them
  int stores = 0;
  int shuffles = 0;        // that move elements between lanes
  int spills = 0;          // stores and loads of registers that were too few
  double flops = 0;        // arithmetic operations of a pass: an FMA's are two for each lane
  double model_cycles = 0; // of a pass, many after each other; 0: the model has no answer
};

// Of all innermost loops the one with most FMAs, then the deepest, then the longest. `assembly`: as
// kernel_assembly() gives it. None where nothing loops.
std::optional<InnerLoop> hottest_inner_loop(const std::string& assembly, const TargetInfo& target);

// "30 instructions, 512 bits, 24 fma, ...", for a comment.
std::string inner_loop_text(const InnerLoop& loop);

} // namespace striate
