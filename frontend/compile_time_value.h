// Values known while elaborating: numbers, sizes, switches, texts and lists; and, in layers, handles of
// tensors and layers. Arithmetic is exact for integers (an overflow is a problem, not a wrong number).
#pragma once

#include "frontend/ast.h"
#include "support/tensor_type.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace striate {

struct LayerInstance; // frontend/layer_instance.h

struct CompileTimeValue {
  // Unknown: what an error left behind; using it reports nothing more.
  enum class Kind { Unknown, Size, Real, Bool, Text, List, Tensor, Layer };
  Kind kind = Kind::Unknown;
  Size size; // integers are sizes that do not depend on the batch
  double real = 0;
  bool truth = false;
  std::string text;
  std::vector<CompileTimeValue> items; // List
  int tensor = -1;                     // Tensor: its number in the graph being built
  std::shared_ptr<LayerInstance> layer;

  static CompileTimeValue of(Size size);
  static CompileTimeValue of(int64_t value) { return of(Size::constant(value)); }
  static CompileTimeValue of_real(double value);
  static CompileTimeValue of_bool(bool value);
  static CompileTimeValue of_text(std::string value);
  static CompileTimeValue of_tensor(int value);
  static CompileTimeValue of_list(std::vector<CompileTimeValue> values);

  bool is_unknown() const { return kind == Kind::Unknown; }
  bool is_tensor() const { return kind == Kind::Tensor; }
  std::optional<int64_t> integer() const; // a Size without the batch
  std::optional<double> number() const;   // an integer or a real
};

std::string text_of(const CompileTimeValue& value);        // "2", "[1, 1]", "4*N", "true"
std::string description_of(const CompileTimeValue& value); // "the integer 2", "a tensor"

// A value, or why there is none ("" = the operands were Unknown, which was reported before).
struct Folded {
  CompileTimeValue value;
  std::optional<std::string> problem;
};
Folded fold_unary(ast::Operator op, const CompileTimeValue& a);
Folded fold_binary(ast::Operator op, const CompileTimeValue& a, const CompileTimeValue& b);
// min, max, floor, ceil, ...; nullopt: no function of that name.
std::optional<Folded> fold_function(const std::string& name, const std::vector<CompileTimeValue>& arguments);
bool is_compile_time_function(const std::string& name);
const char* spelling_of(ast::Operator op);

// Products and sums of sizes; nullopt where they overflow, or are no multiple of the batch size.
std::optional<Size> multiply(const Size& a, const Size& b);
std::optional<Size> product(const std::vector<Size>& sizes);
// a / b where b divides a.
std::optional<Size> divide_exactly(const Size& a, const Size& b);

} // namespace striate
