// Modules that break one rule for certain are refused, and the message says where and about what.
#include "ir/graph/parse.h"
#include "ir/kernel/parse.h"
#include "tests/ir/random_ir.h"
#include "tests/ir/spoil.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

namespace striate {
namespace {

// The line that a message "m.sir:12: ..." names; 0: none.
int64_t line_in(const std::string& message) {
  if (!message.starts_with("m.sir:")) return 0;
  return std::atoll(message.c_str() + std::string("m.sir:").size());
}

// As a word of its own, or between characters that no name begins with.
bool names(const std::string& message, const std::string& name) {
  const auto inside = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; };
  for (std::size_t at = message.find(name); at != std::string::npos; at = message.find(name, at + 1)) {
    const std::size_t end = at + name.size();
    // A definition's number follows its name.
    if ((at == 0 || !inside(message[at - 1])) && (end == message.size() || !inside(message[end])))
      return true;
  }
  return false;
}

void expect_refusal(const Spoiled& spoiled, const std::string& message, uint64_t seed) {
  const std::string what = "seed " + std::to_string(seed) + ", " + spoiled.rule + ": " + message;
  ASSERT_FALSE(message.empty()) << what << "\n" << spoiled.text;
  const int64_t lines = std::count(spoiled.text.begin(), spoiled.text.end(), '\n');
  ASSERT_TRUE(line_in(message) >= 1 && line_in(message) <= lines + 1) << what;
  ASSERT_TRUE(
      std::ranges::any_of(spoiled.names, [&](const std::string& name) { return names(message, name); }))
      << what << "\n"
      << spoiled.text;
}

std::string refusal(const std::string& text, bool program) {
  if (program) {
    const auto parsed = parse_program(text, "m.sir");
    return parsed.ok() ? "" : parsed.failure().message;
  }
  const auto parsed = parse_graph(text, "m.sir");
  return parsed.ok() ? "" : parsed.failure().message;
}

// As many refusals as asked for; every rule has its turn.
void expect_refusals(int count) {
  std::map<std::string, int> rules;
  int refused = 0;
  for (uint64_t seed = 1; refused < count && !testing::Test::HasFatalFailure(); ++seed) {
    Draw draw(seed);
    const bool program = seed % 3 == 0;
    const std::optional<Spoiled> spoiled =
        program ? spoil(random_program(seed), draw) : spoil(random_graph(seed), draw);
    if (!spoiled) continue;
    expect_refusal(*spoiled, refusal(spoiled->text, program), seed);
    ++rules[spoiled->rule];
    ++refused;
  }
  constexpr std::size_t kRules = 62; // names of rules of graphs and of programs; some are the same
  EXPECT_GE(rules.size(), kRules) << "some rules are never broken";
}

TEST(InvalidModules, AreRefused) { expect_refusals(10000); }

} // namespace
} // namespace striate
