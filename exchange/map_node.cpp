#include "exchange/map_node.h"

#include "exchange/line_attempt.h"

#include <fmt/format.h>

#include <algorithm>

namespace striate {

static NetworkProgram with_definitions(std::vector<NetworkProgram::Definition> definitions) {
  NetworkProgram program;
  program.definitions = std::move(definitions);
  return program;
}

static std::string text_of_all(const std::vector<NetworkProgram::Definition>& definitions) {
  std::string text;
  for (const NetworkProgram::Definition& definition : definitions) text += definition.text;
  return text;
}

ImportState::ImportState(const OnnxModel& from, bool is_whole)
    : model(from), whole(is_whole), program(with_definitions(einsum_definitions(model, whole))),
      session(text_of_all(program.definitions)) {}

int ImportState::add_value(NetworkProgram::Role role, const std::string& name, int tensor) {
  tensors.push_back(tensor);
  return program.add_value(role, name, session.type(tensor));
}

const OnnxOperand* ImportState::find(std::string_view name) const {
  const auto found = values.find(name);
  return found == values.end() ? nullptr : &found->second;
}

static Result<std::vector<const OnnxNode*>> map_after(ImportState& state, const OnnxNode& node,
                                                      const Detour& detour);

// One output of a node, by the lines that are about it.
static Result<std::vector<const OnnxNode*>> map_output(ImportState& state, const OnnxNode& node,
                                                       std::size_t output) {
  std::string reason = output == 0 ? "" : fmt::format("its output `{}` is used", node.outputs[output]);
  int depth = output == 0 ? -1 : 2 * LineAttempt::kStage;
  for (const OnnxLine& line : state.map.lines(node.op)) {
    if (line.output != output) continue;
    const std::size_t calls = state.program.calls.size(), values = state.program.values.size();
    const std::size_t weights = state.weights.size();
    LineAttempt attempt = try_line(state, line, node);
    if (attempt.fits) return std::move(attempt.nodes);
    CHECK(state.program.calls.size() >= calls && state.weights.size() >= weights);
    // What the attempt had made already goes again.
    state.program.calls.resize(calls);
    state.program.values.resize(values);
    state.tensors.resize(values);
    state.weights.resize(weights);
    std::erase_if(state.own_parameters,
                  [&](const auto& entry) { return entry.second >= static_cast<int>(values); });
    if (attempt.detour) return map_after(state, node, *attempt.detour);
    if (attempt.depth > depth) {
      depth = attempt.depth;
      reason = attempt.reason;
    }
  }
  return Failure{ExitCode::Failed, reason};
}

Result<std::vector<const OnnxNode*>> map_node(ImportState& state, const OnnxNode& node) {
  const std::vector<OnnxLine>& lines = state.map.lines(node.op);
  if (lines.empty() || !node.domain.empty())
    return Failure{ExitCode::Failed, "the library has no such operator"};
  std::vector<const OnnxNode*> nodes{&node};
  for (std::size_t i = 0; i < node.outputs.size(); ++i) {
    if (i > 0 && (!state.readers.contains(std::string(node.outputs[i])) || state.find(node.outputs[i])))
      continue; // not used, or one of those that a line gives together
    Result<std::vector<const OnnxNode*>> taken = map_output(state, node, i);
    if (!taken) return taken;
    if (i == 0) nodes = std::move(*taken);
  }
  return nodes;
}

// The node without its padding, after another one that pads.
static Result<std::vector<const OnnxNode*>> map_after(ImportState& state, const OnnxNode& node,
                                                      const Detour& detour) {
  Scope nothing;
  Result<CompileTimeValue> fill = state.session.evaluate(*detour.value, nothing);
  if (!fill || !fill->number() || node.inputs.empty()) return Failure{ExitCode::Failed, "its padding"};
  const std::string between = fmt::format("{} padded", node.inputs[0]);
  OnnxNode pad;
  pad.op = detour.op;
  pad.inputs = {node.inputs[0]};
  pad.outputs = {between};
  pad.attributes = {{"pads", detour.pads}, {"value", static_cast<float>(*fill->number())}};
  if (Result<std::vector<const OnnxNode*>> padded = map_node(state, pad); !padded) return padded;
  OnnxNode rest = node;
  rest.inputs[0] = between;
  rest.attributes.erase("auto_pad");
  rest.attributes["pads"] = std::vector<int64_t>{0};
  Result<std::vector<const OnnxNode*>> taken = map_node(state, rest);
  if (taken) (*taken)[0] = &node;
  return taken;
}

} // namespace striate
