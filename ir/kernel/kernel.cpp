#include "ir/kernel/kernel.h"

namespace striate {

const char* name_of(ProgramValue::Role role) {
  switch (role) {
  case ProgramValue::Role::Input:
    return "input";
  case ProgramValue::Role::Parameter:
    return "param";
  case ProgramValue::Role::State:
    return "state";
  case ProgramValue::Role::Output:
    break;
  }
  return "output";
}

int Kernel::add_variable(KernelVariable variable) {
  variables.push_back(std::move(variable));
  return static_cast<int>(variables.size()) - 1;
}

int Kernel::add_buffer(KernelBuffer buffer) {
  buffers.push_back(std::move(buffer));
  return static_cast<int>(buffers.size()) - 1;
}

int Kernel::add_tile(KernelTile tile) {
  tiles.push_back(std::move(tile));
  return static_cast<int>(tiles.size()) - 1;
}

static int first_of(const Kernel& kernel, VariableKind kind) {
  for (std::size_t i = 0; i < kernel.variables.size(); ++i)
    if (kernel.variables[i].kind == kind) return static_cast<int>(i);
  return -1;
}

int Kernel::lane() const { return first_of(*this, VariableKind::Lane); }
int Kernel::threads() const { return first_of(*this, VariableKind::Thread); }

Interval Kernel::range_of(int variable, int64_t capacity) const {
  const KernelVariable& v = variables[variable];
  int64_t extent = v.extent.at(capacity);
  if (extent <= 0) return {0, 0};
  if (v.overlap) return {0, extent - v.step};
  return {0, (extent - 1) / v.step * v.step};
}

} // namespace striate
