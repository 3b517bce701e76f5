#include "runtime/cuda/cuda_device.h"

#include <array>

namespace striate {

Result<std::shared_ptr<const CudaContext>> CudaContext::open(const CudaDriver& driver, int number) {
  int count = 0;
  if (const int code = driver.device_count(&count))
    return bad_data("CUDA's driver does not count its devices: {}", driver.error_text(code));
  if (number < 0 || number >= count)
    return Failure{ExitCode::Usage, fmt::format("there is no CUDA device {}: {}", number,
                                                count == 1 ? "0 is the only one"
                                                           : fmt::format("there are 0 to {}", count - 1))};
  int device = 0;
  if (const int code = driver.device_get(&device, number))
    return bad_data("CUDA device {} cannot be used: {}", number, driver.error_text(code));
  std::shared_ptr<CudaContext> context(new CudaContext(driver, device));
  std::array<char, 256> name{};
  int major = 0, minor = 0, shared_bytes = 0;
  const int code = [&] {
    if (const int failed = driver.device_name(name.data(), static_cast<int>(name.size()) - 1, device))
      return failed;
    if (const int failed = driver.device_attribute(&major, cuda::kComputeCapabilityMajor, device))
      return failed;
    if (const int failed = driver.device_attribute(&minor, cuda::kComputeCapabilityMinor, device))
      return failed;
    if (const int failed = driver.device_attribute(&shared_bytes, cuda::kSharedBytesOptIn, device))
      return failed;
    return driver.context_retain(&context->context_, device);
  }();
  context->name_ = name.data();
  if (code != 0)
    return bad_data("CUDA device {} ({}) cannot be used: {}", number, context->name_,
                    driver.error_text(code));
  // From 9.0 on, `a` has what this very architecture alone can do.
  context->architecture_ = fmt::format("sm_{}{}{}", major, minor, major >= 9 ? "a" : "");
  context->capability_ = 10 * major + minor;
  context->shared_bytes_ = shared_bytes;
  return std::shared_ptr<const CudaContext>(std::move(context));
}

CudaContext::~CudaContext() {
  if (context_) driver_.context_release(device_);
}

int CudaContext::attribute(int number) const {
  int value = 0;
  driver_.device_attribute(&value, number, device_);
  return value;
}

int CudaContext::multiprocessors() const { return attribute(cuda::kMultiprocessors); }

CudaContext::Memory CudaContext::memory() const {
  Memory memory;
  if (enter() == 0) driver_.memory_info(&memory.free, &memory.total);
  return memory;
}

MachineSpeed CudaContext::speed() const {
  // Multiply-adds of f32 that a multiprocessor does at once (CUDA C++ Programming Guide, "Arithmetic
  // Instructions").
  const int lanes = capability_ <= 80 ? 64 : 128;
  MachineSpeed speed;
  speed.flops = 2.0 * multiprocessors() * lanes * attribute(cuda::kClockRate) * 1e3;
  // Two transfers a cycle.
  speed.memory_bytes = 2e3 * attribute(cuda::kMemoryClockRate) * attribute(cuda::kMemoryBusWidth) / 8;
  speed.cache_bytes = speed.memory_bytes;
  speed.cache = attribute(cuda::kSecondLevelCacheBytes);
  return speed;
}

std::string CudaContext::driver_version() const {
  int version = 0; // 1000 * major + 10 * minor
  driver_.driver_version(&version);
  return fmt::format("{}.{}", version / 1000, version % 1000 / 10);
}

} // namespace striate
