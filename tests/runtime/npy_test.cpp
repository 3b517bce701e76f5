#include "runtime/npy.h"

#include "tests/runtime/scratch.h"

namespace striate {

using Npy = Scratch;

static std::string npy_with(const std::string& header, std::string_view data, int version = 1) {
  std::string bytes = "\x93NUMPY";
  bytes += static_cast<char>(version);
  bytes += '\0';
  const std::size_t size = header.size();
  bytes += static_cast<char>(size & 0xff);
  bytes += static_cast<char>(size >> 8);
  if (version > 1) bytes += std::string(2, '\0');
  return bytes + header + std::string(data);
}

static std::string bytes_of(const auto& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(values[0])};
}

static Tensor numbered(ElementType element, std::vector<int64_t> shape) {
  Tensor tensor(element, std::move(shape));
  for (int64_t i = 0; i < tensor.elements(); ++i) switch (element) {
    case ElementType::F32:
      tensor.as<float>()[i] = static_cast<float>(i) + 0.5f;
      break;
    case ElementType::BF16: // not in NumPy
      break;
    case ElementType::F64:
      tensor.as<double>()[i] = static_cast<double>(i) + 0.5;
      break;
    case ElementType::I32:
      tensor.as<int32_t>()[i] = static_cast<int32_t>(-i);
      break;
    case ElementType::U8:
      tensor.as<uint8_t>()[i] = static_cast<uint8_t>(i);
      break;
    case ElementType::Bool:
      tensor.as<uint8_t>()[i] = i % 2;
      break;
    }
  return tensor;
}

TEST_F(Npy, RoundTripsEveryTypeAndRank) {
  for (ElementType element :
       {ElementType::F32, ElementType::F64, ElementType::I32, ElementType::U8, ElementType::Bool})
    for (const std::vector<int64_t>& shape :
         std::vector<std::vector<int64_t>>{{}, {1}, {3}, {2, 3}, {0, 4}, {2, 1, 3, 5}}) {
      const Tensor tensor = numbered(element, shape);
      ASSERT_TRUE(write_npy(path("x.npy"), tensor).ok());
      const Result<Tensor> read = read_npy(path("x.npy"));
      ASSERT_TRUE(read.ok()) << read.failure().message;
      EXPECT_TRUE(read->equals(tensor)) << tensor.type_text();
    }
}

TEST_F(Npy, HeaderIsAsNumPyWritesIt) {
  const std::string bytes = npy_bytes(numbered(ElementType::F32, {3}));
  EXPECT_EQ(bytes.size() - 12, 128u);
  EXPECT_NE(bytes.find("{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }"), std::string::npos);
  EXPECT_NE(npy_bytes(numbered(ElementType::F32, {2, 3})).find("'shape': (2, 3), }"), std::string::npos);
  EXPECT_NE(npy_bytes(numbered(ElementType::F32, {})).find("'shape': (), }"), std::string::npos);
}

TEST_F(Npy, ReadsFortranOrderBigEndianAndLaterVersions) {
  const std::vector<int32_t> columns = {1, 4, 2, 5, 3, 6};
  const Result<Tensor> fortran = parse_npy(
      npy_with("{'descr': '<i4', 'fortran_order': True, 'shape': (2, 3), }\n", bytes_of(columns), 2), "x");
  ASSERT_TRUE(fortran.ok()) << fortran.failure().message;
  for (int32_t i = 0; i < 6; ++i) EXPECT_EQ(fortran->as<int32_t>()[i], i + 1);

  const Result<Tensor> big = parse_npy(
      npy_with("{'shape': (1,), 'fortran_order': False, \"descr\": '>i4'}", std::string("\0\0\1\2", 4), 3),
      "x");
  ASSERT_TRUE(big.ok()) << big.failure().message;
  EXPECT_EQ(big->as<int32_t>()[0], 258);
}

TEST_F(Npy, NarrowsI64WhereItFits) {
  const std::string header = "{'descr': '<i8', 'fortran_order': False, 'shape': (2,), }";
  const Result<Tensor> good = parse_npy(npy_with(header, bytes_of(std::vector<int64_t>{-5, 7})), "x");
  ASSERT_TRUE(good.ok());
  EXPECT_EQ(good->as<int32_t>()[0], -5);
  EXPECT_EQ(
      parse_npy(npy_with(header, bytes_of(std::vector<int64_t>{1, int64_t{1} << 31})), "x").failure().message,
      "`x`: element 1 is 2147483648, which does not fit in i32");
}

TEST_F(Npy, RefusesWhatItCannotRead) {
  const auto message = [](const std::string& header, std::string_view data) {
    const Result<Tensor> read = parse_npy(npy_with(header, data), "x");
    return read.ok() ? "" : read.failure().message;
  };
  EXPECT_EQ(message("{'descr': '<c8', 'fortran_order': False, 'shape': (), }", "12345678"),
            "`x` holds elements of type '<c8'; f32, f64, i32, i64, u8 and bool can be read");
  EXPECT_EQ(message("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", "12345"),
            "`x` should hold 8 bytes of elements but has 5");
  EXPECT_EQ(
      message(
          "{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4611686018427387904), }",
          ""),
      "`x` has an impossible shape");
  EXPECT_EQ(message("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", ""),
            "`x` has an impossible shape");
  for (const char* header :
       {"", "{}", "{'descr': '<f4'}", "{'descr': '<f4', 'fortran_order': Maybe, 'shape': (), }",
        "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (), } x", "{'descr': '<f4"})
    EXPECT_EQ(message(header, "1234"), "`x` has a .npy header that cannot be read") << header;
  EXPECT_EQ(parse_npy("PK\3\4", "x").failure().message, "`x` is not a .npy file");
}

TEST_F(Npy, DamagedFilesAreErrors) {
  const std::string bytes = npy_bytes(numbered(ElementType::F32, {2, 3}));
  const auto parse = [](const std::string& damaged) { return parse_npy(damaged, "x").ok(); };
  expect_every_prefix_refused(bytes, parse);
  EXPECT_GT(flip_bits(bytes, 3000, parse), 500);
}

} // namespace striate
