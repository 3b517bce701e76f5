// Questions about the nodes of a loop (Graph::loops), answered from shapes and indices.
#pragma once

#include "ir/graph/graph.h"

#include <optional>

namespace striate {

// The dimension of a loop's value that counts the steps.
inline int step_dimension(const TensorType& type) { return type.has_batch() ? 1 : 0; }

// The free variable of a loop's statement that counts the steps, or -1 where there is none: then the node
// cannot be in a loop. `target` is the type of what the statement computes.
int step_variable(const Statement& statement, const TensorType& target);

// The same for a node of one statement; -1 outside of loops.
int step_variable(const Graph& graph, const Node& node);
// Whether the value is computed in the loop that the node is in.
bool in_same_loop(const Graph& graph, const Node& node, ValueId value);

// By how many steps a read is off the one that is computed: -1 reads what the step before left. Nothing where
// it is no step at all. `source` is the type of what is read.
std::optional<int64_t> step_offset(int step_variable, const ExprRef& read, const TensorType& source);

// At which steps the statements of a node read one of its inputs.
struct StepReads {
  bool same = false;  // the one that is computed
  bool other = false; // another one, or all
};
StepReads step_reads(const Graph& graph, const Node& node, ValueId input);

} // namespace striate
