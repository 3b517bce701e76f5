// settle_persistents: makes every persistent's `next` safe to compute in place of the old value.
//
// Safe is a value that one persistent takes, computed after every read of the old value by others, from no
// element of the old value but its own. Wherever a program says otherwise (two states that swap, a state that
// shifts, the old value read after the new one was made), the next value is computed beside and copied at the
// end. Assumes inline_pointwise. Shown by tests/passes/memory_test.cpp.
#pragma once

#include "ir/graph/graph.h"

namespace striate {

void settle_persistents(Graph& graph);

} // namespace striate
