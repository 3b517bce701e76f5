// Parts of graphs, and making a graph small that shows a mistake.
#pragma once

#include "ir/graph/graph.h"

#include <functional>
#include <string>
#include <vector>

namespace striate {

// The nodes alone, in the order given: what others compute, and parameters and states, are its inputs, and
// `outputs` (values of `graph`) its outputs, by their names. Nodes of a loop must come with all of the loop.
Graph subgraph(const Graph& graph, const std::vector<NodeId>& nodes, const std::vector<ValueId>& outputs);

// Takes away from a graph what can go while it still fails: outputs, updates of parameters and states, and
// nodes, whose values become inputs. What is tried verifies.
using StillFails = std::function<bool(const Graph&)>;
Graph reduce(Graph graph, const StillFails& fails);

} // namespace striate
