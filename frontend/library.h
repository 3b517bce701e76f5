// The items in reach of a file: its own and the standard library's, by name; and what others call them, which
// the library says beside each item in its comments:
//
//   # also called: Dense, FullyConnected              names in Keras, TensorFlow, ONNX, ...
//   # arguments also called: filters = out_channels
//   # values also called: padding "valid" = 0; padding "same" = kernel_size[0] // 2
//   # no argument: in_channels, input_shape: seen from the input
//   # written: a + b                                  the operator sign that stands for it outside of ops
//   # fitted by: standardize                          the stage of a field that gives it what it takes from
//   the data
#pragma once

#include "frontend/ast.h"
#include "frontend/standard_library.h"
#include "support/diagnostics.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace striate {

class Library {
public:
  // The standard library (`files`), and the user's file (nullptr: none), whose names win. Reports duplicate
  // names in the file.
  Library(const ast::File* user, Diagnostics& diagnostics,
          const std::vector<StandardFile>& files = standard_library());

  // nullptr where there is none.
  const ast::Item* find(ast::ItemKind kind, const std::string& name) const;
  // An op or a layer.
  const ast::Item* find_callable(const std::string& name) const;
  const ast::Item* find_operator(const std::string& sign, int operands) const;
  const ast::Item* find_fitted(const std::string& stage) const;
  std::vector<const ast::Item*> items(ast::ItemKind kind) const;
  std::vector<const ast::Item*> user_items(ast::ItemKind kind) const;
  std::vector<std::string> names(ast::ItemKind kind) const;

  // The name among the candidates that Striate uses for what others call `unknown`, or "".
  std::string also_called(const std::string& unknown, const std::vector<std::string>& candidates) const;
  // The argument that `item` knows by another name, or "".
  static std::string argument_called(const ast::Item& item, const std::string& other);

  // The expression that stands for a text that others give as an argument, or "".
  static std::string value_called(const ast::Item& item, const std::string& argument,
                                  const std::string& text);
  // Why `item` has no such argument, or "".
  static std::string reason_for_no(const ast::Item& item, const std::string& argument);

private:
  std::vector<std::shared_ptr<ast::File>> standard_;
  std::vector<std::pair<const ast::Item*, bool>> items_; // and whether it is the user's; the user's first
  std::map<std::string, std::string> also_called_;       // lower case -> name
};

// The lines of the comment above an item, and the parts between the commas of one.
std::vector<std::string> comment_lines(const ast::Item& item);
std::vector<std::string> comma_separated(std::string_view text);

bool is_library_place(const SourceLocation& location); // inside the standard library

} // namespace striate
