#include "frontend/size_formulas.h"

#include "frontend/print_ast.h"

#include <algorithm>

namespace striate {

using ast::ExprKind;
using ast::Operator;
using Kind = CompileTimeValue::Kind;

namespace {

enum Level { kLogical = 1, kCompared = 2, kSum = 3, kProductOf = 4, kAtom = 9 };

// "(227 - 11) // 4" and what is added to it.
struct Piece {
  std::string text;
  int level = kAtom;
  int64_t offset = 0;
  std::optional<int64_t> constant;

  std::string whole() const {
    if (offset == 0) return text;
    return fmt::format("{} {} {}", text, offset < 0 ? "-" : "+", std::abs(offset));
  }
  // As an operand of something that binds at `least`.
  std::string operand(int least) const {
    const bool binds = (offset == 0 ? level : std::min<int>(level, kSum)) >= least;
    return binds ? whole() : "(" + whole() + ")";
  }
};

class Numbers {
public:
  Numbers(Evaluator& evaluator, Scope& scope, const std::set<std::string>& kept)
      : evaluator_(evaluator), scope_(scope), kept_(kept) {}

  Piece of(const ast::Expr& expr) {
    const auto value = evaluator_.try_evaluate(expr, scope_);
    bool keeps = false;
    visit_expressions(expr, [&](const ast::Expr& part) {
      keeps = keeps || (part.kind == ExprKind::Name && kept_.contains(part.text));
    });
    if (!value) return {print_expr(expr), kLogical, 0, std::nullopt};
    if (!keeps) return {text_of(*value), kAtom, 0, value->integer()};
    switch (expr.kind) {
    case ExprKind::Binary:
      return binary(expr);
    case ExprKind::If: {
      const auto holds = evaluator_.try_evaluate(*expr.operands[0], scope_);
      const ast::BlockPtr& block = holds && holds->truth ? expr.block : expr.otherwise;
      if (block && block->statements.size() == 1 && block->statements[0].value)
        return of(*block->statements[0].value);
      break;
    }
    case ExprKind::Call: // min(a, b): the one that it is
      for (const ast::Argument& argument : expr.arguments) {
        const auto one = evaluator_.try_evaluate(*argument.value, scope_);
        if (one && text_of(*one) == text_of(*value)) return of(*argument.value);
      }
      break;
    default:
      break;
    }
    return {text_of(*value), kAtom, 0, std::nullopt};
  }

private:
  Piece binary(const ast::Expr& expr) {
    Piece a = of(*expr.operands[0]);
    const Piece b = of(*expr.operands[1]);
    if (expr.op == Operator::And && (a.text == "true" || a.text == b.text)) return b;
    if (expr.op == Operator::And && b.text == "true") return a;
    const bool unchanged =
        b.constant == 1 && (expr.op == Operator::Multiply || expr.op == Operator::FloorDivide);
    if (unchanged) return a;
    if (a.constant == 1 && expr.op == Operator::Multiply) return b;
    const bool adds = expr.op == Operator::Add || expr.op == Operator::Subtract;
    if (adds && b.constant) {
      a.offset += expr.op == Operator::Add ? *b.constant : -*b.constant;
      return a;
    }
    if (expr.op == Operator::Add && a.constant) {
      Piece sum = b;
      sum.offset += *a.constant;
      return sum;
    }
    const int level = adds                                                              ? kSum
                      : expr.op == Operator::And || expr.op == Operator::Or             ? kLogical
                      : expr.op >= Operator::Equal && expr.op <= Operator::GreaterEqual ? kCompared
                                                                                        : kProductOf;
    const int right =
        expr.op == Operator::Multiply || expr.op == Operator::Add || level <= kLogical ? level : level + 1;
    return {fmt::format("{} {} {}", a.operand(level), spelling_of(expr.op), b.operand(right)), level, 0,
            std::nullopt};
  }

  Evaluator& evaluator_;
  Scope& scope_;
  const std::set<std::string>& kept_;
};

CompileTimeValue value_of(const Attribute& attribute) {
  if (const auto* integer = std::get_if<int64_t>(&attribute)) return CompileTimeValue::of(*integer);
  if (const auto* real = std::get_if<double>(&attribute)) return CompileTimeValue::of_real(*real);
  if (const auto* truth = std::get_if<bool>(&attribute)) return CompileTimeValue::of_bool(*truth);
  if (const auto* text = std::get_if<std::string>(&attribute)) return CompileTimeValue::of_text(*text);
  std::vector<CompileTimeValue> items;
  for (int64_t item : std::get<std::vector<int64_t>>(attribute)) items.push_back(CompileTimeValue::of(item));
  return CompileTimeValue::of_list(std::move(items));
}

// "3*4*4" of a group's sizes, without those that are 1.
std::string product_text(const std::vector<Size>& sizes) {
  std::string text;
  for (const Size& size : sizes)
    if (!size.is_constant(1)) text += (text.empty() ? "" : "*") + size.text();
  return text;
}

} // namespace

std::set<std::string> sizes_named_by(const ast::Parameter& input) {
  std::set<std::string> names;
  for (const ast::ExprPtr& dimension : input.type.dimensions)
    visit_expressions(*dimension, [&](const ast::Expr& part) {
      if (part.kind == ExprKind::Name) names.insert(part.text);
    });
  return names;
}

std::string numbers_in(const ast::Expr& expr, Evaluator& evaluator, Scope& scope,
                       const std::set<std::string>& kept) {
  return Numbers(evaluator, scope, kept).of(expr).whole();
}

std::optional<SizedCall> size_call(const Library& library, const ast::Item& op,
                                   const std::map<std::string, Attribute>& attributes,
                                   const std::vector<TensorType>& inputs) {
  Diagnostics dropped;
  Reporter reporter(dropped);
  Evaluator evaluator(reporter, library);
  std::map<std::string, CompileTimeValue> values;
  for (const auto& [name, attribute] : attributes) values[name] = value_of(attribute);
  Scope scope = attribute_scope(op, values);
  ShapeUnifier shapes(evaluator, scope, op, op.location);
  std::size_t next = 0;
  for (const ast::Parameter& input : op.inputs) {
    if (attributes.contains(input.name)) continue; // a number
    if (next == inputs.size() || !shapes.match(input, inputs[next++].shape)) return std::nullopt;
  }
  if (next != inputs.size() || !shapes.solve_groups() || !shapes.check_preconditions()) return std::nullopt;
  const std::set<std::string> kept =
      op.inputs.empty() ? std::set<std::string>{} : sizes_named_by(op.inputs[0]);
  SizedCall result;
  for (const ast::Parameter& output : op.outputs) {
    const auto declared = shapes.declare(output);
    if (!declared) return std::nullopt;
    TensorType type;
    type.shape = declared->shape;
    result.outputs.push_back(type);
    std::size_t d = 0;
    for (const ast::ExprPtr& dimension : output.type.dimensions) {
      if (dimension->kind == ExprKind::Run) {
        d += shapes.runs().at(dimension->text).size();
        continue;
      }
      const std::string size = declared->shape[d].text();
      const std::string text = dimension->kind == ExprKind::Group ? product_text(declared->groups[d])
                               : dimension->kind == ExprKind::Name
                                   ? size
                                   : numbers_in(*dimension, evaluator, scope, kept);
      ++d;
      const std::string formula = size + " = " + text;
      if (text != size && std::ranges::find(result.formulas, formula) == result.formulas.end())
        result.formulas.push_back(formula);
    }
  }
  return result;
}

} // namespace striate
