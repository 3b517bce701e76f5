// What two texts of one IR say differently, by name: where a number or an order differs, and what is in one
// alone. Names of definitions, places in the source and comments do not count: they follow from the rest, or
// from the text around a model.
#pragma once

#include "ir/cost.h"
#include "ir/graph/graph.h"
#include "ir/kernel/kernel.h"

#include <string>
#include <vector>

namespace striate {

// One thing that is not the same in both.
struct Difference {
  enum class Kind { Added, Removed, Changed };
  struct Aspect {
    std::string name, before, after; // "layout", "(d0, d1)", "(d1, d0)"
  };
  Kind kind = Kind::Changed;
  std::string sort;               // "value", "region", "kernel", "decision", ...
  std::string name;               // "%conv1", "\"conv1 + relu\""
  std::vector<Aspect> aspects;    // Changed: at least one, unless there are lines
  std::vector<std::string> lines; // of a kernel or a definition: "- ..." and "+ ..."
};

// The second graph or program is the later one: Added is what the first lacks.
std::vector<Difference> differences(const Graph& before, const Graph& after);
std::vector<Difference> differences(const Program& before, const Program& after);

// The costs of all regions or kernels together, with predicted and measured time only where all have one.
// Without regions or costs, zeros.
Cost cost_in_all(const Graph& graph);
Cost cost_in_all(const Program& program);

// For people: a line for each difference, `+`, `-` or `~` first, and what changed below it.
std::string text_of(const Difference& difference);

} // namespace striate
