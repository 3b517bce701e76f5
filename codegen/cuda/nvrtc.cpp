#include "codegen/cuda/nvrtc.h"

#include "support/disk_cache.h"

#include <dlfcn.h>

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <sstream>

namespace striate {

namespace filesystem = std::filesystem;

struct Nvrtc::Functions {
#define NVRTC_FUNCTION(name, symbol, parameters) int(*name) parameters = nullptr;
#include "codegen/cuda/nvrtc_functions.def"
#undef NVRTC_FUNCTION
  const char* (*error_text)(int code) = nullptr;
};

static constexpr std::array kLibraryNames = {"libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so.11.2",
                                             "libnvrtc.so"};

static std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

// The folders to look in beside the system's, existing ones only.
static std::vector<filesystem::path> library_folders() {
  std::vector<filesystem::path> candidates;
  for (const char* name : {"CUDA_HOME", "CUDA_PATH"})
    if (const std::string root = environment(name); !root.empty())
      for (const char* folder : {"lib64", "lib"}) candidates.push_back(filesystem::path(root) / folder);
  std::error_code ignored;
  for (const char* name : {"VIRTUAL_ENV", "CONDA_PREFIX"})
    if (const std::string root = environment(name); !root.empty())
      for (const auto& python : filesystem::directory_iterator(filesystem::path(root) / "lib", ignored))
        for (const char* wheel : {"cu13", "cuda_nvrtc"})
          candidates.push_back(python.path() / "site-packages" / "nvidia" / wheel / "lib");
  std::erase_if(candidates, [&](const auto& path) { return !filesystem::is_directory(path, ignored); });
  return candidates;
}

// The library finds its built-ins by their bare name: outside the system's folders they must be open already.
static void open_builtins(const filesystem::path& folder) {
  std::error_code ignored;
  for (const auto& file : filesystem::directory_iterator(folder, ignored))
    if (file.path().filename().string().starts_with("libnvrtc-builtins.so.") &&
        dlopen(file.path().c_str(), RTLD_NOW | RTLD_LOCAL))
      return;
}

static void* open_from(const filesystem::path& folder) {
  std::error_code ignored;
  for (const char* name : kLibraryNames) {
    if (!filesystem::exists(folder / name, ignored)) continue;
    open_builtins(folder);
    if (void* library = dlopen((folder / name).c_str(), RTLD_NOW | RTLD_LOCAL)) return library;
  }
  return nullptr;
}

static Result<void*> open_library() {
  if (const std::string given = environment("STRIATE_NVRTC"); !given.empty()) {
    open_builtins(filesystem::path(given).parent_path());
    if (void* library = dlopen(given.c_str(), RTLD_NOW | RTLD_LOCAL)) return library;
    return bad_data("NVRTC cannot be loaded from $STRIATE_NVRTC: {}", dlerror());
  }
  for (const char* name : kLibraryNames)
    if (void* library = dlopen(name, RTLD_NOW | RTLD_LOCAL)) return library;
  std::string tried;
  for (const filesystem::path& folder : library_folders()) {
    if (void* library = open_from(folder)) return library;
    tried += fmt::format(", {}", folder.string());
  }
  return bad_data("NVRTC was not found: looked for {}, .so.12, .so.11.2 and .so in the system's folders{}; "
                  "$STRIATE_NVRTC can name it",
                  kLibraryNames[0], tried.empty() ? " ($CUDA_HOME and $VIRTUAL_ENV name no others)" : tried);
}

Result<const Nvrtc*> Nvrtc::load() {
  static const Result<const Nvrtc*> loaded = []() -> Result<const Nvrtc*> {
    const Result<void*> library = open_library();
    if (!library) return library.failure();
    static Functions functions;
    const char* missing = nullptr;
    const auto find = [&](auto& function, const char* symbol) {
      function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(dlsym(*library, symbol));
      if (!function && !missing) missing = symbol;
    };
#define NVRTC_FUNCTION(name, symbol, parameters) find(functions.name, #symbol);
#include "codegen/cuda/nvrtc_functions.def"
#undef NVRTC_FUNCTION
    find(functions.error_text, "nvrtcGetErrorString");
    if (missing) return bad_data("NVRTC is too old: it has no {} (11.2 and later have)", missing);
    static const Nvrtc nvrtc(&functions);
    return &nvrtc;
  }();
  return loaded;
}

std::vector<int> Nvrtc::architectures() const {
  int count = 0;
  functions_->architecture_count(&count);
  std::vector<int> numbers(static_cast<std::size_t>(count));
  functions_->architectures(numbers.data());
  std::ranges::sort(numbers);
  return numbers;
}

std::string Nvrtc::version() const {
  int major = 0, minor = 0;
  functions_->version(&major, &minor);
  return fmt::format("{}.{}", major, minor);
}

// "Compiling entry function 'f' for 'sm_90a'", then "N bytes stack frame, N bytes spill stores, N bytes spill
// loads", then "Used N registers".
static std::vector<CudaResources> resources_of(const std::string& log) {
  std::vector<CudaResources> resources;
  std::istringstream lines(log);
  for (std::string line; std::getline(lines, line);) {
    static const std::string kEntry = "Compiling entry function '";
    long long stack = 0, stores = 0, loads = 0;
    int registers = 0;
    if (const size_t at = line.find(kEntry); at != std::string::npos) {
      const size_t begin = at + kEntry.size();
      resources.push_back({.function = line.substr(begin, line.find('\'', begin) - begin)});
    } else if (resources.empty()) {
      continue;
    } else if (std::sscanf(line.c_str(),
                           " %lld bytes stack frame, %lld bytes spill stores, %lld bytes spill loads", &stack,
                           &stores, &loads) == 3) {
      resources.back().stack_bytes = stack;
      resources.back().spill_bytes = stores + loads;
    } else if (const size_t used = line.find("Used ");
               used != std::string::npos &&
               std::sscanf(line.c_str() + used, "Used %d registers", &registers) == 1) {
      resources.back().registers = registers;
    }
  }
  return resources;
}

// NVRTC's texts end with zeros that their sizes count.
static std::string fetch(NvrtcHandle program, int (*size_of)(NvrtcHandle, size_t*),
                         int (*read)(NvrtcHandle, char*), bool text) {
  size_t size = 0;
  if (size_of(program, &size) != 0 || size == 0) return "";
  std::string bytes(size, '\0');
  if (read(program, bytes.data()) != 0) return "";
  if (text) bytes.resize(bytes.find_last_not_of('\0') + 1);
  return bytes;
}

static const std::array kOptions = {"--std=c++17", "--fmad=false", "--ftz=true", "--ptxas-options=-v"};

// What compilation gives, as the cache keeps it: sizes, then texts.
static std::string packed(const CudaBinary& binary) {
  return fmt::format("{} {} {}\n", binary.ptx.size(), binary.cubin.size(), binary.log.size()) + binary.ptx +
         binary.cubin + binary.log;
}
static std::optional<CudaBinary> unpacked(const std::string& bytes, const std::string& architecture) {
  std::size_t ptx = 0, cubin = 0, log = 0;
  const std::size_t begin = bytes.find('\n') + 1;
  if (begin == 0 || std::sscanf(bytes.c_str(), "%zu %zu %zu", &ptx, &cubin, &log) != 3 ||
      bytes.size() != begin + ptx + cubin + log)
    return std::nullopt;
  CudaBinary binary;
  binary.architecture = architecture;
  binary.ptx = bytes.substr(begin, ptx);
  binary.cubin = bytes.substr(begin + ptx, cubin);
  binary.log = bytes.substr(begin + ptx + cubin);
  binary.resources = resources_of(binary.log);
  return binary;
}

Result<CudaBinary> Nvrtc::compile(const std::string& text, const std::string& name,
                                  const std::string& architecture, const DiskCache* cache) const {
  if (!cache) return compile_anew(text, name, architecture);
  const std::string key = fmt::format("nvrtc {} {} {}\n{}\n{}", version(),
                                      build_id_of(reinterpret_cast<const void*>(functions_->compile)),
                                      architecture, fmt::join(kOptions, " "), text);
  if (const std::optional<std::string> known = cache->get(key))
    if (std::optional<CudaBinary> binary = unpacked(*known, architecture)) return std::move(*binary);
  Result<CudaBinary> binary = compile_anew(text, name, architecture);
  if (binary) cache->put(key, packed(*binary));
  return binary;
}

Result<CudaBinary> Nvrtc::compile_anew(const std::string& text, const std::string& name,
                                       const std::string& architecture) const {
  const Functions& f = *functions_;
  NvrtcHandle program = nullptr;
  if (const int code = f.create(&program, text.c_str(), name.c_str(), 0, nullptr, nullptr))
    return bad_data("NVRTC: {}", f.error_text(code));
  const std::string target = "--gpu-architecture=" + architecture;
  std::vector<const char*> options = {target.c_str()};
  options.insert(options.end(), kOptions.begin(), kOptions.end());
  const int code = f.compile(program, static_cast<int>(options.size()), options.data());
  CudaBinary binary;
  binary.architecture = architecture;
  binary.log = fetch(program, f.log_size, f.log, true);
  if (code == 0) {
    binary.ptx = fetch(program, f.ptx_size, f.ptx, true);
    binary.cubin = fetch(program, f.cubin_size, f.cubin, false);
    binary.resources = resources_of(binary.log);
  }
  f.destroy(&program);
  if (code != 0) return bad_data("NVRTC cannot compile {}: {}\n{}", name, f.error_text(code), binary.log);
  return binary;
}

} // namespace striate
