// Every operator of the library as graphs to run: the shapes of tests/conformance, forward alone and with the
// derived gradients.
#pragma once

#include "tests/targets/graph_run.h"

#include <string>
#include <vector>

namespace striate {

// Every `op` of std/*.nn.
std::vector<std::string> library_operators();

// The graphs of one operator, none where it has no case. Draw 0 has ordinary numbers, draw 1 equal ones,
// zeros of both signs, tiny and large ones, and draw 2 (forward alone) denormals and such that overflow.
struct OperatorGraphs {
  std::vector<GraphSubject> any_batch; // each case: forward, and with the gradients by every real input
  // The stored examples of PyTorch's results, ties and large numbers among them: they have a batch of their
  // own.
  struct Stored {
    int64_t examples;
    GraphSubject subject;
  };
  std::vector<Stored> stored;
};
OperatorGraphs operator_graphs(const std::string& op);

// Operators as a user might write them.
std::vector<GraphSubject> user_operator_graphs();

} // namespace striate
