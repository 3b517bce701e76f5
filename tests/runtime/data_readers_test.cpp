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

static std::string csv_error(std::string_view text, const CsvOptions& options = {}) {
  const Result<Table> table = parse_csv(text, "x.csv", options);
  return table.ok() ? "" : table.failure().message;
}

TEST_F(DataReaders, CsvWithHeaderAndLabel) {
  CsvOptions options;
  options.label = "kind";
  const Result<Table> table =
      parse_csv("\xEF\xBB\xBFkind, height ,width\r\n1,2.5,-3e2\r\n\r\n0,\"+4\", 5 \r\n", "x.csv", options);
  ASSERT_TRUE(table.ok()) << table.failure().message;
  EXPECT_EQ(table->columns[0].values.type_text(), "f32[2,2]");
  const auto features = table->columns[0].values.as<float>();
  EXPECT_EQ(std::vector<float>(features.begin(), features.end()), (std::vector<float>{2.5f, -300, 4, 5}));
  EXPECT_EQ(table->columns[1].values.type_text(), "i32[2]");
  EXPECT_EQ(table->columns[1].values.as<int32_t>()[0], 1);
}

TEST_F(DataReaders, CsvColumnsByNameAndIndex) {
  CsvOptions options;
  options.columns = {"c", "0"};
  options.label = "-1";
  const Result<Table> table = parse_csv("a,b,c,d\n1,text,3,0.5\n5,,7,1\n", "x.csv", options);
  ASSERT_TRUE(table.ok()) << table.failure().message;
  const auto features = table->columns[0].values.as<float>();
  EXPECT_EQ(std::vector<float>(features.begin(), features.end()), (std::vector<float>{3, 1, 7, 5}));
  EXPECT_EQ(table->columns[1].values.type_text(), "f32[2]") << "0.5 is no class";
  options.label = "e";
  EXPECT_EQ(csv_error("a,b,c\n1,2,3\n", options), "`x.csv` has no column `e` (a, b, c)");
  options.label = "4";
  EXPECT_EQ(csv_error("1,2,3\n", options),
            "`x.csv` has no column `4` (no header was found; indices go from 0 to 2)");
}

TEST_F(DataReaders, CsvWithoutHeader) {
  const Result<Table> table = parse_csv("1;2\n3;4", "x.csv", {.separator = ';'});
  ASSERT_TRUE(table.ok());
  EXPECT_EQ(table->columns.size(), 1u);
  EXPECT_EQ(table->columns[0].values.as<float>()[3], 4);
  EXPECT_EQ(parse_csv("150,4,setosa\n1,2\n3,4\n", "x.csv")->rows(), 2) << "a title line is no header";
  EXPECT_EQ(parse_csv("1,2\n3,4\n", "x.csv", {.header = CsvOptions::Header::Present})->rows(), 1);
}

TEST_F(DataReaders, CsvErrorsHaveAPlace) {
  EXPECT_EQ(csv_error("a,b\n1,2\n3,\n"), "x.csv:3:3: the cell of column `b` is blank");
  EXPECT_EQ(csv_error("a,b\n1,2\n3,  \n"), "x.csv:3:3: the cell of column `b` is blank");
  EXPECT_EQ(csv_error("a,b\n1, 2x\n"), "x.csv:2:4: `2x` in column `b` is not a finite number");
  EXPECT_EQ(csv_error("a,b\n1,nan\n"), "x.csv:2:3: `nan` in column `b` is not a finite number");
  EXPECT_EQ(csv_error("a,b\n1,1e99\n"), "x.csv:2:3: `1e99` in column `b` is not a finite number");
  EXPECT_EQ(csv_error("1,2\n3,4,5\n"), "x.csv:2:5: this line has 3 cells, but the lines before have 2");
  EXPECT_EQ(csv_error("1,2\n3\n"), "x.csv:2:1: this line has 1 cells, but the lines before have 2");
  EXPECT_EQ(csv_error("1,\"2\n"), "x.csv:1:3: a quoted cell is not closed on its line");
  EXPECT_EQ(csv_error("1,\"2\" 3\n"), "x.csv:1:6: text follows a closing quote");
  EXPECT_EQ(csv_error(""), "`x.csv` is empty");
  EXPECT_EQ(csv_error("a,b\n"), "`x.csv` has a header but no rows");
}

TEST_F(DataReaders, CsvNeverCrashes) {
  const std::string text = "kind,\"height\",width\n1,2.5,-3e2\n0,\"+4\",5\n";
  for (std::size_t size = 0; size <= text.size(); ++size) (void)parse_csv(text.substr(0, size), "x.csv").ok();
  flip_bits(text, 3000, [](const std::string& damaged) { return parse_csv(damaged, "x.csv").ok(); });
}

TEST_F(DataReaders, BundledDigits) {
  CsvOptions options;
  options.label = "-1";
  const Result<Table> table = read_csv(STRIATE_SOURCE_FOLDER "/models/data/digits.csv.gz", options);
  ASSERT_TRUE(table.ok()) << table.failure().message;
  EXPECT_EQ(table->columns[0].values.type_text(), "f32[1797,64]");
  EXPECT_EQ(table->columns[1].values.type_text(), "i32[1797]");
}

} // namespace striate
