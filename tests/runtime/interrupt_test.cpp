#include "runtime/interrupt.h"

#include <gtest/gtest.h>

#include <csignal>
#include <unistd.h>

namespace striate {

TEST(Interrupt, TheFirstSignalAsksTheSecondEnds) {
  const auto first = [](int signal, int code) {
    install_interrupt_handlers();
    raise(signal);
    _exit(stop_requested() && static_cast<int>(stop_exit_code()) == code ? 0 : 1);
  };
  EXPECT_EXIT(first(SIGINT, 130), testing::ExitedWithCode(0), "");
  EXPECT_EXIT(first(SIGTERM, 143), testing::ExitedWithCode(0), "");
  EXPECT_EXIT(first(SIGHUP, 143), testing::ExitedWithCode(0), "");
  const auto second = [](int signal) {
    install_interrupt_handlers();
    raise(SIGINT);
    raise(signal);
    _exit(0);
  };
  EXPECT_EXIT(second(SIGINT), testing::ExitedWithCode(130), "");
  EXPECT_EXIT(second(SIGTERM), testing::ExitedWithCode(143), "");
}

TEST(Interrupt, AnIgnoredHangupStaysIgnored) {
  const auto hang_up = [] {
    std::signal(SIGHUP, SIG_IGN);
    install_interrupt_handlers();
    raise(SIGHUP);
    _exit(stop_requested() ? 1 : 0);
  };
  EXPECT_EXIT(hang_up(), testing::ExitedWithCode(0), "");
}

TEST(Interrupt, SaveRequestsAreTakenOnce) {
  install_interrupt_handlers();
  clear_interrupts();
  EXPECT_FALSE(take_save_request());
  raise(SIGUSR1);
  EXPECT_TRUE(take_save_request());
  EXPECT_FALSE(take_save_request());
  EXPECT_FALSE(stop_requested());
}

} // namespace striate
