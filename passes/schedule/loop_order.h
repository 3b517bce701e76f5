// In which order a region's loops over free variables stand.
#pragma once

#include "ir/graph/graph.h"

#include <vector>

namespace striate {

// The free variables as the statement has them.
std::vector<int> free_variables(const Statement& statement);

// Those of a contraction, outermost first. Of products of matrices that stand side by side, those that count
// the products come first, so that two matrices are in cache until they are multiplied. The examples come
// after the rows of a weight that exceeds the cache: what a tile of results reads of it then stays there
// while the examples pass by, a few at a time.
std::vector<int> loop_order(const Graph& graph, const Node& node, int64_t l2_bytes);

} // namespace striate
