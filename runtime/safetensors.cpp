#include "runtime/safetensors.h"

#include "runtime/files.h"
#include "runtime/json_text.h"
#include "runtime/little_endian.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <limits>
#include <set>

namespace striate {

static constexpr uint64_t kMaximumHeader = 100'000'000;
static constexpr std::size_t kMaximumRank = 64;
static constexpr std::size_t kHeaderAlignment = 64;
static constexpr std::string_view kMetadataKey = "__metadata__";

const Tensor* Safetensors::find(std::string_view name) const {
  for (const NamedTensor& named : tensors)
    if (named.name == name) return &named.tensor;
  return nullptr;
}

struct Entry {
  std::string name;
  std::string dtype;
  std::vector<int64_t> shape;
  std::vector<int64_t> offsets;
  bool has_shape = false;
};

// Receives the header's JSON events. The format has three levels and no more, so a deep file is refused at
// its first bracket too many, and every event out of place stops the parse with a reason.
class HeaderHandler : public nlohmann::json_sax<nlohmann::json> {
public:
  std::vector<Entry> entries;
  std::map<std::string, std::string> metadata;
  std::string reason;

  bool start_object(std::size_t) override {
    if (place_ == Place::Start) return move_to(Place::Top);
    if (place_ != Place::TopValue) return refuse("an object is out of place");
    return move_to(entries_key_ ? Place::Tensor : Place::Metadata);
  }
  bool end_object() override {
    switch (place_) {
    case Place::Top:
      return move_to(Place::End);
    case Place::Metadata:
      return move_to(Place::Top);
    case Place::Tensor: {
      const Entry& entry = entries.back();
      if (entry.dtype.empty() || !entry.has_shape || entry.offsets.size() != 2)
        return refuse(fmt::format("`{}` lacks its dtype, shape or data_offsets", entry.name));
      return move_to(Place::Top);
    }
    default:
      return refuse("an object is out of place");
    }
  }
  bool key(std::string& text) override {
    key_ = text;
    if (place_ == Place::Top) {
      if (!names_.insert(text).second) return refuse(fmt::format("the key `{}` occurs twice", text));
      entries_key_ = text != kMetadataKey;
      if (entries_key_) entries.emplace_back().name = text;
      return move_to(Place::TopValue);
    }
    if (place_ == Place::Metadata) {
      if (!metadata.try_emplace(text).second) return refuse(fmt::format("the key `{}` occurs twice", text));
      return move_to(Place::MetadataValue);
    }
    if (place_ != Place::Tensor) return refuse("a key is out of place");
    const Entry& entry = entries.back();
    const bool again = (text == "dtype" && !entry.dtype.empty()) || (text == "shape" && entry.has_shape) ||
                       (text == "data_offsets" && !entry.offsets.empty());
    if (again) return refuse(fmt::format("the key `{}` occurs twice", text));
    if (text == "dtype") return move_to(Place::Dtype);
    if (text == "shape") return move_to(Place::Shape);
    if (text == "data_offsets") return move_to(Place::Offsets);
    return refuse(fmt::format("`{}` has the unknown key `{}`", entry.name, text));
  }
  bool string(std::string& text) override {
    if (place_ == Place::Dtype) {
      if (text.empty()) return refuse("a dtype is empty");
      entries.back().dtype = text;
      return move_to(Place::Tensor);
    }
    if (place_ != Place::MetadataValue) return refuse("a string is out of place");
    metadata[key_] = text;
    return move_to(Place::Metadata);
  }
  bool start_array(std::size_t) override {
    if (place_ == Place::Shape) return move_to(Place::ShapeItem);
    if (place_ == Place::Offsets) return move_to(Place::OffsetItem);
    return refuse("an array is out of place");
  }
  bool end_array() override {
    if (place_ == Place::ShapeItem)
      entries.back().has_shape = true;
    else if (place_ != Place::OffsetItem)
      return refuse("an array is out of place");
    return move_to(Place::Tensor);
  }
  bool number_unsigned(number_unsigned_t value) override {
    if (value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()))
      return refuse("a number is too large");
    Entry* entry = entries.empty() ? nullptr : &entries.back();
    const bool shape = place_ == Place::ShapeItem;
    if (!shape && place_ != Place::OffsetItem) return refuse("a number is out of place");
    std::vector<int64_t>& list = shape ? entry->shape : entry->offsets;
    if (list.size() == (shape ? kMaximumRank : 2))
      return refuse(fmt::format("`{}` has too many numbers", entry->name));
    list.push_back(static_cast<int64_t>(value));
    return true;
  }
  bool number_integer(number_integer_t) override { return refuse("a number is negative"); }
  bool number_float(number_float_t, const string_t&) override { return refuse("a number is not an integer"); }
  bool boolean(bool) override { return refuse("a boolean is out of place"); }
  bool null() override { return refuse("a null is out of place"); }
  bool binary(binary_t&) override { return refuse("binary data is out of place"); }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
    return refuse(fmt::format("no valid JSON at byte {} of the header", position));
  }

private:
  enum class Place {
    Start,
    Top,
    TopValue,
    Metadata,
    MetadataValue,
    Tensor,
    Dtype,
    Shape,
    ShapeItem,
    Offsets,
    OffsetItem,
    End
  };

  bool move_to(Place place) {
    place_ = place;
    return true;
  }
  bool refuse(std::string why) {
    reason = std::move(why);
    return false;
  }

  Place place_ = Place::Start;
  bool entries_key_ = false; // the value to come at the top level is a tensor, not the metadata
  std::string key_;
  std::set<std::string, std::less<>> names_;
};

struct Dtype {
  const char* name;
  ElementType element;
  int64_t size;
};
static constexpr Dtype kDtypes[] = {{"F32", ElementType::F32, 4}, {"F64", ElementType::F64, 8},
                                    {"I32", ElementType::I32, 4}, {"I64", ElementType::I32, 8},
                                    {"U8", ElementType::U8, 1},   {"BOOL", ElementType::Bool, 1}};

static Result<Tensor> load_tensor(const Entry& entry, std::string_view data, const std::string& name) {
  const Dtype* dtype = std::find_if(std::begin(kDtypes), std::end(kDtypes),
                                    [&](const Dtype& d) { return entry.dtype == d.name; });
  if (dtype == std::end(kDtypes))
    return bad_data("`{}`: tensor `{}` has dtype {}; F32, F64, I32, I64, U8 and BOOL can be read", name,
                    entry.name, entry.dtype);
  const std::optional<int64_t> count = element_count(ElementType::F64, entry.shape);
  const int64_t bytes = entry.offsets[1] - entry.offsets[0];
  if (!count || *count * dtype->size != bytes)
    return bad_data("`{}`: tensor `{}` has {} bytes, which does not match its shape", name, entry.name,
                    bytes);
  Result<Tensor> tensor = Tensor::allocate(dtype->element, entry.shape);
  if (!tensor || bytes == 0) return tensor;
  const char* from = data.data() + entry.offsets[0];
  if (dtype->size == byte_size(dtype->element)) {
    std::memcpy(tensor->data(), from, static_cast<std::size_t>(bytes));
    return tensor;
  }
  for (int32_t& to : tensor->as<int32_t>()) {
    const auto value = load_little<int64_t>(from);
    from += sizeof(int64_t);
    if (value < std::numeric_limits<int32_t>::min() || value > std::numeric_limits<int32_t>::max())
      return bad_data("`{}`: tensor `{}` holds {}, which does not fit in i32", name, entry.name, value);
    to = static_cast<int32_t>(value);
  }
  return tensor;
}

// The tensors, sorted by place, follow each other from the first byte to the last.
static Status check_coverage(const std::vector<Entry>& entries, int64_t size, const std::string& name) {
  std::vector<const Entry*> sorted;
  for (const Entry& entry : entries) sorted.push_back(&entry);
  std::sort(sorted.begin(), sorted.end(),
            [](const Entry* a, const Entry* b) { return a->offsets < b->offsets; });
  int64_t end = 0;
  for (const Entry* entry : sorted) {
    if (entry->offsets[1] < entry->offsets[0] || entry->offsets[1] > size)
      return bad_data("`{}`: tensor `{}` lies outside the file's data (is the file truncated?)", name,
                      entry->name);
    if (entry->offsets[0] != end)
      return bad_data("`{}`: there is {} before tensor `{}`", name,
                      entry->offsets[0] < end ? "an overlap" : "a hole", entry->name);
    end = entry->offsets[1];
  }
  if (end != size) return bad_data("`{}`: {} bytes follow the last tensor", name, size - end);
  return {};
}

Result<Safetensors> parse_safetensors(std::string_view bytes, const std::string& name) {
  if (bytes.size() < 8) return bad_data("`{}` is too short for a safetensors file", name);
  const auto length = load_little<uint64_t>(bytes.data());
  if (length > kMaximumHeader)
    return bad_data("`{}` is not a safetensors file, or its header is too large", name);
  if (length > bytes.size() - 8) return bad_data("`{}` is a truncated safetensors file", name);
  const std::string_view header = bytes.substr(8, length), data = bytes.substr(8 + length);
  if (!header.starts_with('{')) return bad_data("`{}` is not a safetensors file", name);

  HeaderHandler handler;
  if (!nlohmann::json::sax_parse(header.begin(), header.end(), &handler))
    return bad_data("`{}` has a bad safetensors header: {}", name, handler.reason);
  if (Status status = check_coverage(handler.entries, static_cast<int64_t>(data.size()), name); !status)
    return status.failure();

  Safetensors content;
  content.metadata = std::move(handler.metadata);
  for (const Entry& entry : handler.entries) {
    Result<Tensor> tensor = load_tensor(entry, data, name);
    if (!tensor) return tensor.failure();
    content.tensors.push_back({entry.name, std::move(*tensor)});
  }
  return content;
}

Result<Safetensors> read_safetensors(const std::string& path) {
  Result<std::string> bytes = read_file(path);
  if (!bytes) return bytes.failure();
  return parse_safetensors(*bytes, path);
}

Result<std::map<std::string, std::string>> read_safetensors_metadata(const std::string& path) {
  Result<ByteSource> source = ByteSource::open(path);
  if (!source) return source.failure();
  std::array<char, 8> prefix;
  if (Status read = source->read_exactly(prefix.data(), prefix.size(), "header"); !read)
    return read.failure();
  const auto length = load_little<uint64_t>(prefix.data());
  if (length > kMaximumHeader || static_cast<int64_t>(length) > source->capacity())
    return bad_data("`{}` is not a safetensors file, or its header is too large", path);
  std::string header(length, '\0');
  if (Status read = source->read_exactly(header.data(), static_cast<int64_t>(length), "header"); !read)
    return read.failure();
  HeaderHandler handler;
  if (!header.starts_with('{') || !nlohmann::json::sax_parse(header.begin(), header.end(), &handler))
    return bad_data("`{}` has a bad safetensors header: {}", path, handler.reason);
  return std::move(handler.metadata);
}

std::string safetensors_bytes(std::span<const NamedTensor> tensors,
                              const std::map<std::string, std::string>& metadata) {
  std::set<std::string_view> names;
  std::string header = "{";
  if (!metadata.empty()) {
    header += fmt::format("\"{}\":{{", kMetadataKey);
    for (const auto& [key, value] : metadata)
      header += fmt::format("{}:{},", json_quoted(key), json_quoted(value));
    header.back() = '}';
    header += ',';
  }
  int64_t offset = 0;
  for (const auto& [name, tensor] : tensors) {
    CHECK(names.insert(name).second && name != kMetadataKey, "{}", name);
    const Dtype* dtype = std::find_if(std::begin(kDtypes), std::end(kDtypes),
                                      [&](const Dtype& d) { return d.element == tensor.element(); });
    std::string shape;
    for (int64_t size : tensor.shape()) shape += (shape.empty() ? "" : ",") + std::to_string(size);
    header += fmt::format("{}:{{\"dtype\":\"{}\",\"shape\":[{}],\"data_offsets\":[{},{}]}},",
                          json_quoted(name), dtype->name, shape, offset, offset + tensor.bytes());
    offset += tensor.bytes();
  }
  if (header.back() == ',')
    header.back() = '}';
  else
    header += '}';
  header.append((kHeaderAlignment - (8 + header.size()) % kHeaderAlignment) % kHeaderAlignment, ' ');

  std::string bytes;
  bytes.reserve(8 + header.size() + static_cast<std::size_t>(offset));
  append_little(bytes, uint64_t{header.size()});
  bytes += header;
  for (const auto& [name, tensor] : tensors)
    if (tensor.bytes() > 0)
      bytes.append(static_cast<const char*>(tensor.data()), static_cast<std::size_t>(tensor.bytes()));
  return bytes;
}

Status write_safetensors(const std::string& path, std::span<const NamedTensor> tensors,
                         const std::map<std::string, std::string>& metadata) {
  return write_file_safely(path, safetensors_bytes(tensors, metadata));
}

} // namespace striate
