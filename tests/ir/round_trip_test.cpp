// For random modules: what is printed parses, and prints as the same text.
#include "ir/graph/parse.h"
#include "ir/kernel/parse.h"
#include "tests/ir/random_ir.h"

#include "ir/text_reader.h"
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace striate {
namespace {

template <typename Module, typename Parse>
void expect_round_trip(const Module& module, uint64_t seed, const Parse& parse) {
  const std::vector<std::string> problems = verify(module);
  ASSERT_TRUE(problems.empty()) << "seed " << seed << ": " << problems[0] << "\n" << print(module);
  const std::string text = print(module);
  const auto again = parse(text);
  ASSERT_TRUE(again.ok()) << "seed " << seed << ": " << again.failure().message << "\n" << text;
  ASSERT_EQ(print(*again), text) << "seed " << seed;
}

// Three graphs for each program of kernels.
void expect_round_trips(uint64_t first, uint64_t count) {
  for (uint64_t seed = first; seed < first + count && !testing::Test::HasFatalFailure(); ++seed) {
    if (seed % 4 == 0)
      expect_round_trip(random_program(seed), seed,
                        [](const std::string& text) { return parse_program(text); });
    else
      expect_round_trip(random_graph(seed), seed, [](const std::string& text) { return parse_graph(text); });
  }
}

std::string text_of_file(const std::filesystem::path& file) {
  std::ifstream stream(file);
  return {std::istreambuf_iterator<char>(stream), {}};
}

// Each `.sir` of the tests; those in folders called `inputs` are as the printer writes them.
TEST(RoundTrip, FilesOfTheTests) {
  int files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(STRIATE_TESTS)) {
    if (entry.path().extension() != ".sir") continue;
    const std::string text = text_of_file(entry.path()), name = entry.path().filename().string();
    const auto check = [&](const auto& parse) {
      const auto parsed = parse(text);
      ASSERT_TRUE(parsed.ok()) << parsed.failure().message;
      const std::string printed = print(*parsed);
      const auto again = parse(printed);
      ASSERT_TRUE(again.ok()) << again.failure().message;
      EXPECT_EQ(print(*again), printed) << name;
      if (entry.path().parent_path().filename() == "inputs") {
        EXPECT_EQ(printed, text) << name;
      }
    };
    ++files;
    if (TextReader(text, name).next_is("program"))
      check([&](const std::string& from) { return parse_program(from, name); });
    else
      check([&](const std::string& from) { return parse_graph(from, name); });
  }
  EXPECT_GE(files, 7);
}

TEST(RoundTrip, RandomModules) { expect_round_trips(1, 4000); }
TEST(RoundTripFull, RandomModules) { expect_round_trips(1, 100000); }

// STRIATE_SEEDS=FIRST:COUNT runs so many others.
TEST(RoundTripOnDemandFull, RandomModules) {
  const char* const wanted = std::getenv("STRIATE_SEEDS");
  if (!wanted) GTEST_SKIP() << "STRIATE_SEEDS=FIRST:COUNT is not set";
  unsigned long long first = 0, count = 0;
  ASSERT_EQ(std::sscanf(wanted, "%llu:%llu", &first, &count), 2) << "STRIATE_SEEDS is FIRST:COUNT";
  expect_round_trips(first, count);
}

} // namespace
} // namespace striate
