#include "frontend/network_builder.h"

#include "frontend/print_ast.h"
#include "frontend/unify_shapes.h"

#include <algorithm>

namespace striate {

using ast::ExprKind;
using Kind = CompileTimeValue::Kind;

static constexpr int kNodeLimit = 20'000;

std::string NetworkBuilder::full(const std::string& name) const {
  const std::string& path = frames_.back().path;
  return path.empty() ? name : path + "." + name;
}

std::string NetworkBuilder::default_name(const std::string& base) {
  const int count = frame().names[base]++;
  return count == 0 ? base : base + "." + std::to_string(count);
}

bool NetworkBuilder::claim(const std::string& name, const SourceLocation& place) {
  if (frame().names[name]++ == 0) return true;
  reporter_.error(Diagnostic::DuplicateName, place, "`{}` names two values", full(name))
      .note("parameters are known by their path, so each layer has a name of its own")
      .help("in a `repeat i ...`, number it: `as {}{{i}}`", name);
  return false;
}

bool NetworkBuilder::within_budget(const SourceLocation& place) {
  if (graph_.node_count() < kNodeLimit) return true;
  reporter_.error(Diagnostic::TooMuchWork, place, "the network has more than {} operator calls", kNodeLimit);
  return false;
}

CompileTimeValue NetworkBuilder::expand(const ast::Expr& expr, Scope& scope, const std::string& path) {
  frames_.push_back({});
  frame().path = path;
  CompileTimeValue value = evaluate(expr, scope);
  frames_.pop_back();
  return value;
}

CompileTimeValue NetworkBuilder::evaluate_other(const ast::Expr& expr, Scope& scope) {
  switch (expr.kind) {
  case ExprKind::Pipe:
    return pipe(expr, scope);
  case ExprKind::As:
    return named(expr, scope);
  case ExprKind::Name:
    return call(expr, nullptr, {}, expr.location, scope, {});
  case ExprKind::Call:
    if (special_call)
      if (auto value = special_call(expr, scope)) return *value;
    return call(*expr.operands[0], &expr.arguments, {}, expr.location, scope, {});
  case ExprKind::Member:
    return member(expr, scope);
  case ExprKind::When: {
    const auto holds = when_holds(expr, scope);
    if (!holds) return {};
    if (*holds || expr.otherwise) return evaluate_block(*holds ? *expr.block : *expr.otherwise, scope);
    reporter_.error(Diagnostic::MissingValue, expr.location, "this `when` has no value otherwise")
        .help("add `else {{ ... }}`");
    return {};
  }
  case ExprKind::Repeat: {
    const auto range = repeat_range(expr, scope);
    CompileTimeValue value;
    if (!range) return value;
    if (range->first >= range->second) report_no_value(expr.location, "`repeat`, which runs 0 times,");
    for (int64_t i = range->first; i < range->second; ++i) {
      Scope inner(&scope);
      inner.bind(expr.text, CompileTimeValue::of(i));
      value = evaluate_block(*expr.block, inner);
      if (value.is_unknown()) return value;
    }
    return value;
  }
  case ExprKind::Scan: {
    std::vector<BoundInput> sequences;
    for (const ast::ExprPtr& sequence : expr.operands)
      sequences.push_back({evaluate(*sequence, scope), sequence->location});
    if (!sequences.empty()) return scan(expr, sequences, scope, {});
    reporter_.error(Diagnostic::MissingValue, expr.location, "this scan has nothing to go through")
        .help("name it, `scan x in xs {{ ... }}`, or let it go in: `xs -> scan x {{ ... }}`");
    return {};
  }
  default:
    reporter_.error(Diagnostic::WrongType, expr.location, "`{}` is index notation, which belongs in an `op`",
                    print_expr(expr));
    return {};
  }
}

CompileTimeValue NetworkBuilder::evaluate_block(const ast::Block& block, Scope& scope) {
  Scope inner(&scope);
  CompileTimeValue value;
  execute(block, inner, &value);
  if (block.statements.empty() || block.statements.back().kind != ast::StmtKind::Value)
    report_no_value(block.location, "block");
  return value;
}

// What is known is not evaluated again: it may have made layers.
CompileTimeValue NetworkBuilder::call_on_tensors(const ast::Expr& expr, std::vector<CompileTimeValue> known,
                                                 Scope& scope) {
  std::vector<BoundInput> first;
  for (std::size_t i = 0; i < known.size(); ++i)
    first.push_back({std::move(known[i]), expr.arguments[i].value->location});
  const std::vector<ast::Argument> others(expr.arguments.begin() + static_cast<std::ptrdiff_t>(first.size()),
                                          expr.arguments.end());
  return call(*expr.operands[0], &others, std::move(first), expr.location, scope, {});
}

// `a + b` on tensors is the op that the library says is written so.
CompileTimeValue NetworkBuilder::combine(const ast::Expr& expr,
                                         const std::vector<CompileTimeValue>& operands) {
  const bool tensors =
      std::any_of(operands.begin(), operands.end(), [](const auto& value) { return value.is_tensor(); });
  if (!tensors) return Evaluator::combine(expr, operands);
  for (const CompileTimeValue& operand : operands)
    if (operand.is_unknown()) return {};
  const char* sign = spelling_of(expr.op);
  const ast::Item* op = library_.find_operator(sign, static_cast<int>(operands.size()));
  if (!op) {
    reporter_.error(Diagnostic::WrongType, expr.location, "`{}` does not join tensors", sign)
        .help("write an `op` that says what happens to each element");
    return {};
  }
  BoundCall bound;
  for (std::size_t i = 0; i < operands.size(); ++i)
    bound.inputs.push_back({operands[i], expr.operands[i]->location});
  return apply_op(*op, std::move(bound), expr.location, {});
}

CompileTimeValue NetworkBuilder::apply(const ast::Item& op, const std::vector<CompileTimeValue>& inputs,
                                       const SourceLocation& place) {
  BoundCall bound;
  for (const CompileTimeValue& input : inputs) bound.inputs.push_back({input, place});
  return apply_op(op, std::move(bound), place, {});
}

CompileTimeValue NetworkBuilder::pipe(const ast::Expr& expr, Scope& scope) {
  CompileTimeValue value = evaluate(*expr.operands[0], scope);
  for (std::size_t i = 1; i < expr.operands.size() && !value.is_unknown(); ++i) {
    CompileTimeValue next = stage(value, *expr.operands[i], scope, {});
    report_stage(value, next, *expr.operands[i], i + 1 == expr.operands.size());
    value = std::move(next);
  }
  return value;
}

std::string NetworkBuilder::finding_text(const CompileTimeValue& value) const {
  if (value.is_tensor()) return graph_.value(value.tensor).type.spaced_text();
  if (value.kind == Kind::Layer) return "a layer, " + value.layer->item->name;
  return Evaluator::finding_text(value);
}

void NetworkBuilder::report_stage(const CompileTimeValue& before, const CompileTimeValue& after,
                                  const ast::Expr& expr, bool last) {
  if (last || !reporter_.is_heard(expr.location)) return;
  const std::string text = finding_text(after);
  if (text != finding_text(before)) reporter_.found(Finding::Kind::Stage, expr.location, text);
}

std::optional<NetworkBuilder::Wanted> NetworkBuilder::wanted_name(const ast::Expr& as, Scope& scope) {
  Wanted wanted;
  wanted.location = as.location;
  for (const ast::PathPart& part : as.path) {
    if (!part.value) {
      wanted.name += part.text;
      continue;
    }
    const auto piece = name_piece(*part.value, scope);
    if (!piece) return std::nullopt;
    wanted.name += *piece;
  }
  if (!claim(wanted.name, as.location)) return std::nullopt;
  return wanted;
}

// `e as name` outside of a pipeline.
CompileTimeValue NetworkBuilder::named(const ast::Expr& expr, Scope& scope) {
  const ast::Expr& inner = *expr.operands[0];
  const auto wanted = wanted_name(expr, scope);
  if (!wanted) return {};
  const bool calls = inner.kind == ExprKind::Call && inner.operands[0]->kind != ExprKind::Member;
  const auto special = calls && special_call ? special_call(inner, scope) : std::nullopt;
  if (calls && !special)
    return call(*inner.operands[0], &inner.arguments, {}, inner.location, scope, *wanted);
  CompileTimeValue value = special ? *special : evaluate(inner, scope);
  if (value.is_tensor()) graph_.rename(value.tensor, full(wanted->name), depth());
  if (value.kind == Kind::Layer && value.layer->path.empty()) value.layer->path = full(wanted->name);
  return value;
}

// enc.weight: a parameter of a layer, by its path.
CompileTimeValue NetworkBuilder::member(const ast::Expr& expr, Scope& scope) {
  std::string path = expr.text;
  const ast::Expr* root = expr.operands[0].get();
  for (; root->kind == ExprKind::Member; root = root->operands[0].get()) path = root->text + "." + path;
  if (root->kind == ExprKind::Name) {
    const CompileTimeValue* layer = scope.find(root->text);
    const std::string start = layer && layer->kind == Kind::Layer ? layer->layer->path : full(root->text);
    const int value = graph_.find_persistent(start + "." + path);
    if (value >= 0) return CompileTimeValue::of_tensor(value);
  }
  reporter_
      .unknown_name(Diagnostic::UnknownName, expr.location, print_expr(expr),
                    fmt::format("no parameter is called `{}` here", print_expr(expr)),
                    graph_.persistent_names())
      .note("a parameter is known by the path of its layer, once the layer was applied: `conv1.weight`");
  return {};
}

std::optional<bool> NetworkBuilder::when_holds(const ast::Expr& expr, Scope& scope) {
  Scope inner(&scope);
  inner.bind("training", CompileTimeValue::of_bool(training_));
  return evaluate_condition(*expr.operands[0], inner);
}

// One stage of a pipeline.
CompileTimeValue NetworkBuilder::stage(CompileTimeValue input, const ast::Expr& expr, Scope& scope,
                                       const Wanted& wanted) {
  if (!reporter_.spend(1, expr.location)) return {};
  CompileTimeValue value = stage_of_kind(std::move(input), expr, scope, wanted);
  if (reporter_.is_heard(expr.location))
    reporter_.found(Finding::Kind::Value, expr.location, finding_text(value));
  return value;
}

CompileTimeValue NetworkBuilder::stage_of_kind(CompileTimeValue input, const ast::Expr& expr, Scope& scope,
                                               const Wanted& wanted) {
  std::vector<BoundInput> piped;
  if (input.kind == Kind::List)
    for (const CompileTimeValue& item : input.items) piped.push_back({item, expr.location});
  else
    piped.push_back({input, expr.location});
  if (special_stage && (expr.kind == ExprKind::Name || expr.kind == ExprKind::Call))
    if (auto value = special_stage(input, expr, scope)) return *value;
  switch (expr.kind) {
  case ExprKind::As: {
    const auto name = wanted_name(expr, scope);
    return name ? stage(std::move(input), *expr.operands[0], scope, *name) : CompileTimeValue();
  }
  case ExprKind::Name:
    return call(expr, nullptr, std::move(piped), expr.location, scope, wanted);
  case ExprKind::Call:
    return call(*expr.operands[0], &expr.arguments, std::move(piped), expr.location, scope, wanted);
  case ExprKind::Pipe:
    for (const ast::ExprPtr& part : expr.operands) {
      if (input.is_unknown()) break;
      const bool last = part == expr.operands.back();
      CompileTimeValue next = stage(input, *part, scope, last ? wanted : Wanted());
      report_stage(input, next, *part, last);
      input = std::move(next);
    }
    return input;
  case ExprKind::If:
  case ExprKind::When: {
    const auto holds =
        expr.kind == ExprKind::If ? evaluate_condition(*expr.operands[0], scope) : when_holds(expr, scope);
    if (!holds) return {};
    const ast::BlockPtr& block = *holds ? expr.block : expr.otherwise;
    return block ? stage_block(std::move(input), *block, scope, wanted) : input;
  }
  case ExprKind::Repeat: {
    const auto range = repeat_range(expr, scope);
    if (!range) return {};
    for (int64_t i = range->first; i < range->second && !input.is_unknown(); ++i) {
      Scope inner(&scope);
      inner.bind(expr.text, CompileTimeValue::of(i));
      input = stage_block(std::move(input), *expr.block, inner, i + 1 == range->second ? wanted : Wanted());
    }
    return input;
  }
  case ExprKind::Scan:
    if (expr.operands.empty()) return this->scan(expr, piped, scope, wanted);
    reporter_.error(Diagnostic::WrongArgument, expr.location, "this scan is given its sequence twice")
        .help("leave out `in {}`", print_expr(*expr.operands[0]));
    return {};
  default:
    reporter_.error(Diagnostic::WrongType, expr.location, "`{}` is no operator or layer", print_expr(expr));
    return {};
  }
}

// A block in a pipeline: its last statement is the stage.
CompileTimeValue NetworkBuilder::stage_block(CompileTimeValue input, const ast::Block& block, Scope& scope,
                                             const Wanted& wanted) {
  Scope inner(&scope);
  for (const ast::Stmt& statement : block.statements) {
    if (&statement == &block.statements.back() && statement.kind == ast::StmtKind::Value)
      return stage(std::move(input), *statement.value, inner, wanted);
    execute(statement, inner, nullptr);
  }
  return input;
}

CompileTimeValue NetworkBuilder::call(const ast::Expr& callee, const std::vector<ast::Argument>* arguments,
                                      std::vector<BoundInput> piped, const SourceLocation& place,
                                      Scope& scope, const Wanted& wanted) {
  for (const BoundInput& input : piped)
    if (input.value.is_unknown()) return {};
  CallSite site{std::move(piped), arguments, place};
  if (callee.kind == ExprKind::Call) {
    CompileTimeValue layer = evaluate(callee, scope);
    if (layer.kind == Kind::Layer) return apply_layer(*layer.layer, site, scope, wanted);
    if (!layer.is_unknown())
      reporter_.error(Diagnostic::WrongType, callee.location, "`{}` is {}, which cannot be called",
                      print_expr(callee), description_of(layer));
    return {};
  }
  if (callee.kind != ExprKind::Name) {
    reporter_.error(Diagnostic::WrongType, callee.location, "`{}` is no operator or layer",
                    print_expr(callee));
    return {};
  }
  if (const CompileTimeValue* value = scope.find(callee.text)) {
    if (value->kind == Kind::Layer) return apply_layer(*value->layer, site, scope, wanted);
    if (!value->is_unknown())
      reporter_
          .error(Diagnostic::WrongType, callee.location, "`{}` is {}, which cannot be called", callee.text,
                 description_of(*value))
          .note("operators and layers are called; two tensors are joined by `a + b` or `concat(a, b)`");
    return {};
  }
  const ast::Item* item = library_.find_callable(callee.text);
  if (!item) {
    // Activation("relu")
    const ast::Expr* first = arguments && !arguments->empty() ? (*arguments)[0].value.get() : nullptr;
    DiagnosticMessage& message = unknown_name(callee.text, callee.location, scope, "operator or layer");
    if (first && first->kind == ExprKind::String && library_.find_callable(first->text))
      message.help("`{0}` is an operator of its own: `-> {0}`", first->text);
    return {};
  }
  if (item->kind == ast::ItemKind::Op) return apply_op(*item, site, scope, wanted);
  CallSite construction{{}, arguments, place};
  auto bound = bind_call(*this, scope, *item, Takes::Attributes, construction);
  if (!bound) return {};
  auto layer = std::make_shared<LayerInstance>();
  layer->item = item;
  layer->attributes = std::move(bound->attributes);
  if (!site.piped.empty()) {
    site.arguments = nullptr;
    return apply_layer(*layer, site, scope, wanted);
  }
  if (wanted.given()) layer->path = full(wanted.name);
  CompileTimeValue value;
  value.kind = Kind::Layer;
  value.layer = std::move(layer);
  return value;
}

bool NetworkBuilder::expand_model(const ast::Item& item,
                                  const std::map<std::string, CompileTimeValue>& attributes,
                                  const InputMaker& make_input,
                                  std::vector<std::pair<std::string, CompileTimeValue>>& outputs) {
  frames_.push_back({});
  frame().item = &item;
  make_input_ = &make_input;
  outputs_ = &outputs;
  Scope arguments = attribute_scope(item, attributes);
  arguments.bind("N", CompileTimeValue::of(Size::n()));
  const std::size_t errors = reporter_.diagnostics().error_count();
  ShapeUnifier shapes(*this, arguments, item, item.location);
  if (shapes.check_preconditions()) {
    Scope body(&arguments);
    execute(*item.body, body, nullptr);
    if (outputs.empty() && reporter_.diagnostics().error_count() == errors)
      reporter_.error(Diagnostic::MissingValue, item.location, "the model `{}` has no output", item.name)
          .help("write `output name = ...`");
  }
  frames_.pop_back();
  return reporter_.diagnostics().error_count() == errors;
}

} // namespace striate
