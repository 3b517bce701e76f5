// assign_orders: declares the order of every reduction, before any layout or schedule (docs/ir.md, "Orders").
//
//   over the batch:   (n/16, the others as written; lanes n%16), with `batch_lanes`;
//                     else as written
//   otherwise:        as written, the first variable split by 16 with its low digit innermost: (c/16, r, s,
//   c%16)
//
// Every layout can follow any order, so a result's bits do not depend on the layout. Which order costs least
// does, for sums over the batch: `batch_lanes` says that blocks of 16 examples suit the graph
// (choose_layouts). ArgMax and its Max, and every other reducer, follow the order as written: their result
// does not depend on it. Shown by tests/passes/orders_test.cpp.
#pragma once

#include "ir/graph/graph.h"

namespace striate {

void assign_orders(Graph& graph, bool batch_lanes);

} // namespace striate
