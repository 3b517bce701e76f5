#include "runtime/safetensors.h"

#include "tests/runtime/scratch.h"

namespace striate {

using SafetensorsFiles = Scratch;

static std::string file_with(const std::string& header, std::string_view data) {
  const uint64_t size = header.size();
  return std::string(reinterpret_cast<const char*>(&size), 8) + header + std::string(data);
}

static std::string refusal(const std::string& header, std::string_view data = "") {
  const Result<Safetensors> read = parse_safetensors(file_with(header, data), "x");
  return read.ok() ? "" : read.failure().message;
}

static Safetensors example() {
  Safetensors content;
  content.metadata = {{"format", "pt"}, {"quote \" and\nnewline", "ü"}};
  Tensor weight(ElementType::F32, {2, 3});
  for (std::size_t i = 0; i < 6; ++i) weight.as<float>()[i] = static_cast<float>(i) * 0.25f;
  Tensor step(ElementType::I32, {});
  step.as<int32_t>()[0] = -3;
  Tensor bytes(ElementType::U8, {3});
  bytes.as<uint8_t>()[2] = 200;
  content.tensors.push_back({"conv1.weight", std::move(weight)});
  content.tensors.push_back({"a.step", std::move(step)});
  content.tensors.push_back({"bytes", std::move(bytes)});
  content.tensors.push_back({"empty", Tensor(ElementType::F64, {0, 4})});
  return content;
}

TEST_F(SafetensorsFiles, RoundTripsTensorsInOrderAndMetadata) {
  const Safetensors content = example();
  ASSERT_TRUE(write_safetensors(path("x.safetensors"), content.tensors, content.metadata).ok());
  const Result<Safetensors> read = read_safetensors(path("x.safetensors"));
  ASSERT_TRUE(read.ok()) << read.failure().message;
  EXPECT_EQ(read->metadata, content.metadata);
  ASSERT_EQ(read->tensors.size(), content.tensors.size());
  for (std::size_t i = 0; i < content.tensors.size(); ++i) {
    EXPECT_EQ(read->tensors[i].name, content.tensors[i].name);
    EXPECT_TRUE(read->tensors[i].tensor.equals(content.tensors[i].tensor));
  }
  EXPECT_EQ(read->find("bytes")->as<uint8_t>()[2], 200);
  EXPECT_EQ(read->find("nothing"), nullptr);
}

TEST_F(SafetensorsFiles, ReadsTheFormatOfOtherWriters) {
  const Result<Safetensors> read = parse_safetensors(
      file_with(
          R"({"b":{"shape":[1],"data_offsets":[4,12],"dtype":"I64"},"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}   )",
          std::string("\0\0\x80\x3f\x05\0\0\0\0\0\0\0", 12)),
      "x");
  ASSERT_TRUE(read.ok()) << read.failure().message;
  EXPECT_EQ(read->tensors[0].name, "b");
  EXPECT_EQ(read->find("a")->as<float>()[0], 1.0f);
  EXPECT_EQ(read->find("b")->as<int32_t>()[0], 5);
}

TEST_F(SafetensorsFiles, RefusesDuplicatesHolesOverlapsAndRests) {
  const auto tensor = [](const std::string& name, int begin, int end) {
    return fmt::format(R"("{}":{{"dtype":"U8","shape":[{}],"data_offsets":[{},{}]}})", name, end - begin,
                       begin, end);
  };
  EXPECT_EQ(refusal("{" + tensor("a", 0, 2) + "," + tensor("b", 2, 4) + "}", "1234"), "");
  EXPECT_EQ(refusal("{" + tensor("a", 0, 2) + "," + tensor("a", 2, 4) + "}", "1234"),
            "`x` has a bad safetensors header: the key `a` occurs twice");
  EXPECT_EQ(refusal(R"({"__metadata__":{"k":"1","k":"2"}})"),
            "`x` has a bad safetensors header: the key `k` occurs twice");
  EXPECT_EQ(refusal(R"({"a":{"dtype":"U8","dtype":"U8","shape":[0],"data_offsets":[0,0]}})"),
            "`x` has a bad safetensors header: the key `dtype` occurs twice");
  EXPECT_EQ(refusal("{" + tensor("a", 0, 2) + "," + tensor("b", 3, 4) + "}", "1234"),
            "`x`: there is a hole before tensor `b`");
  EXPECT_EQ(refusal("{" + tensor("a", 0, 2) + "," + tensor("b", 1, 4) + "}", "1234"),
            "`x`: there is an overlap before tensor `b`");
  EXPECT_EQ(refusal("{" + tensor("a", 0, 2) + "}", "1234"), "`x`: 2 bytes follow the last tensor");
  EXPECT_EQ(refusal("{" + tensor("a", 0, 5) + "}", "1234"),
            "`x`: tensor `a` lies outside the file's data (is the file truncated?)");
  EXPECT_EQ(refusal(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", "1234"),
            "`x`: tensor `a` has 4 bytes, which does not match its shape");
  EXPECT_EQ(refusal(R"({"a":{"dtype":"F8","shape":[4],"data_offsets":[0,4]}})", "1234"),
            "`x`: tensor `a` has dtype F8; F32, F64, I32, I64, U8 and BOOL can be read");
}

TEST_F(SafetensorsFiles, RefusesHostileHeaders) {
  const std::string huge = R"({"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}})";
  EXPECT_EQ(refusal(huge), "`x`: tensor `a` has 0 bytes, which does not match its shape");
  for (const std::string& header : std::vector<std::string>{
           "{", "[]", "{}x", R"({"a":1})", R"({"a":{}})", R"({"a":{"dtype":"U8"}})", R"({"a":null})",
           R"({"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,0]}})",
           R"({"a":{"dtype":"U8","shape":[0.5],"data_offsets":[0,0]}})",
           R"({"a":{"dtype":"U8","shape":[18446744073709551615],"data_offsets":[0,0]}})",
           R"({"a":{"dtype":"U8","shape":[1e400],"data_offsets":[0,0]}})",
           R"({"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0,0]}})",
           R"({"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0],"other":1}})",
           R"({"__metadata__":{"a":1}})", "{\"\xff\":{}}", "{\"a\":" + std::string(1'000'000, '[') + "}",
           "{\"a\":" + std::string(1'000'000, '{'), std::string("{") + std::string(100, '\0')})
    EXPECT_NE(refusal(header), "") << header.substr(0, 80);
  EXPECT_NE(refusal("{\"a\":" + std::string(10, '[')).find("an array is out of place"), std::string::npos);
  EXPECT_FALSE(parse_safetensors(std::string("\xff\xff\xff\xff\xff\xff\xff\x7f{}", 10), "x").ok());
}

TEST_F(SafetensorsFiles, DamagedFilesAreErrors) {
  const Safetensors content = example();
  const std::string bytes = safetensors_bytes(content.tensors, content.metadata);
  const auto parse = [](const std::string& damaged) { return parse_safetensors(damaged, "x").ok(); };
  expect_every_prefix_refused(bytes, parse);
  EXPECT_GT(flip_bits(bytes, 3000, parse), 1500);
}

} // namespace striate
