// An ONNX file as plain data: nodes in order, values by name, constants. `read_onnx` assumes nothing of the
// bytes. Guarantees: each name has one maker; a node reads only graph inputs, constants and what stands
// before it (so there is no cycle); sizes of constants are the sizes of their data; external data lies in the
// model's own folder. Texts are views into `bytes`. Subgraphs are noted and not read, so nothing here
// recurses. Shown by tests/exchange/read_onnx_test.cpp.
#pragma once

#include "support/result.h"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace striate {

// Numbers that are known while importing.
struct OnnxConstant {
  std::vector<int64_t> shape;
  bool real = true;     // else whole numbers, or truth values as 0 and 1
  bool uniform = false; // all elements are the same, and stored once
  std::vector<float> reals;
  std::vector<int64_t> integers;

  int64_t elements() const;
  float real_at(int64_t index) const;
  int64_t integer_at(int64_t index) const;
};
using OnnxConstantRef = std::shared_ptr<const OnnxConstant>;

// Stands in a folded shape for the size of a batch that the file leaves open.
inline constexpr int64_t kOpenBatch = INT64_MIN + 1;

// A list is integers or reals; other kinds (graphs, types) are noted without their content.
struct OnnxOther {
  bool graph = false;
};
using OnnxAttribute = std::variant<int64_t, float, std::string_view, std::vector<int64_t>, std::vector<float>,
                                   std::vector<std::string_view>, OnnxConstantRef, OnnxOther>;

struct OnnxNode {
  std::string_view name;
  std::string_view op;
  std::string_view domain;              // "" for ONNX's own operators
  std::vector<std::string_view> inputs; // "" where an optional one is left out
  std::vector<std::string_view> outputs;
  std::map<std::string_view, OnnxAttribute> attributes;

  std::string text() const; // "node `conv1` (Conv)", for messages
};

struct OnnxValue {
  std::string_view name;
  int64_t element = 0; // of TensorProto.DataType
  bool has_shape = false;
  std::vector<std::optional<int64_t>> shape; // nullopt where the size is a symbol or not said
};

struct OnnxModel {
  std::string bytes;
  int64_t opset = 0;
  std::string_view name;         // the graph's
  std::vector<OnnxValue> inputs; // without the constants among them
  std::vector<OnnxValue> outputs;
  std::vector<OnnxNode> nodes;
  std::map<std::string_view, OnnxConstantRef> constants; // initializers
};

Result<std::unique_ptr<OnnxModel>> read_onnx(const std::string& path);

// TensorProto.DataType, as far as it can be in a program.
inline constexpr int64_t kOnnxFloat = 1, kOnnxUint8 = 2, kOnnxInt32 = 6, kOnnxInt64 = 7, kOnnxBool = 9;

struct NamedOnnxConstant {
  std::string_view name;
  OnnxConstantRef constant;
};
// A TensorProto. `folder` is where its data may lie in a file of its own.
Result<NamedOnnxConstant> read_onnx_tensor(std::string_view message, const std::string& folder);

// The product of sizes that are not negative; nullopt where they are, or it overflows.
std::optional<int64_t> onnx_elements(const std::vector<int64_t>& shape);

} // namespace striate
