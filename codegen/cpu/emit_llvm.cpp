#include "codegen/cpu/emit_llvm.h"

#include "codegen/cpu/debug_lines.h"
#include "codegen/cpu/statements.h"

#include <llvm/IR/Constants.h>
#include <llvm/IR/GlobalVariable.h>

namespace striate {

llvm::Function* emit_body(const Kernel& kernel, const std::vector<std::string>& scalars,
                          const TargetInfo& target, llvm::Module& module, const LineSource& lines) {
  cpu::Frame frame(kernel, scalars, target, module);
  std::optional<cpu::DebugLines> debug;
  if (lines.listing) {
    debug.emplace(kernel, *lines.listing, *lines.lines, lines.name, *frame.function);
    frame.debug_lines = &*debug;
  }
  cpu::Statements(frame).emit_kernel();
  if (debug) debug->finish();
  return frame.function;
}

llvm::Function* emit_entry(const Kernel& kernel, const std::string& symbol, llvm::Function& body) {
  llvm::Module& module = *body.getParent();
  llvm::LLVMContext& context = module.getContext();
  llvm::Type* i64 = llvm::Type::getInt64Ty(context);
  std::vector<uint64_t> offsets;
  for (const KernelBuffer& buffer : kernel.buffers) offsets.push_back(static_cast<uint64_t>(buffer.offset));
  llvm::Constant* values = llvm::ConstantDataArray::get(context, offsets);
  auto* table = new llvm::GlobalVariable(module, values->getType(), true, llvm::GlobalValue::PrivateLinkage,
                                         values, symbol + ".offsets");
  llvm::Type* pointer = llvm::PointerType::get(context, 0);
  auto* type =
      llvm::FunctionType::get(llvm::Type::getVoidTy(context), {pointer, pointer, i64, i64, i64}, false);
  auto* entry = llvm::Function::Create(type, llvm::Function::ExternalLinkage, symbol, module);
  entry->setDoesNotThrow();
  llvm::IRBuilder<> builder(llvm::BasicBlock::Create(context, "entry", entry));
  std::vector<llvm::Value*> arguments;
  for (llvm::Argument& argument : entry->args()) arguments.push_back(&argument);
  arguments.push_back(table);
  builder.CreateCall(&body, arguments)->setTailCall();
  builder.CreateRetVoid();
  return entry;
}

} // namespace striate
