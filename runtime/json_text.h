// Writing JSON: what we write is flat, so lines are formatted by hand; only the quoting of strings is the
// library's.
#pragma once

#include <string>
#include <string_view>

namespace striate {

// The text in quotes, escaped; bytes that are no UTF-8 become U+FFFD.
std::string json_quoted(std::string_view text);

} // namespace striate
