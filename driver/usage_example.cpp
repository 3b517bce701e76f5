#include "driver/usage_example.h"

#include "frontend/elaborate.h"
#include "frontend/example_shapes.h"
#include "frontend/library.h"
#include "frontend/parser.h"
#include "support/check.h"

#include <fmt/ranges.h>

namespace striate {

constexpr std::string_view kExample = "example: ";

static std::string operator_example(const ast::Item& item) {
  Diagnostics diagnostics;
  const auto example = instantiate_example(nullptr, item.name, diagnostics);
  CHECK(example, "{}", diagnostics.render());
  const Definition& definition = *example->definition;
  std::vector<std::string> arguments, inputs, outputs;
  for (int k = 0; k < definition.input_count; ++k) {
    const Operand& input = definition.operands[static_cast<std::size_t>(k)];
    arguments.push_back(input.name);
    inputs.push_back(fmt::format("{}: {}", input.name, input.type.text()));
  }
  for (const ast::Parameter& attribute : item.attributes)
    if (const auto value = example->attributes.find(attribute.name); value != example->attributes.end())
      arguments.push_back(attribute.name + " = " + value->second);
  for (int k : definition.outputs)
    outputs.push_back(definition.operands[static_cast<std::size_t>(k)].type.text());
  return fmt::format("Example: `{}({})`{}{} gives {}.\n", item.name, fmt::join(arguments, ", "),
                     inputs.empty() ? "" : " with ", fmt::join(inputs, ", "), fmt::join(outputs, " and "));
}

static Module module_of_example(const std::string& program) {
  Diagnostics diagnostics;
  const ast::File file = parse("example", program, diagnostics);
  std::vector<Module> modules;
  if (!diagnostics.has_errors()) modules = elaborate(file, {}, diagnostics);
  CHECK(!modules.empty(), "{}", diagnostics.render());
  return std::move(modules.front());
}

// `x: f32[N, 400] -> Linear(120)`
static std::string pipeline_example(const std::string& text) {
  const std::size_t colon = text.find(": "), arrow = text.find(" -> ");
  CHECK(colon < arrow && arrow != std::string::npos, "{}", text);
  const std::string name = text.substr(0, colon);
  const Module module = module_of_example("model Example {\n    input " + text.substr(0, arrow) +
                                          "\n    output example = " + name + text.substr(arrow) + "\n}\n");
  const ValueId output = module.eval.outputs.at(0).second;
  const Value& value = module.eval.values[static_cast<std::size_t>(output)];
  return fmt::format("Example: `{}{}` with {} gives {}.\n", name, text.substr(arrow), text.substr(0, arrow),
                     value.type.text());
}

static std::string setting_example(const std::string& text) {
  const char* optimizer = text.starts_with("optimizer") ? "" : "\n    optimizer = SGD(lr = 0.1)";
  module_of_example(
      "model Net {\n    input x: f32[N, 4]\n    output y = x -> Linear(3)\n}\n"
      "data table {\n    split train = csv(\"table.csv\", label = -1)\n    field x = column(0)\n"
      "    field label = column(1)\n}\ntrain Net with table {\n    loss = cross_entropy(y, label)\n    " +
      text + optimizer + "\n}\n");
  return fmt::format("Example: `{}`.\n", text);
}

std::string usage_example(const ast::Item& item) {
  for (const std::string& line : comment_lines(item)) {
    if (!line.starts_with(kExample)) continue;
    const std::string text = line.substr(kExample.size());
    const bool is_setting = item.kind == ast::ItemKind::Optimizer || item.kind == ast::ItemKind::Schedule;
    return is_setting ? setting_example(text) : pipeline_example(text);
  }
  if (item.kind == ast::ItemKind::Op) return operator_example(item);
  CHECK(false, "{} has no example", item.name);
}

} // namespace striate
