#include "exchange/line_attempt.h"

#include "exchange/values.h"

#include "frontend/print_ast.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <set>

namespace striate {

using Kind = CompileTimeValue::Kind;

namespace {

// One line of the map, tried on a node.
class Attempt {
public:
  Attempt(ImportState& state, const OnnxLine& line, const OnnxNode& first) : state_(state), line_(line) {
    nodes_.push_back(&first);
  }
  Attempt(const Attempt&) = delete;

  // Whether the calls were made. Else `reason` says why not, and `depth` how far it came.
  bool fits() {
    return follow_chain() && reach(1) && take_inputs() && reach(2) && bind_names() && take_entries() &&
           reach(3) && nothing_left() && make_calls();
  }
  LineAttempt outcome(bool fits) && {
    return {fits, std::move(nodes_), std::move(reason_), depth_, std::move(detour_)};
  }

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
  bool reach(int stage) {
    depth_ = stage * LineAttempt::kStage;
    return true;
  }

  bool follow_chain() {
    if (state_.model.opset < line_.since || state_.model.opset >= line_.before) return no("its version");
    if (state_.whole && !line_.nothing && takes_batch(*line_.item) && !is_entry("whole"))
      return no(fmt::format("`{}` works on a batch, and the file mixes what would be its examples",
                            line_.item->name));
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

  // Whether the first dimension of what goes in is the batch, by name: not one of any number of dimensions.
  static bool takes_batch(const ast::Item& item) {
    if (item.inputs.empty() || item.inputs[0].type.dimensions.empty()) return false;
    return item.inputs[0].type.dimensions[0]->kind == ast::ExprKind::Name;
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
    if (pattern.name == "_") return true;
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

  // Where all inputs are constants, the first one becomes a parameter, of which the node computes something
  // that does not depend on examples.
  bool constant_first() {
    if (inputs_.empty() || !inputs_[0].operand.constant->real || inputs_[0].operand.constant->elements() == 1)
      return no("all its inputs are constants, and what it makes of them is not computed while importing");
    NetworkProgram::Operand operand;
    if (!own_parameter(inputs_[0], operand)) return false;
    inputs_[0].operand = {{}, operand.value, false};
    return true;
  }

  // What expressions of the line may name: the sizes of constants, and the first tensor's.
  bool bind_names() {
    auto first = std::ranges::find_if(inputs_, [](const Taken& input) { return input.operand.value >= 0; });
    if (first == inputs_.end() && !constant_first()) return false;
    if (first == inputs_.end()) first = inputs_.begin();
    type_ = state_.program.values[static_cast<std::size_t>(first->operand.value)].type;
    scope_.bind("rank", CompileTimeValue::of(type_.rank()));
    scope_.bind("onnx_rank", CompileTimeValue::of(type_.rank() - (state_.whole ? 1 : 0)));
    scope_.bind("way_in", CompileTimeValue::of(1));
    scope_.bind("whole", CompileTimeValue::of(state_.whole ? 1 : 0));
    scope_.bind("batch", CompileTimeValue::of(state_.whole ? 1 : state_.batch.value_or(0)));
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
      if (&other == &*first) continue;
      std::vector<CompileTimeValue> of_other;
      if (other.operand.constant)
        for (const int64_t size : other.operand.constant->shape)
          of_other.push_back(CompileTimeValue::of(size));
      else
        for (const Size& size :
             state_.program.values[static_cast<std::size_t>(other.operand.value)].type.shape)
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
      ++depth_;
      CompileTimeValue value;
      if (entry.expr) {
        if (!evaluate(entry.expr, value)) return false;
      } else {
        // What an entry before has bound is not what the file says any more.
        const CompileTimeValue* known = scope_.find(entry.name);
        const std::optional<CompileTimeValue> given = known ? std::nullopt : attribute(entry.name);
        if (known)
          value = *known;
        else if (given)
          value = *given;
        else if (!entry.otherwise)
          return no(fmt::format("it has no `{}`", entry.name));
        else if (!evaluate(entry.otherwise, value))
          return false;
        if (!known) scope_.set(entry.name, value);
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
    if (entry.kind == "pads" || entry.kind == "windows" || entry.kind == "transposed")
      if (const auto given = attribute("auto_pad");
          given && given->kind == Kind::Text && given->text != "NOTSET")
        automatic = given->text;
    KindResult result = apply_kind({entry, value, type_, nodes_.back()->outputs.size(), automatic,
                                    state_.batch, state_.whole && type_.has_batch()},
                                   scope_);
    if (result.problem) return no(*result.problem);
    detour_ = std::move(result.detour);
    return !detour_;
  }

  bool nothing_left() {
    for (const OnnxNode* node : nodes_)
      for (const auto& [name, value] : node->attributes)
        if (!used_.contains(std::string(name)))
          return no(fmt::format("its attribute `{}` means nothing here", name));
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
      if (std::isnan(constant.real_at(0))) return no(fmt::format("its input `{}` is no number", input.name));
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

  bool add_weight(const std::string& path, const OnnxConstant& constant, const OnnxInputPattern& pattern,
                  const std::vector<int64_t>& shape) {
    const auto scale = scales_.find(pattern.name);
    Result<Tensor> tensor =
        parameter_of(constant, pattern.transposed, scale == scales_.end() ? 1.0F : scale->second, shape);
    if (!tensor) return no(tensor.failure().message);
    state_.weights.push_back({path, std::move(*tensor)});
    return true;
  }

  // Whether the node gives its input, element by element.
  static bool is_copy(const Node& node) {
    if (node.definition->statements.size() != 1) return false;
    const Statement& statement = node.definition->statements[0];
    if (statement.reduces() || statement.body->kind != Expr::Kind::Read) return false;
    for (std::size_t d = 0; d < statement.body->indices.size(); ++d)
      if (statement.body->indices[d].as_variable() != static_cast<int>(d)) return false;
    return true;
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
    copies_ = std::ranges::all_of(outcome->nodes, is_copy);
    if (item.kind == ast::ItemKind::Layer && !set_parameters(call, outcome->parameters)) return -1;
    call.result = state_.add_value(NetworkProgram::Role::Computed, name, outcome->results[0]);
    state_.program.values.back().call = static_cast<int>(state_.program.calls.size());
    state_.program.calls.push_back(std::move(call));
    return state_.program.calls.back().result;
  }

  std::vector<std::string> weight_names() const {
    std::vector<std::string> names;
    for (const Taken& parameter : parameters_) names.push_back(parameter.name);
    return names;
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
    if (!wanted.empty()) call.path = state_.names.path(layer_name(weight_names(), *nodes_[0]));
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
    const std::string name(nodes_.back()->outputs[line_.output]);
    if (line_.nothing) {
      finish(line_.output, inputs[0].value);
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
      if (calls == 0 && line_.then.empty()) {
        finish(line_.output, inputs[0].value);
        return true;
      }
    }
    for (std::size_t i = 0; i < calls; ++i) {
      std::string arguments;
      if (at) at = i;
      if (!argument_text(at, arguments)) return false;
      const std::size_t output = line_.each_output ? i : line_.output;
      int result = folded_call(arguments, inputs, std::string(nodes_.back()->outputs[output]));
      if (result < 0) return false;
      if (!line_.then.empty() && (line_.each || i + 1 == calls)) result = view_behind(result, at, output);
      if (result < 0) return false;
      if (line_.each_output || i + 1 == calls) finish(output, result);
      if (!line_.each_output) inputs = {{result, ""}};
    }
    return true;
  }

  // The view of the dimension that the call was about, or of the last one, as often as the line says.
  int view_behind(int value, std::optional<std::size_t> at, std::size_t output) {
    const ast::Item* view = state_.session.library().find_callable(line_.then);
    CHECK(view, "{}", line_.then);
    std::string arguments;
    if (const auto axis = arguments_.find("axis"); axis != arguments_.end() && at)
      arguments = text_of(axis->second.kind == Kind::List ? axis->second.items[*at] : axis->second);
    const CompileTimeValue* times = line_.times.empty() ? nullptr : scope_.find(line_.times);
    const int64_t count = times ? times->integer().value_or(0) : 1;
    for (int64_t i = 0; i < count && value >= 0; ++i)
      value = call(*view, arguments, {{value, ""}}, std::string(nodes_.back()->outputs[output]));
    return value;
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
    if (result >= 0) finish(line_.output, result);
    return result >= 0;
  }

  bool view_before(std::vector<NetworkProgram::Operand>& inputs, const std::string& name) {
    const ast::Item* item = state_.session.library().find_callable(line_.after);
    CHECK(item, "{}", line_.after);
    const std::vector<NetworkProgram::Operand> first{inputs[0]};
    const int view = call(*item, "", first, name);
    if (view < 0) return false;
    const NetworkProgram::Value& made = state_.program.values[static_cast<std::size_t>(view)];
    if (made.type == type_ && copies_) { // it was so already
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
  bool copies_ = false; // the last call
  std::optional<Detour> detour_;
  std::string reason_;
  int depth_ = 0;
};

} // namespace

LineAttempt try_line(ImportState& state, const OnnxLine& line, const OnnxNode& node) {
  Attempt attempt(state, line, node);
  const bool fits = attempt.fits();
  return std::move(attempt).outcome(fits);
}

} // namespace striate
