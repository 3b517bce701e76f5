// striate run: applies a trained model to inputs given on the command line.

#include "driver/commands.h"
#include "driver/program.h"
#include "passes/eliminate_dead_nodes.h"
#include "runtime/npy.h"
#include "runtime/safetensors.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>
#include <set>

namespace striate {

// `NAME=@FILE.npy`, or `NAME=NUMBER` for an input filled with one value.
static Result<std::pair<std::string, Tensor>> read_input(const std::string& text, const Graph& graph) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos)
    return Failure{ExitCode::Usage,
                   fmt::format("--input takes NAME=@FILE.npy or NAME=NUMBER, not `{}`", text)};
  const std::string name = text.substr(0, equals), what = text.substr(equals + 1);
  const Value* input = nullptr;
  std::string known;
  for (ValueId id : graph.inputs) {
    known += (known.empty() ? "" : ", ") + graph.values[id].name;
    if (graph.values[id].name == name) input = &graph.values[id];
  }
  if (!input)
    return Failure{ExitCode::Usage, fmt::format("the model has no input `{}`; it has {}", name, known)};
  std::vector<int64_t> example;
  for (std::size_t d = 1; d < input->type.shape.size(); ++d) example.push_back(input->type.shape[d].factor);
  const int64_t elements = std::accumulate(example.begin(), example.end(), int64_t{1}, std::multiplies<>());

  if (!what.empty() && what[0] == '@') {
    Result<Tensor> tensor = read_npy(what.substr(1));
    if (!tensor) return tensor.failure();
    if (tensor->elements() == 0 || tensor->elements() % elements != 0)
      return bad_data("{} holds {}, which is not a whole number of examples of {} values: `{}` is {}",
                      what.substr(1), tensor->type_text(), elements, name, input->type.text());
    std::vector<int64_t> shape = example;
    shape.insert(shape.begin(), tensor->elements() / elements);
    tensor->reshape(shape);
    return std::pair(name, std::move(*tensor));
  }
  float value = 0;
  const auto [end, error] = std::from_chars(what.data(), what.data() + what.size(), value);
  if (error != std::errc() || end != what.data() + what.size())
    return Failure{ExitCode::Usage, fmt::format("`{}` is neither @FILE.npy nor a number", what)};
  std::vector<int64_t> shape = example;
  shape.insert(shape.begin(), 1);
  Tensor tensor(ElementType::F32, shape);
  std::fill(tensor.as<float>().begin(), tensor.as<float>().end(), value);
  return std::pair(name, std::move(tensor));
}

// A line per example: the class with the largest value and its probability; or the values.
static void print_output(const std::string& name, const Tensor& output) {
  const int64_t examples = output.shape().at(0), width = output.elements() / std::max<int64_t>(examples, 1);
  const std::span<const float> values = output.as<float>();
  for (int64_t e = 0; e < examples; ++e) {
    const std::span<const float> row =
        values.subspan(static_cast<std::size_t>(e * width), static_cast<std::size_t>(width));
    if (output.rank() != 2 || width < 2) {
      fmt::print("{}", name);
      for (float value : row) fmt::print(" {}", value);
      fmt::print("\n");
      continue;
    }
    const auto best = std::max_element(row.begin(), row.end());
    const double sum = std::accumulate(row.begin(), row.end(), 0.0);
    const bool is_distribution = *std::min_element(row.begin(), row.end()) >= 0 && std::abs(sum - 1) < 1e-3;
    double total = 0;
    for (float value : row) total += std::exp(static_cast<double>(value) - *best);
    const double probability = is_distribution ? *best : 1 / total;
    fmt::print("{} class {} probability {:.4f}\n", name, best - row.begin(), probability);
  }
}

int command_run(const Options& options) {
  Result<OpenProgram> program = open_program(options);
  if (!program) return report(program.failure());
  Module& module = *program->module;
  // What the model itself gives; loss and metrics need labels.
  std::erase_if(module.eval.outputs, [&](const auto& output) {
    const std::vector<std::string>& metrics = module.training.metrics;
    return output.first == "loss" || std::count(metrics.begin(), metrics.end(), output.first) > 0;
  });
  eliminate_dead_nodes(module.eval);
  const std::vector<std::vector<NodeId>> readers = module.eval.readers();
  std::erase_if(module.eval.inputs, [&](ValueId input) { return readers[input].empty(); });

  std::vector<std::pair<std::string, Tensor>> inputs;
  int64_t examples = -1;
  for (const std::string& text : options.inputs) {
    Result<std::pair<std::string, Tensor>> input = read_input(text, module.eval);
    if (!input) return report(input.failure());
    const int64_t count = input->second.shape()[0];
    if (examples >= 0 && count != examples)
      return report({ExitCode::Usage, fmt::format("`{}` has {} examples, the input before it {}",
                                                  input->first, count, examples)});
    examples = count;
    inputs.push_back(std::move(*input));
  }
  for (ValueId id : module.eval.inputs) {
    const std::string& name = module.eval.values[id].name;
    const bool given =
        std::any_of(inputs.begin(), inputs.end(), [&](const auto& input) { return input.first == name; });
    if (!given)
      return report({ExitCode::Usage, fmt::format("the input `{}` ({}) is missing: add --input {}=@FILE.npy",
                                                  name, module.eval.values[id].type.text(), name)});
  }

  Result<Safetensors> weights = read_safetensors(options.weights);
  if (!weights) return report(weights.failure());
  const CompileOptions compile_settings =
      compile_options(options, std::min<int64_t>(std::max<int64_t>(examples, 1), 64));
  Result<Compilation> compilation = lower(module, false, compile_settings);
  if (!compilation) return report(compilation.failure());
  Result<Executable> executable = compile(module, *compilation, compile_settings);
  if (!executable) return report(executable.failure());
  Result<Executor> executor = Executor::create(std::move(*executable), compile_settings.threads);
  if (!executor) return report(executor.failure());
  const Status loaded = executor->load(weights->tensors, false, options.weights);
  if (!loaded) return report(loaded.failure());

  const EntryPoint& eval = executor->executable().eval;
  for (int64_t first = 0; first < examples; first += compile_settings.pipeline.capacity) {
    const int64_t count = std::min(compile_settings.pipeline.capacity, examples - first);
    std::vector<int64_t> rows(static_cast<std::size_t>(count));
    std::iota(rows.begin(), rows.end(), first);
    for (const auto& [name, tensor] : inputs) {
      const Status set = executor->set_input(eval, name, tensor, rows);
      if (!set) return report(set.failure());
    }
    executor->run(eval, count);
    for (const auto& [name, value] : module.eval.outputs)
      print_output(name, executor->output(eval, name, count));
  }
  return 0;
}

} // namespace striate
