// Calls of ops and layers in a network.
#include "frontend/network_builder.h"

#include "frontend/unify_shapes.h"

#include <algorithm>
#include <cctype>

namespace striate {

using Kind = CompileTimeValue::Kind;

static std::string lower_case(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

Attribute attribute_of(const CompileTimeValue& value) {
  if (const auto number = value.integer()) return *number;
  if (value.kind == Kind::Real) return value.real;
  if (value.kind == Kind::Bool) return value.truth;
  if (value.kind == Kind::List) {
    std::vector<int64_t> integers;
    for (const CompileTimeValue& item : value.items)
      if (const auto number = item.integer()) integers.push_back(*number);
    if (integers.size() == value.items.size()) return integers;
  }
  return value.kind == Kind::Text ? value.text : text_of(value);
}

// nullopt, with an error, where the value is neither a tensor nor a number.
std::optional<OpInput> NetworkBuilder::op_input(const BoundInput& input, const ast::Item& op,
                                                const ast::Parameter& parameter) {
  if (input.value.is_tensor()) return OpInput{graph_.value(input.value.tensor).type, std::nullopt};
  if (const auto number = input.value.number()) return OpInput{{}, number};
  if (input.value.is_unknown()) return std::nullopt;
  reporter_.error(Diagnostic::WrongType, input.location, "`{}` of `{}` is a tensor, not {}", parameter.name,
                  op.name, description_of(input.value));
  return std::nullopt;
}

CompileTimeValue NetworkBuilder::apply_op(const ast::Item& op, const CallSite& site, Scope& scope,
                                          const Wanted& wanted) {
  auto bound = bind_call(*this, scope, op, Takes::Both, site);
  if (!bound) return {};
  return apply_op(op, std::move(*bound), site.location, wanted);
}

CompileTimeValue NetworkBuilder::apply_op(const ast::Item& op, BoundCall bound, const SourceLocation& place,
                                          const Wanted& wanted) {
  if (!within_budget(place) || !reporter_.spend(16, place)) return {};
  if (!op.inputs.empty() && op.inputs.back().variadic && bound.inputs.size() != op.inputs.size())
    return apply_from_left(op, std::move(bound), place, wanted);
  OpCall called;
  called.item = &op;
  called.location = place;
  Node node;
  for (std::size_t i = 0; i < bound.inputs.size(); ++i) {
    auto input = op_input(bound.inputs[i], op, op.inputs[i]);
    if (!input) return {};
    if (input->number)
      node.attributes[op.inputs[i].name] = *input->number;
    else
      node.inputs.push_back(bound.inputs[i].value.tensor);
    called.inputs.push_back(std::move(*input));
  }
  if (op.inputs.empty()) {
    reporter_
        .error(Diagnostic::WrongType, place, "`{}` has no inputs: it gives a parameter its first value",
               op.name)
        .help("write `param w: f32[...] = {}`", op.name);
    return {};
  }
  if (node.inputs.empty()) {
    reporter_.error(Diagnostic::WrongType, place, "`{}` needs a tensor, and gets only numbers", op.name);
    return {};
  }
  const std::string name = full(wanted.given() ? wanted.name : default_name(lower_case(op.name)));
  for (const auto& [attribute, value] : bound.attributes) node.attributes[attribute] = attribute_of(value);
  called.attributes = std::move(bound.attributes);
  called.path = graph_.unique_call_path(name);
  called.of_rows = row_numbers != nullptr;
  called.explain = [&](DiagnosticMessage& message) {
    explain_shapes(message, op, called.attributes, bound.inputs, place);
  };
  auto definition = instantiate(called, reporter_, library_);
  if (!definition) return {};
  if (definition->input_count > static_cast<int>(node.inputs.size())) {
    if (!training_) {
      reporter_
          .error(Diagnostic::BadSetting, place,
                 "`{}` draws random numbers, but evaluation takes the data as it is", op.name)
          .help("write `when training {{ {}(...) }}`", op.name);
      return {};
    }
    node.inputs.push_back(row_numbers());
  }

  node.op = op.name;
  node.path = frame().path;
  node.location = reporter_.user_place(place);
  std::vector<std::string> names;
  for (int output : definition->outputs)
    names.push_back(definition->outputs.size() == 1
                        ? name
                        : name + "." + definition->operands[static_cast<std::size_t>(output)].name);
  node.definition = std::make_shared<const Definition>(std::move(*definition));
  const std::vector<int> outputs = graph_.add_call(std::move(node), names, depth());
  if (outputs.size() == 1) {
    if (wanted.given()) graph_.rename(outputs[0], name, depth());
    return CompileTimeValue::of_tensor(outputs[0]);
  }
  std::vector<CompileTimeValue> values;
  for (int output : outputs) values.push_back(CompileTimeValue::of_tensor(output));
  return CompileTimeValue::of_list(std::move(values));
}

// f(a, b, c) of a variadic f is f(f(a, b), c); f(a) is a.
CompileTimeValue NetworkBuilder::apply_from_left(const ast::Item& op, BoundCall bound,
                                                 const SourceLocation& place, const Wanted& wanted) {
  if (op.inputs.size() != 2 || op.outputs.size() != 1) {
    reporter_
        .error(Diagnostic::WrongType, op.location,
               "`{}` is applied to any number of tensors from the left, two at a time", op.name)
        .help("give it two inputs and one output: `op {}(a[..], b..[..]) -> y[..]`", op.name);
    return {};
  }
  BoundInput left = bound.inputs[0];
  for (std::size_t i = 1; i < bound.inputs.size() && !left.value.is_unknown(); ++i) {
    const bool last = i + 1 == bound.inputs.size();
    left.value = apply_op(op, {{left, bound.inputs[i]}, bound.attributes}, place, last ? wanted : Wanted());
  }
  return left.value;
}

// The names that a layer's body sees: attributes, the sizes of its inputs, and the inputs.
bool NetworkBuilder::bind_layer_inputs(const LayerInstance& layer, const std::vector<BoundInput>& inputs,
                                       const SourceLocation& place, Scope& scope) {
  const ast::Item& item = *layer.item;
  ShapeUnifier shapes(*this, scope, item, place, [&](DiagnosticMessage& message) {
    explain_shapes(message, item, layer.attributes, inputs, place);
  });
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const CompileTimeValue& value = inputs[i].value;
    if (value.is_unknown()) return false;
    if (!value.is_tensor()) {
      reporter_.error(Diagnostic::WrongType, inputs[i].location, "`{}` of `{}` is a tensor, not {}",
                      item.inputs[i].name, item.name, description_of(value));
      return false;
    }
    if (!shapes.match(item.inputs[i], graph_.value(value.tensor).type.shape)) return false;
  }
  if (!shapes.solve_groups() || !shapes.check_preconditions()) return false;
  for (std::size_t i = 0; i < inputs.size(); ++i)
    scope.bind(item.inputs[i].name, inputs[i].value, item.inputs[i].location);
  return true;
}

CompileTimeValue NetworkBuilder::apply_layer(LayerInstance& layer, const CallSite& site, Scope& caller,
                                             const Wanted& wanted) {
  const ast::Item& item = *layer.item;
  if (!within_budget(site.location)) return {};
  if (!item.inputs.empty() && item.inputs.back().variadic) {
    reporter_.error(Diagnostic::WrongType, item.inputs.back().location,
                    "a layer has a fixed number of inputs; only an `op` can take `{}..`",
                    item.inputs.back().name);
    return {};
  }
  if (layer.path.empty())
    layer.path = full(wanted.given() ? wanted.name : default_name(lower_case(item.name)));
  // Before the layer is entered: an input may come from the same layer, used twice.
  const auto bound = bind_call(*this, caller, item, Takes::Inputs, site);
  if (!bound || !reporter_.enter(item, site.location)) return {};
  const std::string result_name = wanted.given() ? full(wanted.name) : layer.path;
  const int first_new = graph_.value_count();
  GraphBuilder::ExpandedLayer expanded{item.name, layer.attributes,    layer.path, {},
                                       -1,        graph_.node_count(), 0};
  Scope arguments = attribute_scope(item, layer.attributes);
  CompileTimeValue result;
  if (bind_layer_inputs(layer, bound->inputs, site.location, arguments)) {
    const bool again = layer.applied || frame().again;
    frames_.push_back({});
    frame().item = &item;
    frame().path = layer.path;
    frame().again = again;
    frame().layer = &layer;
    frame().inputs = bound->inputs;
    frame().call = site.location;
    layer.applied = true;
    Scope body(&arguments);
    const std::size_t errors = reporter_.diagnostics().error_count();
    execute(*item.body, body, nullptr);
    if (frame().returned)
      result = *frame().returned;
    else if (reporter_.diagnostics().error_count() == errors)
      reporter_.error(Diagnostic::MissingValue, item.location, "the layer `{}` returns nothing", item.name)
          .help("write `return ...`");
    frames_.pop_back();
  }
  reporter_.leave();
  if (result.is_tensor() && result.tensor >= first_new) graph_.rename(result.tensor, result_name, depth());
  if (result.is_tensor() && is_library_place(item.location)) {
    for (const BoundInput& input : bound->inputs) expanded.inputs.push_back(input.value.tensor);
    expanded.output = result.tensor;
    expanded.end_node = graph_.node_count();
    graph_.add_layer(std::move(expanded));
  }
  return result;
}

} // namespace striate
