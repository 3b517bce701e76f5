// estimate_costs: writes on every region what it costs at the capacity (ir/cost.h, docs/ir.md, "Costs"), and,
// where the machine's speed is known, the time that its limits leave for it. Assumes form_regions. Changes
// nothing but Region::cost. Shown by tests/passes/costs_test.cpp.
#pragma once

#include "ir/graph/graph.h"

#include <optional>

namespace striate {

// Arithmetic operations: for each example, and for what does not depend on the batch.
struct Flops {
  double per_example = 0, fixed = 0;
};
// Of the nodes of a region. A contraction leaves out the terms that read outside a tensor.
Flops flops_of(const Graph& graph, const Region& region);

void estimate_costs(Graph& graph, int64_t capacity, const std::optional<MachineSpeed>& speed);

} // namespace striate
