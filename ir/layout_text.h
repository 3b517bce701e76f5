// A layout read back from its text, and what may be wrong with one.
#pragma once

#include "ir/layout.h"
#include "ir/text_reader.h"

#include <string>

namespace striate {

// `(d0/16, d1, d0%16)` of a value of this type: the highest digit of each dimension takes what is left of it.
Layout read_layout(TextReader& reader, const TensorType& type);

// What is wrong with the layout of the value `name`, or "": its digits cover each dimension exactly, and a
// batch digit is outermost.
std::string layout_problem(const std::string& name, const Layout& layout, const TensorType& type);

// Elements of storage at a capacity; -1 where that is more than 2^53.
int64_t storage_within_limit(const Layout& layout, int64_t capacity);

} // namespace striate
