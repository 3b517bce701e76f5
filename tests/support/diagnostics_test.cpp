// How errors are shown, sorted, limited and completed by suggestions.
#include "support/diagnostics.h"

#include <gtest/gtest.h>

namespace striate {

static SourceLocation place(int line, int column, int length = 1) { return {"a.nn", line, column, length}; }

TEST(Diagnostics, ShowsTheLineTheRangeAndTheRemarks) {
  Diagnostics diagnostics;
  diagnostics.add_source("a.nn", "first\nmodel M {\n\ty = relux(x)\r\n}\n");
  diagnostics.error(Diagnostic::UnexpectedToken, place(3, 6, 5), "nothing is called `{}` here", "relux")
      .note("the operators are {}", "relu, tanh")
      .note_at(place(2, 9), "in this block")
      .help("did you mean `{}`?", "relu");
  EXPECT_EQ(diagnostics.render(), R"(error[E0102]: nothing is called `relux` here
 --> a.nn:3:6
  |
3 |     y = relux(x)
  |         ^^^^^
  = note: the operators are relu, tanh
note: in this block
 --> a.nn:2:9
  |
2 | model M {
  |         ^
  = help: did you mean `relu`?
)");
}

TEST(Diagnostics, SortsByPlaceAndLimits) {
  Diagnostics diagnostics;
  for (int line : {12, 3, 7, 5})
    diagnostics.error(Diagnostic::UnexpectedToken, place(line, 1), "error {}", line);
  diagnostics.error(Diagnostic::UnexpectedToken, {}, "nowhere");
  EXPECT_EQ(diagnostics.render(false, 2),
            "error[E0102]: error 3\n --> a.nn:3:1\n\nerror[E0102]: error 5\n --> a.nn:5:1\n\n"
            "3 more errors not shown\n");
  EXPECT_NE(diagnostics.render().find("error 12\n  --> a.nn:12:1\n\nerror[E0102]: nowhere\n"),
            std::string::npos);
}

TEST(Diagnostics, SaysNothingTwiceAtOnePlace) {
  Diagnostics diagnostics;
  diagnostics.error(Diagnostic::UnexpectedToken, place(1, 1), "first");
  diagnostics.error(Diagnostic::BadNumber, place(1, 1), "second").note("lost");
  diagnostics.error(Diagnostic::BadNumber, place(1, 2), "third");
  EXPECT_EQ(diagnostics.error_count(), 2u);
  EXPECT_EQ(diagnostics.render().find("second"), std::string::npos);
  EXPECT_EQ(diagnostics.render().find("lost"), std::string::npos);
}

TEST(Diagnostics, KeepsTheReferenceToEarlierMessages) {
  Diagnostics diagnostics;
  DiagnosticMessage& first = diagnostics.error(Diagnostic::UnexpectedToken, place(1, 1), "first");
  for (int i = 2; i < 500; ++i) diagnostics.error(Diagnostic::UnexpectedToken, place(i, 1), "later");
  first.note("added afterwards");
  EXPECT_NE(diagnostics.render().find("added afterwards"), std::string::npos);
}

TEST(Diagnostics, MarksCharactersNotBytes) {
  Diagnostics diagnostics;
  diagnostics.add_source("a.nn", "\"\xC3\xA9\xE2\x86\x92\" $");
  diagnostics.error(Diagnostic::UnexpectedCharacter, place(1, 9), "here");
  EXPECT_NE(diagnostics.render().find("\n  |      ^\n"), std::string::npos) << diagnostics.render();
}

TEST(Diagnostics, LetsNoControlCodesThrough) {
  Diagnostics diagnostics;
  diagnostics.add_source("a.nn", "a\033[2J\xC2\x9B\xFF\x07 b");
  diagnostics.error(Diagnostic::UnexpectedCharacter, place(1, 2), "here");
  EXPECT_NE(diagnostics.render().find("1 | a?[2J??? b\n"), std::string::npos) << diagnostics.render();
}

TEST(Diagnostics, CutsLongLinesRoundTheRange) {
  Diagnostics diagnostics;
  diagnostics.add_source("a.nn", std::string(5000, 'x') + "HERE" + std::string(5000, 'y'));
  diagnostics.error(Diagnostic::UnexpectedToken, place(1, 5001, 4), "here");
  const std::string text = diagnostics.render();
  EXPECT_LT(text.size(), 400u);
  const std::size_t shown = text.find("HERE"), caret = text.find("^^^^");
  ASSERT_NE(shown, std::string::npos);
  ASSERT_NE(caret, std::string::npos);
  EXPECT_EQ(shown - text.rfind('\n', shown), caret - text.rfind('\n', caret));
}

TEST(Diagnostics, PlacesOutsideOfTheTextDoNoHarm) {
  Diagnostics diagnostics;
  diagnostics.add_source("a.nn", "one line");
  diagnostics.error(Diagnostic::UnexpectedToken, place(1, 900, 900), "past the line");
  diagnostics.error(Diagnostic::UnexpectedToken, place(90, 1), "past the text");
  EXPECT_NE(diagnostics.render().find("past the text\n  --> a.nn:90:1\n"), std::string::npos)
      << diagnostics.render();
}

TEST(Diagnostics, ColorsOnRequest) {
  Diagnostics diagnostics;
  diagnostics.error(Diagnostic::UnexpectedToken, place(1, 1), "here");
  EXPECT_EQ(diagnostics.render(false).find('\033'), std::string::npos);
  EXPECT_NE(diagnostics.render(true).find("\033[1;31merror[E0102]"), std::string::npos);
}

TEST(Diagnostics, KnowsCodesAndTitles) {
  EXPECT_STREQ(diagnostic_code(Diagnostic::Unclosed), "E0103");
  EXPECT_STREQ(diagnostic_title(Diagnostic::Unclosed), "a bracket or string that is never closed");
}

TEST(NearestName, FindsTyposOnly) {
  const std::vector<std::string> names = {"relu", "gelu", "model", "max_pool2d", "Linear", "conv2d", "n"};
  EXPECT_EQ(nearest_name("rleu", names), "relu");
  EXPECT_EQ(nearest_name("modle", names), "model");
  EXPECT_EQ(nearest_name("maxpool2d", names), "max_pool2d");
  EXPECT_EQ(nearest_name("linear", names), "Linear");
  EXPECT_EQ(nearest_name("CONV2D", names), "conv2d");
  EXPECT_EQ(nearest_name("max_pol2", names), "max_pool2d");
  EXPECT_EQ(nearest_name("softmax", names), "");
  EXPECT_EQ(nearest_name("relu", {"relu"}), "");
  EXPECT_EQ(nearest_name("m", names), "");
  EXPECT_EQ(nearest_name("N", names), "n");
  EXPECT_EQ(nearest_name("", names), "");
}

} // namespace striate
