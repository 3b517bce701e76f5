// Scalar and index expressions of an op's statements.
#include "frontend/definition_builder.h"

#include "frontend/print_ast.h"
#include "frontend/scalar_operators.h"
#include "support/random.h"

#include <algorithm>
#include <cmath>

namespace striate {

using ast::ExprKind;
using ast::Operator;

// No indices, tensors, draws or run-time scalars in it.
bool DefinitionBuilder::is_compile_time(const ast::Expr& expr, const Context& context) const {
  switch (expr.kind) {
  case ExprKind::Name:
    return !context.indices.contains(expr.text) && find(expr.text) < 0 && !numbers_.contains(expr.text) &&
           !scalars_.contains(expr.text) &&
           (scope_.find(expr.text) || expr.text == "inf" || expr.text == "pi");
  case ExprKind::Reduce:
  case ExprKind::Guarded:
  case ExprKind::Run:
  case ExprKind::If:
  case ExprKind::String:
    return false;
  case ExprKind::Call: {
    if (expr.operands[0]->kind != ExprKind::Name) return false;
    if (expr.operands[0]->text == "count") return true;
    return is_compile_time_function(expr.operands[0]->text) &&
           std::all_of(expr.arguments.begin(), expr.arguments.end(), [&](const ast::Argument& argument) {
             return is_compile_time(*argument.value, context);
           });
  }
  default:
    return std::all_of(expr.operands.begin(), expr.operands.end(),
                       [&](const ast::ExprPtr& operand) { return is_compile_time(*operand, context); });
  }
}

// ---- indices

std::optional<IndexExpr> DefinitionBuilder::index_of(const ast::Expr& expr, const Context& context) {
  const auto fail = [&](const char* why) -> std::optional<IndexExpr> {
    reporter_.error(Diagnostic::BadIndex, expr.location, "`{}` {}", print_expr(expr), why)
        .note(
            "an index is a sum of indices times constants, and their quotients and remainders by constants");
    return std::nullopt;
  };
  if (expr.kind == ExprKind::Name) {
    const auto found = context.indices.find(expr.text);
    if (found != context.indices.end()) return found->second;
  }
  if (is_compile_time(expr, context)) {
    const CompileTimeValue value = evaluator_.evaluate(expr, scope_);
    if (value.is_unknown()) return std::nullopt;
    const auto number = value.integer();
    if (!number) return fail("is no whole number");
    if (std::abs(*number) > (int64_t{1} << 40)) return fail("is too large for an index");
    return IndexExpr(*number);
  }
  switch (expr.kind) {
  case ExprKind::Name: {
    if (find(expr.text) >= 0) return fail("is a tensor");
    std::vector<std::string> names;
    scope_.collect_names(names);
    for (const auto& [name, index] : context.indices) names.push_back(name);
    reporter_
        .unknown_name(Diagnostic::UnknownName, expr.location, expr.text,
                      fmt::format("`{}` is no index here", expr.text), names)
        .note("indices are named on the left side, or by a reduction: `sum({}) ...`", expr.text);
    return std::nullopt;
  }
  case ExprKind::Unary: {
    const auto operand = expr.op == Operator::Negate ? index_of(*expr.operands[0], context) : std::nullopt;
    if (operand) return *operand * -1;
    return expr.op == Operator::Negate ? std::nullopt : fail("is no index");
  }
  case ExprKind::Binary: {
    const auto a = index_of(*expr.operands[0], context);
    const auto b = a ? index_of(*expr.operands[1], context) : std::nullopt;
    if (!b) return std::nullopt;
    switch (expr.op) {
    case Operator::Add:
      return *a + *b;
    case Operator::Subtract:
      return *a - *b;
    case Operator::Multiply:
      if (a->is_constant()) return *b * a->constant();
      if (b->is_constant()) return *a * b->constant();
      return fail("multiplies two indices");
    case Operator::FloorDivide:
    case Operator::Modulo:
      if (!b->is_constant() || b->constant() < 1)
        return fail("divides by something that is no positive constant");
      return (expr.op == Operator::Modulo ? IndexExpr::remainder(*a, b->constant())
                                          : IndexExpr::quotient(*a, b->constant()))
          .simplify(context.ranges());
    default:
      return fail("is no index");
    }
  }
  case ExprKind::Call: {
    const auto function = index_functions_.find(expr.operands[0]->text);
    if (function == index_functions_.end()) return fail("is no index");
    const ast::Stmt& definition = *function->second;
    const ast::Expr& head = *definition.targets[0];
    if (head.arguments.size() != expr.arguments.size()) return fail("has the wrong number of arguments");
    Context inner = context;
    inner.indices.clear();
    for (std::size_t i = 0; i < head.arguments.size(); ++i) {
      const auto value = index_of(*expr.arguments[i].value, context);
      if (!value) return std::nullopt;
      inner.indices[head.arguments[i].value->text] = *value;
    }
    if (!reporter_.spend(1, expr.location)) return std::nullopt;
    const auto nested = std::move(*function);
    index_functions_.erase(function); // so that it cannot call itself
    auto result = index_of(*definition.value, inner);
    index_functions_.insert(nested);
    return result;
  }
  case ExprKind::Read:
    return fail("depends on data");
  default:
    return fail("is no index");
  }
}

// (g c): digits, most significant first.
std::optional<IndexExpr> DefinitionBuilder::group_index(const ast::Expr& group, const Context& context,
                                                        const Tensor& tensor, std::size_t dimension,
                                                        const Size& size, const std::string& name) {
  IndexExpr index;
  Size total = Size::constant(1);
  const std::vector<Size>& declared = tensor.groups[dimension];
  const auto add = [&](const IndexExpr& digit, const Size& extent) {
    index = (extent.batch ? IndexExpr(0) : index * extent.factor) + digit;
    const auto product = multiply(total, extent);
    if (product) total = *product;
    return product.has_value();
  };
  for (std::size_t i = 0; i < group.operands.size(); ++i) {
    const ast::Expr& member = *group.operands[i];
    if (member.kind == ExprKind::Run) {
      const auto run = context.runs.find(member.text);
      if (run == context.runs.end()) {
        reporter_.error(Diagnostic::UnknownName, member.location,
                        "the run `{}` is not named on the left side or by a reduction", print_expr(member));
        return std::nullopt;
      }
      for (int variable : run->second)
        if (!add(IndexExpr::variable(variable), context.variables[static_cast<std::size_t>(variable)].extent))
          return std::nullopt;
      continue;
    }
    const auto digit = index_of(member, context);
    if (!digit) return std::nullopt;
    const auto variable = digit->as_variable();
    Size extent;
    if (declared.size() == group.operands.size()) {
      extent = declared[i];
    } else if (variable) {
      extent = context.variables[static_cast<std::size_t>(*variable)].extent;
    } else {
      reporter_.error(Diagnostic::BadIndex, member.location,
                      "how many values `{}` takes in this group is not known", print_expr(member));
      return std::nullopt;
    }
    if (!add(*digit, extent)) return std::nullopt;
  }
  if (total == size) return index;
  reporter_.error(Diagnostic::ShapeMismatch, group.location,
                  "`{}` takes {} values, but dimension {} of `{}` has {}", print_expr(group), total.text(),
                  dimension, name, size.text());
  return std::nullopt;
}

bool DefinitionBuilder::check_index(const ast::Expr& read, const ast::Expr& element, const IndexExpr& index,
                                    const Size& size, const Context& context, bool guarded) {
  std::vector<int> variables;
  index.collect_variables(variables);
  const auto is_batch = [&](int variable) {
    return context.variables[static_cast<std::size_t>(variable)].extent.batch;
  };
  if (size.batch || std::any_of(variables.begin(), variables.end(), is_batch)) {
    // The batch index alone, or as the leading digit of a group.
    const auto batch = std::find_if(variables.begin(), variables.end(), is_batch);
    bool fits = size.batch && batch != variables.end() && index.is_affine();
    if (fits) {
      const Size& extent = context.variables[static_cast<std::size_t>(*batch)].extent;
      const int64_t inner = index.coefficient(*batch);
      const Interval rest = (index - IndexExpr::variable(*batch) * inner).range(context.ranges());
      fits = inner >= 1 && extent.factor * inner == size.factor && rest.low >= 0 && rest.high < inner;
    }
    if (fits) return true;
    reporter_
        .error(Diagnostic::OutOfBounds, element.location, "`{}` reads across the examples of the batch",
               print_expr(read))
        .note("examples are independent: the batch dimension is read at the batch index, alone");
    return false;
  }
  const Interval range = index.range(context.ranges());
  if (guarded || context.predicated || (range.low >= 0 && range.high < size.factor)) return true;
  const std::string runs = range.low == range.high ? fmt::format("is {}", range.low)
                                                   : fmt::format("runs from {} to {}", range.low, range.high);
  reporter_
      .error(Diagnostic::OutOfBounds, element.location, "`{}` {}, outside of 0 to {}", print_expr(element),
             runs, size.factor - 1)
      .help("say what the read yields outside: `({} else 0)`", print_expr(read));
  return false;
}

// ---- reads

ExprRef DefinitionBuilder::typed_read(int operand, std::vector<IndexExpr> indices,
                                      std::optional<double> otherwise) const {
  const ScalarType type =
      scalar_type_of(definition_.operands[static_cast<std::size_t>(operand)].type.element);
  ExprRef value = read(operand, std::move(indices), type, otherwise);
  if (tensors_[static_cast<std::size_t>(operand)].as_real && type == ScalarType::Int)
    return apply(Function::ToReal, {value});
  return value;
}

void DefinitionBuilder::report_unknown_tensor(const ast::Expr& read) {
  const std::string& name = read.operands[0]->text;
  std::vector<std::string> names;
  for (const auto& [known, number] : by_name_) names.push_back(known);
  DiagnosticMessage& message = reporter_.unknown_name(
      Diagnostic::UnknownName, read.operands[0]->location, name,
      fmt::format("no tensor is called `{}` here", print_expr(*read.operands[0])), names);
  if (outputs_.contains(name)) message.note("`{}` has no value yet where it is read", name);
}

ExprRef DefinitionBuilder::read_of(const ast::Expr& expr, Context& context, std::optional<double> otherwise) {
  const std::string& name = expr.operands[0]->text;
  if (const auto number = numbers_.find(name); number != numbers_.end()) return constant(number->second);
  const int operand = expr.operands[0]->kind == ExprKind::Name ? find(name) : -1;
  if (operand < 0) {
    if (scope_.find(name)) return number_of(evaluator_.evaluate(expr, scope_), expr);
    report_unknown_tensor(expr);
    return nullptr;
  }
  const TensorType& type = definition_.operands[static_cast<std::size_t>(operand)].type;
  const auto dimensions = dimensions_of(expr, operand);
  if (!dimensions) {
    reporter_.error(Diagnostic::ShapeMismatch, expr.location, "`{}` has {} dimension{}, and `{}` reads {}",
                    name, type.rank(), type.rank() == 1 ? "" : "s", print_expr(expr),
                    expr.operands.size() - 1);
    return nullptr;
  }
  std::vector<IndexExpr> indices;
  for (const ReadDimension& dimension : *dimensions) {
    const ast::Expr& element = *dimension.element;
    if (depends_on_data(element)) {
      reporter_
          .error(Diagnostic::OutOfBounds, element.location,
                 "`{}` depends on data, which may be outside of 0 to {}", print_expr(element),
                 type.shape[dimension.first].factor - 1)
          .help("say what the read yields outside: `({} else 0)`", print_expr(expr));
      return nullptr;
    }
    if (element.kind == ExprKind::Run) {
      const auto run = context.runs.find(element.text);
      if (run == context.runs.end() || run->second.size() < dimension.count) {
        reporter_.error(Diagnostic::UnknownName, element.location,
                        "the run `{}` is not named on the left side or by a reduction", print_expr(element));
        return nullptr;
      }
      const std::size_t skipped = run->second.size() - dimension.count;
      for (std::size_t i = 0; i < dimension.count; ++i) {
        const int variable = run->second[skipped + i];
        const Size& size = type.shape[dimension.first + i];
        const Size& extent = context.variables[static_cast<std::size_t>(variable)].extent;
        if (size == extent) {
          indices.push_back(IndexExpr::variable(variable));
        } else if (size.is_constant(1)) {
          indices.push_back(IndexExpr(0));
        } else {
          reporter_.error(Diagnostic::ShapeMismatch, element.location,
                          "`{}` has size {} where the run has {}", print_expr(expr), size.text(),
                          extent.text());
          return nullptr;
        }
      }
      continue;
    }
    const Size& size = type.shape[dimension.first];
    const auto index = element.kind == ExprKind::Group
                           ? group_index(element, context, tensors_[static_cast<std::size_t>(operand)],
                                         dimension.first, size, name)
                           : index_of(element, context);
    if (!index || !check_index(expr, element, *index, size, context, otherwise.has_value())) return nullptr;
    indices.push_back(*index);
  }
  if (!otherwise && context.predicated) otherwise = 0;
  // An `else` that no index needs is left out.
  if (otherwise) {
    bool inside = true;
    for (std::size_t d = 0; d < indices.size(); ++d) {
      if (type.shape[d].batch) continue;
      const Interval range = indices[d].range(context.ranges());
      inside = inside && range.low >= 0 && range.high < type.shape[d].factor;
    }
    if (inside) otherwise.reset();
  }
  return typed_read(operand, std::move(indices), otherwise);
}

// A tensor's name without indices: the element at `..`.
ExprRef DefinitionBuilder::bare_read(const ast::Expr& name, int operand, const Context& context) {
  const TensorType& type = definition_.operands[static_cast<std::size_t>(operand)].type;
  std::vector<IndexExpr> indices;
  const auto run = context.runs.find("");
  const std::size_t count = run == context.runs.end() ? 0 : run->second.size();
  bool fits = type.shape.size() <= count;
  for (std::size_t d = 0; fits && d < type.shape.size(); ++d) {
    const int variable = run->second[count - type.shape.size() + d];
    const Size& extent = context.variables[static_cast<std::size_t>(variable)].extent;
    fits = type.shape[d] == extent || type.shape[d].is_constant(1);
    indices.push_back(type.shape[d] == extent ? IndexExpr::variable(variable) : IndexExpr(0));
  }
  if (fits) return typed_read(operand, std::move(indices), std::nullopt);
  reporter_
      .error(Diagnostic::BadIndex, name.location, "`{}` is a tensor, and says not which element is meant",
             name.text)
      .help("read it at indices: `{}[..]`", name.text);
  return nullptr;
}

// ---- scalars

ExprRef DefinitionBuilder::number_of(const CompileTimeValue& value, const ast::Expr& expr) {
  switch (value.kind) {
  case CompileTimeValue::Kind::Unknown:
    return nullptr;
  case CompileTimeValue::Kind::Size:
    if (value.size.batch) return constant(static_cast<double>(value.size.factor)) * run_time_scalar("N");
    return constant_int(value.size.factor);
  case CompileTimeValue::Kind::Real:
    return constant(value.real);
  case CompileTimeValue::Kind::Bool:
    return constant_bool(value.truth);
  default:
    reporter_.error(Diagnostic::WrongType, expr.location, "`{}` is {}, not a number", print_expr(expr),
                    description_of(value));
    return nullptr;
  }
}

ExprRef DefinitionBuilder::numeric(ExprRef value, const ast::Expr& expr) {
  if (!value || value->type != ScalarType::Bool) return value;
  reporter_
      .error(Diagnostic::WrongType, expr.location, "`{}` is true or false, not a number", print_expr(expr))
      .help("write `select({}, 1, 0)`", print_expr(expr));
  return nullptr;
}

ExprRef DefinitionBuilder::scalar(const ast::Expr& expr, Context& context) {
  if (!reporter_.spend(1, expr.location)) return nullptr;
  if (is_compile_time(expr, context))
    if (auto value = evaluator_.try_evaluate(expr, scope_)) return number_of(*value, expr);
  switch (expr.kind) {
  case ExprKind::Name: {
    if (const auto index = context.indices.find(expr.text); index != context.indices.end())
      return index_value(index->second);
    if (const auto known = scalars_.find(expr.text); known != scalars_.end()) return known->second;
    if (const auto number = numbers_.find(expr.text); number != numbers_.end())
      return constant(number->second);
    if (const int operand = find(expr.text); operand >= 0) return bare_read(expr, operand, context);
    std::vector<std::string> names;
    scope_.collect_names(names);
    for (const auto& [name, index] : context.indices) names.push_back(name);
    for (const auto& [name, operand] : by_name_) names.push_back(name);
    for (const auto& [name, value] : scalars_) names.push_back(name);
    reporter_.unknown_name(Diagnostic::UnknownName, expr.location, expr.text,
                           fmt::format("nothing is called `{}` here", expr.text), names);
    return nullptr;
  }
  case ExprKind::Unary:
  case ExprKind::Binary:
    return operation(expr, context);
  case ExprKind::Read: {
    const auto known =
        expr.operands[0]->kind == ExprKind::Name ? scalars_.find(print_expr(expr)) : scalars_.end();
    return known != scalars_.end() ? known->second : read_of(expr, context, std::nullopt);
  }
  case ExprKind::Guarded:
    return guarded_read(expr, context);
  case ExprKind::Reduce:
    return hoisted_reduction(expr, context);
  case ExprKind::If: {
    const ast::Expr* branch = resolve(expr);
    return branch ? scalar(*branch, context) : nullptr;
  }
  case ExprKind::Call:
    return call(expr, context);
  default:
    // What looks known at compile time but is not says why itself.
    if (is_compile_time(expr, context)) return number_of(evaluator_.evaluate(expr, scope_), expr);
    reporter_.error(Diagnostic::WrongType, expr.location, "`{}` has no place in index notation",
                    print_expr(expr));
    return nullptr;
  }
}

ExprRef DefinitionBuilder::operation(const ast::Expr& expr, Context& context) {
  std::vector<ExprRef> operands;
  const bool logical = expr.op == Operator::And || expr.op == Operator::Or || expr.op == Operator::Not;
  for (const ast::ExprPtr& operand : expr.operands) {
    ExprRef value = scalar(*operand, context);
    if (!value) return nullptr;
    if (logical && value->type != ScalarType::Bool) {
      reporter_.error(Diagnostic::WrongType, operand->location,
                      "`{}` takes true and false, and `{}` is a number", spelling_of(expr.op),
                      print_expr(*operand));
      return nullptr;
    }
    operands.push_back(logical ? value : numeric(value, *operand));
    if (!operands.back()) return nullptr;
  }
  switch (expr.op) {
  case Operator::Divide:
    return apply(Function::Div, {to_real(operands[0]), to_real(operands[1])});
  case Operator::Power:
    if (is_constant(operands[1], 1)) return operands[0];
    if (is_constant(operands[1], 2)) return operands[0] * operands[0];
    return apply(Function::Pow, operands);
  case Operator::FloorDivide:
  case Operator::Modulo: {
    const auto index = index_of(expr, context);
    return index ? index_value(*index) : nullptr;
  }
  default:
    return apply_operator(expr.op, operands);
  }
}

// random(i, j): one draw for each value of the indices listed, the same for all others.
ExprRef DefinitionBuilder::random(const ast::Expr& expr, const Context& context) {
  IndexExpr element;
  ExprRef row;
  const auto add = [&](const IndexExpr& index, const Size& extent) {
    if (extent.batch && rows_ >= 0) {
      row = read(rows_, {IndexExpr::quotient(index, extent.factor)}, ScalarType::Int);
      element = IndexExpr::remainder(index, extent.factor);
      return;
    }
    element = (extent.batch ? IndexExpr(0) : element * extent.factor) + index;
  };
  bool first = true;
  for (const ast::Argument& argument : expr.arguments) {
    std::vector<int> variables;
    if (argument.value->kind == ExprKind::Run) {
      const auto run = context.runs.find(argument.value->text);
      if (run != context.runs.end()) {
        variables = run->second;
      } else if (runs_.contains(argument.value->text) || !argument.value->text.empty()) {
        reporter_.error(Diagnostic::UnknownName, argument.location,
                        "the run `{}` is not named on the left side", print_expr(*argument.value));
        return nullptr;
      }
    } else {
      const auto index = index_of(*argument.value, context);
      const auto variable = index ? index->as_variable() : std::nullopt;
      if (!variable) {
        if (index) reporter_.error(Diagnostic::BadIndex, argument.location, "`random` lists indices by name");
        return nullptr;
      }
      variables = {*variable};
    }
    for (int variable : variables) {
      const Size& extent = context.variables[static_cast<std::size_t>(variable)].extent;
      if (extent.batch && !first) {
        reporter_.error(Diagnostic::BadIndex, argument.location, "`random` lists the batch index first");
        return nullptr;
      }
      first = false;
      add(IndexExpr::variable(variable), extent);
    }
  }
  const std::string path = draws_ == 0 ? call_path_ : call_path_ + "/" + std::to_string(draws_);
  ++draws_;
  return random_uniform(element, stream_of(path), row);
}

ExprRef DefinitionBuilder::call(const ast::Expr& expr, Context& context) {
  if (expr.operands[0]->kind == ExprKind::Name) {
    const std::string& name = expr.operands[0]->text;
    if (name == "random") return random(expr, context);
    if (name == "stop" && expr.arguments.size() == 1) {
      ExprRef value = scalar(*expr.arguments[0].value, context);
      if (!value) return nullptr;
      return rewrite(value, [](const ExprRef& e) -> ExprRef {
        if (e->kind != Expr::Kind::Read) return e;
        Expr stopped = *e;
        stopped.stop_gradient = true;
        return std::make_shared<const Expr>(std::move(stopped));
      });
    }
    if (index_functions_.contains(name)) {
      const auto index = index_of(expr, context);
      return index ? index_value(*index) : nullptr;
    }
    if (function_named(name)) return apply_function(expr, context);
    const SourceLocation& place = expr.operands[0]->location;
    const std::string text = fmt::format("no function is called `{}`", name);
    if (evaluator_.library().find(ast::ItemKind::Op, name)) {
      reporter_.error(Diagnostic::UnknownName, place, "{}", text)
          .help("an op is called in a statement of its own: `t = {}(x)`", name);
      return nullptr;
    }
    std::vector<std::string> names = {"random", "stop", "count"};
    for (int function = 0; function <= static_cast<int>(Function::Mantissa2); ++function)
      names.emplace_back(name_of(static_cast<Function>(function)));
    for (const auto& [known, definition] : index_functions_) names.push_back(known);
    reporter_.unknown_name(Diagnostic::UnknownName, place, name, text, names, &evaluator_.library());
    return nullptr;
  }
  const ast::Expr& callee = *expr.operands[0];
  // `smu(c) (...)`
  if (callee.kind == ExprKind::Call && callee.operands[0]->kind == ExprKind::Name)
    reporter_.unknown_name(Diagnostic::UnknownName, callee.operands[0]->location, callee.operands[0]->text,
                           fmt::format("no reduction is called `{}`", callee.operands[0]->text),
                           {"sum", "prod", "max", "min", "any", "all", "argmax", "argmin"});
  else
    reporter_.error(Diagnostic::WrongType, expr.location, "`{}` is no function", print_expr(callee));
  return nullptr;
}

ExprRef DefinitionBuilder::apply_function(const ast::Expr& expr, Context& context) {
  const std::string& name = expr.operands[0]->text;
  const Function function = *function_named(name);
  std::vector<ExprRef> arguments;
  for (const ast::Argument& argument : expr.arguments) {
    if (!argument.name.empty()) {
      reporter_.error(Diagnostic::WrongArgument, argument.location, "`{}` has no argument names", name);
      return nullptr;
    }
    arguments.push_back(scalar(*argument.value, context));
    if (!arguments.back()) return nullptr;
    const bool condition = function == Function::And || function == Function::Or ||
                           function == Function::Not ||
                           (function == Function::Select && arguments.size() == 1);
    if (condition != (arguments.back()->type == ScalarType::Bool)) {
      reporter_.error(Diagnostic::WrongType, argument.location, "`{}` takes {} here, and `{}` is {}", name,
                      condition ? "true or false" : "a number", print_expr(*argument.value),
                      condition ? "a number" : "true or false");
      return nullptr;
    }
  }
  const bool folds = (function == Function::Max || function == Function::Min) && arguments.size() > 2;
  if (folds) {
    ExprRef result = arguments[0];
    for (std::size_t i = 1; i < arguments.size(); ++i) result = apply(function, {result, arguments[i]});
    return result;
  }
  if (static_cast<int>(arguments.size()) != arity_of(function)) {
    reporter_.error(Diagnostic::WrongArgument, expr.location, "`{}` takes {} argument{}, not {}", name,
                    arity_of(function), arity_of(function) == 1 ? "" : "s", arguments.size());
    return nullptr;
  }
  return apply(function, std::move(arguments));
}

} // namespace striate
