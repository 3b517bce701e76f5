// Every operator's values and gradients, and every optimizer's updates, against PyTorch's in f64.
#include "tests/conformance/golden_file.h"
#include "tests/conformance/operator_subject.h"

#include "frontend/elaborate.h"
#include "frontend/library.h"
#include "frontend/parser.h"

#include <gtest/gtest.h>

namespace striate {
namespace {

constexpr double kTolerance = 1e-11;

enum class Kind { Operator, Optimizer, GradientChange };

std::vector<std::string> names_of(Kind kind) {
  Diagnostics diagnostics;
  const Library library(nullptr, diagnostics);
  std::vector<std::string> names;
  for (const std::string& name : golden_names()) {
    const ast::Item* optimizer = library.find(ast::ItemKind::Optimizer, name);
    const Kind its = !optimizer                     ? Kind::Operator
                     : optimizer->inputs.size() > 1 ? Kind::Optimizer
                                                    : Kind::GradientChange;
    if (its == kind) names.push_back(name);
  }
  return names;
}

std::vector<ReferenceTensor> all_of(const std::vector<std::optional<ReferenceTensor>>& tensors) {
  std::vector<ReferenceTensor> result;
  for (const std::optional<ReferenceTensor>& tensor : tensors) result.push_back(tensor.value());
  return result;
}

class GoldenOperator : public ::testing::TestWithParam<std::string> {};

TEST_P(GoldenOperator, AgreesWithPyTorch) {
  const GoldenFile file = GoldenFile::read(GetParam());
  ASSERT_FALSE(file.cases().empty());
  for (const std::string& label : file.cases()) {
    SCOPED_TRACE(label);
    const std::vector<int> batched = file.batched(label);
    const std::vector<ReferenceTensor> inputs = all_of(file.tensors(label, "input", batched));
    OperatorCall call{GetParam(), {}, parse_attributes(file.content.metadata.at(label)), 1};
    for (const ReferenceTensor& input : inputs) call.inputs.push_back(input.type);
    if (!batched.empty()) call.batch = inputs[batched[0]].shape[0];
    const std::optional<OperatorSubject> subject = OperatorSubject::make(call);
    if (!subject) continue;

    const std::vector<ReferenceTensor> outputs = subject->outputs(inputs);
    const std::vector<ReferenceTensor> expected = all_of(file.tensors(label, "output"));
    ASSERT_EQ(outputs.size(), expected.size());
    for (std::size_t k = 0; k < outputs.size(); ++k) {
      EXPECT_EQ(outputs[k].shape, expected[k].shape);
      EXPECT_LE(relative_difference(outputs[k].values, expected[k].values), kTolerance) << "output " << k;
    }

    const std::vector<ReferenceTensor> seeds = all_of(file.tensors(label, "seed"));
    const std::vector<std::optional<ReferenceTensor>> gradients = file.tensors(label, "grad");
    if (seeds.empty()) continue;
    const std::vector<ReferenceTensor> got = subject->gradients(inputs, seeds);
    for (std::size_t i = 0; i < gradients.size(); ++i) {
      if (!gradients[i]) continue;
      EXPECT_LE(relative_difference(got[i].values, gradients[i]->values), kTolerance)
          << "gradient by input " << i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Library, GoldenOperator, ::testing::ValuesIn(names_of(Kind::Operator)),
                         [](const auto& info) { return info.param; });

class GoldenOptimizer : public ::testing::TestWithParam<std::string> {};

std::optional<Module> module_with(const std::string& settings, Diagnostics& diagnostics) {
  const std::string text = "model Net {\n"
                           "    input x: f32[N, 5]\n"
                           "    output y = x -> Linear(3, bias = false) as fc\n"
                           "}\n"
                           "data table {\n"
                           "    split train = csv(\"table.csv\", label = -1)\n"
                           "    field x = column(0)\n"
                           "    field target = column(1)\n"
                           "}\n"
                           "train Net with table {\n"
                           "    loss = cross_entropy(y, target)\n"
                           "    " +
                           settings + "\n}\n";
  diagnostics.add_source("test.nn", text);
  const ast::File file = parse("test.nn", text, diagnostics);
  if (diagnostics.has_errors()) return std::nullopt;
  std::vector<Module> modules = elaborate(file, {}, diagnostics);
  if (modules.empty()) return std::nullopt;
  return std::move(modules[0]);
}

TEST_P(GoldenOptimizer, AgreesWithPyTorch) {
  const GoldenFile file = GoldenFile::read(GetParam());
  ASSERT_FALSE(file.cases().empty());
  for (const std::string& label : file.cases()) {
    SCOPED_TRACE(label);
    Diagnostics diagnostics;
    const std::optional<Module> module =
        module_with("optimizer = " + GetParam() + "(" + file.content.metadata.at(label) + ")", diagnostics);
    ASSERT_TRUE(module.has_value()) << diagnostics.render();
    ASSERT_EQ(module->optimizers.size(), 1u);
    const OptimizerInstance& optimizer = module->optimizers[0];

    const std::vector<ReferenceTensor> weights = all_of(file.tensors(label, "weight"));
    const std::vector<std::optional<ReferenceTensor>> gradients = file.tensors(label, "grad");
    ReferenceSettings settings;
    for (const auto& [name, value] : module->scalars) settings.scalars[name] = value;
    std::vector<ReferenceTensor> kept{weights[0]}; // the weight, then the states
    for (const auto& [name, initial] : optimizer.states)
      kept.push_back(evaluate_initial(initial, weights[0].type, settings));
    for (std::size_t t = 1; t < weights.size(); ++t) {
      settings.scalars["step"] = static_cast<double>(t);
      std::vector<ReferenceTensor> inputs = kept;
      inputs.insert(inputs.begin() + 1, gradients[t].value());
      kept = evaluate(*optimizer.definition, inputs, settings);
      EXPECT_LE(relative_difference(kept[0].values, weights[t].values), kTolerance)
          << "after " << t << " steps";
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Library, GoldenOptimizer, ::testing::ValuesIn(names_of(Kind::Optimizer)),
                         [](const auto& info) { return info.param; });

class GoldenGradientChange : public ::testing::TestWithParam<std::string> {};

TEST_P(GoldenGradientChange, AgreesWithPyTorch) {
  const GoldenFile file = GoldenFile::read(GetParam());
  ASSERT_FALSE(file.cases().empty());
  for (const std::string& label : file.cases()) {
    SCOPED_TRACE(label);
    Diagnostics diagnostics;
    const std::optional<Module> module = module_with("optimizer = SGD(lr = 1); gradient = " + GetParam() +
                                                         "(" + file.content.metadata.at(label) + ")",
                                                     diagnostics);
    ASSERT_TRUE(module.has_value()) << diagnostics.render();
    const OptimizerInstance& change = module->optimizers.at(0);
    ASSERT_TRUE(change.of_gradient);
    ReferenceSettings settings;
    for (const auto& [name, value] : module->scalars) settings.scalars[name] = value;

    const std::vector<ReferenceTensor> gradients = all_of(file.tensors(label, "grad"));
    const std::vector<ReferenceTensor> changed = all_of(file.tensors(label, "changed"));
    std::vector<ReferenceTensor> totals;
    for (const ReferenceTensor& gradient : gradients) {
      if (!change.totals) break;
      const std::vector<ReferenceTensor> parts = evaluate(*change.totals, {gradient}, settings);
      if (totals.empty())
        totals = parts;
      else
        for (std::size_t k = 0; k < parts.size(); ++k) totals[k].values[0] += parts[k].values[0];
    }
    for (std::size_t k = 0; k < gradients.size(); ++k) {
      std::vector<ReferenceTensor> inputs = totals;
      inputs.insert(inputs.begin(), gradients[k]);
      EXPECT_LE(
          relative_difference(evaluate(*change.definition, inputs, settings)[0].values, changed[k].values),
          kTolerance)
          << "gradient " << k;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Library, GoldenGradientChange, ::testing::ValuesIn(names_of(Kind::GradientChange)),
                         [](const auto& info) { return info.param; });

} // namespace
} // namespace striate
