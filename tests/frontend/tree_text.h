// A syntax tree as fully bracketed text, without locations: for comparing trees independently of the printer.
#pragma once

#include "frontend/ast.h"

#include <fmt/format.h>

#include <string>

namespace striate {

std::string tree_text(const ast::Block& block);

inline std::string tree_text(const ast::Expr& expr) {
  std::string result = fmt::format("({} {} {} {} <{}>", static_cast<int>(expr.kind),
                                   static_cast<int>(expr.op), expr.integer, expr.real, expr.text);
  for (const ast::ExprPtr& operand : expr.operands) result += " " + tree_text(*operand);
  for (const ast::Argument& argument : expr.arguments)
    result += " arg " + argument.name + "=" + tree_text(*argument.value);
  for (const ast::ReduceIndex& index : expr.indices)
    result += fmt::format(" idx {}{}{}", index.name, index.run, index.range ? tree_text(*index.range) : "");
  for (const ast::PathPart& part : expr.path)
    result += " path " + part.text + (part.value ? tree_text(*part.value) : "");
  if (expr.block) result += " then " + tree_text(*expr.block);
  if (expr.otherwise) result += " else " + tree_text(*expr.otherwise);
  return result + ")";
}

inline std::string tree_text(const ast::Parameter& parameter) {
  std::string result = fmt::format("{}/{}/{}/{}/{}", parameter.name, parameter.size_name, parameter.variadic,
                                   parameter.type.name, parameter.type.has_dimensions);
  for (const ast::ExprPtr& dimension : parameter.type.dimensions) result += " " + tree_text(*dimension);
  return parameter.default_value ? result + "=" + tree_text(*parameter.default_value) : result;
}

inline std::string tree_text(const ast::Stmt& statement) {
  std::string result = fmt::format("<{} <{}> {}", static_cast<int>(statement.kind), statement.text,
                                   tree_text(statement.parameter));
  for (const ast::ExprPtr& target : statement.targets) result += " to " + tree_text(*target);
  for (const ast::ExprPtr& exclusion : statement.exclusions) result += " not " + tree_text(*exclusion);
  if (statement.value) result += " val " + tree_text(*statement.value);
  if (statement.block) result += tree_text(*statement.block);
  return result + ">\n";
}

inline std::string tree_text(const ast::Block& block) {
  std::string result = "{";
  for (const ast::Stmt& statement : block.statements) result += tree_text(statement);
  return result + "}";
}

inline std::string tree_text(const ast::File& file) {
  std::string result;
  for (const ast::Item& item : file.items) {
    result += fmt::format("ITEM {} {} <{}>", static_cast<int>(item.kind), item.name, item.documentation);
    for (const auto* list : {&item.attributes, &item.inputs, &item.outputs}) {
      result += "\n|";
      for (const ast::Parameter& parameter : *list) result += " " + tree_text(parameter);
    }
    for (const ast::Precondition& each : item.preconditions)
      result += " where " + tree_text(*each.condition) + each.message;
    if (item.subject) result += tree_text(*item.subject) + tree_text(*item.with);
    if (item.body) result += tree_text(*item.body);
    if (item.gradient) result += " grad " + tree_text(*item.gradient);
    result += "\n";
  }
  return result;
}

} // namespace striate
