#include "exchange/import_onnx.h"

#include "exchange/attribute_kinds.h"
#include "exchange/fold_constants.h"
#include "exchange/network_program.h"
#include "exchange/operator_map.h"
#include "tests/exchange/onnx_bytes.h"
#include "tests/runtime/scratch.h"

#include <algorithm>
#include <map>

namespace striate {
namespace {

std::string model(const char* name) { return std::string(STRIATE_ONNX_MODELS) + "/" + name; }

TEST(ImportOnnx, LayersHaveTheNamesOfTheirWeights) {
  const auto network = import_onnx(model("layers.onnx"));
  ASSERT_TRUE(network.ok()) << network.failure().message;
  EXPECT_EQ(network->program, R"(# Imported from layers.onnx.
model layers {
    input image: f32[N, 2, 6, 5]
    output scores = image -> Conv2d(3, [3, 2], stride = [2, 1], padding = [1, 0]) as conv
                          -> BatchNorm2d(eps = 0.001) as bn -> relu -> pad_axis(2, after = 1) -> pad_axis(3, after = 1)
                          -> avg_pool2d(2, stride = 1) -> flatten
                          -> Linear(3) as head -> softmax
}
)");
  std::map<std::string, std::string> weights;
  for (const NamedTensor& weight : network->weights) weights[weight.name] = weight.tensor.type_text();
  const std::map<std::string, std::string> wanted = {
      {"conv.weight", "f32[3,2,3,2]"}, {"conv.bias", "f32[3]"},       {"bn.weight", "f32[3]"},
      {"bn.bias", "f32[3]"},           {"bn.running_mean", "f32[3]"}, {"bn.running_var", "f32[3]"},
      {"head.weight", "f32[3,36]"},    {"head.bias", "f32[3]"}};
  EXPECT_EQ(weights, wanted);
}

TEST(ImportOnnx, ValuesUsedTwiceHaveNames) {
  const auto network = import_onnx(model("branches.onnx"));
  ASSERT_TRUE(network.ok()) << network.failure().message;
  EXPECT_EQ(network->program, R"(# Imported from branches.onnx.
model branches {
    input image: f32[N, 4, 3]
    param shift: f32[2, 3] = 0
    left = image -> slice_axis(1, 0, 2)
    right = image -> slice_axis(1, 2, 4)
    doubled = left * 2
    moved = doubled + shift
    soft = concat(moved, right, left) -> move_last(1) -> softmax -> move_last(1)
    output scores = 1 - soft -> transpose -> slice_axis(2, 1, 5)
}
)");
}

TEST(ImportOnnx, ShapesThatAreComputedAreKnown) {
  const auto network = import_onnx(model("shapes.onnx"));
  ASSERT_TRUE(network.ok()) << network.failure().message;
  EXPECT_NE(network->program.find("image -> flatten -> unflatten(3, 4, 2) -> global_avg_pool2d"),
            std::string::npos);
}

TEST(ImportOnnx, EverythingThatHasNoCounterpartIsNamed) {
  const auto network = import_onnx(model("refused.onnx"));
  ASSERT_FALSE(network.ok());
  EXPECT_EQ(network.failure().code, ExitCode::Failed);
  for (const char* line : {"node `choice` (If): control flow is not imported",
                           "node `wave` (Sin): the library has no such operator",
                           "node `other wave` (Cos): the library has no such operator",
                           "node `norm` (LRN): its `size % 2` is 0, not 1"})
    EXPECT_NE(network.failure().message.find(line), std::string::npos) << network.failure().message;
}

class ImportParts : public Scratch {};

TEST_F(ImportParts, WordsOfTheLanguageAreNoNames) {
  OnnxParts parts;
  parts.inputs = {onnx_value("layer", {1, 4})};
  parts.nodes = {onnx_node("Relu", {"layer"}, {"relu"}), onnx_node("Add", {"relu", "relu"}, {"N"}),
                 onnx_node("Gemm", {"N", "if/9/weight"}, {"0"})};
  parts.constants = {onnx_tensor("if/9/weight", {4, 2}, std::vector<float>(8, 1))};
  parts.outputs = {onnx_value("0", {1, 2})};
  const auto network = import_onnx(write("m.onnx", onnx_model(parts)));
  ASSERT_TRUE(network.ok()) << network.failure().message;
  EXPECT_NE(network->program.find("input layer_: f32[N, 4]"), std::string::npos) << network->program;
  EXPECT_NE(network->program.find("as if_.9"), std::string::npos) << network->program;
}

TEST_F(ImportParts, AnOutputOfAnotherShapeThanTheFileSaysIsRefused) {
  OnnxParts parts;
  parts.inputs = {onnx_value("x", {1, 4})};
  parts.nodes = {onnx_node("Relu", {"x"}, {"y"})};
  parts.outputs = {onnx_value("y", {1, 5})};
  const auto network = import_onnx(write("m.onnx", onnx_model(parts)));
  ASSERT_FALSE(network.ok());
  EXPECT_NE(network.failure().message.find("the file says otherwise"), std::string::npos);
}

TEST_F(ImportParts, UnknownAttributesAreNotPassedOver) {
  OnnxParts parts;
  parts.inputs = {onnx_value("x", {1, 4})};
  parts.nodes = {onnx_node("Relu", {"x"}, {"y"}, {onnx_attribute("upside_down", 1)})};
  parts.outputs = {onnx_value("y", {1, 4})};
  const auto network = import_onnx(write("m.onnx", onnx_model(parts)));
  ASSERT_FALSE(network.ok());
  EXPECT_NE(network.failure().message.find("its attribute `upside_down` means nothing here"),
            std::string::npos);
}

TEST_F(ImportParts, WhatMixesItsExamplesIsOneExample) {
  OnnxParts parts;
  parts.inputs = {onnx_value("x", {3, 4})};
  parts.nodes = {onnx_node("Softmax", {"x"}, {"soft"}, {onnx_attribute("axis", 0)}),
                 onnx_node("Reshape", {"soft", "sizes"}, {"flat"}),
                 onnx_node("Gather", {"flat", "places"}, {"y"}, {onnx_attribute("axis", -1)})};
  parts.constants = {onnx_integers("sizes", {2, 6}), onnx_integers("places", {5, 0, -1})};
  parts.outputs = {onnx_value("y", {2, 3})};
  const auto network = import_onnx(write("m.onnx", onnx_model(parts)));
  ASSERT_TRUE(network.ok()) << network.failure().message;
  for (const char* line : {"# Each example is the whole", "input x: f32[N, 3, 4]",
                           "x -> move_last(1) -> softmax -> move_last(1) -> flatten -> split_last(2)"})
    EXPECT_NE(network->program.find(line), std::string::npos) << network->program;

  // Not where the file leaves the batch open, and not for operators on a batch.
  parts.inputs = {onnx_value("x", {-1, 4})};
  EXPECT_FALSE(import_onnx(write("m.onnx", onnx_model(parts))).ok());
  parts.inputs = {onnx_value("x", {2, 4, 6})};
  parts.nodes = {onnx_node("LRN", {"x"}, {"z"}, {onnx_attribute("size", 3)}),
                 onnx_node("Softmax", {"z"}, {"y"}, {onnx_attribute("axis", 0)})};
  parts.constants.clear();
  parts.outputs = {onnx_value("y", {2, 4, 6})};
  EXPECT_FALSE(import_onnx(write("m.onnx", onnx_model(parts))).ok());
}

TEST_F(ImportParts, OutputsBesideTheFirstHaveLinesOfTheirOwn) {
  OnnxParts parts;
  parts.inputs = {onnx_value("x", {-1, 3, 4})};
  parts.nodes = {onnx_node("LayerNormalization", {"x", "w", "b"}, {"y", "mean", "scale"})};
  parts.constants = {onnx_tensor("w", {4}, {1, 2, 3, 4}), onnx_tensor("b", {4}, {0, 0, 0, 1})};
  parts.outputs = {onnx_value("y", {-1, 3, 4}), onnx_value("mean", {-1, 3, 1}),
                   onnx_value("scale", {-1, 3, 1})};
  const auto network = import_onnx(write("m.onnx", onnx_model(parts)));
  ASSERT_TRUE(network.ok()) << network.failure().message;
  for (const char* line :
       {"output mean = x -> mean_axis(2)", "output scale = x -> inverse_deviation(2) -> unsqueeze"})
    EXPECT_NE(network->program.find(line), std::string::npos) << network->program;
}

TEST_F(ImportParts, EquationsBecomeOperators) {
  const auto with = [&](const std::string& equation) {
    OnnxParts parts;
    parts.inputs = {onnx_value("x", {-1, 3, 4}), onnx_value("y", {-1, 4, 5})};
    parts.nodes = {onnx_node("Einsum", {"x", "y"}, {"z"}, {onnx_text_attribute("equation", equation)})};
    parts.outputs = {onnx_value("z", {-1, 3, 5})};
    return import_onnx(write("m.onnx", onnx_model(parts)));
  };
  for (const char* equation :
       {"nij,njk->nik", "n i j, n j k -> n i k", "...ij,...jk->...ik", "NIj,NjK->NIK"}) {
    const auto network = with(equation);
    ASSERT_TRUE(network.ok()) << equation << ": " << network.failure().message;
    EXPECT_NE(network->program.find("] = sum(j) first["), std::string::npos) << network->program;
  }
  for (const char* equation :
       {"", "nij", "nij,njk->niq", "nij,njk->nii", "n1j,njk->nk", "nij,njk\"->nik", "nij,njq->nik"})
    EXPECT_FALSE(with(equation).ok()) << equation;
}

TEST(OperatorMap, LinesAreRead) {
  const auto line = parse_onnx_line(
      R"(Conv(x, weight^T) -> Add(bias[.., 1, 1]) {size = 2 is 3, false -> bias, p: pads else Pad(-inf) = 0 -> padding, alpha = 1 -> *weight} since 6 before 13 each after flatten)");
  ASSERT_TRUE(line.ok()) << line.failure().message;
  ASSERT_EQ(line->chain.size(), 2u);
  EXPECT_TRUE(line->chain[0].inputs[1].transposed);
  EXPECT_EQ(line->chain[1].inputs[0].ones, 2);
  ASSERT_EQ(line->entries.size(), 4u);
  EXPECT_TRUE(line->entries[0].required != nullptr && line->entries[0].otherwise != nullptr);
  EXPECT_TRUE(line->entries[1].expr != nullptr);
  EXPECT_EQ(line->entries[2].kind, "pads");
  EXPECT_EQ(line->entries[2].detour, "Pad");
  EXPECT_TRUE(line->entries[3].scales);
  EXPECT_EQ(line->since, 6);
  EXPECT_EQ(line->before, 13);
  EXPECT_TRUE(line->each);
  EXPECT_EQ(line->after, "flatten");
}

TEST(OperatorMap, WrongLinesAreRefused) {
  for (const char* text :
       {"Conv", "Conv(x y)", "Conv(x) {a b}", "Conv(x) sometimes", "Conv(x) since new", "(x)",
        "Conv(x) {a -> b c}", "Conv(x) {a: kind of}", "Conv(x) of output 0", "Conv(x) of output many"})
    EXPECT_FALSE(parse_onnx_line(text).ok()) << text;
}

TEST(OperatorMap, TheLibraryNamesArgumentsThatItHas) {
  Diagnostics diagnostics;
  const Library library(nullptr, diagnostics);
  const OperatorMap map(library); // checks that each line parses
  int lines = 0;
  for (const ast::ItemKind kind : {ast::ItemKind::Op, ast::ItemKind::Layer})
    for (const ast::Item* item : library.items(kind))
      for (const std::string& text : comment_lines(*item)) {
        if (!text.starts_with("onnx: ")) continue;
        const auto line = parse_onnx_line(text.substr(6));
        ASSERT_TRUE(line.ok());
        ++lines;
        for (const OnnxLine& known : map.lines(line->chain[0].op))
          for (const OnnxEntry& entry : known.entries) {
            if (entry.argument.empty() || entry.scales || known.item != item) continue;
            EXPECT_TRUE(std::ranges::any_of(item->attributes,
                                            [&](const auto& has) { return has.name == entry.argument; }))
                << item->name << " has no `" << entry.argument << "`";
          }
      }
  EXPECT_GT(lines, 60);
}

OnnxConstantRef integers(std::vector<int64_t> shape, std::vector<int64_t> values) {
  auto constant = std::make_shared<OnnxConstant>();
  constant->shape = std::move(shape);
  constant->real = false;
  constant->integers = std::move(values);
  return constant;
}

OnnxNode node(std::string_view op, std::map<std::string_view, OnnxAttribute> attributes = {}) {
  OnnxNode made;
  made.op = op;
  made.attributes = std::move(attributes);
  return made;
}

TEST(FoldConstants, ArithmeticOfShapes) {
  ConstantFolder folder(0);
  const auto shape = folder.fold_shape(node("Shape"), {kOpenBatch, 4, 6});
  ASSERT_TRUE(shape);
  const auto batch = folder.fold(node("Gather"), {shape, integers({1}, {0})});
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->integers, std::vector<int64_t>{kOpenBatch});
  // Nobody computes with a size that is not known.
  EXPECT_FALSE(folder.fold(node("Mul"), {batch, integers({1}, {2})}));
  const auto rest = folder.fold(node("Slice"), {shape, integers({1}, {1}), integers({1}, {INT64_MAX})});
  ASSERT_TRUE(rest);
  EXPECT_EQ(rest->integers, (std::vector<int64_t>{4, 6}));
  const auto joined = folder.fold(node("Concat", {{"axis", int64_t{0}}}), {batch, integers({1}, {-1})});
  ASSERT_TRUE(joined);
  EXPECT_EQ(joined->integers, (std::vector<int64_t>{kOpenBatch, -1}));
  const auto sum = folder.fold(node("Add"), {integers({2, 1}, {10, 20}), integers({3}, {1, 2, 3})});
  ASSERT_TRUE(sum);
  EXPECT_EQ(sum->integers, (std::vector<int64_t>{11, 12, 13, 21, 22, 23}));
  EXPECT_FALSE(folder.fold(node("Add"), {integers({1}, {INT64_MAX}), integers({1}, {1})}));
  EXPECT_FALSE(folder.fold(node("Div"), {integers({1}, {1}), integers({1}, {0})}));
}

TEST(FoldConstants, WeightsInAnotherOrder) {
  ConstantFolder folder(0);
  const auto matrix = integers({2, 3}, {1, 2, 3, 4, 5, 6});
  EXPECT_EQ(folder.fold(node("Transpose"), {matrix})->integers, (std::vector<int64_t>{1, 4, 2, 5, 3, 6}));
  EXPECT_EQ(folder.fold(node("Reshape"), {matrix, integers({2}, {-1, 2})})->shape,
            (std::vector<int64_t>{3, 2}));
  EXPECT_FALSE(folder.fold(node("Reshape"), {matrix, integers({1}, {5})}));
  EXPECT_EQ(folder.fold(node("Gather", {{"axis", int64_t{1}}}), {matrix, integers({2}, {-1, 0})})->integers,
            (std::vector<int64_t>{3, 1, 6, 4}));
  EXPECT_FALSE(folder.fold(node("Gather"), {matrix, integers({1}, {2})}));
  EXPECT_EQ(folder
                .fold(node("Slice"), {integers({5}, {1, 2, 3, 4, 5}), integers({1}, {-1}),
                                      integers({1}, {INT64_MIN}), integers({1}, {0}), integers({1}, {-2})})
                ->integers,
            (std::vector<int64_t>{5, 3, 1}));
  EXPECT_EQ(folder.fold(node("Range"), {integers({}, {5}), integers({}, {0}), integers({}, {-2})})->integers,
            (std::vector<int64_t>{5, 3, 1}));
}

TEST(NetworkProgram, NamesAreGivenOnce) {
  Diagnostics diagnostics;
  const Library library(nullptr, diagnostics);
  NameTable names(library);
  EXPECT_EQ(names.identifier("a/b:0"), "a_b_0");
  EXPECT_EQ(names.identifier("a b 0"), "a_b_0_2");
  EXPECT_EQ(names.identifier("if"), "if_");
  EXPECT_EQ(names.identifier("42"), "v42");
  EXPECT_EQ(names.identifier(""), "value");
  EXPECT_EQ(names.path("layer/0/conv"), "layer_.0.conv");
  EXPECT_EQ(names.path("0.weight"), "v0.weight");
  EXPECT_EQ(names.path("\xff\xfe"), "layer_1");
}

} // namespace
} // namespace striate
