// What a check found wrong, and the smallest program that shows it, as one file that can be checked again.
#pragma once

#include "verify/kernel_run.h"
#include "verify/subgraph.h"

namespace striate {

enum class CheckKind {
  Gradients, // the derived gradient against differences, in f64
  Passes,    // a pass keeps what the graph computes, in f64
  Rounding,  // f32 in the declared orders stays within the bound (rounding.h)
  Kernels,   // machine code has the bits of the f32 interpreter
  Crash,     // the compiler, and what it made, come to their end
};

struct Check {
  CheckKind kind = CheckKind::Kernels;
  std::string pass; // Passes: its name; Crash: the same, or "" for all from layouts on and the kernels' run
  Trial trial;
  Lowering lowering;       // Kernels, and the layouts that passes choose
  std::string device = ""; // the CUDA device that the kernels are for: "0", "emulated"; "": this CPU
};

// The kind of a problem where no code can be made.
inline constexpr const char* kNoCode = "no code";

// Checks one graph: what is wrong, if anything.
//   Gradients: statements or calls, no parameters, one output
//   Passes:    what the pass needs
//   Rounding:  statements
//   Kernels:   statements whose orders are declared
//   Crash:     what the pass needs, or statements whose orders are declared; nothing is wrong with what ends
Problem problem_of(const Graph& graph, const Check& check, const CompileKernels& compile);

// The share of the bound of rounding.h that a pass may change in f64.
double pass_tolerance(const std::string& pass);

struct Reproducer {
  Graph graph;
  Check check;
};

// A comment in the first line holds the check, then follow lines of comment for people, then the graph.
std::string print(const Reproducer& reproducer, const std::vector<std::string>& comments);
// What kernels are for: this CPU, but for the width of vectors, which the file says, or a CUDA device.
struct Targets {
  TargetInfo cpu, cuda;
};
Result<Reproducer> parse_reproducer(const std::string& text, const std::string& file, const Targets& targets);

struct Mistake {
  CheckKind kind = CheckKind::Kernels;
  std::string entry;      // "step"
  std::string culprit;    // "the pass inline_pointwise", "the kernel conv1 (lenet.nn:6:25)"
  std::string value;      // where it shows: "loss"
  std::string difference; // "element 3 of 20 is 0.5, not 0.25"
  std::vector<std::string> notes = {};
  Reproducer reproducer;
};

} // namespace striate
