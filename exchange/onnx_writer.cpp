#include "exchange/onnx_writer.h"

#include <cstring>

namespace striate {

// Fields of ONNX's messages (onnx.proto).
namespace {

enum Model : uint32_t { kIrVersion = 1, kProducer = 2, kProducerVersion = 3, kGraph = 7, kOpset = 8 };
enum Graph : uint32_t { kNode = 1, kGraphName = 2, kInitializer = 5, kInput = 11, kOutput = 12 };
enum NodeField : uint32_t { kNodeInput = 1, kNodeOutput = 2, kNodeName = 3, kOp = 4, kAttribute = 5 };
enum AttributeField : uint32_t {
  kAttributeName = 1,
  kReal = 2,
  kInteger = 3,
  kText = 4,
  kReals = 7,
  kIntegers = 8,
  kType = 20
};
enum AttributeType : uint64_t {
  kFloatType = 1,
  kIntType = 2,
  kStringType = 3,
  kFloatsType = 6,
  kIntsType = 7
};
enum TensorField : uint32_t { kDimension = 1, kElement = 2, kTensorName = 8, kRaw = 9 };

constexpr std::size_t kSmall = 4096;                     // bytes of a constant that is compared with others
constexpr std::size_t kMostBytes = std::size_t{2} << 30; // of a message

std::string attribute_message(const std::string& name, const OnnxAttributeOut& value) {
  WireWriter out;
  out.bytes(kAttributeName, name);
  if (const auto* integer = std::get_if<int64_t>(&value)) {
    out.varint(kInteger, static_cast<uint64_t>(*integer));
    out.varint(kType, kIntType);
  } else if (const auto* real = std::get_if<float>(&value)) {
    out.real(kReal, *real);
    out.varint(kType, kFloatType);
  } else if (const auto* text = std::get_if<std::string>(&value)) {
    out.bytes(kText, *text);
    out.varint(kType, kStringType);
  } else if (const auto* integers = std::get_if<std::vector<int64_t>>(&value)) {
    for (int64_t one : *integers) out.varint(kIntegers, static_cast<uint64_t>(one));
    out.varint(kType, kIntsType);
  } else {
    for (float one : std::get<std::vector<float>>(value)) out.real(kReals, one);
    out.varint(kType, kFloatsType);
  }
  return out.text();
}

std::string value_message(const std::string& name, const TensorType& type) {
  WireWriter sizes;
  for (const Size& size : type.shape) {
    WireWriter one;
    if (size.batch)
      one.bytes(2, size.text());
    else
      one.varint(1, static_cast<uint64_t>(size.factor));
    sizes.bytes(1, one.text());
  }
  WireWriter tensor, value, info;
  tensor.varint(1, static_cast<uint64_t>(onnx_element(type.element)));
  tensor.bytes(2, sizes.text());
  value.bytes(1, tensor.text());
  info.bytes(1, name);
  info.bytes(2, value.text());
  return info.text();
}

void add(std::string& fields, uint32_t number, std::string_view message) {
  WireWriter out;
  out.bytes(number, message);
  fields += out.text();
}

template <typename T>
std::string bytes_of(const std::vector<T>& values) {
  std::string bytes(values.size() * sizeof(T), '\0');
  if (!values.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

} // namespace

int64_t onnx_element(ElementType type) {
  switch (type) {
  case ElementType::F32:
    return 1;
  case ElementType::U8:
    return 2;
  case ElementType::I32:
    return 6;
  case ElementType::Bool:
    return 9;
  case ElementType::F64:
    return 11;
  case ElementType::BF16:
    return 16;
  }
  CHECK(false, "no such type");
  return 0;
}

std::string OnnxWriter::name(const std::string& wanted) {
  std::string name = wanted;
  for (int i = 1; !taken_.insert(name).second; ++i) name = wanted + "_" + std::to_string(i);
  return name;
}

std::string OnnxWriter::node(const std::string& op, std::vector<std::string> inputs,
                             OnnxAttributesOut attributes, const std::string& wanted) {
  nodes_.push_back({op, name(wanted), std::move(inputs), std::move(attributes)});
  return nodes_.back().output;
}

bool OnnxWriter::rename(const std::string& output, const std::string& to, std::size_t first) {
  bool made = false;
  for (std::size_t i = first; i < nodes_.size(); ++i) {
    for (std::string& input : nodes_[i].inputs)
      if (made && input == output) input = to;
    if (nodes_[i].output != output) continue;
    nodes_[i].output = to;
    made = true;
  }
  return made;
}

void OnnxWriter::input(const std::string& name, const TensorType& type) {
  taken_.insert(name);
  add(inputs_, kInput, value_message(name, type));
}

void OnnxWriter::output(const std::string& name, const TensorType& type) {
  add(outputs_, kOutput, value_message(name, type));
}

// A tensor's message without its name.
static std::string tensor_message(int64_t element, const std::vector<int64_t>& shape,
                                  std::string_view numbers) {
  WireWriter tensor;
  for (int64_t size : shape) tensor.varint(kDimension, static_cast<uint64_t>(size));
  tensor.varint(kElement, static_cast<uint64_t>(element));
  tensor.bytes(kRaw, numbers);
  return tensor.text();
}

std::string OnnxWriter::constant(int64_t element, const std::vector<int64_t>& shape, std::string numbers) {
  std::string message = tensor_message(element, shape, numbers);
  const bool small = numbers.size() <= kSmall;
  if (small)
    if (const auto known = constants_.find(message); known != constants_.end()) return known->second;
  const std::string given = name("constant");
  if (small) constants_[message] = given;
  WireWriter end;
  end.bytes(kTensorName, given);
  add(initializers_, kInitializer, message + end.text());
  return given;
}

std::string OnnxWriter::integers(const std::vector<int64_t>& values, const std::vector<int64_t>& shape) {
  return constant(7, shape, bytes_of(values));
}

std::string OnnxWriter::truths(const std::vector<uint8_t>& values, const std::vector<int64_t>& shape) {
  return constant(onnx_element(ElementType::Bool), shape, bytes_of(values));
}

std::string OnnxWriter::reals(const std::vector<float>& values, const std::vector<int64_t>& shape) {
  return constant(onnx_element(ElementType::F32), shape, bytes_of(values));
}

void OnnxWriter::weight(const std::string& name, ElementType type, const std::vector<int64_t>& shape,
                        std::string_view numbers) {
  taken_.insert(name);
  WireWriter end;
  end.bytes(kTensorName, name);
  add(initializers_, kInitializer, tensor_message(onnx_element(type), shape, numbers) + end.text());
}

Result<std::string> OnnxWriter::file(const std::string& model, const std::string& version) const {
  WireWriter name, opset, out;
  name.bytes(kGraphName, model);
  std::string graph;
  for (const NodeOut& one : nodes_) {
    WireWriter node;
    for (const std::string& input : one.inputs) node.bytes(kNodeInput, input);
    node.bytes(kNodeOutput, one.output);
    node.bytes(kNodeName, one.output);
    node.bytes(kOp, one.op);
    for (const auto& [attribute, value] : one.attributes)
      node.bytes(kAttribute, attribute_message(attribute, value));
    add(graph, kNode, node.text());
  }
  graph += name.text() + initializers_ + inputs_ + outputs_;
  if (graph.size() >= kMostBytes - 4096)
    return Failure{ExitCode::Failed, "the model is beyond the 2 GiB that an ONNX file can hold"};
  opset.bytes(1, "");
  opset.varint(2, kExportOpset);
  out.varint(kIrVersion, kExportIrVersion);
  out.bytes(kProducer, "striate");
  out.bytes(kProducerVersion, version);
  out.bytes(kGraph, graph);
  out.bytes(kOpset, opset.text());
  return out.text();
}

} // namespace striate
