// The recursive-descent parser: its position in the tokens and one function for each construct. Internal to
// parser.cpp (items), parse_statement.cpp and parse_expression.cpp.
//
// Errors: a function that cannot go on reports once and returns nullptr (or false); the callers pass that on
// up to the loop over statements or items, which skips to the next one. Brackets match (lexer.h), so skipping
// is safe, and a newline ends a statement exactly where no bracket inside the block is open.
#pragma once

#include "frontend/ast.h"
#include "frontend/lexer.h"

#include <string>
#include <vector>

namespace striate {

// What surrounds a statement.
enum class Surrounding { Op, Layer, Model, Optimizer, Schedule, Data, Train };

// Precedences of binary operators that other rules refer to; `or` is 1, `and` 2, a sum 4.
inline constexpr int kComparison = 3;
inline constexpr int kProduct = 5;

class Parser {
public:
  Parser(const std::string& file, TokenList list, Diagnostics& diagnostics)
      : file_(file), list_(std::move(list)), tokens_(list_.tokens), diagnostics_(diagnostics) {}

  ast::File parse_file();
  ast::ExprPtr parse_single_expression();

private:
  // ---- tokens
  const Token& token(std::size_t ahead = 0) const {
    return tokens_[std::min(at_ + ahead, tokens_.size() - 1)];
  }
  bool at(TokenKind kind) const { return token().kind == kind; }
  bool at_word(std::string_view word) const { return at(TokenKind::Name) && token().text == word; }
  bool accept(TokenKind kind);
  bool expect(TokenKind kind, const char* after); // "expected `(` after the name, found ..."
  // Whether the current token begins a new line of the block, not the continuation of one inside brackets.
  bool at_new_line() const { return token().starts_line && token().depth <= block_depth_; }
  bool begins_operand(std::size_t index) const;

  // ---- errors
  SourceLocation place() const { return location_of(file_, token()); }
  // Just after the token before, where the current one stands on a later line or is the end.
  SourceLocation place_of_missing() const;
  std::string found() const; // "found `x`"
  // "expected {what}, found ..."; nullptr (no message) where the token is a repair, already reported.
  DiagnosticMessage& expected(const std::string& what);
  DiagnosticMessage& error(Diagnostic kind, const SourceLocation& location, const std::string& text);
  bool too_deep(int depth, const SourceLocation& location);
  bool recursion_too_deep() { return too_deep(recursion_ / 2, place()); }

  // ---- nodes
  SourceLocation span(std::size_t first) const; // from tokens_[first] to the token before the current one
  ast::ExprPtr node(ast::ExprKind kind, std::size_t first, std::vector<ast::ExprPtr> operands = {});
  ast::ExprPtr finished(ast::ExprPtr expr,
                        std::size_t first); // sets location and height; nullptr if too deep

  // ---- parse_expression.cpp
  ast::ExprPtr parse_expression();
  ast::ExprPtr parse_pipeline();
  ast::ExprPtr parse_stage();
  ast::ExprPtr parse_named(ast::ExprPtr expr, std::size_t first); // `as path`, if it is there
  bool parse_path(std::vector<ast::PathPart>& path);
  bool at_computed_name() const;
  ast::ExprPtr parse_computed_name();
  ast::ExprPtr parse_binary(int lowest);
  ast::ExprPtr parse_unary();
  ast::ExprPtr parse_power();
  ast::ExprPtr parse_postfix();
  ast::ExprPtr parse_primary();
  ast::ExprPtr parse_number();
  ast::ExprPtr parse_parenthesis();
  ast::ExprPtr parse_list();
  ast::ExprPtr parse_conditional();
  ast::ExprPtr parse_repeat();
  ast::ExprPtr parse_scan();
  ast::ExprPtr parse_range();
  ast::ExprPtr parse_call(ast::ExprPtr callee, std::size_t first);
  ast::ExprPtr missing_operand();

  // ---- parse_index_notation.cpp
  ast::ExprPtr parse_group(ast::ExprPtr head, std::size_t first);
  ast::ExprPtr parse_read(ast::ExprPtr source, std::size_t first);
  ast::ExprPtr parse_element(); // an index, a dimension or an argument: an expression or a run
  bool parse_elements(std::vector<ast::ExprPtr>& elements); // `[a, b]`, from the opening bracket
  bool at_reduction() const;
  ast::ExprPtr parse_reduction();

  // ---- parse_statement.cpp
  ast::BlockPtr parse_block(bool yields_value);
  bool parse_statement(ast::Stmt& statement, bool yields_value);
  bool parse_assignment_or_value(ast::Stmt& statement, bool yields_value);
  bool parse_worded(ast::Stmt& statement, std::string_view word);
  bool parse_load(ast::Stmt& statement);
  bool parse_targets(std::vector<ast::ExprPtr>& targets);
  bool report_foreign_statement();
  bool check_unknown_word(std::string_view& word);
  void skip_statement();
  bool end_statement(const ast::Stmt& statement, bool yields_value);
  bool check_target(const ast::Expr& target);

  // ---- parser.cpp
  bool parse_item(ast::Item& item);
  bool parse_head(ast::Item& item);
  bool parse_layer_head(ast::Item& item);
  bool parse_train_head(ast::Item& item);
  bool parse_gradient(ast::Item& item);
  bool parse_preconditions(ast::Item& item);
  bool parse_parameters(std::vector<ast::Parameter>& parameters, bool& at_semicolon);
  bool parse_parameter(ast::Parameter& parameter);
  bool parse_type(ast::Type& type);
  bool parse_name(std::string& name, const char* of_what);
  std::string documentation_above(int line) const;
  void skip_to_item();

  const std::string& file_;
  TokenList list_;
  const std::vector<Token>& tokens_;
  Diagnostics& diagnostics_;
  DiagnosticMessage silent_; // takes what would follow from an error that was reported already
  std::size_t at_ = 0;
  std::size_t statement_begin_ = 0;
  int recursion_ = 0;     // each level of the tree takes at most two: an expression and an operand
  int block_depth_ = 0;   // open brackets round the statements of the current block
  bool in_index_ = false; // directly inside the brackets of a read or a dimension list
  Surrounding surrounding_ = Surrounding::Op;
};

} // namespace striate
