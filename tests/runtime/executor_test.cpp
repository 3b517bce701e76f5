#include "runtime/executor.h"

#include "tests/runtime/toy_program.h"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <numeric>

namespace striate {

static Tensor counted(ElementType element, std::vector<int64_t> shape) {
  Tensor tensor(element, std::move(shape));
  for (int64_t i = 0; i < tensor.elements(); ++i) {
    const auto at = static_cast<std::size_t>(i);
    if (element == ElementType::F32) tensor.as<float>()[at] = static_cast<float>(i);
    if (element == ElementType::I32) tensor.as<int32_t>()[at] = static_cast<int32_t>(i);
    if (element == ElementType::U8) tensor.as<uint8_t>()[at] = static_cast<uint8_t>(i);
  }
  return tensor;
}

TEST(Placement, WeightsInABlockedLayoutComeBack) {
  // f32[5,3]: the first dimension blocked by 4 (padded to 8), innermost.
  const Placement placement{
      "w", ElementType::F32, {5, 3}, false, 64, 24, {{0, 4, 2, 12}, {1, 1, 3, 4}, {0, 1, 4, 1}}};
  const PlacedTensor placed(placement);
  Tensor arena(ElementType::U8, {64 + 24 * 4});
  char* memory = static_cast<char*>(arena.data());
  const Tensor weight = counted(ElementType::F32, {5, 3});
  placed.write(memory + 64, weight);
  const float* stored = reinterpret_cast<const float*>(memory + 64);
  EXPECT_EQ(stored[1], 3);       // w[1,0]
  EXPECT_EQ(stored[12 + 8], 14); // w[4,2]
  EXPECT_EQ(stored[12 + 1], 0);  // padding
  EXPECT_TRUE(placed.read(memory + 64, 0).equals(weight));
}

TEST(Placement, ExamplesAreConvertedAndFilledUpToSixteen) {
  ThreadPool pool(3);
  const Placement placement{
      "x", ElementType::F32, {40, 2}, true, 0, 96, {{0, 16, 3, 32}, {1, 1, 2, 16}, {0, 1, 16, 1}}};
  const PlacedTensor placed(placement);
  Tensor arena(ElementType::U8, {96 * 4});
  char* memory = static_cast<char*>(arena.data());
  std::memset(memory, 0xff, 96 * 4);
  const std::vector<int64_t> rows = {3, 0, 7};
  ASSERT_TRUE(placed.write_examples(memory, counted(ElementType::U8, {10, 1, 2}), rows, pool).ok());
  const Tensor read = placed.read(memory, 17);
  const auto values = read.as<float>();
  EXPECT_EQ((std::vector<float>(values.begin(), values.begin() + 8)),
            (std::vector<float>{6, 7, 0, 1, 14, 15, 14, 15}));
  EXPECT_EQ(values[30], 14) << "the 16th place is a copy of the last example";
  EXPECT_TRUE(std::isnan(values[32])) << "the 17th is not touched";

  std::vector<int64_t> many(35);
  std::iota(many.begin(), many.end(), 0);
  ASSERT_TRUE(placed.write_examples(memory, counted(ElementType::I32, {35, 2}), many, pool).ok());
  EXPECT_EQ(placed.read(memory, 40).as<float>()[79], 69);
  const float* stored = reinterpret_cast<const float*>(memory);
  EXPECT_EQ(stored[64 + 16 + 15], 69) << "the last vector is filled beyond the capacity too";

  const PlacedTensor plain(toy::plain("x", ElementType::F32, {3, 2}, true, 0));
  std::memset(memory, 0xff, 96 * 4);
  ASSERT_TRUE(plain.write_examples(memory, counted(ElementType::F32, {10, 2}), rows, pool).ok());
  EXPECT_EQ(stored[5], 15);
  EXPECT_TRUE(std::isnan(stored[6])) << "a plain layout has no places beyond the capacity";
}

TEST(Placement, WhatCannotBeConvertedIsRefused) {
  ThreadPool pool(2);
  std::vector<char> memory(1024);
  const std::vector<int64_t> rows = {0, 2};
  const PlacedTensor label(toy::plain("label", ElementType::I32, {16}, true, 0));
  Tensor halves = counted(ElementType::F32, {3});
  ASSERT_TRUE(label.write_examples(memory.data(), halves, rows, pool).ok());
  EXPECT_EQ(label.read(memory.data(), 2).as<int32_t>()[1], 2);
  for (float bad : {2.5f, 3e9f, std::numeric_limits<float>::quiet_NaN()}) {
    halves.as<float>()[2] = bad;
    EXPECT_EQ(label.write_examples(memory.data(), halves, rows, pool).failure().message,
              "`label` takes whole numbers, but example 2 of its column holds another");
  }
  EXPECT_EQ(
      label.write_examples(memory.data(), counted(ElementType::I32, {3, 4}), rows, pool).failure().message,
      "`label` takes 1 values per example, but its column has 4");
  const PlacedTensor image(toy::plain("image", ElementType::U8, {16}, true, 0));
  EXPECT_EQ(image.write_examples(memory.data(), halves, rows, pool).failure().message,
            "`image` takes u8, but its column holds f32");
}

static Executor made(int threads = 1) { return std::move(Executor::create(toy::program(), threads).value()); }

TEST(Executor, SeedsInitialisation) {
  Executor executor = made();
  executor.set_seed(1);
  ASSERT_TRUE(executor.initialize().ok());
  const std::vector<NamedTensor> first = executor.state();
  EXPECT_EQ(first[0].tensor.as<float>()[0], uniform(1, 0, 0, stream_of("weight")) - 0.5f);
  executor.set_seed(uint64_t{1} << 40);
  ASSERT_TRUE(executor.initialize().ok());
  EXPECT_FALSE(executor.state()[0].tensor.equals(first[0].tensor));
  ASSERT_TRUE(executor.load(first, true, "x").ok());
  EXPECT_TRUE(executor.state()[0].tensor.equals(first[0].tensor));
}

TEST(Executor, WeightsAreWithoutOptimizerStates) {
  Executor executor = made();
  ASSERT_TRUE(executor.initialize().ok());
  std::vector<std::string> names;
  for (const NamedTensor& named : executor.weights()) names.push_back(named.name);
  EXPECT_EQ(names, (std::vector<std::string>{"fc.weight", "norm.running_mean"}));
  EXPECT_TRUE(executor.load(executor.weights(), false, "x").ok());
  EXPECT_TRUE(executor.load(executor.state(), false, "x").ok()) << "a checkpoint serves as weights";
  EXPECT_EQ(executor.load(executor.weights(), true, "x").failure().message, "`x` lacks `fc.weight/v`");
}

TEST(Executor, LoadingTakesAllOrNothing) {
  Executor executor = made();
  ASSERT_TRUE(executor.initialize().ok());
  const std::vector<NamedTensor> before = executor.weights();
  std::vector<NamedTensor> tensors;
  tensors.push_back({"fc.weight", counted(ElementType::F32, {2, 2})});
  EXPECT_EQ(executor.load(tensors, false, "x").failure().message, "`x` lacks `norm.running_mean`");
  tensors.push_back({"norm.running_mean", counted(ElementType::F32, {1})});
  EXPECT_EQ(executor.load(tensors, false, "x").failure().message,
            "`x` does not fit the model: `fc.weight` is f32[2,2] instead of f32[1,2]");
  tensors[0].tensor = counted(ElementType::F32, {1, 2});
  tensors.push_back({"fc.bias", counted(ElementType::F32, {1})});
  EXPECT_EQ(executor.load(tensors, false, "x").failure().message,
            "`x` holds what the model has not: `fc.bias`");
  EXPECT_TRUE(executor.weights()[0].tensor.equals(before[0].tensor));
  tensors.pop_back();
  ASSERT_TRUE(executor.load(tensors, false, "x").ok());
  EXPECT_EQ(executor.weights()[0].tensor.as<float>()[1], 1);
}

TEST(Executor, FindsWhatIsNotFinite) {
  Executor executor = made();
  ASSERT_TRUE(executor.initialize().ok());
  EXPECT_EQ(executor.first_non_finite(), "");
  std::vector<NamedTensor> tensors = executor.state();
  tensors[2].tensor.as<float>()[1] = std::numeric_limits<float>::infinity();
  ASSERT_TRUE(executor.load(tensors, true, "x").ok());
  EXPECT_EQ(executor.first_non_finite(), "fc.weight/v");
}

TEST(Executor, RefusesAnArenaBeyondMemory) {
  Executable program = toy::program();
  program.arena_bytes = int64_t{1} << 60;
  const Result<Executor> executor = Executor::create(std::move(program), 1);
  ASSERT_FALSE(executor.ok());
  EXPECT_EQ(executor.failure().code, ExitCode::OutOfMemory);
}

} // namespace striate
