#include "codegen/cpu/debug_lines.h"

#include "support/check.h"
#include "support/version.h"

namespace striate::cpu {

// In the order in which they print: an outer one before what is in it.
static void number(const KernelBody& body, const std::vector<int>& lines, std::size_t& next,
                   std::map<const KernelStatement*, int>& result) {
  for (const KernelStatement& statement : body) {
    CHECK(next < lines.size());
    result[&statement] = lines[next++];
    number(statement.body, lines, next, result);
  }
}

DebugLines::DebugLines(const Kernel& kernel, const KernelListing& listing, const std::vector<int>& lines,
                       const std::string& name, llvm::Function& function)
    : debug_(*function.getParent()), first_line_(lines.at(0)) {
  std::size_t next = 1;
  number(kernel.body, lines, next, lines_);
  llvm::Module& module = *function.getParent();
  module.addModuleFlag(llvm::Module::Warning, "Debug Info Version", llvm::DEBUG_METADATA_VERSION);
  constexpr uint32_t kDwarf = 4; // what every debugger and profiler of today reads
  module.addModuleFlag(llvm::Module::Warning, "Dwarf Version", kDwarf);
  llvm::DIFile* file = debug_.createFile(listing.file, listing.directory);
  debug_.createCompileUnit(llvm::dwarf::DW_LANG_C99, file, fmt::format("striate {}", kVersion), true, "", 0,
                           "", llvm::DICompileUnit::LineTablesOnly);
  llvm::DISubroutineType* type = debug_.createSubroutineType(debug_.getOrCreateTypeArray({}));
  const auto line = static_cast<unsigned>(first_line_);
  scope_ = debug_.createFunction(file, name, name, file, line, type, line, llvm::DINode::FlagZero,
                                 llvm::DISubprogram::SPFlagDefinition | llvm::DISubprogram::SPFlagOptimized);
  function.setSubprogram(scope_);
}

void DebugLines::enter(llvm::IRBuilder<>& builder, const KernelStatement& statement) const {
  const auto found = lines_.find(&statement);
  const int line = found == lines_.end() ? first_line_ : found->second;
  builder.SetCurrentDebugLocation(
      llvm::DILocation::get(builder.getContext(), static_cast<unsigned>(line), 0, scope_));
}

void DebugLines::finish() { debug_.finalize(); }

} // namespace striate::cpu
