// ONNX messages for tests, out of small parts.
#pragma once

#include "exchange/wire.h"

#include <cstdint>
#include <string>
#include <vector>

namespace striate {

inline std::string onnx_tensor(const std::string& name, const std::vector<int64_t>& shape,
                               const std::vector<float>& values) {
  WireWriter tensor;
  for (int64_t size : shape) tensor.varint(1, static_cast<uint64_t>(size));
  tensor.varint(2, 1);
  for (float value : values) tensor.real(4, value);
  tensor.bytes(8, name);
  return tensor.text();
}

inline std::string onnx_integers(const std::string& name, const std::vector<int64_t>& values) {
  WireWriter tensor;
  tensor.varint(1, values.size());
  tensor.varint(2, 7);
  for (int64_t value : values) tensor.varint(7, static_cast<uint64_t>(value));
  tensor.bytes(8, name);
  return tensor.text();
}

// A tensor whose numbers lie in another file.
inline std::string onnx_external(const std::string& name, const std::vector<int64_t>& shape,
                                 const std::vector<std::pair<std::string, std::string>>& entries) {
  WireWriter tensor;
  for (int64_t size : shape) tensor.varint(1, static_cast<uint64_t>(size));
  tensor.varint(2, 1);
  tensor.bytes(8, name);
  for (const auto& [key, value] : entries) {
    WireWriter entry;
    entry.bytes(1, key);
    entry.bytes(2, value);
    tensor.bytes(13, entry.text());
  }
  tensor.varint(14, 1);
  return tensor.text();
}

inline std::string onnx_node(const std::string& op, const std::vector<std::string>& inputs,
                             const std::vector<std::string>& outputs,
                             const std::vector<std::string>& attributes = {}) {
  WireWriter node;
  for (const std::string& input : inputs) node.bytes(1, input);
  for (const std::string& output : outputs) node.bytes(2, output);
  node.bytes(4, op);
  for (const std::string& attribute : attributes) node.bytes(5, attribute);
  return node.text();
}

inline std::string onnx_attribute(const std::string& name, int64_t value) {
  WireWriter attribute;
  attribute.bytes(1, name);
  attribute.varint(3, static_cast<uint64_t>(value));
  attribute.varint(20, 2);
  return attribute.text();
}

inline std::string onnx_text_attribute(const std::string& name, const std::string& value) {
  WireWriter attribute;
  attribute.bytes(1, name);
  attribute.bytes(4, value);
  attribute.varint(20, 3);
  return attribute.text();
}

// An f32 input or output; -1: a size that the file does not say.
inline std::string onnx_value(const std::string& name, const std::vector<int64_t>& shape) {
  WireWriter sizes, tensor, type, value;
  for (int64_t size : shape) {
    WireWriter dimension;
    if (size >= 0) dimension.varint(1, static_cast<uint64_t>(size));
    sizes.bytes(1, dimension.text());
  }
  tensor.varint(1, 1);
  tensor.bytes(2, sizes.text());
  type.bytes(1, tensor.text());
  value.bytes(1, name);
  value.bytes(2, type.text());
  return value.text();
}

struct OnnxParts {
  std::vector<std::string> nodes, constants, inputs, outputs;
  int64_t opset = 17;
};

inline std::string onnx_model(const OnnxParts& parts) {
  WireWriter graph, opset, model;
  for (const std::string& node : parts.nodes) graph.bytes(1, node);
  graph.bytes(2, "net");
  for (const std::string& constant : parts.constants) graph.bytes(5, constant);
  for (const std::string& input : parts.inputs) graph.bytes(11, input);
  for (const std::string& output : parts.outputs) graph.bytes(12, output);
  opset.varint(2, static_cast<uint64_t>(parts.opset));
  model.varint(1, 8);
  model.bytes(7, graph.text());
  model.bytes(8, opset.text());
  return model.text();
}

} // namespace striate
