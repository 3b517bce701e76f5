#include "ir/graph/attributes.h"

#include "ir/expression_text.h"

namespace striate {

static std::string attribute_text(const Attribute& attribute) {
  struct Writer {
    std::string operator()(int64_t value) const { return std::to_string(value); }
    std::string operator()(double value) const { return real_text(value); }
    std::string operator()(bool value) const { return value ? "true" : "false"; }
    std::string operator()(const std::string& value) const { return quoted(value); }
    std::string operator()(const std::vector<int64_t>& list) const {
      std::string text;
      for (int64_t value : list) text += (text.empty() ? "" : ", ") + std::to_string(value);
      return "[" + text + "]";
    }
  };
  return std::visit(Writer(), attribute);
}

std::string attributes_text(const std::map<std::string, Attribute>& attributes) {
  std::string text;
  for (const auto& [name, value] : attributes)
    text += (text.empty() ? "" : ", ") + word_or_quoted(name) + " = " + attribute_text(value);
  return text;
}

} // namespace striate
