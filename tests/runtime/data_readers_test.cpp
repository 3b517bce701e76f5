#include "runtime/data_readers.h"

#include "tests/runtime/scratch.h"

namespace striate {

using DataReaders = Scratch;

static std::string big_endian(uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16), static_cast<char>(value >> 8),
          static_cast<char>(value)};
}

static std::string idx(uint8_t type, const std::vector<uint32_t>& sizes, std::string_view elements) {
  std::string bytes = {0, 0, static_cast<char>(type), static_cast<char>(sizes.size())};
  for (uint32_t size : sizes) bytes += big_endian(size);
  return bytes + std::string(elements);
}

TEST_F(DataReaders, IdxImagesAndLabels) {
  const std::string images = write("train-images-idx3-ubyte.gz", gzipped(idx(8, {2, 2, 3}, "abcdefghijkl")));
  const std::string labels = write("labels.idx", idx(8, {2}, "\x01\x09"));
  const Result<Table> table = read_idx({images, labels});
  ASSERT_TRUE(table.ok()) << table.failure().message;
  EXPECT_EQ(table->rows(), 2);
  EXPECT_EQ(table->columns[0].name, "train-images-idx3-ubyte");
  EXPECT_EQ(table->columns[0].values.type_text(), "u8[2,1,2,3]");
  EXPECT_EQ(table->columns[0].values.as<uint8_t>()[11], 'l');
  EXPECT_EQ(table->columns[1].values.type_text(), "u8[2]");
  EXPECT_EQ(table->columns[1].values.as<uint8_t>()[1], 9);
}

TEST_F(DataReaders, IdxOtherTypes) {
  EXPECT_EQ(read_idx_file(write("i8", idx(0x09, {1}, "\xff")))->as<int32_t>()[0], -1);
  EXPECT_EQ(read_idx_file(write("i16", idx(0x0B, {1}, std::string("\xff\x00", 2))))->as<int32_t>()[0], -256);
  EXPECT_EQ(read_idx_file(write("i32", idx(0x0C, {1}, std::string("\0\1\0\0", 4))))->as<int32_t>()[0], 65536);
  EXPECT_EQ(read_idx_file(write("f32", idx(0x0D, {1}, std::string("\x3f\x80\0\0", 4))))->as<float>()[0],
            1.0f);
  EXPECT_EQ(
      read_idx_file(write("f64", idx(0x0E, {1}, std::string("\x3f\xf0\0\0\0\0\0\0", 8))))->as<float>()[0],
      1.0f);
}

TEST_F(DataReaders, IdxRefusals) {
  const auto message = [&](std::string_view bytes) {
    const Result<Tensor> read = read_idx_file(write("x", bytes));
    std::string text = read.ok() ? "" : read.failure().message;
    if (const std::size_t at = text.find(path("x")); at != std::string::npos)
      text.replace(at, path("x").size(), "x");
    return text;
  };
  EXPECT_EQ(message("P6 1 1 255"), "`x` is not an IDX file");
  EXPECT_EQ(message(idx(8, {0xffffffff, 0xffffffff, 0xffffffff}, "")),
            "`x` is truncated, or no IDX file: it is too short for the sizes in its header");
  EXPECT_EQ(message(idx(8, {60000}, "")),
            "`x` is truncated, or no IDX file: it is too short for the sizes in its header");
  EXPECT_EQ(message(idx(8, {2}, "abc")), "`x` is longer than the sizes in its IDX header say");
  const Result<Table> uneven = read_idx({write("a", idx(8, {2}, "ab")), write("b", idx(8, {3}, "abc"))});
  EXPECT_EQ(uneven.failure().message, "`" + path("b") + "` holds 3 examples but `" + path("a") + "` holds 2");
}

TEST_F(DataReaders, DamagedIdxFilesAreErrors) {
  const auto parse = [&](const std::string& bytes) { return read_idx_file(write("x", bytes)).ok(); };
  const std::string plain = idx(8, {2, 2, 3}, "abcdefghijkl");
  expect_every_prefix_refused(plain, parse);
  expect_every_prefix_refused(gzipped(plain), parse);
  EXPECT_GT(flip_bits(plain, 500, parse), 250);
}

TEST_F(DataReaders, Mnist) {
  const std::string folder = shared_data("mnist");
  if (folder.empty()) GTEST_SKIP() << "no MNIST at hand";
  const Result<Table> table =
      read_idx({folder + "/train-images-idx3-ubyte.gz", folder + "/train-labels-idx1-ubyte.gz"});
  ASSERT_TRUE(table.ok()) << table.failure().message;
  EXPECT_EQ(table->columns[0].values.type_text(), "u8[60000,1,28,28]");
  const auto labels = table->columns[1].values.as<uint8_t>();
  EXPECT_EQ(std::vector<int>(labels.begin(), labels.begin() + 5), (std::vector<int>{5, 0, 4, 1, 9}));
}

TEST_F(DataReaders, BundledDigits) {
  CsvOptions options;
  options.label = "-1";
  DataFit fit;
  const Result<Table> table = read_csv({STRIATE_SOURCE_FOLDER "/models/data/digits.csv.gz"}, options, fit);
  ASSERT_TRUE(table.ok()) << table.failure().message;
  EXPECT_EQ(table->columns[0].values.type_text(), "f32[1797,64]");
  EXPECT_EQ(table->columns[1].values.type_text(), "i32[1797]");
  EXPECT_TRUE(fit.empty()) << "numbers need no fit";
}

} // namespace striate
