#include "driver/definition_gradient.h"

#include "codegen/reference/interpreter.h"
#include "frontend/example_shapes.h"
#include "passes/differentiate.h"
#include "passes/expand_calls.h"
#include "support/check.h"
#include "support/random.h"

#include <cmath>

namespace striate {

static constexpr int64_t kBatch = 3;
static constexpr uint64_t kSeed = 1;
static constexpr double kTolerance = 1e-6;

DefinitionGraph graph_of(const std::shared_ptr<const Definition>& definition) {
  DefinitionGraph whole;
  Graph& graph = whole.graph;
  graph.name = definition->name;
  graph.entry = "explain";
  Node call;
  call.op = definition->name;
  call.definition = definition;
  for (int k = 0; k < definition->input_count; ++k) {
    const Operand& operand = definition->operands[k];
    whole.inputs.push_back(graph.add_value(operand.name, operand.type, ValueRole::Input, {}));
  }
  call.inputs = graph.inputs = whole.inputs;
  std::vector<std::string> outputs;
  for (int output : definition->outputs) outputs.push_back(definition->operands[output].name);
  const NodeId node = graph.add_node(std::move(call), outputs);
  whole.outputs = graph.nodes[node].outputs;
  for (ValueId output : whole.outputs) graph.outputs.emplace_back(graph.values[output].name, output);
  expand_calls(graph);
  return whole;
}

Result<std::map<ValueId, ValueId>> append_gradient(DefinitionGraph& whole, std::size_t output) {
  const ValueId result = whole.outputs.at(output);
  const TensorType type = whole.graph.values[result].type;
  const std::string name = whole.graph.values[result].name + ".grad";
  const ValueId adjoint = whole.graph.add_value(name, type, ValueRole::Input, {});
  whole.graph.inputs.push_back(adjoint);
  return append_adjoints(whole.graph, result, adjoint, whole.inputs);
}

// Reals between 0.1 and 1.1, which roots and logarithms take too, and, for the adjoints, of both signs.
static ReferenceTensor drawn(const TensorType& type, uint64_t which, bool any_sign) {
  ReferenceTensor tensor = reference_tensor(type, kBatch);
  for (std::size_t i = 0; i < tensor.values.size(); ++i) {
    const double u = uniform(kSeed, i, 0, static_cast<uint32_t>(which));
    tensor.values[i] = type.element != ElementType::F32 ? std::floor(3 * u) : any_sign ? 2 * u - 1 : 0.1 + u;
  }
  return tensor;
}

// "[1, 0, 3]": where element `number` of a tensor of this shape is.
static std::string place_of(std::size_t number, const std::vector<int64_t>& shape) {
  std::string text;
  for (std::size_t d = shape.size(); d-- > 0;) {
    const std::size_t size = static_cast<std::size_t>(shape[d]);
    text = std::to_string(number % size) + (text.empty() ? "" : ", ") + text;
    number /= size;
  }
  return "[" + text + "]";
}

static void compare(const ast::Item& op, const GradientClauseExample& example, bool any_sign,
                    Diagnostics& diagnostics) {
  ReferenceSettings settings;
  settings.batch = kBatch;
  settings.seed = kSeed;
  settings.scalars["step"] = 1;
  std::vector<ReferenceTensor> operands; // of the clause
  for (int k = 0; k < example.op->input_count; ++k)
    operands.push_back(drawn(example.op->operands[k].type, operands.size(), any_sign));
  const std::vector<ReferenceTensor> outputs = evaluate(*example.op, operands, settings);
  const std::vector<ReferenceTensor> inputs = operands;
  operands.insert(operands.end(), outputs.begin(), outputs.end());
  std::vector<ReferenceTensor> adjoints;
  for (const ReferenceTensor& output : outputs)
    adjoints.push_back(drawn({ElementType::F32, output.type.shape}, operands.size() + adjoints.size(), true));
  operands.insert(operands.end(), adjoints.begin(), adjoints.end());
  const std::vector<ReferenceTensor> stated = evaluate(*example.clause, operands, settings);

  // The derived gradient, summed over the outputs.
  std::vector<ReferenceTensor> derived;
  for (const ReferenceTensor& tensor : stated)
    derived.push_back(reference_tensor({ElementType::F32, tensor.type.shape}, kBatch));
  for (std::size_t k = 0; k < outputs.size(); ++k) {
    if (outputs[k].type.element != ElementType::F32) continue;
    DefinitionGraph whole = graph_of(example.op);
    const auto gradients = append_gradient(whole, k);
    if (!gradients) {
      diagnostics.error(Diagnostic::WrongGradient, op.gradient->location, "`{}` has no derived gradient: {}",
                        op.name, gradients.failure().message);
      return;
    }
    std::map<std::string, ReferenceTensor> fed;
    for (std::size_t i = 0; i < inputs.size(); ++i) fed[whole.graph.values[whole.inputs[i]].name] = inputs[i];
    fed[whole.graph.values[whole.outputs[k]].name + ".grad"] = adjoints[k];
    ReferenceRun run(whole.graph, Precision::F64, kSeed);
    run.step(fed, kBatch);
    for (std::size_t t = 0; t < stated.size(); ++t) {
      const auto found = gradients->find(whole.inputs[static_cast<std::size_t>(example.adjoints_of[t])]);
      if (found == gradients->end() || found->second < 0) continue;
      const ReferenceTensor& part = run.value(whole.graph.values[found->second].name);
      for (std::size_t i = 0; i < part.values.size(); ++i) derived[t].values[i] += part.values[i];
    }
  }

  for (std::size_t t = 0; t < stated.size(); ++t) {
    CHECK(stated[t].values.size() == derived[t].values.size(), "the clause of {}", op.name);
    double largest = 1e-3;
    for (double value : derived[t].values)
      if (std::isfinite(value)) largest = std::max(largest, std::abs(value));
    for (std::size_t i = 0; i < derived[t].values.size(); ++i) {
      const double expected = derived[t].values[i], got = stated[t].values[i];
      if (!std::isfinite(expected) || std::abs(got - expected) <= kTolerance * largest) continue;
      const std::string& input = op.inputs[static_cast<std::size_t>(example.adjoints_of[t])].name;
      diagnostics
          .error(Diagnostic::WrongGradient, op.gradient->location,
                 "the `grad` clause of `{}` is not its gradient: at `{}{}` it gives {:.6g}, and the "
                 "derivative is {:.6g}",
                 op.name, input, place_of(i, derived[t].shape), got, expected)
          .note("compared with the gradient that is derived from the definition, at `{}` of {}", input,
                stated[t].type.text())
          .help("`striate explain op {} --grad` shows the derived one; `stop(..)` in the definition keeps a "
                "part of it from having a gradient",
                op.name);
      return;
    }
  }
}

void check_gradient_clauses(const ast::File& file, Diagnostics& diagnostics) {
  for (const ast::Item& item : file.items) {
    if (item.kind != ast::ItemKind::Op || !item.gradient) continue;
    const auto example = instantiate_gradient_example(file, item, diagnostics);
    if (!example) continue;
    const std::size_t before = diagnostics.messages().size();
    for (bool any_sign : {false, true})
      if (diagnostics.messages().size() == before) compare(item, *example, any_sign, diagnostics);
  }
}

std::string statements_text(const Graph& graph, NodeId first) {
  std::string text;
  for (NodeId n = first; n < static_cast<NodeId>(graph.nodes.size()); ++n) {
    const Node& node = graph.nodes[n];
    const Statement& statement = statement_of(node);
    text +=
        statement_text(
            statement,
            [&](int operand) {
              return graph.values[operand == statement.target ? node.outputs[0] : node.inputs[operand]].name;
            }) +
        "\n";
  }
  return text;
}

} // namespace striate
