#include "exchange/network_program.h"

#include "exchange/operator_map.h"
#include "frontend/format.h"
#include "frontend/lexer.h"
#include "support/check.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace striate {

static constexpr std::size_t kLineWidth = 100; // of what is written before it is laid out
static constexpr std::size_t kMostOfName = 60;

std::string call_text(const NetworkProgram::Call& call, const std::vector<std::string>& inputs) {
  std::string text = fmt::format("{}", fmt::join(inputs, ", "));
  if (call.item->kind == ast::ItemKind::Layer)
    return fmt::format("{}({})({})", call.item->name, call.arguments, text);
  if (!call.arguments.empty()) text += (text.empty() ? "" : ", ") + call.arguments;
  return fmt::format("{}({})", call.item->name, text);
}

namespace {

using Role = NetworkProgram::Role;
using Call = NetworkProgram::Call;

class ProgramWriter {
public:
  explicit ProgramWriter(const NetworkProgram& program)
      : program_(program), uses_(program.values.size(), 0), readers_(program.values.size(), nullptr) {
    for (const Call& call : program.calls)
      for (const NetworkProgram::Operand& input : call.inputs) {
        if (input.value < 0) continue;
        ++use(input.value);
        readers_[static_cast<std::size_t>(input.value)] = &call;
      }
    for (const NetworkProgram::Output& output : program.outputs) use(output.value) += 2; // it has a name
  }

  std::string text() {
    for (const std::string& line : program_.comment) text_ += fmt::format("# {}\n", line);
    text_ += definitions();
    text_ += fmt::format("model {} {{\n", program_.name);
    for (const Role role : {Role::Input, Role::Parameter})
      for (const NetworkProgram::Value& value : program_.values)
        if (value.role == role) text_ += declaration(value);
    std::vector<bool> written(program_.outputs.size(), false);
    for (const Call& call : program_.calls) {
      if (is_inline(call.result)) continue;
      std::string head = value(call.result).name;
      for (std::size_t i = 0; i < program_.outputs.size(); ++i)
        if (program_.outputs[i].value == call.result && program_.outputs[i].name == head) {
          head = "output " + head;
          written[i] = true;
        }
      statement(head + " = ", stages(call));
    }
    for (std::size_t i = 0; i < program_.outputs.size(); ++i)
      if (!written[i])
        text_ +=
            fmt::format("output {} = {}\n", program_.outputs[i].name, value(program_.outputs[i].value).name);
    return text_ + "}\n";
  }

private:
  // The program's own operators, as far as it calls them.
  std::string definitions() const {
    std::string text;
    for (const NetworkProgram::Definition& definition : program_.definitions)
      if (std::ranges::any_of(program_.calls,
                              [&](const Call& call) { return call.item->name == definition.name; }))
        text += "\n" + definition.text;
    return text.empty() ? "" : text + "\n";
  }

  struct Stage {
    std::string text;
    bool layer = false; // with parameters, and so with a name
  };

  int& use(int value) { return uses_[static_cast<std::size_t>(value)]; }
  const NetworkProgram::Value& value(int id) const { return program_.values[static_cast<std::size_t>(id)]; }

  static std::string declaration(const NetworkProgram::Value& value) {
    std::string sizes;
    for (const Size& size : value.type.shape) sizes += (sizes.empty() ? "" : ", ") + size.text();
    const char* element = value.type.element == ElementType::F32 ? "f32" : "int";
    return value.role == Role::Input ? fmt::format("input {}: {}[{}]\n", value.name, element, sizes)
                                     : fmt::format("param {}: f32[{}] = 0\n", value.name, sizes);
  }

  // Whether only numbers go in beside the first input: then it can be a stage of a pipeline.
  static bool is_stage(const Call& call) {
    return call.inputs[0].value >= 0 && std::all_of(call.inputs.begin() + 1, call.inputs.end(),
                                                    [](const auto& input) { return input.value < 0; });
  }

  // Whether the value stands in the pipeline that goes on with it, and has no name.
  bool is_inline(int id) {
    if (value(id).role != Role::Computed || use(id) != 1) return false;
    const Call* reader = readers_[static_cast<std::size_t>(id)];
    return reader->inputs[0].value == id && is_stage(*reader);
  }

  static std::string named(const Call& call) { return call.path.empty() ? "" : " as " + call.path; }

  std::string stage(const Call& call) const {
    std::vector<std::string> arguments;
    for (std::size_t i = 1; i < call.inputs.size(); ++i) arguments.push_back(call.inputs[i].number);
    if (!call.arguments.empty()) arguments.push_back(call.arguments);
    std::string text = call.item->name;
    if (!arguments.empty()) text += fmt::format("({})", fmt::join(arguments, ", "));
    return text + named(call);
  }

  std::string operand(const NetworkProgram::Operand& operand) const {
    return operand.value < 0 ? operand.number : value(operand.value).name;
  }

  // The pipeline that ends with this call, its source first.
  std::vector<Stage> stages(const Call& last) {
    std::vector<Stage> reversed;
    const Call* call = &last;
    for (;; call = &program_.calls[static_cast<std::size_t>(value(call->inputs[0].value).call)]) {
      const bool goes_on = is_stage(*call) && is_inline(call->inputs[0].value);
      if (const std::string sign = OperatorMap::sign_of(*call->item); !goes_on && !sign.empty()) {
        reversed.push_back({with_sign(sign, *call)});
        break;
      }
      if (!is_stage(*call)) {
        std::vector<std::string> inputs;
        for (const NetworkProgram::Operand& input : call->inputs) inputs.push_back(operand(input));
        reversed.push_back({call_text(*call, inputs) + named(*call)});
        break;
      }
      reversed.push_back({stage(*call), !call->path.empty()});
      if (goes_on) continue;
      reversed.push_back({operand(call->inputs[0])});
      break;
    }
    std::ranges::reverse(reversed);
    return reversed;
  }

  // "a + b" with the operands put in.
  std::string with_sign(const std::string& sign, const Call& call) const {
    std::string text;
    for (std::size_t i = 0, input = 0; i < sign.size(); ++i) {
      const bool letter = sign[i] == 'a' || sign[i] == 'b';
      if (!letter) {
        text += sign[i];
        continue;
      }
      const std::string what = operand(call.inputs[input++]);
      text += what.starts_with('-') && !text.empty() ? fmt::format("({})", what) : what;
    }
    return text;
  }

  // On one line, or on several, each of which begins with a layer.
  void statement(const std::string& head, const std::vector<Stage>& stages) {
    std::size_t length = head.size();
    for (const Stage& stage : stages) length += stage.text.size() + 4;
    const bool fits = length < kLineWidth;
    std::string line = head + stages[0].text;
    for (std::size_t i = 1; i < stages.size(); ++i) {
      const bool begins = stages[i].layer && !stages[i - 1].layer && i > 1;
      if (!fits && (begins || line.size() + stages[i].text.size() > kLineWidth)) {
        text_ += line + "\n";
        line = "    ";
      } else {
        line += " ";
      }
      line += "-> " + stages[i].text;
    }
    text_ += line + "\n";
  }

  const NetworkProgram& program_;
  std::vector<int> uses_;
  std::vector<const Call*> readers_; // the last one of each value
  std::string text_;
};

} // namespace

std::string program_text(const NetworkProgram& program) {
  Diagnostics diagnostics;
  const std::string text = ProgramWriter(program).text();
  const std::optional<std::string> formatted = format_program(program.name, text, diagnostics);
  CHECK(formatted.has_value(), "{}\n{}", diagnostics.render(), text);
  return *formatted;
}

NameTable::NameTable(const Library& library) {
  for (const ast::ItemKind kind : {ast::ItemKind::Op, ast::ItemKind::Layer, ast::ItemKind::Model})
    for (const std::string& name : library.names(kind)) taken_.insert(name);
  // Names that mean something in some places (docs/language.md).
  for (const char* word : {"N",   "inf",    "pi",     "training", "sum",   "prod",   "max", "min",  "any",
                           "all", "argmax", "argmin", "floor",    "ceil",  "round",  "int", "real", "pow",
                           "erf", "sin",    "cos",    "select",   "count", "random", "stop"})
    taken_.insert(word);
}

std::string NameTable::once(std::string name) {
  std::string free = name;
  for (int i = 2; !taken_.insert(free).second; ++i) free = fmt::format("{}_{}", name, i);
  return free;
}

// Letters, digits and `_`, with a letter first; other characters become one `_`.
static std::string clean(std::string_view wanted, bool number_is_fine) {
  std::string name;
  for (const char c : wanted.substr(0, kMostOfName)) {
    const bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (fine)
      name += c;
    else if (!name.empty() && name.back() != '_')
      name += '_';
  }
  while (name.ends_with('_')) name.pop_back();
  const bool number =
      !name.empty() && name.size() < 10 && std::ranges::all_of(name, [](char c) { return c <= '9'; });
  if (number && number_is_fine) return name == "0" || name[0] != '0' ? name : "_" + name;
  if (!name.empty() && name[0] <= '9') name.insert(0, "v");
  return name;
}

static bool is_word_of_language(const std::string& name) {
  Diagnostics diagnostics;
  return is_reserved_word(lex("", name, diagnostics).tokens[0].kind);
}

std::string NameTable::identifier(std::string_view wanted) {
  std::string name = clean(wanted, false);
  if (is_word_of_language(name)) name += "_";
  return once(name.empty() ? "value" : name);
}

std::string NameTable::path(std::string_view wanted) {
  std::string path;
  while (!wanted.empty()) {
    const std::size_t end = wanted.find_first_of("./:");
    const std::string piece = clean(wanted.substr(0, end), !path.empty());
    wanted.remove_prefix(end == std::string_view::npos ? wanted.size() : end + 1);
    if (piece.empty()) continue;
    path += path.empty() ? "" : ".";
    path += piece + (is_word_of_language(piece) ? "_" : "");
  }
  return once(path.empty() ? "layer_1" : path);
}

} // namespace striate
