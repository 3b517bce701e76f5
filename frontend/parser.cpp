#include "frontend/parser.h"

#include "frontend/parser_state.h"

#include <algorithm>
#include <array>

namespace striate {

using ast::ExprKind;
using ast::ExprPtr;
using ast::ItemKind;

// The longest text that is read, in bytes; the largest model of the zoo takes some 10 KB.
static constexpr std::size_t kTextLimit = std::size_t{4} << 20;

struct ItemWord {
  std::string_view word;
  ItemKind kind;
  Surrounding surrounding;
};
static constexpr std::array kItemWords = {
    ItemWord{"use", ItemKind::Use, Surrounding::Op},
    ItemWord{"op", ItemKind::Op, Surrounding::Op},
    ItemWord{"layer", ItemKind::Layer, Surrounding::Layer},
    ItemWord{"model", ItemKind::Model, Surrounding::Model},
    ItemWord{"optimizer", ItemKind::Optimizer, Surrounding::Optimizer},
    ItemWord{"schedule", ItemKind::Schedule, Surrounding::Schedule},
    ItemWord{"data", ItemKind::Data, Surrounding::Data},
    ItemWord{"train", ItemKind::Train, Surrounding::Train},
};

static const ItemWord* item_word(std::string_view word) {
  for (const ItemWord& candidate : kItemWords)
    if (candidate.word == word) return &candidate;
  return nullptr;
}

// ---- tokens and errors --------------------------------------------------------------------------

bool Parser::accept(TokenKind kind) {
  if (!at(kind)) return false;
  ++at_;
  return true;
}

bool Parser::expect(TokenKind kind, const char* after) {
  if (accept(kind)) return true;
  expected(fmt::format("`{}` after {}", description_of(kind), after));
  return false;
}

bool Parser::begins_operand(std::size_t index) const {
  switch (tokens_[index].kind) {
  case TokenKind::Name:
  case TokenKind::Integer:
  case TokenKind::Real:
  case TokenKind::String:
  case TokenKind::True:
  case TokenKind::False:
  case TokenKind::LeftParen:
    return true;
  default:
    return false;
  }
}

SourceLocation Parser::place_of_missing() const {
  if (at_ == 0 || !(at_new_line() || at(TokenKind::End))) return place();
  const Token& before = tokens_[at_ - 1];
  return {file_, before.line, before.column + (before.is_repair ? 0 : static_cast<int>(before.text.size())),
          1};
}

std::string Parser::found() const {
  if (at(TokenKind::End)) return "found the end of the file";
  if (at_ > 0 && at_new_line()) return "found the end of the line";
  return fmt::format("found `{}`", token().text);
}

DiagnosticMessage& Parser::expected(const std::string& what) {
  if (token().is_repair || token().after_stray) return silent_ = {};
  return error(Diagnostic::UnexpectedToken, place_of_missing(),
               fmt::format("expected {}, {}", what, found()));
}

DiagnosticMessage& Parser::error(Diagnostic kind, const SourceLocation& location, const std::string& text) {
  return diagnostics_.error(kind, location, "{}", text);
}

bool Parser::too_deep(int depth, const SourceLocation& location) {
  if (depth < ast::kDepthLimit) return false;
  error(Diagnostic::TooDeep, location, fmt::format("this nests more than {} deep", ast::kDepthLimit))
      .help("give parts of it names in statements of their own");
  return true;
}

SourceLocation Parser::span(std::size_t first) const {
  const Token& begin = tokens_[first];
  SourceLocation location = location_of(file_, begin);
  for (std::size_t i = std::max(at_, first + 1); i-- > first + 1;)
    if (tokens_[i].line == begin.line && !tokens_[i].is_repair) {
      location.length = tokens_[i].column + static_cast<int>(tokens_[i].text.size()) - begin.column;
      break;
    }
  return location;
}

ExprPtr Parser::node(ExprKind kind, std::size_t first, std::vector<ExprPtr> operands) {
  auto result = std::make_shared<ast::Expr>();
  result->kind = kind;
  result->operands = std::move(operands);
  return finished(result, first);
}

ExprPtr Parser::finished(ExprPtr expr, std::size_t first) {
  expr->location = span(first);
  for (const ExprPtr& operand : expr->operands)
    if (operand->kind == ExprKind::Group && expr->kind != ExprKind::Read) {
      error(Diagnostic::UnexpectedToken, operand->location,
            "a group of indices stands for a whole dimension, not for a number");
      return nullptr;
    }
  int height = 0;
  for (const ExprPtr& operand : expr->operands) height = std::max(height, operand->height);
  for (const ast::Argument& argument : expr->arguments) height = std::max(height, argument.value->height);
  for (const ast::ReduceIndex& index : expr->indices)
    height = std::max(height, index.range ? index.range->height : 0);
  for (const ast::PathPart& part : expr->path) height = std::max(height, part.value ? part.value->height : 0);
  for (const ast::BlockPtr& block : {expr->block, expr->otherwise})
    height = std::max(height, block ? block->height : 0);
  expr->height = height + 1;
  return too_deep(height, expr->location) ? nullptr : expr;
}

// ---- items --------------------------------------------------------------------------------------

ast::File Parser::parse_file() {
  ast::File result;
  result.name = file_;
  if (at_word("striate") && token(1).kind == TokenKind::Integer) {
    ++at_;
    if (token().text != "1")
      error(Diagnostic::UnsupportedVersion, place(),
            fmt::format("this compiler reads version 1 of the language, not {}", token().text));
    ++at_;
  }
  while (!at(TokenKind::End)) {
    if (accept(TokenKind::Semicolon)) continue;
    const std::size_t first = at_;
    ast::Item item;
    block_depth_ = recursion_ = 0;
    in_index_ = false;
    if (parse_item(item)) {
      result.items.push_back(std::move(item));
      continue;
    }
    if (at_ == first) ++at_;
    skip_to_item();
  }
  return result;
}

void Parser::skip_to_item() {
  while (!at(TokenKind::End) && !(token().depth == 0 && token().starts_line && begins_item(tokens_, at_)))
    ++at_;
}

// The comment lines that end on the line above, without `#` and one space.
std::string Parser::documentation_above(int line) const {
  int top = line;
  while (list_.comments.count(top - 1)) --top;
  std::string result;
  for (int i = top; i < line; ++i) {
    std::string_view comment = list_.comments.at(i);
    if (!comment.empty() && comment.front() == ' ') comment.remove_prefix(1);
    while (!comment.empty() && (comment.back() == ' ' || comment.back() == '\t')) comment.remove_suffix(1);
    if (i > top) result += '\n';
    result += comment;
  }
  return result;
}

bool Parser::parse_item(ast::Item& item) {
  std::string_view word = token().text;
  if (!item_word(word)) {
    std::vector<std::string> words;
    for (const ItemWord& candidate : kItemWords) words.emplace_back(candidate.word);
    const bool foreign = word == "def" || word == "class" || word == "import" || word == "from" ||
                         word == "fn" || word == "function";
    if (foreign) {
      error(Diagnostic::ForeignSyntax, place(), fmt::format("there is no `{}`", word))
          .help("{}", word == "class"
                          ? "write `layer NAME(attributes) (inputs) { ... }` or `model NAME { ... }`"
                      : word == "import" || word == "from"
                          ? "write `use \"file.nn\"`; the standard library needs no import"
                          : "write `op NAME(inputs) -> outputs { ... }` or `layer NAME(attributes) (inputs) "
                            "{ ... }`");
      return false;
    }
    const std::string near = at(TokenKind::Name) ? nearest_name(word, words) : "";
    if (near.empty() || (token(1).kind != TokenKind::Name && token(1).kind != TokenKind::String)) {
      error(Diagnostic::UnexpectedToken, place(),
            fmt::format("expected `op`, `layer`, `model`, `optimizer`, `schedule`, `data`, `train` or `use`, "
                        "found `{}`",
                        token().text))
          .note("a file is made of these; statements stand inside them");
      return false;
    }
    error(Diagnostic::UnexpectedToken, place(), fmt::format("no item begins with `{}`", word))
        .did_you_mean(near);
    word = item_word(near)->word;
  }
  const ItemWord& known = *item_word(word);
  item.kind = known.kind;
  item.documentation = documentation_above(token().line);
  surrounding_ = known.surrounding;
  ++at_;
  item.location = place();
  if (item.kind == ItemKind::Use) {
    if (!at(TokenKind::String)) {
      expected("the name of a file in quotes after `use`");
      return false;
    }
    item.name = decode_string(token().text);
    ++at_;
    return true;
  }
  const bool head = parse_head(item);
  // After an error in the head, the body is still read for its own errors.
  if (!head && !at(TokenKind::Colon))
    while (!at(TokenKind::End) &&
           !(token().depth == 0 &&
             (at(TokenKind::LeftBrace) || (token().starts_line && begins_item(tokens_, at_)))))
      ++at_;
  if (!head && !at(TokenKind::LeftBrace)) return false;
  block_depth_ = recursion_ = 0;
  in_index_ = false;
  item.body = parse_block(false);
  if (!item.body) return false;
  return item.kind != ItemKind::Op || parse_gradient(item);
}

bool Parser::parse_head(ast::Item& item) {
  if (item.kind == ItemKind::Train) return parse_train_head(item);
  if (!parse_name(item.name, "an item")) return false;
  if (item.kind == ItemKind::Layer || item.kind == ItemKind::Optimizer) return parse_layer_head(item);
  bool at_semicolon = false;
  if (item.kind == ItemKind::Op) {
    if (!expect(TokenKind::LeftParen, "the name") || !parse_parameters(item.inputs, at_semicolon))
      return false;
    if (at_semicolon && !parse_parameters(item.attributes, at_semicolon)) return false;
    if (!expect(TokenKind::Arrow, "the inputs")) return false;
    do {
      item.outputs.emplace_back();
      if (!parse_parameter(item.outputs.back())) return false;
    } while (accept(TokenKind::Comma));
  } else if (accept(TokenKind::LeftParen)) {
    if (!parse_parameters(item.attributes, at_semicolon)) return false;
  }
  return parse_preconditions(item);
}

// NAME(attributes) (inputs), or NAME(inputs)
bool Parser::parse_layer_head(ast::Item& item) {
  bool at_semicolon = false;
  if (!expect(TokenKind::LeftParen, "the name") || !parse_parameters(item.inputs, at_semicolon)) return false;
  if (at(TokenKind::LeftParen)) {
    ++at_;
    item.attributes.swap(item.inputs);
    if (!parse_parameters(item.inputs, at_semicolon)) return false;
  } else {
    for (const ast::Parameter& input : item.inputs) {
      const bool scalar = !input.type.name.empty() && !input.type.has_dimensions;
      if (!scalar && !input.default_value && input.size_name.empty()) continue;
      error(Diagnostic::UnexpectedToken, input.location,
            fmt::format("`{}` is an attribute, and `{}` has no inputs", input.name, item.name))
          .note("attributes stand in the first parentheses and input tensors in the second")
          .help("write `{}(...) (x[..])`", item.name);
      break;
    }
  }
  if (at_semicolon) {
    error(Diagnostic::UnexpectedToken, place(), "only an `op` separates its inputs and attributes by `;`")
        .help("write `{}(attributes) (inputs)`", item.name);
    return false;
  }
  return parse_preconditions(item);
}

// train MODEL with DATA
bool Parser::parse_train_head(ast::Item& item) {
  const auto named = [&](ExprPtr& expr, const char* what) {
    if (!at(TokenKind::Name)) {
      expected(what);
      return false;
    }
    expr = parse_postfix();
    if (!expr) return false;
    const ast::Expr& callee = expr->kind == ExprKind::Call ? *expr->operands[0] : *expr;
    if (callee.kind == ExprKind::Name) return true;
    error(Diagnostic::BadTarget, expr->location, fmt::format("this is not {}", what));
    return false;
  };
  if (!named(item.subject, "the name of a model")) return false;
  item.name = item.subject->kind == ExprKind::Call ? item.subject->operands[0]->text : item.subject->text;
  if (!at_word("with")) {
    DiagnosticMessage& message = expected("`with` and the data");
    if (at(TokenKind::Name) && !nearest_name(token().text, {"with"}).empty())
      message.did_you_mean("with");
    else
      message.help("write `train {} with DATA {{ ... }}`", item.name);
    return false;
  }
  ++at_;
  return named(item.with, "the name of the data");
}

// where CONDITION, "message"
bool Parser::parse_preconditions(ast::Item& item) {
  while (at(TokenKind::Where)) {
    const std::size_t first = at_++;
    ast::Precondition precondition;
    precondition.condition = parse_expression();
    if (!precondition.condition) return false;
    precondition.location = span(first);
    if (accept(TokenKind::Comma)) {
      if (!at(TokenKind::String)) {
        expected("a message in quotes");
        return false;
      }
      precondition.message = decode_string(token().text);
      ++at_;
    }
    item.preconditions.push_back(std::move(precondition));
  }
  return true;
}

// grad { statements }, or grad x[i] = ... once or more
bool Parser::parse_gradient(ast::Item& item) {
  while (at_word("grad") && (token(1).kind == TokenKind::LeftBrace || token(1).kind == TokenKind::Name)) {
    ast::BlockPtr block;
    const std::size_t first = ++at_;
    if (at(TokenKind::LeftBrace)) {
      block = parse_block(false);
    } else {
      ast::Stmt statement;
      if (!parse_assignment_or_value(statement, false)) return false;
      statement.location = span(first);
      block = std::make_shared<ast::Block>();
      block->location = statement.location;
      block->statements.push_back(std::move(statement));
    }
    if (!block) return false;
    if (!item.gradient) {
      item.gradient = block;
      continue;
    }
    for (ast::Stmt& statement : block->statements) item.gradient->statements.push_back(std::move(statement));
  }
  return true;
}

// ---- parameters and types -----------------------------------------------------------------------

// To the closing parenthesis or, with `at_semicolon`, a `;`; the opening one is behind.
bool Parser::parse_parameters(std::vector<ast::Parameter>& parameters, bool& at_semicolon) {
  at_semicolon = false;
  while (!accept(TokenKind::RightParen)) {
    if (accept(TokenKind::Semicolon)) {
      at_semicolon = true;
      return true;
    }
    parameters.emplace_back();
    if (!parse_parameter(parameters.back())) return false;
    if (accept(TokenKind::Comma) || at(TokenKind::RightParen) || at(TokenKind::Semicolon)) continue;
    expected("`,` or `)`");
    return false;
  }
  return true;
}

// name, name.., name SIZE; then [dimensions], : type and = default, each optional
bool Parser::parse_parameter(ast::Parameter& parameter) {
  parameter.location = place();
  if (!parse_name(parameter.name, "a value")) return false;
  parameter.variadic = accept(TokenKind::DotDot);
  if (at(TokenKind::Name) && !at_new_line() && (token(1).kind == TokenKind::Colon)) {
    parameter.size_name = token().text;
    ++at_;
  }
  parameter.type.location = parameter.location;
  if (at(TokenKind::LeftBracket) && !at_new_line()) {
    parameter.type.has_dimensions = true;
    if (!parse_elements(parameter.type.dimensions)) return false;
  }
  if (accept(TokenKind::Colon) && !parse_type(parameter.type)) return false;
  if (at(TokenKind::Assign)) {
    ++at_;
    parameter.default_value = parse_expression();
    return parameter.default_value != nullptr;
  }
  return true;
}

bool Parser::parse_type(ast::Type& type) {
  static const std::vector<std::string> kTypes = {"int", "real", "bool", "string", "f32", "f64", "i32", "u8"};
  static constexpr std::array<std::pair<std::string_view, const char*>, 9> kForeign = {{{"float", "real"},
                                                                                        {"double", "f64"},
                                                                                        {"integer", "int"},
                                                                                        {"str", "string"},
                                                                                        {"boolean", "bool"},
                                                                                        {"float32", "f32"},
                                                                                        {"float64", "f64"},
                                                                                        {"int32", "i32"},
                                                                                        {"uint8", "u8"}}};
  if (!at(TokenKind::Name) && !is_reserved_word(token().kind)) {
    expected("a type");
    return false;
  }
  type.location = place();
  type.name = token().text;
  if (std::find(kTypes.begin(), kTypes.end(), type.name) == kTypes.end()) {
    DiagnosticMessage& message =
        error(Diagnostic::NotAType, place(), fmt::format("`{}` is not a type", type.name));
    std::string near = nearest_name(type.name, kTypes);
    for (const auto& [word, meant] : kForeign)
      if (word == type.name) near = meant;
    if (near == "real" && token(1).kind == TokenKind::LeftBracket) near = "f32";
    message.note("the types are {}", fmt::join(kTypes, ", "));
    if (!near.empty()) message.did_you_mean(near);
  }
  ++at_;
  if (!at(TokenKind::LeftBracket) || at_new_line()) return true;
  if (type.has_dimensions) {
    error(Diagnostic::UnexpectedToken, place(), "the dimensions are written twice")
        .help("write them after the type: `x: f32[N, 10]`");
    return false;
  }
  type.has_dimensions = true;
  return parse_elements(type.dimensions);
}

bool Parser::parse_name(std::string& name, const char* of_what) {
  if (!at(TokenKind::Name)) {
    if (is_reserved_word(token().kind))
      error(Diagnostic::ReservedWord, place(),
            fmt::format("`{}` is a reserved word and cannot name {}", token().text, of_what));
    else
      expected("a name");
    return false;
  }
  name = token().text;
  ++at_;
  return true;
}

// ---- entries ------------------------------------------------------------------------------------

ExprPtr Parser::parse_single_expression() {
  ExprPtr result = parse_expression();
  if (result && !at(TokenKind::End)) expected("the end of the expression");
  return result;
}

static bool readable(const std::string& name, const std::string& text, Diagnostics& diagnostics) {
  diagnostics.add_source(name, text);
  if (text.size() <= kTextLimit) return true;
  diagnostics.error(Diagnostic::TooLong, {name, 1, 1, 1},
                    "the file has {} bytes; the compiler reads at most {}", text.size(), kTextLimit);
  return false;
}

ast::File parse(const std::string& name, const std::string& text, Diagnostics& diagnostics) {
  if (!readable(name, text, diagnostics)) return {name, 1, {}};
  return Parser(name, lex(name, text, diagnostics), diagnostics).parse_file();
}

ExprPtr parse_expression(const std::string& name, const std::string& text, Diagnostics& diagnostics) {
  if (!readable(name, text, diagnostics)) return nullptr;
  const std::size_t errors = diagnostics.error_count();
  ExprPtr result = Parser(name, lex(name, text, diagnostics), diagnostics).parse_single_expression();
  return diagnostics.error_count() == errors ? result : nullptr;
}

} // namespace striate
