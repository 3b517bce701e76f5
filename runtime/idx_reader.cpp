// IDX: two zero bytes, a type byte, the rank, the sizes (big-endian u32), the elements (big-endian).
#include "runtime/data_readers.h"

#include "runtime/files.h"
#include "runtime/little_endian.h"

#include <algorithm>
#include <array>
#include <filesystem>

namespace striate {

struct IdxType {
  uint8_t code;
  int64_t size;
  ElementType element;
};
static constexpr IdxType kIdxTypes[] = {
    {0x08, 1, ElementType::U8},  {0x09, 1, ElementType::I32}, {0x0B, 2, ElementType::I32},
    {0x0C, 4, ElementType::I32}, {0x0D, 4, ElementType::F32}, {0x0E, 8, ElementType::F32},
};
static constexpr int kMaximumRank = 8;

template <typename T>
static T load_big(const char* bytes) {
  std::array<char, sizeof(T)> reversed;
  std::reverse_copy(bytes, bytes + sizeof(T), reversed.begin());
  return load_little<T>(reversed.data());
}

template <typename Stored, typename T>
static void convert(const std::string& bytes, Tensor& tensor) {
  const char* from = bytes.data();
  for (T& to : tensor.as<T>()) {
    to = static_cast<T>(load_big<Stored>(from));
    from += sizeof(Stored);
  }
}

Result<Tensor> read_idx_file(const std::string& path) {
  Result<ByteSource> source = ByteSource::open(path);
  if (!source) return source.failure();
  std::array<char, 4> magic;
  if (Status status = source->read_exactly(magic.data(), magic.size(), "IDX header"); !status)
    return status.failure();
  const IdxType* type = std::find_if(std::begin(kIdxTypes), std::end(kIdxTypes), [&](const IdxType& t) {
    return t.code == static_cast<uint8_t>(magic[2]);
  });
  const int rank = static_cast<uint8_t>(magic[3]);
  if (magic[0] != 0 || magic[1] != 0 || type == std::end(kIdxTypes) || rank < 1 || rank > kMaximumRank)
    return bad_data("`{}` is not an IDX file", path);

  std::vector<int64_t> shape;
  for (int i = 0; i < rank; ++i) {
    std::array<char, 4> size;
    if (Status status = source->read_exactly(size.data(), size.size(), "IDX header"); !status)
      return status.failure();
    shape.push_back(load_big<uint32_t>(size.data()));
  }
  const std::optional<int64_t> count = element_count(ElementType::F64, shape);
  if (!count || *count * type->size > source->capacity())
    return bad_data("`{}` is truncated, or no IDX file: it is too short for the sizes in its header", path);

  Result<Tensor> tensor = Tensor::allocate(type->element, shape);
  if (!tensor) return tensor;
  if (type->code == 0x08) {
    if (Status status = source->read_exactly(tensor->data(), tensor->bytes(), "elements"); !status)
      return status.failure();
  } else {
    std::string bytes(static_cast<std::size_t>(*count * type->size), '\0');
    if (Status status = source->read_exactly(bytes.data(), *count * type->size, "elements"); !status)
      return status.failure();
    switch (type->code) {
    case 0x09:
      convert<int8_t, int32_t>(bytes, *tensor);
      break;
    case 0x0B:
      convert<int16_t, int32_t>(bytes, *tensor);
      break;
    case 0x0C:
      convert<int32_t, int32_t>(bytes, *tensor);
      break;
    case 0x0D:
      convert<float, float>(bytes, *tensor);
      break;
    default:
      convert<double, float>(bytes, *tensor);
      break;
    }
  }
  // Reading past the end also checks a gzip file's checksum.
  char rest;
  Result<int64_t> more = source->read(&rest, 1);
  if (!more) return more.failure();
  if (*more != 0) return bad_data("`{}` is longer than the sizes in its IDX header say", path);
  return tensor;
}

Result<Table> read_idx(const std::vector<std::string>& paths) {
  Table table;
  for (const std::string& path : paths) {
    Result<Tensor> read = read_idx_file(path);
    if (!read) return read.failure();
    Tensor& values = *read;
    if (values.rank() == 3) values.reshape({values.shape()[0], 1, values.shape()[1], values.shape()[2]});
    if (!table.columns.empty() && values.shape()[0] != table.rows())
      return bad_data("`{}` holds {} examples but `{}` holds {}", path, values.shape()[0], paths[0],
                      table.rows());
    const std::string file = std::filesystem::path(path).filename();
    table.columns.push_back({file.substr(0, file.find('.')), std::move(values)});
  }
  return table;
}

} // namespace striate
