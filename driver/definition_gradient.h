// A definition as a graph of its own, so that it is differentiated as any other: what `explain op` prints,
// and what the `grad` clauses of a file are compared with.
#pragma once

#include "frontend/ast.h"
#include "ir/graph/graph.h"
#include "support/diagnostics.h"
#include "support/result.h"

#include <map>
#include <memory>
#include <vector>

namespace striate {

struct DefinitionGraph {
  Graph graph; // calls expanded
  std::vector<ValueId> inputs;
  std::vector<ValueId> outputs;
};

DefinitionGraph graph_of(const std::shared_ptr<const Definition>& definition);

// Appends the adjoints of output number `output`, which is real; its own adjoint becomes an input,
// `NAME.grad`. By input: its adjoint, or -1 where that is zero.
Result<std::map<ValueId, ValueId>> append_gradient(DefinitionGraph& whole, std::size_t output);

// Evaluates each `grad` clause of the file and the derived gradient in f64, at small shapes and drawn values,
// and reports an error where they differ by more than 1e-6 of the largest entry. An element where the derived
// gradient is not finite says nothing.
void check_gradient_clauses(const ast::File& file, Diagnostics& diagnostics);

// The calls of a graph of single statements from `first` on, one a line, in index notation.
std::string statements_text(const Graph& graph, NodeId first);

} // namespace striate
