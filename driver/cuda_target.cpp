#include "driver/cuda_target.h"

#include "codegen/cuda/emit_cuda.h"
#include "codegen/cuda/emulated_driver.h"
#include "codegen/cuda/host_library.h"
#include "codegen/cuda/nvrtc.h"
#include "support/disk_cache.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <optional>
#include <thread>

namespace striate {

// Of which NVRTC compiles several at once.
static constexpr std::size_t kKernelsOfAPart = 4;

TargetInfo cuda_target_info() {
  TargetInfo target;
  target.name = "cuda";
  // A lane is a thread; a tile's registers are the thread's own, of which it has 255 for all purposes. A
  // multiprocessor does four multiply-adds of a warp in the time of one load.
  target.vector_bits = 512;
  target.vector_registers = 80;
  target.fma_ports = 4;
  target.many_threads = true;
  return target;
}

Result<std::shared_ptr<const CudaTarget>> CudaTarget::open(const std::string& device) {
  const bool emulated = device == kEmulatedDeviceWord;
  int number = 0;
  if (!emulated) {
    const auto [end, error] = std::from_chars(device.data(), device.data() + device.size(), number);
    if (error != std::errc() || end != device.data() + device.size() || number < 0)
      return Failure{ExitCode::Usage, fmt::format("--device takes the number of a device, or `{}`, not `{}`",
                                                  kEmulatedDeviceWord, device)};
    if (const Result<const Nvrtc*> compiler = Nvrtc::load(); !compiler) return compiler.failure();
  } else if (host_compiler().empty()) {
    return bad_data("{} needs a C++ compiler: looked for $CXX, c++, g++ and clang++", kEmulatedDevice);
  }
  const CudaDriver* driver = &emulated_cuda_driver();
  if (!emulated) {
    const Result<const CudaDriver*> loaded = load_cuda_driver();
    if (!loaded) return loaded.failure();
    driver = *loaded;
  }
  Result<std::shared_ptr<const CudaContext>> context = CudaContext::open(*driver, number);
  if (!context) return context.failure();
  return std::shared_ptr<const CudaTarget>(new CudaTarget(std::move(*context), emulated));
}

std::string CudaTarget::compiler() const {
  if (emulated_) return host_compiler();
  const Result<const Nvrtc*> compiler = Nvrtc::load();
  return compiler ? "NVRTC " + (*compiler)->version() : "";
}

Result<std::string> CudaTarget::code_of(const Program& program) const {
  Result<std::string> text = cuda_text(program);
  if (!text || emulated_) return text;
  const Result<const Nvrtc*> compiler = Nvrtc::load();
  if (!compiler) return compiler.failure();
  const std::vector<int> known = (*compiler)->architectures();
  // Code for this very device; or, of one that NVRTC is too old for, code that its driver translates.
  std::string architecture = context_->architecture();
  if (const int own = context_->capability(); own > known.back())
    architecture = fmt::format("compute_{}", known.back());
  else if (own < known.front())
    return bad_data("{} has compute capability {}.{}, but NVRTC {} compiles for {}.{} and later",
                    context_->name(), own / 10, own % 10, (*compiler)->version(), known.front() / 10,
                    known.front() % 10);
  const std::optional<DiskCache> cache = open_cache(kCudaCache);
  Result<CudaBinary> binary =
      (*compiler)->compile(*text, program.name + ".cu", architecture, cache ? &*cache : nullptr);
  if (!binary) return binary.failure();
  return std::move(binary->cubin.empty() ? binary->ptx : binary->cubin);
}

// The program's kernels [first, last).
static Program part_of(const Program& program, std::size_t first, std::size_t last) {
  Program part = program;
  part.kernels.assign(program.kernels.begin() + static_cast<std::ptrdiff_t>(first),
                      program.kernels.begin() + static_cast<std::ptrdiff_t>(last));
  part.loops.clear();
  for (KernelLoop loop : program.loops) {
    const std::size_t begin = std::max(loop.first, first), end = std::min(loop.first + loop.count, last);
    if (begin >= end) continue;
    loop.first = begin - first;
    loop.count = end - begin;
    part.loops.push_back(loop);
  }
  return part;
}

Status CudaTarget::compile(const std::vector<std::pair<const Program*, EntryPoint*>>& entries, int threads,
                           Executable& executable) const {
  struct Part {
    EntryPoint* point = nullptr;
    std::size_t first = 0;
    Program program;
    std::optional<Result<std::string>> code;
  };
  std::vector<Part> parts;
  for (const auto& [program, point] : entries) {
    // NVRTC takes longer for a kernel than for the prelude; the emulated device's compiler does not.
    const std::size_t count = program->kernels.size(), most = emulated_ ? count : kKernelsOfAPart;
    for (std::size_t first = 0; first < count; first += most)
      parts.push_back({point, first, part_of(*program, first, std::min(first + most, count)), {}});
  }
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    for (std::size_t p = next++; p < parts.size(); p = next++) parts[p].code = code_of(parts[p].program);
  };
  std::vector<std::thread> helpers;
  for (int t = 1; t < threads && static_cast<std::size_t>(t) < parts.size(); ++t) helpers.emplace_back(work);
  work();
  for (std::thread& helper : helpers) helper.join();
  for (Part& part : parts) {
    if (!*part.code) return part.code->failure();
    const std::vector<std::string> names = cuda_names(part.program);
    for (std::size_t k = 0; k < names.size(); ++k) {
      const CudaLaunch launch = cuda_launch(part.program, k);
      part.point->kernels[part.first + k].launch = {part.point->codes.size(), names[k], launch.groups,
                                                    launch.threads(), launch.shared_bytes()};
    }
    part.point->codes.push_back(std::move(**part.code));
  }
  executable.make_device = [context = context_](const Executable& program) {
    return make_cuda_device(context, program);
  };
  return {};
}

} // namespace striate
