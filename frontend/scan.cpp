// scan u in x { carry h: f32[N, C] = 0 ... next h = v ... v }: the block is elaborated once, for one step;
// then every call in it that depends on the step is made to compute all steps.
#include "frontend/network_builder.h"
#include "frontend/print_ast.h"
#include "frontend/step_definitions.h"

#include <algorithm>

namespace striate {

using Kind = CompileTimeValue::Kind;

// The sequences' common number of steps; nothing, with an error, where they are none.
std::optional<int64_t> NetworkBuilder::steps_of(const std::vector<BoundInput>& sequences) {
  std::optional<int64_t> steps;
  for (const BoundInput& sequence : sequences) {
    if (sequence.value.is_unknown()) return std::nullopt;
    if (!sequence.value.is_tensor()) {
      reporter_.error(Diagnostic::WrongType, sequence.location,
                      "a scan takes the steps of a tensor, not of {}", description_of(sequence.value));
      return std::nullopt;
    }
    const TensorType& type = graph_.value(sequence.value.tensor).type;
    if (!type.has_batch() || type.rank() < 2) {
      reporter_
          .error(Diagnostic::ShapeMismatch, sequence.location, "{} has no steps to go through", type.text())
          .note("a scan goes along the second dimension: x[N, T, ...] has T steps");
      return std::nullopt;
    }
    const int64_t own = type.shape[1].factor;
    if (steps && *steps != own) {
      reporter_.error(Diagnostic::ShapeMismatch, sequence.location,
                      "this sequence has {} steps, the first one {}", own, *steps);
      return std::nullopt;
    }
    steps = own;
  }
  return steps;
}

CompileTimeValue NetworkBuilder::scan(const ast::Expr& expr, const std::vector<BoundInput>& sequences,
                                      Scope& scope, const Wanted& wanted) {
  if (sequences.size() != expr.indices.size()) {
    reporter_.error(Diagnostic::WrongArgument, expr.location,
                    "a scan has a name for each of its sequences, and here are {} and {}",
                    expr.indices.size(), sequences.size());
    return {};
  }
  const std::optional<int64_t> steps = steps_of(sequences);
  if (!steps) return {};
  if (graph_.in_scan()) {
    reporter_.error(Diagnostic::NotSupported, expr.location, "a scan inside of a scan is not supported yet");
    return {};
  }
  const std::size_t errors = reporter_.diagnostics().error_count();
  graph_.begin_scan(*steps);
  Scope inner(&scope);
  for (std::size_t i = 0; i < sequences.size(); ++i) {
    const ast::ReduceIndex& name = expr.indices[i];
    const int slice = graph_.add_slice(sequences[i].value.tensor, full(name.name), name.location, depth());
    if (!inner.bind(name.name, CompileTimeValue::of_tensor(slice), name.location))
      reporter_.error(Diagnostic::DuplicateName, name.location, "`{}` has a value already", name.name);
  }
  CompileTimeValue value;
  execute(*expr.block, inner, &value);
  if (value.is_unknown() && reporter_.diagnostics().error_count() == errors)
    reporter_.error(Diagnostic::MissingValue, expr.location, "this scan has no value")
        .help("end its block with what each step yields: `scan x in xs {{ ... h }}`");
  for (const GraphBuilder::Carry& carry : graph_.carries())
    if (carry.next < 0 && reporter_.diagnostics().error_count() == errors)
      reporter_
          .error(Diagnostic::MissingValue, carry.location, "`{}` is carried, and no step changes it",
                 carry.name)
          .help("give it a value for the next step: `next {} = ...`", carry.name);
  const std::map<int, int> sequence_of = graph_.end_scan(reporter_.user_place(expr.location));
  if (reporter_.diagnostics().error_count() != errors) return {};

  const auto stacked = [&](const CompileTimeValue& item) -> CompileTimeValue {
    if (!item.is_tensor()) {
      reporter_.error(Diagnostic::WrongType, expr.location, "a scan yields tensors, not {}",
                      description_of(item));
      return {};
    }
    const auto slice = sequence_of.find(item.tensor);
    if (slice != sequence_of.end()) return CompileTimeValue::of_tensor(slice->second);
    if (graph_.has_steps(item.tensor)) return item;
    reporter_.error(Diagnostic::BadValue, expr.location, "this scan yields the same at every step")
        .help("use the value itself instead");
    return {};
  };
  if (value.kind == Kind::List) {
    for (CompileTimeValue& item : value.items) item = stacked(item);
    return value;
  }
  value = stacked(value);
  if (wanted.given() && value.is_tensor()) graph_.rename(value.tensor, full(wanted.name), depth());
  return value;
}

// carry h: f32[N, C] = 0, or carry h = x
void NetworkBuilder::add_carry(const ast::Stmt& statement, Scope& scope) {
  const ast::Parameter& parameter = statement.parameter;
  const auto bind = [&](CompileTimeValue value) {
    if (!scope.bind(parameter.name, std::move(value), parameter.location))
      reporter_.error(Diagnostic::DuplicateName, parameter.location, "`{}` has a value already",
                      parameter.name);
  };
  if (!graph_.in_scan()) {
    reporter_.error(Diagnostic::Misplaced, statement.location, "`carry` belongs in a `scan`");
    return bind({});
  }
  if (!parameter.default_value) {
    reporter_.error(Diagnostic::MissingValue, parameter.location, "`{}` has no first value", parameter.name)
        .help("write `carry {}: f32[N, ...] = 0`", parameter.name);
    return bind({});
  }
  const CompileTimeValue first = evaluate(*parameter.default_value, scope);
  if (first.is_unknown()) return bind({});
  GraphBuilder::Carry carry;
  carry.name = parameter.name;
  carry.location = parameter.location;
  std::optional<TensorType> type;
  if (parameter.type.has_dimensions) {
    type = type_of(parameter, scope, true);
    if (!type) return bind({});
  }
  if (first.is_tensor()) {
    const TensorType& given = graph_.value(first.tensor).type;
    if (type && *type != given) {
      reporter_.error(Diagnostic::ShapeMismatch, parameter.default_value->location,
                      "`{}` is {}, and its first value is {}", parameter.name, type->text(), given.text());
      return bind({});
    }
    if (graph_.depends_on_step(first.tensor)) {
      reporter_.error(Diagnostic::BadValue, parameter.default_value->location,
                      "the first value of `{}` is made of what the steps compute", parameter.name);
      return bind({});
    }
    type = given;
    carry.first = first.tensor;
  } else if (const auto number = first.number()) {
    if (!type) {
      reporter_
          .error(Diagnostic::MissingValue, parameter.location, "the shape of `{}` is not known",
                 parameter.name)
          .help("write `carry {}: f32[N, ...] = {}`", parameter.name, print_expr(*parameter.default_value));
      return bind({});
    }
    carry.number = *number;
  } else {
    reporter_.error(Diagnostic::WrongType, parameter.default_value->location,
                    "`{}` starts from a number or a tensor, not from {}", parameter.name,
                    description_of(first));
    return bind({});
  }
  bind(CompileTimeValue::of_tensor(graph_.add_carry(std::move(carry), full(parameter.name), *type,
                                                    reporter_.user_place(parameter.location), depth())));
}

// The next value of what a scan carries.
void NetworkBuilder::set_next_carry(const ast::Stmt& statement, int carried, const CompileTimeValue& value) {
  const std::string& name = statement.targets[0]->text;
  const TensorType& type = graph_.value(carried).type;
  if (!value.is_tensor() || graph_.value(value.tensor).type != type) {
    reporter_.error(Diagnostic::ShapeMismatch, statement.location, "`{}` is {}, and its next value is {}",
                    name, type.text(),
                    value.is_tensor() ? graph_.value(value.tensor).type.text() : description_of(value));
    return;
  }
  if (!graph_.set_next_carry(carried, value.tensor))
    reporter_.error(Diagnostic::DuplicateName, statement.location, "`{}` has a next value already", name);
}

} // namespace striate
