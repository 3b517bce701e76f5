#include "frontend/data_builder.h"

#include "frontend/data_readers.h"
#include "frontend/print_ast.h"

#include <algorithm>
#include <utility>

namespace striate {

using ast::ExprKind;
using ast::StmtKind;
using Kind = CompileTimeValue::Kind;

bool DataBuilder::read_splits() {
  const std::size_t errors = reporter_.diagnostics().error_count();
  description_.name = item_.name;
  description_.location = item_.location;
  for (const ast::Stmt& statement : item_.body->statements) {
    switch (statement.kind) {
    case StmtKind::Split:
      read_split(statement);
      break;
    case StmtKind::Field: {
      const std::string& name = statement.targets[0]->text;
      if (const ast::Stmt* first = find_field(name))
        reporter_
            .error(Diagnostic::DuplicateName, statement.targets[0]->location, "`{}` has a field `{}` already",
                   item_.name, name)
            .note_at(first->targets[0]->location, "here");
      else
        fields_.push_back(&statement);
      break;
    }
    case StmtKind::Assign:
      if (statement.targets.size() == 1 && statement.targets[0]->kind == ExprKind::Name) {
        scope_.bind(statement.targets[0]->text, evaluator_.evaluate(*statement.value, scope_),
                    statement.location);
        break;
      }
      [[fallthrough]];
    default:
      reporter_.error(Diagnostic::NotSupported, statement.location,
                      "this statement is not supported in a `data` block yet");
    }
  }
  if (description_.splits.empty() && reporter_.diagnostics().error_count() == errors)
    reporter_.error(Diagnostic::MissingSetting, item_.location, "`{}` has no `split`", item_.name)
        .help("write `split train = idx(\"images.gz\", \"labels.gz\")`");
  return reporter_.diagnostics().error_count() == errors;
}

bool DataBuilder::read_split(const ast::Stmt& statement) {
  SplitDescription split;
  split.location = statement.location;
  for (const ast::ExprPtr& target : statement.targets) {
    for (const SplitDescription& other : description_.splits)
      if (std::find(other.names.begin(), other.names.end(), target->text) != other.names.end()) {
        reporter_.error(Diagnostic::DuplicateName, target->location, "`{}` has a split `{}` already",
                        item_.name, target->text);
        return false;
      }
    split.names.push_back(target->text);
  }
  const ast::Expr& value = *statement.value;
  const bool piped = value.kind == ExprKind::Pipe;
  auto reader = read_reader(piped ? *value.operands[0] : value, evaluator_, scope_);
  if (!reader) return false;
  split.reader = std::move(*reader);
  for (const SplitDescription& other : description_.splits)
    if (other.reader.kind != split.reader.kind) {
      reporter_
          .error(Diagnostic::BadSetting, value.location, "all splits of `{}` are read in the same way",
                 item_.name)
          .note_at(other.location, "this one by `{}`", other.reader.kind);
      return false;
    }
  if (piped) {
    if (value.operands.size() > 2) {
      reporter_.error(Diagnostic::BadSetting, value.operands[2]->location,
                      "a split is a reader, and at most one `divide`");
      return false;
    }
    if (!read_divide(*value.operands[1], split)) return false;
  } else if (split.names.size() > 1) {
    reporter_
        .error(Diagnostic::MissingSetting, statement.location,
               "how many examples go to `{}` and to `{}` is not said", split.names[0], split.names[1])
        .help("write `... -> divide(1000, 200)`");
    return false;
  }
  description_.splits.push_back(std::move(split));
  return true;
}

bool DataBuilder::read_divide(const ast::Expr& expr, SplitDescription& split) {
  double sum = 0;
  if (expr.kind != ExprKind::Call || expr.operands[0]->kind != ExprKind::Name ||
      expr.operands[0]->text != "divide") {
    const ast::Expr& callee = expr.kind == ExprKind::Call ? *expr.operands[0] : expr;
    reporter_
        .unknown_name(Diagnostic::UnknownName, callee.location, print_expr(callee),
                      fmt::format("`{}` does nothing to a split", print_expr(callee)), {"divide"})
        .note("a reader may be followed by `divide(count, count, ...)`");
    return false;
  }
  for (const ast::Argument& argument : expr.arguments) {
    if (argument.name == "shuffle") {
      split.shuffle = evaluator_.evaluate_integer(*argument.value, scope_, "the seed of a shuffle", 0);
      if (!split.shuffle) return false;
      continue;
    }
    if (!argument.name.empty()) {
      reporter_
          .unknown_name(Diagnostic::WrongArgument, argument.location, argument.name,
                        fmt::format("`divide` has no argument `{}`", argument.name), {"shuffle"})
          .note("it takes a number of examples for each name, and `shuffle = SEED`");
      return false;
    }
    const auto share = evaluator_.try_evaluate(*argument.value, scope_);
    if (share && share->kind == Kind::Real && share->real > 0 && share->real < 1) {
      split.counts.push_back(share->real);
      sum += share->real;
      continue;
    }
    const auto count = evaluator_.evaluate_integer(*argument.value, scope_, "a number of examples", 1);
    if (!count) return false;
    split.counts.push_back(static_cast<double>(*count));
  }
  const auto shares = std::ranges::count_if(split.counts, [](double count) { return count < 1; });
  constexpr double kRounding = 1e-9;
  if (shares > 0 && (shares < std::ssize(split.counts) || sum > 1 + kRounding)) {
    reporter_.error(Diagnostic::BadSetting, expr.location, "{}",
                    sum > 1 + kRounding ? "the shares are more than the whole"
                                        : "`divide` takes numbers of examples, or shares, not both");
    return false;
  }
  if (split.counts.size() == split.names.size()) return true;
  reporter_.error(Diagnostic::BadSetting, expr.location, "{} names are given {} numbers of examples",
                  split.names.size(), split.counts.size());
  return false;
}

const ast::Stmt* DataBuilder::find_field(const std::string& name) const {
  for (const ast::Stmt* field : fields_)
    if (field->targets[0]->text == name) return field;
  return nullptr;
}

std::vector<std::string> DataBuilder::field_names() const {
  std::vector<std::string> names;
  for (const ast::Stmt* field : fields_) names.push_back(field->targets[0]->text);
  return names;
}

static std::string count_text(const std::vector<int64_t>& shape) {
  int64_t count = 1;
  std::string text;
  for (int64_t size : shape) {
    count *= size;
    text += (text.empty() ? "" : " x ") + std::to_string(size);
  }
  return shape.size() > 1 ? text + " = " + std::to_string(count) : std::to_string(count);
}

// The type of a column that the program says by itself.
static std::optional<ColumnType> declared_type(const DataDescription& data, const ReaderCall& reader,
                                               int column) {
  const int64_t own = own_columns(reader);
  if (column >= own)
    return data.named_columns.at(static_cast<std::size_t>(column - own)).codes
               ? std::optional(ColumnType{ElementType::I32, {}})
               : std::nullopt;
  return own_column_type(reader, column);
}

// The type of the graph's input for a column: as the file has it, in the shape that the model wants of it.
std::optional<TensorType> DataBuilder::raw_type(const ast::Expr& call, int column, const std::string& name,
                                                const TensorType* wanted) {
  std::optional<ColumnType> known = declared_type(description_, reader(), column);
  if (!known && options_.column_type) known = options_.column_type(description_, column);
  TensorType type;
  if (!known) {
    // The data is not at hand: what its reader usually yields.
    const bool is_label = column > 0 && column < own_columns(reader());
    if (!wanted && is_label) return TensorType{ElementType::I32, {Size::n()}};
    if (!wanted && column > 0) {
      const std::size_t named = static_cast<std::size_t>(column - own_columns(reader()));
      return TensorType{ElementType::F32,
                        {Size::n(), Size::constant(std::ssize(description_.named_columns[named].names))}};
    }
    if (!wanted) return TensorType{ElementType::I32, {Size::n()}};
    type.element = reader().kind == "idx" ? ElementType::U8 : ElementType::F32;
    type.shape = wanted->shape;
    return type;
  }
  type.element =
      known->shape.empty() && known->element == ElementType::U8 ? ElementType::I32 : known->element;
  type.shape = {Size::n()};
  for (int64_t size : known->shape) type.shape.push_back(Size::constant(size));
  if (!wanted || wanted->shape == type.shape) return type;
  std::vector<int64_t> inner;
  for (std::size_t d = 1; d < wanted->shape.size(); ++d) inner.push_back(wanted->shape[d].factor);
  int64_t have = 1, want = 1;
  for (int64_t size : known->shape) have *= size;
  for (int64_t size : inner) want *= size;
  if (have == want) {
    type.shape = wanted->shape;
    return type;
  }
  misfit_ = [this, place = call.location, name, inner, column, shape = known->shape, type,
             wanted = *wanted](const TensorType& got) {
    if (got.shape != type.shape) return;
    reporter_
        .error(Diagnostic::DataMismatch, place,
               "the model's input `{}` takes {} numbers per example, but column {} has {}", name,
               count_text(inner), column, count_text(shape))
        .note("the input is {}, and the column is {} of {}", wanted.text(), type.text(),
              fmt::join(reader().files, ", "));
  };
  return type;
}

std::optional<int> DataBuilder::column_number(const ast::Expr& call, Scope& scope, NetworkBuilder& network) {
  const std::string& kind = call.operands[0]->text;
  const int64_t own = own_columns(reader());
  if (kind == "column") {
    if (call.arguments.size() != 1 || !call.arguments[0].name.empty()) {
      reporter_.error(Diagnostic::WrongArgument, call.location,
                      "`column` takes the number of a column, from 0");
      return std::nullopt;
    }
    const auto number =
        network.evaluate_integer(*call.arguments[0].value, scope, "the number of a column", 0);
    if (!number) return std::nullopt;
    if (*number >= own) {
      reporter_.error(Diagnostic::BadSetting, call.location, "`{}` has no column {}", item_.name, *number)
          .note("{}", columns_text(reader()));
      return std::nullopt;
    }
    description_.columns.insert(static_cast<int>(*number));
    return static_cast<int>(*number);
  }
  if (reader().kind != "csv") {
    reporter_
        .error(Diagnostic::WrongArgument, call.location, "`{}` has no names of columns, which `{}` needs",
               reader().kind, kind)
        .note("{}", columns_text(reader()));
    return std::nullopt;
  }
  NamedColumns named;
  named.codes = kind == "codes";
  for (const ast::Argument& argument : call.arguments) {
    const CompileTimeValue value = network.evaluate(*argument.value, scope);
    if (value.is_unknown()) return std::nullopt;
    if (argument.name.empty() && (value.kind == Kind::Text || value.integer())) {
      named.names.push_back(value.kind == Kind::Text ? value.text : text_of(value));
      continue;
    }
    reporter_.error(Diagnostic::WrongArgument, argument.location, "`{}` takes names of columns, in quotes",
                    kind);
    return std::nullopt;
  }
  if (named.names.empty() || (named.codes && named.names.size() > 1)) {
    reporter_.error(Diagnostic::WrongArgument, call.location, "`{}` takes the name of {}", kind,
                    named.codes ? "one column" : "one column or more");
    return std::nullopt;
  }
  std::vector<NamedColumns>& all = description_.named_columns;
  auto place = std::ranges::find(all, named);
  if (place == all.end()) place = all.insert(all.end(), std::move(named));
  return static_cast<int>(own + (place - all.begin()));
}

CompileTimeValue DataBuilder::column(const ast::Expr& call, int number, GraphBuilder& graph,
                                     const std::string& name, const TensorType* wanted, InputBinding binding,
                                     std::vector<InputBinding>& bindings) {
  const auto type = raw_type(call, number, name, wanted);
  if (!type) return {};
  const bool taken =
      std::any_of(bindings.begin(), bindings.end(), [&](const auto& other) { return other.input == name; });
  binding.input = taken ? name + "." + std::to_string(number) : name;
  binding.column = number;
  const int value = graph.add_input(binding.input, *type, call.location);
  bindings.push_back(std::move(binding));
  return CompileTimeValue::of_tensor(value);
}

static bool reads_column(const ast::Expr& call) {
  const ast::Expr& callee = *call.operands[0];
  return callee.kind == ExprKind::Name &&
         (callee.text == "column" || callee.text == "columns" || callee.text == "codes");
}

CompileTimeValue DataBuilder::expand_field(const ast::Stmt& field, NetworkBuilder& network,
                                           GraphBuilder& graph, const std::string& name,
                                           const TensorType* wanted, std::vector<InputBinding>& bindings) {
  std::map<int, CompileTimeValue> columns;
  network.special_call = [&](const ast::Expr& call, Scope& scope) -> std::optional<CompileTimeValue> {
    if (!reads_column(call)) return std::nullopt;
    const auto number = column_number(call, scope, network);
    if (!number) return CompileTimeValue();
    const auto known = columns.find(*number);
    if (known != columns.end()) return known->second;
    InputBinding binding;
    binding.field = field.targets[0]->text;
    return columns[*number] = column(call, *number, graph, name, wanted, std::move(binding), bindings);
  };
  network.row_numbers = [&] {
    const auto known = std::ranges::find(bindings, kRowNumbers, &InputBinding::column);
    if (known == bindings.end()) {
      bindings.push_back({kRowNumbersInput, "", kRowNumbers});
      rows_ = graph.add_input(kRowNumbersInput, {ElementType::I32, {Size::n()}}, description_.location);
    }
    return rows_;
  };
  network.special_stage = [&](const CompileTimeValue& input, const ast::Expr& call, Scope& scope) {
    return fitted_stage(input, call, scope, network, graph, bindings);
  };
  Scope scope(&scope_);
  for (const char* reads : {"column", "columns", "codes"}) scope.mention(reads);
  CompileTimeValue value = network.expand(*field.value, scope, name);
  const SourceLocation& place = field.targets[0]->location;
  if (value.is_tensor() && reporter_.is_heard(place))
    reporter_.found(Finding::Kind::Name, place, graph.value(value.tensor).type.spaced_text());
  network.special_stage = nullptr;
  network.special_call = nullptr;
  network.row_numbers = nullptr;
  if (const auto misfit = std::exchange(misfit_, nullptr); misfit && value.is_tensor()) {
    const std::size_t errors = reporter_.diagnostics().error_count();
    misfit(graph.value(value.tensor).type);
    if (reporter_.diagnostics().error_count() > errors) return {};
  }
  if (value.is_unknown() || value.is_tensor()) return value;
  reporter_
      .error(Diagnostic::WrongType, field.location, "the field `{}` is {}, not a tensor",
             field.targets[0]->text, description_of(value))
      .help("start from a column: `field {} = column(0)`", field.targets[0]->text);
  return {};
}

} // namespace striate
