#include "codegen/cpu/compile.h"

#include "codegen/cpu/emit_llvm.h"
#include "codegen/cpu/kernel_key.h"
#include "codegen/cpu/llvm_compat.h"
#include "support/time_trace.h"

#include <llvm/IR/LegacyPassManager.h>
#include <llvm/IR/Verifier.h>
#include <llvm/Support/raw_ostream.h>
#include <llvm/TargetParser/Host.h>

#include <atomic>
#include <optional>
#include <thread>
#include <unordered_map>

namespace striate {

std::string symbol_of(const Program& program, std::size_t kernel) {
  return fmt::format("{}.{}.{}", program.name, kernel, program.kernels[kernel].name);
}

namespace cpu {

std::vector<SharedKernels> distinct_kernels(const std::vector<const Program*>& programs) {
  std::vector<SharedKernels> result;
  std::unordered_map<std::string, std::size_t> known;
  for (std::size_t p = 0; p < programs.size(); ++p) {
    const Program* program = programs[p];
    for (std::size_t k = 0; k < program->kernels.size(); ++k) {
      const auto [place, first] =
          known.emplace(kernel_key(program->kernels[k], program->scalars), result.size());
      if (first) result.emplace_back();
      result[place->second].push_back({program, k, p});
    }
  }
  return result;
}

std::unique_ptr<llvm::TargetMachine> machine_for(const TargetInfo& target) {
  initialize_targets();
  const std::string triple = target.triple.empty() ? llvm::sys::getProcessTriple() : target.triple;
  std::string error;
  const llvm::Target* llvm_target = lookup_target(triple, error);
  CHECK(llvm_target, "{}", error);
  llvm::TargetOptions options;
  options.AllowFPOpFusion = llvm::FPOpFusion::Strict;
  options.NoTrappingFPMath = true;
  return create_target_machine(*llvm_target, triple, target.name, target.features, options);
}

static std::unique_ptr<llvm::Module> make_module(const std::string& name, llvm::TargetMachine& machine,
                                                 llvm::LLVMContext& context,
                                                 const std::function<void(llvm::Module&)>& emit) {
  auto module = std::make_unique<llvm::Module>(name, context);
  set_triple(*module, machine);
  module->setDataLayout(machine.createDataLayout());
  emit(*module);
  std::string problems;
  llvm::raw_string_ostream out(problems);
  CHECK(!llvm::verifyModule(*module, &out), "{}: {}", name, problems);
  return module;
}

// The name of the module of these kernels, and what fills it.
static std::string name_of(const SharedKernels& kernels) {
  return symbol_of(*kernels.front().program, kernels.front().kernel);
}
static void emit_kernels(const SharedKernels& kernels, const TargetInfo& target, llvm::Module& module,
                         const KernelListing* listing) {
  const auto& [program, number, program_number] = kernels.front();
  LineSource lines;
  if (listing) lines = {listing, &listing->lines[program_number][number], name_of(kernels)};
  llvm::Function* body = emit_body(program->kernels[number], program->scalars, target, module, lines);
  if (listing) { // a symbol of its own, so that it can be found by its address
    body->setName(lines.name + ".body");
    body->setLinkage(llvm::GlobalValue::ExternalLinkage);
  }
  for (const KernelPlace& place : kernels)
    emit_entry(place.program->kernels[place.kernel], symbol_of(*place.program, place.kernel), *body);
}

std::string module_text(const SharedKernels& kernels, const TargetInfo& target) {
  llvm::LLVMContext context;
  const auto machine = machine_for(target);
  const auto module = make_module(name_of(kernels), *machine, context, [&](llvm::Module& empty) {
    emit_kernels(kernels, target, empty, nullptr);
  });
  std::string text;
  llvm::raw_string_ostream out(text);
  module->print(out, nullptr);
  return text;
}

Result<std::string> generate_module(const TargetInfo& target, OutputKind kind, const std::string& name,
                                    const std::function<void(llvm::Module&)>& emit) {
  const TimedSpan span("code", name, target.name);
  llvm::LLVMContext context;
  const auto machine = machine_for(target);
  machine->Options.MCOptions.AsmVerbose = kind == OutputKind::Assembly; // loops and spills as comments
  const auto module = [&] {
    const TimedSpan part("code", "to LLVM's IR", name);
    return make_module(name, *machine, context, emit);
  }();
  const TimedSpan part("code", "LLVM", name);
  llvm::SmallVector<char, 0> code;
  llvm::raw_svector_ostream out(code);
  llvm::legacy::PassManager passes;
  const auto file =
      kind == OutputKind::Object ? llvm::CodeGenFileType::ObjectFile : llvm::CodeGenFileType::AssemblyFile;
  if (machine->addPassesToEmitFile(passes, out, nullptr, file))
    return Failure{ExitCode::Usage, fmt::format("LLVM cannot emit code for {}", target.name)};
  passes.run(*module);
  return std::string(code.begin(), code.end());
}

Result<std::string> generate(const SharedKernels& kernels, const TargetInfo& target, OutputKind kind,
                             const KernelListing* listing) {
  return generate_module(target, kind, name_of(kernels),
                         [&](llvm::Module& module) { emit_kernels(kernels, target, module, listing); });
}

Result<std::vector<std::string>> generate_all(const std::vector<SharedKernels>& kernels,
                                              const TargetInfo& target, OutputKind kind, int threads,
                                              const KernelListing* listing) {
  std::vector<std::optional<Result<std::string>>> results(kernels.size());
  std::atomic<std::size_t> next = 0;
  auto work = [&] {
    for (std::size_t i = next++; i < kernels.size(); i = next++)
      results[i] = generate(kernels[i], target, kind, listing);
  };
  std::vector<std::thread> others;
  for (int t = 1; t < threads && t < static_cast<int>(kernels.size()); ++t) others.emplace_back(work);
  work();
  for (std::thread& thread : others) thread.join();
  std::vector<std::string> code;
  for (auto& result : results) {
    if (!result->ok()) return result->failure();
    code.push_back(std::move(**result));
  }
  return code;
}

} // namespace cpu
} // namespace striate
