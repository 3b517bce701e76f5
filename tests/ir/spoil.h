// Sound modules made unsound: each change breaks one rule for certain, and says what the message has to name.
#pragma once

#include "ir/graph/graph.h"
#include "ir/kernel/kernel.h"
#include "tests/targets/draw.h"

#include <optional>
#include <string>
#include <vector>

namespace striate {

struct Spoiled {
  std::string rule;               // which change it was, for people
  std::string text;               // of the module as it is now
  std::vector<std::string> names; // of what is wrong: one of them stands in the message
};

// Nothing where the change that was drawn does not apply to this module.
std::optional<Spoiled> spoil(Graph graph, Draw& draw);
std::optional<Spoiled> spoil(Program program, Draw& draw);

} // namespace striate
