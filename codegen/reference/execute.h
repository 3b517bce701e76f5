// Runs a compiled statement over its points.
#pragma once

#include "codegen/reference/program.h"

namespace striate::reference {

struct Buffers {
  std::vector<const double*> operands; // per operand, row-major
  std::vector<int64_t> sizes;          // elements of each
  double* target = nullptr;
  int64_t target_size = 0;
};

// `T` is the precision: float rounds every operation to float.
template <typename T>
void execute(const Program& program, const Buffers& buffers, uint64_t seed);

extern template void execute<float>(const Program&, const Buffers&, uint64_t);
extern template void execute<double>(const Program&, const Buffers&, uint64_t);

} // namespace striate::reference
