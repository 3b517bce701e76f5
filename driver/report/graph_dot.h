// The regions of a graph as Graphviz reads them: what `build --emit=dot` prints. Kernels are boxes that list
// their statements, inputs are ellipses, edges are stored values with their shapes.
#pragma once

#include "ir/graph/graph.h"

#include <string>

namespace striate {

// A text as a quoted string that Graphviz shows as it is; a line end stays one.
std::string dot_quoted(const std::string& text);

std::string graph_dot(const Graph& graph);

} // namespace striate
