#include "driver/write_output.h"

#include "driver/program.h"
#include "runtime/files.h"

#include <cstdio>

namespace striate {

int write_output(const Options& options, const std::string& text) {
  if (options.output.empty() || options.output == "-") {
    std::fwrite(text.data(), 1, text.size(), stdout);
    return 0;
  }
  const Status status = write_file_safely(options.output, text);
  return status ? 0 : report(status.failure());
}

} // namespace striate
