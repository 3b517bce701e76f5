#include "driver/crash_report.h"

#include "support/check.h"
#include "support/result.h"
#include "support/version.h"

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <new>

namespace striate {

static constexpr int kFaults[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE};

static std::string command_line;
static std::string program_file;

// "a reproducer is in ..", for people.
static std::string write_reproducer(const std::string& message) {
  std::error_code error;
  std::filesystem::path folder = std::filesystem::temp_directory_path(error);
  if (error) folder = ".";
  const std::string path = (folder / fmt::format("striate-crash-{}.txt", getpid())).string();
  std::ofstream report(path, std::ios::binary);
  report << "striate " << kVersion << "\n" << command_line << "\n" << message << "\n";
  if (!program_file.empty()) {
    std::ifstream source(program_file, std::ios::binary);
    report << "\n--- " << program_file << "\n";
    report << std::string(std::istreambuf_iterator<char>(source), {});
  }
  report.close();
  if (!report) return fmt::format("no reproducer could be written to {}", path);
  return fmt::format("A reproducer is in {} (your program's text is in it); please report it.", path);
}

extern "C" {
// What this does is not allowed in a signal handler strictly, but the process is lost anyway: a second signal
// ends it.
static void on_fault(int signal) {
  std::signal(signal, SIG_DFL);
  const std::string message = fmt::format("{} (signal {})", strsignal(signal), signal);
  fmt::print(stderr, "striate: internal error: {}\n{}\nThis is a bug in Striate, not in your program.\n",
             message, write_reproducer(message));
  std::fflush(stderr);
  std::_Exit(static_cast<int>(ExitCode::Internal));
}
}

static void on_terminate() {
  if (const std::exception_ptr current = std::current_exception()) {
    try {
      std::rethrow_exception(current);
    } catch (const std::bad_alloc&) {
      fmt::print(stderr, "striate: error: memory ran out\n");
      std::_Exit(static_cast<int>(ExitCode::OutOfMemory));
    } catch (const std::exception& error) {
      CHECK(false, "{}", error.what());
    } catch (...) {
    }
  }
  CHECK(false, "an exception was not caught");
}

void install_crash_report(const std::string& line) {
  command_line = line;
  set_crash_hook(write_reproducer);
  std::set_terminate(on_terminate);
  // Its own stack: the fault may be that there is none left.
  static char stack[1 << 16];
  stack_t other = {};
  other.ss_sp = stack;
  other.ss_size = sizeof(stack);
  sigaltstack(&other, nullptr);
  struct sigaction action = {};
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_ONSTACK;
  action.sa_handler = on_fault;
  for (int signal : kFaults) sigaction(signal, &action, nullptr);
}

void leave_crash_report() {
  set_crash_hook(nullptr);
  for (int signal : kFaults) std::signal(signal, SIG_DFL);
}

void set_crash_program(const std::string& file) { program_file = file; }

} // namespace striate
