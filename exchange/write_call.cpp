#include "exchange/write_call.h"

#include "exchange/invert_line.h"
#include "exchange/values.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

namespace striate {

using Kind = CompileTimeValue::Kind;

static std::optional<OnnxAttributeOut> attribute_of(const CompileTimeValue& value) {
  if (const auto integer = value.integer()) return *integer;
  if (value.kind == Kind::Real) return static_cast<float>(value.real);
  if (value.kind == Kind::Text) return value.text;
  if (value.kind != Kind::List) return std::nullopt;
  std::vector<int64_t> integers;
  std::vector<float> reals;
  for (const CompileTimeValue& item : value.items) {
    if (!item.number()) return std::nullopt;
    reals.push_back(static_cast<float>(*item.number()));
    if (const auto integer = item.integer()) integers.push_back(*integer);
  }
  if (integers.size() == reals.size()) return integers;
  return reals;
}

static std::string constant_of(OnnxWriter& out, const CompileTimeValue& value) {
  const auto attribute = attribute_of(value);
  CHECK(attribute, "a constant that is no number");
  if (const auto* integer = std::get_if<int64_t>(&*attribute)) return out.integers({*integer}, {});
  if (const auto* real = std::get_if<float>(&*attribute)) return out.reals({*real}, {});
  if (const auto* integers = std::get_if<std::vector<int64_t>>(&*attribute)) return out.integers(*integers);
  const auto& reals = std::get<std::vector<float>>(*attribute);
  return out.reals(reals, {static_cast<int64_t>(reals.size())});
}

// As the language writes it, with all digits of a real.
static std::string exact_text(const CompileTimeValue& value) {
  if (value.kind == Kind::Real && std::isfinite(value.real)) return fmt::format("{}", value.real);
  if (value.kind != Kind::List) return argument_value_text(value);
  std::vector<std::string> items;
  for (const CompileTimeValue& item : value.items) items.push_back(exact_text(item));
  return fmt::format("[{}]", fmt::join(items, ", "));
}

static CompileTimeValue shape_of(const TensorType& type) {
  std::vector<CompileTimeValue> sizes;
  for (const Size& size : type.shape) sizes.push_back(CompileTimeValue::of(size));
  return CompileTimeValue::of_list(std::move(sizes));
}

namespace {

// One line of the map, tried on a call.
class LineWriter {
public:
  LineWriter(OnnxWriter& out, const Graph& graph, const CallWriter::Names& names, CallSession& session,
             const OnnxLine& line, const CallToWrite& call)
      : out_(out), graph_(graph), names_(names), session_(session), line_(line), call_(call) {}

  std::string write(const std::string& base) {
    if (line_.nothing || line_.output > 0 || line_.each_output || !line_.after.empty() ||
        !line_.then.empty() || !line_.within.empty() || kExportOpset < line_.since ||
        kExportOpset >= line_.before)
      return "";
    return takes_all() && solve() && is_the_same() ? emit(base) : "";
  }

private:
  const TensorType& type(ValueId value) const { return graph_.values[static_cast<std::size_t>(value)].type; }
  bool is_slot(const std::string& name) const {
    return std::ranges::any_of(line_.entries, [&](const OnnxEntry& entry) { return entry.name == name; });
  }
  // The place among the definition's inputs, or -1.
  std::ptrdiff_t input_at(const std::string& name) const {
    const auto& inputs = call_.item->inputs;
    const auto found = std::ranges::find(inputs, name, &ast::Parameter::name);
    return found == inputs.end() ? -1 : found - inputs.begin();
  }

  // Every input and parameter of the call is one of the line's.
  bool takes_all() {
    std::size_t inputs = 0, parameters = 0;
    for (const OnnxNodePattern& node : line_.chain)
      for (const OnnxInputPattern& pattern : node.inputs) {
        if (is_slot(pattern.name)) continue;
        if (input_at(pattern.name) >= 0)
          inputs += pattern.variadic ? call_.inputs.size() - 1 : 1;
        else if (call_.parameters.contains(pattern.name))
          ++parameters;
        else
          return false;
      }
    return inputs == call_.inputs.size() && parameters == call_.parameters.size();
  }

  bool solve() {
    Scope scope;
    const auto first = std::ranges::find_if(call_.inputs, [](const auto& input) { return input.value >= 0; });
    if (first == call_.inputs.end()) return false;
    const TensorType& main = type(first->value);
    scope.bind("rank", CompileTimeValue::of(main.rank()));
    scope.bind("onnx_rank", CompileTimeValue::of(main.rank()));
    for (const char* of_import : {"way_in", "whole", "batch"}) scope.bind(of_import, CompileTimeValue::of(0));
    for (std::size_t i = 0; i < call_.inputs.size(); ++i) {
      const ast::Parameter& parameter = call_.item->inputs[std::min(i, call_.item->inputs.size() - 1)];
      if (call_.inputs[i].value < 0) continue;
      const TensorType& given = type(call_.inputs[i].value);
      // Numbers that are no reals are made such by the definition, and by no operator of ONNX.
      if (given.element != ElementType::F32 && parameter.type.name != "int") return false;
      scope.bind(parameter.name, shape_of(given));
    }
    int64_t count = 1;
    for (std::size_t d = 1; d < main.shape.size(); ++d) count *= main.shape[d].factor;
    scope.bind("count", CompileTimeValue::of(count));
    for (const auto& [name, value] : call_.parameters) scope.bind(name, shape_of(type(value)));
    std::map<std::string, CompileTimeValue> arguments; // of their declared types: 3 may be a real
    for (const ast::Parameter& parameter : call_.item->attributes)
      if (const auto given = call_.attributes.find(parameter.name); given != call_.attributes.end()) {
        const auto value = as_argument(parameter, given->second);
        if (!value) return false;
        arguments[parameter.name] = *value;
      }
    auto side = invert_line(line_, arguments, scope, main.rank(), session_);
    if (!side) return false;
    side_ = std::move(*side);
    return true;
  }

  // The library makes the same of the arguments that the line knows.
  bool is_the_same() {
    std::vector<std::string> arguments, inputs;
    std::map<std::string, int> tensors;
    std::map<int, ValueId> known; // tensors of the session
    for (const std::string& name : side_.arguments)
      arguments.push_back(fmt::format("{} = {}", name, exact_text(call_.attributes.at(name))));
    for (std::size_t i = 0; i < call_.inputs.size(); ++i) {
      const CallToWrite::Input& input = call_.inputs[i];
      inputs.push_back(input.value < 0 ? real_text_of(input.number) : fmt::format("given{}", i));
      if (input.value < 0) continue;
      const int tensor = session_.add_tensor(type(input.value));
      tensors[inputs.back()] = tensor;
      known[tensor] = input.value;
    }
    const bool layer = call_.item->kind == ast::ItemKind::Layer;
    if (!layer) arguments.insert(arguments.begin(), inputs.begin(), inputs.end());
    std::string text = fmt::format("{}({})", call_.item->name, fmt::join(arguments, ", "));
    if (layer) text += fmt::format("({})", fmt::join(inputs, ", "));
    const Result<CallSession::Outcome> outcome = session_.call(text, tensors);
    if (!outcome || outcome->nodes.size() != call_.nodes.size()) return false;
    for (const CallSession::Parameter& parameter : outcome->parameters) {
      const auto found = call_.parameters.find(parameter.name);
      if (found == call_.parameters.end()) return false;
      known[parameter.tensor] = found->second;
    }
    for (std::size_t i = 0; i < outcome->nodes.size(); ++i) {
      const Node &made = outcome->nodes[i], &is = *call_.nodes[i];
      if (made.inputs.size() != is.inputs.size() || made.outputs.size() != is.outputs.size() ||
          definition_text(*made.definition) != definition_text(*is.definition))
        return false;
      for (std::size_t k = 0; k < made.inputs.size(); ++k)
        if (const auto found = known.find(made.inputs[k]);
            found == known.end() || found->second != is.inputs[k])
          return false;
      for (std::size_t k = 0; k < made.outputs.size(); ++k) known[made.outputs[k]] = is.outputs[k];
    }
    const auto result = known.find(outcome->results[0]);
    return outcome->results.size() == 1 && result != known.end() && result->second == call_.output;
  }

  std::string emit(const std::string& base) {
    std::set<std::string> slots;
    for (const OnnxNodePattern& node : line_.chain)
      for (const OnnxInputPattern& pattern : node.inputs) slots.insert(pattern.name);
    OnnxAttributesOut attributes;
    for (const auto& [name, value] : side_.values) {
      if (slots.contains(name) || side_.usual.contains(name)) continue;
      const auto attribute = attribute_of(value);
      if (!attribute) return "";
      attributes.emplace_back(name, *attribute);
    }
    if (!attributes.empty() && line_.chain.size() > 1) return ""; // whose they are is not said
    std::string result;
    for (const OnnxNodePattern& node : line_.chain) {
      std::vector<std::string> inputs;
      if (!result.empty()) inputs.push_back(result);
      for (const OnnxInputPattern& pattern : node.inputs) add_inputs(pattern, inputs);
      while (!inputs.empty() && inputs.back().empty()) inputs.pop_back();
      result = out_.node(node.op, inputs, attributes, base + "/" + node.op);
    }
    return result;
  }

  void add_inputs(const OnnxInputPattern& pattern, std::vector<std::string>& inputs) {
    if (is_slot(pattern.name)) {
      const bool needed = !pattern.optional || !side_.usual.contains(pattern.name);
      inputs.push_back(needed ? constant_of(out_, side_.values.at(pattern.name)) : "");
      return;
    }
    const std::ptrdiff_t at = input_at(pattern.name);
    if (at < 0) {
      const ValueId weight = call_.parameters.at(pattern.name);
      inputs.push_back(pattern.transposed ? names_.transposed(weight)
                       : pattern.ones > 0 ? names_.with_ones(weight, pattern.ones)
                                          : names_.name_of(weight));
      return;
    }
    const std::size_t end = pattern.variadic ? call_.inputs.size() : static_cast<std::size_t>(at) + 1;
    for (auto i = static_cast<std::size_t>(at); i < end; ++i) {
      const CallToWrite::Input& input = call_.inputs[i];
      inputs.push_back(input.value >= 0 ? names_.name_of(input.value)
                                        : out_.reals({static_cast<float>(input.number)}, {}));
    }
  }

  OnnxWriter& out_;
  const Graph& graph_;
  const CallWriter::Names& names_;
  CallSession& session_;
  const OnnxLine& line_;
  const CallToWrite& call_;
  OnnxSide side_;
};

} // namespace

std::string CallWriter::write(const CallToWrite& call, const std::string& base) {
  for (const OnnxLine& line : map_.lines_of(*call.item))
    if (std::string result = LineWriter(out_, graph_, names_, session_, line, call).write(base);
        !result.empty())
      return result;
  return "";
}

} // namespace striate
