#include "driver/kernel_program.h"

#include "driver/cuda_target.h"
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

// All but the code.
static Executable described(const Program& program) {
  Executable executable;
  executable.capacity = program.capacity;
  executable.arena_bytes = program.arena_bytes;
  EntryPoint& entry = executable.eval;
  entry.name = program.name;
  entry.scalars = program.scalars;
  entry.loops = program.loops;
  for (const Kernel& kernel : program.kernels) {
    entry.kernels.push_back(
        {kernel.name, {}, [kernel](int64_t examples) { return parallel_extent(kernel, examples); }});
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

Failure no_cpu_back_end() {
  return {ExitCode::Failed, "this build has no CPU back end (it was configured with -DSTRIATE_LLVM=OFF); "
                            "`--target cuda` needs none"};
}

Result<Executable> executable_of(const Program& program, const CompileOptions& settings) {
  Executable executable = described(program);
  if (settings.cuda) {
    if (Status made = settings.cuda->compile({{&program, &executable.eval}}, settings.threads, executable);
        !made)
      return made.failure();
    return executable;
  }
#ifdef STRIATE_HAS_LLVM
  Result<std::shared_ptr<CompiledPrograms>> code =
      jit_compile({&program}, settings.pipeline.target, settings.threads);
  if (!code) return code.failure();
  executable.code = *code;
  for (std::size_t k = 0; k < program.kernels.size(); ++k)
    executable.eval.kernels[k].function = (*code)->function(0, k);
  return executable;
#else
  return no_cpu_back_end();
#endif
}

} // namespace striate
