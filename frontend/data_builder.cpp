#include "frontend/data_builder.h"

#include "frontend/print_ast.h"

#include <algorithm>

namespace striate {

using ast::ExprKind;
using ast::StmtKind;
using Kind = CompileTimeValue::Kind;

namespace {

struct Reader {
  const char* name;
  bool one_file;
  std::vector<std::string> options;
};

} // namespace

static const std::vector<Reader>& readers() {
  static const std::vector<Reader> kReaders = {{"idx", false, {}},
                                               {"csv", true, {"label", "columns", "header", "separator"}}};
  return kReaders;
}

DataBuilder::DataBuilder(Reporter& reporter, const Library& library, const ast::Item& item,
                         ColumnTypeOf column_type)
    : reporter_(reporter), library_(library), item_(item), column_type_(std::move(column_type)),
      evaluator_(reporter, library) {}

bool DataBuilder::read_splits(DataDescription& description) {
  const std::size_t errors = reporter_.diagnostics().error_count();
  description.name = item_.name;
  description.location = item_.location;
  for (const ast::Stmt& statement : item_.body->statements) {
    switch (statement.kind) {
    case StmtKind::Split:
      read_split(statement, description);
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
  if (description.splits.empty() && reporter_.diagnostics().error_count() == errors)
    reporter_.error(Diagnostic::MissingSetting, item_.location, "`{}` has no `split`", item_.name)
        .help("write `split train = idx(\"images.gz\", \"labels.gz\")`");
  return reporter_.diagnostics().error_count() == errors;
}

bool DataBuilder::read_split(const ast::Stmt& statement, DataDescription& description) {
  SplitDescription split;
  split.location = statement.location;
  for (const ast::ExprPtr& target : statement.targets) {
    for (const SplitDescription& other : description.splits)
      if (std::find(other.names.begin(), other.names.end(), target->text) != other.names.end()) {
        reporter_.error(Diagnostic::DuplicateName, target->location, "`{}` has a split `{}` already",
                        item_.name, target->text);
        return false;
      }
    split.names.push_back(target->text);
  }
  const ast::Expr& value = *statement.value;
  const bool piped = value.kind == ExprKind::Pipe;
  auto reader = read_reader(piped ? *value.operands[0] : value);
  if (!reader) return false;
  split.reader = *reader;
  if (!reader_) reader_ = std::move(reader);
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
  description.splits.push_back(std::move(split));
  return true;
}

std::optional<ReaderCall> DataBuilder::read_reader(const ast::Expr& expr) {
  const Reader* known = nullptr;
  std::vector<std::string> names;
  for (const Reader& reader : readers()) {
    names.emplace_back(reader.name);
    if (expr.kind == ExprKind::Call && expr.operands[0]->kind == ExprKind::Name &&
        expr.operands[0]->text == reader.name)
      known = &reader;
  }
  if (!known) {
    const std::string name = print_expr(expr.kind == ExprKind::Call ? *expr.operands[0] : expr);
    DiagnosticMessage& message =
        reporter_.error(Diagnostic::UnknownName, expr.location, "`{}` reads no file", name)
            .note("the readers are `idx` and `csv`");
    if (const std::string near = nearest_name(name, names); !near.empty()) message.did_you_mean(near);
    return std::nullopt;
  }
  ReaderCall call;
  call.kind = known->name;
  call.location = expr.location;
  for (const ast::Argument& argument : expr.arguments) {
    const CompileTimeValue value = evaluator_.evaluate(*argument.value, scope_);
    if (value.is_unknown()) return std::nullopt;
    if (argument.name.empty()) {
      if (value.kind != Kind::Text) {
        reporter_
            .error(Diagnostic::WrongType, argument.location, "`{}` takes names of files, not {}", call.kind,
                   description_of(value))
            .help("write the name in quotes");
        return std::nullopt;
      }
      call.files.push_back(value.text);
      continue;
    }
    if (std::find(known->options.begin(), known->options.end(), argument.name) == known->options.end()) {
      DiagnosticMessage& message = reporter_.error(Diagnostic::WrongArgument, argument.location,
                                                   "`{}` has no argument `{}`", call.kind, argument.name);
      if (const std::string near = nearest_name(argument.name, known->options); !near.empty())
        message.did_you_mean(near);
      return std::nullopt;
    }
    call.options[argument.name] = attribute_of(value);
  }
  if (call.files.empty() || (known->one_file && call.files.size() > 1)) {
    reporter_.error(Diagnostic::WrongArgument, expr.location, "`{}` takes {}, not {} files", call.kind,
                    known->one_file ? "one file" : "one file or more", call.files.size());
    return std::nullopt;
  }
  return call;
}

bool DataBuilder::read_divide(const ast::Expr& expr, SplitDescription& split) {
  if (expr.kind != ExprKind::Call || expr.operands[0]->kind != ExprKind::Name ||
      expr.operands[0]->text != "divide") {
    reporter_.error(Diagnostic::UnknownName, expr.location, "`{}` does nothing to a split", print_expr(expr))
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
          .error(Diagnostic::WrongArgument, argument.location, "`divide` has no argument `{}`", argument.name)
          .note("it takes a number of examples for each name, and `shuffle = SEED`");
      return false;
    }
    const auto count = evaluator_.evaluate_integer(*argument.value, scope_, "a number of examples", 1);
    if (!count) return false;
    split.counts.push_back(*count);
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

// The type of the graph's input for a column: as the file has it, in the shape that the model wants of it.
std::optional<TensorType> DataBuilder::raw_type(const ast::Expr& call, int column, const std::string& name,
                                                const TensorType* wanted) {
  std::optional<ColumnType> known = column_type_ ? column_type_(*reader_, column) : std::nullopt;
  TensorType type;
  if (!known) {
    // The data is not at hand: what its reader usually yields.
    if (!wanted) return TensorType{ElementType::I32, {Size::n()}};
    type.element = reader_->kind == "idx" ? ElementType::U8 : ElementType::F32;
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
  reporter_
      .error(Diagnostic::DataMismatch, call.location,
             "the model's input `{}` takes {} numbers per example, but column {} has {}", name,
             count_text(inner), column, count_text(known->shape))
      .note("the input is {}, and the column is {} of {}", wanted->text(), type.text(),
            fmt::join(reader_->files, ", "));
  return std::nullopt;
}

CompileTimeValue DataBuilder::column(const ast::Expr& call, Scope& scope, NetworkBuilder& network,
                                     GraphBuilder& graph, const std::string& name, const TensorType* wanted,
                                     InputBinding binding, std::vector<InputBinding>& bindings) {
  if (call.arguments.size() != 1 || !call.arguments[0].name.empty()) {
    reporter_.error(Diagnostic::WrongArgument, call.location,
                    "`column` takes the number of a column, from 0");
    return {};
  }
  const auto number = network.evaluate_integer(*call.arguments[0].value, scope, "the number of a column", 0);
  if (!number) return {};
  const bool files = reader_->kind == "idx";
  const auto count =
      files ? static_cast<int64_t>(reader_->files.size()) : (reader_->options.contains("label") ? 2 : 1);
  if (*number >= count) {
    reporter_.error(Diagnostic::BadSetting, call.location, "`{}` has no column {}", item_.name, *number)
        .note("{}",
              files ? fmt::format("`idx` has one column for each of its {} files, from 0", count)
                    : "`csv` has the features as column 0, and the column that `label` names as column 1");
    return {};
  }
  const auto type = raw_type(call, static_cast<int>(*number), name, wanted);
  if (!type) return {};
  const bool taken =
      std::any_of(bindings.begin(), bindings.end(), [&](const auto& other) { return other.input == name; });
  binding.input = taken ? name + "." + std::to_string(*number) : name;
  binding.column = static_cast<int>(*number);
  const int value = graph.add_input(binding.input, *type, call.location);
  bindings.push_back(std::move(binding));
  return CompileTimeValue::of_tensor(value);
}

CompileTimeValue DataBuilder::expand_field(const ast::Stmt& field, NetworkBuilder& network,
                                           GraphBuilder& graph, const std::string& name,
                                           const TensorType* wanted, std::vector<InputBinding>& bindings) {
  std::map<int64_t, CompileTimeValue> columns;
  network.special_call = [&](const ast::Expr& call, Scope& scope) -> std::optional<CompileTimeValue> {
    if (call.operands[0]->kind != ExprKind::Name || call.operands[0]->text != "column") return std::nullopt;
    const auto number =
        call.arguments.size() == 1 ? evaluator_.try_evaluate(*call.arguments[0].value, scope) : std::nullopt;
    const auto key = number ? number->integer() : std::nullopt;
    if (key && columns.contains(*key)) return columns[*key];
    InputBinding binding;
    binding.field = field.targets[0]->text;
    CompileTimeValue value = column(call, scope, network, graph, name, wanted, std::move(binding), bindings);
    if (key) columns[*key] = value;
    return value;
  };
  CompileTimeValue value = network.expand(*field.value, scope_, name);
  network.special_call = nullptr;
  if (value.is_unknown() || value.is_tensor()) return value;
  reporter_
      .error(Diagnostic::WrongType, field.location, "the field `{}` is {}, not a tensor",
             field.targets[0]->text, description_of(value))
      .help("start from a column: `field {} = column(0)`", field.targets[0]->text);
  return {};
}

} // namespace striate
