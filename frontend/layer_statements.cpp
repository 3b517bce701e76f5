// The statements of layers and models.
#include "frontend/network_builder.h"

#include "frontend/print_ast.h"
#include "frontend/unify_shapes.h"

#include <algorithm>

namespace striate {

using ast::ExprKind;
using ast::StmtKind;
using Kind = CompileTimeValue::Kind;

void NetworkBuilder::execute(const ast::Block& block, Scope& scope, CompileTimeValue* value) {
  for (const ast::Stmt& statement : block.statements) {
    if (frame().returned) {
      reporter_.error(Diagnostic::BadValue, statement.location,
                      "this comes after `return` and is never reached");
      return;
    }
    execute(statement, scope, &statement == &block.statements.back() ? value : nullptr);
  }
}

void NetworkBuilder::report_no_value(const SourceLocation& place, const char* what) {
  DiagnosticMessage& message = reporter_.error(Diagnostic::MissingValue, place, "this {} has no value", what);
  if (std::string_view(what) == "block") message.note("the value of a block is its last statement");
}

void NetworkBuilder::execute(const ast::Stmt& statement, Scope& scope, CompileTimeValue* value) {
  if (!reporter_.spend(1, statement.location)) return;
  switch (statement.kind) {
  case StmtKind::Assign:
    assign(statement.targets, evaluate(*statement.value, scope), scope, statement.location);
    return;
  case StmtKind::Param:
  case StmtKind::State:
    add_persistent(statement, scope);
    return;
  case StmtKind::Carry:
    add_carry(statement, scope);
    return;
  case StmtKind::Next:
    add_next(statement, scope);
    return;
  case StmtKind::Return:
    frame().returned = evaluate(*statement.value, scope);
    return;
  case StmtKind::Layer:
    add_shared_layer(statement, scope);
    return;
  case StmtKind::Input:
    add_input(statement, scope);
    return;
  case StmtKind::Output:
    add_output(statement, scope);
    return;
  case StmtKind::Value: {
    // Names bound in the branch of an `if` statement are seen after it.
    const ast::Expr& expr = *statement.value;
    if (expr.kind == ExprKind::If || expr.kind == ExprKind::When) {
      const auto holds =
          expr.kind == ExprKind::If ? evaluate_condition(*expr.operands[0], scope) : when_holds(expr, scope);
      if (!holds) return;
      const ast::BlockPtr& block = *holds ? expr.block : expr.otherwise;
      if (block)
        execute(*block, scope, value);
      else if (value)
        report_no_value(statement.location, "`if` without `else`");
      return;
    }
    if (expr.kind == ExprKind::Repeat && !value) {
      const auto range = repeat_range(expr, scope);
      for (int64_t i = range ? range->first : 0; range && i < range->second; ++i) {
        Scope inner(&scope);
        inner.bind(expr.text, CompileTimeValue::of(i));
        execute(*expr.block, inner, nullptr);
      }
      return;
    }
    CompileTimeValue result = evaluate(expr, scope);
    if (value) *value = std::move(result);
    return;
  }
  default:
    reporter_.error(Diagnostic::NotSupported, statement.location, "this statement is not supported here yet");
  }
}

void NetworkBuilder::assign(const std::vector<ast::ExprPtr>& targets, CompileTimeValue value, Scope& scope,
                            const SourceLocation& place) {
  std::vector<CompileTimeValue> values;
  if (targets.size() == 1) {
    values.push_back(std::move(value));
  } else if (value.kind == Kind::List && value.items.size() == targets.size()) {
    values = std::move(value.items);
  } else {
    if (!value.is_unknown())
      reporter_.error(Diagnostic::WrongType, place, "{} names are given {}", targets.size(),
                      value.kind == Kind::List ? fmt::format("{} values", value.items.size())
                                               : description_of(value));
    values.resize(targets.size());
  }
  for (std::size_t i = 0; i < targets.size(); ++i) {
    if (targets[i]->kind != ExprKind::Name) {
      reporter_.error(Diagnostic::WrongType, targets[i]->location, "only a name is given a value here")
          .note("index notation belongs in an `op`");
      continue;
    }
    if (reporter_.is_heard(targets[i]->location))
      reporter_.found(Finding::Kind::Name, targets[i]->location, finding_text(values[i]));
    if (scope.bind(targets[i]->text, std::move(values[i]), targets[i]->location)) continue;
    DiagnosticMessage& message = reporter_.error(Diagnostic::DuplicateName, targets[i]->location,
                                                 "`{}` has a value already", targets[i]->text);
    if (scope.place_of(targets[i]->text).known())
      message.note_at(scope.place_of(targets[i]->text), "given here");
    message.help("each name is given one value: choose another name");
  }
}

std::optional<TensorType> NetworkBuilder::type_of(const ast::Parameter& parameter, Scope& scope, bool batch) {
  TensorType type;
  const std::string& name = parameter.type.name;
  if (name == "i32" || name == "int") type.element = ElementType::I32;
  if (name == "u8") type.element = ElementType::U8;
  if (name == "f64" || name == "bool" || name == "string") {
    reporter_
        .error(Diagnostic::NotSupported, parameter.type.location, "tensors of `{}` are not supported yet",
               name)
        .help("write `f32[...]`");
    return std::nullopt;
  }
  for (const ast::ExprPtr& dimension : parameter.type.dimensions) {
    const CompileTimeValue value = evaluate(*dimension, scope);
    if (value.is_unknown()) return std::nullopt;
    if (value.kind != Kind::Size || value.size.factor < 1) {
      reporter_.error(Diagnostic::BadSize, dimension->location,
                      "a dimension is an integer of at least 1, not {}", text_of(value));
      return std::nullopt;
    }
    if (value.size.batch && (!batch || !type.shape.empty())) {
      reporter_.error(Diagnostic::BadSize, dimension->location,
                      "the batch size N is the first dimension of an input, and no other");
      return std::nullopt;
    }
    type.shape.push_back(value.size);
  }
  if (const std::string problem = problem_with_shape(type.shape); !problem.empty()) {
    reporter_.error(Diagnostic::BadSize, parameter.location, "`{}` {}", parameter.name, problem);
    return std::nullopt;
  }
  return type;
}

// zeros, uniform_fan(fan_in), or a number.
ExprRef NetworkBuilder::initial_of(const ast::Parameter& parameter, const TensorType& type,
                                   const std::string& path, Scope& scope) {
  const ast::Expr& expr = *parameter.default_value;
  const bool is_call = expr.kind == ExprKind::Call;
  const ast::Expr& callee = is_call ? *expr.operands[0] : expr;
  const ast::Item* op = callee.kind == ExprKind::Name && !scope.find(callee.text)
                            ? library_.find(ast::ItemKind::Op, callee.text)
                            : nullptr;
  if (!op) {
    const CompileTimeValue value = evaluate(expr, scope);
    if (value.is_unknown()) return nullptr;
    if (const auto number = value.number()) return constant(*number);
    reporter_.error(Diagnostic::WrongType, expr.location,
                    "`{}` starts from a number or an operator without inputs, not from {}", parameter.name,
                    description_of(value));
    return nullptr;
  }
  if (!op->inputs.empty() || op->outputs.size() != 1) {
    reporter_.error(Diagnostic::WrongType, expr.location, "`{}` has inputs: a first value depends on none",
                    op->name);
    return nullptr;
  }
  CallSite site{{}, is_call ? &expr.arguments : nullptr, expr.location};
  auto bound = bind_call(*this, scope, *op, Takes::Attributes, site);
  if (!bound) return nullptr;
  OpCall called;
  called.item = op;
  called.attributes = std::move(bound->attributes);
  called.location = expr.location;
  called.path = path;
  called.result = type;
  const auto definition = instantiate(called, reporter_, library_);
  return definition ? initial_value(*definition, expr.location, reporter_) : nullptr;
}

void NetworkBuilder::add_persistent(const ast::Stmt& statement, Scope& scope) {
  const ast::Parameter& parameter = statement.parameter;
  const bool trainable = statement.kind == StmtKind::Param;
  const auto bind = [&](CompileTimeValue value) {
    if (!scope.bind(parameter.name, std::move(value), parameter.location))
      reporter_.error(Diagnostic::DuplicateName, parameter.location, "`{}` has a value already",
                      parameter.name);
  };
  const auto type = type_of(parameter, scope, false);
  if (!type) return bind({});
  if (reporter_.is_heard(parameter.location))
    reporter_.found(Finding::Kind::Value, parameter.location, type->spaced_text());
  const std::string path = full(parameter.name);
  const int known = graph_.find_persistent(path);
  if (known >= 0) {
    const TensorType& first = graph_.value(known).type;
    if (!frame().again) {
      reporter_.error(Diagnostic::DuplicateName, parameter.location, "`{}` names two parameters", path);
      return bind({});
    }
    if (first != *type) {
      reporter_.error(Diagnostic::ShapeMismatch, parameter.location,
                      "the shared layer `{}` has `{}` {}, but this input needs {}", frame().path,
                      parameter.name, first.text(), type->text());
      return bind({});
    }
    const int next = graph_.next_of(known);
    return bind(CompileTimeValue::of_tensor(next >= 0 ? next : known));
  }
  if (!parameter.default_value && trainable) {
    reporter_.error(Diagnostic::MissingValue, parameter.location, "`{}` has no first value", parameter.name)
        .help("write `param {}: {} = uniform_fan(...)`, or `= zeros`", parameter.name, type->text());
    return bind({});
  }
  ExprRef initial = parameter.default_value ? initial_of(parameter, *type, path, scope) : constant(0);
  if (!initial) return bind({});
  bind(CompileTimeValue::of_tensor(graph_.add_persistent(path, *type, std::move(initial), trainable,
                                                         reporter_.user_place(parameter.location))));
}

// Only in training: evaluation changes nothing.
void NetworkBuilder::add_next(const ast::Stmt& statement, Scope& scope) {
  const ast::Expr& target = *statement.targets[0];
  const CompileTimeValue* state = target.kind == ExprKind::Name ? scope.find(target.text) : nullptr;
  if (!state || (!state->is_unknown() && !(state->is_tensor()))) {
    reporter_.error(Diagnostic::UnknownName, target.location, "`{}` is no state here", print_expr(target))
        .help("declare it: `state {}: f32[...] = zeros`", print_expr(target));
    return;
  }
  const CompileTimeValue value = evaluate(*statement.value, scope);
  if (value.is_unknown() || state->is_unknown()) return;
  if (graph_.is_carry(state->tensor)) return set_next_carry(statement, state->tensor, value);
  const int persistent = graph_.find_persistent(full(target.text));
  if (persistent < 0 || graph_.value(persistent).role != ValueRole::State) {
    reporter_.error(Diagnostic::WrongType, target.location, "`{}` is no state: it has no next value",
                    target.text);
    return;
  }
  if (!value.is_tensor() || graph_.value(value.tensor).type != graph_.value(persistent).type) {
    reporter_.error(Diagnostic::ShapeMismatch, statement.location, "`{}` is {}, and its next value is {}",
                    target.text, graph_.value(persistent).type.text(),
                    value.is_tensor() ? graph_.value(value.tensor).type.text() : description_of(value));
    return;
  }
  if (graph_.in_scan()) {
    reporter_
        .error(Diagnostic::NotSupported, statement.location,
               "`{}` would change at each step of the scan; a state changes once in a training step",
               target.text)
        .help("carry it through the scan: `carry {} = ...`", target.text);
    return;
  }
  if (!training_) return;
  // What the step only hands on is no value of its own yet.
  const bool computed = graph_.value(value.tensor).role == ValueRole::Computed;
  graph_.set_next(persistent, computed ? value.tensor
                                       : graph_.add_copy(value.tensor, full(target.text) + ".next",
                                                         statement.location, depth()));
}

void NetworkBuilder::add_input(const ast::Stmt& statement, Scope& scope) {
  const ast::Parameter& parameter = statement.parameter;
  CompileTimeValue value;
  if (const auto type = type_of(parameter, scope, true)) {
    if (reporter_.is_heard(parameter.location))
      reporter_.found(Finding::Kind::Value, parameter.location, type->spaced_text());
    if (!type->has_batch()) {
      reporter_
          .error(Diagnostic::BadSize, parameter.location,
                 "the first dimension of an input is the batch size N")
          .help("write `input {}: {}[N, ...]`", parameter.name,
                parameter.type.name.empty() ? "f32" : parameter.type.name);
    } else if (frames_.size() == 1 && make_input_) {
      const int made = (*make_input_)(parameter.name, *type, parameter.location);
      if (made >= 0) value = CompileTimeValue::of_tensor(made);
    }
  }
  if (!scope.bind(parameter.name, std::move(value), parameter.location))
    reporter_.error(Diagnostic::DuplicateName, parameter.location, "`{}` has a value already",
                    parameter.name);
}

void NetworkBuilder::add_output(const ast::Stmt& statement, Scope& scope) {
  if (statement.value)
    assign(statement.targets, evaluate(*statement.value, scope), scope, statement.location);
  for (const ast::ExprPtr& target : statement.targets) {
    const CompileTimeValue* value = scope.find(target->text);
    if (!value) {
      unknown_name(target->text, target->location, scope, "value");
      continue;
    }
    if (!value->is_unknown() && !value->is_tensor()) {
      reporter_.error(Diagnostic::WrongType, statement.location, "the output `{}` is a tensor, not {}",
                      target->text, description_of(*value));
      continue;
    }
    // What goes in and comes out is computed too: an input that nothing reads has no place in memory.
    CompileTimeValue made = *value;
    if (made.is_tensor() && graph_.value(made.tensor).role == ValueRole::Input)
      made.tensor = graph_.add_copy(made.tensor, full(target->text), statement.location, depth());
    outputs_->emplace_back(target->text, std::move(made));
  }
}

// layer enc = Linear(10): made once, applied as often as one likes.
void NetworkBuilder::add_shared_layer(const ast::Stmt& statement, Scope& scope) {
  const std::string& name = statement.targets[0]->text;
  CompileTimeValue value = evaluate(*statement.value, scope);
  if (!value.is_unknown() && value.kind != Kind::Layer) {
    reporter_.error(Diagnostic::WrongType, statement.value->location, "`{}` is {}, not a layer",
                    print_expr(*statement.value), description_of(value));
    value = {};
  }
  if (value.kind == Kind::Layer && value.layer->path.empty()) {
    if (claim(name, statement.targets[0]->location))
      value.layer->path = full(name);
    else
      value = {};
  }
  assign(statement.targets, std::move(value), scope, statement.location);
}

} // namespace striate
