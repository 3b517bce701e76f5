// `.nn` text -> syntax tree. Assumes nothing of the text: any bytes. Guarantees: it ends, in time linear in
// the text; every error has a place; after an error it goes on at the next statement or item, so that one run
// shows all independent errors, and nothing follows from an earlier one. The tree holds what could be read;
// use it only if `diagnostics` has no errors. docs/language.md is the grammar. Shown by
// tests/frontend/parser_test.cpp.
#pragma once

#include "frontend/ast.h"
#include "support/diagnostics.h"

#include <string>
#include <vector>

namespace striate {

// `name` is the file name for locations. Registers the text with `diagnostics`.
ast::File parse(const std::string& name, const std::string& text, Diagnostics& diagnostics);

// The words that begin statements in the body of such an item, for editors.
std::vector<std::string> statement_words(ast::ItemKind kind);

// One expression, for settings and attributes given on the command line; nullptr after an error.
ast::ExprPtr parse_expression(const std::string& name, const std::string& text, Diagnostics& diagnostics);

} // namespace striate
