// striate fmt FILE... [--check]: programs in canonical layout, in place; `-` from stdin to stdout.

#include "driver/commands.h"
#include "driver/crash_report.h"
#include "driver/print_diagnostics.h"
#include "driver/program.h"
#include "frontend/format.h"
#include "frontend/parser.h"
#include "frontend/print_ast.h"
#include "runtime/files.h"
#include "support/check.h"

#include <iostream>
#include <iterator>

namespace striate {

static std::string tree_of(const std::string& name, const std::string& text) {
  Diagnostics diagnostics;
  const ast::File file = parse(name, text, diagnostics);
  CHECK(!diagnostics.has_errors(), "formatted text does not parse: {}", diagnostics.render());
  return print_ast(file);
}

static int format_one(const std::string& file, const Options& options) {
  const bool is_stdin = file == "-";
  const std::string name = is_stdin ? "<stdin>" : file;
  std::string text;
  if (is_stdin) {
    text.assign(std::istreambuf_iterator<char>(std::cin), {});
  } else {
    set_crash_program(file);
    Result<std::string> read = read_program_text(file);
    if (!read) return report(read.failure());
    text = std::move(*read);
  }
  Diagnostics diagnostics;
  const std::optional<std::string> formatted = format_program(name, text, diagnostics);
  if (!formatted) {
    print_diagnostics(diagnostics, options);
    return static_cast<int>(ExitCode::Failed);
  }
  // Nobody's program may change by being laid out.
  CHECK(tree_of(name, text) == tree_of(name, *formatted), "formatting changed the program");
  if (options.check) {
    if (*formatted == text) return 0;
    fmt::print("{}\n", name);
    return static_cast<int>(ExitCode::Failed);
  }
  if (is_stdin) {
    fmt::print("{}", *formatted);
    return 0;
  }
  if (*formatted == text) return 0;
  const Status written = write_file_safely(file, *formatted);
  return written ? 0 : report(written.failure());
}

int command_fmt(const Options& options) {
  int result = 0;
  for (const std::string& file : options.files) result = std::max(result, format_one(file, options));
  return result;
}

} // namespace striate
