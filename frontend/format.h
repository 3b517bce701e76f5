// `.nn` text -> the same text in canonical layout (`striate fmt`). Assumes nothing of the text. Guarantees:
// the result parses to the same tree and keeps every comment; formatting it again changes nothing; lines are
// at most kFormatWidth wide where a break is possible. As gofmt does, it keeps the line breaks of the author
// that stand at a good place (before `->` and operators, after commas, in blocks) and decides everything
// else: indentation, spaces, breaks of long lines, alignment, blank lines. Shown by
// tests/frontend/format_test.cpp.
#pragma once

#include "support/diagnostics.h"

#include <optional>
#include <string>

namespace striate {

inline constexpr int kFormatWidth = 120;

// nullopt, with diagnostics, where the text does not parse.
std::optional<std::string> format_program(const std::string& name, const std::string& text,
                                          Diagnostics& diagnostics);

} // namespace striate
