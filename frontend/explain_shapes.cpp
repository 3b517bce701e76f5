// What is added to an error about shapes: how the sizes came about, and what would make them fit. Nothing
// here knows an operator: whether a value of an attribute fits is tried.
#include "frontend/network_builder.h"
#include "frontend/size_formulas.h"
#include "frontend/unify_shapes.h"

#include <algorithm>

namespace striate {

static constexpr int64_t kFarthest = 64;        // from the value that an attribute has
static constexpr int64_t kFarthestBefore = 8;   // the same, in a call before
static constexpr std::size_t kMostFormulas = 3; // of the last calls that changed a size
static constexpr std::size_t kMostHelps = 3;
static constexpr int kMostCalls = 6; // looked at before the one that fails

void NetworkBuilder::explain_shapes(DiagnosticMessage& message, const ast::Item& item,
                                    const Attributes& attributes, const std::vector<BoundInput>& inputs,
                                    const SourceLocation& place) {
  if (!explains_ || reporter_.is_quiet()) return;
  for (const BoundInput& input : inputs)
    if (input.value.is_tensor() && !graph_.is_persistent(input.value.tensor)) {
      message.note("shapes: {}", graph_.history(input.value.tensor, depth()));
      explain_sizes(message, input.value.tensor);
    }
  if (message.kind == Diagnostic::ShapeMismatch) suggest_view(message, item, inputs);
  // What can be changed is what the user has written: the call, or the one of the layer that it is in.
  if (!is_library_place(place)) {
    suggest_attributes(message, item, attributes, inputs);
    if (message.kind == Diagnostic::ShapeMismatch) suggest_upstream(message, item, attributes, inputs);
    return;
  }
  for (auto frame = frames_.rbegin(); frame != frames_.rend(); ++frame)
    if (frame->layer && !is_library_place(frame->call)) {
      const LayerInstance& layer = *frame->layer;
      suggest_attributes(message, *layer.item, layer.attributes, frame->inputs);
      return;
    }
}

// The call that makes the first input that is no parameter.
const Node* NetworkBuilder::producer_before(const Node& node) const {
  const auto flows =
      std::ranges::find_if(node.inputs, [&](int input) { return !graph_.is_persistent(input); });
  return flows == node.inputs.end() ? nullptr : graph_.producer(*flows);
}

// "55 = (227 - 11) // 4 + 1", for the last calls that changed a size.
void NetworkBuilder::explain_sizes(DiagnosticMessage& message, int value) {
  std::size_t shown = 0;
  for (const Node* node = graph_.producer(value); node && shown < kMostFormulas;
       node = producer_before(*node)) {
    std::vector<TensorType> types;
    for (int input : node->inputs) types.push_back(graph_.value(input).type);
    const ast::Item* op = library_.find(ast::ItemKind::Op, node->op);
    if (const auto sized = op ? size_call(library_, *op, node->attributes, types) : std::nullopt;
        sized && !sized->formulas.empty()) {
      const std::string text =
          fmt::format("{}, by `{}` in {}", fmt::join(sized->formulas, ", "), node->op, node->location.text());
      const auto same = [&](const auto& remark) { return remark.text == text; };
      if (std::ranges::none_of(message.remarks, same)) message.note("{}", text);
      ++shown;
    }
  }
}

// Where a view of the library would make the first input fit, which.
void NetworkBuilder::suggest_view(DiagnosticMessage& message, const ast::Item& item,
                                  const std::vector<BoundInput>& inputs) {
  if (inputs.empty() || !inputs[0].value.is_tensor()) return;
  const TensorType& type = graph_.value(inputs[0].value.tensor).type;
  const auto& pattern = item.inputs[0].type.dimensions;
  const bool any_rank = std::any_of(pattern.begin(), pattern.end(), [](const ast::ExprPtr& dimension) {
    return dimension->kind == ast::ExprKind::Run;
  });
  if (any_rank || pattern.size() == type.shape.size()) return;
  const bool quiet = reporter_.is_quiet();
  reporter_.set_quiet(true);
  for (const ast::Item* view : library_.items(ast::ItemKind::Op)) {
    if (view->location.file != "std/views.nn" || view->inputs.size() != 1 || !view->attributes.empty())
      continue;
    Scope scope;
    ShapeUnifier shapes(*this, scope, *view, message.location);
    if (!shapes.match(view->inputs[0], type.shape) || !shapes.solve_groups()) continue;
    const auto made = shapes.declare(view->outputs[0]);
    if (!made || made->shape.size() == type.shape.size()) continue;
    Scope inner;
    ShapeUnifier fits(*this, inner, item, message.location);
    if (!fits.match(item.inputs[0], made->shape)) continue;
    message.help("`-> {}` makes it {}", view->name, shape_text(made->shape));
    break;
  }
  reporter_.set_quiet(quiet);
}

// The shape of the only result of a call with these attributes; nullopt where it fails. Everything is built
// aside.
std::optional<std::vector<Size>> NetworkBuilder::shape_with(const ast::Item& item,
                                                            const Attributes& attributes,
                                                            const std::vector<BoundInput>& inputs) {
  Diagnostics dropped;
  Reporter reporter(dropped);
  GraphBuilder aside;
  NetworkBuilder network(reporter, library_, aside, training_);
  network.explains_ = false;
  network.frames_.push_back({});
  BoundCall call;
  call.attributes = attributes;
  for (const BoundInput& input : inputs) {
    call.inputs.push_back(input);
    if (input.value.is_tensor())
      call.inputs.back().value = CompileTimeValue::of_tensor(
          aside.add_input("x", graph_.value(input.value.tensor).type, input.location));
  }
  CompileTimeValue result;
  if (item.kind == ast::ItemKind::Op) {
    result = network.apply_op(item, std::move(call), item.location, {});
  } else {
    LayerInstance layer;
    layer.item = &item;
    layer.attributes = attributes;
    Scope scope;
    result = network.apply_layer(layer, {std::move(call.inputs), nullptr, item.location}, scope, {});
  }
  if (dropped.has_errors() || !result.is_tensor()) return std::nullopt;
  return aside.value(result.tensor).type.shape;
}

static bool is_integral(const CompileTimeValue& value) {
  if (value.kind == CompileTimeValue::Kind::List)
    return !value.items.empty() &&
           std::ranges::all_of(value.items, [](const auto& item) { return item.integer().has_value(); });
  return value.integer().has_value();
}

// Values of one attribute alone, by their distance from the one that it has.
static std::optional<CompileTimeValue>
nearest_that(const CompileTimeValue& value, int64_t farthest,
             const std::function<bool(const CompileTimeValue&)>& fits) {
  const bool list = value.kind == CompileTimeValue::Kind::List;
  const int64_t now = list ? *value.items[0].integer() : *value.integer();
  for (int64_t distance = list ? 0 : 1; distance <= farthest; ++distance)
    for (int64_t other : {now - distance, now + distance}) {
      if (other < 0) continue;
      CompileTimeValue candidate = CompileTimeValue::of(other);
      if (list) candidate = CompileTimeValue::of_list(std::vector(value.items.size(), candidate));
      if (text_of(candidate) != text_of(value) && fits(candidate)) return candidate;
    }
  return std::nullopt;
}

// A list of equal numbers is written as one.
static std::string written(const CompileTimeValue& value) {
  return text_of(value.kind == CompileTimeValue::Kind::List ? value.items[0] : value);
}

// "`padding = 2` would give [N, 64, 27, 27]".
void NetworkBuilder::suggest_attributes(DiagnosticMessage& message, const ast::Item& item,
                                        const Attributes& attributes, const std::vector<BoundInput>& inputs) {
  for (std::size_t i = 0; i < inputs.size() && i < item.inputs.size(); ++i) {
    const auto& pattern = item.inputs[i].type.dimensions;
    const bool any_rank = std::ranges::any_of(
        pattern, [](const ast::ExprPtr& dimension) { return dimension->kind == ast::ExprKind::Run; });
    const bool right_rank = !inputs[i].value.is_tensor() || any_rank ||
                            pattern.size() == graph_.value(inputs[i].value.tensor).type.shape.size();
    if (!right_rank) return;
  }
  std::size_t helps = 0;
  for (const ast::Parameter& parameter : item.attributes) {
    const auto given = attributes.find(parameter.name);
    if (given == attributes.end() || parameter.type.name != "int" || !is_integral(given->second)) continue;
    Attributes changed = attributes;
    std::vector<Size> shape;
    const auto better = nearest_that(given->second, kFarthest, [&](const CompileTimeValue& candidate) {
      changed[parameter.name] = candidate;
      const auto made = shape_with(item, changed, inputs);
      if (made) shape = *made;
      return made.has_value();
    });
    if (!better) continue;
    message.help("`{} = {}` would give {}", parameter.name, written(*better), shape_text(shape));
    if (++helps == kMostHelps) return;
  }
}

// Inputs that do not fit together: an attribute of a call before, by which one of them would.
void NetworkBuilder::suggest_upstream(DiagnosticMessage& message, const ast::Item& item,
                                      const Attributes& attributes, const std::vector<BoundInput>& inputs) {
  std::map<std::string, Attribute> own;
  for (const auto& [name, value] : attributes) own[name] = attribute_of(value);
  std::vector<TensorType> types;
  for (const BoundInput& input : inputs) {
    if (!input.value.is_tensor()) return;
    types.push_back(graph_.value(input.value.tensor).type);
  }
  // What several inputs come from would change all of them.
  std::map<const Node*, int> inputs_from;
  for (const BoundInput& input : inputs)
    for (const Node* node = graph_.producer(input.value.tensor); node; node = producer_before(*node))
      ++inputs_from[node];
  std::size_t helps = 0;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    std::vector<const Node*> later; // from the changed call to this one
    const Node* node = graph_.producer(inputs[i].value.tensor);
    for (int calls = 0; node && inputs_from[node] == 1 && calls < kMostCalls && helps < kMostHelps; ++calls) {
      later.insert(later.begin(), node);
      const ast::Item* op = library_.find(ast::ItemKind::Op, node->op);
      for (const auto& [name, attribute] : node->attributes) {
        const auto* one = std::get_if<int64_t>(&attribute);
        const auto* several = std::get_if<std::vector<int64_t>>(&attribute);
        if (!op || (!one && !several)) continue;
        std::vector<CompileTimeValue> items;
        for (int64_t value : several ? *several : std::vector<int64_t>{*one})
          items.push_back(CompileTimeValue::of(value));
        const auto fits = [&](const CompileTimeValue& candidate) {
          std::optional<TensorType> type;
          for (const Node* step : later) {
            std::vector<TensorType> step_types;
            for (int input : step->inputs) step_types.push_back(graph_.value(input).type);
            const auto flows =
                std::ranges::find_if(step->inputs, [&](int input) { return !graph_.is_persistent(input); });
            if (type && flows != step->inputs.end())
              step_types[static_cast<std::size_t>(flows - step->inputs.begin())] = *type;
            std::map<std::string, Attribute> step_attributes = step->attributes;
            if (step == node) step_attributes[name] = attribute_of(candidate);
            const ast::Item* step_op = library_.find(ast::ItemKind::Op, step->op);
            const auto sized =
                step_op ? size_call(library_, *step_op, step_attributes, step_types) : std::nullopt;
            if (!sized || sized->outputs.size() != 1) return false;
            type = sized->outputs[0];
          }
          std::vector<TensorType> tried = types;
          tried[i] = *type;
          return size_call(library_, item, own, tried).has_value();
        };
        const auto better =
            nearest_that(several ? CompileTimeValue::of_list(items) : items[0], kFarthestBefore, fits);
        if (!better || helps == kMostHelps) continue;
        message.help("`{} = {}` of `{}` in {} would make {} fit", name, written(*better), node->op,
                     node->location.text(), inputs.size() == 1 ? "it" : "them");
        ++helps;
      }
      node = producer_before(*node);
    }
  }
}

} // namespace striate
