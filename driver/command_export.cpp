// striate export FILE.nn [--weights FILE] [-o FILE.onnx]: the model as others read it.

#include "driver/commands.h"
#include "driver/program.h"
#include "driver/trained_model.h"
#include "exchange/export_onnx.h"
#include "runtime/files.h"

#include <filesystem>

namespace striate {

int command_export(const Options& options) {
  std::filesystem::path model = options.output;
  if (model.empty()) model = std::filesystem::path(options.file).filename().replace_extension(".onnx");
  if (model.extension() != ".onnx")
    return report(
        {ExitCode::Usage, fmt::format("an ONNX model's name ends with .onnx, unlike `{}`", options.output)});
  Result<OpenProgram> program = open_program(options);
  if (!program) return report(program.failure());
  Module& module = program->module();
  keep_model_only(module);
  const Result<Executor> executor = load_trained_model(options, module, 1);
  if (!executor) return report(executor.failure());
  const std::vector<NamedTensor> weights = executor->state();
  const Result<std::string> file = export_onnx(module.eval, module.layers, weights);
  if (!file) return report(file.failure());
  if (const Status written = write_file_safely(model.string(), *file); !written)
    return report(written.failure());
  return 0;
}

} // namespace striate
