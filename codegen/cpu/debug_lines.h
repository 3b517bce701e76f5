// Line tables: the instructions of a kernel's body belong to the lines of its text.
#pragma once

#include "codegen/cpu/listing.h"

#include <llvm/IR/DIBuilder.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/Module.h>

#include <map>

namespace striate::cpu {

class DebugLines {
public:
  // `lines` as in KernelListing, of this kernel. `function` gets a scope of its own, called `name`.
  DebugLines(const Kernel& kernel, const KernelListing& listing, const std::vector<int>& lines,
             const std::string& name, llvm::Function& function);
  // What is built from now on belongs to the statement.
  void enter(llvm::IRBuilder<>& builder, const KernelStatement& statement) const;
  // Once everything is built.
  void finish();

private:
  llvm::DIBuilder debug_;
  llvm::DISubprogram* scope_ = nullptr;
  std::map<const KernelStatement*, int> lines_;
  int first_line_ = 0;
};

} // namespace striate::cpu
