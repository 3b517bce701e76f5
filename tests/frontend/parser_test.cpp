// The parser reads the whole language, the printer's text parses back to the same tree, and no text crashes
// either.
#include "frontend/parser.h"

#include "examples.h"
#include "frontend/print_ast.h"
#include "frontend/standard_library.h"
#include "tree_text.h"

#include <gtest/gtest.h>

#include <random>

namespace striate {

using ast::ExprKind;
using ast::ItemKind;
using ast::StmtKind;

static ast::File parsed(const std::string& text) {
  Diagnostics diagnostics;
  ast::File file = parse("test.nn", text, diagnostics);
  EXPECT_FALSE(diagnostics.has_errors()) << diagnostics.render() << text;
  return file;
}

// The value of `y[i] = TEXT` in an op, fully bracketed by the printer's rules undone: see tree_text.
static ast::ExprPtr in_op(const std::string& text) {
  const ast::File file = parsed("op f(x[N]) -> y[N] {\n y[i] = " + text + "\n}\n");
  if (file.items.empty() || file.items[0].body->statements.empty()) return nullptr;
  return file.items[0].body->statements[0].value;
}

static bool same_in_op(const std::string& a, const std::string& b) {
  const ast::ExprPtr left = in_op(a), right = in_op(b);
  return left && right && tree_text(*left) == tree_text(*right);
}

TEST(Parser, ReadsTheExamplesAndPrintsThemBack) {
  for (const std::string& text : examples::all()) {
    const ast::File file = parsed(text);
    const std::string printed = print_ast(file);
    const ast::File again = parsed(printed);
    EXPECT_EQ(tree_text(file), tree_text(again)) << printed;
    EXPECT_EQ(printed, print_ast(again));
  }
}

TEST(Parser, ReadsTheStandardLibraryAndPrintsItBack) {
  for (const StandardFile& library : standard_library()) {
    const ast::File file = parsed(library.text);
    const std::string printed = print_ast(file);
    const ast::File again = parsed(printed);
    EXPECT_EQ(tree_text(file), tree_text(again)) << library.name << printed;
    EXPECT_EQ(printed, print_ast(again));
  }
}

TEST(Parser, SeesWhatTheExamplesSay) {
  const ast::File file = parsed(examples::kLeNet);
  ASSERT_EQ(file.items.size(), 3u);
  const ast::Item& model = file.items[0];
  EXPECT_EQ(model.kind, ItemKind::Model);
  EXPECT_EQ(model.attributes[0].default_value->integer, 10);
  ASSERT_EQ(model.body->statements.size(), 3u);
  EXPECT_EQ(model.body->statements[0].parameter.type.dimensions.size(), 4u);
  const ast::Expr& features = *model.body->statements[1].value;
  ASSERT_EQ(features.kind, ExprKind::Pipe);
  ASSERT_EQ(features.operands.size(), 7u);
  EXPECT_EQ(features.operands[1]->kind, ExprKind::As);
  EXPECT_EQ(features.operands[1]->path[0].text, "conv1");
  EXPECT_EQ(features.operands[4]->location.line, 5);
  EXPECT_EQ(features.operands[4]->location.column, 25);
  EXPECT_EQ(features.operands[4]->location.length, 22);

  const ast::Block& data = *file.items[1].body;
  ASSERT_EQ(data.statements.size(), 4u);
  EXPECT_EQ(data.statements[0].kind, StmtKind::Split);
  EXPECT_EQ(data.statements[0].targets[0]->text, "train");
  EXPECT_EQ(data.statements[2].value->operands[1]->kind, ExprKind::When);

  const ast::Item& train = file.items[2];
  EXPECT_EQ(train.name, "LeNet");
  EXPECT_EQ(train.with->text, "mnist");
  ASSERT_EQ(train.body->statements.size(), 7u);
  EXPECT_EQ(train.body->statements[2].value->arguments[2].name, "weight_decay");
  EXPECT_DOUBLE_EQ(train.body->statements[2].value->arguments[2].value->real, 5e-4);
  EXPECT_EQ(train.body->statements[5].targets[0]->text, "seed");
  EXPECT_EQ(train.body->statements[6].kind, StmtKind::Value);
}

TEST(Parser, SeesWhatTheLibrarySays) {
  const ast::File file = parsed(examples::kLibrary);
  ASSERT_EQ(file.items.size(), 9u);
  const ast::Item& conv2d = file.items[1];
  EXPECT_EQ(conv2d.inputs[0].type.dimensions[1]->kind, ExprKind::Group);
  EXPECT_EQ(conv2d.attributes[3].name, "groups");
  EXPECT_EQ(conv2d.attributes[3].size_name, "G");
  EXPECT_EQ(conv2d.outputs[0].type.dimensions.size(), 4u);
  const ast::Stmt& statement = conv2d.body->statements[0];
  EXPECT_EQ(statement.targets[0]->kind, ExprKind::Read);
  ASSERT_EQ(statement.value->kind, ExprKind::Reduce);
  EXPECT_EQ(statement.value->indices.size(), 3u);
  EXPECT_EQ(statement.value->operands[0]->operands[1]->kind, ExprKind::Guarded);
  const ast::Expr& pool = *file.items[2].body->statements[0].value;
  EXPECT_EQ(pool.text, "max");
  EXPECT_EQ(pool.indices[1].name, "s");
  EXPECT_EQ(pool.indices[1].range->kind, ExprKind::Read);
  EXPECT_EQ(file.items[0].body->statements[0].value->kind, ExprKind::Call);
  const ast::Expr& result = *file.items[6].body->statements[3].value;
  EXPECT_EQ(result.block->statements[0].kind, StmtKind::Param);
  EXPECT_EQ(result.block->statements[1].kind, StmtKind::Value);
}

TEST(Parser, KeepsDocumentation) {
  const ast::File file = parsed(examples::kEverything);
  EXPECT_EQ(file.items[2].documentation, "Top-1 accuracy.\n\nOne value per example.");
  EXPECT_EQ(file.items[3].documentation, "");
}

TEST(Parser, OperatorsBindAsInMathematics) {
  EXPECT_TRUE(same_in_op("a + b*c - d", "(a + (b*c)) - d"));
  EXPECT_TRUE(same_in_op("a // b * c % d", "((a // b)*c) % d"));
  EXPECT_TRUE(same_in_op("-a**2", "-(a**2)"));
  EXPECT_TRUE(same_in_op("a**b**c", "a**(b**c)"));
  EXPECT_TRUE(same_in_op("-a*b", "(-a)*b"));
  EXPECT_TRUE(same_in_op("a or b and not c < d + 1", "a or (b and (not (c < (d + 1))))"));
  EXPECT_FALSE(same_in_op("a - b - c", "a - (b - c)"));
  EXPECT_TRUE(same_in_op("1 -\n  2", "1\n - 2"));
}

TEST(Parser, AReductionGoesOnOverTheProduct) {
  EXPECT_TRUE(same_in_op("sum(c) a[c]*b[c] + d", "(sum(c) (a[c]*b[c])) + d"));
  EXPECT_TRUE(same_in_op("2*sum(c) a[c]/z - 1", "(2*(sum(c) (a[c]/z))) - 1"));
  EXPECT_TRUE(same_in_op("sum(c) -x[c]", "sum(c) (-x[c])"));
  EXPECT_FALSE(same_in_op("(sum(c) a[c])*b", "sum(c) a[c]*b"));
  EXPECT_TRUE(same_in_op("sum(a) max(b) x[a, b] < 1", "(sum(a) (max(b) x[a, b])) < 1"));
}

TEST(Parser, MaxIsAFunctionOrAReduction) {
  EXPECT_EQ(in_op("max(a, b)")->kind, ExprKind::Call);
  EXPECT_EQ(in_op("max(x[c], 0)")->kind, ExprKind::Call);
  EXPECT_EQ(in_op("max(a, b) + c")->kind, ExprKind::Binary);
  EXPECT_EQ(in_op("max(a, b) x[a, b]")->kind, ExprKind::Reduce);
  EXPECT_EQ(in_op("max(a, b)\n   (x[a, b] else 0)")->kind, ExprKind::Reduce);
  EXPECT_EQ(in_op("max(a)\n   x[a]")->kind, ExprKind::Reduce);
  EXPECT_EQ(in_op("min(a: 3)\n   x[a]")->kind, ExprKind::Reduce);
}

TEST(Parser, ReducersAreOrdinaryNamesOutsideOfIndexNotation) {
  const ast::File file = parsed("layer L(x[N, C]) { return sum(x, axis = 1) }");
  EXPECT_EQ(file.items[0].body->statements[0].value->kind, ExprKind::Call);
}

TEST(Parser, PathsTakeNumbersAndExpressions) {
  const ast::File file =
      parsed("model M { y = x -> F as layer{i}.0.1.conv -> G as {a}.{b}5.0 -> H as 0.weight }");
  const ast::Expr& pipe = *file.items[0].body->statements[0].value;
  ASSERT_EQ(pipe.operands.size(), 4u);
  EXPECT_EQ(pipe.operands[1]->path[0].text, "layer");
  EXPECT_EQ(pipe.operands[1]->path[1].value->text, "i");
  EXPECT_EQ(pipe.operands[1]->path[2].text, ".0.1.conv");
  EXPECT_EQ(pipe.operands[2]->path.back().text, "5.0");
  EXPECT_EQ(pipe.operands[3]->path[0].text, "0.weight");
}

TEST(Parser, NamesInTrainMayBeComputed) {
  const ast::File file =
      parsed("train M with d {\n"
             "    repeat i in 0..2 {\n"
             "        phase p{i} { loss = e{i + 1}; freeze layer{i}.0, b.c; optimizer a.{i} = S }\n"
             "    }\n"
             "}\n");
  const ast::Stmt& phase = file.items[0].body->statements[0].value->block->statements[0];
  EXPECT_EQ(phase.kind, ast::StmtKind::Phase);
  ASSERT_EQ(phase.targets[0]->kind, ExprKind::Path);
  EXPECT_EQ(phase.targets[0]->path[0].text, "p");
  const std::vector<ast::Stmt>& statements = phase.block->statements;
  ASSERT_EQ(statements.size(), 3u);
  EXPECT_EQ(statements[0].value->kind, ExprKind::Path);
  EXPECT_EQ(print_expr(*statements[1].targets[0]), "layer{i}.0") << "a reserved word is one here";
  EXPECT_EQ(statements[1].targets[1]->kind, ExprKind::Member);
  EXPECT_EQ(print_expr(*statements[2].targets[0]), "a.{i}");
}

TEST(Parser, NumbersKeepTheirKindAndText) {
  EXPECT_EQ(in_op("10")->kind, ExprKind::Integer);
  EXPECT_EQ(in_op("1.50")->kind, ExprKind::Real);
  EXPECT_EQ(in_op("1.50")->text, "1.50");
  EXPECT_EQ(in_op("5e-4")->kind, ExprKind::Real);
  EXPECT_EQ(in_op("9223372036854775807")->integer, INT64_MAX);
}

TEST(Parser, WordsOfStatementsAreOrdinaryNames) {
  const ast::File file = parsed(R"(
model M(model: int = 1, op: int = 2) {
    input input: f32[N]
    state = input + next
    next state = state
    data = train -> metric
    output output = data
})");
  ASSERT_EQ(file.items[0].body->statements.size(), 5u);
  EXPECT_EQ(file.items[0].body->statements[1].kind, StmtKind::Assign);
  EXPECT_EQ(file.items[0].body->statements[2].kind, StmtKind::Next);
  EXPECT_EQ(file.items[0].body->statements[4].targets[0]->text, "output");
}

TEST(Parser, WindowsLinesAndAByteOrderMarkChangeNothing) {
  std::string text = "\xEF\xBB\xBF";
  for (const char* c = examples::kLeNet; *c; ++c)
    text += *c == '\n' ? std::string("\r\n") : std::string(1, *c);
  EXPECT_EQ(tree_text(parsed(text)), tree_text(parsed(examples::kLeNet)));
}

TEST(Parser, ReadsSingleExpressions) {
  Diagnostics diagnostics;
  EXPECT_EQ(print_expr(*parse_expression("--set", "[1, 2*3]", diagnostics)), "[1, 2*3]");
  EXPECT_FALSE(diagnostics.has_errors());
  EXPECT_EQ(parse_expression("--set", "1 2", diagnostics), nullptr);
  EXPECT_EQ(diagnostics.error_count(), 1u);
}

TEST(Parser, LongPipelinesAreBrokenAndBlocksAreIndented) {
  const std::string printed = print_ast(parsed(examples::kLeNet));
  EXPECT_NE(printed.find("    output logits = features\n        -> flatten\n"), std::string::npos) << printed;
  EXPECT_NE(printed.find("    split train, val = idx("), std::string::npos) << printed;
}

// ---- any text at all --------------------------------------------------------------------------------

// Whatever was said about a text, saying it must work, and a tree without errors must print and parse back.
static void survives(const std::string& text) {
  Diagnostics diagnostics;
  const ast::File file = parse("mutant.nn", text, diagnostics);
  EXPECT_LE(diagnostics.render(true).size(), 200000u);
  if (diagnostics.has_errors()) return;
  const std::string printed = print_ast(file);
  Diagnostics more;
  const ast::File again = parse("printed.nn", printed, more);
  ASSERT_FALSE(more.has_errors()) << text << "\n----\n" << printed << more.render();
  ASSERT_EQ(tree_text(file), tree_text(again)) << text << "\n----\n" << printed;
}

TEST(ParserHostile, FiveThousandMutationsOfBytesAndTokens) {
  std::mt19937 random(20240607);
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
  static const std::vector<std::string> pieces = {"(",
                                                  ")",
                                                  "[",
                                                  "]",
                                                  "{",
                                                  "}",
                                                  ",",
                                                  ":",
                                                  ";",
                                                  ".",
                                                  "..",
                                                  "->",
                                                  "=",
                                                  "+",
                                                  "-",
                                                  "*",
                                                  "**",
                                                  "/",
                                                  "//",
                                                  "%",
                                                  "<",
                                                  "==",
                                                  "\n",
                                                  " ",
                                                  "\"",
                                                  "'",
                                                  "#",
                                                  "\\",
                                                  "if ",
                                                  "else ",
                                                  "when ",
                                                  "repeat i in 0..3 {",
                                                  " as ",
                                                  " where ",
                                                  "sum(c) ",
                                                  "max(a, b) ",
                                                  "return ",
                                                  "param ",
                                                  "layer ",
                                                  "op ",
                                                  "model M {",
                                                  "grad ",
                                                  "1.",
                                                  ".5",
                                                  "1e999",
                                                  "99999999999999999999",
                                                  "\xC3\xA9",
                                                  "\xFF",
                                                  std::string(1, '\0'),
                                                  "\xE2\x86\x92",
                                                  "&&",
                                                  "lambda",
                                                  "x",
                                                  "y[i]",
                                                  "not ",
                                                  "-inf"};
  for (int round = 0; round < 5000; ++round) {
    std::string text = examples::all()[below(examples::all().size())];
    for (std::size_t change = 1 + below(4); change > 0; --change) {
      const std::size_t at = below(text.size() + 1);
      const std::size_t length = std::min(below(12), text.size() - at);
      switch (below(5)) {
      case 0:
        text.erase(at, length);
        break;
      case 1:
        text.insert(at, pieces[below(pieces.size())]);
        break;
      case 2:
        text.replace(at, length, pieces[below(pieces.size())]);
        break;
      case 3:
        text.insert(below(text.size() + 1), text.substr(at, length * 8));
        break;
      default:
        if (at < text.size()) text[at] = static_cast<char>(below(256));
      }
      if (text.empty()) text = "\n";
    }
    survives(text);
  }
}

TEST(ParserHostile, CutsOfTheExamples) {
  for (const std::string& text : examples::all())
    for (std::size_t length = 0; length < text.size(); length += 3) survives(text.substr(0, length));
}

TEST(ParserHostile, DeepNestingIsRefused) {
  const auto refused = [](const std::string& text) {
    Diagnostics diagnostics;
    parse("deep.nn", text, diagnostics);
    ASSERT_TRUE(diagnostics.has_errors()) << text.substr(0, 60);
    bool found = false;
    for (const DiagnosticMessage& message : diagnostics.messages())
      found = found || message.kind == Diagnostic::TooDeep;
    EXPECT_TRUE(found) << text.substr(0, 60) << diagnostics.render();
    EXPECT_LE(diagnostics.error_count(), 3u) << diagnostics.render();
  };
  const auto many = [](const std::string& piece) {
    std::string result;
    for (int i = 0; i < 100000; ++i) result += piece;
    return result;
  };
  const std::string n = "1";
  refused("model M { y = " + many("(") + n + many(")") + " }");
  refused("model M { y = " + many("[") + n + many("]") + " }");
  refused("model M { y = " + many("f(") + n + many(")") + " }");
  refused("model M { y = " + many("-") + n + " }");
  refused("model M { y = " + many("not ") + n + " }");
  refused("model M { y = " + many("1 + ") + n + " }");
  refused("model M { y = " + many("1**") + n + " }");
  refused("model M { y = f" + many("()") + " }");
  refused("model M { y = f" + many(".a") + " }");
  refused("model M { y = " + many("if a { ") + n + many("}") + " }");
  refused("model M { y = " + many("if a { 1 } else ") + " { 2 } }");
  refused("model M { y = x" + many(" as a{x") + many("}") + " }");
  refused("model M { y = " + many("x -> f(") + n + many(")") + " }");
  refused("train M with d { " + many("phase p { ") + many("}") + " }");
  refused("train M with d { freeze a" + many("{x") + many("}") + " }");
  refused("train M with d { loss = a" + many("{a") + many("}") + " }");
  refused("op f(x[N]) -> y[N] { y[n] = " + many("sum(c) ") + " x[c] }");
  refused("op f(x[N]) -> y[N] { y[n] = " + many("x[") + "n" + many("]") + " }");
}

TEST(ParserHostile, ManyErrorsTakeLinearTime) {
  Diagnostics diagnostics;
  std::string text;
  for (int i = 0; i < 200000; ++i) text += "$ \xFF ) } { ";
  parse("wrong.nn", text, diagnostics);
  EXPECT_LE(diagnostics.error_count(), 1000u);
}

TEST(ParserHostile, AVeryLongFileIsRefused) {
  Diagnostics diagnostics;
  parse("long.nn", std::string(std::size_t{5} << 20, ' '), diagnostics);
  ASSERT_EQ(diagnostics.error_count(), 1u);
  EXPECT_EQ(diagnostics.messages()[0].kind, Diagnostic::TooLong);
}

} // namespace striate
