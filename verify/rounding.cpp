#include "verify/rounding.h"

#include "support/random.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace striate {

static constexpr int kNoisyRuns = 2;
static constexpr double kOperations = 4; // roundings of a statement that adds nothing up

static double terms_of(const Statement& statement, const ReferenceTensor& target, int64_t examples) {
  double points = 1;
  for (const IndexVariable& variable : statement.variables)
    points *= static_cast<double>(variable.extent.at(examples));
  return target.values.empty() ? 1 : points / static_cast<double>(target.values.size());
}

decltype(ReferenceSettings::after_statement) rounding_noise(const Graph& graph, const Trial& trial,
                                                            uint64_t stream) {
  const std::map<std::string, double> scalars = scalars_of(graph, trial, 1);
  return [trial, scalars, stream, count = uint32_t{0}](const Statement& statement,
                                                       const std::vector<const ReferenceTensor*>& operands,
                                                       ReferenceTensor& target) mutable {
    ++count;
    if (target.type.element != ElementType::F32) return;
    const auto share = [&](std::size_t k) {
      return 2.0 * uniform(trial.seed, k, count, static_cast<uint32_t>(stream)) - 1;
    };
    ReferenceTensor sums; // of the terms' magnitudes
    double growth = kOperations;
    if (statement.reducer == Reducer::Sum) {
      Statement magnitudes = statement;
      magnitudes.body = apply(Function::Abs, {statement.body});
      ReferenceSettings settings;
      settings.batch = trial.examples;
      settings.seed = trial.seed;
      settings.scalars = scalars;
      sums = evaluate_statement(magnitudes, target.type, operands, settings);
      growth = std::sqrt(terms_of(statement, target, trial.examples));
    }
    for (std::size_t k = 0; k < target.values.size(); ++k) {
      const double largest = growth * std::abs(target.values[k]) + (sums.values.empty() ? 0 : sums.values[k]);
      if (std::isfinite(largest)) target.values[k] += kRoundoff * largest * share(k);
    }
  };
}

Bounds rounding_bounds(const Graph& graph, const Outcome& exact, const Trial& trial) {
  constexpr double kSafety = 32, kFloor = 16;
  Bounds bounds(exact.size());
  for (std::size_t step = 0; step < exact.size(); ++step)
    for (const auto& [name, tensor] : exact[step]) bounds[step][name] = kFloor * kRoundoff * norm(tensor);
  for (uint64_t run = 0; run < kNoisyRuns; ++run) {
    const Outcome noisy = interpret(graph, Precision::F64, trial, rounding_noise(graph, trial, 1000 + run));
    for (std::size_t step = 0; step < exact.size(); ++step)
      for (const auto& [name, tensor] : exact[step]) {
        double& bound = bounds[step][name];
        bound = std::max(bound, kFloor * kRoundoff * norm(tensor) +
                                    kSafety * distance(noisy[step].at(name), tensor));
      }
  }
  return bounds;
}

static double ratio_of(const ReferenceTensor& got, const ReferenceTensor& expected, double bound) {
  const double far = distance(got, expected);
  if (far == 0) return 0;
  return bound > 0 ? far / bound : std::numeric_limits<double>::infinity();
}

std::vector<Excess> beyond(const Outcome& got, const Outcome& expected, const Bounds& bounds, double share) {
  std::vector<Excess> list;
  for (std::size_t step = 0; step < got.size() && list.empty(); ++step) {
    for (const auto& [name, tensor] : got[step]) {
      const auto wanted = expected[step].find(name);
      if (wanted == expected[step].end()) continue;
      const double ratio = ratio_of(tensor, wanted->second, share * bounds[step].at(name));
      if (ratio > 1) list.push_back({step, name, ratio});
    }
  }
  std::ranges::stable_sort(list, std::greater(), &Excess::ratio);
  return list;
}

double largest_ratio(const Outcome& got, const Outcome& expected, const Bounds& bounds) {
  double worst = 0;
  for (std::size_t step = 0; step < got.size(); ++step)
    for (const auto& [name, tensor] : got[step])
      if (const auto wanted = expected[step].find(name); wanted != expected[step].end())
        worst = std::max(worst, ratio_of(tensor, wanted->second, bounds[step].at(name)));
  return worst;
}

} // namespace striate
