// form_regions: what fuses, and what must not.
#include "passes/form_regions.h"

#include "passes/pipeline.h"
#include "tests/passes/graphs.h"

#include <algorithm>

namespace striate {
namespace {

using Texts = std::vector<std::string>;

std::string name_of(const Graph& graph, NodeId node) {
  return graph.values[graph.nodes[node].outputs[0]].name;
}

Graph with_regions(Graph graph, const PipelineOptions& options = {}) {
  run_region_passes(graph, {}, options);
  EXPECT_EQ(verify(graph), Texts());
  return graph;
}

Graph inference(const std::string& body, const std::string& definitions = "") {
  return with_regions(model_graph(definitions + "\nmodel M {\n" + body + "\n}\n"));
}

Graph training(const std::string& body, const std::string& definitions = "") {
  return with_regions(step_graph(training_program(definitions, body)));
}

// "c.conv2d + c -> c" for each region.
Texts regions(const Graph& graph) {
  Texts texts;
  for (const Region& region : graph.regions) {
    std::string text;
    for (NodeId node : region.nodes) text += (text.empty() ? "" : " + ") + name_of(graph, node);
    text += " ->";
    for (ValueId value : region.stored) text += " " + graph.values[value].name;
    texts.push_back(text);
  }
  return texts;
}

bool has(const Texts& texts, const std::string& text) {
  return std::find(texts.begin(), texts.end(), text) != texts.end();
}

bool fused_with_window(const Graph& graph) { return contains(decisions(graph, "form_regions"), ": fused:"); }

TEST(Regions, ConvolutionBiasReluAndPoolingAreOne) {
  for (const char* window : {"max_pool2d(2)", "max_pool2d(3, stride = 2)",
                             "max_pool2d(3, stride = 2, padding = 1)", "max_pool2d(2, stride = 3)"}) {
    const Graph graph = inference(
        fmt::format("input x: f32[N, 3, 13, 13]\n output y = x -> Conv2d(4, 3) as c -> relu -> {}", window));
    EXPECT_EQ(regions(graph), Texts({"c.conv2d + c + max_pool2d.window + max_pool2d -> max_pool2d"}))
        << window;
  }
}

TEST(Regions, AWindowSumFusesToo) {
  const Graph graph =
      inference("input x: f32[N, 3, 12, 12]\n output y = x -> Conv2d(4, 3) as c -> relu -> avg_pool2d(2)");
  EXPECT_TRUE(fused_with_window(graph)) << fmt::format("{}", fmt::join(regions(graph), "\n"));
  EXPECT_EQ(graph.regions.size(), 1u);
}

TEST(Regions, AnActivationThatDoesNotCommuteFusesBeforeTheWindow) {
  const Graph graph =
      inference("input x: f32[N, 3, 12, 12]\n output y = x -> Conv2d(4, 3) as c -> tanh -> max_pool2d(2)");
  EXPECT_EQ(regions(graph), Texts({"c.conv2d + tanh + max_pool2d -> max_pool2d"}));
}

TEST(Regions, NormalisationByGivenStatisticsIsATail) {
  const Graph graph =
      inference("input x: f32[N, 3, 12, 12]\n"
                "output y = x -> Conv2d(4, 3) as c -> BatchNorm2d as b -> relu -> max_pool2d(2)");
  EXPECT_EQ(regions(graph), Texts({"b.normalize_channels.scale -> b.normalize_channels.scale",
                                   "c.conv2d + b + max_pool2d.window + max_pool2d -> max_pool2d"}));
}

TEST(Regions, TrainingKeepsThePooledValueAndTheWinners) {
  const Graph graph =
      training("input x: f32[N, 3, 12, 12]\n output y = x -> Conv2d(4, 3) as c -> relu -> max_pool2d(2)");
  EXPECT_TRUE(has(regions(graph),
                  "c.conv2d + c + max_pool2d.window + max_pool2d + max_pool2d.window.which -> "
                  "max_pool2d max_pool2d.window.which"));
}

TEST(Regions, UpdateChainsAreOneRegion) {
  const Graph graph = training("input x: f32[N, 3]\n output y = x -> Linear(2) as fc");
  EXPECT_TRUE(has(regions(graph),
                  "fc.weight.next.u + fc.weight/v.next + fc.weight.next -> fc.weight/v.next fc.weight.next"))
      << fmt::format("{}", fmt::join(regions(graph), "\n"));
}

// Must not fire

TEST(Regions, NotWithASecondReaderOfTheUnpooledValue) {
  const Graph graph = inference("input x: f32[N, 3, 12, 12]\n a = x -> Conv2d(4, 3) as c -> tanh\n"
                                "output y = max_pool2d(a, 2)\n output z = a -> Conv2d(2, 1) as d");
  EXPECT_FALSE(fused_with_window(graph));
  EXPECT_TRUE(contains(decisions(graph, "form_regions"), "`d.conv2d` reads `tanh` too"));
}

TEST(Regions, NotWithASecondReaderOfTheContraction) {
  const Graph graph = inference("input x: f32[N, 3, 12, 12]\n a = x -> Conv2d(4, 3, bias = false) as c\n"
                                "output y = a -> tanh -> max_pool2d(2)\n output z = a -> Conv2d(2, 1) as d");
  EXPECT_FALSE(fused_with_window(graph));
  EXPECT_TRUE(contains(decisions(graph, "form_regions"), "`d.conv2d` reads `c` too"));
}

TEST(Regions, NotWhereTheBackwardPassNeedsTheUnpooledValue) {
  // leaky_relu's mask is the sign of what came in; tanh's derivative is made of what came out.
  for (const char* activation : {"leaky_relu", "tanh", "gelu"}) {
    const Graph graph = training(fmt::format(
        "input x: f32[N, 3, 12, 12]\n output y = x -> Conv2d(4, 3) as c -> {} -> max_pool2d(2)", activation));
    EXPECT_FALSE(fused_with_window(graph)) << activation;
  }
}

TEST(Regions, NotWithANormalisationByTheBatchInBetween) {
  const Graph graph =
      training("input x: f32[N, 3, 12, 12]\n"
               "output y = x -> Conv2d(4, 3) as c -> BatchNorm2d as b -> relu -> max_pool2d(2)");
  EXPECT_FALSE(fused_with_window(graph));
  EXPECT_TRUE(has(regions(graph), "c.conv2d + c -> c"));
}

TEST(Regions, NotWhereTheUnpooledValueLeaves) {
  EXPECT_FALSE(fused_with_window(inference("input x: f32[N, 3, 12, 12]\n output a = x -> Conv2d(4, 3) as c "
                                           "-> relu\n output y = max_pool2d(a, 2)")));
  EXPECT_FALSE(fused_with_window(inference("input x: f32[N, 3, 12, 12]\n output a = x -> Conv2d(4, 3) as c\n "
                                           "output y = a -> tanh -> max_pool2d(2)")));
}

TEST(Regions, NotAWindowOverSomethingElse) {
  EXPECT_EQ(regions(inference("input x: f32[N, 3, 12, 12]\n output y = x -> max_pool2d(2)")),
            Texts({"max_pool2d -> max_pool2d"}));
  const Graph graph = inference(
      "input x: f32[N, 3, 12, 12]\n output y = x -> Conv2d(4, 3) as c -> max_pool2d(2) -> max_pool2d(2)");
  EXPECT_EQ(regions(graph),
            Texts({"c.conv2d + c + max_pool2d -> max_pool2d", "max_pool2d.1 -> max_pool2d.1"}));
}

TEST(Regions, NotALargestValueOverAllChannels) {
  // The reduced dimension is gone: no window.
  const Graph graph = inference("input x: f32[N, 3]\n output y = x -> Linear(4) as fc -> best",
                                "op best(x[N, C]) -> y[N] { y[n] = max(c) x[n, c] }");
  EXPECT_FALSE(fused_with_window(graph));
}

TEST(Regions, NotAlongTheVector) {
  PipelineOptions options;
  options.layout = LayoutPolicy::ChannelBlocked;
  const char* const definitions =
      "op pairs(x[N, C, H, W]) -> y[N, C // 2, H, W] { y[n, c, h, w] = max(r: 2) x[n, 2*c + r, h, w] }\n";
  const std::string body = "input x: f32[N, 16, 6, 6]\n output y = x -> Conv2d(32, 3) as c -> pairs";
  const Graph graph = model_graph(fmt::format("{}model M {{\n{}\n}}\n", definitions, body));
  EXPECT_FALSE(fused_with_window(with_regions(graph, options)));
  // With a block of the batch as the vector, the channels are rows like others.
  options.layout = LayoutPolicy::BatchBlocked;
  EXPECT_TRUE(fused_with_window(with_regions(graph, options)));
}

TEST(Regions, NotATailThatReadsNeighbours) {
  const Graph graph = inference("input x: f32[N, 3]\n output y = x -> Linear(4) as fc -> next",
                                "op next(x[N, C]) -> y[N, C] { y[n, c] = x[n, c] * (x[n, c + 1] else 0) }");
  EXPECT_EQ(graph.regions.size(), 2u);
  EXPECT_TRUE(contains(decisions(graph, "form_regions"), "neighbouring"));
}

TEST(Regions, NotATailWithOtherDigits) {
  // The head's channels are two groups of eight, the tail's four groups of four.
  const char* const definitions =
      "op scaled(x[N, (A B), H], s[A]) -> y[N, (A B), H] { y[n, (a b), h] = x[n, (a b), h] * s[a] }\n"
      "op grouped(x[N, (G C), H], k[(G O), C, R]; groups G: int) -> y[N, (G O), H - R + 1] {\n"
      "    y[n, (g o), i] = sum(c, r) k[(g o), c, r] * x[n, (g c), i + r]\n}\n";
  const std::string body =
      "input x: f32[N, 6, 5]\n param k: f32[16, 3, 2] = ones\n param s: f32[{0}] = ones\n"
      "output y = scaled(grouped(x, k, groups = 2), s)";
  EXPECT_EQ(inference(fmt::format(fmt::runtime(body), 4), definitions).regions.size(), 2u);
  EXPECT_EQ(inference(fmt::format(fmt::runtime(body), 2), definitions).regions.size(), 1u);
}

TEST(Regions, NotAnUpdateOfWhatItsRegionReadsElsewhere) {
  // Each element of w.next needs a row of the old w, which an update in place would have overwritten.
  const char* const layer = "layer Power() (x[N, C]) {\n"
                            "    state w: f32[C, C] = ones\n"
                            "    next w = w + matmul(w, w)\n"
                            "    return x\n}\n";
  const Graph graph =
      training("input x: f32[N, 3]\n param s: f32[3] = ones\n output y = (x * s) -> Power() as p", layer);
  for (const Region& region : graph.regions) {
    const bool product = std::any_of(region.nodes.begin(), region.nodes.end(), [&](NodeId node) {
      return name_of(graph, node).find("matmul") != std::string::npos;
    });
    EXPECT_FALSE(product && region.nodes.size() > 1);
  }
}

TEST(Regions, AreSingleStatementsWhereFusionIsOff) {
  PipelineOptions options;
  options.fuse = false;
  const Graph graph = with_regions(model_graph("model M { input x: f32[N, 3, 12, 12]\n output y = x -> "
                                               "Conv2d(4, 3) as c -> relu -> max_pool2d(2) }"),
                                   options);
  EXPECT_EQ(graph.regions.size(), graph.nodes.size());
}

TEST(WindowShape, IsReadOffTheIndices) {
  const Graph graph = model_graph("model M { input x: f32[N, 3, 12, 13]\n"
                                  "output y = x -> max_pool2d([3, 2], stride = [2, 1], padding = [1, 0]) }");
  const auto shape = window_shape(graph.nodes[0].definition->statements[0]);
  ASSERT_TRUE(shape);
  ASSERT_EQ(shape->dimensions.size(), 4u);
  EXPECT_EQ(shape->dimensions[0].window, -1);
  EXPECT_EQ(shape->dimensions[2].stride, 2);
  EXPECT_EQ(shape->dimensions[2].padding, 1);
  EXPECT_EQ(shape->dimensions[2].extent, 3);
  EXPECT_EQ(shape->dimensions[3].stride, 1);
  EXPECT_EQ(shape->dimensions[3].extent, 2);
}

TEST(WindowShape, IsNoneOfOtherReductions) {
  const auto shape_of = [](const std::string& op, const std::vector<TensorType>& types) {
    return window_shape(
        graph_of_op("op row(x[N, C]) -> y[N] { y[n] = max(c) x[n, c] }\n"
                    "op clamped(x[N, C]) -> y[N, C // 2] { y[n, i] = max(r: 2) max(x[n, 2*i + r], 0) }\n"
                    "op spread(x[N, C]) -> y[N, C // 4] { y[n, i] = max(r: 2) x[n, 4*i + 2*r] }\n"
                    "op turned(x[N, A, B]) -> y[N, B, A // 2] { y[n, b, i] = max(r: 2) x[n, 2*i + r, b] }\n",
                    op, types)
            .nodes[0]
            .definition->statements[0]);
  };
  EXPECT_FALSE(shape_of("row", {f32({-1, 4})}));
  EXPECT_FALSE(shape_of("clamped", {f32({-1, 4})}));
  EXPECT_FALSE(shape_of("spread", {f32({-1, 8})}));
  EXPECT_FALSE(shape_of("turned", {f32({-1, 4, 3})}));
}

} // namespace
} // namespace striate
