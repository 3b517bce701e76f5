// Every op of the library at example shapes, and its derived gradient.
#include "frontend/example_shapes.h"
#include "frontend/library.h"
#include "frontend/parser.h"
#include "tests/passes/graphs.h"

namespace striate {
namespace {

std::vector<std::string> library_ops() {
  Diagnostics diagnostics;
  return Library(nullptr, diagnostics).names(ast::ItemKind::Op);
}

class LibraryOp : public testing::TestWithParam<std::string> {};

TEST_P(LibraryOp, HasExampleShapesAndAGradient) {
  Diagnostics diagnostics;
  const auto example = instantiate_example(nullptr, GetParam(), diagnostics);
  ASSERT_TRUE(example) << diagnostics.render();
  const auto& definition = example->definition;
  EXPECT_EQ(verify(*definition), "");
  Graph graph = graph_of_definition(definition);
  if (graph.inputs.empty() || graph.values[graph.outputs[0].second].type.element != ElementType::F32) return;
  const NodeId forward = static_cast<NodeId>(graph.nodes.size());
  const auto gradients = append_gradients(graph);
  EXPECT_EQ(verify(graph), std::vector<std::string>());
  // Integers have none; what is left either is printed or is 0 everywhere.
  for (const auto& [input, gradient] : gradients)
    if (gradient >= 0) {
      EXPECT_NE(statement_of_value(graph, graph.values[gradient].name), "");
      EXPECT_EQ(graph.values[gradient].type.shape, graph.values[input].type.shape);
    }
  for (const std::string& text : statements(graph, forward))
    EXPECT_NE(text.find(" = "), std::string::npos) << text;
}

INSTANTIATE_TEST_SUITE_P(All, LibraryOp, testing::ValuesIn(library_ops()),
                         [](const auto& info) { return info.param; });

std::string shapes_of(const std::string& source, const std::string& op) {
  Diagnostics diagnostics;
  const ast::File file = parse("test.nn", source, diagnostics);
  const auto example = instantiate_example(&file, op, diagnostics);
  if (!example) return diagnostics.render();
  std::string text;
  for (const Operand& operand : example->definition->operands)
    text += (text.empty() ? "" : " ") + operand.name + ": " + operand.type.text();
  return text;
}

TEST(ExampleShapes, AreSmallAndReadable) {
  EXPECT_EQ(shapes_of("", "conv2d"), "x: f32[N,8,12,12] k: f32[16,8,3,3] y: f32[N,16,10,10]");
  EXPECT_EQ(shapes_of("", "max_pool2d"), "x: f32[N,8,12,12] y: f32[N,8,6,6]");
  EXPECT_EQ(shapes_of("", "linear"), "x: f32[N,8] w: f32[16,8] y: f32[N,16]");
  EXPECT_EQ(shapes_of("", "flatten"), "x: f32[N,4,6] y: f32[N,24]");
  EXPECT_EQ(shapes_of("", "one_hot"), "label: i32[N] y: f32[N,2]");
  EXPECT_EQ(shapes_of("", "zeros"), "w: f32[12]");
}

TEST(ExampleShapes, SatisfyWhatTheOpAsksFor) {
  // Neither the usual C nor the usual attribute will do.
  EXPECT_EQ(shapes_of("op halve(x[N, C]; parts P: int) -> y[N, C // P]\n"
                      "    where C % P == 0 and C // P == 3, \"three of each\"\n"
                      "{ y[n, i] = sum(j: P) x[n, i*P + j] }\n",
                      "halve"),
            "x: f32[N,6] y: f32[N,3]");
  // A group of sizes, of which the attribute is one.
  EXPECT_EQ(
      shapes_of("op split(x[N, (G C)]; groups G: int) -> y[N, G, C] { y[n, g, c] = x[n, (g c)] }\n", "split"),
      "x: f32[N,16] y: f32[N,2,8]");
}

TEST(ExampleShapes, SayWhyThereAreNone) {
  EXPECT_NE(shapes_of("op never(x[C]) -> y[C] where C > 100, \"many\" { y[c] = x[c] }\n", "never")
                .find("no small shapes were found that `never` takes"),
            std::string::npos);
  EXPECT_NE(shapes_of("", "conv2").find("did you mean `conv2d`?"), std::string::npos);
}

} // namespace
} // namespace striate
