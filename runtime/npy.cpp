#include "runtime/npy.h"

#include "runtime/files.h"
#include "runtime/little_endian.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>

namespace striate {

static constexpr std::string_view kMagic = "\x93NUMPY";
static constexpr std::size_t kMaximumHeader = 1 << 16;
static constexpr std::size_t kMaximumRank = 32;
static constexpr std::size_t kHeaderAlignment = 64;

struct NpyHeader {
  std::string descr;
  bool fortran = false;
  std::vector<int64_t> shape;
};

// Reads the header: one Python dictionary literal with the keys descr, fortran_order and shape.
class HeaderReader {
public:
  explicit HeaderReader(std::string_view text) : text_(text) {}

  bool read(NpyHeader& header) {
    bool descr = false, fortran = false, shape = false;
    if (!take('{')) return false;
    while (!take('}')) {
      std::string key;
      if (!string(key) || !take(':')) return false;
      if (key == "descr" && !descr)
        descr = string(header.descr);
      else if (key == "fortran_order" && !fortran)
        fortran = boolean(header.fortran);
      else if (key == "shape" && !shape)
        shape = tuple(header.shape);
      else
        return false;
      if (!take(',') && !at('}')) return false;
    }
    skip_space();
    return text_.empty() && descr && fortran && shape;
  }

private:
  void skip_space() {
    const std::size_t start = text_.find_first_not_of(" \t\n");
    text_.remove_prefix(start == std::string_view::npos ? text_.size() : start);
  }
  bool at(char character) {
    skip_space();
    return text_.starts_with(character);
  }
  bool take(char character) {
    if (!at(character)) return false;
    text_.remove_prefix(1);
    return true;
  }
  bool string(std::string& value) {
    skip_space();
    if (text_.empty() || (text_[0] != '\'' && text_[0] != '"')) return false;
    const std::size_t end = text_.find(text_[0], 1);
    if (end == std::string_view::npos) return false;
    value = text_.substr(1, end - 1);
    text_.remove_prefix(end + 1);
    return true;
  }
  bool boolean(bool& value) {
    skip_space();
    for (const auto& [word, meaning] : {std::pair<std::string_view, bool>{"True", true}, {"False", false}})
      if (text_.starts_with(word)) {
        value = meaning;
        text_.remove_prefix(word.size());
        return true;
      }
    return false;
  }
  bool tuple(std::vector<int64_t>& values) {
    if (!take('(')) return false;
    while (!take(')')) {
      skip_space();
      int64_t value = 0;
      const auto [end, error] = std::from_chars(text_.data(), text_.data() + text_.size(), value);
      if (error != std::errc() || values.size() == kMaximumRank) return false;
      text_.remove_prefix(static_cast<std::size_t>(end - text_.data()));
      values.push_back(value);
      if (!take(',') && !at(')')) return false;
    }
    return true;
  }

  std::string_view text_;
};

// Copies elements stored in Fortran order (first index fastest) to row-major order.
static void copy_from_fortran(const char* from, char* to, const std::vector<int64_t>& shape,
                              std::size_t size) {
  std::vector<int64_t> stride(shape.size()), index(shape.size(), 0);
  int64_t count = 1;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    stride[i] = count;
    count *= shape[i];
  }
  int64_t source = 0;
  for (int64_t element = 0; element < count; ++element, to += size) {
    std::memcpy(to, from + source * static_cast<int64_t>(size), size);
    for (std::size_t i = shape.size(); i-- > 0;) {
      source += stride[i];
      if (++index[i] < shape[i]) break;
      source -= index[i] * stride[i];
      index[i] = 0;
    }
  }
}

static Result<Tensor> narrow_to_i32(std::string_view elements, std::vector<int64_t> shape,
                                    const std::string& name) {
  Result<Tensor> tensor = Tensor::allocate(ElementType::I32, std::move(shape));
  if (!tensor) return tensor;
  std::span<int32_t> to = tensor->as<int32_t>();
  for (std::size_t i = 0; i < to.size(); ++i) {
    const auto value = load_little<int64_t>(elements.data() + i * sizeof(int64_t));
    if (value < std::numeric_limits<int32_t>::min() || value > std::numeric_limits<int32_t>::max())
      return bad_data("`{}`: element {} is {}, which does not fit in i32", name, i, value);
    to[i] = static_cast<int32_t>(value);
  }
  return tensor;
}

struct ElementKind {
  const char* code;
  ElementType element;
  std::size_t size;
};

// What the header says: what lies behind it, and how many bytes that are.
struct NpyLayout {
  NpyHeader header;
  const ElementKind* kind = nullptr;
  std::size_t begin = 0, bytes = 0;
};

static Result<NpyLayout> layout_of(std::string_view bytes, const std::string& name) {
  if (!bytes.starts_with(kMagic)) return bad_data("`{}` is not a .npy file", name);
  const Failure truncated = bad_data("`{}` is a truncated .npy file", name);
  if (bytes.size() < 10) return truncated;
  const int version = static_cast<uint8_t>(bytes[6]);
  if (version < 1 || version > 3) return bad_data("`{}` has the unknown .npy version {}", name, version);
  const std::size_t prefix = version == 1 ? 10 : 12;
  if (bytes.size() < prefix) return truncated;
  const std::size_t length =
      version == 1 ? load_little<uint16_t>(bytes.data() + 8) : load_little<uint32_t>(bytes.data() + 8);
  if (length > kMaximumHeader) return bad_data("`{}` has a .npy header of {} bytes", name, length);
  if (bytes.size() - prefix < length) return truncated;
  NpyLayout layout;
  NpyHeader& header = layout.header;
  if (!HeaderReader(bytes.substr(prefix, length)).read(header))
    return bad_data("`{}` has a .npy header that cannot be read", name);

  const char order = header.descr.empty() ? '?' : header.descr[0];
  const std::string code = header.descr.empty() ? "" : header.descr.substr(1);
  static constexpr ElementKind kKinds[] = {{"f4", ElementType::F32, 4}, {"f8", ElementType::F64, 8},
                                           {"i4", ElementType::I32, 4}, {"i8", ElementType::I32, 8},
                                           {"u1", ElementType::U8, 1},  {"b1", ElementType::Bool, 1}};
  const ElementKind* kind = std::find_if(std::begin(kKinds), std::end(kKinds),
                                         [&](const ElementKind& k) { return code == k.code; });
  if (kind == std::end(kKinds) || std::string_view("<>=|").find(order) == std::string_view::npos)
    return bad_data("`{}` holds elements of type '{}'; f32, f64, i32, i64, u8 and bool can be read", name,
                    header.descr);

  const std::optional<int64_t> count = element_count(ElementType::F64, header.shape);
  if (!count) return bad_data("`{}` has an impossible shape", name);
  layout.kind = kind;
  layout.begin = prefix + length;
  layout.bytes = static_cast<std::size_t>(*count) * kind->size;
  return layout;
}

Result<int64_t> npy_file_bytes(std::string_view beginning, const std::string& name) {
  const Result<NpyLayout> layout = layout_of(beginning, name);
  if (!layout) return layout.failure();
  return static_cast<int64_t>(layout->begin + layout->bytes);
}

Result<Tensor> parse_npy(std::string_view bytes, const std::string& name) {
  Result<NpyLayout> layout = layout_of(bytes, name);
  if (!layout) return layout.failure();
  NpyHeader& header = layout->header;
  const ElementKind* kind = layout->kind;
  const std::size_t expected = layout->bytes;
  bytes.remove_prefix(layout->begin);
  if (bytes.size() != expected)
    return bad_data("`{}` should hold {} bytes of elements but has {}", name, expected, bytes.size());

  std::string rearranged;
  if (header.fortran && header.shape.size() > 1) {
    rearranged.resize(expected);
    if (expected > 0) copy_from_fortran(bytes.data(), rearranged.data(), header.shape, kind->size);
    bytes = rearranged;
  }
  if (header.descr[0] == '>' && kind->size > 1) {
    if (rearranged.empty()) rearranged = bytes;
    for (std::size_t i = 0; i < expected; i += kind->size)
      std::reverse(rearranged.begin() + static_cast<long>(i),
                   rearranged.begin() + static_cast<long>(i + kind->size));
    bytes = rearranged;
  }
  if (std::string_view(kind->code) == "i8") return narrow_to_i32(bytes, std::move(header.shape), name);

  Result<Tensor> tensor = Tensor::allocate(kind->element, std::move(header.shape));
  if (!tensor) return tensor;
  if (expected > 0) std::memcpy(tensor->data(), bytes.data(), expected);
  if (kind->element == ElementType::Bool)
    for (uint8_t& value : tensor->as<uint8_t>()) value = value != 0;
  return tensor;
}

Result<Tensor> read_npy(const std::string& path) {
  Result<std::string> bytes = read_file(path);
  if (!bytes) return bytes.failure();
  return parse_npy(*bytes, path);
}

std::string npy_bytes(const Tensor& tensor) {
  const char* descr = nullptr;
  switch (tensor.element()) {
  case ElementType::F32:
    descr = "<f4";
    break;
  case ElementType::F64:
    descr = "<f8";
    break;
  case ElementType::BF16:
    CHECK(false, "NumPy has no bf16");
  case ElementType::I32:
    descr = "<i4";
    break;
  case ElementType::U8:
    descr = "|u1";
    break;
  case ElementType::Bool:
    descr = "|b1";
    break;
  }
  std::string shape;
  for (int64_t size : tensor.shape()) shape += fmt::format("{}, ", size);
  if (tensor.rank() > 1)
    shape.resize(shape.size() - 2);
  else if (tensor.rank() == 1)
    shape.resize(shape.size() - 1); // (3,)
  std::string header =
      fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}", descr, shape);
  const std::size_t unpadded = kMagic.size() + 4 + header.size() + 1;
  header.append((kHeaderAlignment - unpadded % kHeaderAlignment) % kHeaderAlignment, ' ');
  header += '\n';
  CHECK(header.size() < kMaximumHeader);

  std::string bytes(kMagic);
  bytes += '\x01';
  bytes += '\x00';
  append_little(bytes, static_cast<uint16_t>(header.size()));
  bytes += header;
  if (tensor.bytes() > 0)
    bytes.append(static_cast<const char*>(tensor.data()), static_cast<std::size_t>(tensor.bytes()));
  return bytes;
}

Status write_npy(const std::string& path, const Tensor& tensor) {
  return write_file_safely(path, npy_bytes(tensor));
}

} // namespace striate
