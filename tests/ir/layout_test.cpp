#include "ir/layout.h"

#include <gtest/gtest.h>

#include <set>

namespace striate {
namespace {

const TensorType kActivation{ElementType::F32,
                             {Size::n(), Size::constant(20), Size::constant(5), Size::constant(7)}};
const TensorType kWeight{ElementType::F32, {Size::constant(50), Size::constant(20), Size::constant(3)}};

// Every index of `type` at a batch size.
std::vector<std::vector<int64_t>> indices_of(const TensorType& type, int64_t batch) {
  std::vector<std::vector<int64_t>> all = {{}};
  for (const Size& size : type.shape) {
    std::vector<std::vector<int64_t>> longer;
    for (const auto& index : all)
      for (int64_t i = 0; i < size.at(batch); ++i) {
        longer.push_back(index);
        longer.back().push_back(i);
      }
    all = std::move(longer);
  }
  return all;
}

// Different elements lie at different places within the storage, and both forms of offset() agree.
void expect_sound(const Layout& layout, const TensorType& type, int64_t batch) {
  std::vector<IndexExpr> variables;
  for (int d = 0; d < type.rank(); ++d) variables.push_back(IndexExpr::variable(d));
  IndexExpr symbolic = layout.offset(variables);
  std::set<int64_t> seen;
  for (const auto& index : indices_of(type, batch)) {
    int64_t offset = layout.offset(index);
    ASSERT_EQ(symbolic.evaluate(index.data()), offset) << layout.text();
    ASSERT_TRUE(offset >= 0 && offset < layout.storage(batch)) << layout.text();
    ASSERT_TRUE(seen.insert(offset).second) << layout.text();
  }
}

TEST(Layout, RowMajor) {
  Layout layout = Layout::row_major(kActivation);
  EXPECT_EQ(layout.text(), "(d0, d1, d2, d3)");
  EXPECT_EQ(layout.storage(3), 3 * 20 * 5 * 7);
  EXPECT_EQ(layout.strides(), (std::vector<int64_t>{700, 35, 7, 1}));
  EXPECT_EQ(layout.offset(std::vector<int64_t>{2, 3, 4, 5}), 2 * 700 + 3 * 35 + 4 * 7 + 5);
  expect_sound(layout, kActivation, 3);
}

TEST(Layout, BatchBlocked) {
  Layout layout = Layout::blocked(kActivation, 0, 16);
  EXPECT_EQ(layout.text(), "(d0/16, d1, d2, d3, d0%16)");
  EXPECT_EQ(layout.digits[0].extent, Size::n());
  EXPECT_EQ(layout.storage(17), 2 * 20 * 5 * 7 * 16);
  EXPECT_EQ(layout.offset(std::vector<int64_t>{17, 3, 4, 5}), ((1 * 20 + 3) * 35 + 4 * 7 + 5) * 16 + 1);
  expect_sound(layout, kActivation, 17);
}

TEST(Layout, ChannelBlockedIsPadded) {
  Layout layout = Layout::blocked(kActivation, 1, 16);
  EXPECT_EQ(layout.text(), "(d0, d1/16, d2, d3, d1%16)");
  EXPECT_EQ(layout.storage(2), 2 * 2 * 5 * 7 * 16);
  EXPECT_EQ(layout.offset(std::vector<int64_t>{1, 19, 4, 5}), ((1 * 2 + 1) * 35 + 4 * 7 + 5) * 16 + 3);
  expect_sound(layout, kActivation, 2);
}

TEST(Layout, TwoBlockedDimensionsAndAMiddleDigit) {
  Layout layout;
  layout.digits = {{0, 16, Size::constant(4)}, {1, 8, Size::constant(3)}, {2, 1, Size::constant(3)},
                   {1, 4, Size::constant(2)},  {1, 1, Size::constant(4)}, {0, 1, Size::constant(16)}};
  EXPECT_EQ(layout.text(), "(d0/16, d1/8, d2, d1/4%2, d1%4, d0%16)");
  expect_sound(layout, kWeight, 1);
}

// Where the loops follow the blocks, no quotient is left in the offset.
TEST(Layout, OffsetsOfBlockedLoopsAreAffine) {
  Layout layout = Layout::blocked(kActivation, 0, 16);
  // 0: n, in steps of 16; 1: the lane; 2: channel.
  IndexExpr n = IndexExpr::variable(0), lane = IndexExpr::variable(1), c = IndexExpr::variable(2);
  Interval ranges[] = {{0, 112}, {0, 15}, {0, 19}};
  int64_t steps[] = {16, 1, 1};
  IndexExpr offset = layout.offset({n + lane, c, 2, 3})
                         .simplify([&](int v) { return ranges[v]; }, [&](int v) { return steps[v]; });
  EXPECT_TRUE(offset.is_affine());
  EXPECT_EQ(offset, n * 700 + c * 35 * 16 + (2 * 7 + 3) * 16 + lane);
}

TEST(Layout, ScalarsTakeOneElement) {
  TensorType scalar;
  EXPECT_EQ(Layout::row_major(scalar).storage(64), 1);
  EXPECT_EQ(Layout::row_major(scalar).offset(std::vector<int64_t>{}), 0);
}

} // namespace
} // namespace striate
