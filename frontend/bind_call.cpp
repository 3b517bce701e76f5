#include "frontend/bind_call.h"

#include "frontend/parser.h"
#include "frontend/print_ast.h"

#include <algorithm>

namespace striate {

using Kind = CompileTimeValue::Kind;

static std::string parameter_text(const ast::Parameter& parameter) {
  std::string dimensions;
  if (parameter.type.has_dimensions) {
    for (const ast::ExprPtr& dimension : parameter.type.dimensions)
      dimensions += (dimensions.empty() ? "[" : ", ") + print_expr(*dimension);
    dimensions += dimensions.empty() ? "[]" : "]";
  }
  std::string text = parameter.name;
  if (parameter.variadic) text += "..";
  text += parameter.type.name.empty() ? dimensions : ": " + parameter.type.name + dimensions;
  if (parameter.default_value) text += " = " + print_expr(*parameter.default_value);
  return text;
}

static std::string list_text(const std::vector<ast::Parameter>& parameters) {
  std::string text;
  for (const ast::Parameter& parameter : parameters)
    text += (text.empty() ? "" : ", ") + parameter_text(parameter);
  return text;
}

std::string signature_of(const ast::Item& item) {
  if (item.kind == ast::ItemKind::Op)
    return item.name + "(" + list_text(item.inputs) +
           (item.attributes.empty() ? "" : "; " + list_text(item.attributes)) + ")";
  return item.name + "(" + list_text(item.attributes) + ")" +
         (item.kind == ast::ItemKind::Layer ? " (" + list_text(item.inputs) + ")" : "");
}

void unknown_argument(Reporter& reporter, const ast::Item& item,
                      const std::vector<ast::Parameter>& parameters, const ast::Argument& argument) {
  SourceLocation place = argument.location;
  place.length = static_cast<int>(argument.name.size());
  std::vector<std::string> names;
  for (const ast::Parameter& parameter : parameters) names.push_back(parameter.name);
  const std::string text = fmt::format("`{}` has no argument `{}`", item.name, argument.name);
  if (const std::string reason = Library::reason_for_no(item, argument.name); !reason.empty()) {
    reporter.error(Diagnostic::WrongArgument, place, "{}", text)
        .note("it is `{}`", signature_of(item))
        .help("leave `{}` out: {}", argument.name, reason);
    return;
  }
  if (const std::string meant = Library::argument_called(item, argument.name); !meant.empty())
    reporter.error(Diagnostic::WrongArgument, place, "{}", text)
        .note("it is `{}`", signature_of(item))
        .suggest(place, meant, "Striate's name for it is `{}`", meant);
  else
    reporter.unknown_name(Diagnostic::WrongArgument, place, argument.name, text, names)
        .note("it is `{}`", signature_of(item));
}

namespace {

struct Slot {
  const ast::Parameter* parameter;
  bool is_input;
  bool filled = false;
  BoundInput value;
};

} // namespace

static std::vector<Slot> slots_of(const ast::Item& item, Takes takes) {
  std::vector<Slot> slots;
  if (takes != Takes::Attributes)
    for (const ast::Parameter& parameter : item.inputs) slots.push_back({&parameter, true, false, {}});
  if (takes != Takes::Inputs)
    for (const ast::Parameter& parameter : item.attributes) slots.push_back({&parameter, false, false, {}});
  return slots;
}

static Slot* next_slot(std::vector<Slot>& slots) {
  for (Slot& slot : slots)
    if (!slot.filled) return &slot;
  return nullptr;
}

static void too_many(Reporter& reporter, const ast::Item& item, Takes takes, const std::vector<Slot>& slots,
                     std::size_t given, const SourceLocation& place) {
  DiagnosticMessage& message =
      reporter.error(Diagnostic::WrongArgument, place, "`{}` takes {} {}{}, not {}", item.name, slots.size(),
                     takes == Takes::Inputs ? "input" : "argument", slots.size() == 1 ? "" : "s", given);
  message.note("it is `{}`", signature_of(item));
}

static Slot* named_slot(Reporter& reporter, const ast::Item& item, std::vector<Slot>& slots,
                        const ast::Argument& argument) {
  for (Slot& slot : slots)
    if (slot.parameter->name == argument.name) {
      if (!slot.filled) return &slot;
      reporter.error(Diagnostic::WrongArgument, argument.location, "`{}` of `{}` is given twice",
                     argument.name, item.name);
      return nullptr;
    }
  std::vector<ast::Parameter> parameters;
  for (const Slot& slot : slots) parameters.push_back(*slot.parameter);
  unknown_argument(reporter, item, parameters, argument);
  return nullptr;
}

static const char* type_description(const std::string& type) {
  if (type == "int" || type == "i32" || type == "u8") return "an integer";
  if (type == "bool") return "true or false";
  if (type == "string") return "a text";
  return "a number";
}

// `padding = "same"`: what others mean by a text. True, with an error, where the item says it; `before` are
// the attributes before this one.
static bool suggest_value(Evaluator& evaluator, const ast::Item& item, const ast::Parameter& parameter,
                          const BoundInput& given, const std::map<std::string, CompileTimeValue>& before) {
  const std::string text = Library::value_called(item, parameter.name, given.value.text);
  if (text.empty()) return false;
  DiagnosticMessage& message = evaluator.reporter().error(
      Diagnostic::WrongType, given.location, "`{}` of `{}` is {}, not {}", parameter.name, item.name,
      type_description(parameter.type.name), description_of(given.value));
  Diagnostics dropped;
  const ast::ExprPtr expr = parse_expression("std/" + item.name, text, dropped);
  Scope scope = attribute_scope(item, before);
  const auto value = expr ? evaluator.try_evaluate(*expr, scope) : std::nullopt;
  const std::string written = value ? text_of(*value) : text;
  if (value && written == text)
    message.suggest(given.location, written, "write `{} = {}`", parameter.name, written);
  else if (value)
    message.suggest(given.location, written, "write `{} = {}`, which is `{}`", parameter.name, written, text);
  else
    message.help("write `{} = {}`", parameter.name, text);
  return true;
}

std::optional<BoundCall> bind_call(Evaluator& evaluator, Scope& scope, const ast::Item& item, Takes takes,
                                   const CallSite& site) {
  Reporter& reporter = evaluator.reporter();
  std::vector<Slot> slots = slots_of(item, takes);
  const std::size_t given = site.piped.size() + (site.arguments ? site.arguments->size() : 0);
  const bool variadic = takes != Takes::Attributes && !item.inputs.empty() && item.inputs.back().variadic;
  std::vector<BoundInput> more; // for the variadic input, after its first
  bool sound = true;
  for (const BoundInput& input : site.piped) {
    Slot* slot = next_slot(slots);
    if (variadic && (!slot || !slot->is_input)) {
      more.push_back(input);
      continue;
    }
    if (!slot || !slot->is_input) {
      reporter.error(Diagnostic::WrongArgument, site.location, "`{}` takes {} input{}, not {}", item.name,
                     item.inputs.size(), item.inputs.size() == 1 ? "" : "s", site.piped.size());
      return std::nullopt;
    }
    slot->filled = true;
    slot->value = input;
  }
  bool named_before = false;
  if (site.arguments)
    for (const ast::Argument& argument : *site.arguments) {
      Slot* slot = nullptr;
      if (argument.name.empty()) {
        if (named_before) {
          reporter.error(Diagnostic::WrongArgument, argument.location, "arguments without a name come first");
          return std::nullopt;
        }
        slot = next_slot(slots);
        if (variadic && (!slot || !slot->is_input)) {
          more.push_back({evaluator.evaluate(*argument.value, scope), argument.value->location});
          if (more.back().value.is_unknown()) sound = false;
          continue;
        }
        if (!slot) {
          too_many(reporter, item, takes, slots, given, argument.location);
          return std::nullopt;
        }
      } else {
        named_before = true;
        slot = named_slot(reporter, item, slots, argument);
      }
      if (!slot) {
        sound = false;
        continue;
      }
      slot->filled = true;
      slot->value = {evaluator.evaluate(*argument.value, scope), argument.value->location};
      if (slot->value.value.is_unknown()) sound = false;
    }
  if (!sound) return std::nullopt;

  BoundCall call;
  for (Slot& slot : slots) {
    if (!slot.filled && slot.is_input && slot.parameter->variadic) continue;
    if (!slot.filled && !(slot.parameter->default_value && !slot.is_input)) {
      reporter
          .error(Diagnostic::WrongArgument, site.location, "`{}` needs `{}`", item.name, slot.parameter->name)
          .note("it is `{}`", signature_of(item));
      return std::nullopt;
    }
    if (slot.is_input) {
      call.inputs.push_back(std::move(slot.value));
    } else if (slot.filled) {
      if (slot.value.value.kind == Kind::Text && slot.parameter->type.name != "string" &&
          suggest_value(evaluator, item, *slot.parameter, slot.value, call.attributes))
        return std::nullopt;
      auto value =
          convert_attribute(evaluator, scope, item, *slot.parameter, slot.value.value, slot.value.location);
      if (!value) return std::nullopt;
      call.attributes[slot.parameter->name] = std::move(*value);
    }
  }
  call.inputs.insert(call.inputs.end(), std::make_move_iterator(more.begin()),
                     std::make_move_iterator(more.end()));
  if (takes != Takes::Inputs && !add_defaults(evaluator, item, call.attributes, site.location))
    return std::nullopt;
  return call;
}

static std::optional<CompileTimeValue> convert_scalar(const std::string& type,
                                                      const CompileTimeValue& value) {
  if (type == "int" || type == "i32" || type == "u8") {
    if (value.integer()) return value;
  } else if (type == "bool") {
    if (value.kind == Kind::Bool) return value;
  } else if (type == "string") {
    if (value.kind == Kind::Text) return value;
  } else if (value.number()) {
    return CompileTimeValue::of_real(*value.number());
  }
  return std::nullopt;
}

std::optional<CompileTimeValue> convert_attribute(Evaluator& evaluator, Scope& scope, const ast::Item& item,
                                                  const ast::Parameter& parameter,
                                                  const CompileTimeValue& value,
                                                  const SourceLocation& location) {
  if (value.is_unknown()) return std::nullopt;
  Reporter& reporter = evaluator.reporter();
  const std::string& type = parameter.type.name;
  if (!parameter.type.has_dimensions) {
    if (auto converted = convert_scalar(type, value)) return converted;
    DiagnosticMessage& message =
        reporter.error(Diagnostic::WrongType, location, "`{}` of `{}` is {}, not {}", parameter.name,
                       item.name, type_description(type), description_of(value));
    if (value.is_tensor()) message.help("inputs are piped or given to the layer: `x -> {}(...)`", item.name);
    return std::nullopt;
  }
  std::optional<int64_t> count;
  if (!parameter.type.dimensions.empty()) {
    count = evaluator.evaluate_integer(*parameter.type.dimensions[0], scope, "the length of a list", 1);
    if (!count) return std::nullopt;
  }
  std::vector<CompileTimeValue> items =
      value.kind == Kind::List
          ? value.items
          : std::vector<CompileTimeValue>(static_cast<std::size_t>(count.value_or(1)), value);
  if (count && static_cast<int64_t>(items.size()) != *count) {
    reporter.error(Diagnostic::WrongType, location, "`{}` of `{}` is a list of {} values, not of {}",
                   parameter.name, item.name, *count, items.size());
    return std::nullopt;
  }
  for (CompileTimeValue& element : items) {
    if (element.is_unknown()) return std::nullopt;
    auto converted = convert_scalar(type, element);
    if (!converted) {
      reporter.error(Diagnostic::WrongType, location, "`{}` of `{}` is {} or {} of them, not {}",
                     parameter.name, item.name, type_description(type), count.value_or(1),
                     description_of(element));
      return std::nullopt;
    }
    element = std::move(*converted);
  }
  return CompileTimeValue::of_list(std::move(items));
}

Scope attribute_scope(const ast::Item& item, const std::map<std::string, CompileTimeValue>& attributes) {
  Scope scope;
  for (const ast::Parameter& parameter : item.attributes) {
    const auto found = attributes.find(parameter.name);
    if (found == attributes.end()) continue;
    scope.bind(parameter.name, found->second, parameter.location);
    if (!parameter.size_name.empty()) scope.bind(parameter.size_name, found->second, parameter.location);
  }
  return scope;
}

bool add_defaults(Evaluator& evaluator, const ast::Item& item,
                  std::map<std::string, CompileTimeValue>& attributes, const SourceLocation& call) {
  for (const ast::Parameter& parameter : item.attributes) {
    if (attributes.contains(parameter.name)) continue;
    if (!parameter.default_value) {
      evaluator.reporter()
          .error(Diagnostic::WrongArgument, call, "`{}` needs `{}`", item.name, parameter.name)
          .note("it is `{}`", signature_of(item));
      return false;
    }
    Scope scope = attribute_scope(item, attributes);
    const CompileTimeValue value = evaluator.evaluate(*parameter.default_value, scope);
    auto converted =
        convert_attribute(evaluator, scope, item, parameter, value, parameter.default_value->location);
    if (!converted) return false;
    attributes[parameter.name] = std::move(*converted);
  }
  return true;
}

} // namespace striate
