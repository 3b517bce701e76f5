#include "exchange/attribute_kinds.h"

#include "exchange/kind_helpers.h"

#include <algorithm>
#include <numeric>

namespace striate {

static KindResult bind_view(Scope& scope, const Numbers& sizes) {
  scope.set("sizes", list_of(sizes));
  scope.set("rank_after", CompileTimeValue::of(static_cast<int64_t>(sizes.size()) + 1));
  scope.set("leading", list_of(sizes.empty() ? Numbers() : Numbers(sizes.begin(), sizes.end() - 1)));
  return {};
}

static KindResult axis(const KindInput& input, Scope& scope) {
  const auto given = input.value.integer();
  if (!given) return problem("its axis is no integer");
  const auto found = axis_within(input, *given);
  if (!found) return problem(bad_axis(input, *given));
  scope.set(input.entry.name, CompileTimeValue::of(*found));
  return {};
}

static KindResult axes(const KindInput& input, Scope& scope) {
  auto given = numbers_of(input.value);
  if (!given) return problem("its axes are not known");
  if (given->empty()) given = all_axes(input);
  for (int64_t& one : *given) {
    const auto found = axis_within(input, one);
    if (!found) return problem(bad_axis(input, one));
    one = *found;
  }
  std::ranges::sort(*given);
  scope.set(input.entry.name, list_of(*given));
  return {};
}

// The same from the last one on, so that those before it stay what they are when it goes.
static KindResult last_first(const KindInput& input, Scope& scope) {
  KindResult result = axes(input, scope);
  if (result.problem) return result;
  Numbers numbers = *named(scope, input.entry.name);
  std::ranges::reverse(numbers);
  scope.set(input.entry.name, list_of(numbers));
  return result;
}

// Padding of any dimensions, one call for each that has some.
static KindResult sides(const KindInput& input, Scope& scope) {
  const auto given = numbers_of(input.value);
  auto chosen = named(scope, "axes");
  if (!given) return problem("its padding is not known");
  if (!chosen || chosen->empty()) chosen = all_axes(input);
  const std::size_t count = chosen->size();
  if (given->size() != 2 * count) return problem("its padding has not two numbers for each dimension");
  Numbers at, before, behind;
  for (std::size_t i = 0; i < count; ++i) {
    const int64_t first = (*given)[i], last = (*given)[count + i];
    if (first == 0 && last == 0) continue;
    const auto place = axis_within(input, (*chosen)[i]);
    if (!place) return problem(bad_axis(input, (*chosen)[i]));
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
  const int64_t rank = rank_of(input);
  Numbers at, first, last, by;
  for (std::size_t i = 0; i < count; ++i) {
    const int64_t begin = (*starts)[i], end = (*ends)[i], step = (*steps)[i];
    const int64_t given = (*chosen)[i];
    const bool whole = begin == 0 && end >= INT32_MAX && step == 1;
    if (whole && given >= -rank && given < rank) continue;
    const auto place = axis_within(input, given);
    if (!place) return problem(bad_axis(input, given));
    const Size& size = input.type.shape[static_cast<std::size_t>(*place)];
    if (step == 0) return problem("its step is 0");
    if (size.batch) return problem(bad_axis(input, 0));
    // Backwards, from the last element down to, not including, the place before the first.
    const int64_t least = step < 0 ? -1 : 0, most = step < 0 ? size.factor - 1 : size.factor;
    const auto within = [&](int64_t index) {
      return std::clamp<int64_t>(index < 0 && index >= -size.factor ? index + size.factor : index, least,
                                 most);
    };
    if (step < 0 ? within(begin) <= within(end) : within(begin) >= within(end))
      return problem("nothing is left of the tensor");
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

// From an axis on: that one and all behind it.
static KindResult onward(const KindInput& input, Scope& scope) {
  const auto given = input.value.integer();
  const auto first = given ? axis_within(input, *given) : std::nullopt;
  if (!first) return problem(given ? bad_axis(input, *given) : "its axis is no integer");
  Numbers axes(static_cast<std::size_t>(input.type.rank() - *first));
  std::iota(axes.begin(), axes.end(), *first);
  scope.set(input.entry.name, list_of(axes));
  scope.set("first_axis", CompileTimeValue::of(*first));
  scope.set("dimensions", CompileTimeValue::of(static_cast<int64_t>(axes.size())));
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
  if (!given || !from || (given->empty() && !input.whole)) return problem("its shape is not known");
  int64_t elements = 1;
  for (int64_t size : *from)
    if (__builtin_mul_overflow(elements, size, &elements)) return problem("its shape is too large");
  // What stands for the batch, which stays.
  const int64_t first = input.whole ? 0 : given->front();
  const bool batch_first = first == 0 || first == -1 || first == kOpenBatch || first == input.batch;
  if (!batch_first) return problem("it moves numbers between examples");
  Numbers sizes(given->begin() + (input.whole ? 0 : 1), given->end());
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

// A view of two dimensions: those before an axis as one, and the others.
static KindResult joined(const KindInput& input, Scope& scope) {
  const auto given = input.value.integer();
  const auto from = sizes_of(input.type);
  if (!given || !from) return problem("its axis is not known");
  const int64_t rank = rank_of(input);
  int64_t axis = *given < 0 ? *given + rank : *given;
  if (axis < 0 || axis > rank) return problem(bad_axis(input, *given));
  Numbers sizes{1, 1};
  axis -= input.whole ? 0 : 1; // within `from`
  if (!input.whole && axis != 0) return problem("it moves numbers between examples");
  for (std::size_t d = 0; d < from->size(); ++d)
    if (__builtin_mul_overflow(sizes[static_cast<int64_t>(d) < axis ? 0 : 1], (*from)[d],
                               &sizes[static_cast<int64_t>(d) < axis ? 0 : 1]))
      return problem("its shape is too large");
  if (!input.whole) sizes.erase(sizes.begin());
  return bind_view(scope, sizes);
}

static KindResult dropped(const KindInput& input, Scope& scope) {
  const auto from = sizes_of(input.type);
  auto given = numbers_of(input.value);
  if (!from || !given) return problem("its axes are not known");
  Numbers sizes;
  std::vector<bool> drop(from->size() + 1, false);
  for (int64_t one : *given) {
    const auto place = axis_within(input, one);
    if (!place) return problem(bad_axis(input, one));
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
  const auto more = static_cast<int64_t>(given->size());
  std::vector<bool> add(static_cast<std::size_t>(input.type.rank() + more), false);
  for (int64_t one : *given) {
    const auto place = axis_within(input, one, more);
    if (!place || add[static_cast<std::size_t>(*place)]) return problem(bad_axis(input, one, more));
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
    order = all_axes(input);
    std::ranges::reverse(*order);
  }
  if (input.whole) {
    for (int64_t& one : *order) ++one;
    order->insert(order->begin(), 0);
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
  static constexpr Function kKinds[] = {{"added", added},
                                        {"axes", axes},
                                        {"axis", axis},
                                        {"dropped", dropped},
                                        {"joined", joined},
                                        {"moves", moves},
                                        {"outside", outside},
                                        {"pads", pads},
                                        {"parts", parts},
                                        {"sides", sides},
                                        {"slices", slices},
                                        {"view", view},
                                        {"onward", onward},
                                        {"last_first", last_first},
                                        {"transposed", transposed},
                                        {"places", places},
                                        {"windows", windows}};
  const auto kind = std::ranges::find(kKinds, input.entry.kind, &Function::name);
  CHECK(kind != std::end(kKinds), "`{}` is no kind", input.entry.kind);
  return kind->apply(input, scope);
}

} // namespace striate
