#include "exchange/values.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace striate {

using Kind = CompileTimeValue::Kind;

std::string real_text_of(double value) {
  const auto single = static_cast<float>(value);
  if (std::isinf(single)) return single > 0 ? "inf" : "-inf";
  std::string text = fmt::format("{}", single);
  if (text.ends_with(".0")) text.resize(text.size() - 2);
  return text;
}

// 0.1 in single precision is 0.1, not 0.100000001.
static double shortest(float value) {
  const std::string text = fmt::format("{}", value);
  double number = static_cast<double>(value);
  if (std::isfinite(value)) std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

CompileTimeValue value_of_onnx(const OnnxConstant& constant) {
  std::vector<CompileTimeValue> items;
  for (int64_t i = 0; i < constant.elements(); ++i)
    items.push_back(constant.real ? CompileTimeValue::of_real(shortest(constant.real_at(i)))
                                  : CompileTimeValue::of(constant.integer_at(i)));
  return constant.shape.empty() ? items[0] : CompileTimeValue::of_list(std::move(items));
}

std::optional<CompileTimeValue> value_of_onnx(const OnnxAttribute& attribute) {
  if (const auto* integer = std::get_if<int64_t>(&attribute)) return CompileTimeValue::of(*integer);
  if (const auto* real = std::get_if<float>(&attribute)) return CompileTimeValue::of_real(shortest(*real));
  if (const auto* text = std::get_if<std::string_view>(&attribute))
    return CompileTimeValue::of_text(std::string(*text));
  std::vector<CompileTimeValue> items;
  if (const auto* integers = std::get_if<std::vector<int64_t>>(&attribute)) {
    for (int64_t number : *integers) items.push_back(CompileTimeValue::of(number));
    return CompileTimeValue::of_list(std::move(items));
  }
  if (const auto* reals = std::get_if<std::vector<float>>(&attribute)) {
    for (float number : *reals) items.push_back(CompileTimeValue::of_real(shortest(number)));
    return CompileTimeValue::of_list(std::move(items));
  }
  return std::nullopt;
}

bool same(const CompileTimeValue& a, const CompileTimeValue& b) {
  // One number stands for a list of equal ones.
  if (a.kind != Kind::List && b.kind == Kind::List) return same(b, a);
  if (a.kind == Kind::List && b.kind != Kind::List)
    return !a.items.empty() && std::ranges::all_of(a.items, [&](const auto& item) { return same(item, b); });
  if (a.kind == Kind::List) {
    if (a.items.size() != b.items.size()) return false;
    for (std::size_t i = 0; i < a.items.size(); ++i)
      if (!same(a.items[i], b.items[i])) return false;
    return true;
  }
  const auto x = a.number(), y = b.number();
  return x && y ? static_cast<float>(*x) == static_cast<float>(*y) : text_of(a) == text_of(b);
}

// others.
std::optional<std::vector<int64_t>> shape_by_pattern(const OnnxConstant& constant,
                                                     const OnnxInputPattern& pattern) {
  std::vector<int64_t> shape = constant.shape;
  if (pattern.transposed && shape.size() != 2) return std::nullopt;
  if (pattern.transposed) std::swap(shape[0], shape[1]);
  if (constant.elements() == 1) return std::vector<int64_t>{1};
  for (int i = 0; i < pattern.ones; ++i) {
    if (shape.empty() || shape.back() != 1) return std::nullopt;
    shape.pop_back();
  }
  if (pattern.ones > 0)
    while (shape.size() > 1 && shape.front() == 1) shape.erase(shape.begin());
  return shape;
}

Result<Tensor> parameter_of(const OnnxConstant& constant, bool transposed, float scale,
                            const std::vector<int64_t>& shape) {
  Result<Tensor> tensor = Tensor::allocate(ElementType::F32, shape);
  if (!tensor) return tensor;
  const std::span<float> numbers = tensor->as<float>();
  const auto columns = transposed ? static_cast<std::size_t>(constant.shape[0]) : 1; // of the result
  const auto rows = transposed ? static_cast<std::size_t>(constant.shape[1]) : 1;
  const bool one = constant.uniform || constant.elements() == 1;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const std::size_t from = one ? 0 : transposed ? i % columns * rows + i / columns : i;
    numbers[i] = constant.real_at(static_cast<int64_t>(from)) * scale;
  }
  return tensor;
}

std::string layer_name(const std::vector<std::string>& weights, const OnnxNode& node) {
  std::string common = weights[0];
  for (const std::string& name : weights)
    common.resize(static_cast<std::size_t>(
        std::mismatch(common.begin(), common.end(), name.begin(), name.end()).first - common.begin()));
  if (weights.size() == 1) {
    for (const char* ending : {".weight", "_weight", "/weight", "_w", ".w", "_w_0"})
      if (common.ends_with(ending)) return common.substr(0, common.size() - std::string_view(ending).size());
    common.clear();
  }
  if (!common.empty() && std::string_view("._/:").find(common.back()) != std::string_view::npos)
    return common.substr(0, common.size() - 1);
  std::string_view name = node.name;
  // "/features/0/Conv": the module, and the operator in it.
  if (const std::size_t end = name.rfind('/');
      end != std::string_view::npos && end > 0 && name.substr(end + 1).starts_with(node.op))
    name = name.substr(0, end);
  return std::string(name.empty() ? node.op : name);
}

std::optional<CompileTimeValue> as_argument(const ast::Parameter& argument, const CompileTimeValue& value) {
  const std::string& type = argument.type.name;
  if (argument.type.has_dimensions && value.kind == Kind::List) {
    CompileTimeValue list = value;
    ast::Parameter element = argument;
    element.type.has_dimensions = false;
    for (CompileTimeValue& item : list.items) {
      const auto one = as_argument(element, item);
      if (!one) return std::nullopt;
      item = *one;
    }
    return list;
  }
  if (value.kind == Kind::List && value.items.size() == 1) return as_argument(argument, value.items[0]);
  if (type == "bool" && value.integer()) return CompileTimeValue::of_bool(*value.integer() != 0);
  if (type == "int" && value.kind == Kind::Real) {
    if (value.real != std::floor(value.real) || std::abs(value.real) > 1e9) return std::nullopt;
    return CompileTimeValue::of(static_cast<int64_t>(value.real));
  }
  if (type == "real" && value.number()) return CompileTimeValue::of_real(*value.number());
  return value;
}

std::string argument_value_text(const CompileTimeValue& value) {
  if (value.kind == Kind::Real) return real_text_of(value.real);
  if (value.kind == Kind::Text) return fmt::format("\"{}\"", value.text);
  if (value.kind != Kind::List) return text_of(value);
  std::vector<std::string> items;
  for (const CompileTimeValue& item : value.items) items.push_back(argument_value_text(item));
  const bool equal = std::ranges::all_of(items, [&](const std::string& item) { return item == items[0]; });
  return equal && !items.empty() ? items[0] : fmt::format("[{}]", fmt::join(items, ", "));
}

} // namespace striate
