#include "frontend/print_ast.h"

#include "support/check.h"

#include <fmt/format.h>

namespace striate {

using ast::Block;
using ast::Expr;
using ast::ExprKind;
using ast::ExprPtr;
using ast::Operator;
using ast::Stmt;
using ast::StmtKind;

// A line that grows longer than this is broken before each `->`.
static constexpr std::size_t kWidth = 100;

// How tightly an expression holds together, loosest first: the parser's own precedences. A reduction goes on
// over products, so it needs parentheses as an operand of one, and none as an operand of a sum.
enum Precedence { kPipe, kOr, kAnd, kNot, kComparison, kSum, kReduction, kProduct, kUnary, kPower, kPostfix };

static Precedence precedence_of(Operator op) {
  switch (op) {
  case Operator::Or:
    return kOr;
  case Operator::And:
    return kAnd;
  case Operator::Not:
    return kNot;
  case Operator::Equal:
  case Operator::NotEqual:
  case Operator::Less:
  case Operator::LessEqual:
  case Operator::Greater:
  case Operator::GreaterEqual:
    return kComparison;
  case Operator::Add:
  case Operator::Subtract:
    return kSum;
  case Operator::Multiply:
  case Operator::Divide:
  case Operator::FloorDivide:
  case Operator::Modulo:
    return kProduct;
  case Operator::Negate:
    return kUnary;
  case Operator::Power:
    return kPower;
  }
  return kPostfix;
}

static const char* spelling_of(Operator op) {
  switch (op) {
  case Operator::Or:
    return " or ";
  case Operator::And:
    return " and ";
  case Operator::Not:
    return "not ";
  case Operator::Equal:
    return " == ";
  case Operator::NotEqual:
    return " != ";
  case Operator::Less:
    return " < ";
  case Operator::LessEqual:
    return " <= ";
  case Operator::Greater:
    return " > ";
  case Operator::GreaterEqual:
    return " >= ";
  case Operator::Add:
    return " + ";
  case Operator::Subtract:
    return " - ";
  case Operator::Multiply:
    return "*";
  case Operator::Divide:
    return "/";
  case Operator::FloorDivide:
    return " // ";
  case Operator::Modulo:
    return " % ";
  case Operator::Negate:
    return "-";
  case Operator::Power:
    return "**";
  }
  return "";
}

static Precedence precedence_of(const Expr& expr) {
  switch (expr.kind) {
  case ExprKind::Unary:
  case ExprKind::Binary:
    return precedence_of(expr.op);
  case ExprKind::Reduce:
    return kReduction;
  case ExprKind::Pipe:
  case ExprKind::As:
    return kPipe;
  default:
    return kPostfix;
  }
}

static std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (const char c : text) switch (c) {
    case '\n':
      result += "\\n";
      break;
    case '\t':
      result += "\\t";
      break;
    case '"':
    case '\\':
      result += '\\';
      [[fallthrough]];
    default:
      result += c;
    }
  return result + '"';
}

namespace {

class Printer {
public:
  std::string item(const ast::Item& item);
  std::string expression(const Expr& expr) { return print(expr, kPipe); }

private:
  std::string print(const Expr& expr, Precedence lowest);
  std::string bare(const Expr& expr);
  std::string reduction(const Expr& expr);
  std::string path(const Expr& expr);
  std::string list(const std::vector<ExprPtr>& operands, std::size_t first = 0);
  std::string block(const Block& block);
  std::string conditional(const Expr& expr);
  std::string statement(const Stmt& statement);
  std::string parameter(const ast::Parameter& parameter);
  std::string parameters(const std::vector<ast::Parameter>& parameters);
  std::string broken(const std::string& head, const Expr& value);
  std::string indent() const { return std::string(4 * depth_, ' '); }

  std::size_t depth_ = 0;
};

std::string Printer::print(const Expr& expr, Precedence lowest) {
  const std::string text = bare(expr);
  return precedence_of(expr) < lowest ? "(" + text + ")" : text;
}

std::string Printer::list(const std::vector<ExprPtr>& operands, std::size_t first) {
  std::string result;
  for (std::size_t i = first; i < operands.size(); ++i) {
    if (i > first) result += ", ";
    result += print(*operands[i], kPipe);
  }
  return result;
}

std::string Printer::bare(const Expr& expr) {
  const auto operand = [&](std::size_t i, Precedence lowest) { return print(*expr.operands[i], lowest); };
  switch (expr.kind) {
  case ExprKind::Integer:
  case ExprKind::Real:
  case ExprKind::Name:
    return expr.text;
  case ExprKind::Boolean:
    return expr.integer ? "true" : "false";
  case ExprKind::String:
    return quoted(expr.text);
  case ExprKind::List:
    return "[" + list(expr.operands) + "]";
  case ExprKind::Tuple:
    return "(" + list(expr.operands) + ")";
  case ExprKind::Group: {
    std::string result;
    for (const ExprPtr& member : expr.operands) result += (result.empty() ? "" : " ") + bare(*member);
    return "(" + result + ")";
  }
  case ExprKind::Run:
    return expr.text + "..";
  case ExprKind::Range:
    return operand(0, kSum) + ".." + operand(1, kSum);
  case ExprKind::Unary:
    // A power binds tighter than the sign before it, so a negative base keeps its parentheses.
    return spelling_of(expr.op) + operand(0, expr.op == Operator::Not ? kComparison : kUnary);
  case ExprKind::Binary: {
    const Precedence own = precedence_of(expr.op);
    if (expr.op == Operator::Power) return operand(0, kPostfix) + "**" + operand(1, kUnary);
    const auto tighter = static_cast<Precedence>(own + 1);
    return operand(0, own == kComparison ? tighter : own) + spelling_of(expr.op) + operand(1, tighter);
  }
  case ExprKind::Call: {
    std::string result = bare(*expr.operands[0]) + "(";
    for (const ast::Argument& argument : expr.arguments) {
      if (&argument != &expr.arguments.front()) result += ", ";
      if (!argument.name.empty()) result += argument.name + " = ";
      result += print(*argument.value, kPipe);
    }
    return result + ")";
  }
  case ExprKind::Read:
    return operand(0, kPostfix) + "[" + list(expr.operands, 1) + "]";
  case ExprKind::Guarded:
    return "(" + bare(*expr.operands[0]) + " else " + operand(1, kPipe) + ")";
  case ExprKind::Member:
    return operand(0, kPostfix) + "." + expr.text;
  case ExprKind::Reduce:
    return reduction(expr);
  case ExprKind::If:
  case ExprKind::When:
    return conditional(expr);
  case ExprKind::Repeat:
    return fmt::format("repeat {} in {} {}", expr.text, bare(*expr.operands[0]), block(*expr.block));
  case ExprKind::Scan: {
    std::string names;
    for (const ast::ReduceIndex& name : expr.indices) names += (names.empty() ? "" : ", ") + name.name;
    return fmt::format("scan {}{}{} {}", names, expr.operands.empty() ? "" : " in ", list(expr.operands),
                       block(*expr.block));
  }
  case ExprKind::Pipe: {
    // Only the source may be an operator's result; `as` belongs to a stage.
    std::string result = expr.operands[0]->kind == ExprKind::As ? bare(*expr.operands[0]) : operand(0, kOr);
    for (std::size_t i = 1; i < expr.operands.size(); ++i) result += " -> " + bare(*expr.operands[i]);
    return result;
  }
  case ExprKind::As:
    return operand(0, kOr) + " as " + path(expr);
  case ExprKind::Path:
    return path(expr);
  }
  CHECK(false, "unknown kind of expression");
  return "";
}

// `max(a, b) body` is known from the function `max(a, b)` by a body that begins with a name or `(`.
std::string Printer::reduction(const Expr& expr) {
  std::string result = expr.text + "(";
  for (const ast::ReduceIndex& index : expr.indices) {
    if (&index != &expr.indices.front()) result += ", ";
    result += index.name;
    if (index.run) result += "..";
    if (index.range) result += ": " + print(*index.range, kPipe);
  }
  const Expr& body = *expr.operands[0];
  const bool plain = body.kind == ExprKind::Read || body.kind == ExprKind::Name ||
                     body.kind == ExprKind::Call || body.kind == ExprKind::Guarded ||
                     (expr.text != "max" && expr.text != "min");
  return result + ") " + (plain ? print(body, kReduction) : "(" + bare(body) + ")");
}

std::string Printer::path(const Expr& expr) {
  std::string result;
  for (const ast::PathPart& part : expr.path)
    result += part.value ? "{" + print(*part.value, kPipe) + "}" : part.text;
  return result;
}

std::string Printer::conditional(const Expr& expr) {
  std::string result = fmt::format("{} {} {}", expr.kind == ExprKind::If ? "if" : "when",
                                   print(*expr.operands[0], kOr), block(*expr.block));
  if (!expr.otherwise) return result;
  const std::vector<Stmt>& statements = expr.otherwise->statements;
  const bool chains =
      statements.size() == 1 && statements[0].kind == StmtKind::Value &&
      (statements[0].value->kind == ExprKind::If || statements[0].value->kind == ExprKind::When);
  return result + " else " + (chains ? bare(*statements[0].value) : block(*expr.otherwise));
}

std::string Printer::block(const Block& block) {
  if (block.statements.empty()) return "{ }";
  if (block.statements.size() == 1 && block.statements[0].kind == StmtKind::Value) {
    const std::string text = bare(*block.statements[0].value);
    if (text.find('\n') == std::string::npos) return "{ " + text + " }";
  }
  ++depth_;
  std::string lines;
  for (const Stmt& each : block.statements) {
    const std::string text = statement(each);
    // A line that begins so would continue the one before.
    if (!lines.empty() && (text[0] == '-' || text[0] == '(' || text[0] == '['))
      lines.insert(lines.size() - 1, ";");
    lines += indent() + text + "\n";
  }
  --depth_;
  return "{\n" + lines + indent() + "}";
}

std::string Printer::broken(const std::string& head, const Expr& value) {
  const std::string line = head + bare(value);
  if (value.kind != ExprKind::Pipe || indent().size() + line.size() <= kWidth ||
      line.find('\n') != std::string::npos)
    return line;
  std::string result =
      head + print(*value.operands[0], value.operands[0]->kind == ExprKind::As ? kPipe : kOr);
  for (std::size_t i = 1; i < value.operands.size(); ++i)
    result += "\n" + indent() + "    -> " + bare(*value.operands[i]);
  return result;
}

std::string Printer::statement(const Stmt& statement) {
  const auto assigned = [&](const std::string& word) {
    const std::string head = word + list(statement.targets);
    return statement.value ? broken(head + " = ", *statement.value) : head;
  };
  switch (statement.kind) {
  case StmtKind::Assign:
    return assigned("");
  case StmtKind::Param:
    return "param " + parameter(statement.parameter);
  case StmtKind::State:
    return "state " + parameter(statement.parameter);
  case StmtKind::Input:
    return "input " + parameter(statement.parameter);
  case StmtKind::Carry:
    return "carry " + parameter(statement.parameter);
  case StmtKind::Next:
    return assigned("next ");
  case StmtKind::Total:
    return assigned("total ");
  case StmtKind::Return:
    return broken("return ", *statement.value);
  case StmtKind::Layer:
    return assigned("layer ");
  case StmtKind::Output:
    return assigned("output ");
  case StmtKind::Split:
    return assigned("split ");
  case StmtKind::Field:
    return assigned("field ");
  case StmtKind::Metric:
    return assigned("metric ");
  case StmtKind::Phase:
    return "phase " + list(statement.targets) + " " + block(*statement.block);
  case StmtKind::Freeze:
    return "freeze " + list(statement.targets);
  case StmtKind::Optimizer:
    return assigned("optimizer ");
  case StmtKind::Load: {
    std::string result = "load " + quoted(statement.text);
    if (!statement.targets.empty()) result += " into " + list(statement.targets);
    if (!statement.exclusions.empty()) result += " except " + list(statement.exclusions);
    return result;
  }
  case StmtKind::Value:
    return broken("", *statement.value);
  }
  CHECK(false, "unknown kind of statement");
  return "";
}

std::string Printer::parameter(const ast::Parameter& parameter) {
  const ast::Type& type = parameter.type;
  std::string result = parameter.name;
  if (parameter.variadic) result += "..";
  if (!parameter.size_name.empty()) result += " " + parameter.size_name;
  if (!type.name.empty()) result += ": " + type.name;
  if (type.has_dimensions) result += "[" + list(type.dimensions) + "]";
  return parameter.default_value ? broken(result + " = ", *parameter.default_value) : result;
}

std::string Printer::parameters(const std::vector<ast::Parameter>& parameters) {
  std::string result;
  for (const ast::Parameter& each : parameters) result += (result.empty() ? "" : ", ") + parameter(each);
  return result;
}

std::string Printer::item(const ast::Item& item) {
  std::string result;
  if (!item.documentation.empty()) {
    std::string lines = "# " + item.documentation;
    for (std::size_t i = lines.find('\n'); i != std::string::npos; i = lines.find('\n', i + 1))
      lines.insert(i + 1, i + 1 < lines.size() && lines[i + 1] == '\n' ? "#" : "# ");
    result += lines + "\n";
  }
  std::string head;
  switch (item.kind) {
  case ast::ItemKind::Use:
    return result + "use " + quoted(item.name) + "\n";
  case ast::ItemKind::Op: {
    head = "op " + item.name + "(" + parameters(item.inputs);
    if (!item.attributes.empty()) head += "; " + parameters(item.attributes);
    const std::string outputs = "-> " + parameters(item.outputs);
    head += ")" + std::string(head.size() + outputs.size() > kWidth ? "\n    " : " ") + outputs;
    break;
  }
  case ast::ItemKind::Layer:
  case ast::ItemKind::Optimizer:
    head = (item.kind == ast::ItemKind::Layer ? "layer " : "optimizer ") + item.name;
    if (!item.attributes.empty()) head += "(" + parameters(item.attributes) + ") ";
    head += "(" + parameters(item.inputs) + ")";
    break;
  case ast::ItemKind::Model:
  case ast::ItemKind::Schedule:
  case ast::ItemKind::Data:
    head = (item.kind == ast::ItemKind::Model  ? "model "
            : item.kind == ast::ItemKind::Data ? "data "
                                               : "schedule ") +
           item.name;
    if (!item.attributes.empty()) head += "(" + parameters(item.attributes) + ")";
    break;
  case ast::ItemKind::Train:
    head = "train " + bare(*item.subject) + " with " + bare(*item.with);
    break;
  }
  for (const ast::Precondition& precondition : item.preconditions) {
    head += "\n    where " + print(*precondition.condition, kPipe);
    if (!precondition.message.empty()) head += ", " + quoted(precondition.message);
  }
  result += head + (item.preconditions.empty() ? " " : "\n") + block(*item.body);
  if (item.gradient) result += " grad " + block(*item.gradient);
  return result + "\n";
}

} // namespace

std::string print_ast(const ast::File& file) {
  std::string result;
  for (const ast::Item& item : file.items) {
    const bool uses = item.kind == ast::ItemKind::Use && &item != &file.items.front() &&
                      (&item - 1)->kind == ast::ItemKind::Use;
    if (!result.empty() && !uses) result += "\n";
    result += Printer().item(item);
  }
  return result;
}

std::string print_expr(const Expr& expr) { return Printer().expression(expr); }

} // namespace striate
