// Warnings about programs that work and are probably not what was meant. What an operator should not follow
// is said beside its definition in the library:
//
//   # warn after softmax, log_softmax: it takes logits              its first input comes from one of these
//   # warn after a parameter in add, add_channel: the bias vanishes the same, where that one also has a
//   parameter # warn as output: ...                                           a model's output comes from it
#pragma once

#include "frontend/library.h"
#include "ir/graph/graph.h"

namespace striate {

// The same for an output of a model, which `node` computes in training; nullptr: no call does.
void warn_of_output(const Node* node, const std::string& name, const Library& library,
                    Diagnostics& diagnostics);

void report_lints(const Graph& graph, const Library& library, Diagnostics& diagnostics);

} // namespace striate
