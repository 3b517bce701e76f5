// recompute: the plan keeps to the limit, the bits stay, and what is computed again is what was kept over the
// peak and nothing else.
#include "passes/recompute.h"

#include "ir/graph/parse.h"
#include "passes/pipeline.h"
#include "support/byte_size.h"
#include "tests/passes/graphs.h"

#include <algorithm>
#include <bit>

namespace striate {
namespace {

const char* const kDeep = "input x: f32[N, 8, 16, 16]\n"
                          "a = x -> Conv2d(16, 3, padding = 1) as c1 -> BatchNorm2d as b1 -> relu\n"
                          "b = a -> Conv2d(16, 3, padding = 1) as c2 -> relu -> Dropout(0.5)\n"
                          "c = b + a -> Conv2d(16, 3, padding = 1) as c3 -> relu -> max_pool2d(2)\n"
                          "d = c -> Conv2d(16, 3, padding = 1) as c4 -> sigmoid\n"
                          "output y = d -> flatten -> Linear(10) as f";

Graph lowered(const std::string& body, int64_t capacity, std::optional<int64_t> memory,
              LayoutPolicy layout = LayoutPolicy::ChannelBlocked) {
  Graph graph = step_graph(training_program("", body));
  PipelineOptions options;
  options.capacity = capacity;
  options.layout = layout;
  options.memory = memory;
  run_region_passes(graph, {}, options);
  run_kernel_passes(graph, plan_persistents(graph), options);
  return graph;
}

std::vector<std::string> again(const Graph& graph) {
  std::vector<std::string> names;
  for (const Node& node : graph.nodes)
    if (node.again) names.push_back(graph.values[node.outputs[0]].name);
  return names;
}

bool same_bits(const ReferenceTensor& a, const ReferenceTensor& b) {
  return std::ranges::equal(a.values, b.values, [](double x, double y) {
    return std::bit_cast<uint64_t>(x) == std::bit_cast<uint64_t>(y);
  });
}

TEST(Recompute, KeepsToTheLimitAndTheBits) {
  for (LayoutPolicy layout : {LayoutPolicy::ChannelBlocked, LayoutPolicy::BatchBlocked}) {
    const Graph whole = lowered(kDeep, 16, std::nullopt, layout);
    const ReferenceRun want = run_with_noise(whole, 16, Precision::F32);
    std::size_t most = 0;
    for (double share : {0.95, 0.85, 0.75}) {
      const auto limit = static_cast<int64_t>(share * static_cast<double>(whole.arena_bytes));
      const Graph graph = lowered(kDeep, 16, limit, layout);
      EXPECT_LE(graph.arena_bytes, limit);
      EXPECT_FALSE(again(graph).empty());
      EXPECT_GE(again(graph).size(), most); // less memory, no less work
      most = again(graph).size();
      EXPECT_TRUE(contains(decisions(graph, "recompute"), "fits by computing again"));
      const ReferenceRun got = run_with_noise(graph, 16, Precision::F32);
      for (const Persistent& persistent : graph.persistents) {
        const std::string& next = graph.values[persistent.next].name;
        EXPECT_TRUE(same_bits(got.value(next), want.value(next))) << next << " at " << share;
      }
    }
  }
}

TEST(Recompute, DoesNothingWhereMemorySuffices) {
  const Graph whole = lowered(kDeep, 16, std::nullopt);
  Graph graph = lowered(kDeep, 16, whole.arena_bytes);
  EXPECT_TRUE(contains(decisions(graph, "recompute"), "nothing is computed again"));
  std::erase_if(graph.decisions, [](const Decision& decision) { return decision.pass == "recompute"; });
  EXPECT_EQ(print(graph), print(whole));
}

TEST(Recompute, CheapValuesComeFirst) {
  // What follows from a kept value element by element, before a sum of products.
  const Graph whole = lowered(kDeep, 16, std::nullopt);
  const Graph graph = lowered(kDeep, 16, whole.arena_bytes - 1);
  for (const Node& node : graph.nodes)
    if (node.again) {
      EXPECT_FALSE(node.definition->statements[0].reduces()) << graph.values[node.outputs[0]].name;
    }
}

TEST(Recompute, SaysWhereItIsNotEnough) {
  const Graph graph = lowered(kDeep, 16, 1);
  EXPECT_TRUE(contains(decisions(graph, "recompute"), "does not fit"));
  EXPECT_LT(graph.arena_bytes, lowered(kDeep, 16, std::nullopt).arena_bytes * 3 / 4);
}

TEST(Recompute, StandsInTheTextForm) {
  const Graph graph = lowered(kDeep, 16, 1);
  const Result<Graph> read = parse_graph(print(graph), "again.sir");
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(print(*read), print(graph));
  EXPECT_EQ(again(*read), again(graph));
}

TEST(Recompute, LeavesLoopsAlone) {
  const Graph graph = lowered("input x: f32[N, 12, 3]\n"
                              "output y = x -> LSTM(16) as a -> GRU(16) as b -> last_step -> Linear(3) as c",
                              16, 1);
  for (const Node& node : graph.nodes) EXPECT_FALSE(node.again && node.loop >= 0);
}

TEST(ByteSize, ReadsAmountsAsPeopleWriteThem) {
  EXPECT_EQ(parse_bytes("2GiB"), int64_t{2} << 30);
  EXPECT_EQ(parse_bytes("1.5 MB"), 1500000);
  EXPECT_EQ(parse_bytes("4096"), 4096);
  for (const char* wrong : {"", "GiB", "2 gigs", "-1", "1e300", "nan", "2GiBs"})
    EXPECT_FALSE(parse_bytes(wrong)) << wrong;
  EXPECT_EQ(bytes_text(999), "999 bytes");
  EXPECT_EQ(bytes_text(1500000), "1.5 MB");
  EXPECT_EQ(bytes_text(999999), "1.0 MB");
}

} // namespace
} // namespace striate
