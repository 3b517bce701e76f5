// Numbers on their way from an ONNX file into a program: as values of the language, as arguments of a
// definition, and as text. Shown by tests/exchange/import_onnx_test.cpp.
#pragma once

#include "exchange/onnx_model.h"
#include "exchange/operator_map.h"
#include "frontend/compile_time_value.h"
#include "runtime/tensor.h"

#include <optional>
#include <string>
#include <vector>

namespace striate {

// The shortest text that is this number in single precision.
std::string real_text_of(double value);

CompileTimeValue value_of_onnx(const OnnxConstant& constant);
// nullopt for graphs, types and lists of texts.
std::optional<CompileTimeValue> value_of_onnx(const OnnxAttribute& attribute);

// Equal in single precision; one number stands for a list of equal ones.
bool same(const CompileTimeValue& a, const CompileTimeValue& b);

// The sizes behind what a pattern leaves out: `ones` dimensions at the end, and those of size 1 before the
// others. nullopt where the shape is another.
std::optional<std::vector<int64_t>> shape_by_pattern(const OnnxConstant& constant,
                                                     const OnnxInputPattern& pattern);

// A parameter's values: of the constant, or of its transpose, times `scale`. A constant of one element is the
// same everywhere.
Result<Tensor> parameter_of(const OnnxConstant& constant, bool transposed, float scale,
                            const std::vector<int64_t>& shape);

// What a layer is called: what its weights have in common, else the node's name.
std::string layer_name(const std::vector<std::string>& weights, const OnnxNode& node);

// As the library's argument has it; nullopt where it cannot.
std::optional<CompileTimeValue> as_argument(const ast::Parameter& argument, const CompileTimeValue& value);
// "3", "[2, 1]": one number stands for a list of equal ones.
std::string argument_value_text(const CompileTimeValue& value);

} // namespace striate
