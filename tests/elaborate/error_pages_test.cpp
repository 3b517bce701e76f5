// docs/errors has a page for every code: its wrong example gives the code, and its right one gives nothing.
#include "tests/elaborate/elaborated.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

namespace striate {
namespace {

// Whose examples are not looked at here: two would be enormous, E0504 needs --mem
// (tests/end_to_end/memory_test.py), and E0307 the derivative
// (tests/end_to_end/wrong/wrong_gradient.nn).
const std::set<std::string> kNotHere = {"E0106", "E0111", "E0307", "E0504"};

std::string page_of(const std::string& code) {
  std::ifstream file(STRIATE_DOCS "/errors/" + code + ".md");
  return {std::istreambuf_iterator<char>(file), {}};
}

// The text between "```FENCE\n" and "```"; "" where there is none.
std::string example(const std::string& page, const std::string& fence) {
  const std::string opening = "```" + fence + "\n";
  const std::size_t at = page.find(opening);
  if (at == std::string::npos) return "";
  const std::size_t begin = at + opening.size();
  return page.substr(begin, page.find("```", begin) - begin);
}

std::string codes_of(const std::string& text) {
  Elaborated result;
  ElaborateOptions options; // the data of the examples: pictures of 8 x 8 and labels
  options.column_type = [](const DataDescription&, int column) -> std::optional<ColumnType> {
    if (column == 0) return ColumnType{ElementType::U8, {8, 8}};
    return ColumnType{ElementType::U8, {}};
  };
  elaborate_text(text, result, options);
  std::set<std::string> codes;
  for (const DiagnosticMessage& message : result.diagnostics.messages())
    codes.insert(diagnostic_code(message.kind));
  return fmt::format("{}", fmt::join(codes, " "));
}

TEST(ErrorPages, EveryCodeHasOneWithExamplesThatHold) {
  const std::vector<std::pair<std::string, std::string>> all = {
#define DIAGNOSTIC(kind, code, title) {code, title},
#include "support/diagnostic_list.def"
#undef DIAGNOSTIC
  };
  for (const auto& [code, title] : all) {
    const std::string page = page_of(code);
    EXPECT_EQ(page.substr(0, page.find('\n')), "# " + code + ": " + title);
    if (kNotHere.count(code)) continue;
    const std::string wrong = example(page, "nn wrong"), right = example(page, "nn");
    EXPECT_FALSE(wrong.empty() || right.empty()) << code;
    EXPECT_EQ(codes_of(wrong), code) << wrong;
    EXPECT_EQ(codes_of(right), "") << right;
  }
}

TEST(ErrorPages, NoneIsLeftOver) {
  for (const auto& entry : std::filesystem::directory_iterator(STRIATE_DOCS "/errors")) {
    bool known = false;
#define DIAGNOSTIC(kind, code, title) known = known || entry.path().stem() == code;
#include "support/diagnostic_list.def"
#undef DIAGNOSTIC
    EXPECT_TRUE(known) << entry.path();
  }
}

} // namespace
} // namespace striate
