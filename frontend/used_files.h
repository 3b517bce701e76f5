// `use "blocks.nn"`: the items of another file, as if they stood in this one.
//
// A path is relative to the file that says it, ends in `.nn`, and stays inside `root`, the folder of the
// program. Files may use one another; each is read once. A `train` belongs to the program alone.
#pragma once

#include "frontend/ast.h"
#include "support/diagnostics.h"
#include "support/result.h"

#include <functional>
#include <string>

namespace striate {

// The text of a file, by its path.
using FileReader = std::function<Result<std::string>(const std::string& path)>;

// Appends to `file` the items of the files that it uses, and of those that they use. `texts` gets what was
// read.
void add_used_files(ast::File& file, const FileReader& read, std::string& texts, Diagnostics& diagnostics);

} // namespace striate
