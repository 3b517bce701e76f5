#include "tests/passes/graphs.h"

#include "frontend/parser.h"
#include "passes/differentiate.h"
#include "passes/expand_calls.h"
#include "passes/pipeline.h"
#include "support/random.h"

#include <algorithm>
#include <cmath>

namespace striate {

Graph graph_of_definition(std::shared_ptr<const Definition> definition) {
  Graph graph;
  graph.name = definition->name;
  graph.entry = "eval";
  Node call;
  call.op = definition->name;
  call.definition = definition;
  for (int k = 0; k < definition->input_count; ++k) {
    const Operand& operand = definition->operands[k];
    graph.inputs.push_back(graph.add_value(operand.name, operand.type, ValueRole::Input, {}));
  }
  call.inputs = graph.inputs;
  std::vector<std::string> names;
  for (int output : definition->outputs) names.push_back(definition->operands[output].name);
  const NodeId node = graph.add_node(std::move(call), names);
  for (ValueId output : graph.nodes[node].outputs)
    graph.outputs.emplace_back(graph.values[output].name, output);
  expand_calls(graph);
  return graph;
}

Graph graph_of_op(const std::string& source, const std::string& op, const std::vector<TensorType>& operands,
                  const std::map<std::string, std::string>& attributes) {
  Diagnostics diagnostics;
  const ast::File file = parse("test.nn", source, diagnostics);
  const auto definition = instantiate_op(&file, op, operands, attributes, diagnostics);
  if (!definition) {
    ADD_FAILURE() << diagnostics.render();
    return {};
  }
  return graph_of_definition(definition);
}

std::map<ValueId, ValueId> append_gradients(Graph& graph) {
  const auto [name, output] = graph.outputs.at(0);
  const ValueId seed = graph.add_value(name + ".grad", graph.values[output].type, ValueRole::Input, {});
  const std::vector<ValueId> inputs = graph.inputs;
  graph.inputs.push_back(seed);
  const auto gradients = append_adjoints(graph, output, seed, inputs);
  if (!gradients) {
    ADD_FAILURE() << gradients.failure().message;
    return {};
  }
  for (const auto& [input, gradient] : *gradients)
    if (gradient >= 0) graph.outputs.emplace_back(graph.values[gradient].name, gradient);
  return *gradients;
}

static std::optional<Module> module_of(const std::string& source) {
  Diagnostics diagnostics;
  const ast::File file = parse("test.nn", source, diagnostics);
  std::vector<Module> modules;
  if (!diagnostics.has_errors()) modules = elaborate(file, {}, diagnostics);
  if (!modules.empty()) return std::move(modules[0]);
  ADD_FAILURE() << diagnostics.render();
  return std::nullopt;
}

Graph model_graph(const std::string& source) {
  const auto module = module_of(source);
  if (!module) return {};
  Graph graph = module->eval;
  graph.entry = "eval";
  EXPECT_TRUE(run_gradient_passes(graph, {}, false, {}).ok());
  return graph;
}

Graph step_graph(const std::string& source) {
  const auto module = module_of(source);
  if (!module) return {};
  Graph graph = module->train;
  graph.entry = "step";
  graph.scalars = module->scalars;
  const Status status = run_gradient_passes(graph, module->optimizers, true, {});
  EXPECT_TRUE(status.ok());
  return graph;
}

std::string training_program(const std::string& definitions, const std::string& body) {
  return definitions + "\nop total(y[N, a..]) -> z[N] { z[n] = sum(a..) y[n, a..] * y[n, a..] }\n" +
         "model M {\n" + body +
         "\n}\n"
         "data d {\n"
         "    split train = csv(\"d.csv\")\n"
         "    field x = column(0)\n"
         "}\n"
         "train M with d {\n"
         "    loss = total(y)\n"
         "    optimizer = SGD(lr = 0.1, momentum = 0.9)\n"
         "}\n";
}

static std::string text_of(const Graph& graph, const Node& node) {
  const Statement& statement = statement_of(node);
  return statement_text(statement, [&](int operand) {
    return graph.values[operand == statement.target ? node.outputs[0] : node.inputs[operand]].name;
  });
}

std::vector<std::string> statements(const Graph& graph, NodeId first) {
  std::vector<std::string> texts;
  for (std::size_t n = static_cast<std::size_t>(first); n < graph.nodes.size(); ++n)
    texts.push_back(text_of(graph, graph.nodes[n]));
  return texts;
}

std::string statement_of_value(const Graph& graph, const std::string& value) {
  for (const Node& node : graph.nodes)
    if (graph.values[node.outputs[0]].name == value) return text_of(graph, node);
  return "";
}

std::vector<std::string> decisions(const Graph& graph, const std::string& pass) {
  std::vector<std::string> texts;
  for (const Decision& decision : graph.decisions)
    if (decision.pass == pass)
      texts.push_back(fmt::format("{}: {}: {}", decision.what, decision.chosen, decision.reason));
  return texts;
}

bool contains(const std::vector<std::string>& list, const std::string& text) {
  return std::any_of(list.begin(), list.end(),
                     [&](const std::string& element) { return element.find(text) != std::string::npos; });
}

TensorType f32(const std::vector<int64_t>& shape) {
  TensorType type;
  for (int64_t size : shape) type.shape.push_back(size < 0 ? Size::n() : Size::constant(size));
  return type;
}

ReferenceTensor noise(const TensorType& type, int64_t batch, uint64_t seed) {
  ReferenceTensor tensor = reference_tensor(type, batch);
  for (std::size_t k = 0; k < tensor.values.size(); ++k) {
    const double u = uniform(seed, k, 0, 5);
    tensor.values[k] = type.element == ElementType::F32 ? 2 * u - 1 : std::floor(3 * u);
  }
  return tensor;
}

static uint64_t seed_of(const std::string& name) {
  uint64_t seed = 1;
  for (char c : name) seed = seed * 131 + static_cast<unsigned char>(c);
  return seed;
}

static std::map<std::string, ReferenceTensor> noisy_inputs(const Graph& graph, int64_t batch) {
  std::map<std::string, ReferenceTensor> inputs;
  for (ValueId input : graph.inputs) {
    const Value& value = graph.values[input];
    inputs[value.name] = noise(value.type, batch, seed_of(value.name));
  }
  return inputs;
}

ReferenceRun run_with_noise(const Graph& graph, int64_t batch, Precision precision) {
  ReferenceRun run(graph, precision, 1);
  for (const Persistent& persistent : graph.persistents) {
    const Value& value = graph.values[persistent.value];
    run.set_persistent(value.name, noise(value.type, batch, seed_of(value.name)));
  }
  std::map<std::string, double> scalars;
  for (const auto& [name, value] : graph.scalars) scalars[name] = value;
  run.step(noisy_inputs(graph, batch), batch, scalars);
  return run;
}

static double largest_difference(const ReferenceTensor& a, const ReferenceTensor& b) {
  EXPECT_EQ(a.values.size(), b.values.size());
  double largest = 0;
  for (std::size_t k = 0; k < std::min(a.values.size(), b.values.size()); ++k)
    if (a.values[k] != b.values[k]) largest = std::max(largest, std::abs(a.values[k] - b.values[k]));
  return largest;
}

double difference(const Graph& a, const Graph& b, int64_t batch) {
  const ReferenceRun left = run_with_noise(a, batch), right = run_with_noise(b, batch);
  double largest = 0;
  for (const auto& [name, value] : a.outputs)
    largest = std::max(largest, largest_difference(left.output(name), right.output(name)));
  for (const Persistent& persistent : a.persistents) {
    const std::string& name = a.values[persistent.value].name;
    largest = std::max(largest, largest_difference(left.persistent(name), right.persistent(name)));
  }
  return largest;
}

double gradient_error(const Graph& graph, const std::map<ValueId, ValueId>& gradients, int64_t batch) {
  const std::string output = graph.outputs.at(0).first, seed = output + ".grad";
  std::map<std::string, ReferenceTensor> inputs = noisy_inputs(graph, batch);
  const auto run = [&] {
    ReferenceRun run(graph, Precision::F64, 1);
    run.step(inputs, batch);
    return run;
  };
  // The seed's inner product with the output.
  const auto objective = [&] {
    const ReferenceRun at = run();
    double sum = 0;
    for (std::size_t k = 0; k < inputs[seed].values.size(); ++k)
      sum += inputs[seed].values[k] * at.output(output).values[k];
    return sum;
  };
  const ReferenceRun at = run();
  double worst = 0;
  for (const auto& [input, gradient] : gradients) {
    if (gradient < 0) continue;
    const std::vector<double> derived = at.value(graph.values[gradient].name).values;
    std::vector<double>& values = inputs[graph.values[input].name].values;
    EXPECT_EQ(derived.size(), values.size());
    double largest = 1e-6;
    for (double value : derived) largest = std::max(largest, std::abs(value));
    for (std::size_t k = 0; k < values.size(); ++k) {
      constexpr double kStep = 1e-5;
      const double here = values[k];
      values[k] = here + kStep;
      const double above = objective();
      values[k] = here - kStep;
      const double below = objective();
      values[k] = here;
      worst = std::max(worst, std::abs((above - below) / (2 * kStep) - derived[k]) / largest);
    }
  }
  return worst;
}

} // namespace striate
