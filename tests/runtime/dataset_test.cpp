#include "runtime/dataset.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace striate {

// Columns u8[n,2] with 10*row, 10*row+1; i32[n] with -row; f32[n] with row/2.
static Table numbered_table(int64_t rows) {
  Table table;
  Tensor images(ElementType::U8, {rows, 2}), labels(ElementType::I32, {rows}),
      halves(ElementType::F32, {rows});
  for (int64_t row = 0; row < rows; ++row) {
    images.as<uint8_t>()[2 * row] = static_cast<uint8_t>(10 * row);
    images.as<uint8_t>()[2 * row + 1] = static_cast<uint8_t>(10 * row + 1);
    labels.as<int32_t>()[row] = static_cast<int32_t>(-row);
    halves.as<float>()[row] = static_cast<float>(row) / 2;
  }
  table.columns.push_back({"image", std::move(images)});
  table.columns.push_back({"label", std::move(labels)});
  table.columns.push_back({"half", std::move(halves)});
  return table;
}

TEST(Dataset, DividesInOrder) {
  const Split all = Split::whole("all", numbered_table(10));
  const Result<std::vector<Split>> parts = divide(all, {"train", "val"}, {6, 3});
  ASSERT_TRUE(parts.ok());
  EXPECT_EQ((*parts)[0].rows, (std::vector<int64_t>{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ((*parts)[1].name, "val");
  EXPECT_EQ((*parts)[1].rows, (std::vector<int64_t>{6, 7, 8}));
  EXPECT_EQ(divide(all, {"train", "val"}, {8, 3}).failure().message,
            "the part `val` needs 3 examples, but 2 of 10 are left");
  EXPECT_FALSE(divide(all, {"train"}, {0}).ok());
  EXPECT_FALSE(divide(all, {"train"}, {-1}).ok());
}

TEST(Dataset, DividesByShares) {
  const Split all = Split::whole("all", numbered_table(10));
  const Result<std::vector<Split>> parts = divide(all, {"train", "val", "test"}, {0.7, 0.2, 0.1});
  ASSERT_TRUE(parts.ok()) << parts.failure().message;
  EXPECT_EQ((*parts)[0].rows.size(), 7u);
  EXPECT_EQ((*parts)[1].rows, (std::vector<int64_t>{7, 8}));
  EXPECT_EQ((*parts)[2].rows, (std::vector<int64_t>{9})) << "0.7 + 0.2 + 0.1 is the whole";
  EXPECT_EQ(divide(all, {"train", "val"}, {0.5, 0.01}).failure().message,
            "the part `val` would have 0 examples");
}

TEST(Dataset, Subset) {
  const Split part = divide(Split::whole("all", numbered_table(10)), {"a", "b"}, {5, 5}).value()[1];
  const std::vector<int64_t> positions = {4, 0};
  EXPECT_EQ(subset(part, "some", positions)->rows, (std::vector<int64_t>{9, 5}));
  const std::vector<int64_t> outside = {5};
  EXPECT_EQ(subset(part, "some", outside).failure().message, "example 5 is outside `b`, which has 5");
}

TEST(Dataset, SplitsMustAgree) {
  Dataset dataset;
  ASSERT_TRUE(dataset.add(Split::whole("train", numbered_table(4))).ok());
  ASSERT_TRUE(dataset.add(Split::whole("test", numbered_table(2))).ok());
  EXPECT_EQ(dataset.find("test")->size(), 2);
  EXPECT_EQ(dataset.find("val"), nullptr);
  EXPECT_FALSE(dataset.add(Split::whole("test", numbered_table(2))).ok());
  Table other = numbered_table(2);
  other.columns[0].values = Tensor(ElementType::U8, {2, 3});
  EXPECT_EQ(dataset.add(Split::whole("val", std::move(other))).failure().message,
            "column 0 of split `val` holds u8 x 3 per example, but in `train` it holds u8 x 2");
}

TEST(Dataset, ShufflesArePermutationsFixedBySeedAndEpoch) {
  const std::vector<int64_t> order = shuffled_order(1000, 1, 0);
  std::vector<int64_t> sorted = order;
  std::sort(sorted.begin(), sorted.end());
  EXPECT_EQ(sorted, natural_order(1000));
  EXPECT_EQ(order, shuffled_order(1000, 1, 0));
  EXPECT_NE(order, shuffled_order(1000, 1, 1));
  EXPECT_NE(order, shuffled_order(1000, 2, 0));
  EXPECT_EQ(shuffled_order(1, 1, 0), (std::vector<int64_t>{0}));
  EXPECT_TRUE(shuffled_order(0, 1, 0).empty());
  // The order is part of what makes runs repeatable: a change of it is a change of every trained network.
  EXPECT_EQ(shuffled_order(8, 1, 0), (std::vector<int64_t>{6, 4, 1, 2, 7, 5, 3, 0}));
}

TEST(Dataset, ShufflesAreUniform) {
  // Where element 0 of 6 ends up over 6,000 epochs: 1,000 each, standard deviation 29.
  std::vector<int> places(6);
  for (uint32_t epoch = 0; epoch < 6000; ++epoch) {
    const std::vector<int64_t> order = shuffled_order(6, 5, epoch);
    ++places[static_cast<std::size_t>(std::find(order.begin(), order.end(), 0) - order.begin())];
  }
  for (int count : places) EXPECT_NEAR(count, 1000, 150);
}

TEST(Dataset, BatchesCoverTheOrderWithARaggedLastOne) {
  const Split part = divide(Split::whole("all", numbered_table(20)), {"a", "b"}, {9, 11}).value()[1];
  for (int64_t size : {1, 3, 4, 11, 16}) {
    const std::vector<int64_t> order = shuffled_order(11, 3, 0);
    const Batches batches(part, order, size);
    EXPECT_EQ(batches.count(), (11 + size - 1) / size);
    std::vector<int64_t> seen;
    for (int64_t batch = 0; batch < batches.count(); ++batch) {
      const auto rows = batches.rows(batch);
      EXPECT_TRUE(batch + 1 == batches.count() || static_cast<int64_t>(rows.size()) == size);
      seen.insert(seen.end(), rows.begin(), rows.end());
    }
    ASSERT_EQ(seen.size(), 11u);
    for (std::size_t i = 0; i < seen.size(); ++i) EXPECT_EQ(seen[i], 9 + order[i]);
  }
  EXPECT_EQ(Batches(part, {}, 4).count(), 0);
}

} // namespace striate
