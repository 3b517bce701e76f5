#include "driver/generate.h"

#include "driver/trained_model.h"
#include "runtime/data_readers.h"
#include "support/random.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>

namespace striate {

std::size_t sample(const std::vector<double>& scores, double temperature, int64_t top_k, double draw) {
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return scores[a] > scores[b]; });
  if (temperature == 0) return order[0];
  if (top_k > 0) order.resize(std::min(order.size(), static_cast<std::size_t>(top_k)));
  std::vector<double> up_to; // sums of weights
  double total = 0;
  for (std::size_t number : order)
    up_to.push_back(total += std::exp((scores[number] - scores[order[0]]) / temperature));
  const auto place = std::ranges::upper_bound(up_to, draw * total) - up_to.begin();
  return order[std::min(static_cast<std::size_t>(place), order.size() - 1)];
}

namespace {

// What a model must have to go on with a text, and where its parts lie.
struct NextCharacter {
  std::string input;   // i32[N, T]
  int64_t window = 0;  // T
  std::string output;  // f32[N, V], [N, V, T] or [N, T, V]
  bool every = false;  // a prediction for each character of the window; otherwise after the last one alone
  int64_t stride = 1;  // from one character of the vocabulary to the next, in an example's numbers
  int64_t advance = 0; // from one place of the window to the next
};

Result<NextCharacter> find_parts(const Graph& graph, const std::vector<ValueId>& needed, int64_t vocabulary) {
  NextCharacter parts;
  if (needed.size() != 1)
    return Failure{ExitCode::Failed,
                   fmt::format("--generate takes a model with one input, the text so far; this "
                               "one reads {}",
                               needed.size())};
  const Value& input = graph.values[needed[0]];
  const std::vector<int64_t> window = example_shape(input);
  if (input.type.element != ElementType::I32 || window.size() != 1)
    return Failure{ExitCode::Failed,
                   fmt::format("--generate takes a model whose input is the numbers of a text's "
                               "characters, int[N, T]; `{}` is {}",
                               input.name, input.type.text())};
  parts.input = input.name;
  parts.window = window[0];
  for (const auto& [name, id] : graph.outputs) {
    const Value& output = graph.values[id];
    const std::vector<int64_t> shape = example_shape(output);
    if (output.type.element != ElementType::F32 || !output.type.has_batch()) continue;
    parts.output = name;
    if (shape == std::vector{vocabulary}) return parts;
    parts.every = true;
    if (shape == std::vector{vocabulary, parts.window}) {
      parts.stride = parts.window;
      parts.advance = 1;
      return parts;
    }
    if (shape == std::vector{parts.window, vocabulary}) {
      parts.advance = vocabulary;
      return parts;
    }
    parts.every = false;
  }
  return Failure{ExitCode::Failed,
                 fmt::format("--generate takes a model with an output f32[N, {0}, {1}], f32[N, {1}, {0}] or "
                             "f32[N, {0}], for the {0} characters of its vocabulary; there is none",
                             vocabulary, parts.window)};
}

class Generator {
public:
  Generator(Executor& executor, NextCharacter parts, std::size_t vocabulary)
      : executor_(executor), parts_(std::move(parts)), vocabulary_(vocabulary),
        window_(ElementType::I32, {1, parts_.window}) {}

  // What the model says of the character after the text. Where the text is shorter than the window, a model
  // that predicts at every place has `filler` after it; another one has the first character before it.
  Result<std::vector<double>> scores(const std::vector<int32_t>& text, int32_t filler = 0) {
    const auto window = static_cast<std::size_t>(parts_.window);
    const std::size_t known = std::min(text.size(), window);
    std::span<int32_t> to = window_.as<int32_t>();
    std::ranges::fill(to, parts_.every ? filler : text.front());
    std::copy(text.end() - static_cast<std::ptrdiff_t>(known), text.end(),
              to.begin() + static_cast<std::ptrdiff_t>(parts_.every ? 0 : window - known));
    const EntryPoint& eval = executor_.executable().eval;
    const int64_t row = 0;
    if (Status set = executor_.set_input(eval, parts_.input, window_, std::span(&row, 1)); !set)
      return set.failure();
    if (Status run = executor_.run(eval, 1); !run) return run.failure();
    const Tensor output = executor_.output(eval, parts_.output, 1);
    if (Status sound = executor_.finish(); !sound) return sound.failure();
    std::vector<double> result(vocabulary_);
    int64_t at = (static_cast<int64_t>(known) - 1) * parts_.advance;
    for (double& score : result) {
      score = output.number(at);
      at += parts_.stride;
    }
    if (!std::ranges::all_of(result, [](double score) { return std::isfinite(score); }))
      return Failure{ExitCode::NonFinite, fmt::format("`{}` has values that are not finite", parts_.output)};
    const bool is_distribution =
        std::ranges::min(result) >= 0 && std::abs(std::accumulate(result.begin(), result.end(), -1.0)) < 1e-3;
    if (is_distribution)
      for (double& score : result) score = std::log(std::max(score, 1e-30));
    return result;
  }

  // A model that predicts at every place must not look ahead: what comes later is not there yet.
  Status check_causal(const std::vector<int32_t>& text) {
    if (!parts_.every || text.size() >= static_cast<std::size_t>(parts_.window)) return {};
    const Result<std::vector<double>> one = scores(text, 0);
    if (!one) return one.failure();
    const Result<std::vector<double>> other = scores(text, static_cast<int32_t>(vocabulary_) - 1);
    if (!other) return other.failure();
    if (*one == *other) return {};
    return Failure{ExitCode::Failed,
                   fmt::format("what `{}` says of the next character depends on the characters "
                               "after it, which are not there yet (attention has is_causal = true)",
                               parts_.output)};
  }

private:
  Executor& executor_;
  NextCharacter parts_;
  std::size_t vocabulary_;
  Tensor window_;
};

} // namespace

Status generate_text(const Options& options, const OpenProgram& program, const std::vector<ValueId>& needed) {
  const DataFit& fit = program.data->fit();
  if (fit.characters.empty())
    return bad_data("--generate takes weights that were trained on `text(..)`; {} knows no characters",
                    options.weights);
  Result<NextCharacter> parts =
      find_parts(program.module().eval, needed, static_cast<int64_t>(fit.characters.size()));
  if (!parts) return parts.failure();
  // Without a prompt, a text begins as a line does.
  const bool has_lines = std::ranges::find(fit.characters, "\n") != fit.characters.end();
  const std::string prompt = options.prompt.empty() ? (has_lines ? "\n" : fit.characters[0]) : options.prompt;
  Result<std::vector<int32_t>> text = character_numbers(prompt, "--prompt", fit);
  if (!text) return text.failure();

  Result<Executor> executor = load_trained_model(options, program.module(), 1);
  if (!executor) return executor.failure();
  Generator generator(*executor, std::move(*parts), fit.characters.size());
  if (const Status causal = generator.check_causal(*text); !causal) return causal;
  fmt::print("{}", options.prompt);
  for (int64_t k = 0; k < options.generate; ++k) {
    const Result<std::vector<double>> scores = generator.scores(*text);
    if (!scores) return scores.failure();
    const float draw = uniform(options.seed, static_cast<uint64_t>(k), 0, stream_of("generate"));
    const std::size_t next = sample(*scores, options.temperature, options.top_k, static_cast<double>(draw));
    text->push_back(static_cast<int32_t>(next));
    fmt::print("{}", fit.characters[next]);
    std::fflush(stdout);
  }
  fmt::print("\n");
  return {};
}

} // namespace striate
