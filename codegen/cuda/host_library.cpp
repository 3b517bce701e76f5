#include "codegen/cuda/host_library.h"

#include "codegen/cuda/prelude_text.h"
#include "support/disk_cache.h"

#include <fmt/ranges.h>

#include <dlfcn.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

namespace striate {

namespace filesystem = std::filesystem;

// The file that a command runs, or "".
static std::string on_path(const std::string& command) {
  if (command.find('/') != std::string::npos) return access(command.c_str(), X_OK) == 0 ? command : "";
  const char* path = std::getenv("PATH");
  std::istringstream folders(path ? path : "");
  for (std::string folder; std::getline(folders, folder, ':');)
    if (const std::string file = folder + "/" + command; access(file.c_str(), X_OK) == 0) return file;
  return "";
}

std::string host_compiler() {
  const char* chosen = std::getenv("CXX");
  for (const char* command : {chosen ? chosen : "", "c++", "g++", "clang++"})
    if (*command != 0 && !on_path(command).empty()) return command;
  return "";
}

// A folder of its own, removed with what is in it.
class TemporaryFolder {
public:
  TemporaryFolder() {
    std::error_code error;
    std::string pattern = (filesystem::temp_directory_path(error) / "striate-XXXXXX").string();
    if (!error && mkdtemp(pattern.data())) path_ = pattern;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    if (!path_.empty()) filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  bool ok() const { return !path_.empty(); }
  std::string file(const char* name) const { return (path_ / name).string(); }

private:
  filesystem::path path_;
};

static bool write(const std::string& file, std::string_view text) {
  std::ofstream out(file, std::ios::binary);
  out << text;
  return static_cast<bool>(out.flush());
}

// Runs the command with its messages going to a file; its exit status, or -1.
static int execute(const std::vector<std::string>& command, const std::string& messages) {
  std::vector<char*> arguments;
  for (const std::string& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 1, messages.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_adddup2(&actions, 1, 2);
  pid_t child = 0;
  const int error = posix_spawnp(&child, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  int status = 0;
  if (error != 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status)) return -1;
  return WEXITSTATUS(status);
}

// Warnings are NVRTC's business; registers that were never written hold a pattern, not what was there before.
static const std::vector<std::string> kOptions = {"-std=c++17",
                                                  "-O1",
                                                  "-w",
                                                  "-shared",
                                                  "-fPIC",
                                                  "-fvisibility=hidden",
                                                  "-ffp-contract=off",
                                                  "-ftrivial-auto-var-init=pattern"};

// All that the compiled library depends on: the compiler by its file, size and time.
static std::string cache_key(const std::string& compiler, const std::string& text) {
  std::error_code ignored;
  const filesystem::path file = filesystem::canonical(on_path(compiler), ignored);
  const auto time = filesystem::last_write_time(file, ignored).time_since_epoch().count();
  return fmt::format("host library\n{} {} {}\n{}\n{}\n{}", file.string(),
                     filesystem::file_size(file, ignored), time, fmt::join(kOptions, " "), kCudaHostShim,
                     text);
}

Result<HostLibrary> HostLibrary::compile(const std::string& text, const std::string& name,
                                         const DiskCache* cache) {
  const std::string compiler = host_compiler();
  if (compiler.empty()) return bad_data("no host C++ compiler: looked for $CXX, c++, g++ and clang++");
  const TemporaryFolder folder;
  const std::string shim = folder.file("host_shim.h"), source = folder.file("program.cu");
  const std::string object = folder.file("program.so"), messages = folder.file("messages");
  const std::string key = cache ? cache_key(compiler, text) : "";
  if (const auto known = cache ? cache->get(key) : std::nullopt;
      known && folder.ok() && write(object, *known))
    if (Result<HostLibrary> loaded = load(object)) return loaded;
  if (!folder.ok() || !write(shim, kCudaHostShim) || !write(source, text))
    return bad_data("cannot write to the folder for temporary files");
  std::vector<std::string> command = {compiler};
  command.insert(command.end(), kOptions.begin(), kOptions.end());
  command.insert(command.end(), {"-include", shim, "-x", "c++", source, "-o", object});
  if (execute(command, messages) != 0) {
    std::ostringstream said;
    said << std::ifstream(messages).rdbuf();
    return bad_data("{} cannot compile {}:\n{}", compiler, name, said.str());
  }
  if (cache) {
    std::ostringstream bytes;
    bytes << std::ifstream(object, std::ios::binary).rdbuf();
    cache->put(key, bytes.str());
  }
  return load(object);
}

Result<HostLibrary> HostLibrary::load(const std::string& file) {
  HostLibrary loaded;
  void* library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) return bad_data("cannot load the compiled program: {}", dlerror());
  loaded.library_ = std::shared_ptr<void>(library, dlclose);
  loaded.launch_ = reinterpret_cast<Launch>(dlsym(library, "shim_launch"));
  if (!loaded.launch_) return bad_data("the compiled program is not whole");
  return loaded;
}

HostLibrary::Kernel HostLibrary::kernel(const std::string& name) const {
  return reinterpret_cast<Kernel>(dlsym(library_.get(), name.c_str()));
}

Status HostLibrary::launch(Kernel kernel, const Arguments& arguments, const Grid& grid,
                           ThreadOrder order) const {
  const char* wrong =
      launch_(kernel, arguments.arena, arguments.scalars, arguments.examples, arguments.begin, arguments.end,
              grid.blocks, grid.threads, grid.shared_bytes, static_cast<int>(order));
  return wrong ? Status(Failure{ExitCode::Internal, wrong}) : Status();
}

} // namespace striate
