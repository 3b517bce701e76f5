// One line of the operator map, tried on a node: what it says of inputs and attributes has to hold, and the
// library has to take the calls that come out. Guarantees: where it does not fit, the caller is told how far
// it came; what was made until then is the caller's to take back. Shown by
// tests/exchange/import_onnx_test.cpp.
#pragma once

#include "exchange/map_node.h"

#include <optional>
#include <string>
#include <vector>

namespace striate {

struct LineAttempt {
  // Between two stages: the node and its readers, their inputs, the attributes, the calls.
  static constexpr int kStage = 1000;

  bool fits = false;
  std::vector<const OnnxNode*> nodes; // that it is about
  std::string reason;                 // where it does not fit
  int depth = 0;                      // how far it came: stages, and entries of the braces
  std::optional<Detour> detour;       // how it would fit
};

LineAttempt try_line(ImportState& state, const OnnxLine& line, const OnnxNode& node);

} // namespace striate
