// Wrong texts and what is said about them: the kind, the place, the words, and how many errors there are in
// all (an error must not be followed by others that only follow from it).
#include "frontend/parser.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace striate {

struct Wrong {
  const char* name;
  const char* text; // the error is where `@@` stands, which is taken out
  Diagnostic kind;
  const char* message;
  const char* remark = ""; // part of some note or help
  std::size_t errors = 1;
};

static void PrintTo(const Wrong& wrong, std::ostream* out) { *out << wrong.name; }

class SyntaxError : public testing::TestWithParam<Wrong> {};

TEST_P(SyntaxError, IsReportedOnceAndWell) {
  const Wrong& wrong = GetParam();
  std::string text = wrong.text;
  const std::size_t mark = text.find("@@");
  ASSERT_NE(mark, std::string::npos);
  text.erase(mark, 2);
  const int line =
      1 + static_cast<int>(std::count(text.begin(), text.begin() + static_cast<long>(mark), '\n'));
  const std::size_t line_begin = mark == 0 ? std::string::npos : text.rfind('\n', mark - 1);
  const int column = static_cast<int>(mark - (line_begin == std::string::npos ? 0 : line_begin + 1)) + 1;

  Diagnostics diagnostics;
  parse("wrong.nn", text, diagnostics);
  const std::string rendered = diagnostics.render();
  EXPECT_EQ(diagnostics.error_count(), wrong.errors) << rendered;
  bool found = false;
  for (const DiagnosticMessage& message : diagnostics.messages()) {
    if (message.location.line != line || message.location.column != column) continue;
    found = true;
    EXPECT_EQ(message.kind, wrong.kind) << rendered;
    EXPECT_NE(message.text.find(wrong.message), std::string::npos) << rendered;
    bool remarked = *wrong.remark == '\0';
    for (const DiagnosticMessage::Remark& remark : message.remarks)
      remarked = remarked || remark.text.find(wrong.remark) != std::string::npos;
    EXPECT_TRUE(remarked) << wrong.remark << "\n" << rendered;
  }
  EXPECT_TRUE(found) << "no error at " << line << ":" << column << "\n" << rendered;
}

static const Wrong kWrong[] = {
    // Brackets and strings
    {"UnclosedParenthesis", "model M {\n    y = f@@(a, b\n    z = 3\n    output o = z\n}",
     Diagnostic::Unclosed, "this `(` is never closed", "a new statement begins here"},
    {"UnclosedBracketInside", "model M {\n y = f(a, @@[b, c)\n}", Diagnostic::Unclosed,
     "this `[` is never closed", "closes something further out"},
    {"UnclosedBlock", "model M {\n    y = if c @@{\n        x\n    z = 3\n}\nmodel K { output y = 1 }",
     Diagnostic::Unclosed, "this `{` is never closed", "belongs to a block further out"},
    {"UnclosedModel", "model M {\n    y = 3@@\nmodel K { output y = 1 }", Diagnostic::Unclosed,
     "a `}` is missing here", "this `{` is never closed"},
    {"UnclosedAtTheEnd", "model M {\n    output y = x@@", Diagnostic::Unclosed, "a `}` is missing here"},
    {"UnclosedDimensions", "op f(x[N]; p: real) -> y@@[N { y[n] = x[n] }", Diagnostic::Unclosed,
     "this `[` is never closed", "a block begins here"},
    {"UnclosedCallBeforeBrace", "op f(x[..]) -> y[..] { y[..] = max@@(x[..], 0 }", Diagnostic::Unclosed,
     "this `(` is never closed"},
    {"UnclosedString", "model M { y = f(@@\"abc) }\n}", Diagnostic::Unclosed, "this string is never closed",
     "ends on the line"},
    {"StrayParenthesis", "model M {\n y = f(a)@@)\n z = 3\n}", Diagnostic::Unmatched, "`)` closes nothing"},
    {"WrongBracket", "model M {\n y = f(a@@]\n z = 3\n}", Diagnostic::Unmatched, "`]` does not close `(`",
     "write `)`"},
    {"StrayBrace", "model M { y = 3 }\n@@}\nmodel K { }", Diagnostic::Unmatched, "`}` closes nothing"},
    // Characters and numbers
    {"StrayCharacter", "model M { y = @@$x }", Diagnostic::UnexpectedCharacter,
     "the language does not use `$`"},
    {"QuestionMark", "model M { y = a @@? b : c\n z = 3 }", Diagnostic::UnexpectedCharacter,
     "does not use `?`", "if condition"},
    {"AccentedName", "model M {\n @@\xC3\xA9tat = 3\n}", Diagnostic::UnexpectedCharacter,
     "does not use `\xC3\xA9tat`", "names are made of"},
    {"NoText", "model M { @@\xFF\xFE\x01 }", Diagnostic::UnexpectedCharacter, "the byte `\\xff` is no text",
     "UTF-8"},
    {"Escape", "use \"a@@\\q\"", Diagnostic::UnexpectedCharacter, "`\\q` is no escape"},
    {"NumberSuffix", "model M { y = @@1.0f }", Diagnostic::BadNumber, "`1.0f` is not a number",
     "write `1.0`"},
    {"NumberWithoutZero", "model M { y = @@.5 }", Diagnostic::BadNumber, "begins with a digit",
     "write `0.5`"},
    {"NumberWithTwoDots", "model M { y = @@1.2.3 }", Diagnostic::BadNumber, "`1.2.3` is not a number"},
    {"IntegerTooLarge", "model M { y = @@99999999999999999999 }", Diagnostic::BadNumber, "too large",
     "99999999999999999999.0"},
    {"RealTooLarge", "model M { y = @@1e999 }", Diagnostic::BadNumber, "out of the range"},
    // Something else was expected
    {"ItemTypo", "@@modle LeNet {\n input x: f32[N]\n}", Diagnostic::UnexpectedToken,
     "no item begins with `modle`", "did you mean `model`?"},
    {"StatementOutside", "@@x = 3\ny = 4\nmodel M { }", Diagnostic::UnexpectedToken, "expected `op`, `layer`",
     "a file is made of these"},
    {"StatementTypo", "layer L(x[N]) {\n @@retrun x\n}", Diagnostic::UnexpectedToken,
     "no statement begins with `retrun`", "did you mean `return`?"},
    {"MissingComma", "model M { y = f(a @@b)\n z = 3 }", Diagnostic::UnexpectedToken,
     "expected `,` or `)`, found `b`"},
    {"MissingCommaOverLines", "model M {\n    y = f(a = 3\n      @@b = 4)\n z = 3 }",
     Diagnostic::UnexpectedToken, "expected `,` or `)`, found `b`"},
    {"MissingValue", "model M {\n y =@@\n z = 3\n}", Diagnostic::UnexpectedToken,
     "expected a value, found the end of the line"},
    {"MissingParentheses", "model M {\n y = relu @@x\n z = 3\n}", Diagnostic::UnexpectedToken,
     "expected a new line or `;`", "a call has parentheses, `relu(x)`"},
    {"MissingArrow", "op f(x[N]) @@{ y[n] = x[n] }", Diagnostic::UnexpectedToken,
     "expected `->` after the inputs"},
    {"MissingWith", "train M @@{ epochs = 3 }", Diagnostic::UnexpectedToken, "expected `with`",
     "train M with DATA"},
    {"ElseOutsideParentheses", "op f(x[N]) -> y[N] { y[n] = x[n] @@else 0 }", Diagnostic::UnexpectedToken,
     "stand in parentheses", "(x[i] else 0)"},
    {"ElseOfNoRead", "op f(x[N]) -> y[N] { y[n] = (@@x[n] + 1 else 0) }", Diagnostic::UnexpectedToken,
     "only a read"},
    {"LonelyElse", "model M {\n @@else { x }\n}", Diagnostic::UnexpectedToken, "`else` without an `if`"},
    {"ChainedComparison", "model M { y = if 1 < a @@< 3 { x } else { z } }", Diagnostic::UnexpectedToken,
     "do not chain", "a < b and b < c"},
    {"PipelineInSum", "model M { y = x -> f @@+ 3 }", Diagnostic::UnexpectedToken, "expected `->`",
     "in parentheses"},
    {"NumberAsStage", "model M { y = x -> @@3 }", Diagnostic::UnexpectedToken, "cannot stand after `->`"},
    {"ReductionOfValues", "op f(x[N]) -> y[N] { y[n] = sum(x@@[n]) }", Diagnostic::UnexpectedToken,
     "expected `,`, `:` or `)`", "names the indices"},
    {"GroupInSum", "op f(x[N]) -> y[N] { y[n] = x[@@(a b) + 1] }", Diagnostic::UnexpectedToken,
     "a whole dimension"},
    {"AttributesAsInputs", "layer L(@@channels: int) { return 3 }", Diagnostic::UnexpectedToken,
     "`L` has no inputs", "second"},
    {"PathEndsInDot", "model M { y = x as a. @@-> f }", Diagnostic::UnexpectedToken,
     "expected a name after `.`"},
    // Reserved words, wrong places, wrong targets, types
    {"ReservedParameter", "layer L(@@if: int) (x[N]) { return x }", Diagnostic::ReservedWord,
     "`if` is a reserved word"},
    {"ReservedTarget", "model M {\n @@where = 3\n}", Diagnostic::ReservedWord, "`where` is a reserved word"},
    {"ReturnInModel", "model M {\n @@return y\n}", Diagnostic::Misplaced,
     "`return` belongs in a `layer` or a `schedule`, not in a `model`", "output name = ..."},
    {"InputInData", "data d {\n @@input x\n}", Diagnostic::Misplaced, "`input` belongs in a `model`"},
    {"UnusedValue", "model M {\n @@relu(x)\n output y = x\n}", Diagnostic::Misplaced,
     "this value is not used", "output name = ..."},
    {"UnusedValueInBlock", "layer L(x[N]) {\n return if a { @@relu(x)\n x } else { x }\n}",
     Diagnostic::Misplaced, "this value is not used", "last statement"},
    {"AssignToMember", "model M {\n @@self.conv = Conv2d(1, 2)\n}", Diagnostic::BadTarget,
     "cannot be assigned", "`conv = ...`"},
    {"CallOfSum", "model M { y = (a + b)@@(c) }", Diagnostic::BadTarget, "only a name can be called",
     "a product"},
    {"ReadTwice", "op f(x[N, C]) -> y[N, C] { y[n, c] = x[n]@@[c] }", Diagnostic::BadTarget,
     "one pair of brackets", "x[i, j]"},
    {"Type", "model M { input x: @@float[N] }", Diagnostic::NotAType, "`float` is not a type",
     "did you mean `f32`?"},
    {"Version", "striate @@2\nmodel M { }", Diagnostic::UnsupportedVersion,
     "version 1 of the language, not 2"},
    // Other languages
    {"Def", "@@def f(x):\n    return x\nmodel M { }", Diagnostic::ForeignSyntax, "there is no `def`",
     "write `op NAME"},
    {"ColonBlock", "model M@@:\n    input x\nmodel K { }", Diagnostic::UnexpectedToken,
     "expected `{`, found `:`", "in braces"},
    {"For", "model M {\n @@for i in range(3):\n}", Diagnostic::ForeignSyntax, "there is no `for`",
     "repeat i in 0..3"},
    {"Lambda", "model M { y = @@lambda x: x\n z = 3 }", Diagnostic::ForeignSyntax, "there is no `lambda`"},
    {"Ampersands", "model M { y = if a @@&& b { x } else { z } }", Diagnostic::ForeignSyntax,
     "does not use `&&`", "write `and`"},
    {"PythonConditional", "model M { y = a @@if c else b\n z = 3 }", Diagnostic::ForeignSyntax,
     "the condition comes before"},
    {"PythonTrue", "model M { y = @@True }", Diagnostic::ForeignSyntax, "there is no `True`", "write `true`"},
    {"NumpyWhere", "model M { y = @@where(a, b, c)\n}", Diagnostic::ForeignSyntax,
     "`where` states a condition", "select("},
    {"AugmentedAssignment", "model M {\n u +@@= 3\n}", Diagnostic::UnexpectedToken,
     "expected a value, found `=`", "a = a + ..."},
    {"SingleQuotes", "use @@'a.nn'", Diagnostic::ForeignSyntax, "in double quotes", "\"a.nn\""},
    {"Slice", "model M { y = x[1@@:3] }", Diagnostic::ForeignSyntax, "there are no slices"},
    {"SlashComment", "model M {\n y = 3\n @@// a comment with (brackets\n) z = 3 }",
     Diagnostic::ForeignSyntax, "a comment begins with `#`"},
    {"StarComment", "@@/* a\n comment */ model M { }", Diagnostic::ForeignSyntax, "does not use `/*`",
     "begins with `#`"},
    {"UnicodeArrow", "model M { y = x @@\xE2\x86\x92 relu }", Diagnostic::ForeignSyntax, "does not use",
     "write `->`"},
};

INSTANTIATE_TEST_SUITE_P(Texts, SyntaxError, testing::ValuesIn(kWrong),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(SyntaxErrors, IndependentErrorsAreAllReported) {
  Diagnostics diagnostics;
  parse("several.nn", R"(
op f(x[N]) -> y[N] { y[n] = x[n] + }
layer L(n: int) (x[N]) {
    a = f(x y)
    b = Conv2d(3, 4
    return a b
}
model M {
    output o = if c { 3 + } else { f(,) }
    q = [1, 2
    r = 2 *
}
)",
        diagnostics);
  std::vector<int> lines;
  for (const DiagnosticMessage& message : diagnostics.messages()) lines.push_back(message.location.line);
  std::sort(lines.begin(), lines.end());
  EXPECT_EQ(lines, (std::vector<int>{2, 4, 5, 6, 9, 9, 10, 11})) << diagnostics.render();
}

TEST(SyntaxErrors, AWrongHeadDoesNotHideTheBody) {
  Diagnostics diagnostics;
  parse("head.nn", "op f(x[N] x) -> y[N] {\n  y[n] = 3 +\n}\nmodel M { y = ) }\n", diagnostics);
  EXPECT_EQ(diagnostics.error_count(), 4u) << diagnostics.render();
}

} // namespace striate
