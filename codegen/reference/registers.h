// A register holds one value per point of a block; an instruction works on all of them.
#pragma once

#include "codegen/reference/execute.h"

namespace striate::reference {

template <typename T>
union alignas(64) Register {
  T real[kBlock];
  int64_t integer[kBlock]; // Int and Bool
};

// The value type V's view of a register: T for Real, int64_t for Int and Bool.
template <typename V, typename T>
V* values_of(Register<T>& r) {
  if constexpr (std::is_same_v<V, T>) {
    return r.real;
  } else {
    return r.integer;
  }
}

// Executes `instruction` on the first `count` points.
template <typename T>
void execute(const Instruction& instruction, Register<T>* registers, int count, const Buffers& buffers,
             uint64_t seed);

extern template void execute<float>(const Instruction&, Register<float>*, int, const Buffers&, uint64_t);
extern template void execute<double>(const Instruction&, Register<double>*, int, const Buffers&, uint64_t);

} // namespace striate::reference
