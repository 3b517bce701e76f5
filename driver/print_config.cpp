#include "driver/print_config.h"

#include <algorithm>

namespace striate {

static std::string text_of(const Attribute& attribute) {
  return std::visit(
      [](const auto& value) -> std::string {
        using T = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<T, std::string>)
          return fmt::format("\"{}\"", value);
        else if constexpr (std::is_same_v<T, std::vector<int64_t>>)
          return fmt::format("[{}]", fmt::join(value, ", "));
        else
          return fmt::format("{}", value);
      },
      attribute);
}

// `idx("a.gz", "b.gz") -> divide(55000, 5000)`
static std::string text_of(const SplitDescription& split) {
  std::vector<std::string> arguments;
  for (const std::string& file : split.reader.files) arguments.push_back(fmt::format("\"{}\"", file));
  for (const auto& [name, value] : split.reader.options)
    arguments.push_back(fmt::format("{} = {}", name, text_of(value)));
  std::string text = fmt::format("{}({})", split.reader.kind, fmt::join(arguments, ", "));
  std::vector<std::string> division;
  for (double count : split.counts) division.push_back(fmt::format("{}", count));
  if (split.shuffle) division.push_back(fmt::format("shuffle = {}", *split.shuffle));
  if (!division.empty()) text += fmt::format(" -> divide({})", fmt::join(division, ", "));
  return text;
}

static std::string text_of(const LoadDescription& load) {
  std::string text = fmt::format("\"{}\"", load.file);
  if (!load.into.empty()) text += fmt::format(" into {}", fmt::join(load.into, ", "));
  if (!load.except.empty()) text += fmt::format(" except {}", fmt::join(load.except, ", "));
  return text;
}

namespace {

class Config {
public:
  template <typename T>
  void add(const std::string& name, const T& value) {
    text_ += fmt::format("{} = {}\n", name, value);
  }
  const std::string& text() const { return text_; }

private:
  std::string text_;
};

} // namespace

static void add_phase(const Module& module, Config& config) {
  const TrainDescription& training = module.training;
  const std::string prefix = training.phase.empty() ? "train." : "train." + training.phase + ".";
  for (const auto& [name, value] : training.settings) config.add(prefix + name, value);
  for (const LoadDescription& load : training.loads) config.add(prefix + "load", text_of(load));
  config.add(prefix + "epochs", training.epochs);
  config.add(prefix + "batch", training.batch);
  config.add(prefix + "accumulate", training.accumulate);
  config.add(prefix + "checkpoint.every", training.checkpoint_every);
  config.add(prefix + "checkpoint.keep", training.checkpoint_keep);
  config.add(prefix + "checkpoint.best", training.best.empty() ? "none" : training.best);
}

std::string config_text(const OpenProgram& program) {
  Config config;
  const Module& module = program.module();
  config.add("model", module.training.model);
  for (const auto& [name, value] : module.training.arguments) config.add("model." + name, value);
  config.add("data", module.training.data);
  // With the numbers of examples, where the files are there.
  const Result<Dataset> dataset = program.data->dataset(module.data);
  for (const SplitDescription& split : module.data.splits)
    for (const std::string& name : split.names) {
      config.add("data." + name, text_of(split));
      const Split* found = dataset.ok() ? dataset->find(name) : nullptr;
      if (found) config.add("data." + name + ".examples", found->size());
    }
  config.add("train.seed", module.training.seed);
  for (const Module& phase : program.phases) add_phase(phase, config);
  return config.text();
}

} // namespace striate
