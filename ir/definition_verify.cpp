// The rules a definition keeps (docs/ir.md, "Definitions").
#include "ir/definition.h"
#include "ir/expression_check.h"
#include "ir/expression_text.h"
#include "support/bfloat16.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace striate {

namespace {

class Verifier {
public:
  explicit Verifier(const Definition& definition) : definition_(definition) {}

  std::string verify() {
    const auto& operands = definition_.operands;
    int count = static_cast<int>(operands.size());
    if (definition_.input_count < 0 || definition_.input_count > count)
      return "the number of inputs is wrong";
    for (const Operand& operand : operands)
      if (std::string problem = type_problem(operand); !problem.empty()) return problem;
    defined_.assign(count, false);
    std::fill_n(defined_.begin(), definition_.input_count, true);
    for (const Statement& statement : definition_.statements) {
      int target = statement.target;
      if (target < definition_.input_count || target >= count) return "a statement defines no operand";
      if (defined_[target]) return fmt::format("{} is defined twice", operands[target].name);
      if (std::string problem = statement_problem(statement); !problem.empty())
        return fmt::format("{}: {}", operands[target].name, problem);
      defined_[target] = true;
    }
    for (int i = 0; i < count; ++i)
      if (!defined_[i]) return fmt::format("{} is not defined", operands[i].name);
    if (definition_.outputs.empty()) return "there is no output";
    for (int output : definition_.outputs)
      if (output < definition_.input_count || output >= count) return "an output is not a defined operand";
    return "";
  }

private:
  static std::string type_problem(const Operand& operand) {
    if (operand.name.empty()) return "an operand has no name";
    for (std::size_t d = 0; d < operand.type.shape.size(); ++d) {
      const Size& size = operand.type.shape[d];
      if (size.factor < 1) return fmt::format("{} has a dimension of size {}", operand.name, size.text());
      if (size.batch && d > 0) return fmt::format("{} has a batch size that is not outermost", operand.name);
    }
    return "";
  }

  std::string statement_problem(const Statement& statement) const {
    int count = static_cast<int>(statement.variables.size());
    if (statement.free_count < 0 || statement.free_count > count)
      return "the number of free variables is wrong";
    for (const IndexVariable& variable : statement.variables) {
      if (variable.name.empty()) return "a variable has no name";
      if (variable.extent.factor < 1)
        return fmt::format("{} has the extent {}", variable.name, variable.extent.text());
    }
    if (statement.reduces() != (statement.reduced_count() > 0))
      return statement.reduces() ? "a reducer without variables to reduce"
                                 : "variables that are neither free nor reduced";
    if (std::string problem = output_problem(statement); !problem.empty()) return problem;
    if (std::string problem = body_problem(statement); !problem.empty()) return problem;
    return order_problem(statement);
  }

  std::string output_problem(const Statement& statement) const {
    const TensorType& type = definition_.operands[statement.target].type;
    if (static_cast<int64_t>(statement.output.size()) != type.rank())
      return fmt::format("{} indices for {}", statement.output.size(), type.text());
    std::vector<int> uses(statement.free_count, 0);
    for (std::size_t d = 0; d < statement.output.size(); ++d) {
      Size product = Size::constant(1);
      for (std::size_t i = 0; i < statement.output[d].size(); ++i) {
        int digit = statement.output[d][i];
        if (digit < 0 || digit >= statement.free_count) return "the target is indexed by a reduced variable";
        ++uses[digit];
        const Size& extent = statement.variables[digit].extent;
        if (extent.batch && i > 0) return "a batch digit that is not its dimension's first";
        if (__builtin_mul_overflow(product.factor, extent.factor, &product.factor)) return "a size overflows";
        product.batch |= extent.batch;
      }
      if (product != type.shape[d])
        return fmt::format("dimension {} is {}, its digits make {}", d, type.shape[d].text(), product.text());
    }
    for (int v = 0; v < statement.free_count; ++v)
      if (uses[v] != 1)
        return fmt::format("{} indexes the target {} times", statement.variables[v].name, uses[v]);
    return "";
  }

  std::string body_problem(const Statement& statement) const {
    if (!statement.body) return "there is no body";
    std::string problem;
    visit(statement.body, [&](const ExprRef& e) {
      if (problem.empty()) problem = node_problem(*e, statement);
    });
    if (!problem.empty()) return problem;
    ScalarType target = scalar_type_of(definition_.operands[statement.target].type.element);
    ScalarType body = statement.body->type;
    switch (statement.reducer) {
    case Reducer::ArgMax:
    case Reducer::ArgMin:
      if (body == ScalarType::Bool) return "an index of a largest or smallest bool";
      body = ScalarType::Int;
      break;
    case Reducer::Any:
    case Reducer::All:
      if (body != ScalarType::Bool) return fmt::format("{} of {}", name_of(statement.reducer), name_of(body));
      break;
    case Reducer::None:
      break;
    default:
      if (body == ScalarType::Bool) return fmt::format("{} of bool", name_of(statement.reducer));
    }
    if (body != target)
      return fmt::format("the body is {}, the target holds {}", name_of(body), name_of(target));
    const bool chooses = statement.reducer == Reducer::None || statement.reducer == Reducer::Max ||
                         statement.reducer == Reducer::Min;
    if (definition_.operands[statement.target].type.element == ElementType::BF16 &&
        !(chooses && is_bfloat16(statement.body)))
      return "the target holds bf16, but the body is not rounded to it";
    return "";
  }

  // Whether what it computes is a bf16 without further rounding.
  bool is_bfloat16(const ExprRef& e) const {
    const auto exact = [](double constant) {
      return std::isnan(constant) || nearest_bfloat16(constant) == constant;
    };
    switch (e->kind) {
    case Expr::Kind::Constant:
      return exact(e->constant);
    case Expr::Kind::Read:
      return definition_.operands[e->operand].type.element == ElementType::BF16 &&
             (!e->has_else || exact(e->constant));
    case Expr::Kind::Apply:
      switch (e->function) {
      case Function::Bfloat16:
        return true;
      case Function::Select:
        return is_bfloat16(e->arguments[1]) && is_bfloat16(e->arguments[2]);
      case Function::Max:
      case Function::Min:
      case Function::Neg:
      case Function::Abs:
        return std::ranges::all_of(e->arguments, [&](const ExprRef& a) { return is_bfloat16(a); });
      default:
        return false;
      }
    default:
      return false;
    }
  }

  std::string node_problem(const Expr& e, const Statement& statement) const {
    if (std::string problem = type_error(e); !problem.empty()) return problem;
    for (const IndexExpr& index : e.indices) {
      std::vector<int> variables;
      index.collect_variables(variables);
      for (int v : variables)
        if (v < 0 || v >= static_cast<int>(statement.variables.size()))
          return "an index uses an unknown variable";
    }
    if (e.kind == Expr::Kind::Load || e.kind == Expr::Kind::Tile) return "a load or a tile in a definition";
    return e.kind == Expr::Kind::Read ? read_problem(e, statement) : "";
  }

  std::string read_problem(const Expr& e, const Statement& statement) const {
    if (e.operand < 0 || e.operand >= static_cast<int>(defined_.size()))
      return "a read of an unknown operand";
    const Operand& operand = definition_.operands[e.operand];
    if (!defined_[e.operand]) return fmt::format("{} is read before it is defined", operand.name);
    if (static_cast<int64_t>(e.indices.size()) != operand.type.rank())
      return fmt::format("{} indices for {}: {}", e.indices.size(), operand.name, operand.type.text());
    if (e.type != scalar_type_of(operand.type.element))
      return fmt::format("{} is read as {}", operand.name, name_of(e.type));
    for (std::size_t d = 0; d < e.indices.size(); ++d) {
      const Size& size = operand.type.shape[d];
      const bool by_data = !e.arguments.empty() && !is_constant(e.arguments[d], 0);
      if (by_data && size.batch)
        return fmt::format("data decides the place in the batch dimension of {}", operand.name);
      if (by_data) continue;
      if (size.batch ? is_batch_index(e.indices[d], size.factor, statement)
                     : e.has_else || within(e.indices[d], size.factor, statement))
        continue;
      std::string index = e.indices[d].text([&](int v) { return statement.variables[v].name; });
      if (size.batch) return fmt::format("the batch dimension of {} is indexed by {}", operand.name, index);
      Interval range = e.indices[d].range(statement.ranges());
      return fmt::format("{} is read at {} .. {} of {} in dimension {} ({})", operand.name, range.low,
                         range.high, size.text(), d, index);
    }
    return "";
  }

  static bool within(const IndexExpr& index, int64_t size, const Statement& statement) {
    Interval range = index.range(statement.ranges());
    return range.low >= 0 && range.high < size;
  }

  // The index runs over exactly the real examples: batch variable * step + digits below the step.
  static bool is_batch_index(const IndexExpr& index, int64_t factor, const Statement& statement) {
    IndexExpr rest = index;
    for (const auto& term : index.terms()) {
      const IndexExpr& source =
          term.kind == IndexExpr::TermKind::Variable ? IndexExpr::variable(term.variable) : *term.operand;
      auto variable = source.as_variable();
      if (!variable || !statement.variables[*variable].extent.batch) continue;
      int64_t extent = statement.variables[*variable].extent.factor;
      if (term.kind == IndexExpr::TermKind::Remainder) return false;
      if (extent % term.divisor != 0) return false;
      extent /= term.divisor;
      if (factor % extent != 0 || term.coefficient != factor / extent) return false;
      IndexExpr high = IndexExpr::quotient(source, term.divisor) * term.coefficient;
      rest = index - high;
      return within(rest, term.coefficient, statement) && !uses_batch(rest, statement);
    }
    return false;
  }

  static bool uses_batch(const IndexExpr& index, const Statement& statement) {
    std::vector<int> variables;
    index.collect_variables(variables);
    return std::any_of(variables.begin(), variables.end(),
                       [&](int v) { return statement.variables[v].extent.batch; });
  }

  static std::string order_problem(const Statement& statement) {
    std::vector<ReductionLoop> loops = statement.order.loops;
    if (statement.order.lanes) {
      if (statement.order.lanes->step != 1 || !statement.order.lanes->extent.is_constant(16) ||
          statement.order.lanes->down)
        return "the lanes of the order are not 16 lowest digits";
      loops.push_back(*statement.order.lanes);
    }
    if (loops.empty()) return "";
    for (const ReductionLoop& loop : loops)
      if (loop.variable < statement.free_count ||
          loop.variable >= static_cast<int>(statement.variables.size()))
        return "the order has a loop over a variable that is not reduced";
    std::sort(loops.begin(), loops.end(), [](const ReductionLoop& a, const ReductionLoop& b) {
      return std::pair(a.variable, a.step) < std::pair(b.variable, b.step);
    });
    std::size_t next = 0;
    for (int v = statement.free_count; v < static_cast<int>(statement.variables.size()); ++v) {
      const IndexVariable& variable = statement.variables[v];
      int64_t step = 1;
      bool covered = false;
      for (; next < loops.size() && loops[next].variable == v; ++next) {
        const ReductionLoop& loop = loops[next];
        if (covered || loop.step != step || loop.extent.factor < 1)
          return fmt::format("the order's digits of {} do not fit together", variable.name);
        covered = loop.extent == highest_digit(variable.extent, step);
        if (!covered && loop.extent.batch)
          return fmt::format("the order's batch digit of {} is not its highest", variable.name);
        if (__builtin_mul_overflow(step, loop.extent.factor, &step)) return "a digit of the order overflows";
        if (loop.down && (variable.extent.batch || variable.extent.factor % step != 0))
          return fmt::format("the order runs down a digit of {} that may be cut short", variable.name);
        covered |= !variable.extent.batch && step >= variable.extent.factor;
      }
      if (!covered) return fmt::format("the order does not cover {}", variable.name);
    }
    return "";
  }

  const Definition& definition_;
  std::vector<bool> defined_;
};

} // namespace

std::string verify(const Definition& definition) { return Verifier(definition).verify(); }

} // namespace striate
