// A file of text IR: a graph at any stage, or a program of kernels.
#pragma once

#include "ir/graph/graph.h"
#include "ir/kernel/kernel.h"
#include "support/result.h"

#include <string>
#include <variant>

namespace striate {

using IrText = std::variant<Graph, Program>;

// `-` is stdin. What the file holds is told by its first word; a Failure names the file and the line.
Result<IrText> read_ir(const std::string& file);

} // namespace striate
