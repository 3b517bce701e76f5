// Tensor: an owned, row-major block of elements with a concrete shape. Movable, copied only by clone().
// Guarantees: storage starts at a multiple of 64 bytes, is zero when new, and its byte count never overflows.
// Shapes that come from a file go through allocate(), which answers with a Failure; sizes of our own are
// checked.
#pragma once

#include "support/result.h"
#include "support/tensor_type.h"

#include <cstdlib>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace striate {

inline constexpr std::size_t kTensorAlignment = 64;

// The product of the sizes; nothing where a size is negative or the bytes would not fit in an int64.
std::optional<int64_t> element_count(ElementType element, const std::vector<int64_t>& shape);

std::string tensor_type_text(ElementType element, const std::vector<int64_t>& shape); // "u8[60000,28,28]"

class Tensor {
public:
  Tensor() = default; // no elements: f32[0]
  Tensor(ElementType element, std::vector<int64_t> shape);
  static Result<Tensor> allocate(ElementType element, std::vector<int64_t> shape);
  Tensor clone() const;

  ElementType element() const { return element_; }
  const std::vector<int64_t>& shape() const { return shape_; }
  int64_t rank() const { return static_cast<int64_t>(shape_.size()); }
  int64_t elements() const { return elements_; }
  int64_t bytes() const { return elements_ * byte_size(element_); }

  void* data() { return data_.get(); }
  const void* data() const { return data_.get(); }

  // The elements as T: float, double, int32_t, or uint8_t (which also reads bool). The type must be
  // the right one.
  template <typename T>
  std::span<T> as() {
    check_type<T>();
    return {static_cast<T*>(data()), static_cast<std::size_t>(elements_)};
  }
  template <typename T>
  std::span<const T> as() const {
    check_type<T>();
    return {static_cast<const T*>(data()), static_cast<std::size_t>(elements_)};
  }

  double number(int64_t index) const; // an element, exactly

  // The same elements under another shape of as many elements.
  void reshape(std::vector<int64_t> shape);

  std::string type_text() const { return tensor_type_text(element_, shape_); }
  bool equals(const Tensor& other) const; // type, shape and bits

private:
  template <typename T>
  void check_type() const {
    if constexpr (std::is_same_v<T, float>)
      CHECK(element_ == ElementType::F32, "{}", type_text());
    else if constexpr (std::is_same_v<T, double>)
      CHECK(element_ == ElementType::F64, "{}", type_text());
    else if constexpr (std::is_same_v<T, int32_t>)
      CHECK(element_ == ElementType::I32, "{}", type_text());
    else {
      static_assert(std::is_same_v<T, uint8_t>, "no element type has this C++ type");
      CHECK(element_ == ElementType::U8 || element_ == ElementType::Bool, "{}", type_text());
    }
  }

  struct Free {
    void operator()(void* pointer) const { std::free(pointer); }
  };
  ElementType element_ = ElementType::F32;
  std::vector<int64_t> shape_ = {0};
  int64_t elements_ = 0;
  std::unique_ptr<void, Free> data_;
};

struct NamedTensor {
  std::string name;
  Tensor tensor;
};

} // namespace striate
