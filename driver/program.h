// A `.nn` file, read, checked and bound to its data: what every command starts from.
#pragma once

#include "driver/compile.h"
#include "driver/data_source.h"
#include "driver/options.h"
#include "frontend/ast.h"
#include "runtime/executor.h"
#include "support/diagnostics.h"

#include <memory>
#include <string>

namespace striate {

struct OpenProgram {
  std::string source; // the file's text, and that of the files it uses
  ast::File file;
  std::vector<Module> phases; // in order; one where the program has no phases
  std::unique_ptr<DataSource> data;

  // What is left at the end of a training: the last phase.
  Module& module() { return phases.back(); }
  const Module& module() const { return phases.back(); }
};

// Reads, parses and elaborates. The failure's message is empty where `diagnostics` says everything.
Result<OpenProgram> read_program(const Options& options, Diagnostics& diagnostics);
// The same, and prints the diagnostics to stderr.
Result<OpenProgram> open_program(const Options& options);
Result<std::string> read_program_text(const std::string& file);

// With `runs_here`, what --target and --device name is opened: a Failure where it cannot be. Another where
// --mcpu names no CPU of LLVM's, or, with `runs_here`, one that this machine cannot stand in for.
Result<CompileOptions> compile_options(const Options& options, int64_t capacity, bool runs_here);
int thread_count(const Options& options);

// The note of a checkpoint that tells one program's text from another's.
inline constexpr const char* kProgramNote = "striate.program";
// The note of weights and checkpoints that holds what the training split settled (runtime/data_fit.h).
inline constexpr const char* kDataNote = "striate.data";

// Trainer settings from the program's `train` block and its phases.
struct TrainerOptions trainer_options(const Options& options, const OpenProgram& program);
struct PhaseOptions phase_options(const Options& options, const Module& module);

bool use_color(const Options& options);

// Prints a failure ("striate: error: ...") and gives its exit code.
int report(const Failure& failure);

} // namespace striate
