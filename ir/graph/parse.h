// Reads a graph back from its text form (docs/ir.md has the grammar). What is read was verified: a graph that
// breaks a rule is refused like a text that breaks the grammar. print(parse(t)) is t for every t that print
// wrote; any text at all is safe to read. Shown by tests/ir/text_test.cpp.
#pragma once

#include "ir/graph/graph.h"
#include "support/result.h"

#include <string>

namespace striate {

// `file` is what errors call the text.
Result<Graph> parse_graph(const std::string& text, const std::string& file = "graph");

} // namespace striate
