#include "codegen/cpu/compile.h"

#include "codegen/cpu/emit_llvm.h"
#include "codegen/cpu/kernel_key.h"
#include "codegen/cpu/llvm_compat.h"
#include "support/random.h"
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
      if (first) result.push_back({place->first, {}});
      result[place->second].places.push_back({program, k, p});
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

static const Kernel& kernel_of(const SharedKernels& kernels) {
  return kernels.places.front().program->kernels[kernels.places.front().kernel];
}
// The name of the module of these kernels, and of the body in it.
static std::string name_of(const SharedKernels& kernels) {
  return symbol_of(*kernels.places.front().program, kernels.places.front().kernel);
}

static void emit(const SharedKernels& kernels, const TargetInfo& target, const std::string& symbol,
                 llvm::Module& module, const KernelListing* listing) {
  const auto& [program, number, program_number] = kernels.places.front();
  LineSource lines;
  if (listing) lines = {listing, &listing->lines[program_number][number]};
  emit_body(kernel_of(kernels), program->scalars, target, symbol, module, lines);
}

std::string module_text(const SharedKernels& kernels, const TargetInfo& target) {
  llvm::LLVMContext context;
  const auto machine = machine_for(target);
  const auto module = make_module(name_of(kernels), *machine, context, [&](llvm::Module& empty) {
    emit(kernels, target, name_of(kernels), empty, nullptr);
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

// make(i) for i below `count` on so many threads, in order; the first failure where there is one.
static Result<std::vector<std::string>>
generate_each(std::size_t count, int threads, const std::function<Result<std::string>(std::size_t)>& make) {
  std::vector<std::optional<Result<std::string>>> results(count);
  std::atomic<std::size_t> next = 0;
  auto work = [&] {
    for (std::size_t i = next++; i < count; i = next++) results[i] = make(i);
  };
  std::vector<std::thread> others;
  for (int t = 1; t < threads && t < static_cast<int>(count); ++t) others.emplace_back(work);
  work();
  for (std::thread& thread : others) thread.join();
  std::vector<std::string> code;
  for (auto& result : results) {
    if (!result->ok()) return result->failure();
    code.push_back(std::move(**result));
  }
  return code;
}

Result<std::vector<std::string>> generate_all(const std::vector<SharedKernels>& kernels,
                                              const TargetInfo& target, OutputKind kind, int threads,
                                              const KernelListing* listing) {
  return generate_each(kernels.size(), threads, [&](std::size_t i) {
    const std::string name = name_of(kernels[i]);
    return generate_module(target, kind, name,
                           [&](llvm::Module& module) { emit(kernels[i], target, name, module, listing); });
  });
}

// All that a body's code depends on beside the kernel itself: this compiler, LLVM, the target. "" where the
// first two cannot be told.
static std::string key_of_compiler(const TargetInfo& target) {
  const std::string own = build_id_of(reinterpret_cast<const void*>(&key_of_compiler));
  const std::string llvm = build_id_of(reinterpret_cast<const void*>(&llvm::sys::getProcessTriple));
  if (own.empty() || llvm.empty()) return "";
  return fmt::format("{} {} {} {} {} {} {}\n", own, llvm, target.triple, target.name, target.features,
                     target.vector_bits, target.vector_registers);
}

Result<std::vector<LinkableObject>> generate_linkable(const std::vector<SharedKernels>& kernels,
                                                      const TargetInfo& target, int threads,
                                                      const KernelListing* listing, const DiskCache* cache) {
  std::vector<LinkableObject> objects(kernels.size());
  const std::string compiler = cache && !listing ? key_of_compiler(target) : "";
  std::atomic<bool> kept = false;
  auto made = generate_each(kernels.size(), threads, [&](std::size_t i) -> Result<std::string> {
    const std::string& key = kernels[i].key;
    objects[i].symbol = listing ? name_of(kernels[i]) : fmt::format("kernel.{:016x}", fnv1a(key));
    if (!compiler.empty())
      if (std::optional<std::string> known = cache->get(compiler + key)) return *std::move(known);
    auto object = generate_module(target, OutputKind::Object, name_of(kernels[i]), [&](llvm::Module& module) {
      emit(kernels[i], target, objects[i].symbol, module, listing);
    });
    if (object && !compiler.empty()) {
      cache->put(compiler + key, *object);
      kept = true;
    }
    return object;
  });
  if (!made) return made.failure();
  if (kept) cache->trim();
  for (std::size_t i = 0; i < objects.size(); ++i) objects[i].bytes = std::move((*made)[i]);
  return objects;
}

} // namespace cpu
} // namespace striate
