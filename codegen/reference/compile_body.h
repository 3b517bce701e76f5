// The body of a statement as a register program.
#pragma once

#include "codegen/reference/program.h"

#include <map>

namespace striate::reference {

// Every affine function of the variables that the points need is a slot: the nest keeps its value
// incrementally.
struct Affine {
  int64_t constant = 0;
  std::map<int, int64_t> coefficients; // by variable
  bool operator==(const Affine&) const = default;
};

class SlotTable {
public:
  int add(const Affine& affine); // equal functions share a slot
  const std::vector<Affine>& all() const { return slots_; }

private:
  std::vector<Affine> slots_;
};

// Adds the reads, fills and instructions that leave the body's value in `program.result`.
void compile_body(const CompileInput& input, const std::vector<int64_t>& extents, SlotTable& slots,
                  Program& program);

} // namespace striate::reference
