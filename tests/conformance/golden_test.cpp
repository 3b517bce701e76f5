// Every operator's values and gradients, and every optimizer's updates, against PyTorch's in f64.
#include "tests/conformance/golden_file.h"
#include "tests/conformance/operator_subject.h"

#include "frontend/elaborate.h"
#include "frontend/parser.h"

#include <gtest/gtest.h>

#include <cctype>

namespace striate {
namespace {

constexpr double kTolerance = 1e-11;

bool names_an_optimizer(const std::string& name) { return std::isupper(static_cast<unsigned char>(name[0])); }

std::vector<std::string> names_with(bool optimizers) {
  std::vector<std::string> names;
  for (const std::string& name : golden_names()) {
    if (names_an_optimizer(name) == optimizers) names.push_back(name);
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

INSTANTIATE_TEST_SUITE_P(Library, GoldenOperator, ::testing::ValuesIn(names_with(false)),
                         [](const auto& info) { return info.param; });

class GoldenOptimizer : public ::testing::TestWithParam<std::string> {};

std::optional<Module> module_with(const std::string& optimizer, Diagnostics& diagnostics) {
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
                           "    optimizer = " +
                           optimizer + "\n}\n";
  diagnostics.add_source("test.nn", text);
  const ast::File file = parse("test.nn", text, diagnostics);
  if (diagnostics.has_errors()) return std::nullopt;
  return elaborate(file, {}, diagnostics);
}

TEST_P(GoldenOptimizer, AgreesWithPyTorch) {
  const GoldenFile file = GoldenFile::read(GetParam());
  ASSERT_FALSE(file.cases().empty());
  for (const std::string& label : file.cases()) {
    SCOPED_TRACE(label);
    Diagnostics diagnostics;
    const std::optional<Module> module =
        module_with(GetParam() + "(" + file.content.metadata.at(label) + ")", diagnostics);
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

INSTANTIATE_TEST_SUITE_P(Library, GoldenOptimizer, ::testing::ValuesIn(names_with(true)),
                         [](const auto& info) { return info.param; });

} // namespace
} // namespace striate
