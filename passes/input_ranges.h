// input_ranges: which values an integer input may have, as the graph's comparisons say: where an index is
// compared for equality with an element of the input (`c == label[n]`), the element has to be one of the
// values of the index. A comparison beside an explicit bound (`label[n] < 5`) says nothing: that statement
// deals with other values itself. Assumes a verified graph, of calls or expanded; changes nothing. Shown by
// tests/passes/input_ranges_test.cpp.
#pragma once

#include "ir/graph/graph.h"

#include <string>
#include <vector>

namespace striate {

struct InputRange {
  ValueId input = -1;
  Interval values;
  std::string op;          // the operator that compares
  SourceLocation location; // and where it is called
  std::string counted;     // what has an entry for each value: "logits"; "" where there is no such thing
};

// The narrowest range of each input that has one, in the order of the graph's inputs.
std::vector<InputRange> input_ranges(const Graph& graph);

} // namespace striate
