// Programs as text -> what elaboration makes of them.
#pragma once

#include "frontend/elaborate.h"
#include "frontend/parser.h"

#include <gtest/gtest.h>

#include <string>

namespace striate {

struct Elaborated {
  std::vector<Module> modules;
  Diagnostics diagnostics;
};

inline void elaborate_text(const std::string& text, Elaborated& result,
                           const ElaborateOptions& options = {}) {
  const ast::File file = parse("test.nn", text, result.diagnostics);
  if (!result.diagnostics.has_errors()) result.modules = elaborate(file, options, result.diagnostics);
}

// The module of each phase; a failure with the messages where there is none.
inline std::vector<Module> modules_of(const std::string& text, const ElaborateOptions& options = {}) {
  Elaborated result;
  elaborate_text(text, result, options);
  EXPECT_FALSE(result.modules.empty()) << result.diagnostics.render();
  if (result.modules.empty()) result.modules.emplace_back();
  return std::move(result.modules);
}

// The module of a program without phases.
inline Module module_of(const std::string& text, const ElaborateOptions& options = {}) {
  return std::move(modules_of(text, options)[0]);
}

// "E0301 at 3:7: message", for each error.
inline std::string errors_of(const std::string& text, const ElaborateOptions& options = {}) {
  Elaborated result;
  elaborate_text(text, result, options);
  EXPECT_EQ(!result.modules.empty(), !result.diagnostics.has_errors());
  std::string errors;
  for (const DiagnosticMessage& message : result.diagnostics.messages())
    errors += fmt::format("{}{} at {}:{}: {}", errors.empty() ? "" : "\n", diagnostic_code(message.kind),
                          message.location.line, message.location.column, message.text);
  return errors;
}

// Statements of an op at given shapes, one a line.
inline std::string statements_of(const std::string& op, const std::vector<TensorType>& operands,
                                 const std::map<std::string, std::string>& attributes = {}) {
  Diagnostics diagnostics;
  const auto definition = instantiate_op(nullptr, op, operands, attributes, diagnostics);
  if (!definition) return diagnostics.render();
  EXPECT_EQ(verify(*definition), "");
  std::string text;
  for (const Statement& statement : definition->statements)
    text += (text.empty() ? "" : "\n") + statement_text(statement, [&](int operand) {
              return definition->operands[static_cast<std::size_t>(operand)].name;
            });
  return text;
}

// f32 of a shape; 0 stands for the batch size N.
inline TensorType f32(const std::vector<int64_t>& shape) {
  TensorType type;
  for (int64_t size : shape) type.shape.push_back(size == 0 ? Size::n() : Size::constant(size));
  return type;
}

inline TensorType i32(const std::vector<int64_t>& shape) {
  TensorType type = f32(shape);
  type.element = ElementType::I32;
  return type;
}

inline std::vector<std::string> parameter_names(const Graph& graph) {
  std::vector<std::string> names;
  for (const Persistent& persistent : graph.persistents)
    names.push_back(graph.values[static_cast<std::size_t>(persistent.value)].name);
  return names;
}

inline std::string type_of(const Graph& graph, const std::string& value) {
  const ValueId id = graph.find(value);
  return id < 0 ? "none" : graph.values[static_cast<std::size_t>(id)].type.text();
}

} // namespace striate
