#include "runtime/interrupt.h"

#include <atomic>
#include <csignal>
#include <unistd.h>

namespace striate {

// Handlers may touch only lock-free atomics.
static_assert(std::atomic<int>::is_always_lock_free);
static std::atomic<int> stop_signal{0};
static std::atomic<int> save_request{0};

extern "C" {
static void on_stop(int signal) {
  int none = 0;
  if (!stop_signal.compare_exchange_strong(none, signal)) _exit(128 + signal);
}
static void on_save(int) { save_request.store(1); }
}

void install_interrupt_handlers() {
  struct sigaction action {};
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  action.sa_handler = on_stop;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  // A terminal that goes away; under nohup it does not matter.
  struct sigaction hangup {};
  sigaction(SIGHUP, nullptr, &hangup);
  if (hangup.sa_handler != SIG_IGN) sigaction(SIGHUP, &action, nullptr);
  action.sa_handler = on_save;
  sigaction(SIGUSR1, &action, nullptr);
}

bool stop_requested() { return stop_signal.load() != 0; }

ExitCode stop_exit_code() {
  return stop_signal.load() == SIGINT ? ExitCode::Interrupted : ExitCode::Terminated;
}

bool take_save_request() { return save_request.exchange(0) != 0; }

void clear_interrupts() {
  stop_signal.store(0);
  save_request.store(0);
}

} // namespace striate
