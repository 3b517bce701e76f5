// Runs a `.nn` text's training steps and evaluation on several targets from the same weights and inputs, and
// compares every output, parameter and state.
#pragma once

#include "driver/compile.h"

#include <string>
#include <vector>

namespace striate {

struct TargetRunOptions {
  int64_t capacity = 32;
  std::vector<int64_t> batches = {32}; // examples of each step
  std::optional<LayoutPolicy> layout;
  bool fuse = true;
  // With a limit of memory, values are computed again; the interpreter runs the graph that keeps them.
  std::optional<int64_t> memory;
  bool cuda = true;     // the emitted text through the host shim too, in three thread orders
  int vector_bits = 0;  // 0: the host's
  int64_t l2_bytes = 0; // the same; a small one for the schedules of large weights
  // Nothing is compared where the interpreter itself leaves what f32 can hold: infinite times 0, beyond the
  // batch, is not a number. For programs drawn at random, whose numbers may grow.
  bool finite_only = false;
};

// What it is compiled for.
TargetInfo target_of(const TargetRunOptions& options);

// Elaborates, or fails the test with the diagnostics.
std::optional<Module> module_of(const std::string& text);

// Names of what differs, with the first differing element; empty where everything is equal bit for bit to the
// f32 interpreter's run of the same graph.
std::vector<std::string> differences_between_targets(const Module& module, const TargetRunOptions& options);

// The largest difference of a trained parameter from the f64 interpreter's run of the graph *before* any
// optimisation, relative to the parameter's largest entry.
double distance_from_oracle(const Module& module, const TargetRunOptions& options);

// Compares what one step of plain gradient descent with the given rate takes from all parameters with central
// differences of the loss along a random direction, in f64 and before any optimisation. What is wrong, or "".
std::string gradient_problem(const Module& module, int64_t examples, double rate, uint64_t seed);

} // namespace striate
