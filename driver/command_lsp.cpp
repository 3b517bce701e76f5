// striate lsp: the language server, over stdin and stdout. While keys are pressed, nothing is checked; when
// there is a pause, the texts that changed are.

#include "driver/commands.h"
#include "driver/lsp_framing.h"
#include "driver/lsp_server.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace striate {

static constexpr int kPauseMilliseconds = 150;
static constexpr int kParseError = -32700;

// False where the client has gone.
static bool send(std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(STDOUT_FILENO, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

int command_lsp(const Options&) {
  constexpr int kFailed = static_cast<int>(ExitCode::Failed);
  std::signal(SIGPIPE, SIG_IGN);
  bool is_heard = true;
  lsp::Server server([&](const nlohmann::json& message) {
    const auto replace = nlohmann::json::error_handler_t::replace;
    is_heard = is_heard && send(lsp::framed(message.dump(-1, ' ', false, replace)));
  });
  lsp::FrameReader frames;
  std::vector<char> buffer(1 << 16);
  std::string message;
  while (is_heard) {
    const lsp::FrameReader::State state = frames.next(message);
    if (state == lsp::FrameReader::State::Broken) {
      server.refuse(kParseError, frames.problem());
      fmt::print(stderr, "striate: error: {}\n", frames.problem());
      return kFailed;
    }
    if (state == lsp::FrameReader::State::Message) {
      server.receive(message);
      if (const std::optional<int> code = server.exit_code()) return *code;
      continue;
    }
    pollfd wait = {STDIN_FILENO, POLLIN, 0};
    const int ready = poll(&wait, 1, server.has_changes() ? kPauseMilliseconds : -1);
    if (ready == 0) server.publish();
    if (ready <= 0) continue;
    const ssize_t count = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      if (frames.is_inside()) fmt::print(stderr, "striate: error: the input ends inside of a message\n");
      return kFailed; // without `exit`
    }
    frames.append({buffer.data(), static_cast<std::size_t>(count)});
  }
  return kFailed;
}

} // namespace striate
