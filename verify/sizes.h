// Sizes in a graph that have to be the same, since an index variable runs along all of them, and the same
// graph with others.
#pragma once

#include "ir/graph/graph.h"

#include <compare>
#include <vector>

namespace striate {

struct SizeClass {
  struct Place {
    enum class Kind { Value, Operand, Variable, Loop };
    Kind kind = Kind::Value;
    int node = -1;   // that the operand, or the statement, is of
    int number = -1; // value, operand, statement or loop
    int index = 0;   // dimension, or variable of the statement
    auto operator<=>(const Place&) const = default;
  };
  int64_t size = 0;
  std::vector<Place> places;
};

// All sizes but the batch's. For a graph without layouts.
std::vector<SizeClass> size_classes(const Graph& graph);

// With a smaller size for one of them, and for what is made of it (a dimension of several digits). It need
// not verify: what is read at other places may be missing.
Graph resized(const Graph& graph, const std::vector<SizeClass>& classes, std::size_t which, int64_t size);

} // namespace striate
