#include "codegen/reference/interpreter.h"

#include "codegen/reference/execute.h"
#include "ir/graph/loops.h"

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

namespace striate {
namespace {

// Denormal inputs and results of f32 arithmetic count as zero while this lives.
class FlushDenormals {
public:
  FlushDenormals() : saved_(control()) { set_control(saved_ | kFlush); }
  ~FlushDenormals() { set_control(saved_); }
  FlushDenormals(const FlushDenormals&) = delete;
  FlushDenormals& operator=(const FlushDenormals&) = delete;

private:
#if defined(__SSE2__)
  using Control = unsigned;
  static constexpr Control kFlush = 0x8040; // flush to zero, denormals are zero
  static Control control() { return _mm_getcsr(); }
  static void set_control(Control value) { _mm_setcsr(value); }
#elif defined(__aarch64__)
  using Control = uint64_t;
  static constexpr Control kFlush = uint64_t{1} << 24; // FZ
  static Control control() {
    Control value;
    asm volatile("mrs %0, fpcr" : "=r"(value));
    return value;
  }
  static void set_control(Control value) { asm volatile("msr fpcr, %0" ::"r"(value)); }
#else
#error "how does this machine flush denormals?"
#endif
  Control saved_;
};

double scalar_named(const ReferenceSettings& settings, const std::string& name) {
  if (const auto found = settings.scalars.find(name); found != settings.scalars.end()) return found->second;
  if (name == "N") return static_cast<double>(settings.batch);
  if (name == "1/N") return 1.0 / static_cast<double>(settings.batch);
  if (name == "step" || name == "epoch") return 0;
  CHECK(false, "no value for the scalar `{}`", name);
}

// The step of a loop that a statement is run for; without one, all its points are.
struct LoopStep {
  int variable = -1; // of the statement
  int64_t at = 0;
};

// Runs one statement, into `target`; `operands[i]` may be null where the statement does not read it.
void run_statement(const Statement& statement, ReferenceTensor& target,
                   const std::vector<const ReferenceTensor*>& operands, const ReferenceSettings& settings,
                   const LoopStep& step = {}) {
  reference::CompileInput input;
  input.statement = &statement;
  input.fixed_variable = step.variable;
  input.fixed_value = step.at;
  input.batch = settings.batch;
  input.scalar = [&](const std::string& name) { return scalar_named(settings, name); };
  reference::Buffers buffers;
  for (const ReferenceTensor* operand : operands) {
    input.shapes.push_back(operand ? operand->shape : std::vector<int64_t>());
    buffers.operands.push_back(operand ? operand->values.data() : nullptr);
  }
  buffers.target = target.values.data();
  buffers.target_size = static_cast<int64_t>(target.values.size());

  const reference::Program program = reference::compile(input);
  if (settings.precision == Precision::F64) {
    reference::execute<double>(program, buffers, settings.seed);
  } else {
    const FlushDenormals flush;
    reference::execute<float>(program, buffers, settings.seed);
  }
}

// The operands' values, computed in order; the inputs are given.
std::vector<ReferenceTensor> run_definition(const Definition& definition,
                                            std::vector<const ReferenceTensor*> operands,
                                            const ReferenceSettings& settings) {
  CHECK(static_cast<int>(operands.size()) == definition.input_count, "`{}` takes {} inputs, not {}",
        definition.name, definition.input_count, operands.size());
  for (int i = 0; i < definition.input_count; ++i) {
    const ReferenceTensor expected = reference_tensor(definition.operands[i].type, settings.batch);
    CHECK(operands[i]->shape == expected.shape, "`{}` of `{}` has another shape", definition.operands[i].name,
          definition.name);
  }
  operands.resize(definition.operands.size(), nullptr);
  std::vector<ReferenceTensor> computed(definition.operands.size());
  for (const Statement& statement : definition.statements) {
    ReferenceTensor& target = computed[statement.target];
    target = reference_tensor(definition.operands[statement.target].type, settings.batch);
    run_statement(statement, target, operands, settings);
    if (settings.after_statement) settings.after_statement(statement, operands, target);
    operands[statement.target] = &target;
  }
  std::vector<ReferenceTensor> outputs;
  for (int output : definition.outputs) {
    CHECK(operands[output], "`{}` does not compute its output {}", definition.name, output);
    outputs.push_back(*operands[output]);
  }
  return outputs;
}

} // namespace

ReferenceTensor reference_tensor(const TensorType& type, int64_t batch) {
  ReferenceTensor tensor{type, {}, {}};
  int64_t elements = 1;
  for (const Size& size : type.shape) {
    tensor.shape.push_back(size.at(batch));
    elements *= tensor.shape.back();
  }
  tensor.values.resize(elements);
  return tensor;
}

std::vector<ReferenceTensor> evaluate(const Definition& definition,
                                      const std::vector<ReferenceTensor>& inputs,
                                      const ReferenceSettings& settings) {
  std::vector<const ReferenceTensor*> operands;
  for (const ReferenceTensor& input : inputs) operands.push_back(&input);
  return run_definition(definition, std::move(operands), settings);
}

ReferenceTensor evaluate_statement(const Statement& statement, const TensorType& type,
                                   const std::vector<const ReferenceTensor*>& operands,
                                   const ReferenceSettings& settings) {
  ReferenceTensor target = reference_tensor(type, settings.batch);
  run_statement(statement, target, operands, settings);
  return target;
}

ReferenceTensor evaluate_initial(const ExprRef& initial, const TensorType& type,
                                 const ReferenceSettings& settings) {
  Statement statement;
  statement.target = 0;
  statement.body = initial;
  for (int d = 0; d < type.rank(); ++d) {
    statement.variables.push_back({"", type.shape[d]});
    statement.output.push_back({d});
  }
  statement.free_count = static_cast<int>(type.rank());
  return evaluate_statement(statement, type, {}, settings);
}

ReferenceRun::ReferenceRun(const Graph& graph, Precision precision, uint64_t seed)
    : graph_(graph), precision_(precision), seed_(seed), values_(graph.values.size()) {
  for (const Persistent& persistent : graph.persistents) {
    ReferenceSettings settings;
    settings.precision = precision;
    settings.seed = seed;
    persisted_[persistent.value] =
        evaluate_initial(persistent.initial, graph.values[persistent.value].type, settings);
  }
}

void ReferenceRun::step(const std::map<std::string, ReferenceTensor>& inputs, int64_t batch,
                        const std::map<std::string, double>& scalars) {
  ReferenceSettings settings{precision_, batch, seed_, scalars, observer_};
  for (const auto& [name, first_value] : graph_.scalars) {
    if (name != "N" && name != "1/N" && name != "step") settings.scalars.emplace(name, first_value);
  }
  settings.scalars.emplace("step", static_cast<double>(steps_ + 1));

  for (ValueId input : graph_.inputs) {
    const auto found = inputs.find(graph_.values[input].name);
    CHECK(found != inputs.end(), "no value for the input `{}`", graph_.values[input].name);
    values_[input] = found->second;
  }
  for (const auto& [value, tensor] : persisted_) values_[value] = tensor;
  for (std::size_t n = 0; n < graph_.nodes.size();) {
    const Node& node = graph_.nodes[n];
    if (node.loop >= 0) {
      n = run_loop(n, settings);
      continue;
    }
    std::vector<const ReferenceTensor*> operands;
    for (ValueId input : node.inputs) operands.push_back(&values_[input]);
    std::vector<ReferenceTensor> outputs = run_definition(*node.definition, std::move(operands), settings);
    for (std::size_t i = 0; i < outputs.size(); ++i) values_[node.outputs[i]] = std::move(outputs[i]);
    ++n;
  }
  for (const Persistent& persistent : graph_.persistents) {
    if (persistent.next >= 0) persisted_[persistent.value] = values_[persistent.next];
  }
  ++steps_;
}

// Step after step, every statement of the loop that begins at `first`; returns the node after it. What the
// statements define lies in place from the beginning: steps that are not there are never read.
std::size_t ReferenceRun::run_loop(std::size_t first, const ReferenceSettings& settings) {
  std::size_t end = first;
  std::vector<std::vector<ReferenceTensor>>
      inner; // per node and operand: what the definition keeps to itself
  while (end < graph_.nodes.size() && graph_.nodes[end].loop == graph_.nodes[first].loop) {
    const Node& node = graph_.nodes[end++];
    for (ValueId output : node.outputs)
      values_[output] = reference_tensor(graph_.values[output].type, settings.batch);
    inner.emplace_back();
    for (const Operand& operand : node.definition->operands)
      inner.back().push_back(reference_tensor(operand.type, settings.batch));
  }
  const Loop& loop = graph_.loops[graph_.nodes[first].loop];
  for (int64_t s = 0; s < loop.steps; ++s) {
    for (std::size_t n = first; n < end; ++n) {
      const Node& node = graph_.nodes[n];
      const Definition& definition = *node.definition;
      std::vector<ReferenceTensor*> tensors;
      for (ReferenceTensor& tensor : inner[n - first]) tensors.push_back(&tensor);
      for (std::size_t i = 0; i < node.inputs.size(); ++i) tensors[i] = &values_[node.inputs[i]];
      for (std::size_t i = 0; i < node.outputs.size(); ++i)
        tensors[definition.outputs[i]] = &values_[node.outputs[i]];
      const std::vector<const ReferenceTensor*> operands(tensors.begin(), tensors.end());
      for (const Statement& statement : definition.statements) {
        ReferenceTensor& target = *tensors[statement.target];
        run_statement(statement, target, operands, settings,
                      {step_variable(statement, target.type), loop.reverse ? loop.steps - 1 - s : s});
        if (settings.after_statement) settings.after_statement(statement, operands, target);
      }
    }
  }
  return end;
}

const ReferenceTensor& ReferenceRun::value(const std::string& name) const {
  const ValueId value = graph_.find(name);
  CHECK(value >= 0, "no value is called `{}`", name);
  return values_[value];
}

const ReferenceTensor& ReferenceRun::output(const std::string& name) const {
  for (const auto& [output, value] : graph_.outputs) {
    if (output == name) return values_[value];
  }
  CHECK(false, "no output is called `{}`", name);
}

ValueId ReferenceRun::persistent_named(const std::string& name) const {
  const ValueId value = graph_.find(name);
  CHECK(value >= 0 && persisted_.count(value), "no parameter or state is called `{}`", name);
  return value;
}

const ReferenceTensor& ReferenceRun::persistent(const std::string& name) const {
  return persisted_.at(persistent_named(name));
}

void ReferenceRun::set_persistent(const std::string& name, ReferenceTensor tensor) {
  const ValueId value = persistent_named(name);
  CHECK(tensor.shape == persisted_.at(value).shape, "`{}` has another shape", name);
  persisted_[value] = std::move(tensor);
}

} // namespace striate
