#include "frontend/call_session.h"

#include "frontend/network_builder.h"
#include "frontend/parser.h"

namespace striate {

struct CallSession::State {
  explicit State(const std::string& definitions)
      : file(parse("definitions", definitions, diagnostics)), library(&file, diagnostics) {
    CHECK(!diagnostics.has_errors(), "{}", diagnostics.render());
  }

  Diagnostics diagnostics;
  ast::File file;
  Library library;
  Reporter reporter{diagnostics};
  GraphBuilder graph;
  NetworkBuilder network{reporter, library, graph, false};
  int calls = 0;

  // What was reported since there were `before` messages.
  Failure problem(std::size_t before) const {
    const auto& messages = diagnostics.messages();
    return {ExitCode::Failed, before < messages.size() ? messages[before].text : "it has no value"};
  }
};

CallSession::CallSession(const std::string& definitions) : state_(std::make_unique<State>(definitions)) {}
CallSession::~CallSession() = default;

const Library& CallSession::library() const { return state_->library; }
const TensorType& CallSession::type(int tensor) const { return state_->graph.value(tensor).type; }

int CallSession::add_tensor(const TensorType& type) {
  return state_->graph.add_input(fmt::format("given{}", state_->graph.value_count()), type, {});
}

Result<CallSession::Outcome> CallSession::call(const std::string& text,
                                               const std::map<std::string, int>& tensors) {
  State& state = *state_;
  // A place of its own, so that no message counts as a consequence of an earlier one.
  const std::string place = fmt::format("call{}", state.calls++);
  const std::size_t before = state.diagnostics.messages().size();
  const ast::ExprPtr expr = parse_expression(place, text, state.diagnostics);
  if (!expr || state.diagnostics.messages().size() > before) return state.problem(before);
  Scope scope;
  scope.bind("N", CompileTimeValue::of(Size::n()));
  for (const auto& [name, tensor] : tensors) scope.bind(name, CompileTimeValue::of_tensor(tensor));
  const int first = state.graph.value_count(), first_node = state.graph.node_count();
  const CompileTimeValue value = state.network.expand(*expr, scope, place);
  Outcome outcome;
  if (value.is_tensor()) outcome.results.push_back(value.tensor);
  for (const CompileTimeValue& item : value.items)
    if (item.is_tensor()) outcome.results.push_back(item.tensor);
  if (outcome.results.empty() || state.diagnostics.messages().size() > before) return state.problem(before);
  for (int id = first; id < state.graph.value_count(); ++id) {
    if (!state.graph.is_persistent(id)) continue;
    const Value& made = state.graph.value(id); // call7.conv2d.weight
    const std::size_t layer = made.name.find('.', place.size() + 1);
    outcome.parameters.push_back(
        {made.name.substr(layer == std::string::npos ? 0 : layer + 1), made.type, id});
  }
  for (int id = first_node; id < state.graph.node_count(); ++id)
    outcome.nodes.push_back(state.graph.node(id));
  return outcome;
}

Result<CompileTimeValue> CallSession::evaluate(const ast::Expr& expr, Scope& scope) {
  const std::size_t before = state_->diagnostics.messages().size();
  CompileTimeValue value = state_->network.evaluate(expr, scope);
  if (value.is_unknown()) return state_->problem(before);
  return value;
}

Result<CompileTimeValue> CallSession::default_of(const ast::Item& item, const ast::Parameter& attribute,
                                                 const std::map<std::string, CompileTimeValue>& given) {
  CHECK(attribute.default_value);
  Scope scope = attribute_scope(item, given);
  const std::size_t before = state_->diagnostics.messages().size();
  const CompileTimeValue value = state_->network.evaluate(*attribute.default_value, scope);
  auto converted = convert_attribute(state_->network, scope, item, attribute, value, attribute.location);
  if (!converted) return state_->problem(before);
  return std::move(*converted);
}

} // namespace striate
