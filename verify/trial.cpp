#include "verify/trial.h"

#include "passes/input_ranges.h"
#include "support/bfloat16.h"
#include "support/check.h"
#include "support/random.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace striate {

static constexpr int64_t kBytes = 256, kSmallNumbers = 3;

// `whole`: of whole numbers, which ones.
static ReferenceTensor drawn(const Value& value, const Interval& whole, const Trial& trial, int64_t step) {
  ReferenceTensor tensor = reference_tensor(value.type, trial.examples);
  const uint32_t stream = stream_of(value.name);
  for (std::size_t k = 0; k < tensor.values.size(); ++k) {
    const double u = uniform(trial.seed, k, static_cast<uint32_t>(step), stream);
    switch (value.type.element) {
    case ElementType::F32:
    case ElementType::F64:
      tensor.values[k] = 2 * u - 1;
      break;
    case ElementType::BF16:
      tensor.values[k] = nearest_bfloat16(2 * u - 1);
      break;
    case ElementType::Bool:
      tensor.values[k] = u < 0.5 ? 0 : 1;
      break;
    case ElementType::U8:
    case ElementType::I32:
      tensor.values[k] =
          static_cast<double>(whole.low) + std::floor(u * static_cast<double>(whole.high - whole.low + 1));
      break;
    }
  }
  return tensor;
}

Tensors draw_inputs(const Graph& graph, const Trial& trial, int64_t step) {
  std::map<ValueId, Interval> ranges;
  for (const InputRange& range : input_ranges(graph)) ranges[range.input] = range.values;
  Tensors inputs;
  for (ValueId input : graph.inputs) {
    const Value& value = graph.values[input];
    const Interval any{0, (value.type.element == ElementType::U8 ? kBytes : kSmallNumbers) - 1};
    const auto range = ranges.find(input);
    inputs[value.name] = drawn(value, range == ranges.end() ? any : range->second, trial, step);
  }
  return inputs;
}

std::map<std::string, double> scalars_of(const Graph& graph, const Trial& trial, int64_t step) {
  std::map<std::string, double> scalars(graph.scalars.begin(), graph.scalars.end());
  for (const auto& [name, value] : trial.scalars) scalars[name] = value;
  scalars["step"] = static_cast<double>(step);
  scalars["epoch"] = 0;
  return scalars;
}

Tensors first_persistents(const Graph& graph, const Trial& trial) {
  const ReferenceRun run(graph, Precision::F32, trial.seed);
  Tensors tensors;
  for (const Persistent& persistent : graph.persistents) {
    const std::string& name = graph.values[persistent.value].name;
    tensors[name] = run.persistent(name);
  }
  return tensors;
}

Outcome interpret(const Graph& graph, Precision precision, const Trial& trial,
                  const decltype(ReferenceSettings::after_statement)& observer) {
  ReferenceRun run(graph, precision, trial.seed);
  for (auto& [name, tensor] : first_persistents(graph, trial)) run.set_persistent(name, std::move(tensor));
  run.observe(observer);
  Outcome outcome;
  for (int64_t step = 1; step <= trial.steps; ++step) {
    run.step(draw_inputs(graph, trial, step), trial.examples, scalars_of(graph, trial, step));
    Tensors left;
    for (const auto& [name, value] : graph.outputs) left[name] = run.value(value);
    for (const Persistent& persistent : graph.persistents) {
      const std::string& name = graph.values[persistent.value].name;
      left.try_emplace(name, run.persistent(name));
    }
    outcome.push_back(std::move(left));
  }
  return outcome;
}

double norm(const ReferenceTensor& tensor) {
  double sum = 0;
  for (double x : tensor.values)
    if (std::isfinite(x)) sum += x * x;
  return std::sqrt(sum);
}

static double gap(double a, double b) {
  if (a == b || (std::isnan(a) && std::isnan(b))) return 0;
  const double difference = std::abs(a - b);
  return std::isnan(difference) ? std::numeric_limits<double>::infinity() : difference;
}

double distance(const ReferenceTensor& a, const ReferenceTensor& b) {
  CHECK(a.values.size() == b.values.size());
  double sum = 0;
  for (std::size_t k = 0; k < a.values.size(); ++k) {
    const double d = gap(a.values[k], b.values[k]);
    sum += d * d;
  }
  return std::sqrt(sum);
}

static std::string element_text(std::size_t k, std::size_t count, double got, double expected) {
  return fmt::format("element {} of {} is {:.9g}, not {:.9g}", k, count, got, expected);
}

std::string first_difference(const std::vector<double>& got, const std::vector<double>& expected) {
  if (got.size() != expected.size()) return fmt::format("{} elements, not {}", got.size(), expected.size());
  for (std::size_t k = 0; k < got.size(); ++k) {
    const double a = got[k], b = expected[k];
    if ((std::isnan(a) && std::isnan(b)) || std::bit_cast<uint64_t>(a) == std::bit_cast<uint64_t>(b))
      continue;
    return element_text(k, got.size(), a, b);
  }
  return "";
}

std::string largest_difference(const ReferenceTensor& got, const ReferenceTensor& expected) {
  CHECK(got.values.size() == expected.values.size() && !got.values.empty());
  std::size_t worst = 0;
  for (std::size_t k = 1; k < got.values.size(); ++k)
    if (gap(got.values[k], expected.values[k]) > gap(got.values[worst], expected.values[worst])) worst = k;
  return element_text(worst, got.values.size(), got.values[worst], expected.values[worst]);
}

} // namespace striate
