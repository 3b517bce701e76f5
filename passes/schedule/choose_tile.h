// The register tile of a contraction, from an analytical model of the machine.
#pragma once

#include "ir/definition.h"
#include "support/target_info.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace striate {

struct TileAxis {
  int variable = -1; // a free variable of the statement
  int64_t size = 1;
};

struct TileChoice {
  std::vector<TileAxis>
      axes; // at most two; the first one's points share the loads that do not depend on it, and so on
  double cycles_per_fma = 0; // of hardware vectors, predicted: max of the FMA ports and the load ports
  std::string reason;
};

struct TileLimits {
  std::vector<int> exact;   // variables whose tile must divide their extent
  std::vector<int> untiled; // that must not be tiled
  std::vector<int> blocked; // whose tile must fit blocks of 16
  std::map<int, int64_t> at_most = {};
};

// `lane`: the variable whose low digit is the vector (free or reduced), or -1. `capacity`: the most examples,
// of a batch variable, whose tile must divide it. `asked`: of all tiles this one, by variable; without axes
// where it is none that could be chosen.
TileChoice choose_tile(const Statement& contraction, int lane, const TileLimits& limits, int64_t capacity,
                       const TargetInfo& target, const std::vector<TileAxis>* asked = nullptr);

// Of those that could be chosen, the `most` that the model thinks best, best first: what `striate tune`
// measures.
std::vector<TileChoice> best_tiles(const Statement& contraction, int lane, const TileLimits& limits,
                                   int64_t capacity, const TargetInfo& target, std::size_t most);

// "tile [o: 4, i: 6]", as decisions say it.
std::string tile_text(const TileChoice& choice, const Statement& contraction);
// The same read back, in the order of the variables; nullopt where it is something else.
std::optional<std::vector<TileAxis>> read_tile(std::string text, const Statement& contraction);

} // namespace striate
