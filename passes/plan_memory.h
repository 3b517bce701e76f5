// plan_memory: gives every stored value its place in one arena: persistents first (the same places in every
// entry point), then inputs and computed values, which share space where their lifetimes do not meet. A
// persistent's `next` is computed in place of the old value where no later region reads the old one. Assumes
// form_regions. Offsets are multiples of 64 bytes, and every buffer is padded to whole vectors. Shown by
// tests/passes/memory_test.cpp.
#pragma once

#include "ir/graph/graph.h"
#include "support/result.h"

#include <map>
#include <string>
#include <vector>

namespace striate {

// Bytes of the persistents in `graph` and their offsets by name, in the order of `graph.persistents`.
struct PersistentPlan {
  std::map<std::string, int64_t> offsets;
  int64_t bytes = 0;
};
PersistentPlan plan_persistents(const Graph& graph);

// `share` false: no two stored values have memory in common.
void plan_memory(Graph& graph, int64_t capacity, const PersistentPlan& persistents, bool share = true);

// The regions within which a value's memory is its own, first to last; `last` is the number of regions where
// it is kept to the end of the run. first = -1: never in memory.
struct ValueLifetime {
  int first = -1;
  int last = -1;
};
// By value, of a graph with regions. A loop is one span of time: what lives in a part of it lives in all of
// it.
std::vector<ValueLifetime> value_lifetimes(const Graph& graph);

// A Failure where the values together would take more than 2^53 bytes: nothing can be planned then.
Status check_sizes(const Graph& graph, int64_t capacity);

// Bytes that a value occupies at a batch capacity.
int64_t storage_bytes(const Value& value, int64_t capacity);

} // namespace striate
