#include "frontend/parser.h"
#include "frontend/parser_state.h"

#include <algorithm>
#include <array>
#include <map>

namespace striate {

using ast::ExprKind;
using ast::ExprPtr;
using ast::Stmt;
using ast::StmtKind;

static constexpr unsigned bit(Surrounding surrounding) { return 1u << static_cast<unsigned>(surrounding); }

// The statements that begin with a word, and where they belong.
struct StatementWord {
  std::string_view word;
  StmtKind kind;
  unsigned surroundings;
  const char* belongs;
};
static constexpr unsigned kLayers = bit(Surrounding::Layer) | bit(Surrounding::Model);
static constexpr std::array kStatementWords = {
    StatementWord{"param", StmtKind::Param, kLayers, "a `layer` or a `model`"},
    StatementWord{"state", StmtKind::State, kLayers | bit(Surrounding::Optimizer),
                  "a `layer`, a `model` or an `optimizer`"},
    StatementWord{"next", StmtKind::Next, kLayers | bit(Surrounding::Optimizer),
                  "a `layer`, a `model` or an `optimizer`"},
    StatementWord{"total", StmtKind::Total, bit(Surrounding::Optimizer), "an `optimizer`"},
    StatementWord{"carry", StmtKind::Carry, kLayers, "a `scan` of a `layer` or a `model`"},
    StatementWord{"return", StmtKind::Return, bit(Surrounding::Layer) | bit(Surrounding::Schedule),
                  "a `layer` or a `schedule`"},
    StatementWord{"layer", StmtKind::Layer, kLayers, "a `layer` or a `model`"},
    StatementWord{"input", StmtKind::Input, bit(Surrounding::Model), "a `model`"},
    StatementWord{"output", StmtKind::Output, bit(Surrounding::Model), "a `model`"},
    StatementWord{"split", StmtKind::Split, bit(Surrounding::Data), "a `data` block"},
    StatementWord{"field", StmtKind::Field, bit(Surrounding::Data), "a `data` block"},
    StatementWord{"metric", StmtKind::Metric, bit(Surrounding::Train), "a `train` block"},
    StatementWord{"optimizer", StmtKind::Optimizer, bit(Surrounding::Train), "a `train` block"},
    StatementWord{"phase", StmtKind::Phase, bit(Surrounding::Train), "a `train` block"},
    StatementWord{"freeze", StmtKind::Freeze, bit(Surrounding::Train), "a `train` block"},
    StatementWord{"load", StmtKind::Load, bit(Surrounding::Train), "a `train` block"},
};

static const StatementWord* statement_word(std::string_view word) {
  for (const StatementWord& candidate : kStatementWords)
    if (candidate.word == word) return &candidate;
  return nullptr;
}

std::vector<std::string> statement_words(ast::ItemKind kind) {
  using ast::ItemKind;
  static const std::map<ItemKind, Surrounding> kBodies = {
      {ItemKind::Op, Surrounding::Op},       {ItemKind::Layer, Surrounding::Layer},
      {ItemKind::Model, Surrounding::Model}, {ItemKind::Optimizer, Surrounding::Optimizer},
      {ItemKind::Data, Surrounding::Data},   {ItemKind::Schedule, Surrounding::Schedule},
      {ItemKind::Train, Surrounding::Train}};
  std::vector<std::string> words;
  const auto body = kBodies.find(kind);
  for (const StatementWord& word : kStatementWords)
    if (body != kBodies.end() && (word.surroundings & bit(body->second))) words.emplace_back(word.word);
  return words;
}

static const char* name_of(Surrounding surrounding) {
  static constexpr std::array kNames = {"an `op`",      "a `layer`",      "a `model`",      "an `optimizer`",
                                        "a `schedule`", "a `data` block", "a `train` block"};
  return kNames[static_cast<std::size_t>(surrounding)];
}

static bool is_control(const ast::Expr& expr) {
  return expr.kind == ExprKind::If || expr.kind == ExprKind::When || expr.kind == ExprKind::Repeat ||
         expr.kind == ExprKind::Scan;
}

static int height_of(const ast::Parameter& parameter) {
  int height = parameter.default_value ? parameter.default_value->height : 0;
  for (const ExprPtr& dimension : parameter.type.dimensions) height = std::max(height, dimension->height);
  return height;
}

static int height_of(const Stmt& statement) {
  int height = height_of(statement.parameter);
  for (const ExprPtr& target : statement.targets) height = std::max(height, target->height);
  if (statement.value) height = std::max(height, statement.value->height);
  if (statement.block) height = std::max(height, statement.block->height);
  for (const ExprPtr& exclusion : statement.exclusions) height = std::max(height, exclusion->height);
  return height;
}

// block = "{" { statement } "}"; errors inside are dealt with inside.
ast::BlockPtr Parser::parse_block(bool yields_value) {
  if (!at(TokenKind::LeftBrace)) {
    DiagnosticMessage& message = expected("`{`");
    if (at(TokenKind::Colon)) message.help("a block stands in braces: `{{ ... }}`");
    return nullptr;
  }
  if (recursion_too_deep()) return nullptr;
  auto block = std::make_shared<ast::Block>();
  block->location = place();
  const int outer_depth = block_depth_;
  const bool outer_index = in_index_;
  block_depth_ = token().depth + 1;
  in_index_ = false;
  ++recursion_;
  ++at_;
  while (!at(TokenKind::RightBrace)) {
    if (accept(TokenKind::Semicolon)) continue;
    const std::size_t first = at_;
    Stmt statement;
    if (parse_statement(statement, yields_value)) {
      statement.location = span(first);
      block->height = std::max(block->height, height_of(statement) + 1);
      block->statements.push_back(std::move(statement));
      if (end_statement(block->statements.back(), yields_value)) continue;
    }
    if (at_ == first) ++at_;
    in_index_ = false;
    skip_statement();
  }
  const bool repaired =
      token().is_repair; // then it ends too late, and its last statement is not what was meant
  ++at_;
  --recursion_;
  block_depth_ = outer_depth;
  in_index_ = outer_index;
  for (std::size_t i = 0; i + 1 < block->statements.size() && !repaired; ++i) {
    const Stmt& statement = block->statements[i];
    if (statement.kind == StmtKind::Value && yields_value && !is_control(*statement.value))
      error(Diagnostic::Misplaced, statement.value->location, "this value is not used")
          .note("the value of a block is its last statement");
  }
  return too_deep(block->height, block->location) ? nullptr : block;
}

// To the next statement of this block, or its end.
void Parser::skip_statement() {
  const auto continues = [&] {
    switch (token().kind) {
    case TokenKind::Arrow:
    case TokenKind::As:
    case TokenKind::Else:
    case TokenKind::Comma:
    case TokenKind::Assign:
    case TokenKind::Dot:
      return true;
    default:
      return is_opener(token().kind) || is_closer(token().kind) ||
             (token().kind >= TokenKind::Plus && token().kind <= TokenKind::NotEqual &&
              !at(TokenKind::SlashSlash));
    }
  };
  for (; !at(TokenKind::End); ++at_) {
    if (token().depth < block_depth_) return; // the closing brace
    if (token().depth == block_depth_ && (at(TokenKind::Semicolon) || (token().starts_line && !continues())))
      return;
  }
}

// A statement ends at a new line, `;` or `}`; another may also follow on the same line where it is plain that
// one begins
// (`epochs = 10  batch = 64`).
bool Parser::end_statement(const Stmt& statement, bool yields_value) {
  if (at(TokenKind::Semicolon) || at(TokenKind::RightBrace)) return true;
  if (at(TokenKind::SlashSlash) && at_new_line()) return true; // reported as a statement
  if (at(TokenKind::Else)) {
    if (statement.value && statement.value->kind == ExprKind::Read)
      error(Diagnostic::UnexpectedToken, place(), "a read and its `else` stand in parentheses")
          .help("write `(x[i] else 0)`");
    else
      error(Diagnostic::UnexpectedToken, place(), "`else` without an `if` before it");
    return false;
  }
  if (at_new_line()) return true;
  if (at(TokenKind::If) && statement.kind == StmtKind::Assign) {
    error(Diagnostic::ForeignSyntax, place(), "the condition comes before the values")
        .help("write `if condition {{ a }} else {{ b }}`");
    return false;
  }
  if (at(TokenKind::Param) || at(TokenKind::Return) || at(TokenKind::Layer) || at(TokenKind::If) ||
      at(TokenKind::When) || at(TokenKind::Repeat) || at(TokenKind::Scan))
    return true;
  if (at(TokenKind::Name) && !token(1).starts_line) {
    const TokenKind next = token(1).kind;
    const bool may_be_value = yields_value || surrounding_ == Surrounding::Train;
    if (next == TokenKind::Assign || next == TokenKind::Comma || next == TokenKind::LeftBracket ||
        next == TokenKind::Name || next == TokenKind::String ||
        (may_be_value && (next == TokenKind::LeftParen || next == TokenKind::Arrow)))
      return true;
  }
  DiagnosticMessage& message = expected("a new line or `;`");
  if (at(TokenKind::Colon))
    message.help("a type stands after the name of a `param`, `state` or `input`; a block stands in braces");
  if (begins_operand(at_) && statement.value && statement.value->kind == ExprKind::Name)
    message.help("a call has parentheses, `{0}({1})`, and a pipeline arrows, `{0} -> {1}`",
                 statement.value->text, token().text);
  return false;
}

bool Parser::parse_statement(Stmt& statement, bool yields_value) {
  if (at(TokenKind::SlashSlash)) {
    error(Diagnostic::ForeignSyntax, place(), "a comment begins with `#`")
        .note("`//` divides integers; to go on with it on the next line, leave it at the end of this one");
    while (!at(TokenKind::End) && !token(1).starts_line && token(1).depth >= block_depth_) ++at_;
    return false;
  }
  statement_begin_ = at_;
  std::string_view word = token().text;
  const TokenKind second = token(1).kind;
  const bool second_word = !token(1).starts_line && (second == TokenKind::Name ||
                                                     (is_reserved_word(second) && second != TokenKind::As &&
                                                      second != TokenKind::And && second != TokenKind::Or &&
                                                      second != TokenKind::Else && second != TokenKind::In));
  if (is_reserved_word(token().kind) && second == TokenKind::Assign) {
    std::string name;
    return parse_name(name, "a value");
  }
  switch (token().kind) {
  case TokenKind::Param:
  case TokenKind::Return:
  case TokenKind::Layer:
    return parse_worded(statement, word);
  case TokenKind::Else:
    error(Diagnostic::UnexpectedToken, place(), "`else` without an `if` before it");
    return false;
  case TokenKind::Name:
    if (report_foreign_statement()) return false;
    if (second_word && !statement_word(word) && !check_unknown_word(word)) return false;
    if (statement_word(word) && (second_word || (word == "load" && second == TokenKind::String)))
      return parse_worded(statement, word);
    break;
  default:
    break;
  }
  return parse_assignment_or_value(statement, yields_value);
}

// Statements of other languages, each reported with what to write instead; true if there was one.
bool Parser::report_foreign_statement() {
  struct Foreign {
    std::string_view word;
    const char* help;
  };
  static constexpr std::array kForeign = {
      Foreign{"for", "write `repeat i in 0..3 { ... }`; in an `op`, name the indices: `y[i, j] = ...`"},
      Foreign{"while",
              "there are no unbounded loops; `repeat i in a..b { ... }` runs a known number of times"},
      Foreign{"def", "write an `op` (index notation) or a `layer` (composition) outside of this block"},
      Foreign{"class", "write a `layer` or a `model` outside of this block"},
      Foreign{"import", "write `use \"file.nn\"` at the top of the file"},
      Foreign{"from", "write `use \"file.nn\"` at the top of the file"},
      Foreign{"elif", "write `else if`"},
      Foreign{"let", "leave out `let`: write `name = value`"},
      Foreign{"var", "leave out `var`: write `name = value`"},
      Foreign{"const", "leave out `const`: write `name = value`"},
      Foreign{"pass", "leave the block empty"},
  };
  const bool assigns = token(1).kind == TokenKind::Assign;
  for (const Foreign& foreign : kForeign)
    if (token().text == foreign.word && !assigns && token(1).kind != TokenKind::LeftBracket &&
        token(1).kind != TokenKind::Comma) {
      error(Diagnostic::ForeignSyntax, place(), fmt::format("there is no `{}`", foreign.word))
          .help("{}", foreign.help);
      return true;
    }
  return false;
}

// `retrun y`: two names side by side. True, with the word that was meant, where one is near.
bool Parser::check_unknown_word(std::string_view& word) {
  std::vector<std::string> words = {"repeat", "scan", "when", "if"};
  for (const StatementWord& candidate : kStatementWords)
    if (candidate.surroundings & bit(surrounding_)) words.emplace_back(candidate.word);
  std::string near = nearest_name(word, words);
  if (near.empty()) { // perhaps a statement that belongs elsewhere; it says so when it is the word that was
                      // written
    for (const StatementWord& candidate : kStatementWords) words.emplace_back(candidate.word);
    near = nearest_name(word, words);
  }
  if (near.empty()) {
    const SourceLocation second = location_of(file_, token(1));
    DiagnosticMessage& message =
        error(Diagnostic::UnexpectedToken, second,
              fmt::format("expected `=` or an operator after `{}`, found `{}`", word, token(1).text));
    if (token(2).kind != TokenKind::Assign)
      message.help("a call has parentheses: `{}({})`", word, token(1).text);
    return false;
  }
  error(Diagnostic::UnexpectedToken, place(), fmt::format("no statement begins with `{}`", word))
      .did_you_mean(near);
  const StatementWord* meant = statement_word(near);
  if (meant) word = meant->word;
  return meant != nullptr;
}

bool Parser::parse_worded(Stmt& statement, std::string_view word) {
  const StatementWord& known = *statement_word(word);
  if (!(known.surroundings & bit(surrounding_))) {
    DiagnosticMessage& message =
        error(Diagnostic::Misplaced, place(),
              fmt::format("`{}` belongs in {}, not in {}", word, known.belongs, name_of(surrounding_)));
    if (known.kind == StmtKind::Return && surrounding_ == Surrounding::Model)
      message.help("write `output name = ...`");
    if (known.kind == StmtKind::Return && surrounding_ == Surrounding::Op)
      message.help("assign to the output: `y[i, j] = ...`");
    return false;
  }
  statement.kind = known.kind;
  ++at_;
  switch (known.kind) {
  case StmtKind::Param:
  case StmtKind::State:
  case StmtKind::Carry:
  case StmtKind::Input:
    return parse_parameter(statement.parameter);
  case StmtKind::Load:
    return parse_load(statement);
  case StmtKind::Freeze:
    return parse_targets(statement.targets);
  case StmtKind::Optimizer:
    if (!parse_targets(statement.targets)) return false;
    if (!at(TokenKind::Assign)) {
      DiagnosticMessage& message = expected("`=` after the layers and parameters");
      if (statement.targets[0]->kind == ExprKind::Call)
        message.help("write `optimizer = {}(...)`", statement.targets[0]->operands[0]->text);
      return false;
    }
    ++at_;
    break;
  case StmtKind::Return:
    if (at_new_line() || at(TokenKind::RightBrace) || at(TokenKind::Semicolon)) {
      expected("a value after `return`");
      return false;
    }
    break;
  default:
    if (!parse_targets(statement.targets)) return false;
    for (const ExprPtr& target : statement.targets) {
      const bool fits = target->kind == ExprKind::Name ||
                        (known.kind == StmtKind::Next && target->kind == ExprKind::Read) ||
                        (known.kind == StmtKind::Phase && target->kind == ExprKind::Path);
      if (!fits) {
        error(Diagnostic::BadTarget, target->location, fmt::format("`{}` is followed by a name", word));
        return false;
      }
    }
    const bool one = known.kind != StmtKind::Output && known.kind != StmtKind::Split;
    if (one && statement.targets.size() > 1) {
      error(Diagnostic::UnexpectedToken, statement.targets[1]->location,
            fmt::format("`{}` gives one name", word));
      return false;
    }
    if (known.kind == StmtKind::Phase) {
      statement.block = parse_block(false);
      return statement.block != nullptr;
    }
    if (known.kind == StmtKind::Output && !at(TokenKind::Assign)) return true;
    if (!expect(TokenKind::Assign, "the name")) return false;
  }
  const std::size_t first = at_;
  statement.value = parse_expression();
  if (!statement.value) return false;
  if (!at(TokenKind::Comma) || known.kind != StmtKind::Return) return true;
  std::vector<ExprPtr> operands = {statement.value};
  while (accept(TokenKind::Comma)) {
    operands.push_back(parse_expression());
    if (!operands.back()) return false;
  }
  statement.value = node(ExprKind::Tuple, first, std::move(operands));
  return statement.value != nullptr;
}

// load "f.safetensors" into a, b except c
bool Parser::parse_load(Stmt& statement) {
  if (!at(TokenKind::String)) {
    expected("the name of a file in quotes");
    return false;
  }
  statement.text = decode_string(token().text);
  ++at_;
  if (at_word("into") && !at_new_line()) {
    ++at_;
    if (!parse_targets(statement.targets)) return false;
  }
  if (at_word("except") && !at_new_line()) {
    ++at_;
    if (!parse_targets(statement.exclusions)) return false;
  }
  return true;
}

// One or more names, members or reads.
bool Parser::parse_targets(std::vector<ExprPtr>& targets) {
  do {
    const bool computed = at_computed_name(); // `layer{i}` is a name, as it is after `as`
    if (is_reserved_word(token().kind) && !computed) {
      std::string name;
      return parse_name(name, "a value");
    }
    targets.push_back(computed ? parse_computed_name() : parse_postfix());
    if (!targets.back()) return false;
  } while (accept(TokenKind::Comma));
  return true;
}

bool Parser::check_target(const ast::Expr& target) {
  if (target.kind == ExprKind::Name || target.kind == ExprKind::Read) return true;
  if (target.kind == ExprKind::Call && surrounding_ == Surrounding::Op) return true;
  DiagnosticMessage& message = error(Diagnostic::BadTarget, target.location, "this cannot be assigned to");
  if (target.kind == ExprKind::Member)
    message.help("write `{0} = ...`; for a layer used twice, `layer {0} = ...`", target.text);
  else if (target.kind == ExprKind::Tuple)
    message.help("write the names without parentheses: `a, b = ...`");
  else if (target.kind == ExprKind::Pipe || target.kind == ExprKind::As)
    message.help("a name for the whole is written before it: `name = x -> f`");
  return false;
}

bool Parser::parse_assignment_or_value(Stmt& statement, bool yields_value) {
  const std::size_t first = at_;
  std::vector<ExprPtr> operands;
  do {
    operands.push_back(parse_expression());
    if (!operands.back()) return false;
  } while (accept(TokenKind::Comma));

  if (at(TokenKind::Assign) && !at_new_line()) {
    for (const ExprPtr& target : operands)
      if (!check_target(*target)) return false;
    ++at_;
    statement.kind = StmtKind::Assign;
    statement.targets = std::move(operands);
    statement.value = parse_expression();
    return statement.value != nullptr;
  }
  statement.kind = StmtKind::Value;
  statement.value = operands.size() == 1 ? operands[0] : node(ExprKind::Tuple, first, std::move(operands));
  if (!statement.value) return false;
  const bool is_setting = surrounding_ == Surrounding::Train && statement.value->kind == ExprKind::Call;
  if (yields_value || is_control(*statement.value) || is_setting) return true;
  if (at(TokenKind::Colon)) {
    expected("`=`").help("types are written for `param`, `state` and `input`; a block stands in braces");
    return false;
  }
  if (!at_new_line() && !at(TokenKind::RightBrace) && !at(TokenKind::Semicolon)) {
    expected("`=`");
    return false;
  }
  DiagnosticMessage& message =
      error(Diagnostic::Misplaced, statement.value->location, "this value is not used");
  if (statement.value->kind == ExprKind::Binary && statement.value->op == ast::Operator::Equal)
    message.help("`==` compares; a value is given by `=`");
  else if (surrounding_ == Surrounding::Layer)
    message.help("to give it back write `return ...`; to keep it, `name = ...`");
  if (surrounding_ == Surrounding::Model)
    message.help("to give it back write `output name = ...`; to keep it, `name = ...`");
  return true;
}

} // namespace striate
