#include "driver/kernel_program.h"

#include "ir/kernel/analysis.h"

#ifdef STRIATE_HAS_LLVM
#include "codegen/cpu/jit.h"
#endif

namespace striate {

Placement placement_of(const ProgramValue& value, int64_t capacity) {
  Placement placement;
  placement.name = value.name;
  placement.element = value.type.element;
  for (const Size& size : value.type.shape) placement.shape.push_back(size.at(capacity));
  placement.batch = value.type.has_batch();
  placement.offset = value.offset;
  placement.storage = value.layout.storage(capacity);
  const std::vector<int64_t> strides = value.layout.strides();
  for (std::size_t k = 0; k < value.layout.digits.size(); ++k) {
    const Layout::Digit& digit = value.layout.digits[k];
    const int64_t extent =
        digit.extent.batch ? (digit.extent.at(capacity) + digit.step - 1) / digit.step : digit.extent.factor;
    placement.digits.push_back({digit.dimension, digit.step, extent, strides[k]});
  }
  return placement;
}

#ifdef STRIATE_HAS_LLVM
Result<Executable> executable_of(const Program& program, const CompileOptions& settings) {
  Result<std::shared_ptr<CompiledPrograms>> code =
      jit_compile({&program}, settings.pipeline.target, settings.threads);
  if (!code) return code.failure();
  Executable executable;
  executable.capacity = program.capacity;
  executable.arena_bytes = program.arena_bytes;
  executable.code = *code;
  EntryPoint& entry = executable.eval;
  entry.name = program.name;
  entry.scalars = program.scalars;
  entry.loops = program.loops;
  for (std::size_t k = 0; k < program.kernels.size(); ++k) {
    const Kernel& kernel = program.kernels[k];
    entry.kernels.push_back({kernel.name, (*code)->function(0, k),
                             [kernel](int64_t examples) { return parallel_extent(kernel, examples); }});
    if (kernel.location.known()) entry.kernels.back().place = kernel.location.text();
  }
  for (const ProgramValue& value : program.values) {
    std::vector<Placement>& list = value.role == ProgramValue::Role::Input       ? entry.inputs
                                   : value.role == ProgramValue::Role::Output    ? entry.outputs
                                   : value.role == ProgramValue::Role::Parameter ? executable.parameters
                                                                                 : executable.states;
    list.push_back(placement_of(value, program.capacity));
  }
  return executable;
}
#else
Result<Executable> executable_of(const Program&, const CompileOptions&) {
  return Failure{ExitCode::Failed,
                 "this build has no CPU back end (it was configured with -DSTRIATE_LLVM=OFF)"};
}
#endif

} // namespace striate
