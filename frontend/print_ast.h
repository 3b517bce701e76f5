// Syntax tree -> canonical `.nn` text (`--emit=ast`). Assumes a tree from a parse without errors. Guarantees:
// the text parses back to the same tree (locations aside), and printing that gives the same text. Comments
// other than the documentation of items are not kept.
#pragma once

#include "frontend/ast.h"

#include <string>

namespace striate {

std::string print_ast(const ast::File& file);
std::string print_expr(const ast::Expr& expr); // one line where it has no blocks; for messages

} // namespace striate
