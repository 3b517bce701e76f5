#include "codegen/reference/interpreter.h"

#include "codegen/reference/execute.h"

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
  if (name == "step") return 0;
  CHECK(false, "no value for the scalar `{}`", name);
}

// Runs one statement; `operands[i]` may be null where the statement does not read it.
ReferenceTensor run_statement(const Statement& statement, const TensorType& type,
                              const std::vector<const ReferenceTensor*>& operands,
                              const ReferenceSettings& settings) {
  reference::CompileInput input;
  input.statement = &statement;
  input.batch = settings.batch;
  input.scalar = [&](const std::string& name) { return scalar_named(settings, name); };
  reference::Buffers buffers;
  for (const ReferenceTensor* operand : operands) {
    input.shapes.push_back(operand ? operand->shape : std::vector<int64_t>());
    buffers.operands.push_back(operand ? operand->values.data() : nullptr);
  }
  ReferenceTensor target = reference_tensor(type, settings.batch);
  buffers.target = target.values.data();
  buffers.target_size = static_cast<int64_t>(target.values.size());

  const reference::Program program = reference::compile(input);
  if (settings.precision == Precision::F64) {
    reference::execute<double>(program, buffers, settings.seed);
  } else {
    const FlushDenormals flush;
    reference::execute<float>(program, buffers, settings.seed);
  }
  return target;
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
    target = run_statement(statement, definition.operands[statement.target].type, operands, settings);
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
  return run_statement(statement, type, {}, settings);
}

ReferenceRun::ReferenceRun(const Graph& graph, Precision precision, uint64_t seed)
    : graph_(graph), precision_(precision), seed_(seed), values_(graph.values.size()) {
  for (const Persistent& persistent : graph.persistents) {
    const ReferenceSettings settings{.precision = precision, .batch = 1, .seed = seed, .scalars = {}};
    persisted_[persistent.value] =
        evaluate_initial(persistent.initial, graph.values[persistent.value].type, settings);
  }
}

void ReferenceRun::step(const std::map<std::string, ReferenceTensor>& inputs, int64_t batch,
                        const std::map<std::string, double>& scalars) {
  ReferenceSettings settings{.precision = precision_, .batch = batch, .seed = seed_, .scalars = scalars};
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
  for (const Node& node : graph_.nodes) {
    std::vector<const ReferenceTensor*> operands;
    for (ValueId input : node.inputs) operands.push_back(&values_[input]);
    std::vector<ReferenceTensor> outputs = run_definition(*node.definition, std::move(operands), settings);
    for (std::size_t i = 0; i < outputs.size(); ++i) values_[node.outputs[i]] = std::move(outputs[i]);
  }
  for (const Persistent& persistent : graph_.persistents) {
    if (persistent.next >= 0) persisted_[persistent.value] = values_[persistent.next];
  }
  ++steps_;
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
