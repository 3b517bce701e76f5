// What one pass did to a graph, in numbers: for --pass-stats.
#pragma once

#include "ir/graph/graph.h"

#include <string>
#include <vector>

namespace striate {

struct PassStats {
  struct Counts {
    int added = 0, removed = 0, changed = 0, all = 0; // `all`: afterwards
  };
  Counts nodes;      // by their first output; changed: operands, definition, region and the like
  Counts statements; // of all definitions; changed: those of nodes that stay, counted by node
  Counts values;     // by name; changed: type, layout, place in memory and the like
  int decisions = 0; // made
};

PassStats stats_of(const Graph& before, const Graph& after);

// A row for each pass, in order, under a heading.
std::string stats_table(const std::vector<std::pair<std::string, PassStats>>& passes);

} // namespace striate
