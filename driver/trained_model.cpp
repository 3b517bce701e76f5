#include "driver/trained_model.h"

#include "passes/eliminate_dead_nodes.h"
#include "runtime/load_weights.h"

#include <algorithm>

namespace striate {

Result<Executor> load_trained_model(const Options& options, const Module& module, int64_t capacity) {
  const Result<std::vector<NamedTensor>> weights = read_weights(options.weights);
  if (!weights) return weights.failure();
  const Result<CompileOptions> settings = compile_options(options, capacity, true);
  if (!settings) return settings.failure();
  const Result<Compilation> compilation = lower(module, false, *settings);
  if (!compilation) return compilation.failure();
  Result<Executable> executable = compile(*compilation, *settings);
  if (!executable) return executable.failure();
  Result<Executor> executor = Executor::create(std::move(*executable), settings->threads);
  if (!executor) return executor.failure();
  if (const Status loaded = executor->load(*weights, false, options.weights); !loaded)
    return loaded.failure();
  return executor;
}

std::vector<ValueId> keep_model_only(Module& module) {
  std::erase_if(module.eval.outputs, [&](const auto& output) {
    const std::vector<std::string>& metrics = module.training.metrics;
    return module.has_training && (output.first == "loss" || std::ranges::count(metrics, output.first) > 0);
  });
  eliminate_dead_nodes(module.eval);
  const std::vector<std::vector<NodeId>> readers = module.eval.readers();
  std::vector<ValueId> needed;
  for (ValueId input : module.eval.inputs)
    if (!readers[input].empty()) needed.push_back(input);
  return needed;
}

} // namespace striate
