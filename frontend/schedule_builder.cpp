#include "frontend/schedule_builder.h"

#include "frontend/bind_call.h"
#include "frontend/print_ast.h"
#include "frontend/scalar_operators.h"

#include <algorithm>
#include <array>
#include <limits>
#include <numbers>

namespace striate {

using ast::ExprKind;
using ast::Operator;

// What a schedule sees of the run, and what it is called among the run-time scalars.
static constexpr std::array kCounters = {"step", "epoch", "steps", "epochs"};
static constexpr std::array kFunctions = {Function::Abs,   Function::Exp,   Function::Log, Function::Sqrt,
                                          Function::Tanh,  Function::Erf,   Function::Sin, Function::Cos,
                                          Function::Pow,   Function::Max,   Function::Min, Function::Floor,
                                          Function::Round, Function::Select};
static constexpr const char* kPlateau = "plateau";

static std::optional<Function> schedule_function(const std::string& name) {
  const auto function = function_named(name);
  if (!function || std::find(kFunctions.begin(), kFunctions.end(), *function) == kFunctions.end())
    return std::nullopt;
  return function;
}

ExprRef ScheduleBuilder::number(const ast::Expr& expr, const Names& names) {
  ExprRef result = value(expr, names);
  if (!result || result->type == ScalarType::Real) return result;
  reporter_.error(Diagnostic::WrongType, expr.location, "`{}` is true or false, and a number is needed here",
                  print_expr(expr));
  return nullptr;
}

ExprRef ScheduleBuilder::condition(const ast::Expr& expr, const Names& names) {
  ExprRef result = value(expr, names);
  if (!result || result->type == ScalarType::Bool) return result;
  reporter_.error(Diagnostic::WrongType, expr.location, "a condition is true or false, and `{}` is a number",
                  print_expr(expr));
  return nullptr;
}

ExprRef ScheduleBuilder::value(const ast::Expr& expr, const Names& names) {
  if (!reporter_.spend(1, expr.location)) return nullptr;
  switch (expr.kind) {
  case ExprKind::Integer:
    return constant(static_cast<double>(expr.integer));
  case ExprKind::Real:
    return constant(expr.real);
  case ExprKind::Boolean:
    return constant_bool(expr.integer != 0);
  case ExprKind::Name:
    return named(expr, names);
  case ExprKind::Unary:
  case ExprKind::Binary:
    return operation(expr, names);
  case ExprKind::If:
    return choice(expr, names);
  case ExprKind::Call:
    return call(expr, nullptr, names);
  case ExprKind::Pipe: {
    ExprRef result = number(*expr.operands[0], names);
    for (std::size_t i = 1; i < expr.operands.size() && result; ++i)
      result = call(*expr.operands[i], result, names);
    return result;
  }
  default:
    reporter_.error(Diagnostic::WrongType, expr.location, "`{}` is no number that changes from step to step",
                    print_expr(expr));
    return nullptr;
  }
}

ExprRef ScheduleBuilder::named(const ast::Expr& expr, const Names& names) {
  if (const auto found = names.find(expr.text); found != names.end()) return found->second;
  if (std::find(kCounters.begin(), kCounters.end(), expr.text) != kCounters.end())
    return run_time_scalar(expr.text);
  if (expr.text == "inf") return constant(std::numeric_limits<double>::infinity());
  if (expr.text == "pi") return constant(std::numbers::pi);
  std::vector<std::string> known(kCounters.begin(), kCounters.end());
  for (const auto& [name, value] : names) known.push_back(name);
  reporter_
      .unknown_name(Diagnostic::UnknownName, expr.location, expr.text,
                    fmt::format("no number is called `{}` here", expr.text), known)
      .note("an optimizer's numbers may depend on step, epoch, steps and epochs");
  return nullptr;
}

ExprRef ScheduleBuilder::operation(const ast::Expr& expr, const Names& names) {
  const bool logical = expr.op == Operator::And || expr.op == Operator::Or || expr.op == Operator::Not;
  std::vector<ExprRef> x;
  for (const ast::ExprPtr& operand : expr.operands) {
    x.push_back(logical ? condition(*operand, names) : number(*operand, names));
    if (!x.back()) return nullptr;
  }
  switch (expr.op) {
  case Operator::Divide:
    return x[0] / x[1];
  case Operator::FloorDivide:
    return apply(Function::Floor, {x[0] / x[1]});
  case Operator::Modulo:
    return x[0] - x[1] * apply(Function::Floor, {x[0] / x[1]});
  case Operator::Power:
    return apply(Function::Pow, x);
  default:
    return apply_operator(expr.op, x);
  }
}

// `if` looks at the counters: it is decided before each update.
ExprRef ScheduleBuilder::choice(const ast::Expr& expr, const Names& names) {
  const ExprRef decides = condition(*expr.operands[0], names);
  if (!expr.otherwise) {
    reporter_
        .error(Diagnostic::MissingValue, expr.location, "this `if` has no value where its condition is false")
        .help("add `else {{ ... }}`");
    return nullptr;
  }
  const ExprRef then = body(*expr.block, names, expr.location);
  const ExprRef otherwise = body(*expr.otherwise, names, expr.location);
  return decides && then && otherwise ? select(decides, then, otherwise) : nullptr;
}

// Assignments and, at the end, the value.
ExprRef ScheduleBuilder::body(const ast::Block& block, Names names, const SourceLocation& place) {
  ExprRef result;
  for (const ast::Stmt& statement : block.statements) {
    const bool gives = statement.kind == ast::StmtKind::Return || statement.kind == ast::StmtKind::Value;
    const bool names_one = statement.kind == ast::StmtKind::Assign && statement.targets.size() == 1 &&
                           statement.targets[0]->kind == ExprKind::Name;
    if (!gives && !names_one) {
      reporter_.error(Diagnostic::NotSupported, statement.location,
                      "a schedule has statements `name = number` and `return number`");
      return nullptr;
    }
    const ExprRef number_here = number(*statement.value, names);
    if (!number_here) return nullptr;
    if (gives)
      result = number_here;
    else
      names[statement.targets[0]->text] = number_here;
  }
  if (!result)
    reporter_.error(Diagnostic::MissingValue, place, "this block gives no number").help("write `return ...`");
  return result;
}

ExprRef ScheduleBuilder::call(const ast::Expr& expr, const ExprRef& piped, const Names& names) {
  const ast::Expr& callee = expr.kind == ExprKind::Call ? *expr.operands[0] : expr;
  const std::string name = callee.kind == ExprKind::Name ? callee.text : "";
  if (const ast::Item* item = library_.find(ast::ItemKind::Schedule, name))
    return apply_schedule(expr, *item, piped, names);
  if (name == kPlateau && !piped) return plateau(expr, names);
  if (const auto function = schedule_function(name))
    return apply_function(expr, *function, piped ? Arguments{piped} : Arguments{}, names);
  std::vector<std::string> known = library_.names(ast::ItemKind::Schedule);
  const std::string schedules = fmt::format("the schedules are {} and {}", fmt::join(known, ", "), kPlateau);
  known.emplace_back(kPlateau);
  for (Function function : kFunctions) known.emplace_back(name_of(function));
  reporter_
      .unknown_name(Diagnostic::UnknownName, callee.location, name,
                    fmt::format("no schedule or scalar function is called `{}`", print_expr(callee)), known,
                    &library_)
      .note("{}", schedules);
  return nullptr;
}

ExprRef ScheduleBuilder::apply_function(const ast::Expr& call, Function function, Arguments x,
                                        const Names& names) {
  for (const ast::Argument& argument : call.arguments) {
    const bool decides = function == Function::Select && x.empty();
    x.push_back(decides ? condition(*argument.value, names) : number(*argument.value, names));
    if (!x.back()) return nullptr;
  }
  const auto arity = static_cast<std::size_t>(arity_of(function));
  const bool any_number = function == Function::Max || function == Function::Min;
  if (any_number ? x.size() < 2 : x.size() != arity) {
    reporter_.error(Diagnostic::WrongArgument, call.location, "`{}` takes {}{} numbers, not {}",
                    name_of(function), any_number ? "at least " : "", arity, x.size());
    return nullptr;
  }
  while (x.size() > arity) { // min(a, b, c)
    x[0] = apply(function, {x[0], x[1]});
    x.erase(x.begin() + 1);
  }
  return apply(function, x);
}

ExprRef ScheduleBuilder::apply_schedule(const ast::Expr& call, const ast::Item& item, const ExprRef& piped,
                                        const Names& names) {
  if (!reporter_.enter(item, call.location)) return nullptr;
  Names inner;
  bool sound = true;
  std::size_t position = 0;
  const auto bind = [&](const std::string& name, const ExprRef& value, const SourceLocation& place) {
    if (!value) {
      sound = false;
    } else if (!inner.emplace(name, value).second) {
      reporter_.error(Diagnostic::WrongArgument, place, "`{}` of `{}` is given twice", name, item.name);
      sound = false;
    }
  };
  if (piped && !item.attributes.empty()) bind(item.attributes[position++].name, piped, call.location);
  for (const ast::Argument& argument : call.arguments) {
    const auto named = [&](const ast::Parameter& parameter) { return parameter.name == argument.name; };
    const bool known = argument.name.empty()
                           ? position < item.attributes.size()
                           : std::any_of(item.attributes.begin(), item.attributes.end(), named);
    if (!known) {
      if (argument.name.empty())
        reporter_
            .error(Diagnostic::WrongArgument, argument.location, "`{}` has no argument number {}", item.name,
                   position + 1)
            .note("it is `{}`", signature_of(item));
      else
        unknown_argument(reporter_, item, item.attributes, argument);
      sound = false;
      continue;
    }
    bind(argument.name.empty() ? item.attributes[position++].name : argument.name,
         number(*argument.value, names), argument.location);
  }
  for (const ast::Parameter& parameter : item.attributes) {
    if (!sound || inner.contains(parameter.name)) continue;
    if (parameter.default_value) {
      bind(parameter.name, number(*parameter.default_value, inner), parameter.location);
      continue;
    }
    reporter_.error(Diagnostic::WrongArgument, call.location, "`{}` needs `{}`", item.name, parameter.name)
        .note("it is `{}`", signature_of(item));
    sound = false;
  }
  const ExprRef result = sound ? body(*item.body, inner, item.location) : nullptr;
  reporter_.leave();
  return result;
}

ExprRef ScheduleBuilder::plateau(const ast::Expr& call, const Names& names) {
  PlateauDescription description;
  description.location = call.location;
  for (const ast::Argument& argument : call.arguments) {
    if (argument.name.empty() && description.measure.empty()) {
      description.measure = print_expr(*argument.value);
      description.location = argument.location;
      continue;
    }
    double* settings[] = {&description.factor, &description.patience, &description.threshold,
                          &description.cooldown};
    const char* const setting_names[] = {"factor", "patience", "threshold", "cooldown"};
    const auto found = std::find(std::begin(setting_names), std::end(setting_names), argument.name);
    if (found == std::end(setting_names)) {
      reporter_
          .unknown_name(Diagnostic::WrongArgument, argument.location, argument.name,
                        fmt::format("`{}` has no argument `{}`", kPlateau, argument.name),
                        {std::begin(setting_names), std::end(setting_names)})
          .note("it is `plateau(val.loss, factor = 0.1, patience = 10, threshold = 1e-4, cooldown = 0)`");
      return nullptr;
    }
    const ExprRef given = number(*argument.value, names);
    if (!given) return nullptr;
    if (given->kind != Expr::Kind::Constant || !(given->constant >= 0)) {
      reporter_.error(Diagnostic::BadValue, argument.value->location,
                      "`{}` is a number from 0 that does not change, not `{}`", argument.name,
                      print_expr(*argument.value));
      return nullptr;
    }
    *settings[found - std::begin(setting_names)] = given->constant;
  }
  if (description.measure.empty()) {
    reporter_
        .error(Diagnostic::WrongArgument, call.location, "`{}` needs the measure that it watches", kPlateau)
        .help("write `plateau(val.loss)`");
    return nullptr;
  }
  plateaus_.push_back(std::move(description));
  return run_time_scalar(fmt::format("{}.{}", kPlateau, plateaus_.size() - 1));
}

} // namespace striate
