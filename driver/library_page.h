// docs/library.md: every definition of the standard library with its comment, its text, its other names, its
// shapes and its derived gradient.
#pragma once

#include <string>

namespace striate {

std::string library_page();

} // namespace striate
