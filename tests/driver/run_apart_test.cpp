#include "driver/run_apart.h"

#include <gtest/gtest.h>

#include <unistd.h>

#include <csignal>
#include <cstdio>

namespace striate {
namespace {

constexpr std::chrono::seconds kLong{60};

TEST(RunApart, GivesTheText) {
  const std::string text(300'000, 'x'); // more than a pipe holds
  const Result<std::string> got = run_apart([&] { return text; }, kLong);
  ASSERT_TRUE(got.ok());
  EXPECT_EQ(*got, text);
  EXPECT_EQ(*run_apart([] { return std::string(); }, kLong), "");
}

TEST(RunApart, ItsEndIsNotThisOnes) {
  const Result<std::string> crashed = run_apart(
      []() -> std::string {
        std::signal(SIGSEGV, SIG_DFL);
        std::raise(SIGSEGV);
        return "";
      },
      kLong);
  ASSERT_FALSE(crashed.ok());
  EXPECT_EQ(crashed.failure().code, ExitCode::Internal);
  const Result<std::string> left = run_apart([]() -> std::string { _exit(70); }, kLong);
  ASSERT_FALSE(left.ok());
  EXPECT_EQ(left.failure().code, ExitCode::Internal);
  const Result<std::string> full = run_apart([]() -> std::string { _exit(5); }, kLong);
  ASSERT_FALSE(full.ok());
  EXPECT_EQ(full.failure().message, "memory ran out");
}

TEST(RunApart, KeepsWhatIsWrittenToStandardError) {
  std::string errors = "before";
  const Result<std::string> left = run_apart(
      []() -> std::string {
        std::fputs("why it ended\n", stderr);
        _exit(70);
      },
      kLong, &errors);
  EXPECT_FALSE(left.ok());
  EXPECT_EQ(errors, "why it ended\n");
  EXPECT_EQ(*run_apart([] { return std::string("text"); }, kLong, &errors), "text");
  EXPECT_EQ(errors, "");
}

TEST(RunApart, EndsInTime) {
  const auto start = std::chrono::steady_clock::now();
  const Result<std::string> slow = run_apart(
      []() -> std::string {
        for (;;) pause();
      },
      std::chrono::milliseconds(100));
  ASSERT_FALSE(slow.ok());
  EXPECT_NE(slow.failure().message.find("0.1 seconds"), std::string::npos);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
}

} // namespace
} // namespace striate
