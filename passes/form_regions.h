// form_regions: partitions an expanded graph into regions, each of which becomes one kernel.
//
// A region is a head statement and what is computed from it without going through memory:
//   pointwise tails   same shape as the head, reading it in place (bias, activation, update chains)
//   a window          a Max, ArgMax, Sum or Min over windows of a contraction's result, then pointwise tails
//   on that
// Legality is decided here from structure, profit by cost; each refusal is recorded with its reason. Assumes
// assign_layouts. Guarantees: every node in exactly one region, regions in an order of execution, `stored`
// values are those that a later region, an output or a persistent needs. Shown by
// tests/passes/regions_test.cpp and tests/passes/regions/*.nn.
#pragma once

#include "ir/graph/graph.h"

#include <string>

namespace striate {

// `fuse` false: every node is a region of its own.
void form_regions(Graph& graph, bool fuse = true);

// Why one of a graph's regions is none that the scheduler has a nest for, by the rules above, or "": regions
// may have been written by hand.
std::string region_problem(const Graph& graph);

// The parts of a region, as form_regions put them together and the scheduler takes them apart.
struct RegionParts {
  NodeId head = -1;
  std::vector<NodeId> tails;   // pointwise on the head's shape, in order
  std::vector<NodeId> windows; // one Max (Sum, Min) and possibly the ArgMax beside it; or, where the head
                               // itself is a Max, empty and `companion` set
  std::vector<NodeId> window_tails; // pointwise on the windows' shape
  NodeId companion = -1; // an ArgMax (ArgMin) over the same domain and body as a head that is a Max (Min)
};
RegionParts parts_of(const Graph& graph, const Region& region);

// A window reduction over one value: which target variable runs along each dimension of the value.
struct WindowShape {
  struct Dimension {
    int along = -1;     // free variable
    int window = -1;    // reduced variable, or -1: this dimension is read in place
    int64_t stride = 1; // index = stride * along + window - padding
    int64_t padding = 0;
    int64_t extent = 1; // of the window
  };
  std::vector<Dimension> dimensions; // of the value read
};
// nullopt where the statement is not a plain window reduction of one read.
std::optional<WindowShape> window_shape(const Statement& statement);

} // namespace striate
