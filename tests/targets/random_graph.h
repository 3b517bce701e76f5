// Programs drawn at random as graphs of operators: 3 to 40 of them, of the library (every one that takes
// examples) and in index notation, on values of rank 1 to 6 (the batch and 0 to 5 dimensions), which are read
// several times, broadcast and brought to other shapes; one to three outputs. Values stay small, and those
// that must be positive are. All of it follows from the seed.
#pragma once

#include "tests/targets/random_operators.h"

#include <map>
#include <set>

namespace striate {

struct RandomGraph {
  std::string text; // a `.nn` file with a model M whose loss is a sum over its outputs
  TargetRunOptions options;
  // What it is made of.
  int operators = 0;
  std::size_t outputs = 0;
  bool broadcasts = false;
  std::set<std::string> library; // its operators of the library
  std::set<std::size_t> ranks;   // of its values, without the batch
  std::set<int64_t> sizes;       // of their dimensions
};

// `most`: operators.
RandomGraph random_graph(uint64_t seed, int most = 40);

// The operators of the library that random graphs use: those with a case in tests/conformance that take
// examples and leave real numbers for each.
std::set<std::string> operators_of_random_graphs();

} // namespace striate
