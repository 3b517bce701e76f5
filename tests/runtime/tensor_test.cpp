#include "runtime/tensor.h"

#include <gtest/gtest.h>

#include <limits>

namespace striate {

TEST(Tensor, IsAlignedAndZero) {
  for (int64_t size : {1, 3, 16, 17, 1000}) {
    const Tensor tensor(ElementType::F32, {size, 3});
    EXPECT_EQ(reinterpret_cast<uintptr_t>(tensor.data()) % kTensorAlignment, 0u);
    EXPECT_EQ(tensor.bytes(), size * 12);
    for (float value : tensor.as<float>()) EXPECT_EQ(value, 0);
  }
}

TEST(Tensor, ScalarsAndEmptyTensors) {
  EXPECT_EQ(Tensor(ElementType::F64, {}).elements(), 1);
  EXPECT_EQ(Tensor(ElementType::F64, {}).type_text(), "f64[]");
  EXPECT_EQ(Tensor(ElementType::I32, {4, 0, 2}).elements(), 0);
  EXPECT_EQ(Tensor().elements(), 0);
}

TEST(Tensor, RefusesImpossibleShapes) {
  constexpr int64_t kHuge = std::numeric_limits<int64_t>::max();
  EXPECT_FALSE(Tensor::allocate(ElementType::F32, {kHuge}).ok());
  EXPECT_FALSE(Tensor::allocate(ElementType::U8, {int64_t{1} << 32, int64_t{1} << 32}).ok());
  EXPECT_FALSE(Tensor::allocate(ElementType::U8, {0, int64_t{1} << 32, int64_t{1} << 32}).ok());
  EXPECT_FALSE(Tensor::allocate(ElementType::U8, {-1}).ok());
  EXPECT_FALSE(Tensor::allocate(ElementType::U8, {kHuge - 100}).ok()) << "more than any address space";
}

TEST(Tensor, CloneEqualsAndReshape) {
  Tensor tensor(ElementType::I32, {2, 3});
  tensor.as<int32_t>()[5] = 7;
  Tensor copy = tensor.clone();
  EXPECT_TRUE(copy.equals(tensor));
  copy.as<int32_t>()[5] = 8;
  EXPECT_FALSE(copy.equals(tensor));
  tensor.reshape({6});
  EXPECT_EQ(tensor.type_text(), "i32[6]");
  EXPECT_DEATH(tensor.reshape({5}), "internal error");
  EXPECT_DEATH(tensor.as<float>(), "internal error");
}

} // namespace striate
