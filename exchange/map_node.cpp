#include "exchange/map_node.h"

#include "exchange/values.h"

#include "frontend/print_ast.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <set>

namespace striate {

using Kind = CompileTimeValue::Kind;

int ImportState::add_value(NetworkProgram::Role role, const std::string& name, int tensor) {
  tensors.push_back(tensor);
  return program.add_value(role, name, session.type(tensor));
}

const OnnxOperand* ImportState::find(std::string_view name) const {
  const auto found = values.find(name);
  return found == values.end() ? nullptr : &found->second;
}

namespace {

// One line of the map, tried on a node.
class Attempt {
public:
  Attempt(ImportState& state, const OnnxLine& line, const OnnxNode& first) : state_(state), line_(line) {
    nodes_.push_back(&first);
  }

  // Whether the calls were made. Else `reason` says why not, and `depth` how far it came.
  bool fits() {
    return follow_chain() && reach(1) && take_inputs() && reach(2) && bind_names() && take_entries() &&
           reach(3) && nothing_left() && make_calls();
  }
  const std::string& reason() const { return reason_; }
  int depth() const { return depth_; }
  const std::optional<Detour>& detour() const { return detour_; }
  const std::vector<const OnnxNode*>& nodes() const { return nodes_; }

private:
  struct Taken {
    OnnxInputPattern pattern;
    std::string name; // in the file
    OnnxOperand operand;
  };

  bool no(std::string reason) {
    reason_ = std::move(reason);
    return false;
  }
  bool reach(int depth) {
    depth_ = depth;
    return true;
  }

  bool follow_chain() {
    if (state_.model.opset < line_.since || state_.model.opset >= line_.before) return no("its version");
    for (std::size_t i = 1; i < line_.chain.size(); ++i) {
      const OnnxNode& before = *nodes_.back();
      const auto readers =
          before.outputs.empty() ? state_.readers.end() : state_.readers.find(before.outputs[0]);
      if (readers == state_.readers.end() || readers->second.size() != 1 || !readers->second[0] ||
          readers->second[0]->op != line_.chain[i].op || !readers->second[0]->domain.empty())
        return no("what goes on with it is another operator");
      nodes_.push_back(readers->second[0]);
    }
    return true;
  }

  // The inputs of the nodes, by the names of the line.
  bool take_inputs() {
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      std::vector<std::string_view> given = nodes_[i]->inputs;
      // What flows from the node before may stand at any place.
      if (i > 0) given.erase(std::ranges::find(given, nodes_[i - 1]->outputs[0]));
      while (!given.empty() && given.back().empty()) given.pop_back();
      const auto& patterns = line_.chain[i].inputs;
      for (std::size_t k = 0; k < std::max(given.size(), patterns.size()); ++k) {
        const bool variadic = !patterns.empty() && patterns.back().variadic;
        if (k >= patterns.size() && !variadic) return no(fmt::format("it has {} inputs", given.size()));
        const OnnxInputPattern& pattern = patterns[std::min(k, patterns.size() - 1)];
        const std::string_view name = k < given.size() ? given[k] : std::string_view();
        if (name.empty()) {
          if (pattern.optional || (pattern.variadic && k > 0)) continue;
          return no(fmt::format("its input {} is missing", k));
        }
        if (!take(pattern, name)) return false;
      }
    }
    return true;
  }

  bool is_entry(const std::string& name) const {
    return std::ranges::any_of(line_.entries, [&](const OnnxEntry& entry) { return entry.name == name; });
  }

  bool is_input(const std::string& name) const {
    if (line_.nothing) return !is_entry(name);
    return std::ranges::any_of(line_.item->inputs,
                               [&](const ast::Parameter& input) { return input.name == name; });
  }

  bool take(const OnnxInputPattern& pattern, std::string_view name) {
    const OnnxOperand* operand = state_.find(name);
    // Of a node that goes on with another, inputs may come from further behind.
    if (!operand || operand->missing) return no(fmt::format("its input `{}` is not there yet", name));
    Taken taken{pattern, std::string(name), *operand};
    if (is_entry(pattern.name)) {
      if (!operand->constant) return no(fmt::format("its input `{}` is computed while it runs", name));
      if (operand->constant->elements() > 4096) return no(fmt::format("its input `{}` is too large", name));
      constants_[pattern.name] = operand->constant;
      return true;
    }
    if (!is_input(pattern.name)) {
      if (!operand->constant || !operand->constant->real)
        return no(fmt::format("its input `{}` is no constant, so that no layer has it as its `{}`", name,
                              pattern.name));
      parameters_.push_back(std::move(taken));
      return true;
    }
    inputs_.push_back(std::move(taken));
    return true;
  }

  // What expressions of the line may name: the sizes of constants, and the first tensor's.
  bool bind_names() {
    const auto first =
        std::ranges::find_if(inputs_, [](const Taken& input) { return input.operand.value >= 0; });
    if (first == inputs_.end())
      return no("all its inputs are constants, and what it makes of them is not computed while importing");
    type_ = state_.program.values[static_cast<std::size_t>(first->operand.value)].type;
    scope_.bind("rank", CompileTimeValue::of(type_.rank()));
    std::vector<CompileTimeValue> sizes, shape;
    int64_t count = 1;
    for (std::size_t d = 0; d < type_.shape.size(); ++d) {
      shape.push_back(CompileTimeValue::of(type_.shape[d]));
      if (d == 0) continue;
      sizes.push_back(shape.back());
      if (__builtin_mul_overflow(count, type_.shape[d].factor, &count)) return no("its input is too large");
    }
    scope_.bind("shape_before", CompileTimeValue::of_list(sizes));
    if (!sizes.empty()) sizes.pop_back();
    scope_.bind("leading_before", CompileTimeValue::of_list(std::move(sizes)));
    scope_.bind("count", CompileTimeValue::of(count));
    scope_.bind(first->pattern.name, CompileTimeValue::of_list(std::move(shape)));
    for (const Taken& other : inputs_) {
      if (other.operand.value < 0 || &other == &*first) continue;
      std::vector<CompileTimeValue> of_other;
      for (const Size& size : state_.program.values[static_cast<std::size_t>(other.operand.value)].type.shape)
        of_other.push_back(CompileTimeValue::of(size));
      scope_.bind(other.pattern.name, CompileTimeValue::of_list(std::move(of_other)));
    }
    for (const Taken& parameter : parameters_) {
      const auto trimmed = shape_by_pattern(*parameter.operand.constant, parameter.pattern);
      if (!trimmed) return no(fmt::format("the shape of `{}`", parameter.name));
      std::vector<CompileTimeValue> items;
      for (int64_t size : *trimmed) items.push_back(CompileTimeValue::of(size));
      scope_.bind(parameter.pattern.name, CompileTimeValue::of_list(std::move(items)));
    }
    return true;
  }

  std::optional<CompileTimeValue> attribute(const std::string& name) {
    for (const OnnxNode* node : nodes_)
      if (const auto found = node->attributes.find(name); found != node->attributes.end()) {
        used_.insert(name);
        return value_of_onnx(found->second);
      }
    if (const auto found = constants_.find(name); found != constants_.end())
      return value_of_onnx(*found->second);
    return std::nullopt;
  }

  bool evaluate(const ast::ExprPtr& expr, CompileTimeValue& value) {
    Result<CompileTimeValue> result = state_.session.evaluate(*expr, scope_);
    if (!result) return no(result.failure().message);
    value = std::move(*result);
    for (const CompileTimeValue& item : value.items)
      if (item.is_unknown()) return no("an expression of its line has no value here");
    return true;
  }

  bool take_entries() {
    for (const OnnxEntry& entry : line_.entries) {
      CompileTimeValue value;
      if (entry.expr) {
        if (!evaluate(entry.expr, value)) return false;
      } else {
        const std::optional<CompileTimeValue> given = attribute(entry.name);
        const CompileTimeValue* known = scope_.find(entry.name);
        if (given)
          value = *given;
        else if (known)
          value = *known;
        else if (!entry.otherwise)
          return no(fmt::format("it has no `{}`", entry.name));
        else if (!evaluate(entry.otherwise, value))
          return false;
        if (given || !known) scope_.set(entry.name, value);
        if (!entry.kind.empty() && !apply(entry, value)) return false;
        value = *scope_.find(entry.name);
      }
      if (entry.required) {
        CompileTimeValue wanted;
        if (!evaluate(entry.required, wanted)) return false;
        if (!same(value, wanted))
          return no(fmt::format("its `{}` is {}, not {}", entry.expr ? print_expr(*entry.expr) : entry.name,
                                text_of(value), text_of(wanted)));
      }
      if (entry.scales) {
        if (!value.number()) return no(fmt::format("its `{}` is no number", entry.name));
        scales_[entry.argument] = static_cast<float>(*value.number());
      } else if (!entry.argument.empty()) {
        arguments_[entry.argument] = value;
      }
    }
    return true;
  }

  bool apply(const OnnxEntry& entry, const CompileTimeValue& value) {
    std::string automatic;
    if (entry.kind == "pads")
      if (const auto given = attribute("auto_pad");
          given && given->kind == Kind::Text && given->text != "NOTSET")
        automatic = given->text;
    KindResult result =
        apply_kind({entry, value, type_, nodes_.back()->outputs.size(), automatic, state_.batch}, scope_);
    if (result.problem) return no(*result.problem);
    detour_ = std::move(result.detour);
    return !detour_;
  }

  bool nothing_left() {
    for (const OnnxNode* node : nodes_)
      for (const auto& [name, value] : node->attributes)
        if (!used_.contains(std::string(name)))
          return no(fmt::format("its attribute `{}` means nothing here", name));
    const std::size_t results = line_.each_output ? nodes_.back()->outputs.size() : 1;
    for (std::size_t i = results; i < nodes_.back()->outputs.size(); ++i)
      if (state_.readers.contains(nodes_.back()->outputs[i]))
        return no(fmt::format("its output `{}` is used", nodes_.back()->outputs[i]));
    return true;
  }

  // --- Calls

  // "64, 3, stride = 2": what has no default, and what differs from it. `at`: which call of several.
  bool argument_text(std::optional<std::size_t> at, std::string& text) {
    std::vector<std::string> parts;
    std::map<std::string, CompileTimeValue> given;
    bool in_order = true;
    for (const ast::Parameter& parameter : line_.item->attributes) {
      const auto found = arguments_.find(parameter.name);
      if (found == arguments_.end()) {
        in_order = false;
        if (!parameter.default_value)
          return no(fmt::format("`{}` needs `{}`", line_.item->name, parameter.name));
        Result<CompileTimeValue> value = state_.session.default_of(*line_.item, parameter, given);
        if (value) given[parameter.name] = std::move(*value);
        continue;
      }
      CompileTimeValue value = found->second;
      if (at && value.kind == Kind::List) value = value.items[*at];
      const auto fit = as_argument(parameter, value);
      if (!fit) return no(fmt::format("its `{}` is {}", parameter.name, text_of(value)));
      const std::string shown = argument_value_text(*fit);
      bool is_default = false;
      if (parameter.default_value) {
        Result<CompileTimeValue> usual = state_.session.default_of(*line_.item, parameter, given);
        is_default = usual.ok() && argument_value_text(*usual) == shown;
      }
      given[parameter.name] = *fit;
      if (parameter.default_value) in_order = false;
      if (is_default) continue;
      parts.push_back(in_order ? shown : fmt::format("{} = {}", parameter.name, shown));
    }
    text = fmt::format("{}", fmt::join(parts, ", "));
    return true;
  }

  // A constant among the inputs: a number, or a parameter of the model.
  bool own_parameter(const Taken& input, NetworkProgram::Operand& operand) {
    const OnnxConstant& constant = *input.operand.constant;
    if (constant.elements() == 1 && static_cast<int64_t>(constant.shape.size()) <= type_.rank()) {
      operand.number = real_text_of(constant.real_at(0));
      if (!std::isfinite(constant.real_at(0)))
        return no(fmt::format("its input `{}` is not finite", input.name));
      return true;
    }
    if (!constant.real && type_.element != ElementType::F32)
      return no(fmt::format("its input `{}` is a constant of integers", input.name));
    const auto known = state_.own_parameters.find(input.name);
    if (known != state_.own_parameters.end()) {
      operand.value = known->second;
      return true;
    }
    TensorType type;
    for (int64_t size : constant.shape) type.shape.push_back(Size::constant(size));
    const std::string name = state_.names.identifier(input.name);
    operand.value = state_.add_value(NetworkProgram::Role::Parameter, name, state_.session.add_tensor(type));
    state_.own_parameters[input.name] = operand.value;
    return add_weight(name, constant, {}, constant.shape);
  }

  // A parameter's values. A constant of one element is the same everywhere.
  bool add_weight(const std::string& path, const OnnxConstant& constant, const OnnxInputPattern& pattern,
                  const std::vector<int64_t>& shape) {
    Result<Tensor> tensor = Tensor::allocate(ElementType::F32, shape);
    if (!tensor) return no(tensor.failure().message);
    const std::span<float> numbers = tensor->as<float>();
    const auto columns =
        pattern.transposed ? static_cast<std::size_t>(constant.shape[0]) : 1; // of the result
    const auto rows = pattern.transposed ? static_cast<std::size_t>(constant.shape[1]) : 1;
    const bool one = constant.uniform || constant.elements() == 1;
    const auto scale = scales_.find(pattern.name);
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      const std::size_t from = one ? 0 : pattern.transposed ? i % columns * rows + i / columns : i;
      numbers[i] =
          constant.real_at(static_cast<int64_t>(from)) * (scale == scales_.end() ? 1.0F : scale->second);
    }
    state_.weights.push_back({path, std::move(*tensor)});
    return true;
  }

  // A layer's name: what its weights have in common, else the node's.
  std::string layer_name() const {
    std::vector<std::string> names;
    for (const Taken& parameter : parameters_) names.push_back(parameter.name);
    std::string common = names[0];
    for (const std::string& name : names)
      common.resize(static_cast<std::size_t>(
          std::mismatch(common.begin(), common.end(), name.begin(), name.end()).first - common.begin()));
    if (names.size() == 1) {
      for (const char* ending : {".weight", "_weight", "/weight", "_w", ".w", "_w_0"})
        if (common.ends_with(ending))
          return common.substr(0, common.size() - std::string_view(ending).size());
      common.clear();
    }
    if (!common.empty() && std::string_view("._/:").find(common.back()) != std::string_view::npos)
      return common.substr(0, common.size() - 1);
    std::string_view name = nodes_[0]->name;
    // "/features/0/Conv": the module, and the operator in it.
    if (const std::size_t end = name.rfind('/');
        end != std::string_view::npos && end > 0 && name.substr(end + 1).starts_with(nodes_[0]->op))
      name = name.substr(0, end);
    return std::string(name.empty() ? nodes_[0]->op : name);
  }

  // Makes one call of the library and gives its result, or -1.
  int call(const ast::Item& item, const std::string& arguments,
           const std::vector<NetworkProgram::Operand>& inputs, const std::string& name) {
    NetworkProgram::Call call;
    call.item = &item;
    call.arguments = arguments;
    call.inputs = inputs;
    std::vector<std::string> texts;
    std::map<std::string, int> tensors;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      texts.push_back(inputs[i].value < 0 ? inputs[i].number : fmt::format("given{}", i));
      if (inputs[i].value >= 0)
        tensors[texts.back()] = state_.tensors[static_cast<std::size_t>(inputs[i].value)];
    }
    Result<CallSession::Outcome> outcome = state_.session.call(call_text(call, texts), tensors);
    if (!outcome) {
      no(outcome.failure().message);
      return -1;
    }
    if (outcome->results.size() != 1) {
      no("it has several results");
      return -1;
    }
    if (item.kind == ast::ItemKind::Layer && !set_parameters(call, outcome->parameters)) return -1;
    call.result = state_.add_value(NetworkProgram::Role::Computed, name, outcome->results[0]);
    state_.program.values.back().call = static_cast<int>(state_.program.calls.size());
    state_.program.calls.push_back(std::move(call));
    return state_.program.calls.back().result;
  }

  bool set_parameters(NetworkProgram::Call& call, const std::vector<CallSession::Parameter>& wanted) {
    if (wanted.size() != parameters_.size()) return no("the layer has other parameters");
    std::vector<const Taken*> sources;
    std::vector<std::vector<int64_t>> shapes;
    for (const CallSession::Parameter& parameter : wanted) {
      const auto found = std::ranges::find_if(
          parameters_, [&](const Taken& taken) { return taken.pattern.name == parameter.name; });
      if (found == parameters_.end()) return no(fmt::format("its `{}` is not given", parameter.name));
      std::vector<int64_t> shape;
      for (const Size& size : parameter.type.shape) shape.push_back(size.factor);
      auto has = shape_by_pattern(*found->operand.constant, found->pattern);
      while (has && shape.size() < has->size() && has->front() == 1) has->erase(has->begin());
      const bool one = found->operand.constant->elements() == 1;
      if (!one && (!has || *has != shape))
        return no(fmt::format("`{}` is {}, and the layer's `{}` {}", found->name,
                              tensor_type_text(ElementType::F32, found->operand.constant->shape),
                              parameter.name, tensor_type_text(ElementType::F32, shape)));
      sources.push_back(&*found);
      shapes.push_back(std::move(shape));
    }
    if (!wanted.empty()) call.path = state_.names.path(layer_name());
    for (std::size_t i = 0; i < wanted.size(); ++i)
      if (!add_weight(call.path + "." + wanted[i].name, *sources[i]->operand.constant, sources[i]->pattern,
                      shapes[i]))
        return false;
    return true;
  }

  void finish(std::size_t output, int value) {
    state_.values.insert_or_assign(std::string(nodes_.back()->outputs[output]),
                                   OnnxOperand{{}, value, false});
  }

  bool make_calls() {
    std::vector<NetworkProgram::Operand> inputs;
    for (const Taken& input : inputs_) {
      NetworkProgram::Operand operand;
      operand.value = input.operand.value;
      if (input.operand.constant && !own_parameter(input, operand)) return false;
      inputs.push_back(operand);
    }
    if (nodes_.back()->outputs.empty()) return no("it has no output");
    const std::string name(nodes_.back()->outputs[0]);
    if (line_.nothing) {
      finish(0, inputs[0].value);
      return true;
    }
    if (!line_.after.empty() && !view_before(inputs, name)) return false;
    if (!line_.within.empty()) return make_call_along_axis(inputs, name);
    std::size_t calls = 1;
    std::optional<std::size_t> at;
    if (line_.each || line_.each_output) {
      at = 0;
      calls = SIZE_MAX;
      for (const auto& [argument, value] : arguments_)
        if (value.kind == Kind::List) calls = std::min(calls, value.items.size());
      if (calls == SIZE_MAX) return no("it has no lists");
      if (line_.each_output && calls != nodes_.back()->outputs.size()) return no("it has other outputs");
      if (calls == 0) {
        finish(0, inputs[0].value);
        return true;
      }
    }
    for (std::size_t i = 0; i < calls; ++i) {
      std::string arguments;
      if (at) at = i;
      if (!argument_text(at, arguments)) return false;
      const std::size_t output = line_.each_output ? i : 0;
      int result = folded_call(arguments, inputs, std::string(nodes_.back()->outputs[output]));
      if (result < 0) return false;
      if (!line_.then.empty() && i + 1 == calls) {
        const ast::Item* view = state_.session.library().find_callable(line_.then);
        CHECK(view, "{}", line_.then);
        result = call(*view, "", {{result, ""}}, std::string(nodes_.back()->outputs[output]));
        if (result < 0) return false;
      }
      if (line_.each_output || i + 1 == calls) finish(output, result);
      if (!line_.each_output) inputs = {{result, ""}};
    }
    return true;
  }

  // An operator of two that is given more is applied from the left.
  int folded_call(const std::string& arguments, std::vector<NetworkProgram::Operand> inputs,
                  const std::string& name) {
    const auto& takes = line_.item->inputs;
    if (inputs.size() <= takes.size() || takes.back().variadic || takes.size() != 2)
      return call(*line_.item, arguments, inputs, name);
    int result = -1;
    for (std::size_t i = 1; i < inputs.size(); ++i) {
      result = call(*line_.item, arguments, {inputs[0], inputs[i]}, name);
      if (result < 0) return -1;
      inputs[0] = {result, ""};
    }
    return result;
  }

  // A call that works on the last dimension, for another one: that is moved behind all others, and back
  // afterwards.
  bool make_call_along_axis(const std::vector<NetworkProgram::Operand>& inputs, const std::string& name) {
    const ast::Item* move = state_.session.library().find_callable(line_.within);
    const CompileTimeValue* axis = scope_.find("axis");
    CHECK(move && axis && axis->integer());
    std::string arguments;
    if (!argument_text(std::nullopt, arguments)) return false;
    const std::string place = text_of(*axis);
    int result = call(*move, place, inputs, name);
    if (result >= 0) result = call(*line_.item, arguments, {{result, ""}}, name);
    for (int64_t d = *axis->integer() + 1; d < type_.rank() && result >= 0; ++d)
      result = call(*move, place, {{result, ""}}, name);
    if (result >= 0) finish(0, result);
    return result >= 0;
  }

  bool view_before(std::vector<NetworkProgram::Operand>& inputs, const std::string& name) {
    const ast::Item* item = state_.session.library().find_callable(line_.after);
    CHECK(item, "{}", line_.after);
    const int view = call(*item, "", inputs, name);
    if (view < 0) return false;
    const NetworkProgram::Value& made = state_.program.values[static_cast<std::size_t>(view)];
    if (made.type == type_) { // it was so already
      state_.program.values.pop_back();
      state_.program.calls.pop_back();
      state_.tensors.pop_back();
    } else {
      inputs[0].value = view;
    }
    return true;
  }

  ImportState& state_;
  const OnnxLine& line_;
  std::vector<const OnnxNode*> nodes_;
  std::vector<Taken> inputs_, parameters_;
  std::map<std::string, OnnxConstantRef> constants_; // inputs that are taken as attributes
  std::map<std::string, CompileTimeValue> arguments_;
  std::map<std::string, float> scales_; // what weights are multiplied by
  std::set<std::string> used_;
  Scope scope_;
  TensorType type_;
  std::optional<Detour> detour_;
  std::string reason_;
  int depth_ = 0;
};

} // namespace

static Result<std::vector<const OnnxNode*>> map_after(ImportState& state, const OnnxNode& node,
                                                      const Detour& detour);

Result<std::vector<const OnnxNode*>> map_node(ImportState& state, const OnnxNode& node) {
  const std::vector<OnnxLine>& lines = state.map.lines(node.op);
  if (lines.empty() || !node.domain.empty())
    return Failure{ExitCode::Failed, "the library has no such operator"};
  std::string reason;
  int depth = -1;
  for (const OnnxLine& line : lines) {
    const std::size_t calls = state.program.calls.size(), values = state.program.values.size();
    const std::size_t weights = state.weights.size();
    Attempt attempt(state, line, node);
    if (attempt.fits()) return attempt.nodes();
    CHECK(state.program.calls.size() >= calls && state.weights.size() >= weights);
    // What the attempt had made already goes again.
    state.program.calls.resize(calls);
    state.program.values.resize(values);
    state.tensors.resize(values);
    state.weights.resize(weights);
    std::erase_if(state.own_parameters,
                  [&](const auto& entry) { return entry.second >= static_cast<int>(values); });
    if (attempt.detour()) return map_after(state, node, *attempt.detour());
    if (attempt.depth() > depth) {
      depth = attempt.depth();
      reason = attempt.reason();
    }
  }
  return Failure{ExitCode::Failed, reason};
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
