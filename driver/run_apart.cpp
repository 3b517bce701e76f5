#include "driver/run_apart.h"

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <string_view>

namespace striate {

static bool write_all(int file, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(file, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

// All that the other process writes; false where it does not end in time.
static bool read_all(int file, std::chrono::milliseconds limit, std::string& text) {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + limit;
  char buffer[1 << 16];
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()).count();
    if (left <= 0) return false;
    pollfd wait = {file, POLLIN, 0};
    const int ready = poll(&wait, 1, static_cast<int>(left));
    if (ready < 0 && errno != EINTR) return false;
    if (ready <= 0) continue;
    const ssize_t count = ::read(file, buffer, sizeof(buffer));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return true;
    text.append(buffer, static_cast<std::size_t>(count));
  }
}

namespace {
// A file without a name, for what standard error gets.
class ErrorFile {
public:
  explicit ErrorFile(bool wanted) : file_(wanted ? std::tmpfile() : nullptr) {}
  ErrorFile(const ErrorFile&) = delete;
  ErrorFile& operator=(const ErrorFile&) = delete;
  ~ErrorFile() {
    if (file_) std::fclose(file_);
  }

  void redirect() const {
    if (file_) dup2(fileno(file_), STDERR_FILENO);
  }
  std::string text() const {
    constexpr std::size_t kMost = 1 << 16;
    std::string text(kMost, '\0');
    if (file_) std::rewind(file_);
    text.resize(file_ ? std::fread(text.data(), 1, text.size(), file_) : 0);
    return text;
  }

private:
  std::FILE* file_;
};
} // namespace

Result<std::string> run_apart(const std::function<std::string()>& work, std::chrono::milliseconds limit,
                              std::string* errors) {
  const ErrorFile error_file(errors != nullptr);
  int ends[2];
  if (pipe(ends) != 0) return Failure{ExitCode::OutOfMemory, "no pipe could be made"};
  const pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    error_file.redirect();
    dup2(STDERR_FILENO, STDOUT_FILENO);
    std::signal(SIGPIPE, SIG_DFL);
    _exit(write_all(ends[1], work()) ? 0 : static_cast<int>(ExitCode::Internal));
  }
  close(ends[1]);
  std::string text;
  const bool in_time = child > 0 && read_all(ends[0], limit, text);
  close(ends[0]);
  if (child < 0) return Failure{ExitCode::OutOfMemory, "no process could be started"};
  if (!in_time) kill(child, SIGKILL);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  if (!in_time)
    return Failure{ExitCode::OutOfMemory,
                   fmt::format("that takes more than {} seconds", static_cast<double>(limit.count()) / 1000)};
  if (errors) *errors = error_file.text();
  if (status == 0) return text;
  if (WIFEXITED(status) && WEXITSTATUS(status) == static_cast<int>(ExitCode::OutOfMemory))
    return Failure{ExitCode::OutOfMemory, "memory ran out"};
  if (WIFSIGNALED(status))
    return Failure{ExitCode::Internal, fmt::format("a bug of Striate: {} (signal {})",
                                                   strsignal(WTERMSIG(status)), WTERMSIG(status))};
  return Failure{ExitCode::Internal, "an internal error of Striate, a bug; standard error says more"};
}

} // namespace striate
