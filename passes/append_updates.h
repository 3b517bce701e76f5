// append_updates: appends what changes gradients, and each parameter's update; parameters and optimizer
// states get their `next`. Totals over several parameters are added up in the order of the instances. With
// `accumulate`, gradients are added to states ("conv1.weight/gradient"), and the run-time scalar "update" (1
// where it is not set) says whether parameters and states change by their sums, which begin anew then, or
// stay.
//
// Assumes differentiate. Guarantees a verified graph. Shown by tests/passes/phases.test.
#pragma once

#include "ir/graph/graph.h"

#include <map>

namespace striate {

// `gradients`: by parameter; -1: none, and no update.
void append_updates(Graph& graph, const std::map<ValueId, ValueId>& gradients,
                    const std::vector<OptimizerInstance>& optimizers, bool accumulate);

} // namespace striate
