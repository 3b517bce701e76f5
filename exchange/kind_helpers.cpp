#include "exchange/kind_helpers.h"

#include <fmt/format.h>

#include <numeric>

namespace striate {

using Kind = CompileTimeValue::Kind;

KindResult problem(std::string text) { return {std::move(text), {}}; }

CompileTimeValue list_of(const Numbers& numbers) {
  std::vector<CompileTimeValue> items;
  for (int64_t number : numbers) items.push_back(CompileTimeValue::of(number));
  return CompileTimeValue::of_list(std::move(items));
}

std::optional<Numbers> numbers_of(const CompileTimeValue& value) {
  if (const auto one = value.integer()) return Numbers{*one};
  if (value.kind != Kind::List) return std::nullopt;
  Numbers numbers;
  for (const CompileTimeValue& item : value.items) {
    const auto number = item.integer();
    if (!number) return std::nullopt;
    numbers.push_back(*number);
  }
  return numbers;
}

std::optional<Numbers> named(const Scope& scope, const std::string& name) {
  const CompileTimeValue* value = scope.find(name);
  return value ? numbers_of(*value) : std::nullopt;
}

int64_t rank_of(const KindInput& input) { return input.type.rank() - (input.whole ? 1 : 0); }

std::optional<int64_t> axis_within(const KindInput& input, int64_t axis, int64_t more) {
  const int64_t rank = rank_of(input) + more;
  if (axis < -rank || axis >= rank) return std::nullopt;
  if (axis < 0) axis += rank;
  axis += input.whole ? 1 : 0;
  if (axis == 0 && input.type.has_batch()) return std::nullopt;
  return axis;
}

std::string bad_axis(const KindInput& input, int64_t axis, int64_t more) {
  const int64_t rank = rank_of(input) + more;
  if (!input.whole && (axis == 0 || axis == -rank))
    return "it works along the batch, which examples do not know";
  return fmt::format("axis {} is no dimension of a tensor of {}", axis, rank);
}

Numbers all_axes(const KindInput& input) {
  Numbers axes(static_cast<std::size_t>(rank_of(input)));
  std::iota(axes.begin(), axes.end(), 0);
  return axes;
}

std::optional<Numbers> sizes_of(const TensorType& type) {
  Numbers sizes;
  for (std::size_t d = 0; d < type.shape.size(); ++d) {
    const Size& size = type.shape[d];
    if (d == 0 ? !(size == Size::n()) : size.batch) return std::nullopt;
    if (d > 0) sizes.push_back(size.factor);
  }
  if (type.shape.empty()) return std::nullopt;
  return sizes;
}

} // namespace striate
