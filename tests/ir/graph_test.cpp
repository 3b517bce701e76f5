#include "graph_text.h"

namespace striate {
namespace {

bool mentions(const std::vector<std::string>& problems, const std::string& what) {
  for (const std::string& problem : problems)
    if (problem.find(what) != std::string::npos) return true;
  return false;
}

TEST(Graph, TextReadsBack) {
  EXPECT_EQ(print(parsed_graph(kCalls)), kCalls);
  EXPECT_EQ(print(parsed_graph(kRegions)), kRegions);
}

TEST(Graph, ReadingKeepsWhatWasWritten) {
  Graph graph = parsed_graph(kCalls);
  ASSERT_EQ(graph.nodes.size(), 4u);
  const Node& node = graph.nodes[0];
  EXPECT_EQ(node.path, "features.conv1");
  EXPECT_EQ(node.location, (SourceLocation{"net.nn", 7, 9, 12}));
  EXPECT_EQ(std::get<int64_t>(node.attributes.at("stride")), -1);
  EXPECT_EQ(std::get<double>(node.attributes.at("dilation")), 1.0);
  EXPECT_EQ(std::get<bool>(node.attributes.at("bias")), false);
  EXPECT_EQ(std::get<std::string>(node.attributes.at("mode")), "same \"x\"");
  EXPECT_EQ(std::get<std::vector<int64_t>>(node.attributes.at("padding")), (std::vector<int64_t>{0, 0}));
  EXPECT_EQ(graph.values[graph.find("conv1")].location, node.location);
  EXPECT_EQ(graph.values[graph.find("pool1")].location.line, 8);
  const Persistent& weight = graph.persistents[0];
  EXPECT_TRUE(weight.trainable);
  EXPECT_EQ(weight.next, graph.find("conv1.weight.next"));
  EXPECT_EQ(graph.persistents[1].group, "conv1.weight");
  EXPECT_TRUE(is_constant(graph.persistents[1].initial, 0));
  EXPECT_EQ(graph.persistents[1].initial->type, ScalarType::Real);
  EXPECT_EQ(graph.decisions[0].alternatives.size(), 2u);
  EXPECT_EQ(graph.decisions[0].estimate_seconds, 0.00125);

  Graph regions = parsed_graph(kRegions);
  EXPECT_EQ(regions.arena_bytes, 8192);
  const Value& image = regions.values[regions.find("image")];
  EXPECT_EQ(image.layout, Layout::blocked(image.type, 0, 16));
  const Value& weight_value = regions.values[regions.find("weight")];
  EXPECT_EQ(weight_value.layout, Layout::blocked(weight_value.type, 0, 16));
  EXPECT_TRUE(regions.values[regions.find("relu")].zero_in_padding);
  EXPECT_EQ(regions.regions[0].nodes, (std::vector<NodeId>{0, 1}));
  const ReductionOrder& order = regions.nodes[2].definition->statements[0].order;
  EXPECT_EQ(order.loops[0], (ReductionLoop{1, 16, Size::n()}));
  EXPECT_EQ(order.lanes, (ReductionLoop{1, 1, Size::constant(16)}));
}

TEST(Graph, EqualDefinitionsPrintOnce) {
  Graph graph = parsed_graph(kRegions);
  Node again = graph.nodes[1];
  again.definition = std::make_shared<const Definition>(*again.definition);
  graph.regions.clear();
  graph.add_node(again, {"relu"});
  std::string text = print(graph);
  EXPECT_NE(text.find("%relu.1 : f32[N,20,4,4] = relu(%conv) @relu.0\n"), std::string::npos);
  EXPECT_EQ(text.find("@relu.1"), std::string::npos);
}

TEST(Graph, NamesAreUnique) {
  Graph graph;
  EXPECT_EQ(graph.add_value("x", {}, ValueRole::Input, {}), 0);
  EXPECT_EQ(graph.unique_name("x"), "x.1");
  EXPECT_EQ(graph.unique_name("y"), "y");
  graph.add_value("x.1", {}, ValueRole::Input, {});
  EXPECT_EQ(graph.unique_name("x"), "x.2");
  EXPECT_EQ(graph.find("x.1"), 1);
  EXPECT_EQ(graph.find("z"), -1);
  graph.values[0].name = "renamed";
  EXPECT_EQ(graph.find("renamed"), 0);
  EXPECT_EQ(graph.find("x"), -1);
}

TEST(Graph, ReadersAreListedOnce) {
  Graph graph = parsed_graph(kCalls);
  graph.nodes[3].inputs[1] = graph.nodes[3].inputs[0];
  auto readers = graph.readers();
  EXPECT_EQ(readers[graph.find("conv1.weight")], (std::vector<NodeId>{0, 3}));
  EXPECT_TRUE(readers[graph.find("loss")].empty());
}

TEST(Graph, DecisionsAreRecorded) {
  Graph graph;
  graph.decide("fuse", "a + b", "not fused", "b is read twice").estimate_seconds = 2;
  EXPECT_NE(
      print(graph).find("decide \"fuse\" \"a + b\" -> \"not fused\" : \"b is read twice\" estimate 2\n"),
      std::string::npos);
}

TEST(Graph, RulesOfCallsAreChecked) {
  const Graph sound = parsed_graph(kCalls);
  ASSERT_TRUE(verify(sound).empty());
  auto problems = [&](const std::function<void(Graph&)>& spoil) {
    Graph graph = sound;
    spoil(graph);
    return verify(graph);
  };
  auto value = [](Graph& g, const char* name) -> Value& { return g.values[g.find(name)]; };
  EXPECT_TRUE(mentions(problems([](Graph& g) { g.nodes[0].outputs.clear(); }), "has no output"));
  EXPECT_TRUE(mentions(problems([](Graph& g) { g.nodes[0].inputs[0] = 99; }), "conv2d has the number 99"));
  EXPECT_TRUE(
      mentions(problems([&](Graph& g) { value(g, "label").name = "image"; }), "two values are named image"));
  EXPECT_TRUE(mentions(problems([&](Graph& g) { value(g, "label").name = ""; }), "a value has no name"));
  EXPECT_TRUE(mentions(problems([&](Graph& g) { value(g, "label").type.shape = {Size::constant(0)}; }),
                       "label has a dimension of size 0"));
  EXPECT_TRUE(mentions(problems([&](Graph& g) {
                         value(g, "label").type.shape = {Size::constant(2), Size::n()};
                       }),
                       "label has a batch size that is not outermost"));
  EXPECT_TRUE(mentions(problems([&](Graph& g) { value(g, "conv1.weight").zero_in_padding = true; }),
                       "conv1.weight has no batch"));
  EXPECT_TRUE(mentions(problems([&](Graph& g) { value(g, "label").offset = 2; }), "label has the offset 2"));
  EXPECT_TRUE(
      mentions(problems([](Graph& g) { g.inputs.pop_back(); }), "label is not once among the inputs"));
  EXPECT_TRUE(
      mentions(problems([](Graph& g) { g.inputs.push_back(g.find("conv1")); }), "conv1 is among the inputs"));
  EXPECT_TRUE(
      mentions(problems([](Graph& g) { g.persistents.pop_back(); }), "not once among the persistents"));
  EXPECT_TRUE(mentions(problems([](Graph& g) { g.nodes.pop_back(); }), "the producer of conv1.weight.next"));
  EXPECT_TRUE(
      mentions(problems([&](Graph& g) { value(g, "pool1").producer = 0; }), "its producer says otherwise"));
  EXPECT_TRUE(mentions(problems([](Graph& g) { g.nodes[1].outputs = g.nodes[0].outputs; }),
                       "conv1 is computed 2 times"));
  EXPECT_TRUE(mentions(problems([&](Graph& g) { value(g, "image").producer = 0; }), "image has a producer"));
  EXPECT_TRUE(mentions(problems([](Graph& g) { std::swap(g.nodes[0], g.nodes[1]); }),
                       "pool1 reads conv1 before it is computed"));
  EXPECT_TRUE(
      mentions(problems([](Graph& g) { g.nodes[0].definition = nullptr; }), "conv1 has no definition"));
  EXPECT_TRUE(mentions(problems([](Graph& g) { g.nodes[0].inputs.pop_back(); }), "conv1 has 1 inputs"));
  EXPECT_TRUE(mentions(problems([](Graph& g) { g.nodes[1].outputs.pop_back(); }), "pool1 has 1 outputs"));
  EXPECT_TRUE(mentions(problems([](Graph& g) { g.nodes[1].inputs[0] = g.find("image"); }),
                       "pool1: image is f32[N,1,6,6], the definition's x is f32[N,4,4,4]"));
  EXPECT_TRUE(mentions(problems([](Graph& g) {
                         Definition bad = *g.nodes[0].definition;
                         bad.statements.clear();
                         g.nodes[0].definition = std::make_shared<const Definition>(bad);
                       }),
                       "conv1: in the definition of conv2d: y is not defined"));
  EXPECT_TRUE(
      mentions(problems([](Graph& g) { g.scalars.clear(); }), "unknown run-time scalar `optimizer.lr`"));
  EXPECT_TRUE(mentions(problems([](Graph& g) { g.scalars.emplace_back("step", 0); }), "scalar named `step`"));
  EXPECT_TRUE(
      mentions(problems([](Graph& g) { g.persistents[1].trainable = true; }), "trainable, but no parameter"));
  EXPECT_TRUE(
      mentions(problems([](Graph& g) { g.persistents[0].next = g.find("label"); }), "is not computed"));
  EXPECT_TRUE(mentions(problems([](Graph& g) { g.persistents[0].next = g.find("loss"); }),
                       "its next value is f32[N]"));
  EXPECT_TRUE(mentions(problems([](Graph& g) { g.persistents[0].initial = read(0, {}); }), "it reads"));
  EXPECT_TRUE(mentions(problems([](Graph& g) { g.persistents[0].initial = constant_int(1); }), "it is int"));
  EXPECT_TRUE(mentions(
      problems([](Graph& g) { g.persistents[0].initial = random_uniform(IndexExpr::variable(4), 1); }),
      "a dimension that is not there"));
  EXPECT_TRUE(mentions(problems([](Graph& g) { g.outputs.push_back(g.outputs[0]); }),
                       "a second output named `loss`"));
}

TEST(Graph, RulesOfRegionsAreChecked) {
  const Graph sound = parsed_graph(kRegions);
  ASSERT_TRUE(verify(sound).empty());
  auto problems = [&](const std::function<void(Graph&)>& spoil) {
    Graph graph = sound;
    spoil(graph);
    return verify(graph);
  };
  EXPECT_TRUE(mentions(problems([](Graph& g) { g.regions.pop_back(); }), "sum is in no region"));
  EXPECT_TRUE(
      mentions(problems([](Graph& g) { g.regions[1].nodes.push_back(0); }), "conv is in two regions"));
  EXPECT_TRUE(mentions(problems([](Graph& g) { g.regions[1].nodes.clear(); }), "the region sum is empty"));
  EXPECT_TRUE(mentions(problems([](Graph& g) { g.regions[0].nodes = {1, 0}; }), "are out of order"));
  EXPECT_TRUE(
      mentions(problems([](Graph& g) { g.regions[0].stored.clear(); }), "which no earlier region stores"));
  EXPECT_TRUE(mentions(problems([](Graph& g) { std::swap(g.regions[0], g.regions[1]); }),
                       "the region sum reads relu, which no earlier region stores"));
  EXPECT_TRUE(mentions(problems([](Graph& g) { g.regions[1].stored.push_back(g.find("conv")); }),
                       "the region sum stores conv, which it does not compute"));
  EXPECT_TRUE(
      mentions(problems([](Graph& g) { g.regions[1].stored.clear(); }), "the output sum is not stored"));
  EXPECT_TRUE(mentions(problems([](Graph& g) {
                         Definition two = *g.nodes[1].definition;
                         two.statements.push_back(two.statements[0]);
                         g.nodes[1].definition = std::make_shared<const Definition>(two);
                       }),
                       "not one statement with one output"));
  auto layout_problem = [&](const std::function<void(Layout&)>& spoil) {
    return problems([&](Graph& g) { spoil(g.values[g.find("weight")].layout); });
  };
  EXPECT_TRUE(mentions(layout_problem([](Layout& l) { l.digits.pop_back(); }), "does not cover dimension 0"));
  EXPECT_TRUE(mentions(layout_problem([](Layout& l) { l.digits[0].extent = Size::constant(1); }),
                       "does not cover dimension 0"));
  EXPECT_TRUE(mentions(layout_problem([](Layout& l) { l.digits[2].dimension = 9; }), "has the dimension 9"));
  EXPECT_TRUE(mentions(layout_problem([](Layout& l) { l.digits[4].extent = Size::n(); }), "a batch digit"));
  EXPECT_FALSE(
      mentions(layout_problem([](Layout& l) { l.digits.erase(l.digits.begin() + 1); }), "cover")) // extent 1
      << "a dimension of one element needs no digit";
}

TEST(Graph, ErrorsHaveALine) {
  auto message = [](std::string text, const std::string& from, const std::string& to) {
    std::size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos);
    text.replace(at, from.size(), to);
    Result<Graph> graph = parse_graph(text, "net.sir");
    EXPECT_FALSE(graph.ok());
    return graph.ok() ? "" : graph.failure().message;
  };
  EXPECT_EQ(message(kCalls, "f32[N,1,6,6]", "f33[N,1,6,6]"), "net.sir:3: `f33` is not an element type");
  EXPECT_EQ(message(kCalls, "(%image,", "(%imago,"), "net.sir:7: no value is called %imago");
  EXPECT_EQ(message(kCalls, "output loss", "outpot loss"),
            "net.sir:11: `outpot` is nothing that stands in a graph");
  EXPECT_EQ(message(kCalls, "define @sgd.0", "define @sgd.1"), "net.sir:35: there is no definition @sgd.0");
  EXPECT_EQ(message(kCalls, "\"net.nn\":3:5", "\"net.nn:3:5"),
            "net.sir:3: a string without its closing `\"`");
  EXPECT_EQ(message(kCalls, "next %conv1.weight.next =", "next %nothing ="),
            "net.sir:35: no value is called %nothing");
  EXPECT_EQ(message(kCalls, "k[o, c, r, s] *", "k[o, c, r, q] *"),
            "net.sir:17: no index is called `q` (in @conv2d.0)");
  EXPECT_EQ(
      message(kCalls, "i + r,", "i + r + 1,"),
      "net.sir:7: conv1: in the definition of conv2d: y: x is read at 1 .. 6 of 6 in dimension 2 (i + r + 1) "
      "(net.nn:7:9)");
  EXPECT_EQ(message(kRegions, "stored %sum", "stored %conv"),
            "net.sir:10: the region sum stores conv, which it does not compute");
  EXPECT_EQ(message(kRegions, "arena 8192", "scalar step = 0"),
            "net.sir:2: a second run-time scalar named `step`");
  EXPECT_EQ(
      message(kRegions, "%weight : f32[20,1,3,3] layout (d0/16,", "%weight : f32[20,1,3,3] layout (d0/8,"),
      "net.sir:4: the layout (d0/8, d1, d2, d3, d0%16) of weight does not cover dimension 0");
}

TEST(Graph, CommentsAreSkipped) {
  EXPECT_EQ(print(parsed_graph("# RUN: read this\n" + std::string(kRegions) + "# the end")), kRegions);
}

} // namespace
} // namespace striate
