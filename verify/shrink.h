// Making small what shows a mistake: the graph, the sizes of its dimensions, the steps and examples.
#pragma once

#include "verify/mistake.h"

#include <functional>

namespace striate {

// Whether the mistake, the same one, shows.
using StillShows = std::function<bool(const Graph& graph, const Check& check)>;

// The reproducer shows it, and does so afterwards.
void shrink(Reproducer& reproducer, const StillShows& shows);

} // namespace striate
