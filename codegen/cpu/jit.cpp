#include "codegen/cpu/jit.h"

#include "codegen/cpu/compile.h"
#include "codegen/cpu/inner_loop.h"
#include "support/time_trace.h"

#include <fmt/ranges.h>

#include <llvm/ExecutionEngine/Orc/Debugging/DebuggerSupport.h>
#include <llvm/ExecutionEngine/Orc/LLJIT.h>
#include <llvm/Object/ELFObjectFile.h>
#include <llvm/Object/SymbolSize.h>
#include <llvm/Support/MemoryBuffer.h>

#include <unistd.h>

#include <algorithm>
#include <fstream>

namespace striate {

class OrcPrograms : public CompiledPrograms {
public:
  OrcPrograms(std::unique_ptr<llvm::orc::LLJIT> jit, std::size_t distinct)
      : jit_(std::move(jit)), distinct_(distinct) {}

  KernelFunction function(std::size_t program, std::size_t kernel) const override {
    CHECK(program < functions_.size() && kernel < functions_[program].size());
    return functions_[program][kernel];
  }
  std::size_t distinct_kernels() const override { return distinct_; }

  // Tells perf where functions lie: its map files have a line for each, ADDRESS SIZE NAME in hexadecimal
  // (tools/perf/Documentation/jit-interface.txt in the Linux kernel's source).
  void write_perf_map(const std::vector<cpu::LinkableObject>& objects) const {
    std::ofstream map(fmt::format("/tmp/perf-{}.map", getpid()), std::ios::app);
    for (const auto& [symbol, object] : objects) {
      auto file = llvm::object::ObjectFile::createObjectFile(llvm::MemoryBufferRef(object, "kernels"));
      if (!file) {
        llvm::consumeError(file.takeError());
        continue;
      }
      for (const auto& [symbol, size] : llvm::object::computeSymbolSizes(**file)) {
        auto type = symbol.getType();
        auto name = symbol.getName();
        const bool named = type && name && *type == llvm::object::SymbolRef::ST_Function;
        if (!type) llvm::consumeError(type.takeError());
        if (!name) llvm::consumeError(name.takeError());
        if (!named) continue;
        if (auto address = jit_->lookup(*name))
          map << fmt::format("{:x} {:x} {}\n", address->getValue(), size, name->str());
        else
          llvm::consumeError(address.takeError());
      }
    }
  }

  // "" or what went wrong.
  std::string resolve(const std::vector<const Program*>& programs,
                      const std::vector<cpu::SharedKernels>& kernels,
                      const std::vector<cpu::LinkableObject>& objects) {
    for (const Program* program : programs) {
      functions_.emplace_back(program->kernels.size());
      offsets_.emplace_back();
      for (const Kernel& kernel : program->kernels) {
        offsets_.back().emplace_back();
        for (const KernelBuffer& buffer : kernel.buffers) offsets_.back().back().push_back(buffer.offset);
      }
    }
    for (std::size_t i = 0; i < kernels.size(); ++i) {
      auto address = jit_->lookup(objects[i].symbol);
      if (!address) return llvm::toString(address.takeError());
      for (const auto& [_, kernel, program] : kernels[i].places)
        functions_[program][kernel] = {address->toPtr<KernelFunction::Code>(),
                                       offsets_[program][kernel].data()};
    }
    return "";
  }

private:
  std::unique_ptr<llvm::orc::LLJIT> jit_;
  std::size_t distinct_;
  std::vector<std::vector<KernelFunction>> functions_;
  std::vector<std::vector<std::vector<int64_t>>> offsets_;
};

static Failure jit_failure(const std::string& message) {
  return {ExitCode::Failed, "the compiled code could not be loaded: " + message};
}

Status runs_on_cpu(const Program& program) {
  for (const Kernel& kernel : program.kernels)
    if (kernel.threads() >= 0)
      return bad_data("kernel {} is divided among the threads of a block: it is a GPU's", kernel.name);
  return {};
}

Result<std::shared_ptr<CompiledPrograms>> jit_compile(const std::vector<const Program*>& programs,
                                                      const TargetInfo& target, int threads,
                                                      const KernelListing* listing, const DiskCache* cache) {
  for (const Program* program : programs)
    if (const Status runs = runs_on_cpu(*program); !runs) return runs.failure();
  const std::vector<cpu::SharedKernels> kernels = cpu::distinct_kernels(programs);
  auto objects = cpu::generate_linkable(kernels, target, threads, listing, cache);
  if (!objects) return objects.failure();
  const TimedSpan span("code", "link", programs.empty() ? "" : programs[0]->name);
  auto jit = llvm::orc::LLJITBuilder().create();
  if (!jit) return jit_failure(llvm::toString(jit.takeError()));
  if (listing)
    if (auto error = llvm::orc::enableDebuggerSupport(**jit))
      return jit_failure(llvm::toString(std::move(error)));
  for (const cpu::LinkableObject& object : *objects)
    if (auto error = (*jit)->addObjectFile(llvm::MemoryBuffer::getMemBufferCopy(object.bytes)))
      return jit_failure(llvm::toString(std::move(error)));
  auto result = std::make_shared<OrcPrograms>(std::move(*jit), kernels.size());
  if (std::string problem = result->resolve(programs, kernels, *objects); !problem.empty())
    return jit_failure(problem);
  if (listing) result->write_perf_map(*objects);
  return std::shared_ptr<CompiledPrograms>(std::move(result));
}

static std::vector<cpu::SharedKernels> kernels_of(const Program& program, std::optional<std::size_t> only) {
  std::vector<cpu::SharedKernels> list = cpu::distinct_kernels({&program});
  if (only)
    std::erase_if(list, [&](const cpu::SharedKernels& shared) {
      return std::ranges::find(shared.places, *only, &cpu::KernelPlace::kernel) == shared.places.end();
    });
  return list;
}

Result<std::string> llvm_text(const Program& program, const TargetInfo& target,
                              std::optional<std::size_t> only) {
  if (const Status runs = runs_on_cpu(program); !runs) return runs.failure();
  std::string text;
  for (const cpu::SharedKernels& kernels : kernels_of(program, only))
    text += (text.empty() ? "" : "\n") + cpu::module_text(kernels, target);
  return text;
}

Result<std::vector<KernelAssembly>> kernel_assembly(const Program& program, const TargetInfo& target,
                                                    int threads, std::optional<std::size_t> only) {
  if (const Status runs = runs_on_cpu(program); !runs) return runs.failure();
  const KernelListing listing = list_kernels({&program});
  const std::vector<cpu::SharedKernels> shared = kernels_of(program, only);
  auto parts = cpu::generate_all(shared, target, cpu::OutputKind::Assembly, threads, &listing);
  if (!parts) return parts.failure();
  std::vector<KernelAssembly> result(shared.size());
  for (std::size_t k = 0; k < shared.size(); ++k) {
    for (const cpu::KernelPlace& place : shared[k].places) result[k].kernels.push_back(place.kernel);
    result[k].text = annotated_assembly((*parts)[k], listing);
  }
  return result;
}

Result<std::string> assembly_text(const Program& program, const TargetInfo& target,
                                  std::optional<std::size_t> only) {
  const Result<std::vector<KernelAssembly>> parts = kernel_assembly(program, target, 1, only);
  if (!parts) return parts.failure();
  std::string text;
  for (const KernelAssembly& part : *parts) {
    std::vector<std::string> names;
    for (std::size_t kernel : part.kernels) names.push_back(symbol_of(program, kernel));
    text += fmt::format("{}# {}\n", text.empty() ? "" : "\n", fmt::join(names, ", "));
    if (const std::optional<InnerLoop> loop = hottest_inner_loop(part.text, target))
      text += "# inner loop: " + inner_loop_text(*loop) + "\n";
    text += part.text;
  }
  return text;
}

} // namespace striate
