#include "exchange/wire.h"

#include <bit>
#include <cstring>

namespace striate {

float WireField::real() const { return std::bit_cast<float>(static_cast<uint32_t>(value)); }

bool WireReader::varint(uint64_t& value) {
  value = 0;
  for (int shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(rest_.front());
    rest_.remove_prefix(1);
    value |= static_cast<uint64_t>(byte & 0x7F) << shift;
    if (byte < 0x80) return shift < 63 || byte <= 1;
  }
  return false;
}

bool WireReader::fixed(int bytes, uint64_t& value) {
  if (rest_.size() < static_cast<std::size_t>(bytes)) return false;
  value = 0;
  for (int i = 0; i < bytes; ++i)
    value |= static_cast<uint64_t>(static_cast<unsigned char>(rest_[static_cast<std::size_t>(i)])) << (8 * i);
  rest_.remove_prefix(static_cast<std::size_t>(bytes));
  return true;
}

bool WireReader::next(WireField& field) {
  if (rest_.empty() || failed_) return false;
  failed_ = true; // until the field is whole
  uint64_t key = 0;
  if (!varint(key) || key >> 3 == 0 || key >> 32 != 0) return false;
  field.number = static_cast<uint32_t>(key >> 3);
  field.value = 0;
  field.bytes = {};
  switch (key & 7) {
  case 0:
    field.kind = WireField::Kind::Varint;
    if (!varint(field.value)) return false;
    break;
  case 1:
    field.kind = WireField::Kind::Fixed64;
    if (!fixed(8, field.value)) return false;
    break;
  case 2: {
    field.kind = WireField::Kind::Bytes;
    uint64_t length = 0;
    if (!varint(length) || length > rest_.size()) return false;
    field.bytes = rest_.substr(0, length);
    rest_.remove_prefix(length);
    break;
  }
  case 5:
    field.kind = WireField::Kind::Fixed32;
    if (!fixed(4, field.value)) return false;
    break;
  default:
    return false;
  }
  failed_ = false;
  return true;
}

bool add_varints(const WireField& field, std::vector<int64_t>& numbers) {
  if (field.kind == WireField::Kind::Varint) {
    numbers.push_back(field.integer());
    return true;
  }
  if (field.kind != WireField::Kind::Bytes) return false;
  std::string_view rest = field.bytes;
  while (!rest.empty()) {
    uint64_t value = 0;
    int shift = 0;
    bool whole = false;
    while (!rest.empty() && shift < 64 && !whole) {
      const auto byte = static_cast<unsigned char>(rest.front());
      rest.remove_prefix(1);
      value |= static_cast<uint64_t>(byte & 0x7F) << shift;
      shift += 7;
      whole = byte < 0x80;
    }
    if (!whole) return false;
    numbers.push_back(static_cast<int64_t>(value));
  }
  return true;
}

template <typename T>
static bool add_fixed(const WireField& field, WireField::Kind single, std::vector<T>& numbers) {
  if (field.kind == single) {
    T number;
    std::memcpy(&number, &field.value, sizeof(T)); // little endian, as every machine we run on
    numbers.push_back(number);
    return true;
  }
  if (field.kind != WireField::Kind::Bytes || field.bytes.size() % sizeof(T) != 0) return false;
  const std::size_t first = numbers.size();
  numbers.resize(first + field.bytes.size() / sizeof(T));
  if (!field.bytes.empty()) std::memcpy(numbers.data() + first, field.bytes.data(), field.bytes.size());
  return true;
}

bool add_floats(const WireField& field, std::vector<float>& numbers) {
  return add_fixed(field, WireField::Kind::Fixed32, numbers);
}

bool add_doubles(const WireField& field, std::vector<double>& numbers) {
  return add_fixed(field, WireField::Kind::Fixed64, numbers);
}

void WireWriter::raw_varint(uint64_t value) {
  for (; value >= 0x80; value >>= 7) text_ += static_cast<char>(value | 0x80);
  text_ += static_cast<char>(value);
}

void WireWriter::varint(uint32_t number, uint64_t value) {
  raw_varint(uint64_t{number} << 3);
  raw_varint(value);
}

void WireWriter::bytes(uint32_t number, std::string_view value) {
  raw_varint(uint64_t{number} << 3 | 2);
  raw_varint(value.size());
  text_ += value;
}

void WireWriter::real(uint32_t number, float value) {
  raw_varint(uint64_t{number} << 3 | 5);
  const auto bits = std::bit_cast<uint32_t>(value);
  for (int i = 0; i < 4; ++i) text_ += static_cast<char>(bits >> (8 * i));
}

} // namespace striate
