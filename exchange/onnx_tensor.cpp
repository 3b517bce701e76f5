// Constants of an ONNX file: TensorProto.
#include "exchange/onnx_model.h"

#include "exchange/wire.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace striate {

static constexpr std::size_t kMostDimensions = 16;

std::optional<int64_t> onnx_elements(const std::vector<int64_t>& shape) {
  int64_t count = 1;
  for (int64_t size : shape)
    if (size < 0 || __builtin_mul_overflow(count, size, &count)) return std::nullopt;
  return count;
}

int64_t OnnxConstant::elements() const { return *onnx_elements(shape); }

float OnnxConstant::real_at(int64_t index) const {
  const std::size_t at = uniform ? 0 : static_cast<std::size_t>(index);
  return real ? reals[at] : static_cast<float>(integers[at]);
}

int64_t OnnxConstant::integer_at(int64_t index) const {
  const std::size_t at = uniform ? 0 : static_cast<std::size_t>(index);
  return real ? static_cast<int64_t>(reals[at]) : integers[at];
}

namespace {

// How the elements of a TensorProto.DataType lie in `raw_data`.
struct RawType {
  enum class Kind { Float, Double, Half, Bfloat, Signed, Unsigned };
  int64_t code;
  Kind kind;
  std::size_t bytes;
};
constexpr RawType kRawTypes[] = {
    {1, RawType::Kind::Float, 4},    {11, RawType::Kind::Double, 8},  {10, RawType::Kind::Half, 2},
    {16, RawType::Kind::Bfloat, 2},  {2, RawType::Kind::Unsigned, 1}, {3, RawType::Kind::Signed, 1},
    {4, RawType::Kind::Unsigned, 2}, {5, RawType::Kind::Signed, 2},   {6, RawType::Kind::Signed, 4},
    {7, RawType::Kind::Signed, 8},   {9, RawType::Kind::Unsigned, 1}, {12, RawType::Kind::Unsigned, 4},
    {13, RawType::Kind::Unsigned, 8}};

float from_half(uint32_t bits) {
  const float sign = bits & 0x8000 ? -1.0F : 1.0F;
  const int exponent = static_cast<int>(bits >> 10 & 0x1F);
  const auto fraction = static_cast<float>(bits & 0x3FF);
  if (exponent == 0) return sign * std::ldexp(fraction, -24);
  if (exponent == 31) return fraction == 0 ? sign * INFINITY : NAN;
  return sign * std::ldexp(1024 + fraction, exponent - 25);
}

float from_bfloat(uint32_t bits) { return std::bit_cast<float>(bits << 16); }

// The message as it stands.
struct TensorFields {
  std::string_view name, raw;
  std::vector<int64_t> shape, int32, int64;
  std::vector<float> floats;
  std::vector<double> doubles;
  int64_t type = 0, location = 0;
  bool has_raw = false, has_strings = false, has_segment = false;
  std::vector<std::pair<std::string_view, std::string_view>> external;
};

bool read_entry(std::string_view message, TensorFields& fields) {
  WireReader reader(message);
  WireField field;
  fields.external.emplace_back();
  while (reader.next(field)) {
    if (field.number == 1) fields.external.back().first = field.bytes;
    if (field.number == 2) fields.external.back().second = field.bytes;
  }
  return !reader.failed() && fields.external.size() <= 16;
}

bool read_fields(std::string_view message, TensorFields& fields) {
  WireReader reader(message);
  WireField field;
  bool sound = true;
  while (sound && reader.next(field)) switch (field.number) {
    case 1:
      sound = add_varints(field, fields.shape) && fields.shape.size() <= kMostDimensions;
      break;
    case 2:
      fields.type = field.integer();
      break;
    case 3:
      fields.has_segment = true;
      break;
    case 4:
      sound = add_floats(field, fields.floats);
      break;
    case 5:
      sound = add_varints(field, fields.int32);
      break;
    case 6:
      fields.has_strings = true;
      break;
    case 7:
      sound = add_varints(field, fields.int64);
      break;
    case 8:
      fields.name = field.bytes;
      break;
    case 9:
      fields.raw = field.bytes;
      fields.has_raw = true;
      break;
    case 10:
      sound = add_doubles(field, fields.doubles);
      break;
    case 11:
      sound = add_varints(field, fields.int64);
      break;
    case 13:
      sound = read_entry(field.bytes, fields);
      break;
    case 14:
      fields.location = field.integer();
      break;
    default:
      break;
    }
  return sound && !reader.failed();
}

std::optional<int64_t> number_in(std::string_view text) {
  int64_t number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc() || end != text.data() + text.size() || number < 0) return std::nullopt;
  return number;
}

// The bytes of a tensor that lie in a file beside the model.
Result<std::string> read_external(const TensorFields& fields, const std::string& folder, int64_t wanted) {
  std::string location;
  int64_t offset = 0, length = wanted;
  for (const auto& [key, value] : fields.external) {
    if (key == "location") location = value;
    if (key != "offset" && key != "length") continue;
    const auto number = number_in(value);
    if (!number) return bad_data("tensor `{}`: the {} of its external data is no number", fields.name, key);
    (key == "offset" ? offset : length) = *number;
  }
  if (length != wanted)
    return bad_data("tensor `{}`: its shape takes {} bytes, but its external data has {}", fields.name,
                    wanted, length);
  const std::filesystem::path inside(location);
  const bool leaves = std::find(inside.begin(), inside.end(), std::filesystem::path("..")) != inside.end();
  if (location.empty() || location.find('\0') != std::string::npos || inside.is_absolute() || leaves)
    return bad_data("tensor `{}`: external data lies in the model's own folder, not in `{}`", fields.name,
                    location);
  const std::filesystem::path root = folder.empty() ? "." : folder;
  std::error_code problem;
  const auto file = std::filesystem::canonical(root / inside, problem);
  if (problem)
    return bad_data("tensor `{}`: cannot open `{}`: {}", fields.name, (root / inside).string(),
                    problem.message());
  const auto home = std::filesystem::canonical(root, problem);
  if (problem || std::mismatch(home.begin(), home.end(), file.begin(), file.end()).first != home.end())
    return bad_data("tensor `{}`: external data lies in the model's own folder, not in `{}`", fields.name,
                    file.string());
  if (!std::filesystem::is_regular_file(file, problem))
    return bad_data("tensor `{}`: `{}` is no file", fields.name, file.string());
  const auto size = static_cast<int64_t>(std::filesystem::file_size(file, problem));
  if (problem || offset > size || wanted > size - offset)
    return bad_data("tensor `{}`: `{}` has {} bytes, and {} from {} on are asked for", fields.name,
                    file.string(), size, wanted, offset);
  std::string bytes(static_cast<std::size_t>(wanted), '\0');
  std::ifstream stream(file, std::ios::binary);
  stream.seekg(offset);
  stream.read(bytes.data(), wanted);
  if (!stream) return bad_data("tensor `{}`: cannot read `{}`", fields.name, file.string());
  return bytes;
}

void decode_raw(const RawType& type, std::string_view raw, OnnxConstant& constant) {
  const std::size_t count = raw.size() / type.bytes;
  if (constant.real)
    constant.reals.resize(count);
  else
    constant.integers.resize(count);
  if (type.kind == RawType::Kind::Float) {
    if (count > 0) std::memcpy(constant.reals.data(), raw.data(), raw.size());
    return;
  }
  for (std::size_t i = 0; i < count; ++i) {
    uint64_t bits = 0;
    std::memcpy(&bits, raw.data() + i * type.bytes, type.bytes); // little endian, as every machine we run on
    const int unused = static_cast<int>(64 - 8 * type.bytes);
    switch (type.kind) {
    case RawType::Kind::Double:
      constant.reals[i] = static_cast<float>(std::bit_cast<double>(bits));
      break;
    case RawType::Kind::Half:
      constant.reals[i] = from_half(static_cast<uint32_t>(bits));
      break;
    case RawType::Kind::Bfloat:
      constant.reals[i] = from_bfloat(static_cast<uint32_t>(bits));
      break;
    case RawType::Kind::Signed:
      constant.integers[i] = static_cast<int64_t>(bits << unused) >> unused;
      break;
    default:
      constant.integers[i] = static_cast<int64_t>(bits);
      break;
    }
  }
}

// From the fields for single types.
void decode_typed(const RawType& type, TensorFields& fields, OnnxConstant& constant) {
  switch (type.kind) {
  case RawType::Kind::Float:
    constant.reals = std::move(fields.floats);
    return;
  case RawType::Kind::Double:
    constant.reals.assign(fields.doubles.begin(), fields.doubles.end());
    return;
  case RawType::Kind::Half:
  case RawType::Kind::Bfloat:
    for (int64_t bits : fields.int32)
      constant.reals.push_back(type.kind == RawType::Kind::Half
                                   ? from_half(static_cast<uint32_t>(bits & 0xFFFF))
                                   : from_bfloat(static_cast<uint32_t>(bits & 0xFFFF)));
    return;
  default:
    constant.integers =
        type.bytes == 8 || type.code == 12 ? std::move(fields.int64) : std::move(fields.int32);
    return;
  }
}

} // namespace

Result<NamedOnnxConstant> read_onnx_tensor(std::string_view message, const std::string& folder) {
  TensorFields fields;
  if (!read_fields(message, fields)) return bad_data("tensor `{}` is damaged", fields.name);
  const auto type = std::ranges::find(kRawTypes, fields.type, &RawType::code);
  if (fields.has_strings || type == std::end(kRawTypes))
    return bad_data("tensor `{}` is of a type that is not supported (TensorProto.DataType {})", fields.name,
                    fields.type);
  if (fields.has_segment) return bad_data("tensor `{}` is in segments, which is not supported", fields.name);
  auto constant = std::make_shared<OnnxConstant>();
  const auto elements = onnx_elements(fields.shape);
  int64_t bytes = 0;
  if (!elements || __builtin_mul_overflow(*elements, static_cast<int64_t>(type->bytes), &bytes))
    return bad_data("tensor `{}` has an impossible shape", fields.name);
  constant->shape = fields.shape;
  constant->real = type->kind <= RawType::Kind::Bfloat;
  if (fields.location == 1) {
    Result<std::string> external = read_external(fields, folder, bytes);
    if (!external) return external.failure();
    decode_raw(*type, *external, *constant);
  } else if (fields.has_raw) {
    if (static_cast<int64_t>(fields.raw.size()) != bytes)
      return bad_data("tensor `{}`: its shape takes {} bytes, and it has {}", fields.name, bytes,
                      fields.raw.size());
    decode_raw(*type, fields.raw, *constant);
  } else {
    decode_typed(*type, fields, *constant);
  }
  const auto present =
      static_cast<int64_t>(constant->real ? constant->reals.size() : constant->integers.size());
  if (present != *elements)
    return bad_data("tensor `{}`: its shape takes {} numbers, and it has {}", fields.name, *elements,
                    present);
  return NamedOnnxConstant{fields.name, std::move(constant)};
}

} // namespace striate
