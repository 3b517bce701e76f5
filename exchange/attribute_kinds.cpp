#include "exchange/attribute_kinds.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace striate {

using Numbers = std::vector<int64_t>;
using Kind = CompileTimeValue::Kind;

static KindResult problem(std::string text) { return {std::move(text), {}}; }

static CompileTimeValue list_of(const Numbers& numbers) {
  std::vector<CompileTimeValue> items;
  for (int64_t number : numbers) items.push_back(CompileTimeValue::of(number));
  return CompileTimeValue::of_list(std::move(items));
}

// nullopt where it is no list of integers; one integer is a list of one.
static std::optional<Numbers> numbers_of(const CompileTimeValue& value) {
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

static std::optional<Numbers> named(const Scope& scope, const std::string& name) {
  const CompileTimeValue* value = scope.find(name);
  return value ? numbers_of(*value) : std::nullopt;
}

// An axis counted from the front; nullopt where there is none, or it is that of the batch.
static std::optional<int64_t> axis_within(int64_t axis, int64_t rank, const TensorType& type) {
  if (axis < -rank || axis >= rank) return std::nullopt;
  if (axis < 0) axis += rank;
  if (axis == 0 && type.has_batch()) return std::nullopt;
  return axis;
}

static std::string bad_axis(int64_t axis, int64_t rank) {
  if (axis == 0 || axis == -rank) return "it works along the batch, which examples do not know";
  return fmt::format("axis {} is no dimension of a tensor of {}", axis, rank);
}

// The sizes behind the first dimension; nullopt where that is not the batch or they are not known.
static std::optional<Numbers> sizes_of(const TensorType& type) {
  Numbers sizes;
  for (std::size_t d = 0; d < type.shape.size(); ++d) {
    const Size& size = type.shape[d];
    if (d == 0 ? !(size == Size::n()) : size.batch) return std::nullopt;
    if (d > 0) sizes.push_back(size.factor);
  }
  if (type.shape.empty()) return std::nullopt;
  return sizes;
}

static KindResult bind_view(Scope& scope, const Numbers& sizes) {
  scope.set("sizes", list_of(sizes));
  scope.set("rank_after", CompileTimeValue::of(static_cast<int64_t>(sizes.size()) + 1));
  scope.set("leading", list_of(sizes.empty() ? Numbers() : Numbers(sizes.begin(), sizes.end() - 1)));
  return {};
}

// --- the kinds

static KindResult axis(const KindInput& input, Scope& scope) {
  const auto given = input.value.integer();
  if (!given) return problem("its axis is no integer");
  const auto found = axis_within(*given, input.type.rank(), input.type);
  if (!found) return problem(bad_axis(*given, input.type.rank()));
  scope.set(input.entry.name, CompileTimeValue::of(*found));
  return {};
}

static KindResult axes(const KindInput& input, Scope& scope) {
  auto given = numbers_of(input.value);
  if (!given) return problem("its axes are not known");
  if (given->empty()) return problem(bad_axis(0, input.type.rank())); // all of them
  for (int64_t& one : *given) {
    const auto found = axis_within(one, input.type.rank(), input.type);
    if (!found) return problem(bad_axis(one, input.type.rank()));
    one = *found;
  }
  std::ranges::sort(*given);
  scope.set(input.entry.name, list_of(*given));
  return {};
}

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
  const auto rank = static_cast<std::size_t>(input.type.rank());
  const std::size_t count = before.size();
  if (input.entry.detour.empty() || rank < count) return problem("its padding is not the same on both sides");
  Detour detour{input.entry.detour, input.entry.detour_value, Numbers(2 * rank, 0)};
  std::ranges::copy(before, detour.pads.begin() + static_cast<std::ptrdiff_t>(rank - count));
  std::ranges::copy(behind, detour.pads.begin() + static_cast<std::ptrdiff_t>(2 * rank - count));
  return {{}, std::move(detour)};
}

// The padding of windows, first of each dimension before, then of each behind.
static KindResult pads(const KindInput& input, Scope& scope) {
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
static KindResult outside(const KindInput& input, Scope& scope) {
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

// Padding of any dimensions, one call for each that has some.
static KindResult sides(const KindInput& input, Scope& scope) {
  const auto given = numbers_of(input.value);
  auto chosen = named(scope, "axes");
  const int64_t rank = input.type.rank();
  if (!given) return problem("its padding is not known");
  if (!chosen || chosen->empty()) {
    chosen.emplace(static_cast<std::size_t>(rank));
    std::iota(chosen->begin(), chosen->end(), 0);
  }
  const std::size_t count = chosen->size();
  if (given->size() != 2 * count) return problem("its padding has not two numbers for each dimension");
  Numbers at, before, behind;
  for (std::size_t i = 0; i < count; ++i) {
    const int64_t first = (*given)[i], last = (*given)[count + i];
    if (first == 0 && last == 0) continue;
    const auto place = axis_within((*chosen)[i], rank, input.type);
    if (!place) return problem(bad_axis((*chosen)[i], rank));
    at.push_back(*place);
    before.push_back(first);
    behind.push_back(last);
  }
  scope.set("axis", list_of(at));
  scope.set("before", list_of(before));
  scope.set("behind", list_of(behind));
  return {};
}

// Starts, ends, axes and steps of a slice, counted from the front and within the tensor.
static KindResult slices(const KindInput& input, Scope& scope) {
  const auto starts = numbers_of(input.value), ends = named(scope, "ends");
  auto chosen = named(scope, "axes"), steps = named(scope, "steps");
  if (!starts || !ends || starts->size() != ends->size()) return problem("its starts and ends are not known");
  const std::size_t count = starts->size();
  if (!chosen || chosen->empty()) {
    chosen.emplace(count);
    std::iota(chosen->begin(), chosen->end(), 0);
  }
  if (!steps || steps->empty()) steps.emplace(count, 1);
  if (chosen->size() != count || steps->size() != count) return problem("its axes and steps are not as many");
  const int64_t rank = input.type.rank();
  Numbers at, first, last, by;
  for (std::size_t i = 0; i < count; ++i) {
    const int64_t begin = (*starts)[i], end = (*ends)[i], step = (*steps)[i];
    const int64_t given = (*chosen)[i];
    const bool whole = begin == 0 && end >= INT32_MAX && step == 1;
    if (whole && given >= -rank && given < rank) continue;
    const auto place = axis_within(given, rank, input.type);
    if (!place) return problem(bad_axis(given, rank));
    const Size& size = input.type.shape[static_cast<std::size_t>(*place)];
    if (step < 1) return problem("it goes backwards");
    if (size.batch) return problem(bad_axis(0, rank));
    const auto within = [&](int64_t index) {
      return std::clamp<int64_t>(index < 0 ? index + size.factor : index, 0, size.factor);
    };
    if (within(begin) >= within(end)) return problem("nothing is left of the tensor");
    if (within(begin) == 0 && within(end) == size.factor && step == 1) continue;
    at.push_back(*place);
    first.push_back(within(begin));
    last.push_back(within(end));
    by.push_back(step);
  }
  scope.set("axis", list_of(at));
  scope.set("start", list_of(first));
  scope.set("end", list_of(last));
  scope.set("step", list_of(by));
  return {};
}

// The sizes of the parts along `axis`: where each begins and ends.
static KindResult parts(const KindInput& input, Scope& scope) {
  const CompileTimeValue* along = scope.find("axis");
  auto given = numbers_of(input.value);
  const auto place = along ? along->integer() : std::nullopt;
  if (!given || !place || *place < 0 || *place >= input.type.rank())
    return problem("its parts are not known");
  const int64_t whole = input.type.shape[static_cast<std::size_t>(*place)].factor;
  const auto count = static_cast<int64_t>(input.outputs);
  if (given->empty()) {
    const int64_t each = (whole + count - 1) / count;
    for (int64_t i = 0; i < count; ++i) given->push_back(std::min(each, whole - i * each));
  }
  Numbers first, last;
  int64_t at = 0;
  for (int64_t size : *given) {
    if (size < 1 || size > whole - at) return problem("its parts are not those of the tensor");
    first.push_back(at);
    last.push_back(at += size);
  }
  if (at != whole || given->size() != input.outputs) return problem("its parts are not those of the tensor");
  scope.set("start", list_of(first));
  scope.set("end", list_of(last));
  return {};
}

// The shape of a view: 0 is the size that was, -1 what is left. The batch stays.
static KindResult view(const KindInput& input, Scope& scope) {
  const auto given = numbers_of(input.value);
  const auto from = sizes_of(input.type);
  if (!given || !from || given->empty()) return problem("its shape is not known");
  int64_t elements = 1;
  for (int64_t size : *from)
    if (__builtin_mul_overflow(elements, size, &elements)) return problem("its shape is too large");
  const int64_t first = given->front();
  const bool batch_first = first == 0 || first == -1 || first == kOpenBatch || first == input.batch;
  if (!batch_first) return problem("it moves numbers between examples");
  Numbers sizes(given->begin() + 1, given->end());
  int64_t known = 1;
  std::optional<std::size_t> open;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] == 0 && i < from->size()) sizes[i] = (*from)[i];
    if (sizes[i] == -1 && !open && first != -1)
      open = i;
    else if (sizes[i] < 1 || __builtin_mul_overflow(known, sizes[i], &known))
      return problem("its shape is not known");
  }
  if (open) {
    if (elements % known != 0) return problem("its shape has another number of elements");
    sizes[*open] = elements / known;
    known = elements;
  }
  if (known != elements) return problem("it moves numbers between examples");
  return bind_view(scope, sizes);
}

static KindResult dropped(const KindInput& input, Scope& scope) {
  const auto from = sizes_of(input.type);
  auto given = numbers_of(input.value);
  if (!from || !given) return problem("its axes are not known");
  Numbers sizes;
  std::vector<bool> drop(from->size() + 1, false);
  for (int64_t one : *given) {
    const auto place = axis_within(one, input.type.rank(), input.type);
    if (!place) return problem(bad_axis(one, input.type.rank()));
    drop[static_cast<std::size_t>(*place)] = true;
  }
  for (std::size_t i = 0; i < from->size(); ++i) {
    const bool goes = given->empty() ? (*from)[i] == 1 : drop[i + 1];
    if (goes && (*from)[i] != 1) return problem("it drops a dimension that is not 1");
    if (!goes) sizes.push_back((*from)[i]);
  }
  return bind_view(scope, sizes);
}

static KindResult added(const KindInput& input, Scope& scope) {
  const auto from = sizes_of(input.type);
  const auto given = numbers_of(input.value);
  if (!from || !given) return problem("its axes are not known");
  const int64_t rank = input.type.rank() + static_cast<int64_t>(given->size());
  std::vector<bool> add(static_cast<std::size_t>(rank), false);
  for (int64_t one : *given) {
    const auto place = axis_within(one, rank, input.type);
    if (!place || add[static_cast<std::size_t>(*place)]) return problem(bad_axis(one, rank));
    add[static_cast<std::size_t>(*place)] = true;
  }
  Numbers sizes;
  for (std::size_t d = 1, next = 0; d < add.size(); ++d) sizes.push_back(add[d] ? 1 : (*from)[next++]);
  return bind_view(scope, sizes);
}

// A permutation, as the dimensions that are moved behind all others, one after the other.
static KindResult moves(const KindInput& input, Scope& scope) {
  auto order = numbers_of(input.value);
  const auto rank = static_cast<std::size_t>(input.type.rank());
  if (!order) return problem("its permutation is not known");
  if (order->empty()) {
    order->resize(rank);
    std::iota(order->rbegin(), order->rend(), 0);
  }
  Numbers sorted = *order, all(rank);
  std::iota(all.begin(), all.end(), 0);
  std::ranges::sort(sorted);
  if (sorted != all) return problem("its permutation is none");
  if (rank == 0 || ((*order)[0] != 0 && input.type.has_batch())) return problem("it moves the batch");
  std::size_t stays = 1;
  while (stays < rank && (*order)[stays] > (*order)[stays - 1]) ++stays;
  Numbers now = all, moved;
  for (std::size_t i = stays; i < rank; ++i) {
    const auto place = std::ranges::find(now, (*order)[i]);
    moved.push_back(place - now.begin());
    now.erase(place);
    now.push_back((*order)[i]);
  }
  scope.set("moves", list_of(moved));
  return {};
}

KindResult apply_kind(const KindInput& input, Scope& scope) {
  struct Function {
    std::string_view name;
    KindResult (*apply)(const KindInput&, Scope&);
  };
  static constexpr Function kKinds[] = {{"added", added},     {"axes", axes},   {"axis", axis},
                                        {"dropped", dropped}, {"moves", moves}, {"outside", outside},
                                        {"pads", pads},       {"parts", parts}, {"sides", sides},
                                        {"slices", slices},   {"view", view}};
  const auto kind = std::ranges::find(kKinds, input.entry.kind, &Function::name);
  CHECK(kind != std::end(kKinds), "`{}` is no kind", input.entry.kind);
  return kind->apply(input, scope);
}

} // namespace striate
