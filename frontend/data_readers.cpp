#include "frontend/data_readers.h"

#include "frontend/print_ast.h"

#include <algorithm>

namespace striate {

using ast::ExprKind;
using Kind = CompileTimeValue::Kind;

namespace {

// What an argument of a reader may be.
enum class Takes { Integer, Switch, Text, Column, Separator, Blank, Size };

struct Option {
  const char* name;
  Takes takes;
  bool required = false;
  int64_t least = 0, most = 0; // of integers and sizes
};

struct Reader {
  const char* name;
  std::size_t least, most; // texts in quotes
  const char* texts;       // what they are
  std::vector<Option> options;
};

} // namespace

static constexpr std::size_t kMany = 1 << 20;
static constexpr int64_t kLargestSide = 4096;

static const std::vector<Reader>& readers() {
  static const std::vector<Reader> kReaders = {
      {"idx", 1, kMany, "one file or more", {}},
      {"csv",
       1,
       kMany,
       "one file or more",
       {{"label", Takes::Column},
        {"header", Takes::Switch},
        {"separator", Takes::Separator},
        {"blank", Takes::Blank},
        {"missing", Takes::Text},
        {"words", Takes::Switch}}},
      {"cifar", 1, kMany, "one file or more", {{"labels", Takes::Integer, false, 1, 2}}},
      {"npy", 1, kMany, "one file or more", {}},
      {"npz", 2, kMany, "a file and the names of its arrays", {}},
      {"images",
       1,
       kMany,
       "one folder or more",
       {{"size", Takes::Size, true, 1, kLargestSide},
        {"resize", Takes::Integer, false, 1, 2 * kLargestSide},
        {"channels", Takes::Integer, false, 1, 3},
        {"skip_broken", Takes::Switch}}},
      {"text",
       1,
       kMany,
       "one file or more",
       {{"window", Takes::Integer, true, 1, 1 << 20}, {"stride", Takes::Integer, false, 1, 1 << 20}}}};
  return kReaders;
}

std::vector<std::string> reader_names() {
  std::vector<std::string> names;
  for (const Reader& reader : readers()) names.emplace_back(reader.name);
  return names;
}

std::vector<std::string> reader_arguments(const std::string& name) {
  std::vector<std::string> names;
  for (const Reader& reader : readers())
    if (reader.name == name)
      for (const Option& option : reader.options) names.emplace_back(option.name);
  return names;
}

int64_t integer_option(const ReaderCall& call, const std::string& name, int64_t otherwise) {
  const auto option = call.options.find(name);
  if (option == call.options.end()) return otherwise;
  const int64_t* value = std::get_if<int64_t>(&option->second);
  return value ? *value : otherwise;
}

int64_t own_columns(const ReaderCall& call) {
  const auto files = static_cast<int64_t>(call.files.size());
  if (call.kind == "idx" || call.kind == "npy") return files;
  if (call.kind == "npz") return files - 1;
  if (call.kind == "cifar") return 1 + integer_option(call, "labels", 1);
  if (call.kind == "csv") return call.options.contains("label") ? 2 : 1;
  return 2;
}

const SplitDescription& DataDescription::training() const {
  for (const SplitDescription& split : splits)
    if (std::ranges::find(split.names, "train") != split.names.end()) return split;
  return splits.at(0);
}

std::optional<ColumnType> own_column_type(const ReaderCall& call, int column) {
  if (call.kind == "cifar")
    return column == 0 ? ColumnType{ElementType::U8, {3, 32, 32}} : ColumnType{ElementType::U8, {}};
  if (call.kind == "text") return ColumnType{ElementType::I32, {integer_option(call, "window", 1)}};
  if (call.kind != "images") return std::nullopt;
  if (column == 1) return ColumnType{ElementType::I32, {}};
  const auto& size = std::get<std::vector<int64_t>>(call.options.at("size"));
  return ColumnType{ElementType::U8, {integer_option(call, "channels", 3), size[0], size[1]}};
}

std::string columns_text(const ReaderCall& call) {
  if (call.kind == "idx" || call.kind == "npy")
    return fmt::format("`{}` has one column for each of its {} files, from 0", call.kind, call.files.size());
  if (call.kind == "npz")
    return fmt::format("`npz` has one column for each of its {} arrays, from 0", call.files.size() - 1);
  if (call.kind == "csv")
    return "`csv` has the features as column 0, and the column that `label` names as column 1; "
           "`columns(\"name\")` reads others";
  if (call.kind == "text")
    return "`text` has the characters of a window as column 0, the next ones as column 1";
  return fmt::format("`{}` has the images as column 0, and their labels as column 1", call.kind);
}

namespace {

class ReaderArguments {
public:
  ReaderArguments(Evaluator& evaluator, Scope& scope, const Reader& reader, ReaderCall& call)
      : evaluator_(evaluator), reporter_(evaluator.reporter()), scope_(scope), reader_(reader), call_(call) {}

  bool read(const ast::Argument& argument) {
    const CompileTimeValue value = evaluator_.evaluate(*argument.value, scope_);
    if (value.is_unknown()) return false;
    if (argument.name.empty()) {
      if (value.kind == Kind::Text && !value.text.empty()) {
        call_.files.push_back(value.text);
        return true;
      }
      reporter_
          .error(Diagnostic::WrongType, argument.location, "`{}` takes names of files, not {}", call_.kind,
                 description_of(value))
          .help("write the name in quotes");
      return false;
    }
    const auto option = std::ranges::find_if(
        reader_.options, [&](const Option& known) { return argument.name == known.name; });
    if (option == reader_.options.end()) {
      std::vector<std::string> names;
      for (const Option& known : reader_.options) names.emplace_back(known.name);
      SourceLocation place = argument.location;
      place.length = static_cast<int>(argument.name.size());
      reporter_
          .unknown_name(Diagnostic::WrongArgument, place, argument.name,
                        fmt::format("`{}` has no argument `{}`", call_.kind, argument.name), names)
          .note("its arguments are {}", fmt::join(names, ", "));
      return false;
    }
    if (auto attribute = attribute_for(*option, value)) {
      call_.options[argument.name] = std::move(*attribute);
      return true;
    }
    reporter_.error(Diagnostic::WrongType, argument.location, "`{}` of `{}` is {}, not {}", argument.name,
                    call_.kind, wanted_text(*option), description_of(value));
    return false;
  }

  // What only all arguments together show.
  bool check(const SourceLocation& place) {
    if (call_.files.size() < reader_.least || call_.files.size() > reader_.most) {
      reporter_.error(Diagnostic::WrongArgument, place, "`{}` takes {}, not {} {}", call_.kind, reader_.texts,
                      call_.files.size(), call_.files.size() == 1 ? "name" : "names");
      return false;
    }
    for (const Option& option : reader_.options)
      if (option.required && !call_.options.contains(option.name)) {
        reporter_.error(Diagnostic::WrongArgument, place, "`{}` needs `{}`", call_.kind, option.name)
            .help("write `{}(..., {} = {})`", call_.kind, option.name,
                  option.takes == Takes::Size ? 224 : 64);
        return false;
      }
    const auto size = call_.options.find("size");
    if (size == call_.options.end()) return true;
    const auto& sides = std::get<std::vector<int64_t>>(size->second);
    const int64_t resize = integer_option(call_, "resize", 0), side = std::max(sides[0], sides[1]);
    if (resize > 0 && resize < side) {
      reporter_.error(Diagnostic::BadSetting, place,
                      "images whose shorter side is {} cannot be cropped to {}: `resize` is at least {}",
                      resize, side, side);
      return false;
    }
    if (integer_option(call_, "channels", 3) == 2) {
      reporter_.error(Diagnostic::BadSetting, place, "`channels` is 3 (colour) or 1 (grey)");
      return false;
    }
    return true;
  }

private:
  static std::optional<Attribute> attribute_for(const Option& option, const CompileTimeValue& value) {
    const auto integer = value.integer();
    const auto within = [&](const CompileTimeValue& side) {
      return side.integer() && *side.integer() >= option.least && *side.integer() <= option.most;
    };
    switch (option.takes) {
    case Takes::Integer:
      if (within(value)) return Attribute(*integer);
      break;
    case Takes::Switch:
      if (value.kind == Kind::Bool) return Attribute(value.truth);
      break;
    case Takes::Text:
      if (value.kind == Kind::Text) return Attribute(value.text);
      break;
    case Takes::Column:
      if (integer) return Attribute(*integer);
      if (value.kind == Kind::Text) return Attribute(value.text);
      break;
    case Takes::Separator:
      if (value.kind == Kind::Text && value.text.size() == 1 && value.text != "\"" && value.text != "\n")
        return Attribute(value.text);
      break;
    case Takes::Blank:
      if (value.number()) return Attribute(*value.number());
      if (value.kind == Kind::Text && (value.text == "mean" || value.text == "error"))
        return Attribute(value.text);
      break;
    case Takes::Size:
      if (within(value)) return Attribute(std::vector<int64_t>{*integer, *integer});
      if (value.kind == Kind::List && value.items.size() == 2 && within(value.items[0]) &&
          within(value.items[1]))
        return Attribute(std::vector<int64_t>{*value.items[0].integer(), *value.items[1].integer()});
      break;
    }
    return std::nullopt;
  }

  static std::string wanted_text(const Option& option) {
    switch (option.takes) {
    case Takes::Integer:
      return fmt::format("an integer from {} to {}", option.least, option.most);
    case Takes::Switch:
      return "true or false";
    case Takes::Text:
      return "a text";
    case Takes::Column:
      return "the name or number of a column";
    case Takes::Separator:
      return "one character";
    case Takes::Blank:
      return "\"error\", \"mean\" or a number";
    case Takes::Size:
      break;
    }
    return fmt::format("a size or [height, width], from {} to {}", option.least, option.most);
  }

  Evaluator& evaluator_;
  Reporter& reporter_;
  Scope& scope_;
  const Reader& reader_;
  ReaderCall& call_;
};

} // namespace

std::optional<ReaderCall> read_reader(const ast::Expr& expr, Evaluator& evaluator, Scope& scope) {
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
    const SourceLocation& place = expr.kind == ExprKind::Call ? expr.operands[0]->location : expr.location;
    static const std::map<std::string, const char*> kOthers = {{"ImageFolder", "images"},
                                                               {"image_dataset_from_directory", "images"},
                                                               {"read_csv", "csv"},
                                                               {"MNIST", "idx"},
                                                               {"FashionMNIST", "idx"},
                                                               {"CIFAR10", "cifar"},
                                                               {"CIFAR100", "cifar"},
                                                               {"genfromtxt", "csv"},
                                                               {"load", "npy"}};
    const std::string text = fmt::format("`{}` reads no file", name);
    const auto other = kOthers.find(name);
    (other == kOthers.end()
         ? evaluator.reporter().unknown_name(Diagnostic::UnknownName, place, name, text, names)
         : evaluator.reporter()
               .error(Diagnostic::UnknownName, place, "{}", text)
               .suggest(place, other->second, "Striate's name for it is `{}`", other->second))
        .note("the readers are {}", fmt::join(names, ", "));
    return std::nullopt;
  }
  ReaderCall call;
  call.kind = known->name;
  call.location = expr.location;
  ReaderArguments arguments(evaluator, scope, *known, call);
  for (const ast::Argument& argument : expr.arguments)
    if (!arguments.read(argument)) return std::nullopt;
  if (!arguments.check(expr.location)) return std::nullopt;
  return call;
}

} // namespace striate
