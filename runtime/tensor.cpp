#include "runtime/tensor.h"

#include <sys/mman.h>

#include <cstring>
#include <limits>

namespace striate {

// Beyond any machine's memory: the allocator is not even asked.
static constexpr int64_t kMaximumTensorBytes = int64_t{1} << 39;
static constexpr std::size_t kHugePage = std::size_t{2} << 20; // of x86-64 and arm64 with pages of 4 KiB

std::optional<int64_t> element_count(ElementType element, const std::vector<int64_t>& shape) {
  constexpr int64_t kMaximum = std::numeric_limits<int64_t>::max() - int64_t{kTensorAlignment};
  int64_t bytes = byte_size(element);
  bool empty = false;
  for (int64_t size : shape) {
    if (size < 0) return std::nullopt;
    if (size == 0) empty = true;
    // Zero sizes are skipped so that [2^62, 2^62, 0] is refused whatever the order of its sizes.
    else if (bytes > kMaximum / size)
      return std::nullopt;
    else
      bytes *= size;
  }
  return empty ? 0 : bytes / byte_size(element);
}

std::string tensor_type_text(ElementType element, const std::vector<int64_t>& shape) {
  std::string text = name_of(element);
  text += '[';
  for (std::size_t i = 0; i < shape.size(); ++i) text += (i ? "," : "") + std::to_string(shape[i]);
  return text + ']';
}

Result<Tensor> Tensor::allocate(ElementType element, std::vector<int64_t> shape) {
  const std::optional<int64_t> count = element_count(element, shape);
  if (!count) return bad_data("a tensor of type {} is too large", tensor_type_text(element, shape));
  Tensor tensor;
  tensor.element_ = element;
  tensor.shape_ = std::move(shape);
  tensor.elements_ = *count;
  const auto bytes = static_cast<std::size_t>(tensor.bytes());
  if (bytes == 0) return tensor;
  // Kernels walk through large tensors with strides beyond a page of 4 KiB.
  const bool large = bytes >= 2 * kHugePage;
  const std::size_t alignment = large ? kHugePage : std::size_t{kTensorAlignment};
  const std::size_t rounded = (bytes + alignment - 1) / alignment * alignment;
  if (tensor.bytes() <= kMaximumTensorBytes) tensor.data_.reset(std::aligned_alloc(alignment, rounded));
  if (!tensor.data_)
    return Failure{ExitCode::OutOfMemory,
                   fmt::format("no memory for a tensor of type {}", tensor.type_text())};
#ifdef MADV_HUGEPAGE
  if (large) madvise(tensor.data(), rounded, MADV_HUGEPAGE); // a wish: small pages do as well
#endif
  std::memset(tensor.data(), 0, rounded);
  return tensor;
}

Tensor::Tensor(ElementType element, std::vector<int64_t> shape) {
  *this = std::move(allocate(element, std::move(shape)).value());
}

Tensor Tensor::clone() const {
  Tensor copy(element_, shape_);
  if (elements_ > 0) std::memcpy(copy.data(), data(), static_cast<std::size_t>(bytes()));
  return copy;
}

double Tensor::number(int64_t index) const {
  const auto at = static_cast<std::size_t>(index);
  switch (element_) {
  case ElementType::F32:
    return as<float>()[at];
  case ElementType::F64:
    return as<double>()[at];
  case ElementType::I32:
    return as<int32_t>()[at];
  case ElementType::BF16: // stays within programs
  case ElementType::U8:
  case ElementType::Bool:
    break;
  }
  return as<uint8_t>()[at];
}

void Tensor::reshape(std::vector<int64_t> shape) {
  CHECK(element_count(element_, shape) == elements_, "{} to {}", type_text(),
        tensor_type_text(element_, shape));
  shape_ = std::move(shape);
}

bool Tensor::equals(const Tensor& other) const {
  return element_ == other.element_ && shape_ == other.shape_ &&
         (elements_ == 0 || std::memcmp(data(), other.data(), static_cast<std::size_t>(bytes())) == 0);
}

} // namespace striate
