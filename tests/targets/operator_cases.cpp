#include "tests/targets/operator_cases.h"

#include "frontend/elaborate.h"
#include "frontend/parser.h"
#include "frontend/standard_library.h"
#include "passes/differentiate.h"
#include "passes/expand_calls.h"
#include "support/random.h"
#include "tests/conformance/golden_file.h"
#include "tests/conformance/gradient_cases.h"
#include "tests/conformance/operator_subject.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace striate {

using Range = GradientInput::Range;

std::vector<std::string> library_operators() {
  std::vector<std::string> names;
  for (const StandardFile& file : standard_library()) {
    Diagnostics diagnostics;
    for (const ast::Item& item : parse(file.name, file.text, diagnostics).items)
      if (item.kind == ast::ItemKind::Op) names.push_back(item.name);
  }
  return names;
}

// Bytes, as image files have them.
static std::vector<GradientCase> byte_cases() {
  return {{"to_real", {{{kN, 1, 5, 3}}}, "scale = 0.00390625"}};
}

static double ordinary(Range range, int64_t classes, double u) {
  switch (range) {
  case Range::AnySign:
    return 2 * u - 1;
  case Range::Positive:
    return 0.1 + u;
  case Range::Label:
    return std::floor(u * static_cast<double>(classes));
  }
  CHECK(false);
}

// Many equal numbers, zeros of both signs, tiny and large ones; everything that follows from them is finite.
static double unusual(Range range, int64_t classes, double u) {
  static constexpr double kAnySign[] = {0, -0.0, 1, 1, -1, -1, 0.5, -2, 1e-30, -1e-30, 100, -100, 3, -3};
  static constexpr double kPositive[] = {1, 1, 0.5, 0.5, 2, 3, 1e-6, 1e3};
  if (range == Range::AnySign) return kAnySign[static_cast<int>(u * std::size(kAnySign))];
  if (range == Range::Positive) return kPositive[static_cast<int>(u * std::size(kPositive))];
  return ordinary(range, classes, u);
}

// Denormals, and numbers that overflow.
static double extreme(Range range, int64_t classes, double u) {
  static constexpr double kNumbers[] = {1e-40, 1e-38, 1e-30, 1e20, 3e38, 88.5, 1, 0.25};
  if (range == Range::Label) return ordinary(range, classes, u);
  const double scaled = u * 2 * std::size(kNumbers);
  const double number = kNumbers[static_cast<int>(scaled / 2)];
  return range == Range::AnySign && static_cast<int>(scaled) % 2 == 1 ? -number : number;
}

static bool is_seed(const Value& input) { return input.name.starts_with("seed."); }

// Values for inputs 0, 1, ... by their ranges; what comes after them (the seeds) is of any sign.
static InputValues drawn(std::vector<GradientInput> inputs) {
  return [inputs = std::move(inputs)](const Value& input, int64_t examples, uint64_t draw) {
    ReferenceTensor tensor = reference_tensor(input.type, examples);
    const bool seed = is_seed(input);
    const auto number = static_cast<std::size_t>(std::stoi(input.name.substr(input.name.find('.') + 1)));
    const Range range = seed ? Range::AnySign : inputs.at(number).range;
    const int64_t classes = seed ? 0 : inputs[number].classes;
    const auto stream = static_cast<uint32_t>(number + (seed ? 100 : 0));
    for (std::size_t k = 0; k < tensor.values.size(); ++k) {
      const double u = uniform(7, k, static_cast<uint32_t>(draw), stream);
      double value = draw == 0   ? ordinary(range, classes, u)
                     : draw == 1 ? unusual(range, classes, u)
                                 : extreme(range, classes, u);
      if (input.type.element == ElementType::U8) value = std::floor(u * 256);
      tensor.values[k] = input.type.element == ElementType::F32 ? static_cast<float>(value) : value;
    }
    return tensor;
  };
}

// y = op(inputs), and with `gradients` the gradient of sum(seed.k * y.k) for each output, by every real
// input. Nothing where the operator refuses the call (a failure of the running test) or no gradient reaches
// an input.
static std::optional<Graph> graph_of(const ast::File* file, const std::string& op,
                                     const std::vector<TensorType>& types, const std::string& attributes,
                                     bool gradients) {
  Diagnostics diagnostics;
  const auto definition = instantiate_op(file, op, types, parse_attributes(attributes), diagnostics);
  if (!definition) {
    ADD_FAILURE() << diagnostics.render();
    return std::nullopt;
  }
  Graph graph;
  graph.name = op;
  graph.entry = "test";
  Node call;
  call.op = op;
  call.definition = definition;
  std::vector<ValueId> wanted;
  for (int i = 0; i < definition->input_count; ++i) {
    call.inputs.push_back(graph.add_value(fmt::format("x.{}", i), types[i], ValueRole::Input, {}));
    if (types[i].element == ElementType::F32) wanted.push_back(call.inputs.back());
  }
  graph.inputs = call.inputs;
  std::vector<std::string> names;
  for (std::size_t k = 0; k < definition->outputs.size(); ++k) names.push_back(fmt::format("y.{}", k));
  const NodeId node = graph.add_node(std::move(call), names);
  const std::vector<ValueId> outputs = graph.nodes[node].outputs;
  for (ValueId output : outputs) graph.outputs.push_back({graph.values[output].name, output});
  expand_calls(graph);
  if (!gradients) return graph;

  bool any = false;
  std::vector<std::pair<std::string, ValueId>> derived;
  for (std::size_t k = 0; k < outputs.size(); ++k) {
    const ValueId seed =
        graph.add_value(fmt::format("seed.{}", k), graph.values[outputs[k]].type, ValueRole::Input, {});
    graph.values[seed].zero_in_padding = graph.values[seed].type.has_batch();
    graph.inputs.push_back(seed);
    const Result<std::map<ValueId, ValueId>> result = append_adjoints(graph, outputs[k], seed, wanted);
    if (!result) {
      ADD_FAILURE() << result.failure().message;
      return std::nullopt;
    }
    for (const auto& [input, gradient] : *result) {
      if (gradient < 0) continue;
      derived.push_back({fmt::format("grad.{}.{}", k, graph.values[input].name), gradient});
      any = true;
    }
  }
  graph.outputs.insert(graph.outputs.end(), derived.begin(), derived.end());
  return any ? std::optional<Graph>(std::move(graph)) : std::nullopt;
}

// The call forward, and with its gradients where there are any.
static std::vector<GraphSubject> subjects_of(const ast::File* file, const std::string& op,
                                             const std::string& label, const std::vector<TensorType>& types,
                                             const std::string& attributes, const InputValues& values,
                                             bool has_gradient) {
  std::vector<GraphSubject> subjects;
  if (std::optional<Graph> graph = graph_of(file, op, types, attributes, false))
    subjects.push_back({label, std::move(*graph), values, 3});
  if (!has_gradient) return subjects;
  // What is not finite in the last example makes a gradient's sum over the batch NaN: its copies beside it
  // are multiplied by 0 (passes/differentiate.h).
  if (std::optional<Graph> graph = graph_of(file, op, types, attributes, true)) {
    subjects.push_back({label + " with gradients", std::move(*graph), values, 2});
  } else {
    ADD_FAILURE() << label << " has no gradient";
  }
  return subjects;
}

static std::vector<GraphSubject> subjects_of(const ast::File* file, const GradientCase& test,
                                             ElementType real, bool has_gradient) {
  std::vector<TensorType> types;
  std::string label = test.op + "(" + test.attributes + ")";
  for (const GradientInput& input : test.inputs) {
    TensorType type{input.range == Range::Label ? ElementType::I32 : real, {}};
    for (int64_t size : input.shape) type.shape.push_back(size == kN ? Size::n() : Size::constant(size));
    label += " " + type.text();
    types.push_back(std::move(type));
  }
  return subjects_of(file, test.op, label, types, test.attributes, drawn(test.inputs), has_gradient);
}

OperatorGraphs operator_graphs(const std::string& op) {
  OperatorGraphs graphs;
  const std::vector<std::string> list = operators_without_gradient();
  const bool differentiable = std::ranges::find(list, op) == list.end();
  const auto add = [&](const std::vector<GradientCase>& cases, ElementType real) {
    for (const GradientCase& test : cases) {
      if (test.op != op) continue;
      for (GraphSubject& subject :
           subjects_of(nullptr, test, real, differentiable && real == ElementType::F32))
        graphs.any_batch.push_back(std::move(subject));
    }
  };
  add(gradient_cases(), ElementType::F32);
  add(forward_cases(), ElementType::F32);
  add(byte_cases(), ElementType::U8);

  const std::vector<std::string> golden = golden_names();
  if (std::find(golden.begin(), golden.end(), op) == golden.end()) return graphs;
  const GoldenFile file = GoldenFile::read(op);
  for (const std::string& label : file.cases()) {
    const std::vector<int> batched = file.batched(label);
    std::vector<ReferenceTensor> inputs;
    std::vector<TensorType> types;
    int64_t examples = 1;
    for (std::optional<ReferenceTensor>& input : file.tensors(label, "input", batched)) {
      if (input->type.has_batch()) examples = input->shape[0];
      for (double& value : input->values) value = static_cast<float>(value);
      types.push_back(input->type);
      inputs.push_back(std::move(*input));
    }
    const InputValues seeds = drawn({});
    const InputValues values = [inputs, seeds](const Value& input, int64_t count, uint64_t draw) {
      if (is_seed(input)) return seeds(input, count, draw);
      return inputs.at(static_cast<std::size_t>(std::stoi(input.name.substr(2))));
    };
    const bool has_gradient = differentiable && std::ranges::any_of(types, [](const TensorType& type) {
                                return type.element == ElementType::F32;
                              });
    for (GraphSubject& subject : subjects_of(nullptr, op, op + "/" + label, types,
                                             file.content.metadata.at(label), values, has_gradient)) {
      subject.draws = 1;
      graphs.stored.push_back({examples, std::move(subject)});
    }
  }
  return graphs;
}

std::vector<GraphSubject> user_operator_graphs() {
  // Each has something that no operator of the library has: what an absent element becomes is not 0; products
  // of three; sums whose terms vanish by a condition; indices that are divided; reducers.
  static constexpr const char* kText = R"(
op hard_swish(x[..]) -> y[..] { y[..] = x[..] * min(max(x[..] + 3, 0), 6) / 6 }
op smooth(x[N, L], k[R]) -> y[N, L] { y[n, i] = sum(r) k[r] * exp(-abs((x[n, i + r - 2] else 0))) }
op shifted(x[N, C, L], k[O, C, R]) -> y[N, O, L] { y[n, o, i] = sum(c, r) k[o, c, r] * ((x[n, c, i + r - 2] else 0) - 0.5) }
op bilinear(a[N, I], w[O, I, J], b[N, J]) -> y[N, O] { y[n, o] = sum(i, j) a[n, i] * w[o, i, j] * b[n, j] }
op running_sum(x[N, L]) -> y[N, L] { y[n, i] = sum(j: 0..i + 1) x[n, j] }
op repeat_twice(x[N, C, L]) -> y[N, C, 2*L] { y[n, c, i] = x[n, c, i // 2] }
op maxout(x[N, (O G)]; pieces G: int) -> y[N, O] { y[n, o] = max(g) x[n, (o g)] }
op narrowest(x[N, C, L]) -> y[N, C] { y[n, c] = min(l) abs(x[n, c, l]) }
op across(x[N, C, L]) -> y[N, C, L] { y[n, c, l] = x[n, c, l] / sqrt(1 + 0.1 * (sum(r: 5) (x[n, c + r - 2, l] else 0) ** 2)) }
op adaptive(x[N, H]; size: int) -> y[N, size] {
    first(i) = i * H // size
    y[n, i] = (sum(r: first(i)..first(i + 1)) x[n, r]) / (first(i + 1) - first(i))
}
op difference(x[N, L]) -> y[N, L] { y[n, t] = x[n, t] - (x[n, t - 1] else 0) }
op gram(x[N, C, L]) -> y[C, C] { y[c, d] = (sum(n, l) x[n, c, l] * x[n, d, l]) / N }
op locally_connected(x[N, C, L], k[O, C, L, R]) -> y[N, O, L] { y[n, o, i] = sum(c, r) k[o, c, i, r] * (x[n, c, i + r - 1] else 0) }
op lookup(token: int[N, T], w[V, D]) -> y[N, T, D] { y[n, t, d] = (w[token[n, t], d] else 0) }
op join(a[a.., C, b..], more..[a.., D, b..]; axis: int) -> y[a.., C + D, b..] {
    y[a.., c, b..] = (a[a.., c, b..] else 0) + (more[a.., c - C, b..] else 0)
}
op product(x[N, L]) -> y[N] { y[n] = prod(l) x[n, l] }
op places(x[N, C, L]) -> y[N, C], any_large[N] {
    p[n, c] = argmax(l) x[n, c, l]
    y[n, c] = real(p[n, c])
    large[n] = any(c, l) (x[n, c, l] > 0.5)
    any_large[n] = select(large[n], 1, 0)
}
)";
  Diagnostics diagnostics;
  diagnostics.add_source("user.nn", kText);
  const ast::File file = parse("user.nn", kText, diagnostics);
  if (diagnostics.has_errors()) ADD_FAILURE() << diagnostics.render();
  const auto positive = [](std::vector<int64_t> shape) {
    return GradientInput{std::move(shape), Range::Positive, 0};
  };
  const GradientCase cases[] = {
      {"hard_swish", {{{kN, 17}}}, ""},
      {"smooth", {{{kN, 2}}, {{5}}}, ""},
      {"smooth", {{{kN, 17}}, {{5}}}, ""},
      {"shifted", {{{kN, 3, 2}}, {{5, 3, 5}}}, ""},
      {"shifted", {{{kN, 1, 19}}, {{2, 1, 5}}}, ""},
      {"bilinear", {{{kN, 5}}, {{3, 5, 7}}, {{kN, 7}}}, ""},
      {"running_sum", {{{kN, 7}}}, ""},
      {"repeat_twice", {{{kN, 3, 5}}}, ""},
      {"maxout", {{{kN, 15}}}, "pieces = 3"},
      {"narrowest", {{{kN, 2, 17}}}, ""},
      {"across", {{{kN, 7, 3}}}, ""},
      {"across", {{{kN, 1, 3}}}, ""},
      {"adaptive", {{{kN, 17}}}, "size = 5"},
      {"difference", {{{kN, 3}}}, ""},
      {"gram", {{{kN, 5, 3}}}, ""},
      {"locally_connected", {{{kN, 3, 6}}, {{5, 3, 6, 3}}}, ""},
      {"locally_connected", {{{kN, 16, 2}}, {{16, 16, 2, 3}}}, ""},
      {"lookup", {{{kN, 5}, Range::Label, 11}, {{11, 3}}}, ""},
      {"join", {{{kN, 3, 2}}, {{kN, 4, 2}}}, "axis = 1"},
      {"join", {{{kN, 5, 3}}, {{kN, 5, 1}}}, "axis = -1"},
      {"product", {positive({kN, 7})}, ""},
      {"places", {{{kN, 2, 17}}}, ""},
  };
  std::vector<GraphSubject> subjects;
  for (const GradientCase& test : cases) {
    const bool has_gradient = test.op != "product" && test.op != "places";
    for (GraphSubject& subject : subjects_of(&file, test, ElementType::F32, has_gradient))
      subjects.push_back(std::move(subject));
  }
  return subjects;
}

} // namespace striate
