#include "ir/expression_reader.h"

#include <algorithm>
#include <map>

namespace striate {

std::vector<Operand> read_operands(TextReader& reader) {
  std::vector<Operand> operands;
  if (!reader.next_is_word()) return operands;
  do {
    Operand operand;
    operand.name = reader.word("an operand");
    reader.expect(":");
    operand.type = reader.type();
    operands.push_back(std::move(operand));
  } while (reader.take(","));
  return operands;
}

namespace {

class StatementReader {
public:
  StatementReader(TextReader& reader, const Definition& definition,
                  const std::map<std::string, int>& operands)
      : reader_(reader), definition_(definition), operands_(operands) {}

  Statement read() {
    std::string target = reader_.word("a statement");
    auto known = operands_.find(target);
    if (known == operands_.end()) {
      reader_.fail("no operand is called `{}`", target);
      return {};
    }
    statement_.target = known->second;
    read_target(definition_.operands[known->second].type);
    statement_.free_count = static_cast<int>(statement_.variables.size());
    reader_.expect("=");
    bool reduces = read_reducer();
    ExpressionScope scope;
    scope.variable = [this](const std::string& name) { return variable(name); };
    scope.operand = [this](const std::string& name) -> std::optional<ExpressionScope::Typed> {
      auto operand = operands_.find(name);
      if (operand == operands_.end()) return std::nullopt;
      return ExpressionScope::Typed{operand->second,
                                    scalar_type_of(definition_.operands[operand->second].type.element)};
    };
    ScalarType type = scalar_type_of(definition_.operands[statement_.target].type.element);
    Binding binding = reduces ? Binding::Multiply : Binding::Loosest;
    statement_.body = as_type(read_expression(reader_, scope, binding), type);
    if (reader_.take("order")) read_order();
    return std::move(statement_);
  }

private:
  std::optional<int> variable(const std::string& name) const {
    for (std::size_t i = 0; i < statement_.variables.size(); ++i)
      if (statement_.variables[i].name == name) return static_cast<int>(i);
    return std::nullopt;
  }

  int add_variable(const std::string& name, const Size& extent) {
    if (variable(name)) reader_.fail("two variables are called `{}`", name);
    statement_.variables.push_back({name, extent});
    return static_cast<int>(statement_.variables.size()) - 1;
  }

  void read_target(const TensorType& type) {
    reader_.expect("[");
    for (std::size_t d = 0; !reader_.failed() && !reader_.next_is("]"); ++d) {
      if (d > 0) reader_.expect(",");
      if (d >= type.shape.size()) return reader_.fail("more indices than {} has dimensions", type.text());
      std::vector<int> digits;
      if (reader_.take("(")) {
        while (!reader_.failed() && !reader_.take(")")) {
          std::string name = reader_.word("an index");
          reader_.expect(":");
          digits.push_back(add_variable(name, reader_.size()));
        }
      } else if (!reader_.take("0")) {
        digits.push_back(add_variable(reader_.word("an index"), type.shape[d]));
      }
      statement_.output.push_back(std::move(digits));
    }
    reader_.expect("]");
  }

  // `sum(c: 20, r: 5)`; a function of the same name takes an expression instead.
  bool read_reducer() {
    std::size_t start = reader_.mark();
    Reducer reducer = Reducer::None;
    for (Reducer candidate : {Reducer::Sum, Reducer::Prod, Reducer::Max, Reducer::Min, Reducer::Any,
                              Reducer::All, Reducer::ArgMax, Reducer::ArgMin})
      if (reader_.next_is(name_of(candidate))) reducer = candidate;
    if (reducer == Reducer::None) return false;
    reader_.word("a reducer");
    bool is_reducer = reader_.take("(") && reader_.next_is_word();
    if (is_reducer) {
      reader_.word("an index");
      is_reducer = reader_.next_is(":");
    }
    reader_.reset(start);
    if (!is_reducer) return false;
    reader_.word("a reducer");
    reader_.expect("(");
    statement_.reducer = reducer;
    do {
      std::string name = reader_.word("an index");
      reader_.expect(":");
      add_variable(name, reader_.size());
    } while (reader_.take(","));
    reader_.expect(")");
    return true;
  }

  ReductionLoop read_loop() {
    ReductionLoop loop;
    std::string name = reader_.word("an index");
    auto known = variable(name);
    if (!known) {
      reader_.fail("no index is called `{}`", name);
      return loop;
    }
    loop.variable = *known;
    if (reader_.take("/")) loop.step = reader_.positive();
    loop.extent =
        reader_.take("%") ? reader_.size() : highest_digit(statement_.variables[*known].extent, loop.step);
    loop.down = reader_.take("down");
    return loop;
  }

  void read_order() {
    reader_.expect("(");
    if (!reader_.next_is("lanes")) {
      do statement_.order.loops.push_back(read_loop());
      while (reader_.take(","));
      if (reader_.take(")")) return;
      reader_.expect(";");
    }
    reader_.expect("lanes");
    statement_.order.lanes = read_loop();
    reader_.expect(")");
  }

  TextReader& reader_;
  const Definition& definition_;
  const std::map<std::string, int>& operands_;
  Statement statement_;
};

} // namespace

Definition read_definition(TextReader& reader) {
  Definition definition;
  reader.expect("op");
  definition.name = reader.word_or_string("an operator's name");
  reader.expect("(");
  definition.operands = read_operands(reader);
  definition.input_count = static_cast<int>(definition.operands.size());
  reader.expect(")");
  reader.expect("->");
  reader.expect("(");
  std::vector<std::string> outputs;
  if (!reader.next_is(")")) {
    do outputs.push_back(reader.word("an output"));
    while (reader.take(","));
  }
  reader.expect(")");
  reader.expect("{");
  reader.expect("let");
  for (Operand& operand : read_operands(reader)) definition.operands.push_back(std::move(operand));

  std::map<std::string, int> numbers;
  for (std::size_t i = 0; i < definition.operands.size(); ++i)
    if (!numbers.emplace(definition.operands[i].name, static_cast<int>(i)).second)
      reader.fail("two operands are called `{}`", definition.operands[i].name);
  for (const std::string& output : outputs) {
    if (!numbers.contains(output)) {
      reader.fail("no operand is called `{}`", output);
      return definition;
    }
    definition.outputs.push_back(numbers[output]);
  }
  while (!reader.failed() && !reader.take("}"))
    definition.statements.push_back(StatementReader(reader, definition, numbers).read());
  return definition;
}

} // namespace striate
