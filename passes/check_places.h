// Whether the places that a graph's values have in the arena hold what is kept there: an account of its own,
// which knows nothing of how plan_memory finds them.
#pragma once

#include "ir/graph/graph.h"
#include "support/result.h"

namespace striate {

// Follows a run with `capacity` examples, region by region, and notes what each byte holds. A Failure that
// names the values where a region reads, or the caller after the run, what another value was stored across;
// where something has no place, or one beyond the arena's end.
Status check_places(const Graph& graph, int64_t capacity);

} // namespace striate
