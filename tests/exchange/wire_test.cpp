#include "exchange/wire.h"

#include <gtest/gtest.h>

namespace striate {
namespace {

TEST(Wire, WhatIsWrittenIsRead) {
  WireWriter writer;
  writer.varint(1, 300);
  writer.varint(2, static_cast<uint64_t>(int64_t{-1}));
  writer.bytes(3, "text");
  writer.real(4, -1.5F);
  WireReader reader(writer.text());
  WireField field;
  ASSERT_TRUE(reader.next(field));
  EXPECT_EQ(field.value, 300u);
  ASSERT_TRUE(reader.next(field));
  EXPECT_EQ(field.integer(), -1);
  ASSERT_TRUE(reader.next(field));
  EXPECT_EQ(field.bytes, "text");
  ASSERT_TRUE(reader.next(field));
  EXPECT_EQ(field.real(), -1.5F);
  EXPECT_FALSE(reader.next(field));
  EXPECT_FALSE(reader.failed());
}

TEST(Wire, DamagedBytesAreRefused) {
  const std::string eleven = "\x08" + std::string(10, '\xff') + "\x01";
  const std::string too_large = "\x08" + std::string(9, '\xff') + "\x02";
  for (const std::string& bytes : {std::string("\x08"), std::string("\x0a\x05xx"), std::string("\x0d\x01"),
                                   std::string("\x09zzz"), std::string("\x0b"), std::string("\x02\x01"),
                                   eleven, too_large, std::string("\x0a\xff\xff\xff\xff\x0f")}) {
    WireReader reader(bytes);
    WireField field;
    while (reader.next(field)) {
    }
    EXPECT_TRUE(reader.failed());
  }
}

TEST(Wire, RepeatedNumbersStandAloneOrPacked) {
  WireField packed;
  packed.kind = WireField::Kind::Bytes;
  packed.bytes = std::string_view("\x01\xac\x02", 3);
  std::vector<int64_t> numbers;
  ASSERT_TRUE(add_varints(packed, numbers));
  EXPECT_EQ(numbers, (std::vector<int64_t>{1, 300}));
  packed.bytes = std::string_view("\x01\xac", 2);
  EXPECT_FALSE(add_varints(packed, numbers));
  std::vector<float> floats;
  packed.bytes = std::string_view("\0\0\xc0\x3f", 4);
  ASSERT_TRUE(add_floats(packed, floats));
  EXPECT_EQ(floats, std::vector<float>{1.5F});
  packed.bytes = std::string_view("\0\0\xc0", 3);
  EXPECT_FALSE(add_floats(packed, floats));
}

} // namespace
} // namespace striate
