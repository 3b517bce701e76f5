#include "codegen/cpu/emit_llvm.h"

#include "codegen/cpu/debug_lines.h"
#include "codegen/cpu/statements.h"

namespace striate {

llvm::Function* emit_body(const Kernel& kernel, const std::vector<std::string>& scalars,
                          const TargetInfo& target, const std::string& symbol, llvm::Module& module,
                          const LineSource& lines) {
  cpu::Frame frame(kernel, scalars, target, symbol, module);
  std::optional<cpu::DebugLines> debug;
  if (lines.listing) {
    debug.emplace(kernel, *lines.listing, *lines.lines, symbol, *frame.function);
    frame.debug_lines = &*debug;
  }
  cpu::Statements(frame).emit_kernel();
  if (debug) debug->finish();
  return frame.function;
}

} // namespace striate
