// driver/tuning: a tile that is known for a kernel is taken and said, and nothing else is changed by it.
#include "driver/tuning.h"

#ifdef STRIATE_HAS_LLVM
#include "codegen/cpu/target.h"
#endif
#include "passes/schedule/schedule.h"
#include "tests/elaborate/elaborated.h"

#include <algorithm>

namespace striate {
namespace {

const char* const kProgram =
    "model Net {\n"
    "    input image: f32[N, 16, 12, 12]\n"
    "    output logits = image -> Conv2d(32, 3) as conv -> relu -> flatten -> Linear(10) as fc\n"
    "}\n";

#ifdef STRIATE_HAS_LLVM

class Tuning : public testing::Test {
protected:
  void SetUp() override {
    module_ = module_of(kProgram);
    options_.pipeline.capacity = 8;
    options_.pipeline.target = host_target();
    plain_ = std::move(*lower(module_, false, options_));
  }

  // The number of the first kernel with a tile, and another one for it.
  std::pair<std::size_t, std::string> another_tile() const {
    const Graph& graph = plain_.eval.regions;
    for (std::size_t r = 0; r < graph.regions.size(); ++r)
      for (const std::string& tile : tile_alternatives(graph, r, 8, options_.pipeline.target, 8))
        if (tile != chosen(graph, r)) return {r, tile};
    ADD_FAILURE() << "no kernel has two tiles";
    return {0, ""};
  }

  static std::string chosen(const Graph& graph, std::size_t region) {
    for (const Decision& decision : graph.decisions)
      if (decision.pass == "schedule" && decision.what == graph.regions[region].name) return decision.chosen;
    return "";
  }

  Compilation with(TunedTile tile) {
    CompileOptions options = options_;
    options.tuned = std::make_shared<const TunedTiles>(std::vector{std::move(tile)}, options.pipeline.target);
    return std::move(*lower(module_, false, options));
  }

  TunedTile entry(std::size_t kernel, const std::string& tile) const {
    return {tuned_cpu(options_.pipeline.target),
            tuning_key(plain_.eval.program.kernels[kernel], plain_.eval.program),
            "conv",
            tile,
            chosen(plain_.eval.regions, kernel),
            1.2};
  }

  Module module_;
  CompileOptions options_;
  Compilation plain_;
};

TEST_F(Tuning, ATileThatIsKnownIsTakenAndSaid) {
  const auto [kernel, tile] = another_tile();
  const Compilation tuned = with(entry(kernel, tile));
  EXPECT_EQ(chosen(tuned.eval.regions, kernel), tile);
  const auto said = std::ranges::find_if(tuned.eval.regions.decisions, [&](const Decision& decision) {
    return decision.reason ==
           "tuned: 20 % faster than the model's choice, " + chosen(plain_.eval.regions, kernel);
  });
  EXPECT_NE(said, tuned.eval.regions.decisions.end());
  EXPECT_NE(print(tuned.eval.program), print(plain_.eval.program));
  // All else is as it was.
  EXPECT_EQ(tuned.eval.program.kernels.size(), plain_.eval.program.kernels.size());
  EXPECT_EQ(tuned.eval.program.arena_bytes, plain_.eval.program.arena_bytes);
}

TEST_F(Tuning, WhatFitsNothingIsPassedOver) {
  const auto [kernel, tile] = another_tile();
  TunedTile other_cpu = entry(kernel, tile), other_kernel = other_cpu, no_tile = other_cpu;
  other_cpu.cpu = "another, 256 bits";
  other_kernel.key = "0123456789abcdef";
  no_tile.tile = "tile [o: 1000]";
  for (const TunedTile& entry : {other_cpu, other_kernel, no_tile})
    EXPECT_EQ(print(with(entry).eval.program), print(plain_.eval.program));
}

TEST_F(Tuning, AnotherBatchIsAnotherKernel) {
  CompileOptions options = options_;
  options.pipeline.capacity = 24;
  const Compilation larger = std::move(*lower(module_, false, options));
  EXPECT_NE(tuning_key(plain_.eval.program.kernels[0], plain_.eval.program),
            tuning_key(larger.eval.program.kernels[0], larger.eval.program));
}

#endif

} // namespace
} // namespace striate
