#include "ir/definition.h"

#include "ir/expression_text.h"

#include <algorithm>
#include <limits>
#include <map>

namespace striate {

const char* name_of(Reducer reducer) {
  switch (reducer) {
  case Reducer::None:
    return "";
  case Reducer::Sum:
    return "sum";
  case Reducer::Prod:
    return "prod";
  case Reducer::Max:
    return "max";
  case Reducer::Min:
    return "min";
  case Reducer::Any:
    return "any";
  case Reducer::All:
    return "all";
  case Reducer::ArgMax:
    return "argmax";
  case Reducer::ArgMin:
    return "argmin";
  }
  CHECK(false);
}

double identity_of(Reducer reducer) {
  switch (reducer) {
  case Reducer::None:
  case Reducer::Sum:
  case Reducer::Any:
    return 0;
  case Reducer::Prod:
  case Reducer::All:
    return 1;
  case Reducer::Max:
  case Reducer::ArgMax:
    return -std::numeric_limits<double>::infinity();
  case Reducer::Min:
  case Reducer::ArgMin:
    return std::numeric_limits<double>::infinity();
  }
  CHECK(false);
}

ScalarType scalar_type_of(ElementType type) {
  switch (type) {
  case ElementType::F32:
  case ElementType::F64:
  case ElementType::BF16:
    return ScalarType::Real;
  case ElementType::I32:
  case ElementType::U8:
    return ScalarType::Int;
  case ElementType::Bool:
    return ScalarType::Bool;
  }
  CHECK(false);
}

std::vector<IndexExpr> Statement::output_indices() const {
  std::vector<IndexExpr> indices;
  for (const std::vector<int>& digits : output) {
    IndexExpr index;
    int64_t step = 1;
    for (auto digit = digits.rbegin(); digit != digits.rend(); ++digit) {
      index = index + IndexExpr::variable(*digit) * step;
      step *= variables[*digit].extent.factor; // the batch digit comes first: nothing is multiplied by it
    }
    indices.push_back(index);
  }
  return indices;
}

Interval Statement::range_of(int variable) const {
  constexpr int64_t kLargeBatch = int64_t{1} << 24;
  return {0, variables[variable].extent.at(kLargeBatch) - 1};
}

std::function<Interval(int)> Statement::ranges() const {
  return [this](int variable) { return range_of(variable); };
}

// The same statement with its free variables in the order in which the target names them, as they are read
// back.
static Statement in_output_order(const Statement& statement) {
  std::vector<int> old_numbers;
  for (const std::vector<int>& digits : statement.output)
    old_numbers.insert(old_numbers.end(), digits.begin(), digits.end());
  if (std::is_sorted(old_numbers.begin(), old_numbers.end()) ||
      static_cast<int>(old_numbers.size()) != statement.free_count)
    return statement;
  std::vector<int> new_numbers(statement.variables.size());
  for (std::size_t i = 0; i < new_numbers.size(); ++i) new_numbers[i] = static_cast<int>(i);
  Statement result = statement;
  for (std::size_t i = 0; i < old_numbers.size(); ++i) {
    new_numbers[old_numbers[i]] = static_cast<int>(i);
    result.variables[i] = statement.variables[old_numbers[i]];
  }
  for (std::vector<int>& digits : result.output)
    for (int& digit : digits) digit = new_numbers[digit];
  result.body = substitute(statement.body, [&](int v) { return IndexExpr::variable(new_numbers[v]); });
  return result;
}

static std::string loop_text(const ReductionLoop& loop, const Statement& statement,
                             const std::vector<std::string>& names) {
  return digit_text(names[loop.variable], loop.step, loop.extent, statement.variables[loop.variable].extent) +
         (loop.down ? " down" : "");
}

static std::string order_text(const Statement& statement, const std::vector<std::string>& names) {
  const ReductionOrder& order = statement.order;
  if (order.loops.empty() && !order.lanes) return "";
  std::string text;
  for (const ReductionLoop& loop : order.loops)
    text += (text.empty() ? "" : ", ") + loop_text(loop, statement, names);
  if (order.lanes) text += (text.empty() ? "lanes " : "; lanes ") + loop_text(*order.lanes, statement, names);
  return " order (" + text + ")";
}

static std::string target_text(const Statement& statement, const std::vector<std::string>& names) {
  std::string text = "[";
  for (std::size_t d = 0; d < statement.output.size(); ++d) {
    const std::vector<int>& digits = statement.output[d];
    if (d > 0) text += ", ";
    if (digits.empty()) text += "0";
    if (digits.size() == 1) text += names[digits[0]];
    if (digits.size() < 2) continue;
    for (std::size_t i = 0; i < digits.size(); ++i)
      text += (i ? " " : "(") + names[digits[i]] + ": " + statement.variables[digits[i]].extent.text();
    text += ")";
  }
  return text + "]";
}

std::string statement_text(const Statement& given, const std::function<std::string(int)>& operand_name) {
  Statement statement = in_output_order(given);
  std::vector<std::string> names;
  for (const IndexVariable& variable : statement.variables) names.push_back(variable.name);
  names = printable_names(names);
  std::string text = operand_name(statement.target) + target_text(statement, names) + " = ";
  Binding binding = Binding::Loosest;
  if (statement.reduces()) {
    std::string reduced;
    for (std::size_t v = statement.free_count; v < names.size(); ++v)
      reduced += (reduced.empty() ? "" : ", ") + names[v] + ": " + statement.variables[v].extent.text();
    text += std::string(name_of(statement.reducer)) + "(" + reduced + ") ";
    binding = Binding::Multiply;
  }
  ExpressionNames expression_names{operand_name, [&](int v) { return names.at(v); }, nullptr};
  text += text_of(statement.body, expression_names, binding);
  return text + order_text(statement, names);
}

std::string expression_text(const ExprRef& e, const std::function<std::string(int)>& operand_name,
                            const std::function<std::string(int)>& variable_name) {
  return text_of(e, {operand_name, variable_name, operand_name});
}

std::string definition_text(const Definition& definition) {
  std::vector<std::string> names;
  for (const Operand& operand : definition.operands) names.push_back(operand.name);
  names = printable_names(names);
  auto declared = [&](std::size_t from, std::size_t to) {
    std::string text;
    for (std::size_t i = from; i < to; ++i)
      text += (text.empty() ? "" : ", ") + names[i] + ": " + definition.operands[i].type.text();
    return text;
  };
  std::string outputs;
  for (int output : definition.outputs) outputs += (outputs.empty() ? "" : ", ") + names.at(output);
  std::size_t inputs = definition.input_count;
  std::string text = fmt::format("op {}({}) -> ({}) {{\n  let {}\n", word_or_quoted(definition.name),
                                 declared(0, inputs), outputs, declared(inputs, names.size()));
  for (const Statement& statement : definition.statements)
    text += "  " + statement_text(statement, [&](int i) { return names.at(i); }) + "\n";
  return text + "}";
}

} // namespace striate
