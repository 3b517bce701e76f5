// A bug of Striate's own ends the process with 70 and leaves what is needed to reproduce it.
#include "driver/crash_report.h"

#include "support/check.h"

#include <gtest/gtest.h>

#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <new>
#include <stdexcept>

namespace striate {
namespace {

// What nothing catches.
static void run_without_catching(void (*function)()) noexcept { function(); }

class CrashReport : public testing::Test {
protected:
  CrashReport()
      : folder_(std::filesystem::path(testing::TempDir()) / fmt::format("striate crash {}", getpid())) {
    testing::FLAGS_gtest_death_test_style = "fast"; // the child writes to the folder made here
    std::filesystem::create_directories(folder_);
    std::ofstream(folder_ / "net.nn") << "model Net() { }\n";
  }
  ~CrashReport() override { std::filesystem::remove_all(folder_); }

  void prepare() {
    setenv("TMPDIR", folder_.c_str(), 1);
    install_crash_report("striate train net.nn");
    set_crash_program((folder_ / "net.nn").string());
  }
  // All reproducers, one after the other.
  std::string reports() {
    std::string text;
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
      if (entry.path().filename().string().find("striate-crash-") != 0) continue;
      std::ifstream file(entry.path());
      text += std::string(std::istreambuf_iterator<char>(file), {});
    }
    return text;
  }

  std::filesystem::path folder_;
};

TEST_F(CrashReport, AFailedCheck) {
  EXPECT_EXIT(
      {
        prepare();
        CHECK(1 + 1 == 3, "sums of {}", "ones");
      },
      testing::ExitedWithCode(70),
      "internal error: .*sums of ones(.|\n)*A reproducer is in .*striate-crash-");
  const std::string text = reports();
  for (const char* part :
       {"striate 0.", "striate train net.nn", "1 + 1 == 3", "sums of ones", "model Net() { }"})
    EXPECT_NE(text.find(part), std::string::npos) << part << " in " << text;
}

TEST_F(CrashReport, AMachineException) {
  EXPECT_EXIT(
      {
        prepare();
        std::raise(SIGFPE);
      },
      testing::ExitedWithCode(70), "internal error: Floating point exception");
  EXPECT_NE(reports().find("Floating point exception"), std::string::npos);
}

TEST_F(CrashReport, AnException) {
  EXPECT_EXIT(
      {
        prepare();
        run_without_catching([] { throw std::runtime_error("from a library"); });
      },
      testing::ExitedWithCode(70), "internal error: .*from a library");
}

TEST_F(CrashReport, MemoryThatRunsOutIsNoBug) {
  EXPECT_EXIT(
      {
        prepare();
        run_without_catching([] { throw std::bad_alloc(); });
      },
      testing::ExitedWithCode(5), "error: memory ran out");
  EXPECT_EQ(reports(), "");
}

} // namespace
} // namespace striate
