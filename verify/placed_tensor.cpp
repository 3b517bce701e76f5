#include "verify/placed_tensor.h"

#include "passes/plan_memory.h"
#include "support/bfloat16.h"
#include "support/check.h"

#include <algorithm>
#include <cstring>

namespace striate {

// Calls visit(k, index) for each element, row-major.
template <typename Visit>
static void for_each_index(const std::vector<int64_t>& shape, Visit&& visit) {
  std::vector<int64_t> index(shape.size(), 0);
  int64_t count = 1;
  for (int64_t size : shape) count *= size;
  for (int64_t k = 0; k < count; ++k) {
    visit(static_cast<std::size_t>(k), index);
    for (std::size_t d = shape.size(); d-- > 0;) {
      if (++index[d] < shape[d]) break;
      index[d] = 0;
    }
  }
}

static void put(char* to, ElementType type, int64_t offset, double value) {
  switch (type) {
  case ElementType::F32:
    reinterpret_cast<float*>(to)[offset] = static_cast<float>(value);
    return;
  case ElementType::BF16:
    reinterpret_cast<Bfloat16*>(to)[offset] = Bfloat16(value);
    return;
  case ElementType::I32:
    reinterpret_cast<int32_t*>(to)[offset] = static_cast<int32_t>(value);
    return;
  case ElementType::U8:
  case ElementType::Bool:
    reinterpret_cast<uint8_t*>(to)[offset] = static_cast<uint8_t>(value);
    return;
  case ElementType::F64:
    break;
  }
  CHECK(false, "no kernel keeps {}", name_of(type));
}

static double get(const char* from, ElementType type, int64_t offset) {
  switch (type) {
  case ElementType::F32:
    return reinterpret_cast<const float*>(from)[offset];
  case ElementType::BF16:
    return static_cast<double>(reinterpret_cast<const Bfloat16*>(from)[offset]);
  case ElementType::I32:
    return reinterpret_cast<const int32_t*>(from)[offset];
  case ElementType::U8:
  case ElementType::Bool:
    return reinterpret_cast<const uint8_t*>(from)[offset];
  case ElementType::F64:
    break;
  }
  CHECK(false, "no kernel keeps {}", name_of(type));
}

void write_tensor(char* to, const Value& value, const ReferenceTensor& tensor, int64_t examples,
                  int64_t capacity) {
  constexpr int64_t kBlock = 16; // examples of a vector
  if (value.zero_in_padding) std::memset(to, 0, static_cast<std::size_t>(storage_bytes(value, capacity)));
  for_each_index(tensor.shape, [&](std::size_t k, std::vector<int64_t> index) {
    put(to, value.type.element, value.layout.offset(index), tensor.values[k]);
    if (!value.type.has_batch() || value.zero_in_padding || index[0] + 1 < tensor.shape[0]) return;
    const bool blocked = value.layout.digits.front().step == kBlock;
    const int64_t vectors_end = (examples + kBlock - 1) / kBlock * kBlock;
    const int64_t end = blocked ? vectors_end : std::min(vectors_end, capacity);
    for (index[0] = examples; index[0] < end; ++index[0])
      put(to, value.type.element, value.layout.offset(index), tensor.values[k]);
  });
}

ReferenceTensor read_tensor(const char* from, const Value& value, int64_t examples) {
  ReferenceTensor tensor = reference_tensor(value.type, examples);
  for_each_index(tensor.shape, [&](std::size_t k, const std::vector<int64_t>& index) {
    tensor.values[k] = get(from, value.type.element, value.layout.offset(index));
  });
  return tensor;
}

} // namespace striate
