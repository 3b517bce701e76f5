// One graph of statements, lowered and run on a target: every output has the bits of the f32 interpreter's
// run of the same graph (after the passes, which settle the orders), inputs are left as they were, and
// nothing is written outside of what belongs to a value.
#pragma once

#include "codegen/reference/interpreter.h"
#include "passes/pipeline.h"
#include "tests/targets/target_run.h"
#include "verify/placed_program.h"

#include <functional>

namespace striate {

// The values of an input; `draw` tells different ones apart.
using InputValues = std::function<ReferenceTensor(const Value& input, int64_t examples, uint64_t draw)>;

struct GraphSubject {
  std::string name;
  Graph graph; // inputs that are zero in padding get zeros there
  InputValues values;
  uint64_t draws = 1; // it is run with the draws 0 .. draws-1
};

struct GraphConfiguration {
  int64_t capacity = 32;
  std::vector<int64_t> examples; // of one run each
  LayoutPolicy layout = LayoutPolicy::BatchBlocked;
  bool fuse = true;
  int vector_bits = 0;       // 0: the host's
  bool many_threads = false; // with the schedules of a GPU

  std::string text() const;
  TargetInfo target() const;
};

class LoweredGraph {
public:
  // `number` tells it apart from others that are compiled with it.
  LoweredGraph(const GraphSubject& subject, const GraphConfiguration& configuration, std::size_t number);

  const GraphSubject& subject() const { return subject_; }
  const Program& program() const { return planned_.program; }
  // The same kernels, with every value in a place of its own and bytes between them that belong to none.
  const Program& spread_program() const { return spread_.program; }

  // Writes the inputs to an arena in which the planned program begins at `base`, or the spread one.
  void fill(GuardedArena& arena, int64_t base, bool spread, int64_t examples, uint64_t draw) const;
  // What is wrong after the run, one line each.
  std::vector<std::string> problems(const GuardedArena& arena, int64_t base, bool spread, int64_t examples,
                                    uint64_t draw);

private:
  int64_t place_of(ValueId value, bool spread) const;
  void write(char* arena, ValueId input, bool spread, int64_t examples, const ReferenceTensor& tensor) const;
  std::vector<double> read(const char* arena, ValueId value, bool spread, int64_t examples) const;
  void interpret(int64_t examples, uint64_t draw);

  const GraphSubject& subject_;
  GraphConfiguration configuration_;
  Graph graph_;
  PlacedProgram planned_, spread_;
  std::map<std::pair<int64_t, uint64_t>, std::map<std::string, ReferenceTensor>> expected_;
};

// Kernels of programs of one capacity as one program, each in its own part of the arena; where those parts
// begin.
Program merged(const std::vector<const Program*>& programs, std::vector<int64_t>& bases);

// Runs every subject in every configuration by the JIT, with the draws 0 .. draws-1; what is wrong, one line
// each.
std::vector<std::string> jit_problems(const std::vector<GraphSubject>& subjects,
                                      const std::vector<GraphConfiguration>& configurations);

// All subjects as one program of emitted CUDA text, on the host shim.
std::vector<std::string> cuda_problems(const std::vector<GraphSubject>& subjects,
                                       GraphConfiguration configuration);

} // namespace striate
