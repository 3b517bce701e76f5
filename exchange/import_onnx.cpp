#include "exchange/import_onnx.h"

#include "exchange/fold_constants.h"
#include "exchange/map_node.h"
#include "exchange/onnx_model.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>

namespace striate {

static constexpr std::size_t kMostProblems = 200; // that are listed

// Names in the file may hold any bytes.
static std::string printable(std::string text) {
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 && c != '\n') c = '?';
  return text;
}

static std::string_view without_ending(std::string_view name, std::string_view ending) {
  if (name.size() > ending.size() && name.ends_with(ending)) name.remove_suffix(ending.size());
  return name;
}

namespace {

class Importer {
public:
  Importer(const OnnxModel& model, std::string path, bool whole)
      : state_(model, whole), model_(model), path_(std::move(path)), folder_(weights_of(model)) {}

  Result<ImportedNetwork> run() {
    find_needed();
    for (const auto& [name, constant] : model_.constants)
      state_.values.emplace(std::string(name), OnnxOperand{constant, -1, false});
    for (const OnnxNode* node : needed_) fold(*node);
    if (Status inputs = add_inputs(); !inputs) return inputs.failure();
    for (const OnnxNode* node : needed_) import(*node);
    if (problems_.empty()) add_outputs();
    if (!problems_.empty()) return refused();
    ImportedNetwork network;
    state_.program.name = state_.names.identifier(model_.name.empty() ? "Net" : model_.name);
    state_.program.comment = {
        printable(fmt::format("Imported from {}.", std::filesystem::path(path_).filename().string()))};
    if (state_.whole)
      state_.program.comment.push_back("Each example is the whole of the file's inputs and outputs: N stands "
                                       "before their dimensions.");
    network.program = program_text(state_.program);
    network.weights = std::move(state_.weights);
    return network;
  }

private:
  static int64_t weights_of(const OnnxModel& model) {
    int64_t elements = 0;
    for (const auto& [name, constant] : model.constants) elements += constant->elements();
    return elements;
  }

  // The nodes that an output needs, and who reads what.
  void find_needed() {
    std::map<std::string_view, const OnnxNode*> makers;
    for (const OnnxNode& node : model_.nodes)
      for (std::string_view output : node.outputs)
        if (!output.empty()) makers[output] = &node;
    std::set<const OnnxNode*> seen;
    std::vector<const OnnxNode*> open;
    const auto visit = [&](std::string_view name) {
      const auto maker = makers.find(name);
      if (maker != makers.end() && seen.insert(maker->second).second) open.push_back(maker->second);
    };
    for (const OnnxValue& output : model_.outputs) {
      state_.readers[std::string(output.name)].push_back(nullptr);
      visit(output.name);
    }
    while (!open.empty()) {
      const OnnxNode* node = open.back();
      open.pop_back();
      for (std::string_view input : node->inputs) visit(input);
    }
    for (const OnnxNode& node : model_.nodes) {
      if (!seen.contains(&node)) continue;
      needed_.push_back(&node);
      for (std::string_view input : node.inputs)
        if (!input.empty()) state_.readers[std::string(input)].push_back(&node);
    }
  }

  bool is_made(const OnnxNode& node) const { return !node.outputs.empty() && state_.find(node.outputs[0]); }

  // Computes what is known already; false where it is not.
  bool fold(const OnnxNode& node) {
    std::vector<OnnxConstantRef> inputs;
    for (std::string_view name : node.inputs) {
      const OnnxOperand* operand = name.empty() ? nullptr : state_.find(name);
      if (!name.empty() && (!operand || !operand->constant)) return fold_shape(node);
      inputs.push_back(operand ? operand->constant : nullptr);
    }
    return set_folded(node, folder_.fold(node, inputs));
  }

  bool fold_shape(const OnnxNode& node) {
    const OnnxOperand* operand = node.inputs.empty() ? nullptr : state_.find(node.inputs[0]);
    if (!operand || operand->value < 0) return false;
    std::vector<int64_t> shape;
    for (const Size& size : state_.program.values[static_cast<std::size_t>(operand->value)].type.shape) {
      if (size.batch && size.factor != 1) return false;
      if (size.batch && state_.whole) continue;
      shape.push_back(size.batch ? state_.batch.value_or(kOpenBatch) : size.factor);
    }
    return set_folded(node, folder_.fold_shape(node, shape));
  }

  bool set_folded(const OnnxNode& node, OnnxConstantRef constant) {
    if (!constant || node.outputs.size() != 1) return false;
    state_.values.insert_or_assign(std::string(node.outputs[0]), OnnxOperand{std::move(constant), -1, false});
    return true;
  }

  Status add_inputs() {
    bool first = true;
    for (const OnnxValue& input : model_.inputs) {
      if (!state_.readers.contains(input.name)) continue;
      const auto refuse = [&](std::string_view why) {
        return Failure{ExitCode::Failed,
                       printable(fmt::format("`{}`: its input `{}` {}", path_, input.name, why))};
      };
      TensorType type;
      if (input.element == kOnnxInt32 || input.element == kOnnxInt64)
        type.element = ElementType::I32;
      else if (input.element == kOnnxUint8)
        type.element = ElementType::U8;
      else if (input.element != kOnnxFloat)
        return refuse("holds neither f32 nor i32, i64 or u8");
      if (!input.has_shape || (input.shape.empty() && !state_.whole))
        return refuse("has no dimension for the batch");
      if (!state_.whole) {
        const std::optional<int64_t> batch = input.shape[0];
        if (!first && batch != state_.batch) return refuse("has another batch than the inputs before it");
        state_.batch = batch;
      }
      first = false;
      type.shape.push_back(Size::n());
      for (std::size_t d = state_.whole ? 0 : 1; d < input.shape.size(); ++d) {
        if (!input.shape[d]) return refuse(fmt::format("has no known size in dimension {}", d));
        if (*input.shape[d] < 1 || *input.shape[d] > INT32_MAX) return refuse("has an impossible shape");
        type.shape.push_back(Size::constant(*input.shape[d]));
      }
      const int tensor = state_.session.add_tensor(type);
      const int value =
          state_.add_value(NetworkProgram::Role::Input, state_.names.identifier(input.name), tensor);
      state_.values.insert_or_assign(std::string(input.name), OnnxOperand{{}, value, false});
    }
    if (first) return Failure{ExitCode::Failed, fmt::format("`{}`: no output depends on an input", path_)};
    return {};
  }

  void import(const OnnxNode& node) {
    if (taken_.contains(&node) || is_made(node)) return;
    const auto is_missing = [&](std::string_view name) {
      const OnnxOperand* operand = name.empty() ? nullptr : state_.find(name);
      return operand && operand->missing;
    };
    const bool missing = std::ranges::any_of(node.inputs, is_missing);
    if (!missing && fold(node)) return;
    std::string problem;
    const bool graph = std::ranges::any_of(node.attributes, [](const auto& attribute) {
      const auto* other = std::get_if<OnnxOther>(&attribute.second);
      return other && other->graph;
    });
    if (graph)
      problem = "control flow is not imported";
    else if (!node.domain.empty())
      problem = fmt::format("operators of `{}` are not imported", node.domain);
    else if (missing && state_.map.lines(node.op).empty() && !ConstantFolder::knows(node))
      problem = "the library has no such operator";
    else if (!missing) {
      Result<std::vector<const OnnxNode*>> taken = map_node(state_, node);
      if (taken) {
        taken_.insert(taken->begin(), taken->end());
        return;
      }
      problem = taken.failure().message;
    }
    // Of what only reads something that is missing, nothing more is known.
    if (!problem.empty()) problems_.push_back(fmt::format("{}: {}", node.text(), problem));
    for (std::string_view output : node.outputs)
      state_.values.insert_or_assign(std::string(output), OnnxOperand{{}, -1, true});
  }

  void add_outputs() {
    for (const OnnxValue& output : model_.outputs) {
      const OnnxOperand& operand = *state_.find(output.name);
      if (operand.value < 0) {
        problems_.push_back(fmt::format("its output `{}` does not depend on an input", output.name));
        continue;
      }
      const TensorType& type = state_.program.values[static_cast<std::size_t>(operand.value)].type;
      if (!has_shape(type, output))
        problems_.push_back(
            fmt::format("its output `{}` is {}, and the file says otherwise", output.name, type.text()));
      state_.program.outputs.push_back({"", operand.value});
    }
    // Names: those of outputs first, then of what is in between.
    std::vector<bool> named(state_.program.values.size(), false);
    for (std::size_t i = 0; i < state_.program.outputs.size(); ++i) {
      NetworkProgram::Output& output = state_.program.outputs[i];
      NetworkProgram::Value& value = state_.program.values[static_cast<std::size_t>(output.value)];
      output.name = state_.names.identifier(model_.outputs[i].name);
      const auto at = static_cast<std::size_t>(output.value);
      if (value.role != NetworkProgram::Role::Computed || named[at]) continue;
      value.name = output.name;
      named[at] = true;
    }
    // Of several values that one node became, the last has its name.
    for (std::size_t i = named.size(); i-- > 0;)
      if (NetworkProgram::Value& value = state_.program.values[i];
          value.role == NetworkProgram::Role::Computed && !named[i])
        value.name = state_.names.identifier(without_ending(value.name, "_output_0"));
  }

  bool has_shape(const TensorType& type, const OnnxValue& said) const {
    if (!said.has_shape) return true;
    const std::size_t ahead = state_.whole ? 1 : 0;
    if (said.shape.size() + ahead != type.shape.size()) return false;
    for (std::size_t d = 0; d < said.shape.size(); ++d) {
      const Size& size = type.shape[d + ahead];
      if (!size.batch && said.shape[d] && *said.shape[d] != size.factor) return false;
    }
    return true;
  }

  Failure refused() const {
    std::vector<std::string> shown(
        problems_.begin(),
        problems_.begin() + static_cast<std::ptrdiff_t>(std::min(problems_.size(), kMostProblems)));
    if (shown.size() < problems_.size())
      shown.push_back(fmt::format("and {} more", problems_.size() - shown.size()));
    return {ExitCode::Failed,
            printable(fmt::format("`{}` cannot be imported:\n  {}", path_, fmt::join(shown, "\n  ")))};
  }

  ImportState state_;
  const OnnxModel& model_;
  std::string path_;
  ConstantFolder folder_;
  std::vector<const OnnxNode*> needed_;
  std::set<const OnnxNode*> taken_;
  std::vector<std::string> problems_;
};

} // namespace

Result<ImportedNetwork> import_onnx(const std::string& path) {
  Result<std::unique_ptr<OnnxModel>> model = read_onnx(path);
  if (!model) return Failure{model.failure().code, printable(model.failure().message)};
  Result<ImportedNetwork> network = Importer(**model, path, false).run();
  if (network) return network;
  // What mixes its examples may be one example as a whole.
  if (Result<ImportedNetwork> whole = Importer(**model, path, true).run()) return whole;
  return network;
}

} // namespace striate
