// Diagnostics on stderr, as --diagnostics, --error-limit and --color ask for.
#pragma once

#include "driver/options.h"
#include "support/diagnostics.h"

#include <string>

namespace striate {

void print_diagnostics(const Diagnostics& diagnostics, const Options& options);

// One JSON object a line: docs/command-line.md has the fields.
std::string diagnostics_json(const Diagnostics& diagnostics, std::size_t limit);

} // namespace striate
