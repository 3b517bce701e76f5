#include "codegen/cpu/target.h"

#include "codegen/cpu/llvm_compat.h"
#include "support/diagnostics.h"

#include <llvm/ADT/StringMap.h>
#include <llvm/TargetParser/Host.h>

#include <unistd.h>

#include <algorithm>
#include <thread>

namespace striate {

static std::string host_triple() { return llvm::sys::getProcessTriple(); }

// Of a CPU that LLVM knows by that name; "" is any.
static std::unique_ptr<llvm::MCSubtargetInfo>
known_subtarget(const std::string& triple, const std::string& cpu, const std::string& features) {
  cpu::initialize_targets();
  std::string error;
  const llvm::Target* target = cpu::lookup_target(triple, error);
  CHECK(target, "{}", error);
  return cpu::create_subtarget(*target, triple, cpu, features);
}

static std::unique_ptr<llvm::MCSubtargetInfo> subtarget(const std::string& triple, const std::string& cpu,
                                                        const std::string& features) {
  // An unknown name makes LLVM print a warning of its own: ask a generic subtarget about it first.
  if (!known_subtarget(triple, "", "")->isCPUStringValid(cpu)) return nullptr;
  return known_subtarget(triple, cpu, features);
}

// Registers and vector width that the features give.
static void set_vector_facts(TargetInfo& info, const llvm::MCSubtargetInfo& facts) {
  const bool x86 = facts.getTargetTriple().isX86();
  if (x86 && facts.checkFeatures("+avx512f,+avx512vl,+avx512dq,+avx512bw")) {
    info.vector_bits = 512;
    info.vector_registers = 32;
    info.bfloat16_products = facts.checkFeatures("+avx512bf16");
  } else if (x86 && facts.checkFeatures("+avx2,+fma")) {
    info.vector_bits = 256;
    info.vector_registers = 16;
  } else {
    info.vector_bits = 128;
    info.vector_registers = x86 ? 16 : 32;
  }
  if (info.vector_bits == 512) {
    info.l1_bytes = 32 << 10;
    info.l2_bytes = 1 << 20;
  }
}

TargetInfo host_target() {
  TargetInfo info;
  info.name = llvm::sys::getHostCPUName().str();
  auto detected = llvm::sys::getHostCPUFeatures();
  std::vector<std::string> features;
  for (const auto& feature : detected)
    features.push_back((feature.getValue() ? "+" : "-") + feature.getKey().str());
  std::sort(features.begin(), features.end());
  for (const std::string& feature : features) info.features += (info.features.empty() ? "" : ",") + feature;

  auto facts = subtarget(host_triple(), info.name, info.features);
  if (!facts) { // newer than this LLVM
    info.name = "generic";
    facts = subtarget(host_triple(), "generic", info.features);
  }
  set_vector_facts(info, *facts);
  if (const long bytes = sysconf(_SC_LEVEL1_DCACHE_SIZE); bytes > 0) info.l1_bytes = bytes;
  if (const long bytes = sysconf(_SC_LEVEL2_CACHE_SIZE); bytes > 0) info.l2_bytes = bytes;
  info.threads = std::max(1u, std::thread::hardware_concurrency());
  return info;
}

Result<TargetInfo> target_named(const std::string& cpu, const std::string& architecture) {
  const TargetInfo host = host_target();
  TargetInfo info;
  info.name = cpu;
  info.threads = host.threads;
  if (!architecture.empty() && llvm::Triple(host_triple()).getArchName() != architecture) {
    info.triple = architecture + "-unknown-linux-gnu";
    std::string unknown;
    cpu::initialize_targets();
    if (!cpu::lookup_target(info.triple, unknown))
      return Failure{ExitCode::Usage,
                     fmt::format("this LLVM makes no code for the architecture `{}`", architecture)};
    if (cpu == "native") info.name = architecture == "x86_64" ? "x86-64" : "generic";
  } else if (cpu == "native") {
    return host;
  }
  const std::string triple = info.triple.empty() ? host_triple() : info.triple;
  auto facts = subtarget(triple, info.name, "");
  if (!facts) {
    std::vector<std::string> names;
    for (const auto& known : known_subtarget(triple, "", "")->getAllProcessorDescriptions())
      names.push_back(known.Key);
    const std::string near = nearest_name(cpu, names);
    return Failure{ExitCode::Usage,
                   fmt::format("`{}` is not a CPU that LLVM knows for this architecture{}", cpu,
                               near.empty() ? "" : fmt::format("; did you mean `{}`?", near))};
  }
  set_vector_facts(info, *facts);
  return info;
}

std::string missing_here(const TargetInfo& target) {
  const auto facts = subtarget(host_triple(), target.name, target.features);
  CHECK(facts, "{}", target.name);
  std::vector<std::string> missing;
  for (const auto& feature : llvm::sys::getHostCPUFeatures())
    if (!feature.getValue() && facts->checkFeatures(("+" + feature.getKey()).str()))
      missing.push_back(feature.getKey().str());
  std::sort(missing.begin(), missing.end());
  return fmt::format("{}", fmt::join(missing, ", "));
}

} // namespace striate
