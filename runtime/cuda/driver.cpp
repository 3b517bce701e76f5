#include "runtime/cuda/driver.h"

#include <dlfcn.h>

#include <array>
#include <cstdlib>

namespace striate {

static constexpr std::array kLibraries = {"libcuda.so.1", "libcuda.so", "/usr/lib/wsl/lib/libcuda.so.1"};
static constexpr const char* kWithoutDevice = "`--device=emulated` needs neither driver nor GPU, for tests";

std::string CudaDriver::error_text(int code) const {
  const char* text = nullptr;
  if (error_string(code, &text) != 0 || !text) return fmt::format("error {}", code);
  return fmt::format("{} (error {})", text, code);
}

static Result<void*> open_library() {
  if (const char* given = std::getenv("STRIATE_CUDA_DRIVER"); given && *given) {
    if (void* library = dlopen(given, RTLD_NOW | RTLD_LOCAL)) return library;
    return bad_data("CUDA's driver cannot be loaded from $STRIATE_CUDA_DRIVER: {}", dlerror());
  }
  for (const char* name : kLibraries)
    if (void* library = dlopen(name, RTLD_NOW | RTLD_LOCAL)) return library;
  return bad_data(
      "CUDA's driver was not found: looked for {} and {} in the system's folders, and for {}; it comes "
      "with NVIDIA's driver, $STRIATE_CUDA_DRIVER can name it, and {}",
      kLibraries[0], kLibraries[1], kLibraries[2], kWithoutDevice);
}

static Result<CudaDriver> load() {
  const Result<void*> library = open_library();
  if (!library) return library.failure();
  CudaDriver driver;
  const char* missing = nullptr;
#define CUDA_FUNCTION(name, symbol, parameters)                                                              \
  driver.name = reinterpret_cast<decltype(driver.name)>(dlsym(*library, #symbol));                           \
  if (!driver.name && !missing) missing = #symbol;
#include "runtime/cuda/driver_functions.def"
#undef CUDA_FUNCTION
  if (missing) return bad_data("CUDA's driver is too old: it has no {} (12.0 and later have)", missing);
  const int code = driver.initialize(0);
  if (code == cuda::kNoDevice)
    return bad_data("CUDA's driver finds no GPU (is one visible? CUDA_VISIBLE_DEVICES hides them); {}",
                    kWithoutDevice);
  if (code != 0) return bad_data("CUDA's driver cannot begin: {}", driver.error_text(code));
  return driver;
}

Result<const CudaDriver*> load_cuda_driver() {
  static const Result<CudaDriver> loaded = load();
  if (!loaded) return loaded.failure();
  return &*loaded;
}

} // namespace striate
