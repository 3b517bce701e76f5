// A `.nn` file, read, checked and bound to its data: what every command starts from.
#pragma once

#include "driver/compile.h"
#include "driver/options.h"
#include "frontend/ast.h"
#include "runtime/dataset.h"
#include "runtime/executor.h"
#include "support/diagnostics.h"

#include <map>
#include <memory>
#include <string>

namespace striate {

// Tables by reader call, read once. Paths are relative to --data, or to the program's folder.
class DataSource {
public:
  explicit DataSource(std::string folder) : folder_(std::move(folder)) {}

  Result<std::shared_ptr<const Table>> table(const ReaderCall& call);
  // nullopt where the files are not there; errors in files that are there come up when they are used.
  std::optional<ColumnType> column_type(const ReaderCall& call, int column);
  Result<Dataset> dataset(const DataDescription& description);

private:
  std::string folder_;
  std::map<std::string, std::shared_ptr<const Table>> tables_;
};

struct OpenProgram {
  std::string source; // the file's text, and that of the files it uses
  ast::File file;
  std::unique_ptr<Module> module;
  std::unique_ptr<DataSource> data;
};

// Reads, parses and elaborates; prints diagnostics to stderr. The failure's message is empty where everything
// was said already.
Result<OpenProgram> open_program(const Options& options);
Result<std::string> read_program_text(const std::string& file);

// A Failure where --mcpu names no CPU of LLVM's, or, with `runs_here`, one that this machine cannot stand in
// for.
Result<CompileOptions> compile_options(const Options& options, int64_t capacity, bool runs_here);
int thread_count(const Options& options);

// The note of a checkpoint that tells one program's text from another's.
inline constexpr const char* kProgramNote = "striate.program";

// Trainer settings from the program's `train` block.
struct TrainerOptions trainer_options(const Options& options, const OpenProgram& program);

bool use_color(const Options& options);

// Prints a failure ("striate: error: ...") and gives its exit code.
int report(const Failure& failure);

} // namespace striate
