#include "driver/trained_model.h"

#include "driver/memory_limit.h"
#include "passes/eliminate_dead_nodes.h"
#include "runtime/load_weights.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>
#include <numeric>

namespace striate {

Result<Executor> load_trained_model(const Options& options, const Module& module, int64_t capacity) {
  const bool trained = !options.weights.empty();
  const Result<std::vector<NamedTensor>> weights =
      trained ? read_weights(options.weights) : std::vector<NamedTensor>();
  if (!weights) return weights.failure();
  const Result<CompileOptions> settings = compile_options(options, capacity, true);
  if (!settings) return settings.failure();
  const Result<Compilation> compilation = lower_within_memory(options, module, false, *settings);
  if (!compilation) return compilation.failure();
  Result<Executable> executable = compile(*compilation, *settings);
  if (!executable) return executable.failure();
  Result<Executor> executor = Executor::create(std::move(*executable), settings->threads);
  if (!executor) return executor.failure();
  if (!trained) {
    executor->set_seed(static_cast<uint64_t>(module.training.seed));
    if (const Status drawn = executor->initialize(); !drawn) return drawn.failure();
  } else if (const Status loaded = executor->load(*weights, false, options.weights); !loaded) {
    return loaded.failure();
  }
  return executor;
}

Result<std::map<std::string, Tensor>>
run_in_batches(Executor& executor, const std::map<std::string, Tensor>& inputs, int64_t examples) {
  const EntryPoint& eval = executor.executable().eval;
  const int64_t capacity = executor.executable().capacity;
  std::map<std::string, Tensor> outputs;
  for (int64_t first = 0; first < examples; first += capacity) {
    const int64_t count = std::min(capacity, examples - first);
    std::vector<int64_t> rows(static_cast<std::size_t>(count));
    std::iota(rows.begin(), rows.end(), first);
    for (const auto& [name, tensor] : inputs)
      if (Status set = executor.set_input(eval, name, tensor, rows); !set) return set.failure();
    if (Status run = executor.run(eval, count); !run) return run.failure();
    for (const Placement& placement : eval.outputs) {
      Tensor part = executor.output(eval, placement.name, count);
      if (!placement.batch) {
        outputs.insert_or_assign(placement.name, std::move(part));
        continue;
      }
      std::vector<int64_t> shape = part.shape();
      shape[0] = examples;
      Tensor& whole = outputs.try_emplace(placement.name, part.element(), shape).first->second;
      std::memcpy(static_cast<char*>(whole.data()) + first * (part.bytes() / count), part.data(),
                  static_cast<std::size_t>(part.bytes()));
    }
  }
  if (Status sound = executor.finish(); !sound) return sound.failure();
  return outputs;
}

Result<std::pair<std::string, std::string>> split_assignment(const std::string& text, const char* form) {
  const std::size_t equals = text.find('=');
  if (equals == 0 || equals == std::string::npos)
    return Failure{ExitCode::Usage, fmt::format("{}, not `{}`", form, text)};
  return std::pair(text.substr(0, equals), text.substr(equals + 1));
}

Failure unknown_name(const char* kind, const std::string& name, const std::vector<std::string>& known) {
  const std::string near = nearest_name(name, known);
  return {ExitCode::Usage,
          fmt::format("the model has no {} `{}`; it has {}{}", kind, name, fmt::join(known, ", "),
                      near.empty() ? "" : fmt::format("; did you mean `{}`?", near))};
}

std::vector<int64_t> example_shape(const Value& value) {
  std::vector<int64_t> shape;
  for (std::size_t d = 1; d < value.type.shape.size(); ++d) shape.push_back(value.type.shape[d].factor);
  return shape;
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
