// Reads kernels and programs back from their text form (docs/ir.md has the grammar). What is read was
// verified. For every t that print wrote, print(parse(t)) is t; any text at all is safe to read. Shown by
// tests/ir/text_test.cpp.
#pragma once

#include "ir/kernel/kernel.h"
#include "support/result.h"

#include <string>

namespace striate {

// `file` is what errors call the text.
Result<Kernel> parse_kernel(const std::string& text, const std::string& file = "kernel");
Result<Program> parse_program(const std::string& text, const std::string& file = "program");

} // namespace striate
