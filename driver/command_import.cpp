// striate import FILE.onnx [-o FILE.nn]: a program, and FILE.safetensors with its weights.

#include "driver/commands.h"
#include "driver/program.h"
#include "exchange/import_onnx.h"
#include "runtime/files.h"
#include "runtime/safetensors.h"

#include <filesystem>

namespace striate {

int command_import(const Options& options) {
  std::filesystem::path program = options.output;
  if (program.empty()) program = std::filesystem::path(options.file).filename().replace_extension(".nn");
  if (program.extension() != ".nn")
    return report(
        {ExitCode::Usage, fmt::format("a program's name ends with .nn, unlike `{}`", options.output)});
  const Result<ImportedNetwork> network = import_onnx(options.file);
  if (!network) return report(network.failure());
  const std::string weights = std::filesystem::path(program).replace_extension(".safetensors").string();
  if (const Status written = write_safetensors(weights, network->weights, {}); !written)
    return report(written.failure());
  if (const Status written = write_file_safely(program.string(), network->program); !written)
    return report(written.failure());
  return 0;
}

} // namespace striate
