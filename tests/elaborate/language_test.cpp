// Variadic inputs, two runs in one shape, reads at places that data decides, other files, `grad` clauses.
#include "frontend/example_shapes.h"
#include "frontend/used_files.h"
#include "tests/elaborate/elaborated.h"

namespace striate {
namespace {

constexpr const char* kJoin =
    "op join(a[a.., C, b..], more..[a.., D, b..]; axis: int) -> y[a.., C + D, b..] {\n"
    "    y[a.., c, b..] = (a[a.., c, b..] else 0) + (more[a.., c - C, b..] else 0)\n"
    "}\n";

std::string join_model(const std::string& value) {
  return kJoin + ("model M { input x: f32[N, 2, 3]; input z: f32[N, 2, 4]; output y = " + value + " }\n");
}

TEST(Variadic, IsAppliedFromTheLeft) {
  const Module module = module_of(join_model("join(x, z, x, axis = 2)"));
  EXPECT_EQ(type_of(module.eval, "join"), "f32[N,2,7]");
  EXPECT_EQ(type_of(module.eval, "join.1"), "f32[N,2,10]");
}

TEST(Variadic, OneTensorIsItself) {
  const Module module = module_of(join_model("join(x, axis = 2)"));
  // All there is to compute is that an input comes out.
  ASSERT_EQ(module.eval.nodes.size(), 1u);
  EXPECT_EQ(module.eval.nodes[0].inputs, std::vector{module.eval.find("x")});
  EXPECT_EQ(module.eval.nodes[0].outputs, std::vector{module.eval.outputs[0].second});
  EXPECT_NE(module.eval.nodes[0].op, "join");
}

TEST(Variadic, ALayerHasAFixedNumberOfInputs) {
  EXPECT_EQ(errors_of("layer L() (x[N, C], more..[N, C]) { return x }\n"
                      "model M { input x: f32[N, 2]; output y = L()(x, x, x) }\n"),
            "E0204 at 1:21: a layer has a fixed number of inputs; only an `op` can take `more..`");
}

TEST(TwoRuns, TheAxisParts) {
  EXPECT_EQ(type_of(module_of(join_model("join(x, x, axis = 1)")).eval, "join"), "f32[N,4,3]");
  EXPECT_EQ(type_of(module_of(join_model("join(x, z, axis = -1)")).eval, "join"), "f32[N,2,7]");
}

TEST(TwoRuns, MustFit) {
  EXPECT_EQ(errors_of(join_model("join(x, z, axis = 1)")),
            "E0301 at 4:68: `join`: `b..` is [3] in `a` [N, 2, 3], but [4] in `more` [N, 2, 4]");
  EXPECT_EQ(errors_of(join_model("join(x, z, axis = 3)")),
            "E0301 at 4:68: `join`: `axis` = 3 is no dimension of a tensor of 3");
  EXPECT_EQ(errors_of("op f(x[a.., C, b..]) -> y[a..] { y[a..] = 0 }\n"
                      "model M { input x: f32[N, 2, 3]; output y = f(x) }\n"),
            "E0301 at 1:8: how many dimensions `a..` takes is not known");
}

std::string lookup(const std::string& value) {
  return "op lookup(token: int[N, T], w[V, D]) -> y[N, T, D] { y[n, t, d] = " + value +
         " }\n"
         "layer Table() (token[N, T]) { param weight: f32[11, 3] = gaussian; return lookup(token, weight) }\n"
         "model M { input token: int[N, 5]; output y = token -> Table() as table }\n";
}

TEST(DataReads, AreReadsAtPlaces) {
  const Module module = module_of(lookup("(w[token[n, t], d] else 0)"));
  const std::string text = print(module.eval);
  EXPECT_NE(text.find("(w[@(token[n, t]), d] else 0)"), std::string::npos) << text;
}

TEST(DataReads, ElsewhereIsWhatElseSays) {
  const Module module = module_of(lookup("(w[token[n, t] - 1, d + 1] else 7)"));
  EXPECT_NE(print(module.eval).find("(w[@(token[n, t] - 1), d + 1] else 7)"), std::string::npos)
      << print(module.eval);
  const Module other = module_of(lookup("(w[token[n, t] - 1, d] else w[0, d])"));
  const std::string text = print(other.eval);
  EXPECT_NE(
      text.find("select(0 <= token[n, t] - 1 and token[n, t] - 1 <= 10, (w[@(token[n, t] - 1), d] else 0), "
                "w[0, d])"),
      std::string::npos)
      << text;
}

TEST(DataReads, MustSayWhatIsOutside) {
  EXPECT_EQ(errors_of(lookup("w[token[n, t], d]")),
            "E0304 at 1:69: `token[n, t]` depends on data, which may be outside of 0 to 10");
  EXPECT_EQ(errors_of(lookup("(w[token[n, t] / 2, d] else 0)")),
            "E0204 at 1:70: a place is an integer, and `token[n, t]/2` is not one");
}

struct Used {
  ast::File file;
  Diagnostics diagnostics;
  std::string texts;
};

void use(const std::map<std::string, std::string>& files, Used& used) {
  used.file = parse("dir/main.nn", files.at("dir/main.nn"), used.diagnostics);
  const FileReader read = [&](const std::string& path) -> Result<std::string> {
    const auto found = files.find(path);
    if (found == files.end()) return Failure{ExitCode::BadData, "no such file"};
    return found->second;
  };
  add_used_files(used.file, read, used.texts, used.diagnostics);
}

TEST(Use, BringsTheItemsOfEachFileOnce) {
  Used used;
  use({{"dir/main.nn",
        "use \"a.nn\"\nuse \"more/b.nn\"\nmodel M { input x: f32[N, 2]; output y = x -> f -> g }\n"},
       {"dir/a.nn", "use \"main.nn\"\nuse \"more/b.nn\"\nop f(x[..]) -> y[..] { y[..] = 2 * x[..] }\n"},
       {"dir/more/b.nn", "use \"../a.nn\"\nop g(x[..]) -> y[..] { y[..] = 3 * x[..] }\n"}},
      used);
  ASSERT_FALSE(used.diagnostics.has_errors()) << used.diagnostics.render();
  EXPECT_FALSE(elaborate(used.file, {}, used.diagnostics).empty()) << used.diagnostics.render();
}

TEST(Use, StaysInsideTheProgramsFolder) {
  for (const char* path : {"../a.nn", "/a.nn", "a.txt", "missing.nn"}) {
    Used used;
    use({{"dir/main.nn", std::string("use \"") + path + "\"\n"},
         {"a.nn", ""},
         {"/a.nn", ""},
         {"dir/a.txt", ""}},
        used);
    EXPECT_EQ(used.diagnostics.error_count(), 1u) << path;
  }
}

TEST(Use, ATrainBelongsToTheProgram) {
  Used used;
  use({{"dir/main.nn", "use \"a.nn\"\n"}, {"dir/a.nn", "train M with d { epochs = 1 }\n"}}, used);
  EXPECT_EQ(used.diagnostics.error_count(), 1u) << used.diagnostics.render();
}

TEST(GradientClause, IsAnOpOfItsOwn) {
  Diagnostics diagnostics;
  const ast::File file = parse("test.nn",
                               "op scaled(x[N, C], w[C]) -> y[N, C] { y[n, c] = x[n, c] * w[c] }\n"
                               "grad { w[c] = sum(n) y.grad[n, c] * x[n, c] }\n",
                               diagnostics);
  const auto example = instantiate_gradient_example(file, file.items.at(0), diagnostics);
  ASSERT_TRUE(example) << diagnostics.render();
  EXPECT_EQ(example->adjoints_of, std::vector<int>{1});
  EXPECT_EQ(example->clause->input_count, 4);
  EXPECT_EQ(example->clause->operands[static_cast<std::size_t>(example->clause->outputs[0])].name, "w.grad");
}

} // namespace
} // namespace striate
