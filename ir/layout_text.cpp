#include "ir/layout_text.h"

#include "ir/expression_text.h"

#include <algorithm>

namespace striate {

Layout read_layout(TextReader& reader, const TensorType& type) {
  Layout layout;
  reader.expect("(");
  do {
    Layout::Digit digit;
    std::string name = reader.word("a dimension");
    std::size_t dimension = 0;
    while (dimension < type.shape.size() && name != "d" + std::to_string(dimension)) ++dimension;
    if (dimension == type.shape.size()) {
      reader.fail("`{}` is not a dimension of {}", name, type.text());
      return layout;
    }
    digit.dimension = static_cast<int>(dimension);
    if (reader.take("/")) digit.step = reader.positive();
    digit.extent = reader.take("%") ? reader.size() : highest_digit(type.shape[dimension], digit.step);
    layout.digits.push_back(digit);
  } while (reader.take(","));
  reader.expect(")");
  return layout;
}

std::string layout_problem(const std::string& name, const Layout& layout, const TensorType& type) {
  const std::vector<Layout::Digit>& digits = layout.digits;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    const int dimension = digits[i].dimension;
    if (dimension < 0 || dimension >= type.rank())
      return fmt::format("the layout of {} has the dimension {}", name, dimension);
    if (digits[i].extent.batch && i > 0)
      return fmt::format("the layout of {} has a batch digit that is not outermost", name);
  }
  for (int d = 0; d < type.rank(); ++d) {
    std::vector<Layout::Digit> own;
    std::copy_if(digits.begin(), digits.end(), std::back_inserter(own),
                 [&](const Layout::Digit& digit) { return digit.dimension == d; });
    std::sort(own.begin(), own.end(),
              [](const Layout::Digit& a, const Layout::Digit& b) { return a.step < b.step; });
    const Size& size = type.shape[d];
    int64_t step = 1;
    bool fits = !own.empty() || size.is_constant(1);
    for (std::size_t i = 0; i < own.size() && fits; ++i) {
      const bool highest = i + 1 == own.size();
      fits = own[i].step == step && own[i].extent.factor > 0 &&
             (highest ? own[i].extent == highest_digit(size, step) : !own[i].extent.batch) &&
             !__builtin_mul_overflow(step, own[i].extent.factor, &step);
    }
    if (!fits) return fmt::format("the layout {} of {} does not cover dimension {}", layout.text(), name, d);
  }
  return "";
}

int64_t storage_within_limit(const Layout& layout, int64_t capacity) {
  constexpr int64_t kLimit = int64_t{1} << 53;
  int64_t count = 1;
  for (const Layout::Digit& digit : layout.digits) {
    int64_t extent = digit.extent.factor;
    if (digit.extent.batch && __builtin_mul_overflow(extent, capacity, &extent)) return -1;
    if (digit.extent.batch) extent = extent / digit.step + (extent % digit.step != 0);
    if (__builtin_mul_overflow(count, extent, &count) || count > kLimit) return -1;
  }
  return count;
}

} // namespace striate
