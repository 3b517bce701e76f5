// What the kinds of attributes (exchange/attribute_kinds.h) are written with: lists of integers, and
// dimensions as ONNX counts them. Shown by tests/exchange/import_onnx_test.cpp.
#pragma once

#include "exchange/attribute_kinds.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace striate {

using Numbers = std::vector<int64_t>;

KindResult problem(std::string text);
CompileTimeValue list_of(const Numbers& numbers);
// nullopt where it is no list of integers; one integer is a list of one.
std::optional<Numbers> numbers_of(const CompileTimeValue& value);
std::optional<Numbers> named(const Scope& scope, const std::string& name);
// How many dimensions ONNX sees.
int64_t rank_of(const KindInput& input);
// ONNX's axis as one of our tensor, counted from the front; nullopt where there is none, or it is that of the
// batch. `more`: dimensions that the node adds.
std::optional<int64_t> axis_within(const KindInput& input, int64_t axis, int64_t more = 0);
std::string bad_axis(const KindInput& input, int64_t axis, int64_t more = 0);
// ONNX's dimensions, all of them.
Numbers all_axes(const KindInput& input);
// The sizes behind the first dimension; nullopt where that is not the batch or they are not known.
std::optional<Numbers> sizes_of(const TensorType& type);

// The kinds about windows, and about places among other sizes (exchange/window_kinds.cpp).
KindResult pads(const KindInput& input, Scope& scope);
KindResult outside(const KindInput& input, Scope& scope);
KindResult transposed(const KindInput& input, Scope& scope);
KindResult windows(const KindInput& input, Scope& scope);
KindResult places(const KindInput& input, Scope& scope);

} // namespace striate
