#include "support/tensor_type.h"

#include "support/check.h"

namespace striate {

int64_t byte_size(ElementType type) {
  switch (type) {
  case ElementType::F32:
  case ElementType::I32:
    return 4;
  case ElementType::F64:
    return 8;
  case ElementType::BF16:
    return 2;
  case ElementType::U8:
  case ElementType::Bool:
    return 1;
  }
  CHECK(false);
}

const char* name_of(ElementType type) {
  switch (type) {
  case ElementType::F32:
    return "f32";
  case ElementType::F64:
    return "f64";
  case ElementType::BF16:
    return "bf16";
  case ElementType::I32:
    return "i32";
  case ElementType::U8:
    return "u8";
  case ElementType::Bool:
    return "bool";
  }
  CHECK(false);
}

std::string Size::text() const {
  if (!batch) return std::to_string(factor);
  return factor == 1 ? "N" : std::to_string(factor) + "*N";
}

int64_t TensorType::elements(int64_t batch_size) const {
  int64_t count = 1;
  for (const Size& size : shape) count *= size.at(batch_size);
  return count;
}

bool TensorType::has_batch() const {
  for (const Size& size : shape)
    if (size.batch) return true;
  return false;
}

static std::string text_of(const TensorType& type, const char* separator) {
  std::string text = name_of(type.element);
  text += '[';
  for (std::size_t i = 0; i < type.shape.size(); ++i) text += (i ? separator : "") + type.shape[i].text();
  return text + ']';
}

std::string TensorType::text() const { return text_of(*this, ","); }
std::string TensorType::spaced_text() const { return text_of(*this, ", "); }

} // namespace striate
