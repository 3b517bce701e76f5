// An ONNX file being written: nodes in order, constants, inputs and outputs, of the operator set
// kExportOpset. Names are given once each; equal small constants are one. Guarantees: what is written reads
// back (read_onnx.h), as long as each node's inputs were made before it. Nothing here knows an operator.
// Shown by tests/exchange/export_onnx_test.cpp.
#pragma once

#include "exchange/wire.h"
#include "runtime/tensor.h"

#include <map>
#include <set>
#include <string>
#include <variant>
#include <vector>

namespace striate {

// That of ONNX 1.16 (March 2024) and its version of the file format: the first with an operator for each of
// the library's normalisations.
inline constexpr int64_t kExportOpset = 21;
inline constexpr int64_t kExportIrVersion = 10;

int64_t onnx_element(ElementType type); // TensorProto.DataType

using OnnxAttributeOut = std::variant<int64_t, float, std::string, std::vector<int64_t>, std::vector<float>>;
using OnnxAttributesOut = std::vector<std::pair<std::string, OnnxAttributeOut>>;

class OnnxWriter {
public:
  // `wanted`, or `wanted` with a number behind it.
  std::string name(const std::string& wanted);

  // A node with one output; gives its name. `inputs`: "" where an optional one is left out.
  std::string node(const std::string& op, std::vector<std::string> inputs, OnnxAttributesOut attributes,
                   const std::string& wanted);
  std::size_t node_count() const { return nodes_.size(); }
  // Gives the output of a node another name, which was taken before; false where no node since `first` made
  // it.
  bool rename(const std::string& output, const std::string& to, std::size_t first);
  void input(const std::string& name, const TensorType& type);
  void output(const std::string& name, const TensorType& type);

  // Constants, by their numbers.
  std::string integers(const std::vector<int64_t>& values, const std::vector<int64_t>& shape);
  std::string reals(const std::vector<float>& values, const std::vector<int64_t>& shape);
  std::string truths(const std::vector<uint8_t>& values, const std::vector<int64_t>& shape);
  std::string integers(const std::vector<int64_t>& values) {
    return integers(values, {static_cast<int64_t>(values.size())});
  }
  // A weight under its name; `numbers` are those of `type`.
  void weight(const std::string& name, ElementType type, const std::vector<int64_t>& shape,
              std::string_view numbers);

  // A Failure where the file would be beyond what the format can hold.
  Result<std::string> file(const std::string& model, const std::string& version) const;

private:
  std::string constant(int64_t element, const std::vector<int64_t>& shape, std::string numbers);

  struct NodeOut {
    std::string op, output;
    std::vector<std::string> inputs;
    OnnxAttributesOut attributes;
  };

  std::set<std::string> taken_;
  std::map<std::string, std::string> constants_; // their messages, without name -> name
  std::vector<NodeOut> nodes_;
  std::string initializers_, inputs_, outputs_; // fields of the graph
};

} // namespace striate
