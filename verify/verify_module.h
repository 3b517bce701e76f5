// Whether a module's compilation means what its source says, on inputs drawn from a seed. For the training
// step, the evaluation and the filling of the first weights:
//   - the graph before any optimisation, in f64, is the oracle; its derived gradients are compared with
//     differences, operator by operator;
//   - the graph after all passes computes the same in f64; where it does not, the passes are bisected;
//   - in f32 it stays within the bound of rounding (rounding.h);
//   - the kernels as they are used, and unfused in row-major layouts, have the bits of the f32 interpreter;
//     the first kernel that has not is named;
//   - all of this comes to its end: what the compiler's own verifiers refuse, and what ends the process, is
//     found pass by pass.
// What is found is reduced to a graph of a few nodes.
#pragma once

#include "frontend/elaborate.h"
#include "verify/mistake.h"

namespace striate {

struct VerifyOptions {
  PipelineOptions pipeline;
  Trial trial;
  // Does work that may end the process on a bug, which must not end this one; gives what the work gives, or a
  // Failure (ExitCode::Internal where it was a bug) that says how it ended. Unset: in this process.
  std::function<Result<std::string>(const std::function<std::string()>& work)> guard;
  // Told what is being done, for people who wait.
  std::function<void(const std::string& what)> progress;
};

struct EntryReport {
  std::string name; // "LeNet.step"
  int64_t examples = 0, steps = 0;
  std::size_t passes = 0;             // that keep the meaning
  std::size_t operators = 0;          // with the gradient that differences have; of the step alone
  std::size_t kernels = 0, plain = 0; // that have the interpreter's bits; as used, and unfused
  double rounding = 0;                // the largest distance from f64, of its bound
  std::string moved; // with --precision: the output that it moves most, and by how much of its size (f64)
  double moved_by = 0;
  std::vector<Mistake> mistakes;
};

// A Failure where the program has no gradient: it sums by a reducer without a derivative. Where a pass ends
// the process, the reports end with that of its entry point.
Result<std::vector<EntryReport>> verify_module(const Module& module, const VerifyOptions& options);

// Examples such that the interpreter is done in seconds: as many as make about 200 million operations, at
// least 2, at most 17 (a vector and one more), and the capacity.
int64_t default_examples(const Module& module, int64_t capacity);

} // namespace striate
