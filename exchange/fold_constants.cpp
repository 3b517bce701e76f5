#include "exchange/fold_constants.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

namespace striate {

static constexpr int64_t kSpare = int64_t{1} << 24;       // elements, beyond as many as the file's
static constexpr int64_t kMostUniform = int64_t{1} << 28; // elements that are all the same: stored once

int64_t integer_attribute(const OnnxNode& node, std::string_view name, int64_t otherwise) {
  const auto found = node.attributes.find(name);
  const auto* value = found == node.attributes.end() ? nullptr : std::get_if<int64_t>(&found->second);
  return value ? *value : otherwise;
}

std::vector<int64_t> integers_attribute(const OnnxNode& node, std::string_view name,
                                        std::vector<int64_t> otherwise) {
  const auto found = node.attributes.find(name);
  const auto* value =
      found == node.attributes.end() ? nullptr : std::get_if<std::vector<int64_t>>(&found->second);
  return value ? *value : otherwise;
}

namespace {

using Inputs = std::vector<OnnxConstantRef>;
using Made = std::shared_ptr<OnnxConstant>;

struct Folding {
  const OnnxNode& node;
  const Inputs& inputs;
  int64_t& budget;

  const OnnxConstant* input(std::size_t i) const { return i < inputs.size() ? inputs[i].get() : nullptr; }

  // A list of numbers that is an input, or in older versions an attribute.
  std::optional<std::vector<int64_t>> list(std::size_t i, std::string_view name) const {
    if (const OnnxConstant* constant = input(i)) {
      if (constant->elements() > 64) return std::nullopt;
      std::vector<int64_t> numbers;
      for (int64_t k = 0; k < constant->elements(); ++k) numbers.push_back(constant->integer_at(k));
      return numbers;
    }
    if (!node.attributes.contains(name)) return std::nullopt;
    return integers_attribute(node, name, {});
  }

  // False where the result would be too large.
  bool spend(int64_t elements) const {
    if (elements > budget) return false;
    budget -= elements;
    return true;
  }
};

// nullptr where there is no such shape, or it is too large.
Made made(const Folding& folding, std::vector<int64_t> shape, bool real, bool uniform) {
  const auto elements = onnx_elements(shape);
  if (!elements || (uniform ? *elements > kMostUniform : !folding.spend(*elements))) return nullptr;
  auto constant = std::make_shared<OnnxConstant>();
  constant->shape = std::move(shape);
  constant->real = real;
  constant->uniform = uniform;
  const std::size_t stored = uniform ? 1 : static_cast<std::size_t>(*elements);
  if (real)
    constant->reals.resize(stored);
  else
    constant->integers.resize(stored);
  return constant;
}

// The elements of `from` in another order or number: element i of the result is element place(i).
Made rearranged(const Folding& folding, const OnnxConstant& from, std::vector<int64_t> shape,
                const std::function<int64_t(int64_t)>& place) {
  Made to = made(folding, std::move(shape), from.real, from.uniform);
  if (!to) return nullptr;
  const int64_t count = from.uniform ? std::min<int64_t>(to->elements(), 1) : to->elements();
  if (from.uniform) {
    to->reals = from.reals;
    to->integers = from.integers;
    return to;
  }
  for (int64_t i = 0; i < count; ++i) {
    const auto source = static_cast<std::size_t>(place(i));
    const auto target = static_cast<std::size_t>(i);
    if (from.real)
      to->reals[target] = from.reals[source];
    else
      to->integers[target] = from.integers[source];
  }
  return to;
}

std::vector<int64_t> strides_of(const std::vector<int64_t>& shape) {
  std::vector<int64_t> strides(shape.size(), 1);
  for (std::size_t d = shape.size(); d-- > 1;) strides[d - 1] = strides[d] * shape[d];
  return strides;
}

// An element of `shape` by its number -> the sum of its indices times `steps`, from `first` on.
int64_t strided(int64_t index, const std::vector<int64_t>& shape, const std::vector<int64_t>& steps,
                int64_t first) {
  int64_t place = first;
  for (std::size_t d = shape.size(); d-- > 0;) {
    place += index % shape[d] * steps[d];
    index /= shape[d];
  }
  return place;
}

std::optional<std::size_t> dimension(int64_t axis, std::size_t rank) {
  const auto count = static_cast<int64_t>(rank);
  if (axis < -count || axis >= count) return std::nullopt;
  return static_cast<std::size_t>(axis < 0 ? axis + count : axis);
}

Made same_elements(const Folding& folding, const OnnxConstant& from, std::vector<int64_t> shape) {
  const auto elements = onnx_elements(shape);
  if (!elements || *elements != from.elements()) return nullptr;
  return rearranged(folding, from, std::move(shape), [](int64_t i) { return i; });
}

Made fold_given(const Folding& folding) {
  const auto& attributes = folding.node.attributes;
  if (attributes.size() != 1) return nullptr;
  const OnnxAttribute& value = attributes.begin()->second;
  if (const auto* constant = std::get_if<OnnxConstantRef>(&value))
    return same_elements(folding, **constant, (*constant)->shape);
  auto result = std::make_shared<OnnxConstant>();
  if (const auto* integer = std::get_if<int64_t>(&value)) {
    result->real = false;
    result->integers = {*integer};
  } else if (const auto* real = std::get_if<float>(&value)) {
    result->reals = {*real};
  } else if (const auto* integers = std::get_if<std::vector<int64_t>>(&value)) {
    result->real = false;
    result->integers = *integers;
    result->shape = {static_cast<int64_t>(integers->size())};
  } else if (const auto* reals = std::get_if<std::vector<float>>(&value)) {
    result->reals = *reals;
    result->shape = {static_cast<int64_t>(reals->size())};
  } else {
    return nullptr;
  }
  return result;
}

Made fold_filled(const Folding& folding) {
  const auto shape = folding.list(0, "");
  if (!shape) return nullptr;
  const auto found = folding.node.attributes.find("value");
  const OnnxConstant* value = nullptr;
  if (found != folding.node.attributes.end()) {
    const auto* constant = std::get_if<OnnxConstantRef>(&found->second);
    if (!constant || (*constant)->elements() != 1) return nullptr;
    value = constant->get();
  }
  Made result = made(folding, *shape, value ? value->real : true, true);
  if (!result || !value) return result;
  if (value->real)
    result->reals[0] = value->real_at(0);
  else
    result->integers[0] = value->integer_at(0);
  return result;
}

Made fold_same(const Folding& folding) {
  const OnnxConstant* x = folding.input(0);
  return x ? same_elements(folding, *x, x->shape) : nullptr;
}

Made fold_cast(const Folding& folding) {
  const OnnxConstant* x = folding.input(0);
  if (!x) return nullptr;
  const int64_t to = integer_attribute(folding.node, "to", 0);
  const bool real = to == kOnnxFloat || to == 11 || to == 10 || to == 16;
  if (!real && to != kOnnxInt32 && to != kOnnxInt64 && to != kOnnxBool) return nullptr;
  if (real == x->real && to != kOnnxBool) return same_elements(folding, *x, x->shape);
  Made result = made(folding, x->shape, real, x->uniform);
  if (!result) return nullptr;
  for (std::size_t i = 0; i < result->reals.size(); ++i) {
    if (x->integers[i] == kOpenBatch) return nullptr;
    result->reals[i] = static_cast<float>(x->integers[i]);
  }
  for (std::size_t i = 0; i < result->integers.size(); ++i) {
    const auto element = static_cast<int64_t>(i);
    if (to == kOnnxBool) {
      result->integers[i] = x->real ? x->real_at(element) != 0 : x->integer_at(element) != 0;
      continue;
    }
    const float value = x->real_at(element);
    if (!(std::abs(value) < 9e18F)) return nullptr;
    result->integers[i] = static_cast<int64_t>(value);
  }
  return result;
}

Made fold_reshape(const Folding& folding) {
  const OnnxConstant* x = folding.input(0);
  auto shape = folding.list(1, "shape");
  if (!x || !shape) return nullptr;
  int64_t known = 1;
  std::optional<std::size_t> open;
  const bool zero_is_zero = integer_attribute(folding.node, "allowzero", 0) != 0;
  for (std::size_t d = 0; d < shape->size(); ++d) {
    int64_t& size = (*shape)[d];
    if (size == 0 && !zero_is_zero) {
      if (d >= x->shape.size()) return nullptr;
      size = x->shape[d];
    }
    if (size == -1 && !open)
      open = d;
    else if (size < 0 || __builtin_mul_overflow(known, size, &known))
      return nullptr;
  }
  if (open) {
    if (known == 0 || x->elements() % known != 0) return nullptr;
    (*shape)[*open] = x->elements() / known;
  }
  return same_elements(folding, *x, *shape);
}

Made fold_squeeze(const Folding& folding) {
  const OnnxConstant* x = folding.input(0);
  if (!x) return nullptr;
  const auto axes = folding.list(1, "axes");
  std::vector<bool> dropped(x->shape.size(), false);
  for (std::size_t d = 0; d < x->shape.size(); ++d) dropped[d] = !axes && x->shape[d] == 1;
  if (axes)
    for (int64_t axis : *axes) {
      const auto d = dimension(axis, x->shape.size());
      if (!d || x->shape[*d] != 1) return nullptr;
      dropped[*d] = true;
    }
  std::vector<int64_t> shape;
  for (std::size_t d = 0; d < x->shape.size(); ++d)
    if (!dropped[d]) shape.push_back(x->shape[d]);
  return same_elements(folding, *x, std::move(shape));
}

Made fold_unsqueeze(const Folding& folding) {
  const OnnxConstant* x = folding.input(0);
  const auto axes = folding.list(1, "axes");
  if (!x || !axes) return nullptr;
  const std::size_t rank = x->shape.size() + axes->size();
  std::vector<bool> added(rank, false);
  for (int64_t axis : *axes) {
    const auto d = dimension(axis, rank);
    if (!d || added[*d]) return nullptr;
    added[*d] = true;
  }
  std::vector<int64_t> shape;
  for (std::size_t d = 0, from = 0; d < rank; ++d) shape.push_back(added[d] ? 1 : x->shape[from++]);
  return same_elements(folding, *x, std::move(shape));
}

Made fold_concat(const Folding& folding) {
  const OnnxConstant* first = folding.input(0);
  if (!first) return nullptr;
  const auto axis = dimension(integer_attribute(folding.node, "axis", 0), first->shape.size());
  if (!axis) return nullptr;
  std::vector<int64_t> shape = first->shape;
  shape[*axis] = 0;
  for (const OnnxConstantRef& part : folding.inputs) {
    if (!part || part->real != first->real || part->shape.size() != shape.size()) return nullptr;
    for (std::size_t d = 0; d < shape.size(); ++d)
      if (d != *axis && part->shape[d] != shape[d]) return nullptr;
    if (__builtin_add_overflow(shape[*axis], part->shape[*axis], &shape[*axis])) return nullptr;
  }
  const int64_t outer = std::accumulate(shape.begin(), shape.begin() + static_cast<std::ptrdiff_t>(*axis),
                                        int64_t{1}, std::multiplies<>());
  Made result = made(folding, shape, first->real, false);
  if (!result) return nullptr;
  int64_t to = 0;
  for (int64_t o = 0; o < outer; ++o)
    for (const OnnxConstantRef& part : folding.inputs) {
      const int64_t count = outer == 0 ? 0 : part->elements() / outer;
      for (int64_t i = 0; i < count; ++i, ++to)
        if (first->real)
          result->reals[static_cast<std::size_t>(to)] = part->real_at(o * count + i);
        else
          result->integers[static_cast<std::size_t>(to)] = part->integer_at(o * count + i);
    }
  return result;
}

Made fold_gather(const Folding& folding) {
  const OnnxConstant* x = folding.input(0);
  const OnnxConstant* places = folding.input(1);
  if (!x || !places || places->real) return nullptr;
  const auto axis = dimension(integer_attribute(folding.node, "axis", 0), x->shape.size());
  if (!axis) return nullptr;
  const auto at = static_cast<std::ptrdiff_t>(*axis);
  const int64_t size = x->shape[*axis];
  for (int64_t i = 0; i < places->elements(); ++i)
    if (places->integer_at(i) < -size || places->integer_at(i) >= size) return nullptr;
  std::vector<int64_t> shape(x->shape.begin(), x->shape.begin() + at);
  shape.insert(shape.end(), places->shape.begin(), places->shape.end());
  shape.insert(shape.end(), x->shape.begin() + at + 1, x->shape.end());
  const int64_t inner =
      std::accumulate(x->shape.begin() + at + 1, x->shape.end(), int64_t{1}, std::multiplies<>());
  const int64_t count = places->elements();
  return rearranged(folding, *x, std::move(shape), [&](int64_t i) {
    const int64_t place = places->integer_at(i / inner % count);
    return (i / inner / count * size + (place < 0 ? place + size : place)) * inner + i % inner;
  });
}

Made fold_slice(const Folding& folding) {
  const OnnxConstant* x = folding.input(0);
  const auto starts = folding.list(1, "starts"), ends = folding.list(2, "ends");
  if (!x || !starts || !ends || starts->size() != ends->size()) return nullptr;
  auto axes = folding.list(3, "axes"), steps = folding.list(4, "steps");
  if (!axes) {
    axes.emplace(starts->size());
    std::iota(axes->begin(), axes->end(), 0);
  }
  if (!steps) steps.emplace(starts->size(), 1);
  if (axes->size() != starts->size() || steps->size() != starts->size()) return nullptr;
  std::vector<int64_t> shape = x->shape, strides = strides_of(x->shape);
  int64_t first = 0;
  for (std::size_t i = 0; i < starts->size(); ++i) {
    const auto d = dimension((*axes)[i], shape.size());
    const int64_t step = (*steps)[i];
    if (!d || step == 0 || step > INT32_MAX || step < -INT32_MAX) return nullptr;
    const int64_t size = x->shape[*d];
    if (step < 0) { // from the last to the first
      const auto from_end = [&](int64_t place) {
        return std::clamp<int64_t>(place < 0 ? place + size : place, -1, size - 1);
      };
      const int64_t begin = from_end((*starts)[i]), end = (*ends)[i] < -size ? -1 : from_end((*ends)[i]);
      shape[*d] = std::max<int64_t>((begin - end - step - 1) / -step, 0);
      first += begin * strides[*d];
      strides[*d] *= step;
      continue;
    }
    const auto within = [&](int64_t place) {
      return std::clamp<int64_t>(place < 0 ? place + size : place, 0, size);
    };
    const int64_t begin = within((*starts)[i]), end = within((*ends)[i]);
    shape[*d] = std::max<int64_t>((end - begin + step - 1) / step, 0);
    first += begin * strides[*d];
    strides[*d] *= step;
  }
  return rearranged(folding, *x, shape, [&](int64_t i) { return strided(i, shape, strides, first); });
}

Made fold_transpose(const Folding& folding) {
  const OnnxConstant* x = folding.input(0);
  if (!x) return nullptr;
  std::vector<int64_t> reversed(x->shape.size());
  std::iota(reversed.rbegin(), reversed.rend(), 0);
  const auto order = integers_attribute(folding.node, "perm", reversed);
  std::vector<int64_t> sorted = order;
  std::ranges::sort(sorted);
  std::ranges::reverse(sorted);
  if (sorted != reversed) return nullptr;
  std::vector<int64_t> shape, strides;
  const std::vector<int64_t> from = strides_of(x->shape);
  for (int64_t d : order) {
    shape.push_back(x->shape[static_cast<std::size_t>(d)]);
    strides.push_back(from[static_cast<std::size_t>(d)]);
  }
  return rearranged(folding, *x, shape, [&](int64_t i) { return strided(i, shape, strides, 0); });
}

Made fold_range(const Folding& folding) {
  const OnnxConstant *start = folding.input(0), *limit = folding.input(1), *step = folding.input(2);
  for (const OnnxConstant* number : {start, limit, step})
    if (!number || number->real || number->elements() != 1) return nullptr;
  const __int128 width = __int128{limit->integer_at(0)} - start->integer_at(0);
  const int64_t by = step->integer_at(0);
  if (by == 0) return nullptr;
  const __int128 count = width == 0 || (width > 0) != (by > 0) ? 0 : (width + by - (by > 0 ? 1 : -1)) / by;
  if (count > kSpare) return nullptr;
  Made result = made(folding, {static_cast<int64_t>(count)}, false, false);
  if (!result) return nullptr;
  for (std::size_t i = 0; i < result->integers.size(); ++i)
    result->integers[i] = static_cast<int64_t>(start->integer_at(0) + __int128{by} * static_cast<int64_t>(i));
  return result;
}

using RealFunction = float (*)(float, float);
using IntegerFunction = bool (*)(int64_t, int64_t, int64_t*);

// Shapes broadcast as in NumPy, and for each its steps along the common one.
struct Broadcast {
  std::vector<int64_t> shape;
  std::vector<std::vector<int64_t>> steps;
  bool fits = true;

  explicit Broadcast(const std::vector<std::vector<int64_t>>& shapes) {
    std::size_t rank = 0;
    for (const auto& one : shapes) rank = std::max(rank, one.size());
    shape.assign(rank, 1);
    for (const auto& one : shapes) {
      std::vector<int64_t>& own = steps.emplace_back(rank, 0);
      const std::vector<int64_t> strides = strides_of(one);
      for (std::size_t d = 0; d < one.size(); ++d) {
        const std::size_t at = rank - one.size() + d;
        if (one[d] == 1) continue;
        fits &= shape[at] == 1 || shape[at] == one[d];
        shape[at] = one[d];
        own[at] = strides[d];
      }
    }
  }
};

Made fold_binary(const Folding& folding, RealFunction real, IntegerFunction integer) {
  const OnnxConstant *a = folding.input(0), *b = folding.input(1);
  if (!a || !b || a->real != b->real) return nullptr;
  const Broadcast together({a->shape, b->shape});
  const std::vector<int64_t>& shape = together.shape;
  const auto elements = onnx_elements(shape);
  if (!together.fits || !elements) return nullptr;
  Made result = made(folding, shape, a->real, false);
  if (!result) return nullptr;
  for (int64_t i = 0; i < *elements; ++i) {
    const int64_t from_a = strided(i, shape, together.steps[0], 0);
    const int64_t from_b = strided(i, shape, together.steps[1], 0);
    const auto at = static_cast<std::size_t>(i);
    if (a->real) {
      result->reals[at] = real(a->real_at(from_a), b->real_at(from_b));
      continue;
    }
    const int64_t left = a->integer_at(from_a), right = b->integer_at(from_b);
    if (left == kOpenBatch || right == kOpenBatch || !integer(left, right, &result->integers[at]))
      return nullptr;
  }
  return result;
}

// The second where the first is true, else the third.
Made fold_choice(const Folding& folding) {
  const OnnxConstant *which = folding.input(0), *a = folding.input(1), *b = folding.input(2);
  if (!which || which->real || !a || !b || a->real != b->real) return nullptr;
  const Broadcast together({which->shape, a->shape, b->shape});
  const auto elements = onnx_elements(together.shape);
  if (!together.fits || !elements) return nullptr;
  Made result = made(folding, together.shape, a->real, false);
  if (!result) return nullptr;
  const auto place = [&](int64_t i, std::size_t of) {
    return strided(i, together.shape, together.steps[of], 0);
  };
  for (int64_t i = 0; i < *elements; ++i) {
    const bool first = which->integer_at(place(i, 0)) != 0;
    const OnnxConstant& from = first ? *a : *b;
    const int64_t at = place(i, first ? 1 : 2);
    if (from.real)
      result->reals[static_cast<std::size_t>(i)] = from.real_at(at);
    else
      result->integers[static_cast<std::size_t>(i)] = from.integer_at(at);
  }
  return result;
}

// To a shape; a batch that the file leaves open stays one row, which is broadcast where it is used.
Made fold_expanded(const Folding& folding) {
  const OnnxConstant* x = folding.input(0);
  auto wanted = folding.list(1, "shape");
  if (!x || !wanted) return nullptr;
  std::ranges::replace(*wanted, kOpenBatch, int64_t{1});
  const Broadcast together({x->shape, *wanted});
  if (!together.fits) return nullptr;
  return rearranged(folding, *x, together.shape,
                    [&](int64_t i) { return strided(i, together.shape, together.steps[0], 0); });
}

Made fold_sum(const Folding& folding) {
  return fold_binary(
      folding, [](float a, float b) { return a + b; },
      [](int64_t a, int64_t b, int64_t* c) { return !__builtin_add_overflow(a, b, c); });
}

Made fold_difference(const Folding& folding) {
  return fold_binary(
      folding, [](float a, float b) { return a - b; },
      [](int64_t a, int64_t b, int64_t* c) { return !__builtin_sub_overflow(a, b, c); });
}

Made fold_product(const Folding& folding) {
  return fold_binary(
      folding, [](float a, float b) { return a * b; },
      [](int64_t a, int64_t b, int64_t* c) { return !__builtin_mul_overflow(a, b, c); });
}

Made fold_quotient(const Folding& folding) {
  return fold_binary(
      folding, [](float a, float b) { return a / b; },
      [](int64_t a, int64_t b, int64_t* c) {
        if (b == 0 || (a == INT64_MIN && b == -1)) return false;
        *c = a / b;
        return true;
      });
}

// ONNX's names of what computes with numbers known beforehand.
struct Function {
  std::string_view name;
  Made (*fold)(const Folding&);
};
constexpr Function kFunctions[] = {{"Add", fold_sum},
                                   {"Cast", fold_cast},
                                   {"Concat", fold_concat},
                                   {"Constant", fold_given},
                                   {"ConstantOfShape", fold_filled},
                                   {"Div", fold_quotient},
                                   {"Expand", fold_expanded},
                                   {"Gather", fold_gather},
                                   {"Identity", fold_same},
                                   {"Mul", fold_product},
                                   {"Range", fold_range},
                                   {"Reshape", fold_reshape},
                                   {"Slice", fold_slice},
                                   {"Squeeze", fold_squeeze},
                                   {"Sub", fold_difference},
                                   {"Transpose", fold_transpose},
                                   {"Unsqueeze", fold_unsqueeze},
                                   {"Where", fold_choice}};

} // namespace

ConstantFolder::ConstantFolder(int64_t weights) : budget_(weights + kSpare) {}

OnnxConstantRef ConstantFolder::fold(const OnnxNode& node, const std::vector<OnnxConstantRef>& inputs) {
  const auto function = std::ranges::find(kFunctions, node.op, &Function::name);
  if (!node.domain.empty() || function == std::end(kFunctions)) return nullptr;
  return function->fold(Folding{node, inputs, budget_});
}

bool ConstantFolder::knows(const OnnxNode& node) {
  return node.domain.empty() &&
         (node.op == "Shape" ||
          std::ranges::find(kFunctions, node.op, &Function::name) != std::end(kFunctions));
}

OnnxConstantRef ConstantFolder::fold_shape(const OnnxNode& node, const std::vector<int64_t>& shape) {
  if (!node.domain.empty() || node.op != "Shape") return nullptr;
  const auto rank = static_cast<int64_t>(shape.size());
  const auto within = [&](int64_t place) {
    return std::clamp<int64_t>(place < 0 ? place + rank : place, 0, rank);
  };
  const int64_t first = within(integer_attribute(node, "start", 0));
  const int64_t last = std::max(first, within(integer_attribute(node, "end", rank)));
  auto result = std::make_shared<OnnxConstant>();
  result->real = false;
  result->integers.assign(shape.begin() + first, shape.begin() + last);
  result->shape = {last - first};
  return result;
}

} // namespace striate
