#include "exchange/import_onnx.h"
#include "exchange/onnx_model.h"
#include "tests/exchange/onnx_bytes.h"
#include "tests/runtime/scratch.h"

#include <chrono>

namespace striate {
namespace {

class ReadOnnx : public Scratch {
protected:
  std::string refusal(const OnnxParts& parts) const {
    const auto model = read_onnx(write("m.onnx", onnx_model(parts)));
    if (model.ok()) return "";
    EXPECT_EQ(model.failure().code, ExitCode::BadData);
    return model.failure().message;
  }
  void expect_refused(const OnnxParts& parts, const std::string& why) const {
    const std::string message = refusal(parts);
    EXPECT_NE(message.find(why), std::string::npos) << "`" << message << "` does not say: " << why;
  }

  OnnxParts sound_{
      {onnx_node("Relu", {"x"}, {"y"})}, {}, {onnx_value("x", {-1, 3})}, {onnx_value("y", {-1, 3})}};
};

TEST_F(ReadOnnx, ASmallModel) {
  OnnxParts parts = sound_;
  parts.constants = {onnx_tensor("w", {2, 1}, {1.5F, -2})};
  const auto model = read_onnx(write("m.onnx", onnx_model(parts)));
  ASSERT_TRUE(model.ok()) << model.failure().message;
  EXPECT_EQ((*model)->opset, 17);
  ASSERT_EQ((*model)->nodes.size(), 1u);
  EXPECT_EQ((*model)->nodes[0].op, "Relu");
  ASSERT_EQ((*model)->inputs.size(), 1u);
  EXPECT_EQ((*model)->inputs[0].shape, (std::vector<std::optional<int64_t>>{std::nullopt, 3}));
  const OnnxConstant& constant = *(*model)->constants.at("w");
  EXPECT_EQ(constant.shape, (std::vector<int64_t>{2, 1}));
  EXPECT_EQ(constant.reals, (std::vector<float>{1.5F, -2}));
}

TEST_F(ReadOnnx, NamesHaveOneMaker) {
  OnnxParts parts = sound_;
  parts.nodes.push_back(parts.nodes[0]);
  expect_refused(parts, "two nodes make `y`");
  parts = sound_;
  parts.inputs.push_back(parts.inputs[0]);
  expect_refused(parts, "two inputs are called `x`");
  parts = sound_;
  parts.constants = {onnx_tensor("w", {1}, {1}), onnx_tensor("w", {1}, {1})};
  expect_refused(parts, "two constants are called `w`");
  parts = sound_;
  parts.nodes = {onnx_node("Relu", {"x"}, {"y"}, {onnx_attribute("a", 1), onnx_attribute("a", 2)})};
  expect_refused(parts, "two attributes `a`");
}

TEST_F(ReadOnnx, CyclesAndMissingValues) {
  OnnxParts parts = sound_;
  parts.nodes = {onnx_node("Add", {"x", "y"}, {"z"}), onnx_node("Relu", {"z"}, {"y"})};
  expect_refused(parts, "reads `y`, which nothing before it makes");
  parts = sound_;
  parts.outputs = {onnx_value("nowhere", {1})};
  expect_refused(parts, "nothing makes its output `nowhere`");
  parts.outputs = {};
  expect_refused(parts, "no outputs");
}

TEST_F(ReadOnnx, SizesOfConstantsAreThoseOfTheirData) {
  const int64_t huge = int64_t{1} << 62;
  for (const std::vector<int64_t>& shape :
       std::vector<std::vector<int64_t>>{{huge, huge}, {huge}, {-1}, {0, huge, huge, huge}, {3}, {}}) {
    OnnxParts parts = sound_;
    parts.constants = {onnx_tensor("w", shape, {1, 2})};
    EXPECT_NE(refusal(parts), "");
  }
  OnnxParts parts = sound_;
  parts.constants = {onnx_tensor("w", std::vector<int64_t>(17, 1), {1})};
  expect_refused(parts, "damaged");
}

TEST_F(ReadOnnx, ExternalDataStaysInTheFolder) {
  write("w.bin", std::string("\0\0\x80\x3f\0\0\0\x40", 8));
  OnnxParts parts = sound_;
  const auto with = [&](const std::vector<std::pair<std::string, std::string>>& entries) {
    parts.constants = {onnx_external("w", {1}, entries)};
  };
  with({{"location", "w.bin"}, {"offset", "4"}, {"length", "4"}});
  const auto model = read_onnx(write("m.onnx", onnx_model(parts)));
  ASSERT_TRUE(model.ok()) << model.failure().message;
  EXPECT_EQ((*model)->constants.at("w")->reals, std::vector<float>{2});
  for (const char* location : {"/etc/hostname", "../w.bin", "a/../../w.bin", ""}) {
    with({{"location", location}});
    expect_refused(parts, "the model's own folder");
  }
  with({{"location", "missing.bin"}});
  expect_refused(parts, "cannot open");
  with({{"location", "w.bin"}, {"offset", "5"}});
  expect_refused(parts, "has 8 bytes, and 4 from 5 on are asked for");
  with({{"location", "w.bin"}, {"length", "8"}});
  expect_refused(parts, "its external data has 8");
  with({{"location", "w.bin"}, {"offset", "99999999999999999999"}});
  expect_refused(parts, "is no number");
  std::filesystem::create_symlink("/etc/hostname", path("link.bin"));
  with({{"location", "link.bin"}});
  expect_refused(parts, "the model's own folder");
}

TEST_F(ReadOnnx, OtherFiles) {
  for (const std::string& bytes : {std::string(), std::string("model Net {}\n"), std::string(1000, '\0'),
                                   std::string(1000, '\xff'), std::string("\x3a\x00\x3a\x00", 4)})
    EXPECT_FALSE(read_onnx(write("m.onnx", bytes)).ok());
  EXPECT_FALSE(read_onnx(path("missing.onnx")).ok());
  OnnxParts parts = sound_;
  parts.opset = 99;
  expect_refused(parts, "version 99");
}

// Graphs within graphs are looked at no deeper than the first.
TEST_F(ReadOnnx, NestingCostsNothing) {
  std::string graph;
  for (int i = 0; i < 20'000; ++i) {
    WireWriter attribute, node, outer;
    attribute.bytes(1, "body");
    attribute.bytes(6, graph);
    node.bytes(4, "Loop");
    node.bytes(5, attribute.text());
    outer.bytes(1, node.text());
    graph = outer.text();
    if (graph.size() > 200'000) break;
  }
  WireWriter attribute;
  attribute.bytes(1, "body");
  attribute.bytes(6, graph);
  OnnxParts parts = sound_;
  parts.nodes = {onnx_node("Loop", {"x"}, {"y"}, {attribute.text()})};
  const auto network = import_onnx(write("m.onnx", onnx_model(parts)));
  ASSERT_FALSE(network.ok());
  EXPECT_EQ(network.failure().code, ExitCode::Failed);
  EXPECT_NE(network.failure().message.find("control flow is not imported"), std::string::npos);
}

// Small files that ask for much.
TEST_F(ReadOnnx, HugeCountsAreRefusedQuickly) {
  const auto start = std::chrono::steady_clock::now();
  OnnxParts parts = sound_;
  parts.nodes.assign(30'000, onnx_node("Relu", {"x"}, {"y"}));
  expect_refused(parts, "more than 20000 nodes");
  parts = sound_;
  parts.nodes = {onnx_node("Relu", std::vector<std::string>(20'000, "x"), {"y"})};
  expect_refused(parts, "too many inputs");
  const auto refused = [&](std::vector<std::string> nodes, std::vector<std::string> constants) {
    parts.nodes = std::move(nodes);
    parts.constants = std::move(constants);
    EXPECT_FALSE(import_onnx(write("m.onnx", onnx_model(parts))).ok());
  };
  parts.outputs = {onnx_value("y", {})};
  const int64_t many = int64_t{1} << 40;
  refused({onnx_node("ConstantOfShape", {"s"}, {"w"}), onnx_node("Add", {"x", "w"}, {"y"})},
          {onnx_integers("s", {many, 3})});
  refused({onnx_node("Range", {"a", "b", "c"}, {"w"}), onnx_node("Add", {"x", "w"}, {"y"})},
          {onnx_integers("a", {0}), onnx_integers("b", {INT64_MAX}), onnx_integers("c", {1})});
  refused({onnx_node("Pad", {"x", "p"}, {"y"})}, {onnx_integers("p", {0, many, 0, many})});
  refused({onnx_node("Reshape", {"x", "s"}, {"y"})}, {onnx_integers("s", {-1, INT64_MAX, 3, INT64_MIN})});
  // Each doubles the one before.
  std::vector<std::string> doubling;
  for (int i = 0; i < 60; ++i)
    doubling.push_back(onnx_node("Concat", {fmt::format("c{}", i), fmt::format("c{}", i)},
                                 {fmt::format("c{}", i + 1)}, {onnx_attribute("axis", 0)}));
  doubling.push_back(onnx_node("Add", {"x", "c60"}, {"y"}));
  refused(doubling, {onnx_tensor("c0", {2}, {1, 2})});
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  EXPECT_LT(seconds.count(), 10.0) << "for seven files";
}

class DamagedModels : public Scratch, public testing::WithParamInterface<const char*> {
protected:
  std::string bytes() const {
    Result<std::string> file = read_file(std::string(STRIATE_ONNX_MODELS) + "/" + GetParam());
    EXPECT_TRUE(file.ok());
    return *file;
  }
};

INSTANTIATE_TEST_SUITE_P(All, DamagedModels, testing::Values("layers.onnx", "branches.onnx", "shapes.onnx"));

TEST_P(DamagedModels, CutOffAnywhere) {
  const std::string whole = bytes();
  for (std::size_t i = 0; i < 200; ++i) {
    const auto network = import_onnx(write("m.onnx", whole.substr(0, whole.size() * i / 200)));
    ASSERT_FALSE(network.ok()) << i;
    EXPECT_EQ(network.failure().code, ExitCode::BadData);
  }
}

// A changed byte may leave a model, or another one; it never crashes.
TEST_P(DamagedModels, ChangedBytes) {
  const std::string whole = bytes();
  std::mt19937 random(7);
  int imported = 0;
  for (int i = 0; i < 700; ++i) {
    std::string changed = whole;
    for (int k = 0; k <= i % 3; ++k) changed[random() % changed.size()] = static_cast<char>(random());
    const auto network = import_onnx(write("m.onnx", changed));
    if (network.ok())
      ++imported;
    else
      EXPECT_TRUE(network.failure().code == ExitCode::BadData || network.failure().code == ExitCode::Failed);
  }
  EXPECT_LT(imported, 700);
}

} // namespace
} // namespace striate
