#include "frontend/instantiate_op.h"

#include "frontend/definition_builder.h"
#include "frontend/elaborate.h"
#include "frontend/parser.h"
#include "ir/expression_text.h"
#include "support/check.h"

#include <algorithm>

namespace striate {

static bool takes_integers(const ast::Parameter& parameter) {
  const std::string& type = parameter.type.name;
  return type == "int" || type == "i32" || type == "u8";
}

static bool is_integer(ElementType element) {
  return element == ElementType::I32 || element == ElementType::U8;
}

std::optional<Definition> instantiate(const OpCall& call, Reporter& reporter, const Library& library) {
  const ast::Item& item = *call.item;
  if (!reporter.enter(item, call.location)) return std::nullopt;
  struct Leave {
    Reporter& reporter;
    ~Leave() { reporter.leave(); }
  } leave{reporter};

  Scope scope = attribute_scope(item, call.attributes);
  OpEvaluator evaluator(reporter, library);
  ShapeUnifier shapes(evaluator, scope, item, call.location, call.explain);
  for (std::size_t i = 0; i < call.inputs.size(); ++i) {
    const ast::Parameter& parameter = item.inputs[i];
    const OpInput& input = call.inputs[i];
    if (takes_integers(parameter) && !(input.number ? false : is_integer(input.type.element))) {
      reporter.error(Diagnostic::WrongType, call.location, "`{}` of `{}` holds integers, not {}",
                     parameter.name, item.name, input.number ? real_text(*input.number) : input.type.text());
      return std::nullopt;
    }
    if (!shapes.match(parameter, input.type.shape)) return std::nullopt;
  }
  if (call.result && !shapes.match(item.outputs[0], call.result->shape)) return std::nullopt;
  evaluator.runs = &shapes.runs();
  if (!shapes.solve_groups() || !shapes.check_preconditions()) return std::nullopt;

  DefinitionBuilder builder(reporter, library, scope, shapes.runs(), item.name, call.path);
  for (std::size_t i = 0; i < call.inputs.size(); ++i) {
    const OpInput& input = call.inputs[i];
    if (input.number) {
      builder.add_number(item.inputs[i].name, *input.number);
      continue;
    }
    auto tensor = shapes.declared(item.inputs[i], input.type.shape);
    if (!tensor) return std::nullopt;
    builder.add_input(item.inputs[i].name, input.type, std::move(tensor->groups),
                      !takes_integers(item.inputs[i]));
  }
  if (call.of_rows) builder.add_row_numbers();
  std::vector<std::string> outputs;
  for (const ast::Parameter& output : item.outputs) {
    auto tensor = shapes.declare(output);
    if (!tensor) return std::nullopt;
    builder.declare_output(output.name, takes_integers(output) ? ElementType::I32 : ElementType::F32,
                           std::move(*tensor), output.name);
    outputs.push_back(output.name);
  }
  for (const ast::Stmt& statement : item.body->statements)
    if (!builder.add_statement(statement)) return std::nullopt;
  for (const std::string& output : outputs)
    if (!builder.has_output(output)) {
      reporter.error(Diagnostic::MissingValue, item.location, "`{}` never gives its output `{}` a value",
                     item.name, output);
      return std::nullopt;
    }
  Definition definition = builder.finish(outputs);
  const std::string problem = verify(definition);
  CHECK(problem.empty(), "{}: {}\n{}", item.name, problem, definition_text(definition));
  return definition;
}

ExprRef initial_value(const Definition& definition, const SourceLocation& place, Reporter& reporter) {
  const std::function<ExprRef(int)> value_of = [&](int operand) -> ExprRef {
    for (const Statement& statement : definition.statements) {
      if (statement.target != operand) continue;
      bool plain = !statement.reduces();
      for (std::size_t d = 0; d < statement.output.size(); ++d)
        plain = plain && statement.output[d] == std::vector<int>{static_cast<int>(d)};
      if (!plain) return nullptr;
      bool sound = true;
      ExprRef body = rewrite(statement.body, [&](const ExprRef& e) -> ExprRef {
        if (e->kind != Expr::Kind::Read) return e;
        ExprRef inner = e->has_else ? nullptr : value_of(e->operand);
        if (!inner) {
          sound = false;
          return e;
        }
        return substitute(inner,
                          [&](int variable) { return e->indices[static_cast<std::size_t>(variable)]; });
      });
      return sound ? body : nullptr;
    }
    return nullptr;
  };
  ExprRef value = value_of(definition.outputs[0]);
  if (!value)
    reporter.error(Diagnostic::NotSupported, place,
                   "a first value is an expression of its own indices, without reductions");
  return value;
}

std::shared_ptr<const Definition> instantiate_item(const Library& library, const ast::Item& item,
                                                   const std::vector<TensorType>& operands,
                                                   const std::map<std::string, std::string>& attributes,
                                                   Diagnostics& diagnostics) {
  Reporter reporter(diagnostics);
  const SourceLocation nowhere{item.name, 1, 1, 1};
  OpCall call;
  call.item = &item;
  call.location = nowhere;
  call.path = item.name;
  for (const TensorType& type : operands) call.inputs.push_back({type, std::nullopt});
  if (item.inputs.empty() && operands.size() == 1) {
    call.inputs.clear();
    call.result = operands[0];
  } else if (operands.size() != item.inputs.size()) {
    diagnostics.error(Diagnostic::WrongArgument, nowhere, "`{}` takes {} inputs, not {}", item.name,
                      item.inputs.size(), operands.size());
    return nullptr;
  }
  std::vector<ast::Argument> arguments;
  for (const auto& [name, text] : attributes) {
    ast::Argument argument;
    argument.location = nowhere;
    argument.name = name;
    argument.value = parse_expression(name, text, diagnostics);
    if (!argument.value) return nullptr;
    arguments.push_back(std::move(argument));
  }
  Evaluator evaluator(reporter, library);
  Scope scope;
  CallSite site;
  site.arguments = &arguments;
  site.location = nowhere;
  auto bound = bind_call(evaluator, scope, item, Takes::Attributes, site);
  if (!bound) return nullptr;
  call.attributes = std::move(bound->attributes);
  auto definition = instantiate(call, reporter, library);
  return definition ? std::make_shared<const Definition>(std::move(*definition)) : nullptr;
}

std::shared_ptr<const Definition> instantiate_op(const ast::File* file, const std::string& op,
                                                 const std::vector<TensorType>& operands,
                                                 const std::map<std::string, std::string>& attributes,
                                                 Diagnostics& diagnostics) {
  const Library library(file, diagnostics);
  if (const ast::Item* item = library.find(ast::ItemKind::Op, op))
    return instantiate_item(library, *item, operands, attributes, diagnostics);
  Reporter(diagnostics)
      .unknown_name(Diagnostic::UnknownName, SourceLocation{op, 1, 1, 1}, op,
                    fmt::format("no operator is called `{}`", op), library.names(ast::ItemKind::Op),
                    &library);
  return nullptr;
}

} // namespace striate
