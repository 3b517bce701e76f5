#include "exchange/onnx_model.h"

#include "exchange/wire.h"
#include "runtime/files.h"

#include <algorithm>
#include <filesystem>
#include <set>

namespace striate {

static constexpr std::size_t kMostNodes = 20'000;
static constexpr std::size_t kMostConstants = 100'000;
static constexpr std::size_t kMostNames = 10'000;     // inputs or outputs of a node, or of the graph
static constexpr std::size_t kMostAttributes = 1'000; // of a node
static constexpr std::size_t kMostDimensions = 16;
static constexpr int64_t kMostBytes = int64_t{1} << 32;
static constexpr int64_t kFirstOpset = 1, kLastOpset = 25; // of which we have read

std::string OnnxNode::text() const {
  if (name.empty()) return fmt::format("the {} that makes `{}`", op, outputs.empty() ? "" : outputs[0]);
  return fmt::format("node `{}` ({})", name, op);
}

namespace {

class OnnxReader {
public:
  OnnxReader(OnnxModel& model, std::string path) : model_(model), path_(std::move(path)) {
    folder_ = std::filesystem::path(path_).parent_path().string();
  }

  Status read() {
    WireReader reader(model_.bytes);
    WireField field;
    std::vector<std::string_view> graphs;
    while (reader.next(field)) {
      if (field.number == 7) graphs.push_back(field.bytes);
      if (field.number == 8 && !read_opset(field.bytes)) return damaged("its opset");
    }
    if (reader.failed() || graphs.size() != 1) return bad_data("`{}` is no ONNX model", path_);
    if (model_.opset < kFirstOpset || model_.opset > kLastOpset)
      return bad_data("`{}` uses version {} of ONNX's operators; {} to {} can be read", path_, model_.opset,
                      kFirstOpset, kLastOpset);
    if (Status graph = read_graph(graphs[0]); !graph) return graph;
    return check_names();
  }

private:
  Status damaged(std::string_view what) const { return bad_data("`{}` is damaged: {}", path_, what); }

  bool read_opset(std::string_view message) {
    WireReader reader(message);
    WireField field;
    std::string_view domain;
    int64_t version = 0;
    while (reader.next(field)) {
      if (field.number == 1) domain = field.bytes;
      if (field.number == 2) version = field.integer();
    }
    if (domain.empty() || domain == "ai.onnx") model_.opset = version;
    return !reader.failed();
  }

  Status read_graph(std::string_view message) {
    WireReader reader(message);
    WireField field;
    while (reader.next(field)) {
      Status status;
      switch (field.number) {
      case 1:
        status = read_node(field.bytes);
        break;
      case 2:
        model_.name = field.bytes;
        break;
      case 5:
        status = add_initializer(field.bytes);
        break;
      case 11:
        status = read_value(field.bytes, model_.inputs);
        break;
      case 12:
        status = read_value(field.bytes, model_.outputs);
        break;
      case 15:
        status = bad_data("`{}` has sparse constants, which are not supported", path_);
        break;
      default:
        break;
      }
      if (!status) return status;
    }
    return reader.failed() ? damaged("its graph") : Status();
  }

  Status add_initializer(std::string_view message) {
    Result<NamedOnnxConstant> tensor = read_onnx_tensor(message, folder_);
    if (!tensor) return in_file(tensor.failure());
    if (tensor->name.empty()) return damaged("a constant has no name");
    if (!model_.constants.emplace(tensor->name, tensor->constant).second)
      return damaged(fmt::format("two constants are called `{}`", tensor->name));
    return model_.constants.size() <= kMostConstants ? Status() : damaged("it has too many constants");
  }

  Failure in_file(Failure failure) const {
    failure.message = fmt::format("`{}`: {}", path_, failure.message);
    return failure;
  }

  Status read_node(std::string_view message) {
    if (model_.nodes.size() >= kMostNodes) return bad_data("`{}` has more than {} nodes", path_, kMostNodes);
    OnnxNode& node = model_.nodes.emplace_back();
    WireReader reader(message);
    WireField field;
    while (reader.next(field)) {
      switch (field.number) {
      case 1:
        node.inputs.push_back(field.bytes);
        break;
      case 2:
        node.outputs.push_back(field.bytes);
        break;
      case 3:
        node.name = field.bytes;
        break;
      case 4:
        node.op = field.bytes;
        break;
      case 5:
        if (Status read = read_attribute(field.bytes, node); !read) return read;
        break;
      case 7:
        node.domain = field.bytes == "ai.onnx" ? std::string_view() : field.bytes;
        break;
      default:
        break;
      }
      if (node.inputs.size() > kMostNames || node.outputs.size() > kMostNames ||
          node.attributes.size() > kMostAttributes)
        return damaged("a node has too many inputs, outputs or attributes");
    }
    if (reader.failed() || node.op.empty()) return damaged("a node");
    return {};
  }

  Status read_attribute(std::string_view message, OnnxNode& node) {
    WireReader reader(message);
    WireField field;
    std::string_view name;
    int64_t type = 0;
    float real = 0;
    int64_t integer = 0;
    std::string_view text, tensor;
    std::vector<float> reals;
    std::vector<int64_t> integers;
    std::vector<std::string_view> texts;
    bool sound = true;
    int64_t seen = 0; // the type of the field that is there
    while (sound && reader.next(field)) switch (field.number) {
      case 1:
        name = field.bytes;
        break;
      case 2:
        real = field.real();
        seen = 1;
        break;
      case 3:
        integer = field.integer();
        seen = 2;
        break;
      case 4:
        text = field.bytes;
        seen = 3;
        break;
      case 5:
        tensor = field.bytes;
        seen = 4;
        break;
      case 6:
      case 11:
        seen = 5;
        break;
      case 7:
        sound = add_floats(field, reals);
        seen = 6;
        break;
      case 8:
        sound = add_varints(field, integers);
        seen = 7;
        break;
      case 9:
        texts.push_back(field.bytes);
        seen = 8;
        break;
      case 20:
        type = field.integer();
        break;
      default:
        break;
      }
    if (!sound || reader.failed() || name.empty() || (type != 0 && seen != 0 && type != seen && type <= 8))
      return damaged(fmt::format("an attribute of {}", node.text()));
    OnnxAttribute value = OnnxOther{type == 5 || type == 10 || seen == 5};
    switch (type == 0 ? seen : type) {
    case 1:
      value = real;
      break;
    case 2:
      value = integer;
      break;
    case 3:
      value = text;
      break;
    case 4: {
      Result<NamedOnnxConstant> constant = read_onnx_tensor(tensor, folder_);
      if (!constant) return in_file(constant.failure());
      value = constant->constant;
      break;
    }
    case 6:
      value = std::move(reals);
      break;
    case 7:
      value = std::move(integers);
      break;
    case 8:
      value = std::move(texts);
      break;
    default:
      break;
    }
    if (!node.attributes.emplace(name, std::move(value)).second)
      return damaged(fmt::format("{} has two attributes `{}`", node.text(), name));
    return {};
  }

  Status read_value(std::string_view message, std::vector<OnnxValue>& values) {
    OnnxValue& value = values.emplace_back();
    WireReader reader(message);
    WireField field;
    bool sound = true;
    while (reader.next(field)) {
      if (field.number == 1) value.name = field.bytes;
      if (field.number == 2) sound = sound && read_type(field.bytes, value);
    }
    if (!sound || reader.failed() || value.name.empty() || values.size() > kMostConstants)
      return damaged("the type of an input or output");
    return {};
  }

  // TypeProto, of which a tensor's type is field 1.
  static bool read_type(std::string_view message, OnnxValue& value) {
    WireReader reader(message);
    WireField field;
    while (reader.next(field)) {
      if (field.number != 1) continue;
      WireReader tensor(field.bytes);
      WireField part;
      while (tensor.next(part)) {
        if (part.number == 1) value.element = part.integer();
        if (part.number == 2 && !read_shape(part.bytes, value)) return false;
      }
      if (tensor.failed()) return false;
    }
    return !reader.failed();
  }

  static bool read_shape(std::string_view message, OnnxValue& value) {
    WireReader reader(message);
    WireField field;
    value.has_shape = true;
    value.shape.clear();
    while (reader.next(field)) {
      if (field.number != 1) continue;
      WireReader dimension(field.bytes);
      WireField part;
      std::optional<int64_t> size;
      while (dimension.next(part))
        if (part.number == 1 && part.integer() >= 0) size = part.integer();
      if (dimension.failed() || value.shape.size() >= kMostDimensions) return false;
      value.shape.push_back(size);
    }
    return !reader.failed();
  }

  // Each name has one maker, which stands before what reads it.
  Status check_names() {
    std::erase_if(model_.inputs,
                  [&](const OnnxValue& value) { return model_.constants.contains(value.name); });
    std::set<std::string_view> known;
    for (const auto& [name, constant] : model_.constants) known.insert(name);
    for (const OnnxValue& input : model_.inputs)
      if (!known.insert(input.name).second)
        return damaged(fmt::format("two inputs are called `{}`", input.name));
    for (const OnnxNode& node : model_.nodes) {
      for (std::string_view input : node.inputs)
        if (!input.empty() && !known.contains(input))
          return damaged(fmt::format("{} reads `{}`, which nothing before it makes", node.text(), input));
      for (std::string_view output : node.outputs)
        if (!output.empty() && !known.insert(output).second)
          return damaged(fmt::format("two nodes make `{}`", output));
    }
    if (model_.outputs.empty()) return damaged("it has no outputs");
    for (const OnnxValue& output : model_.outputs)
      if (!known.contains(output.name))
        return damaged(fmt::format("nothing makes its output `{}`", output.name));
    return {};
  }

  OnnxModel& model_;
  std::string path_, folder_;
};

} // namespace

Result<std::unique_ptr<OnnxModel>> read_onnx(const std::string& path) {
  Result<std::string> bytes = read_file(path, kMostBytes);
  if (!bytes) return bytes.failure();
  auto model = std::make_unique<OnnxModel>();
  model->bytes = std::move(*bytes);
  if (Status read = OnnxReader(*model, path).read(); !read) return read.failure();
  return model;
}

} // namespace striate
