#include "ir/layout.h"

#include "support/check.h"

#include <algorithm>

namespace striate {

static Size divided(const Size& size, int64_t step) {
  return size.batch ? size : Size::constant((size.factor + step - 1) / step);
}

Layout Layout::row_major(const TensorType& type) {
  Layout layout;
  for (int64_t d = 0; d < type.rank(); ++d) layout.digits.push_back({static_cast<int>(d), 1, type.shape[d]});
  return layout;
}

Layout Layout::blocked(const TensorType& type, int dimension, int64_t block) {
  CHECK(dimension >= 0 && dimension < type.rank() && block > 0);
  Layout layout = row_major(type);
  Digit& high = layout.digits[dimension];
  high.step = block;
  high.extent = divided(type.shape[dimension], block);
  layout.digits.push_back({dimension, 1, Size::constant(block)});
  return layout;
}

Layout Layout::in_pairs(int dimension) const {
  Layout layout = *this;
  const auto lowest = std::ranges::find_if(
      layout.digits, [&](const Digit& digit) { return digit.dimension == dimension && digit.step == 1; });
  CHECK(lowest != layout.digits.end() && !lowest->extent.batch && lowest->extent.factor % 2 == 0,
        "no pairs of dimension {} in {}", dimension, text());
  if (lowest + 1 == layout.digits.end()) return layout;
  lowest->step = 2;
  lowest->extent.factor /= 2;
  if (lowest->extent.factor == 1) layout.digits.erase(lowest);
  layout.digits.push_back({dimension, 1, Size::constant(2)});
  return layout;
}

const Layout::Digit& Layout::vector_digit() const {
  CHECK(!digits.empty(), "a scalar's layout");
  const Digit& last = digits.back();
  const bool of_pairs = digits.size() > 1 && last.step == 1 && last.extent.is_constant(2) &&
                        std::ranges::any_of(digits, [&](const Digit& digit) {
                          return digit.dimension == last.dimension && digit.step == 2;
                        });
  return of_pairs ? digits[digits.size() - 2] : last;
}

int64_t Layout::storage(int64_t capacity) const {
  int64_t count = 1;
  for (const Digit& digit : digits)
    count *=
        digit.extent.batch ? (digit.extent.at(capacity) + digit.step - 1) / digit.step : digit.extent.factor;
  return count;
}

std::vector<int64_t> Layout::strides() const {
  std::vector<int64_t> strides(digits.size());
  int64_t stride = 1;
  for (std::size_t i = digits.size(); i-- > 0;) {
    strides[i] = stride;
    CHECK(!digits[i].extent.batch || i == 0, "a batch digit that is not outermost in {}", text());
    stride *= digits[i].extent.factor;
  }
  return strides;
}

// The digit of its dimension above which there is none.
static bool is_highest(const Layout& layout, const Layout::Digit& digit) {
  return std::none_of(layout.digits.begin(), layout.digits.end(), [&](const Layout::Digit& other) {
    return other.dimension == digit.dimension && other.step > digit.step;
  });
}

IndexExpr Layout::offset(const std::vector<IndexExpr>& index) const {
  std::vector<int64_t> stride = strides();
  IndexExpr offset;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    const Digit& digit = digits[i];
    IndexExpr value = IndexExpr::quotient(index.at(digit.dimension), digit.step);
    if (!is_highest(*this, digit)) value = IndexExpr::remainder(value, digit.extent.factor);
    offset = offset + value * stride[i];
  }
  return offset;
}

int64_t Layout::offset(const std::vector<int64_t>& index) const {
  std::vector<int64_t> stride = strides();
  int64_t offset = 0;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    const Digit& digit = digits[i];
    int64_t value = floor_div(index.at(digit.dimension), digit.step);
    if (!is_highest(*this, digit)) value = floor_mod(value, digit.extent.factor);
    offset += value * stride[i];
  }
  return offset;
}

std::string Layout::text() const {
  std::string text = "(";
  for (const Digit& digit : digits) {
    if (text.size() > 1) text += ", ";
    text += "d" + std::to_string(digit.dimension);
    if (digit.step != 1) text += "/" + std::to_string(digit.step);
    if (!is_highest(*this, digit)) text += "%" + digit.extent.text();
  }
  return text + ")";
}

} // namespace striate
