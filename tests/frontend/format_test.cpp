// Canonical layout: what it looks like, and that it changes nothing but layout, for every program there is.
#include "frontend/format.h"

#include "examples.h"
#include "frontend/lexer.h"
#include "frontend/parser.h"
#include "frontend/standard_library.h"
#include "random_program.h"
#include "tree_text.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace striate {
namespace {

std::string formatted(const std::string& text) {
  Diagnostics diagnostics;
  return format_program("test.nn", text, diagnostics).value_or(diagnostics.render());
}

// Tree and comments, or "" where the text does not parse.
std::string meaning_of(const std::string& text) {
  Diagnostics diagnostics;
  const ast::File file = parse("test.nn", text, diagnostics);
  if (diagnostics.has_errors()) return "";
  const TokenList list = lex("test.nn", text, diagnostics);
  std::map<int, std::string_view> all = list.comments;
  all.insert(list.trailing_comments.begin(), list.trailing_comments.end());
  std::string result = tree_text(file);
  for (auto [line, comment] : all) {
    while (!comment.empty() && comment.back() == ' ') comment.remove_suffix(1);
    result += "\n#" + std::string(comment);
  }
  return result;
}

// False where the text does not parse.
bool keeps_its_meaning(const std::string& text) {
  const std::string meaning = meaning_of(text);
  if (meaning.empty()) return false;
  const std::string once = formatted(text);
  EXPECT_EQ(meaning_of(once), meaning) << text << "\n----\n" << once;
  EXPECT_EQ(formatted(once), once) << text;
  return true;
}

TEST(Format, SettlesSpaces) {
  EXPECT_EQ(formatted("op f( x[N,(G C)] ;p:real=1 )->y[N]{y[n]=sum( g,c )x[n,(g c)]*p+- 2}"),
            "op f(x[N, (G C)]; p: real = 1) -> y[N] { y[n] = sum(g, c) x[n, (g c)] * p + -2 }\n");
  EXPECT_EQ(
      formatted("layer L(n:int)(x[..]){return x->repeat i in 0 .. n{Block(2**i,k=1/255)as b{ i+1 }.0}}"),
      "layer L(n: int) (x[..]) { return x -> repeat i in 0..n { Block(2**i, k = 1/255) as b{i + 1}.0 } }\n");
  EXPECT_EQ(formatted("train M with d{repeat i in 1 .. 3{phase p{ i } {loss=e{ i+1 }\nfreeze layer{i}.0}}}"),
            "train M with d {\n    repeat i in 1..3 {\n        phase p{i} {\n            loss = e{i + 1}\n   "
            "         freeze layer{i}.0\n        }\n    }\n}\n");
  EXPECT_EQ(
      formatted("optimizer O(lr: real) (w[..], g[..]) {\nd = a * b+c * ( 1-a )\ne = a*b + exp(c)*d\n}"),
      "optimizer O(lr: real) (w[..], g[..]) {\n    d = a*b + c*(1 - a)\n    e = a * b + exp(c) * d\n}\n");
}

TEST(Format, BreaksLongLines) {
  const std::string stage = " -> Linear(1000) -> relu";
  const std::string long_model =
      "model M { input x: f32[N, 3]; output y = x" + stage + stage + stage + stage + stage + " }";
  EXPECT_EQ(formatted(long_model), "model M {\n"
                                   "    input x: f32[N, 3]\n"
                                   "    output y = x" +
                                       stage + stage + stage + stage +
                                       "\n                 -> Linear(1000) -> relu\n}\n");
  EXPECT_EQ(
      formatted(
          "layer Long(first_argument: int = 100, second_argument: int = 100, third_argument: int = 100, "
          "fourth_argument: int = 3) (x[..]) { return x }"),
      "layer Long(first_argument: int = 100, second_argument: int = 100, third_argument: int = 100,\n"
      "           fourth_argument: int = 3) (x[..])\n{\n    return x\n}\n");
}

TEST(Format, KeepsBreaksAtGoodPlacesOnly) {
  EXPECT_EQ(formatted("model M {\n  y = x\n  -> relu\n  -> Linear(\n3,\n4)\n  output z =\n y\n}"),
            "model M {\n    y = x\n        -> relu\n        -> Linear(\n            3,\n            4)\n    "
            "output z = y\n}\n");
  EXPECT_EQ(formatted("op f(x[N]) -> y[N]\nwhere N > 0, \"m\" { y[n] = x[n] +\n 2 }"),
            "op f(x[N]) -> y[N]\n    where N > 0, \"m\"\n{\n    y[n] = x[n]\n        + 2\n}\n");
}

TEST(Format, AlignsElementsSplitsAndComments) {
  EXPECT_EQ(
      formatted(
          "op f(x[N, C]) -> y[N, C] {\nm[n] = max(c) x[n, c] # largest\ny[n, c] = x[n, c] - m[n] # rest\n}"),
      "op f(x[N, C]) -> y[N, C] {\n    m[n]    = max(c) x[n, c]  # largest\n"
      "    y[n, c] = x[n, c] - m[n]  # rest\n}\n");
  EXPECT_EQ(formatted("data d {\nsplit a, b = r(1)\nsplit c = r(2)\nfield f = column(0)\n}"),
            "data d {\n    split a, b = r(1)\n    split c    = r(2)\n    field f = column(0)\n}\n");
}

TEST(Format, KeepsCommentsAndGroups) {
  const std::string text =
      "# About the file.\n\n# About f.\nop f(x[..]) -> y[..] { y[..] = x[..] }\n\n"
      "train M with d {\n    # first\n    loss = l(y)  # why\n\n    epochs = 10    batch = 64\n"
      "    # last\n}\n# end\n";
  EXPECT_EQ(formatted(text), text);
  EXPECT_EQ(formatted("\n\ntrain M with d {\n\n\n a = f(1, # one\n 2) \n\n\n\n b = 2; c = 3\n\n}\n\n\n"),
            "train M with d {\n    a = f(1,  # one\n          2)\n\n    b = 2    c = 3\n}\n");
}

TEST(Format, RefusesWhatDoesNotParse) {
  Diagnostics diagnostics;
  EXPECT_FALSE(format_program("test.nn", "op f(", diagnostics));
  EXPECT_TRUE(diagnostics.has_errors());
}

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(Format, EverySourceOfTheTreeKeepsItsMeaning) {
  int sources = 0;
  for (const std::string& text : examples::all()) sources += keeps_its_meaning(text);
  for (const char* folder : {"std", "models", "tests", "docs"})
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator(std::string(STRIATE_SOURCE) + "/" + folder)) {
      const std::string extension = entry.path().extension().string();
      if (extension == ".nn") sources += keeps_its_meaning(read(entry.path()));
      if (extension != ".md") continue;
      const std::string page = read(entry.path());
      for (std::size_t at = page.find("```nn\n"); at != std::string::npos;
           at = page.find("```nn\n", at + 1)) {
        const std::size_t begin = at + 6, end = page.find("```", begin);
        sources += keeps_its_meaning(page.substr(begin, end - begin));
      }
    }
  EXPECT_GT(sources, 100);
}

TEST(Format, LibraryAndModelsAreCanonical) {
  for (const char* folder : {"std", "models"})
    for (const auto& entry : std::filesystem::directory_iterator(std::string(STRIATE_SOURCE) + "/" + folder))
      if (entry.path().extension() == ".nn") {
        const std::string text = read(entry.path());
        EXPECT_EQ(formatted(text), text) << "run `striate fmt " << entry.path().string() << "`";
      }
}

TEST(Format, GeneratedProgramsKeepTheirMeaning) {
  const unsigned count = std::getenv("STRIATE_FULL") ? 10'000 : 300;
  unsigned parsed = 0;
  for (unsigned seed = 0; seed < count && !HasFailure(); ++seed)
    parsed += keeps_its_meaning(RandomProgram(seed).text());
  EXPECT_GT(parsed, count * 7 / 10);
}

} // namespace
} // namespace striate
