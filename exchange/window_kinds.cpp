#include "exchange/kind_helpers.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace striate {

using Kind = CompileTimeValue::Kind;

// What "SAME" means: as many windows as `stride` makes of the image, the odd one more behind or before.
static std::optional<Numbers> same_pads(const KindInput& input, const Scope& scope) {
  const auto kernel = named(scope, "kernel_shape");
  auto strides = named(scope, "strides"), dilations = named(scope, "dilations");
  if (!kernel) return std::nullopt;
  const std::size_t count = kernel->size();
  for (auto* numbers : {&strides, &dilations})
    if (!*numbers || (*numbers)->size() == 1) *numbers = Numbers(count, *numbers ? (*numbers)->at(0) : 1);
  const auto sizes = sizes_of(input.type);
  if (!sizes || sizes->size() != count + 1 || strides->size() != count || dilations->size() != count)
    return std::nullopt;
  Numbers pads(2 * count, 0);
  for (std::size_t i = 0; i < count; ++i) {
    const int64_t size = (*sizes)[i + 1], stride = (*strides)[i];
    if (stride < 1 || stride > INT32_MAX) return std::nullopt;
    const __int128 reach = __int128{(*dilations)[i]} * ((*kernel)[i] - 1) + 1;
    const __int128 total = __int128{(size + stride - 1) / stride - 1} * stride + reach - size;
    if (total <= 0) continue;
    if (total > (int64_t{1} << 31)) return std::nullopt;
    const auto smaller = static_cast<int64_t>(total / 2), larger = static_cast<int64_t>(total) - smaller;
    const bool more_behind = input.automatic == "SAME_UPPER";
    pads[i] = more_behind ? smaller : larger;
    pads[count + i] = more_behind ? larger : smaller;
  }
  return pads;
}

// The same by another operator, for the last dimensions.
static KindResult around(const KindInput& input, const Numbers& before, const Numbers& behind) {
  const auto rank = static_cast<std::size_t>(rank_of(input));
  const std::size_t count = before.size();
  if (input.entry.detour.empty() || rank < count) return problem("its padding is not the same on both sides");
  Detour detour{input.entry.detour, input.entry.detour_value, Numbers(2 * rank, 0)};
  std::ranges::copy(before, detour.pads.begin() + static_cast<std::ptrdiff_t>(rank - count));
  std::ranges::copy(behind, detour.pads.begin() + static_cast<std::ptrdiff_t>(2 * rank - count));
  return {{}, std::move(detour)};
}

// The padding of windows, first of each dimension before, then of each behind.
KindResult pads(const KindInput& input, Scope& scope) {
  auto given = numbers_of(input.value);
  if (input.automatic == "VALID") given = Numbers{0};
  if (input.automatic.starts_with("SAME")) given = same_pads(input, scope);
  if (!given) return problem("its padding is not known");
  if (given->size() == 1) given = Numbers(2, (*given)[0]);
  const std::size_t count = given->size() / 2;
  if (given->size() % 2 != 0) return problem("its padding is damaged");
  const Numbers before(given->begin(), given->begin() + static_cast<std::ptrdiff_t>(count));
  const Numbers behind(given->begin() + static_cast<std::ptrdiff_t>(count), given->end());
  if (before == behind) {
    scope.set(input.entry.name, before.size() == 1 ? CompileTimeValue::of(before[0]) : list_of(before));
    return {};
  }
  return around(input, before, behind);
}

// Padding that another operator does, whatever it is: windows may then lie in it altogether.
KindResult outside(const KindInput& input, Scope& scope) {
  const auto given = numbers_of(input.value);
  if (!given || (given->size() != 1 && given->size() % 2 != 0) || !input.automatic.empty())
    return problem("its padding is not known");
  if (std::ranges::all_of(*given, [](int64_t size) { return size == 0; })) {
    scope.set(input.entry.name, CompileTimeValue::of(0));
    return {};
  }
  const auto half = given->begin() + static_cast<std::ptrdiff_t>(given->size() / 2);
  return around(input, Numbers(given->begin(), half), Numbers(half, given->end()));
}

// The numbers of an attribute: `usual` where it is not given, one for all where it is one.
static Numbers numbers_or(Scope& scope, const char* name, std::size_t length, int64_t usual) {
  auto numbers = named(scope, name);
  if (!numbers) return Numbers(length, usual);
  return numbers->size() == 1 ? Numbers(length, numbers->at(0)) : *numbers;
}

// The padding of a transposed convolution: what is cut off at both ends, or follows from the output's size.
KindResult transposed(const KindInput& input, Scope& scope) {
  const auto kernel = named(scope, "kernel_shape"), wanted = named(scope, "output_shape");
  const auto sizes = sizes_of(input.type);
  const auto given = numbers_of(input.value);
  if (!kernel || !sizes || !given || sizes->size() != kernel->size() + 1)
    return problem("its padding is not known");
  const std::size_t count = kernel->size();
  const auto list = [&](const char* name, std::size_t length, int64_t usual) {
    return numbers_or(scope, name, length, usual);
  };
  const Numbers strides = list("strides", count, 1), dilations = list("dilations", count, 1);
  Numbers more = list("output_padding", count, 0), before(count), behind(count);
  const Numbers pads = given->size() == 1 ? Numbers(2 * count, (*given)[0]) : *given;
  const bool same = input.automatic.starts_with("SAME");
  const bool by_shape = same || (wanted && !wanted->empty());
  if (pads.size() != 2 * count || strides.size() != count || dilations.size() != count ||
      more.size() != count || (by_shape && !same && wanted->size() != count))
    return problem("its padding is damaged");
  for (std::size_t i = 0; i < count; ++i) {
    for (const int64_t number : {strides[i], dilations[i], (*kernel)[i], more[i], pads[i], pads[count + i]})
      if (number < 0 || number > INT32_MAX) return problem("its padding is damaged");
    before[i] = input.automatic == "VALID" ? 0 : pads[i];
    behind[i] = input.automatic == "VALID" ? 0 : pads[count + i];
    if (!by_shape) continue;
    const int64_t size = same ? (*sizes)[i + 1] * strides[i] : (*wanted)[i];
    const __int128 whole =
        __int128{(*sizes)[i + 1] - 1} * strides[i] + __int128{(*kernel)[i] - 1} * dilations[i] + 1 + more[i];
    if (whole > INT32_MAX || size < 1 || size > INT32_MAX) return problem("its padding is damaged");
    const auto cut = std::max<int64_t>(0, static_cast<int64_t>(whole) - size);
    const int64_t less = cut / 2;
    before[i] = input.automatic == "SAME_UPPER" ? less : cut - less;
    behind[i] = cut - before[i];
    more[i] += size - (static_cast<int64_t>(whole) - cut);
  }
  scope.set("before", list_of(before));
  scope.set("behind", list_of(behind));
  scope.set("output_padding", list_of(more));
  return {};
}

// Windows over the last dimensions, one call for each.
KindResult windows(const KindInput& input, Scope& scope) {
  const auto kernel = numbers_of(input.value);
  if (!kernel || kernel->empty()) return problem("its windows are not known");
  const std::size_t count = kernel->size();
  const auto sizes = sizes_of(input.type);
  if (!sizes || sizes->size() < count) return problem("it has fewer dimensions than its windows");
  const auto list = [&](const char* name, std::size_t length, int64_t usual) {
    return numbers_or(scope, name, length, usual);
  };
  const Numbers strides = list("strides", count, 1), dilations = list("dilations", count, 1);
  Numbers pads = list("pads", 2 * count, 0);
  if (input.automatic == "VALID") pads = Numbers(2 * count, 0);
  if (input.automatic.starts_with("SAME")) {
    const auto same = same_pads(input, scope);
    if (!same) return problem("its padding is not known");
    pads = *same;
  }
  if (strides.size() != count || dilations.size() != count || pads.size() != 2 * count)
    return problem("its windows are damaged");
  const bool ceil = named(scope, "ceil_mode").value_or(Numbers{0})[0] != 0;
  Numbers at, before, behind;
  for (std::size_t i = 0; i < count; ++i) {
    const int64_t size = (*sizes)[sizes->size() - count + i], stride = strides[i], first = pads[i];
    constexpr int64_t kMost = int64_t{1} << 31;
    int64_t last = pads[count + i];
    for (const int64_t number : {stride, dilations[i], (*kernel)[i]})
      if (number < 1 || number > kMost) return problem("its windows are damaged");
    if (first < 0 || last < 0 || first > kMost || last > kMost) return problem("its padding is not known");
    if (ceil) {
      // One window more, where it begins within the image or the padding before it.
      const __int128 reach = __int128{dilations[i]} * ((*kernel)[i] - 1) + 1;
      const __int128 over = (__int128{size} + first + last - reach) % stride;
      const __int128 begins = __int128{size} + first + last - reach - over + stride;
      if (over > 0 && begins < __int128{size} + first) last += stride - static_cast<int64_t>(over);
    }
    at.push_back(input.type.rank() - static_cast<int64_t>(count - i));
    before.push_back(first);
    behind.push_back(last);
  }
  scope.set("axis", list_of(at));
  scope.set("kernel", list_of(*kernel));
  scope.set("stride", list_of(strides));
  scope.set("dilation", list_of(dilations));
  scope.set("before", list_of(before));
  scope.set("behind", list_of(behind));
  return {};
}

// Where the elements of a tensor of another size lie in the old one: of each dimension that changes, element
// i lies at (i + shift) / scale + offset.
KindResult places(const KindInput& input, Scope& scope) {
  const auto sizes = named(scope, "sizes");
  std::vector<double> scales, region;
  for (auto [name, numbers] : {std::pair{"scales", &scales}, std::pair{"roi", &region}})
    if (const CompileTimeValue* given = scope.find(name); given && given->kind == Kind::List)
      for (const CompileTimeValue& item : given->items) {
        if (!item.number()) return problem(fmt::format("its `{}` is not known", name));
        numbers->push_back(*item.number());
      }
  auto chosen = named(scope, "axes");
  if (!chosen || chosen->empty()) chosen = all_axes(input);
  const std::size_t count = chosen->size();
  const bool by_size = sizes && !sizes->empty();
  if (by_size ? sizes->size() != count : scales.size() != count) return problem("its sizes are not known");
  const std::string mode = input.value.text;
  if (mode == "tf_crop_and_resize" && region.size() != 2 * count) return problem("its `roi` is not known");
  Numbers at, after;
  std::vector<CompileTimeValue> scale, shift, offset;
  for (std::size_t i = 0; i < count; ++i) {
    const auto place = axis_within(input, (*chosen)[i]);
    const Size& size = input.type.shape[static_cast<std::size_t>(place.value_or(0))];
    const auto old = static_cast<double>(size.factor);
    const bool whole_region = mode != "tf_crop_and_resize" || (region[i] == 0 && region[count + i] == 1);
    const double by = by_size && !size.batch ? static_cast<double>((*sizes)[i]) / old
                      : by_size              ? 1
                                             : scales[i];
    if (by == 1 && whole_region && (place || (*chosen)[i] == 0)) continue;
    if (!place) return problem(bad_axis(input, (*chosen)[i]));
    const double made = by_size ? static_cast<double>((*sizes)[i]) : std::floor(old * by);
    if (!(made >= 1 && made <= INT32_MAX)) return problem("its sizes are not possible");
    double s = by, move = 0, from = 0;
    if (mode == "half_pixel" || (mode == "pytorch_half_pixel" && made > 1)) {
      move = 0.5;
      from = -0.5;
    } else if (mode == "half_pixel_symmetric") { // the middle stays the middle
      move = 0.5;
      from = old / 2 * (1 - made / (by * old)) - 0.5;
    } else if (mode == "tf_half_pixel_for_nn") {
      move = 0.5;
    } else if (mode == "align_corners") {
      if (!by_size && made != old * by)
        return problem("its corners are aligned at a size that is no integer");
      s = made > 1 && old > 1 ? (made - 1) / (old - 1) : INFINITY;
    } else if (mode == "tf_crop_and_resize") {
      const double first = region[i] * (old - 1), last = region[count + i] * (old - 1);
      from = made > 1 ? first : 0.5 * (first + last);
      s = made > 1 && last != first ? (made - 1) / (last - first) : INFINITY;
    } else if (mode != "asymmetric" && mode != "pytorch_half_pixel") {
      return problem(fmt::format("its coordinates are \"{}\"", mode));
    } else if (mode == "pytorch_half_pixel") {
      s = INFINITY; // one element: the first
    }
    if (std::isinf(s)) s = 1e9; // all lie at one place
    at.push_back(*place);
    after.push_back(static_cast<int64_t>(made));
    scale.push_back(CompileTimeValue::of_real(s));
    shift.push_back(CompileTimeValue::of_real(move));
    offset.push_back(CompileTimeValue::of_real(from));
  }
  scope.set("axis", list_of(at));
  scope.set("size", list_of(after));
  scope.set("scale", CompileTimeValue::of_list(std::move(scale)));
  scope.set("shift", CompileTimeValue::of_list(std::move(shift)));
  scope.set("offset", CompileTimeValue::of_list(std::move(offset)));
  return {};
}

} // namespace striate
