#include "tests/conformance/operator_subject.h"

#include "frontend/elaborate.h"
#include "passes/differentiate.h"
#include "passes/expand_calls.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace striate {

constexpr uint64_t kSeed = 5; // of the random draws

OperatorSubject::OperatorSubject(OperatorCall call, std::shared_ptr<const Definition> definition)
    : call_(std::move(call)), definition_(std::move(definition)) {}

std::optional<OperatorSubject> OperatorSubject::make(const OperatorCall& call) {
  Diagnostics diagnostics;
  std::shared_ptr<const Definition> definition =
      instantiate_op(nullptr, call.op, call.inputs, call.attributes, diagnostics);
  if (!definition) {
    ADD_FAILURE() << diagnostics.render();
    return std::nullopt;
  }
  return OperatorSubject(call, std::move(definition));
}

std::vector<ReferenceTensor> OperatorSubject::outputs(const std::vector<ReferenceTensor>& inputs) const {
  ReferenceSettings settings;
  settings.batch = call_.batch;
  settings.seed = kSeed;
  settings.scalars["step"] = 1;
  return evaluate(*definition_, inputs, settings);
}

std::vector<ReferenceTensor> OperatorSubject::gradients(const std::vector<ReferenceTensor>& inputs,
                                                        const std::vector<ReferenceTensor>& seeds) const {
  std::vector<ReferenceTensor> sums;
  for (const ReferenceTensor& input : inputs) {
    const bool real = input.type.element == ElementType::F32;
    sums.push_back(real ? reference_tensor(input.type, call_.batch) : ReferenceTensor());
  }
  for (std::size_t k = 0; k < seeds.size(); ++k) add_gradients(k, inputs, seeds[k], sums);
  return sums;
}

void OperatorSubject::add_gradients(std::size_t output, const std::vector<ReferenceTensor>& inputs,
                                    const ReferenceTensor& seed, std::vector<ReferenceTensor>& sums) const {
  Graph graph;
  graph.name = call_.op;
  Node node;
  node.op = call_.op;
  node.definition = definition_;
  std::map<std::string, ReferenceTensor> fed;
  std::vector<ValueId> wanted;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const std::string name = "input" + std::to_string(i);
    node.inputs.push_back(graph.add_value(name, call_.inputs[i], ValueRole::Input, {}));
    fed[name] = inputs[i];
    if (!sums[i].values.empty()) wanted.push_back(node.inputs[i]);
  }
  graph.inputs = node.inputs;
  const TensorType seed_type = definition_->operands[definition_->outputs[output]].type;
  const ValueId seed_value = graph.add_value("seed", seed_type, ValueRole::Input, {});
  graph.inputs.push_back(seed_value);
  fed["seed"] = seed;
  std::vector<std::string> names;
  for (std::size_t k = 0; k < definition_->outputs.size(); ++k) names.push_back("output" + std::to_string(k));
  const NodeId id = graph.add_node(std::move(node), names);
  const ValueId differentiated = graph.nodes[id].outputs[output];
  const std::vector<ValueId> sources(graph.inputs.begin(), graph.inputs.end() - 1);
  expand_calls(graph);
  const Result<std::map<ValueId, ValueId>> gradients =
      append_adjoints(graph, differentiated, seed_value, wanted);
  ASSERT_TRUE(gradients.ok()) << gradients.failure().message;
  const std::vector<std::string> problems = verify(graph);
  ASSERT_TRUE(problems.empty()) << problems[0] << "\n" << print(graph);

  ReferenceRun run(graph, Precision::F64, kSeed);
  run.step(fed, call_.batch);
  for (std::size_t i = 0; i < sources.size(); ++i) {
    const auto found = gradients->find(sources[i]);
    if (found == gradients->end() || found->second < 0) continue;
    const ReferenceTensor& gradient = run.value(graph.values[found->second].name);
    ASSERT_EQ(gradient.shape, sums[i].shape);
    for (std::size_t k = 0; k < gradient.values.size(); ++k) sums[i].values[k] += gradient.values[k];
  }
}

std::map<std::string, std::string> parse_attributes(const std::string& text) {
  std::map<std::string, std::string> result;
  const auto trimmed = [](const std::string& part) {
    const std::size_t first = part.find_first_not_of(' '), last = part.find_last_not_of(' ');
    return first == std::string::npos ? std::string() : part.substr(first, last - first + 1);
  };
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find(';', begin), text.size());
    const std::string entry = text.substr(begin, end - begin);
    const std::size_t equals = entry.find('=');
    if (equals != std::string::npos)
      result[trimmed(entry.substr(0, equals))] = trimmed(entry.substr(equals + 1));
    begin = end + 1;
  }
  return result;
}

double relative_difference(const std::vector<double>& got, const std::vector<double>& expected) {
  if (got.size() != expected.size()) return std::numeric_limits<double>::infinity();
  double largest = 1e-3, difference = 0;
  for (double value : expected) largest = std::max(largest, std::abs(value));
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double distance = std::abs(got[i] - expected[i]);
    if (std::isnan(distance)) return std::numeric_limits<double>::infinity();
    difference = std::max(difference, distance);
  }
  return difference / largest;
}

} // namespace striate
