// compile: the whole path on one page, from a module's graphs to an executable, with every stage kept for
// inspection.
#pragma once

#include "frontend/elaborate.h"
#include "passes/pipeline.h"
#include "runtime/executable.h"

#include <memory>

namespace striate {

class CudaTarget;
class TunedTiles;

struct CompileOptions {
  PipelineOptions pipeline;
  int threads = 1;
  std::shared_ptr<const CudaTarget> cuda; // what runs it; absent: this CPU
  // Where the kernels' text goes, for debuggers and profilers, which then find its lines; "": nowhere.
  std::string listing_folder;
  std::shared_ptr<const TunedTiles> tuned; // what `striate tune` found; absent: nothing is known
};

// The stages of one entry point.
struct CompiledEntry {
  Graph regions; // as the last pass left it
  Program program;
};

struct Compilation {
  bool training = false; // is there a step?
  CompiledEntry init, step, eval;
  PersistentPlan persistents;
};

// Everything up to kernels; needs no code generator. `training` false: init and eval alone.
Result<Compilation> lower(const Module& module, bool training, const CompileOptions& options);

// What the runtime has to know, without machine code: where everything lies.
Executable describe(const Compilation& compilation, int64_t capacity);

// The executable, by the CPU's back end or CUDA's.
Result<Executable> compile(const Compilation& compilation, const CompileOptions& options);

} // namespace striate
