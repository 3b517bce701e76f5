// The few places where the LLVM versions that Striate builds with (22 and 19) differ.
#pragma once

#include <llvm/Config/llvm-config.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/Module.h>
#include <llvm/MC/MCSubtargetInfo.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/Target/TargetMachine.h>
#include <llvm/TargetParser/Triple.h>

#include <memory>
#include <string>

namespace striate::cpu {

#if LLVM_VERSION_MAJOR >= 20
using TargetTriple = llvm::Triple;
#else
using TargetTriple = std::string;
#endif

inline void set_triple(llvm::Module& module, const llvm::TargetMachine& machine) {
#if LLVM_VERSION_MAJOR >= 20
  module.setTargetTriple(machine.getTargetTriple());
#else
  module.setTargetTriple(machine.getTargetTriple().str());
#endif
}

// All architectures that this LLVM makes code for; the first call does it.
inline void initialize_targets() {
  static const bool done = [] {
    llvm::InitializeAllTargetInfos();
    llvm::InitializeAllTargets();
    llvm::InitializeAllTargetMCs();
    llvm::InitializeAllAsmPrinters();
    llvm::InitializeAllAsmParsers();
    return true;
  }();
  (void)done;
}

inline const llvm::Target* lookup_target(const std::string& triple, std::string& error) {
  return llvm::TargetRegistry::lookupTarget(TargetTriple(triple), error);
}

inline std::unique_ptr<llvm::TargetMachine>
create_target_machine(const llvm::Target& target, const std::string& triple, const std::string& cpu,
                      const std::string& features, const llvm::TargetOptions& options) {
  return std::unique_ptr<llvm::TargetMachine>(
      target.createTargetMachine(TargetTriple(triple), cpu, features, options, llvm::Reloc::PIC_,
                                 std::nullopt, llvm::CodeGenOptLevel::Default));
}

inline std::unique_ptr<llvm::MCSubtargetInfo> create_subtarget(const llvm::Target& target,
                                                               const std::string& triple,
                                                               const std::string& cpu,
                                                               const std::string& features) {
  return std::unique_ptr<llvm::MCSubtargetInfo>(
      target.createMCSubtargetInfo(TargetTriple(triple), cpu, features));
}

// An integer of the type's width, wrapping round.
inline llvm::ConstantInt* wrapped_integer(llvm::Type* type, int64_t value) {
  const llvm::APInt wide(64, static_cast<uint64_t>(value));
  return llvm::ConstantInt::get(type->getContext(), wide.sextOrTrunc(type->getIntegerBitWidth()));
}

} // namespace striate::cpu
