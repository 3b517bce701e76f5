// What is wrong with a graph, and which item of its text each problem is about: for messages that name a
// line.
#pragma once

#include "ir/graph/graph.h"

#include <string>
#include <vector>

namespace striate {

struct GraphProblem {
  enum class Item { Graph, Scalar, Value, Node, Loop, Output, Region };
  std::string text; // as verify() says it
  Item item = Item::Graph;
  int index = 0; // of the item, in the graph's own list
};

// In the order of verify(), which gives their texts.
std::vector<GraphProblem> problems_of(const Graph& graph);

} // namespace striate
