// CIFAR records, .npy and .npz arrays, text and what is kept of a fit.
#include "runtime/data_readers.h"
#include "runtime/npy.h"

#include "tests/runtime/scratch.h"

#include <archive.h>
#include <archive_entry.h>

namespace striate {

using ArrayReaders = Scratch;

static std::string cifar_records(const std::vector<uint8_t>& labels, int label_bytes = 1) {
  std::string bytes;
  for (uint8_t label : labels) {
    for (int i = 0; i < label_bytes; ++i) bytes += static_cast<char>(label + i);
    for (int i = 0; i < 3072; ++i) bytes += static_cast<char>(label * 16 + i / 1024);
  }
  return bytes;
}

TEST_F(ArrayReaders, Cifar) {
  const std::string one = write("1.bin.gz", gzipped(cifar_records({3, 9}))),
                    two = write("2.bin", cifar_records({0}));
  const Result<Table> table = read_cifar({one, two}, 1);
  ASSERT_TRUE(table.ok()) << table.failure().message;
  EXPECT_EQ(table->columns[0].values.type_text(), "u8[3,3,32,32]");
  EXPECT_EQ(table->columns[1].values.type_text(), "u8[3]");
  EXPECT_EQ(table->columns[1].values.as<uint8_t>()[1], 9);
  EXPECT_EQ(table->columns[0].values.as<uint8_t>()[3072 + 2048], 146) << "the blue plane of the second";
  const Result<Table> hundred = read_cifar({write("100.bin", cifar_records({5}, 2))}, 2);
  ASSERT_TRUE(hundred.ok()) << hundred.failure().message;
  EXPECT_EQ(hundred->columns[1].values.as<uint8_t>()[0], 5);
  EXPECT_EQ(hundred->columns[2].values.as<uint8_t>()[0], 6);
}

TEST_F(ArrayReaders, CifarOfAWrongSize) {
  const std::string bytes = cifar_records({1});
  const std::string cut = write("x.bin", bytes.substr(1));
  EXPECT_EQ(read_cifar({cut}, 1).failure().message,
            "`" + cut +
                "` has 3072 bytes, which are not whole records of 3073 (1 label byte and 3 x 32 x 32 bytes)");
  EXPECT_FALSE(read_cifar({write("empty.bin", "")}, 1).ok());
  EXPECT_FALSE(read_cifar({write("cut.gz", gzipped(bytes).substr(0, 20))}, 1).ok());
  EXPECT_FALSE(read_cifar({path("none.bin")}, 1).ok());
}

static Tensor ramp(ElementType element, std::vector<int64_t> shape) {
  Tensor tensor(element, std::move(shape));
  if (element == ElementType::F64)
    for (std::size_t i = 0; double& value : tensor.as<double>()) value = static_cast<double>(i++) / 2;
  if (element == ElementType::I32)
    for (int32_t i = 0; int32_t & value : tensor.as<int32_t>()) value = i++;
  return tensor;
}

TEST_F(ArrayReaders, NpyColumns) {
  ASSERT_TRUE(write_npy(path("x.npy"), ramp(ElementType::F64, {3, 2})).ok());
  ASSERT_TRUE(write_npy(path("y.npy"), ramp(ElementType::I32, {3})).ok());
  ASSERT_TRUE(write_npy(path("short.npy"), ramp(ElementType::I32, {2})).ok());
  ASSERT_TRUE(write_npy(path("number.npy"), ramp(ElementType::I32, {})).ok());
  ASSERT_TRUE(write_npy(path("none.npy"), ramp(ElementType::I32, {0, 4})).ok());
  const Result<Table> table = read_npy_columns({path("x.npy"), path("y.npy")});
  ASSERT_TRUE(table.ok()) << table.failure().message;
  EXPECT_EQ(table->columns[0].values.type_text(), "f32[3,2]");
  EXPECT_EQ(table->columns[0].values.as<float>()[5], 2.5f);
  EXPECT_EQ(read_npy_columns({path("x.npy"), path("short.npy")}).failure().message,
            "`" + path("short.npy") + "` holds 2 examples but `" + path("x.npy") + "` holds 3");
  EXPECT_FALSE(read_npy_columns({path("number.npy")}).ok());
  EXPECT_FALSE(read_npy_columns({path("none.npy")}).ok());
}

// A zip archive of entries, deflated or stored.
static void write_zip(const std::string& file,
                      const std::vector<std::pair<std::string, std::string>>& entries, bool deflated) {
  archive* zip = archive_write_new();
  archive_write_set_format_zip(zip);
  if (deflated)
    archive_write_zip_set_compression_deflate(zip);
  else
    archive_write_zip_set_compression_store(zip);
  ASSERT_EQ(archive_write_open_filename(zip, file.c_str()), ARCHIVE_OK);
  for (const auto& [name, bytes] : entries) {
    archive_entry* entry = archive_entry_new();
    archive_entry_set_pathname(entry, name.c_str());
    archive_entry_set_size(entry, static_cast<int64_t>(bytes.size()));
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    ASSERT_EQ(archive_write_header(zip, entry), ARCHIVE_OK);
    archive_write_data(zip, bytes.data(), bytes.size());
    archive_entry_free(entry);
  }
  archive_write_free(zip);
}

TEST_F(ArrayReaders, NpzColumns) {
  for (bool deflated : {false, true}) {
    const std::string file = path("f.npz");
    write_zip(file,
              {{"y.npy", npy_bytes(ramp(ElementType::I32, {3}))},
               {"x.npy", npy_bytes(ramp(ElementType::F64, {3, 2}))},
               {"notes.npy", "no array"}},
              deflated);
    const Result<Table> table = read_npz_columns(file, {"x", "y", "y"});
    ASSERT_TRUE(table.ok()) << table.failure().message;
    EXPECT_EQ(table->columns[0].values.type_text(), "f32[3,2]");
    EXPECT_EQ(table->columns[2].values.as<int32_t>()[2], 2);
    EXPECT_EQ(read_npz_columns(file, {"z"}).failure().message,
              "`" + file + "` has no array `z`; it has y, x, notes");
    EXPECT_EQ(read_npz_columns(file, {"notes"}).failure().message, "`" + file + ":notes` is not a .npy file");
  }
}

TEST_F(ArrayReaders, DamagedNpz) {
  const std::string file = path("f.npz");
  write_zip(file, {{"x.npy", npy_bytes(ramp(ElementType::F64, {40, 2}))}}, true);
  const std::string bytes = read_file(file).value();
  const auto parse = [&](const std::string& damaged) {
    return read_npz_columns(write("damaged.npz", damaged), {"x"}).ok();
  };
  for (std::size_t size = 0; size < bytes.size() / 2; ++size)
    EXPECT_FALSE(parse(bytes.substr(0, size))) << size;
  flip_bits(bytes, 400, parse);
  EXPECT_FALSE(read_npz_columns(path("none.npz"), {"x"}).ok());
  EXPECT_FALSE(read_npz_columns(write("text.npz", "no archive at all"), {"x"}).ok());
}

static std::vector<int32_t> window(const Column& column, int64_t row) {
  const std::vector<int64_t> rows = {row};
  const auto batch = column.source->fetch(rows);
  const auto values = (*batch)->as<int32_t>();
  return {values.begin(), values.end()};
}

TEST_F(ArrayReaders, TextWindows) {
  const std::string file = write("f.txt", "bäb€a\nb");
  DataFit fit;
  const Result<Table> table = read_text({file}, 3, 3, fit);
  ASSERT_TRUE(table.ok()) << table.failure().message;
  EXPECT_EQ(fit.characters, (std::vector<std::string>{"\n", "a", "b", "ä", "€"}));
  EXPECT_EQ(table->rows(), 2);
  EXPECT_EQ(window(table->columns[0], 0), (std::vector<int32_t>{2, 3, 2}));
  EXPECT_EQ(window(table->columns[1], 0), (std::vector<int32_t>{3, 2, 4}));
  EXPECT_EQ(window(table->columns[0], 1), (std::vector<int32_t>{4, 1, 0}));
  EXPECT_EQ(window(table->columns[1], 1), (std::vector<int32_t>{1, 0, 2}));
  EXPECT_EQ(read_text({file}, 3, 1, fit)->rows(), 4);
  EXPECT_EQ(read_text({file, file}, 3, 1, fit)->rows(), 8) << "no window lies in two files";
  EXPECT_EQ(read_text({file}, 7, 1, fit).failure().message,
            "`" + file + "` has 7 characters; a window of 7 needs 8 at least");
  const std::string other = write("g.txt", "ab\nabc");
  EXPECT_EQ(read_text({other}, 2, 1, fit).failure().message,
            other + ":2:3: the character `c` does not occur in the training text");
}

TEST_F(ArrayReaders, BytesThatAreNoText) {
  DataFit fit;
  const std::string file = write("f.txt", "ab\nc\xC3(");
  EXPECT_EQ(read_text({file}, 1, 1, fit).failure().message, file + ":2:2: this byte (0xc3) is not UTF-8");
  for (const char* bytes : {"\xC0\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xE2\x82", "\x80", "\xFF"})
    EXPECT_FALSE(characters_of(bytes, "x").ok()) << "overlong, surrogate, too large, cut, alone, never";
  EXPECT_EQ(characters_of("a\xF0\x9F\x8C\xB8", "x")->size(), 2u);
  EXPECT_FALSE(read_text({write("empty.txt", "")}, 1, 1, fit).ok());
}

TEST(DataFit, IsKeptAsText) {
  DataFit fit;
  fit.csv["a b"] = {1.0 / 3, {}};
  fit.csv["w"] = {0, {"x\xFF", "\x01", "é\"\n"}};
  fit.classes = {"rose", "été"};
  fit.characters = {"\n", "€"};
  const Result<DataFit> read = parse_fit(fit_text(fit), "x");
  ASSERT_TRUE(read.ok()) << read.failure().message;
  EXPECT_EQ(*read, fit);
  EXPECT_EQ(*parse_fit(fit_text({}), "x"), DataFit());
  for (const char* text :
       {"", "[]", "{\"classes\": 3}", "{\"csv\": [{}]}", "{\"other\": 1}", "{\"csv\": [3]}"})
    EXPECT_EQ(parse_fit(text, "x").failure().message,
              "`x` has a description of its data that cannot be read");
}

} // namespace striate
