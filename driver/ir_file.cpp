#include "driver/ir_file.h"

#include "ir/graph/parse.h"
#include "ir/kernel/parse.h"
#include "ir/text_reader.h"
#include "runtime/files.h"

#include <iostream>
#include <iterator>

namespace striate {

static Result<std::string> read_text(const std::string& file) {
  constexpr int64_t kMost = int64_t{1} << 28;
  if (file == "-") return std::string(std::istreambuf_iterator<char>(std::cin), {});
  return read_file(file, kMost);
}

Result<IrText> read_ir(const std::string& file) {
  const Result<std::string> text = read_text(file);
  if (!text) return text.failure();
  const std::string name = file == "-" ? "stdin" : file;
  if (TextReader(*text, name).next_is("program")) {
    Result<Program> program = parse_program(*text, name);
    if (!program) return program.failure();
    return IrText(std::move(*program));
  }
  Result<Graph> graph = parse_graph(*text, name);
  if (!graph) return graph.failure();
  return IrText(std::move(*graph));
}

} // namespace striate
