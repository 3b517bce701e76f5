#include "runtime/data_readers.h"

#include "runtime/files.h"

#include <algorithm>

namespace striate {

static constexpr int64_t kImageBytes = 3 * 32 * 32;

Result<Table> read_cifar(const std::vector<std::string>& paths, int labels) {
  CHECK(labels >= 1 && labels <= 2, "{}", labels);
  const int64_t record = labels + kImageBytes;
  std::string all;
  for (const std::string& path : paths) {
    Result<std::string> bytes = read_file(path);
    if (!bytes) return bytes.failure();
    const auto size = static_cast<int64_t>(bytes->size());
    if (size == 0) return bad_data("`{}` is empty", path);
    if (size % record != 0)
      return bad_data(
          "`{}` has {} bytes, which are not whole records of {} ({} label {} and 3 x 32 x 32 bytes)", path,
          size, record, labels, labels == 1 ? "byte" : "bytes");
    all += *bytes;
  }
  const int64_t rows = static_cast<int64_t>(all.size()) / record;
  Result<Tensor> images = Tensor::allocate(ElementType::U8, {rows, 3, 32, 32});
  if (!images) return images.failure();
  Table table;
  std::vector<Tensor> numbers;
  for (int label = 0; label < labels; ++label)
    numbers.emplace_back(ElementType::U8, std::vector<int64_t>{rows});
  uint8_t* to = images->as<uint8_t>().data();
  for (int64_t row = 0; row < rows; ++row) {
    const char* from = all.data() + row * record;
    for (int label = 0; label < labels; ++label)
      numbers[static_cast<std::size_t>(label)].as<uint8_t>()[static_cast<std::size_t>(row)] =
          static_cast<uint8_t>(from[label]);
    std::copy_n(from + labels, kImageBytes, to + row * kImageBytes);
  }
  table.columns.push_back({"image", std::move(*images)});
  const char* fine = labels == 1 ? "label" : "coarse label";
  for (Tensor& tensor : numbers) {
    table.columns.push_back({fine, std::move(tensor)});
    fine = "label";
  }
  return table;
}

} // namespace striate
