#include "frontend/parser_state.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace striate {

using ast::ExprKind;
using ast::ExprPtr;
using ast::Operator;

// ---- operators, loosest first -------------------------------------------------------------------

struct BinaryOperator {
  TokenKind token;
  Operator op;
  int precedence;
};
static constexpr std::array kBinaryOperators = {
    BinaryOperator{TokenKind::Or, Operator::Or, 1},
    BinaryOperator{TokenKind::And, Operator::And, 2},
    BinaryOperator{TokenKind::EqualEqual, Operator::Equal, kComparison},
    BinaryOperator{TokenKind::NotEqual, Operator::NotEqual, kComparison},
    BinaryOperator{TokenKind::Less, Operator::Less, kComparison},
    BinaryOperator{TokenKind::LessEqual, Operator::LessEqual, kComparison},
    BinaryOperator{TokenKind::Greater, Operator::Greater, kComparison},
    BinaryOperator{TokenKind::GreaterEqual, Operator::GreaterEqual, kComparison},
    BinaryOperator{TokenKind::Plus, Operator::Add, 4},
    BinaryOperator{TokenKind::Minus, Operator::Subtract, 4},
    BinaryOperator{TokenKind::Star, Operator::Multiply, kProduct},
    BinaryOperator{TokenKind::Slash, Operator::Divide, kProduct},
    BinaryOperator{TokenKind::SlashSlash, Operator::FloorDivide, kProduct},
    BinaryOperator{TokenKind::Percent, Operator::Modulo, kProduct},
};

static const BinaryOperator* binary_operator(TokenKind token) {
  for (const BinaryOperator& candidate : kBinaryOperators)
    if (candidate.token == token) return &candidate;
  return nullptr;
}

ExprPtr Parser::parse_expression() {
  if (recursion_too_deep()) return nullptr;
  ++recursion_;
  ExprPtr result = parse_pipeline();
  --recursion_;
  return result;
}

// pipeline = named { "->" stage }
ExprPtr Parser::parse_pipeline() {
  const std::size_t first = at_;
  ExprPtr head = parse_binary(1);
  if (head) head = parse_named(head, first);
  if (!head || !at(TokenKind::Arrow)) return head;
  std::vector<ExprPtr> operands = {head};
  while (accept(TokenKind::Arrow)) {
    operands.push_back(parse_stage());
    if (!operands.back()) return nullptr;
  }
  if (binary_operator(token().kind) && !(at(TokenKind::SlashSlash) && at_new_line())) {
    expected("`->` or the end of the pipeline")
        .help("put the pipeline in parentheses: `(x -> f) {} ...`", token().text);
    return nullptr;
  }
  return node(ExprKind::Pipe, first, std::move(operands));
}

ExprPtr Parser::parse_stage() {
  const std::size_t first = at_;
  ExprPtr stage = parse_postfix();
  if (!stage) return nullptr;
  switch (stage->kind) {
  case ExprKind::Name:
  case ExprKind::Call:
  case ExprKind::Member:
  case ExprKind::If:
  case ExprKind::When:
  case ExprKind::Repeat:
  case ExprKind::Scan:
    return parse_named(stage, first);
  default:
    error(Diagnostic::UnexpectedToken, stage->location, "this cannot stand after `->`")
        .note("a pipeline goes on with an operator or a layer: `x -> relu`, `x -> Linear(10)`");
    return nullptr;
  }
}

ExprPtr Parser::parse_named(ExprPtr expr, std::size_t first) {
  if (!accept(TokenKind::As)) return expr;
  std::vector<ast::PathPart> path;
  if (!parse_path(path)) return nullptr;
  auto result = std::make_shared<ast::Expr>();
  result->kind = ExprKind::As;
  result->operands = {std::move(expr)};
  result->path = std::move(path);
  return finished(result, first);
}

static bool is_literal_piece(TokenKind kind) {
  return kind == TokenKind::Name || kind == TokenKind::Integer || kind == TokenKind::Real ||
         is_reserved_word(kind);
}

// In `train`, where blocks stand apart from what is before them: `enc{i}`, its pieces side by side.
bool Parser::at_computed_name() const {
  const bool in_block = surrounding_ == Surrounding::Train && block_depth_ > 0;
  if (!in_block || !(at(TokenKind::Name) || is_reserved_word(token().kind))) return false;
  for (std::size_t k = 1; !token(k).after_space && !token(k).starts_line; ++k) {
    if (token(k).kind == TokenKind::LeftBrace) return true;
    if (!is_literal_piece(token(k).kind) && token(k).kind != TokenKind::Dot) return false;
  }
  return false;
}

ExprPtr Parser::parse_computed_name() {
  const std::size_t first = at_;
  auto result = std::make_shared<ast::Expr>();
  result->kind = ExprKind::Path;
  return parse_path(result->path) ? finished(result, first) : nullptr;
}

// path = piece { piece }, adjacent: names, numbers, `.` and `{expression}`
bool Parser::parse_path(std::vector<ast::PathPart>& path) {
  const auto is_piece = [&] { return is_literal_piece(token().kind) || at(TokenKind::LeftBrace); };
  if (!is_piece()) {
    expected("a name after `as`");
    return false;
  }
  do {
    if (accept(TokenKind::LeftBrace)) {
      path.push_back({"", parse_expression()});
      if (!path.back().value || !expect(TokenKind::RightBrace, "the expression")) return false;
      continue;
    }
    if (path.empty() || path.back().value) path.emplace_back();
    path.back().text += token().text;
    ++at_;
  } while (!token().after_space && !token().starts_line && (is_piece() || at(TokenKind::Dot)));
  if (path.back().text.empty() || path.back().text.back() != '.') return true;
  expected("a name after `.`");
  return false;
}

ExprPtr Parser::parse_binary(int lowest) {
  const std::size_t first = at_;
  ExprPtr left = parse_unary();
  bool compared = false;
  while (left) {
    const BinaryOperator* found = binary_operator(token().kind);
    if (!found || found->precedence < lowest) return left;
    if (at(TokenKind::SlashSlash) && at_new_line())
      return left; // a comment of another language: see end_statement
    if (found->precedence == kComparison) {
      if (compared) {
        error(Diagnostic::UnexpectedToken, place(), "comparisons do not chain")
            .help("write `a < b and b < c`");
        return nullptr;
      }
      compared = true;
    }
    ++at_;
    ExprPtr right = parse_binary(found->precedence + 1);
    if (!right) return nullptr;
    left = node(ExprKind::Binary, first, {left, right});
    if (left) left->op = found->op;
    if (found->precedence < kComparison) compared = false;
  }
  return nullptr;
}

ExprPtr Parser::parse_unary() {
  const std::size_t first = at_;
  if (recursion_too_deep()) return nullptr;
  ++recursion_;
  ExprPtr result;
  if (at(TokenKind::Minus) || at(TokenKind::Not)) {
    const bool negates = at(TokenKind::Minus);
    ++at_;
    ExprPtr operand = negates ? parse_unary() : parse_binary(kComparison);
    if (operand) result = node(ExprKind::Unary, first, {operand});
    if (result) result->op = negates ? Operator::Negate : Operator::Not;
  } else {
    result = parse_power();
  }
  --recursion_;
  return result;
}

ExprPtr Parser::parse_power() {
  const std::size_t first = at_;
  ExprPtr base = parse_postfix();
  if (!base || !accept(TokenKind::StarStar)) return base;
  ExprPtr exponent = parse_unary();
  if (!exponent) return nullptr;
  ExprPtr result = node(ExprKind::Binary, first, {base, exponent});
  if (result) result->op = Operator::Power;
  return result;
}

ExprPtr Parser::parse_postfix() {
  const std::size_t first = at_;
  if (at_reduction()) return parse_reduction();
  ExprPtr result = parse_primary();
  while (result && !at_new_line()) {
    if (at(TokenKind::LeftParen))
      result = parse_call(result, first);
    else if (at(TokenKind::LeftBracket))
      result = parse_read(result, first);
    else if (at(TokenKind::Dot)) {
      if (result->kind != ExprKind::Name && result->kind != ExprKind::Member &&
          result->kind != ExprKind::Call) {
        error(Diagnostic::BadTarget, place(), "only a name has members");
        return nullptr;
      }
      ++at_;
      if (!at(TokenKind::Name) && !at(TokenKind::Integer) && !is_reserved_word(token().kind)) {
        expected("a name after `.`");
        return nullptr;
      }
      const std::string member(token().text);
      ++at_;
      result = node(ExprKind::Member, first, {result});
      if (result) result->text = member;
    } else {
      break;
    }
  }
  return result;
}

// ---- primaries ----------------------------------------------------------------------------------

ExprPtr Parser::parse_primary() {
  const std::size_t first = at_;
  switch (token().kind) {
  case TokenKind::Integer:
  case TokenKind::Real:
    return parse_number();
  case TokenKind::String: {
    ++at_;
    ExprPtr result = node(ExprKind::String, first);
    result->text = decode_string(tokens_[first].text);
    return result;
  }
  case TokenKind::True:
  case TokenKind::False: {
    ++at_;
    ExprPtr result = node(ExprKind::Boolean, first);
    result->integer = tokens_[first].kind == TokenKind::True;
    return result;
  }
  case TokenKind::Name: {
    // `y =` at the beginning of a line is the next statement, and this one has no end.
    if (at_new_line() && at_ != statement_begin_ && token(1).kind == TokenKind::Assign)
      return missing_operand();
    if (at_word("lambda")) return missing_operand();
    if ((at_word("True") || at_word("False")) && token(1).kind != TokenKind::Assign)
      error(Diagnostic::ForeignSyntax, place(), fmt::format("there is no `{}`", token().text))
          .help("write `{}`", at_word("True") ? "true" : "false");
    if (at_computed_name()) return parse_computed_name();
    ++at_;
    ExprPtr result = node(ExprKind::Name, first);
    result->text = tokens_[first].text;
    return result;
  }
  case TokenKind::LeftParen:
    return parse_parenthesis();
  case TokenKind::LeftBracket:
    return parse_list();
  case TokenKind::If:
  case TokenKind::When:
    return parse_conditional();
  case TokenKind::Repeat:
    return parse_repeat();
  case TokenKind::Scan:
    return parse_scan();
  default:
    return missing_operand();
  }
}

ExprPtr Parser::missing_operand() {
  if (at_word("lambda")) {
    error(Diagnostic::ForeignSyntax, place(), "there is no `lambda`")
        .help("write an `op` or a `layer` of its own, and give its name");
  } else if (at(TokenKind::Where)) {
    error(Diagnostic::ForeignSyntax, place(),
          "`where` states a condition in the head of an `op` or a `layer`")
        .help("to choose between values write `select(condition, a, b)`");
  } else if (is_reserved_word(token().kind) && !at_new_line()) {
    error(Diagnostic::ReservedWord, place(),
          fmt::format("`{}` is a reserved word and cannot name a value", token().text));
  } else if (at(TokenKind::Assign) && at_ > 0 && !token().after_space &&
             (tokens_[at_ - 1].kind >= TokenKind::Plus && tokens_[at_ - 1].kind <= TokenKind::Percent)) {
    expected("a value").help("write it out: `a = a {} ...`", tokens_[at_ - 1].text);
  } else if (at(TokenKind::Plus)) {
    expected("a value").help("leave out the `+`");
  } else if (at(TokenKind::Star)) {
    expected("a value").note("arguments are written one by one: there is no `*args`");
  } else {
    expected("a value");
  }
  return nullptr;
}

ExprPtr Parser::parse_number() {
  const std::size_t first = at_;
  const std::string_view text = token().text;
  const bool is_real = at(TokenKind::Real);
  ++at_;
  ExprPtr result = node(is_real ? ExprKind::Real : ExprKind::Integer, first);
  result->text = text;
  if (is_real) {
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), result->real);
    if (problem == std::errc::result_out_of_range)
      error(Diagnostic::BadNumber, result->location,
            fmt::format("`{}` is out of the range of a number", text))
          .note("reals lie between 1e-308 and 1e308");
  } else {
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), result->integer);
    if (problem == std::errc::result_out_of_range)
      error(Diagnostic::BadNumber, result->location, fmt::format("`{}` is too large for an integer", text))
          .note("the largest is 9223372036854775807")
          .help("write `{}.0` for a real", text);
    result->real = static_cast<double>(result->integer);
  }
  return result;
}

// (e), (a, b), (x[i] else 0), and inside index brackets (g c)
ExprPtr Parser::parse_parenthesis() {
  const std::size_t first = at_++;
  const bool may_group = in_index_;
  if (at(TokenKind::RightParen)) {
    expected("a value");
    return nullptr;
  }
  in_index_ = false;
  ExprPtr head = may_group ? parse_element() : parse_expression();
  in_index_ = may_group;
  if (!head) return nullptr;
  if (may_group && (head->kind == ExprKind::Run || begins_operand(at_) || at(TokenKind::DotDot)))
    return parse_group(head, first);

  if (accept(TokenKind::Else)) {
    if (head->kind != ExprKind::Read) {
      error(Diagnostic::UnexpectedToken, head->location, "only a read, `x[...]`, has an `else` value")
          .note("`else` gives the value of a read whose indices fall outside")
          .help("to choose between values write `if condition {{ a }} else {{ b }}`");
      return nullptr;
    }
    ExprPtr otherwise = parse_expression();
    if (!otherwise || !expect(TokenKind::RightParen, "the value")) return nullptr;
    return node(ExprKind::Guarded, first, {head, otherwise});
  }
  if (at(TokenKind::Comma)) {
    std::vector<ExprPtr> operands = {head};
    while (accept(TokenKind::Comma) && !at(TokenKind::RightParen)) {
      operands.push_back(parse_expression());
      if (!operands.back()) return nullptr;
    }
    if (!expect(TokenKind::RightParen, "the values")) return nullptr;
    return operands.size() == 1 ? head : node(ExprKind::Tuple, first, std::move(operands));
  }
  if (!expect(TokenKind::RightParen, "the expression")) return nullptr;
  return head;
}

ExprPtr Parser::parse_list() {
  const std::size_t first = at_++;
  const bool outer = in_index_;
  in_index_ = false;
  std::vector<ExprPtr> operands;
  while (!at(TokenKind::RightBracket)) {
    operands.push_back(parse_expression());
    if (!operands.back()) return nullptr;
    if (!accept(TokenKind::Comma) && !at(TokenKind::RightBracket)) {
      expected("`,` or `]`");
      return nullptr;
    }
  }
  ++at_;
  in_index_ = outer;
  return node(ExprKind::List, first, std::move(operands));
}

// if c { } else { }, when c { } else { }
ExprPtr Parser::parse_conditional() {
  const std::size_t first = at_;
  const TokenKind word = token().kind;
  ++at_;
  auto result = std::make_shared<ast::Expr>();
  result->kind = word == TokenKind::If ? ExprKind::If : ExprKind::When;
  result->operands = {parse_binary(1)};
  if (!result->operands[0]) return nullptr;
  if (at(TokenKind::Assign)) {
    expected("`{`").help("a comparison is written `==`");
    return nullptr;
  }
  result->block = parse_block(true);
  if (!result->block) return nullptr;
  if (at_word("elif")) {
    error(Diagnostic::ForeignSyntax, place(), "there is no `elif`").help("write `else if`");
    return nullptr;
  }
  if (accept(TokenKind::Else)) {
    if (at(TokenKind::If) || at(TokenKind::When)) {
      const std::size_t nested = at_;
      if (recursion_too_deep()) return nullptr;
      ++recursion_;
      ast::Stmt statement;
      statement.value = parse_conditional();
      --recursion_;
      if (!statement.value) return nullptr;
      statement.location = span(nested);
      result->otherwise = std::make_shared<ast::Block>();
      result->otherwise->location = location_of(file_, tokens_[nested]);
      result->otherwise->height = statement.value->height + 1;
      result->otherwise->statements.push_back(std::move(statement));
    } else {
      result->otherwise = parse_block(true);
      if (!result->otherwise) return nullptr;
    }
  }
  return finished(result, first);
}

// repeat i in a..b { }
ExprPtr Parser::parse_repeat() {
  const std::size_t first = at_;
  auto result = std::make_shared<ast::Expr>();
  result->kind = ExprKind::Repeat;
  ++at_;
  if (!parse_name(result->text, "the loop's index") || !expect(TokenKind::In, "the loop's index"))
    return nullptr;
  result->operands = {parse_range()};
  if (!result->operands[0]) return nullptr;
  if (result->operands[0]->kind != ExprKind::Range) {
    expected("`..`").help("a loop runs over a range: `repeat i in 0..3 {{ }}`");
    return nullptr;
  }
  result->block = parse_block(true);
  return result->block ? finished(result, first) : nullptr;
}

// scan u, v in x, y { }; in a pipeline, scan u, v { }
ExprPtr Parser::parse_scan() {
  const std::size_t first = at_;
  auto result = std::make_shared<ast::Expr>();
  result->kind = ExprKind::Scan;
  ++at_;
  do {
    ast::ReduceIndex name;
    name.location = place();
    if (!parse_name(name.name, "a name for one step of the sequence")) return nullptr;
    result->indices.push_back(std::move(name));
  } while (accept(TokenKind::Comma));
  if (accept(TokenKind::In)) {
    for (std::size_t i = 0; i < result->indices.size(); ++i) {
      if (i > 0 && !expect(TokenKind::Comma, "the sequence, one for each name")) return nullptr;
      result->operands.push_back(parse_expression());
      if (!result->operands.back()) return nullptr;
    }
    if (at(TokenKind::DotDot)) {
      expected("`{`").help("a scan goes through the steps of a tensor, `scan u in x {{ }}`; numbers are "
                           "counted by `repeat i in 0..3 {{ }}`");
      return nullptr;
    }
  }
  result->block = parse_block(true);
  return result->block ? finished(result, first) : nullptr;
}

// a..b, or a alone
ExprPtr Parser::parse_range() {
  const std::size_t first = at_;
  ExprPtr from = parse_binary(kComparison + 1);
  if (!from || !accept(TokenKind::DotDot)) return from;
  ExprPtr to = parse_binary(kComparison + 1);
  return to ? node(ExprKind::Range, first, {from, to}) : nullptr;
}

// ---- calls, reads, reductions -------------------------------------------------------------------

ExprPtr Parser::parse_call(ExprPtr callee, std::size_t first) {
  if (callee->kind != ExprKind::Name && callee->kind != ExprKind::Member && callee->kind != ExprKind::Call) {
    error(Diagnostic::BadTarget, place(), "only a name can be called").help("a product is written `a * (b)`");
    return nullptr;
  }
  const bool outer = in_index_;
  in_index_ = false;
  ++at_;
  auto result = std::make_shared<ast::Expr>();
  result->kind = ExprKind::Call;
  result->operands = {callee};
  while (!at(TokenKind::RightParen)) {
    ast::Argument argument;
    argument.location = place();
    if (token(1).kind == TokenKind::Assign && (at(TokenKind::Name) || is_reserved_word(token().kind))) {
      argument.name = token().text;
      at_ += 2;
    }
    argument.value = parse_element();
    if (!argument.value) return nullptr;
    if (argument.name.empty()) argument.location = argument.value->location;
    result->arguments.push_back(std::move(argument));
    if (accept(TokenKind::Comma)) continue;
    if (at(TokenKind::RightParen)) break;
    if (at(TokenKind::Colon))
      expected("`,` or `)`").help("a named argument is written `name = value`");
    else if (at(TokenKind::Else))
      expected("`,` or `)`").help("put the read and its `else` in parentheses: `(x[i] else 0)`");
    else
      expected("`,` or `)`");
    return nullptr;
  }
  ++at_;
  in_index_ = outer;
  return finished(result, first);
}

} // namespace striate
