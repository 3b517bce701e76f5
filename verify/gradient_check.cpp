#include "verify/gradient_check.h"

#include "passes/differentiate.h"
#include "passes/eliminate_dead_nodes.h"
#include "support/check.h"
#include "support/random.h"

#include <cmath>
#include <numeric>

namespace striate {

namespace {

class GradientCheck {
public:
  GradientCheck(const Graph& graph, const Trial& trial, const Tensors& values)
      : graph_(graph), trial_(trial), values_(values) {
    trial_.steps = 1;
  }

  Problem run() {
    const ValueId output = graph_.outputs.at(0).second;
    if (graph_.values[output].type.element != ElementType::F32) return {};
    weights_ = reference_tensor(graph_.values[output].type, trial_.examples);
    for (std::size_t k = 0; k < weights_.values.size(); ++k) weights_.values[k] = draw(k, 1);

    Graph backward = graph_;
    const ValueId seed =
        backward.add_value(backward.unique_name("seed"), weights_.type, ValueRole::Input, {});
    backward.inputs.push_back(seed);
    std::vector<ValueId> inputs;
    for (ValueId input : graph_.inputs)
      if (graph_.values[input].type.element == ElementType::F32) inputs.push_back(input);
    Result<std::map<ValueId, ValueId>> gradients = append_adjoints(backward, output, seed, inputs);
    if (!gradients) return {}; // it has none, and says so where it is asked for
    for (const auto& [input, gradient] : *gradients)
      if (gradient >= 0) backward.outputs.emplace_back(graph_.values[input].name + ".grad", gradient);
    Tensors given = values_;
    given[backward.values[seed].name] = weights_;
    ReferenceRun derived(backward, Precision::F64, trial_.seed);
    derived.step(given, trial_.examples, scalars_of(graph_, trial_, 1));
    for (ValueId input : inputs) {
      const ValueId gradient = gradients->at(input);
      ReferenceTensor slope = reference_tensor(graph_.values[input].type, trial_.examples);
      if (gradient >= 0) slope = derived.value(gradient);
      if (Problem problem = compare(graph_.values[input].name, slope); problem.found()) return problem;
    }
    return {};
  }

private:
  double draw(std::size_t k, uint32_t stream) const {
    return 2.0 * uniform(trial_.seed, k, stream, 1979) - 1;
  }

  // sum(weights * output) with the input moved along the direction.
  double at(const std::string& input, const std::vector<double>& direction, double step) const {
    Tensors moved = values_;
    std::vector<double>& values = moved.at(input).values;
    for (std::size_t k = 0; k < values.size(); ++k) values[k] += step * direction[k];
    ReferenceRun run(graph_, Precision::F64, trial_.seed);
    run.step(moved, trial_.examples, scalars_of(graph_, trial_, 1));
    const std::vector<double>& output = run.value(graph_.outputs[0].second).values;
    return std::inner_product(output.begin(), output.end(), weights_.values.begin(), 0.0);
  }

  Problem compare(const std::string& input, const ReferenceTensor& slope) const {
    constexpr uint32_t kDirections = 6;
    Problem problem;
    for (uint32_t attempt = 0; attempt < kDirections; ++attempt) {
      std::vector<double> direction(slope.values.size());
      for (std::size_t k = 0; k < direction.size(); ++k) direction[k] = draw(k, 2 + attempt);
      double derived = 0, scale = 0;
      for (std::size_t k = 0; k < direction.size(); ++k) {
        derived += slope.values[k] * direction[k];
        scale += std::abs(slope.values[k] * direction[k]);
      }
      if (!std::isfinite(derived)) return {}; // differences would show nothing
      // Shorter steps where a kink lies within a longer one.
      double previous = 0;
      for (const double step : {1e-4, 1e-5, 1e-6, 1e-7}) {
        const double middle = std::abs(at(input, direction, 0));
        const double difference = (at(input, direction, step) - at(input, direction, -step)) / (2 * step);
        const double noise = 1e-14 * middle / step + 1e-12;
        const auto agrees = [&](double a, double b) {
          return std::abs(a - b) <= 1e-4 * std::abs(b) + 1e-6 * scale + 10 * noise;
        };
        if (agrees(difference, derived)) return {};
        // Two steps that agree with each other and not with the derived slope: no kink, but a mistake.
        if (step < 1e-4 && agrees(previous, difference))
          problem = {scale == 0 ? "no gradient" : "a number", "",
                     fmt::format("by `{}`: along a direction it is {:.9g}, by differences {:.9g}", input,
                                 derived, difference)};
        previous = difference;
      }
    }
    return problem;
  }

  const Graph& graph_;
  Trial trial_;
  const Tensors& values_;
  ReferenceTensor weights_;
};

} // namespace

Problem gradient_difference(const Graph& graph, const Trial& trial, const Tensors* values) {
  CHECK(graph.persistents.empty() && graph.outputs.size() == 1);
  const Tensors drawn = values ? *values : draw_inputs(graph, trial, 1);
  return GradientCheck(graph, trial, drawn).run();
}

bool declares_gradient(const Definition& definition) {
  bool found = false;
  for (const Statement& statement : definition.statements)
    visit(statement.body, [&](const ExprRef& e) {
      found = found || (e->kind == Expr::Kind::Apply && e->function == Function::Bfloat16);
    });
  return found;
}

} // namespace striate
