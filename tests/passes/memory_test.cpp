// plan_memory: no two values that live at once overlap; and settle_persistents, which makes updates in place
// safe.
#include "passes/plan_memory.h"

#include "passes/check_places.h"
#include "passes/expand_calls.h"
#include "passes/pipeline.h"
#include "passes/settle_persistents.h"
#include "tests/passes/graphs.h"

#include <algorithm>

namespace striate {
namespace {

const char* const kLeNet =
    "input x: f32[N, 1, 28, 28]\n"
    "features = x -> Conv2d(20, 5) as conv1 -> relu -> max_pool2d(2)\n"
    "             -> Conv2d(50, 5) as conv2 -> relu -> max_pool2d(2)\n"
    "output y = features -> flatten -> Linear(500) as fc1 -> relu -> Dropout(0.5) -> Linear(10) as fc2";
const char* const kResidual = "input x: f32[N, 4, 9, 9]\n"
                              "a = x -> Conv2d(4, 3, padding = 1) as c1 -> BatchNorm2d as b1 -> relu\n"
                              "b = a -> Conv2d(4, 3, padding = 1) as c2 -> BatchNorm2d as b2\n"
                              "output y = relu(b + x) -> Conv2d(2, 3, stride = 2) as c3";

const char* const kRecurrent = "input x: f32[N, 5, 3]\n"
                               "output y = x -> LSTM(9) as a -> GRU(7) as b -> last_step -> Linear(3) as c";

struct Lifetime {
  ValueId value;
  int64_t low, high; // bytes
  int first, last;   // regions in which it must not be touched
};

// From the regions alone: a stored value lives from its region to its last reader's; what came in or leaves,
// always.
std::vector<Lifetime> lifetimes(const Graph& graph, int64_t capacity) {
  const int end = static_cast<int>(graph.regions.size());
  std::vector<int> first(graph.values.size(), end), last(graph.values.size(), -1);
  for (int r = 0; r < end; ++r) {
    for (NodeId node : graph.regions[r].nodes)
      for (ValueId input : graph.nodes[node].inputs) last[input] = r;
    for (ValueId value : graph.regions[r].stored) {
      first[value] = r;
      last[value] = std::max(last[value], r);
    }
  }
  for (ValueId input : graph.inputs) first[input] = -1, last[input] = end;
  for (const auto& [name, output] : graph.outputs) last[output] = end;
  for (const Persistent& persistent : graph.persistents) {
    first[persistent.value] = -1;
    if (persistent.next < 0) last[persistent.value] = end;
    if (persistent.next >= 0) last[persistent.next] = end;
  }
  std::vector<Lifetime> result;
  for (std::size_t v = 0; v < graph.values.size(); ++v) {
    const Value& value = graph.values[v];
    if (first[v] == end) continue; // never in memory
    EXPECT_GE(value.offset, 0) << value.name;
    EXPECT_EQ(value.offset % 64, 0) << value.name;
    // What its elements need, without the planner's own rounding.
    const int64_t bytes = value.layout.storage(capacity) * byte_size(value.type.element);
    EXPECT_LE(value.offset + bytes, graph.arena_bytes) << value.name;
    result.push_back({static_cast<ValueId>(v), value.offset, value.offset + bytes, first[v], last[v]});
  }
  return result;
}

// A value and what replaces it may share their place where the old one's last reader is the new one's region.
bool replaces(const Graph& graph, const Lifetime& a, const Lifetime& b) {
  for (const Persistent& persistent : graph.persistents)
    if (persistent.value == a.value && persistent.next == b.value) return a.last <= b.first && a.low == b.low;
  return false;
}

void expect_no_overlap(const Graph& graph, int64_t capacity) {
  const std::vector<Lifetime> all = lifetimes(graph, capacity);
  EXPECT_FALSE(all.empty());
  for (std::size_t i = 0; i < all.size(); ++i)
    for (std::size_t j = i + 1; j < all.size(); ++j) {
      const Lifetime &a = all[i], &b = all[j];
      const bool both_live = a.first <= b.last && b.first <= a.last, share = a.low < b.high && b.low < a.high;
      EXPECT_FALSE(both_live && share && !replaces(graph, a, b) && !replaces(graph, b, a))
          << graph.values[a.value].name << " and " << graph.values[b.value].name;
    }
}

Graph planned(Graph graph, int64_t capacity, bool fuse, LayoutPolicy layout = LayoutPolicy::BatchBlocked) {
  PipelineOptions options;
  options.capacity = capacity;
  options.fuse = fuse;
  options.layout = layout;
  run_region_passes(graph, {}, options);
  plan_memory(graph, capacity, plan_persistents(graph));
  return graph;
}

TEST(Memory, LiveValuesDoNotOverlap) {
  for (const char* body : {kLeNet, kResidual})
    for (int64_t capacity : {1, 17, 64})
      for (bool fuse : {true, false})
        for (LayoutPolicy layout : {LayoutPolicy::BatchBlocked, LayoutPolicy::Plain})
          expect_no_overlap(planned(step_graph(training_program("", body)), capacity, fuse, layout),
                            capacity);
}

// check_places, which a planner's mistake and an edited text meet.

TEST(CheckPlaces, TakesWhatIsPlanned) {
  for (const char* body : {kLeNet, kResidual, kRecurrent})
    for (int64_t capacity : {1, 17})
      for (bool fuse : {true, false}) {
        const Graph graph = planned(step_graph(training_program("", body)), capacity, fuse);
        const Status status = check_places(graph, capacity);
        EXPECT_TRUE(status.ok()) << status.failure().message;
      }
}

// Every stored value moved to where another lies: where that one is needed while the moved one is there, it
// is refused. In a loop, both are needed at all of its steps.
TEST(CheckPlaces, RefusesValuesThatShareAPlaceAndLiveAtOnce) {
  for (const char* body : {kResidual, kRecurrent}) {
    const Graph graph = planned(step_graph(training_program("", body)), 4, true);
    const std::vector<ValueLifetime> lives = value_lifetimes(graph);
    int refused = 0, taken = 0;
    for (const Region& region : graph.regions)
      for (ValueId moved : region.stored)
        for (const Region& other_region : graph.regions)
          for (ValueId other : other_region.stored) {
            const auto replaces = [&](ValueId value) {
              return std::ranges::any_of(graph.persistents,
                                         [&](const Persistent& p) { return p.next == value; });
            };
            if (moved == other || replaces(moved) || replaces(other)) continue;
            Graph changed = graph;
            changed.arena_bytes *= 2;
            changed.values[moved].offset = changed.values[other].offset;
            const bool at_once =
                lives[moved].first <= lives[other].last && lives[other].first <= lives[moved].last;
            if (at_once) {
              const Status status = check_places(changed, 4);
              ASSERT_FALSE(status.ok()) << graph.values[moved].name << " on " << graph.values[other].name;
              EXPECT_TRUE(contains({status.failure().message}, "is stored across"))
                  << status.failure().message;
              ++refused;
            } else {
              ++taken; // other values may lie there, too: nothing follows
            }
          }
    EXPECT_GT(refused, 20) << body;
    EXPECT_GT(taken, 20) << body;
  }
}

TEST(CheckPlaces, RefusesWhatLiesAcrossInputsAndParameters) {
  const Graph graph = planned(step_graph(training_program("", kResidual)), 4, true);
  const auto failure = [&](const std::string& name, int64_t offset) {
    Graph changed = graph;
    const ValueId value = changed.find(name);
    if (value < 0) return "there is no " + name;
    changed.values[value].offset = offset;
    const Status status = check_places(changed, 4);
    return status.ok() ? std::string() : status.failure().message;
  };
  const int64_t input = graph.values[graph.inputs[0]].offset;
  EXPECT_TRUE(contains({failure("relu", input)}, "`relu` is stored across `x`"));
  EXPECT_TRUE(contains({failure("c1.weight.next", input + 64)}, "does not lie where that does"));
  EXPECT_TRUE(contains({failure("relu", -1)}, "has no place in memory"));
  EXPECT_TRUE(contains({failure("relu", graph.arena_bytes - 64)}, "ends beyond the arena"));
}

TEST(Memory, SpaceIsUsedAgain) {
  const Graph graph = planned(model_graph(training_program("", kLeNet)), 64, true);
  int64_t all = 0;
  for (const Region& region : graph.regions)
    for (ValueId value : region.stored) all += storage_bytes(graph.values[value], 64);
  EXPECT_LT(graph.arena_bytes - plan_persistents(graph).bytes,
            all + storage_bytes(graph.values[graph.inputs[0]], 64));
}

TEST(Memory, ParametersAreUpdatedInPlaceAfterTheirLastRead) {
  const Graph graph = planned(step_graph(training_program("", kLeNet)), 16, true);
  EXPECT_TRUE(decisions(graph, "settle_persistents").empty());
  for (const Persistent& persistent : graph.persistents)
    EXPECT_EQ(graph.values[persistent.value].offset, graph.values[persistent.next].offset);
}

TEST(Memory, PersistentsLieAlikeInEveryEntryPoint) {
  const std::string source = training_program("", kResidual);
  Graph step = step_graph(source), eval = model_graph(source);
  PipelineOptions options;
  run_region_passes(step, {}, options);
  const PersistentPlan plan = plan_persistents(step);
  run_region_passes(eval, persistent_layouts(step), options);
  plan_memory(step, 16, plan);
  plan_memory(eval, 16, plan);
  for (const Persistent& persistent : eval.persistents) {
    const Value& value = eval.values[persistent.value];
    EXPECT_EQ(value.offset, step.values[step.find(value.name)].offset) << value.name;
  }
  expect_no_overlap(eval, 16);
}

// settle_persistents

Graph settled(const std::string& layer) {
  const std::string source =
      training_program(layer, "input x: f32[N, 4]\n param s: f32[4] = ones\n output y = (x * s) -> L() as l");
  const Graph before = step_graph(source);
  Graph graph = before;
  settle_persistents(graph);
  EXPECT_EQ(verify(graph), std::vector<std::string>());
  EXPECT_EQ(difference(before, graph, 3), 0);
  for (bool fuse : {true, false}) expect_no_overlap(planned(graph, 16, fuse), 16);
  return graph;
}

TEST(SettlePersistents, AStateThatShifts) {
  const Graph graph =
      settled("op shift(h[C]) -> y[C] { y[c] = (h[c - 1] else 0) }\n"
              "layer L() (x[N, C]) {\n state h: f32[C] = ones\n next h = shift(h)\n return x\n}\n");
  EXPECT_TRUE(contains(decisions(graph, "settle_persistents"), "reads the old value at other elements"));
}

TEST(SettlePersistents, TwoStatesThatSwap) {
  const Graph graph = settled("op same(h[C]) -> y[C] { y[c] = h[c] }\n"
                              "layer L() (x[N, C]) {\n state a: f32[C] = ones\n state b: f32[C] = zeros\n"
                              " next a = same(b)\n next b = same(a)\n return x\n}\n");
  EXPECT_EQ(decisions(graph, "settle_persistents").size(), 1u);
}

TEST(SettlePersistents, OneValueForTwoStates) {
  const Graph graph = settled("layer L() (x[N, C]) {\n state a: f32[C] = ones\n state b: f32[C] = zeros\n"
                              " u = a + b\n next a = u\n next b = u\n return x\n}\n");
  EXPECT_TRUE(contains(decisions(graph, "settle_persistents"), "it replaces several values"));
}

TEST(SettlePersistents, TheOldValueIsReadAfterTheNewOneWasMade) {
  const Graph graph = settled("layer L() (x[N, C]) {\n state a: f32[C] = ones\n state b: f32[C] = zeros\n"
                              " y = x + a\n next a = a + b\n return y * a\n}\n");
  EXPECT_EQ(graph.persistents.size(), 4u);
}

TEST(SettlePersistents, NothingIsCopiedForOptimizers) {
  for (const char* optimizer : {"SGD(lr = 0.1, momentum = 0.9, nesterov = true)", "Adam()", "AdamW()"}) {
    std::string source = training_program("", kLeNet);
    const std::string usual = "SGD(lr = 0.1, momentum = 0.9)";
    source.replace(source.find(usual), usual.size(), optimizer);
    Graph graph = step_graph(source);
    settle_persistents(graph);
    EXPECT_EQ(decisions(graph, "settle_persistents"), std::vector<std::string>()) << optimizer;
  }
}

} // namespace
} // namespace striate
