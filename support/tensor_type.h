// Element types, sizes and tensor types: shared by the compiler and the runtime.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace striate {

enum class ElementType { F32, F64, BF16, I32, U8, Bool };

// Bytes of one element.
int64_t byte_size(ElementType type);
const char* name_of(ElementType type); // "f32", "f64", "bf16", "i32", "u8", "bool"

// A size of a dimension or a loop: a constant, or a multiple of the batch size N (the only symbolic size).
struct Size {
  int64_t factor = 0;
  bool batch = false; // true: factor * N

  static Size constant(int64_t value) { return {value, false}; }
  static Size n(int64_t factor = 1) { return {factor, true}; }
  bool is_constant(int64_t value) const { return !batch && factor == value; }
  int64_t at(int64_t batch_size) const { return batch ? factor * batch_size : factor; }
  std::string text() const; // "28", "N", "4*N"
  bool operator==(const Size&) const = default;
};

struct TensorType {
  ElementType element = ElementType::F32;
  std::vector<Size> shape; // empty: a scalar

  int64_t rank() const { return static_cast<int64_t>(shape.size()); }
  int64_t elements(int64_t batch_size) const;
  bool has_batch() const;
  std::string text() const;        // "f32[N,20,24,24]"
  std::string spaced_text() const; // "f32[N, 20, 24, 24]", as programs are laid out
  bool operator==(const TensorType&) const = default;
};

} // namespace striate
