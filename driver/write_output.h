// The result of a command as text: to -o FILE, or to stdout.
#pragma once

#include "driver/options.h"

#include <string>

namespace striate {

// The command's exit code.
int write_output(const Options& options, const std::string& text);

} // namespace striate
