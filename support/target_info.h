// Plain facts about a target: the passes read them without seeing any code generator.
#pragma once

#include <cstdint>
#include <string>

namespace striate {

struct TargetInfo {
  std::string triple;           // LLVM's name of architecture and system; "" = this process's
  std::string name = "generic"; // LLVM's name of the CPU
  std::string features;         // "+avx2,+fma,..."; "" = what the CPU's name implies
  int vector_bits = 256;        // 128, 256 or 512
  int vector_registers = 16;
  int fma_ports = 2;
  bool bfloat16_products = false; // adds products of pairs of bf16 to f32, 16 pairs an instruction
  int64_t l1_bytes = 32 << 10;
  int64_t l2_bytes = 512 << 10;
  int threads = 1;
  // Of a device that is busy with thousands of parallel points alone: every loop whose iterations are
  // independent is parallel, and what a point could keep for the next one is computed again.
  bool many_threads = false;
};

} // namespace striate
