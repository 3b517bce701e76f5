#include "exchange/export_onnx.h"

#include "exchange/onnx_model.h"
#include "exchange/onnx_writer.h"
#include "frontend/elaborate.h"
#include "frontend/parser.h"
#include "tests/runtime/scratch.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace striate {
namespace {

class ExportOnnx : public Scratch {
protected:
  // The file of a program's only model, all of whose weights are 0.
  Result<std::string> exported(const std::string& source) {
    Diagnostics diagnostics;
    const ast::File file = parse("net.nn", source, diagnostics);
    const std::vector<Module> modules = elaborate(file, {}, diagnostics);
    EXPECT_FALSE(modules.empty()) << diagnostics.render();
    if (modules.empty()) return bad_data("no module");
    std::vector<NamedTensor> weights;
    const Graph& graph = modules[0].eval;
    for (const Persistent& persistent : graph.persistents) {
      const Value& value = graph.values[static_cast<std::size_t>(persistent.value)];
      std::vector<int64_t> shape;
      for (const Size& size : value.type.shape) shape.push_back(size.factor);
      weights.push_back({value.name, Tensor(value.type.element, shape)});
    }
    return export_onnx(graph, modules[0].layers, weights);
  }

  void read(const std::string& source) {
    const Result<std::string> file = exported(source);
    ASSERT_TRUE(file.ok()) << file.failure().message;
    auto model = read_onnx(write("m.onnx", *file));
    ASSERT_TRUE(model.ok()) << model.failure().message;
    model_ = std::move(*model);
  }

  static std::string text(const OnnxAttribute& attribute) {
    if (const auto* integer = std::get_if<int64_t>(&attribute)) return fmt::format("{}", *integer);
    if (const auto* real = std::get_if<float>(&attribute)) return fmt::format("{}f", *real);
    if (const auto* integers = std::get_if<std::vector<int64_t>>(&attribute))
      return fmt::format("[{}]", fmt::join(*integers, ", "));
    return std::string(std::get<std::string_view>(attribute));
  }

  // A small constant is its numbers, anything else its name.
  std::string text(std::string_view input) const {
    const auto constant = model_->constants.find(input);
    if (constant == model_->constants.end() || !input.starts_with("constant")) return std::string(input);
    const OnnxConstant& numbers = *constant->second;
    std::vector<std::string> items;
    for (int64_t i = 0; i < numbers.elements(); ++i)
      items.push_back(numbers.real ? fmt::format("{}f", numbers.real_at(i))
                                   : fmt::format("{}", numbers.integer_at(i)));
    return numbers.shape.empty() ? items[0] : fmt::format("[{}]", fmt::join(items, ", "));
  }

  // "y = Conv(x, c.weight, c.bias) {strides = [2, 2]}", one a node.
  std::vector<std::string> nodes() const {
    std::vector<std::string> lines;
    for (const OnnxNode& node : model_->nodes) {
      std::vector<std::string> inputs, attributes;
      for (std::string_view input : node.inputs) inputs.push_back(text(input));
      for (const auto& [name, value] : node.attributes)
        attributes.push_back(fmt::format("{} = {}", name, text(value)));
      lines.push_back(fmt::format("{} = {}({})", node.outputs[0], node.op, fmt::join(inputs, ", ")));
      if (!attributes.empty()) lines.back() += fmt::format(" {{{}}}", fmt::join(attributes, ", "));
    }
    return lines;
  }

  void expect(const std::string& source, const std::vector<std::string>& wanted) {
    read(source);
    if (!model_) return;
    EXPECT_EQ(nodes(), wanted) << source;
  }
  // A model of one expression of x.
  void expect(const std::string& shape, const std::string& pipe, const std::vector<std::string>& wanted,
              const std::string& definitions = "") {
    expect(definitions + "\nmodel M {\n    input x: f32[" + shape + "]\n    output y = x -> " + pipe +
               "\n}\n",
           wanted);
  }

  std::unique_ptr<OnnxModel> model_;
};

TEST_F(ExportOnnx, LayersAreONNXsOwn) {
  expect(R"(model M {
    input x: f32[N, 3, 12, 12]
    output y = x -> Conv2d(8, 3, stride = 2, padding = 1) as c -> BatchNorm2d as bn -> relu
                 -> max_pool2d(2, ceil_mode = true) -> flatten -> Dropout(0.3) -> Linear(4) as fc
}
)",
         {"c = Conv(x, c.weight, c.bias) {pads = [1, 1, 1, 1], strides = [2, 2]}",
          "bn = BatchNormalization(c, bn.weight, bn.bias, bn.running_mean, bn.running_var)",
          "relu = Relu(bn)",
          "max_pool2d = MaxPool(relu) {ceil_mode = 1, kernel_shape = [2, 2], strides = [2, 2]}",
          "flatten = Flatten(max_pool2d)", "y = Gemm(flatten, fc.weight, fc.bias) {transB = 1}"});
  EXPECT_EQ(model_->opset, kExportOpset);
  ASSERT_EQ(model_->inputs.size(), 1u);
  EXPECT_EQ(model_->inputs[0].shape, (std::vector<std::optional<int64_t>>{std::nullopt, 3, 12, 12}));
  ASSERT_EQ(model_->outputs.size(), 1u);
  EXPECT_EQ(model_->outputs[0].name, "y");
  EXPECT_EQ(model_->constants.at("c.weight")->shape, (std::vector<int64_t>{8, 3, 3, 3}));
}

TEST_F(ExportOnnx, OneDimensionIsAListToo) {
  expect("N, 3, 20", "Conv1d(4, 5, stride = 2) as c -> avg_pool1d(2)",
         {"c = Conv(x, c.weight, c.bias) {strides = [2]}",
          "y = AveragePool(c) {kernel_shape = [2], strides = [2]}"});
}

TEST_F(ExportOnnx, AnArgumentThatMattersIsNotLost) {
  // `affine = false` leaves no weights to give to BatchNormalization; `std` decides first values alone.
  expect("N, 3, 4, 4", "BatchNorm2d(affine = false) as bn",
         {"bn/Add = Add(bn.running_var, 1e-05f)", "bn/Sqrt = Sqrt(bn/Add)", "bn/Div = Div(1f, bn/Sqrt)",
          "bn/Unsqueeze = Unsqueeze(bn.running_mean, [1, 2])", "bn/Sub = Sub(x, bn/Unsqueeze)",
          "bn/Unsqueeze_1 = Unsqueeze(bn/Div, [1, 2])", "y = Mul(bn/Sub, bn/Unsqueeze_1)"});
  expect("model M {\n    input t: int[N, 5]\n    output y = t -> Embedding(9, 4, std = 0.02) as e\n}\n",
         {"y = Gather(e.weight, t)"});
}

TEST_F(ExportOnnx, ALineThatLacksAnArgumentIsNotTakenWhereItMatters) {
  expect("N, 4, 6, 6", "avg_pool2d(2, padding = 1)",
         {"y = AveragePool(x) {count_include_pad = 1, kernel_shape = [2, 2], pads = [1, 1, 1, 1], "
          "strides = [2, 2]}"});
  expect("N, 4, 6, 6", "avg_pool2d(2, padding = 1, count_include_pad = false)",
         {"y = AveragePool(x) {kernel_shape = [2, 2], pads = [1, 1, 1, 1], strides = [2, 2]}"});
}

TEST_F(ExportOnnx, ArgumentsFindTheirWayBack) {
  expect("N, 4, 6", "slice_axis(1, 1, 4, step = 2)", {"y = Slice(x, [1], [4], [1], [2])"});
  expect("N, 4, 6", "pad_axis(2, before = 1, after = 2, value = 3)", {"y = Pad(x, [0, 0, 1, 0, 0, 2], 3f)"});
  expect("N, 4, 6", "clip_values(-1, 2)", {"y = Clip(x, -1f, 2f)"});
  expect("N, 4, 6", "relu6", {"y = Clip(x, 0f, 6f)"});
  expect("N, 4", "selu", {"y = Selu(x)"});
  expect("N, 4", "hard_sigmoid", {"y = HardSigmoid(x) {alpha = 0.16666667f}"});
  expect("N, 4, 6", "sum_axis(1)", {"y = ReduceSum(x, [1])"});
  expect("N, 4, 6", "reflect_axis(2, before = 1, after = 2)",
         {"y = Pad(x, [0, 0, 1, 0, 0, 2]) {mode = reflect}"});
  expect("N, 4, 6, 6", "upsample_nearest2d([2, 3])", {"y = Resize(x, , [1f, 1f, 2f, 3f])"});
  expect("N, 4, 6, 6", "global_avg_pool2d",
         {"global_avg_pool2d/GlobalAveragePool = GlobalAveragePool(x)",
          "y = Flatten(global_avg_pool2d/GlobalAveragePool)"});
  expect("N, 4, 6, 6", "lp_pool2d(3, 2)", {"y = LpPool(x) {kernel_shape = [2, 2], p = 3, strides = [2, 2]}"});
  expect("N, 4, 6, 6", "PReLU(4) as p", {"y = PRelu(x, p.weight)"});
  EXPECT_EQ(model_->constants.at("p.weight")->shape, (std::vector<int64_t>{4, 1, 1}));
  expect("N, 7, 6", "Linear(3) as fc",
         {"fc/MatMul = MatMul(x, fc.weight.transposed)", "y = Add(fc/MatMul, fc.bias)"});
}

TEST_F(ExportOnnx, NumbersAmongTheInputs) {
  expect("model M {\n    input x: f32[N, 3]\n    output y = 1 - x\n}\n", {"y = Sub(1f, x)"});
}

TEST_F(ExportOnnx, OneMakersNodesAreSharedByOutputs) {
  expect("model M {\n    input x: f32[N, 3]\n    h = relu(x)\n    output a = h\n    output b = h\n    output "
         "c = x\n}\n",
         {"a = Relu(x)", "b = Identity(a)", "c = Identity(x)"});
}

TEST_F(ExportOnnx, WhatONNXHasNoWordForIsIndexNotation) {
  expect("N, 3", "squash",
         {"squash/Mul = Mul(0.5f, x)", "squash/Tanh = Tanh(squash/Mul)", "y = Mul(2f, squash/Tanh)"},
         "op squash(x[..]) -> y[..] { y[..] = 2 * tanh(0.5 * x[..]) }");
  expect("N, 3", "distances",
         {"distances/Unsqueeze = Unsqueeze(x, [1])",
          "distances/Sub = Sub(distances/Unsqueeze, [0f, 1f, 2f, 3f])", "distances/Abs = Abs(distances/Sub)",
          "y = ReduceSum(distances/Abs, [2]) {keepdims = 0}"},
         "op distances(x[N, A]) -> y[N, 4] { y[n, c] = sum(a) abs(x[n, a] - c) }");
}

TEST_F(ExportOnnx, ReadsBecomeSlicesAndGathers) {
  const auto op = [](const std::string& body) { return "op f(x[N, A, B]) -> y" + body; };
  expect("N, 4, 6", "f", {"y = Transpose(x) {perm = [0, 2, 1]}"},
         op("[N, B, A] { y[n, b, a] = x[n, a, b] }"));
  expect("N, 4, 6", "f", {"y = Reshape(x, [0, 24])"}, op("[N, (A B)] { y[n, (a b)] = x[n, a, b] }"));
  expect("N, 4, 6", "f", {"y = Gather(x, 2) {axis = 2}"}, op("[N, A] { y[n, a] = x[n, a, 2] }"));
  expect("N, 4, 6", "f", {"y = Slice(x, [1], [6], [2], [2])"},
         op("[N, A, 3] { y[n, a, i] = x[n, a, 2*i + 1] }"));
  expect("N, 4, 6", "f", {"y = Pad(x, [1, 1], 7f, [2])"},
         op("[N, A, B + 2] { y[n, a, i] = (x[n, a, i - 1] else 7) }"));
  expect("N, 4, 6", "f", {"y = Gather(x, [5, 4, 3, 2, 1, 0]) {axis = 2}"},
         op("[N, A, B] { y[n, a, b] = x[n, a, B - 1 - b] }"));
}

// What lies outside is one place more, behind the others.
TEST_F(ExportOnnx, PlacesOutsideAreOne) {
  expect("N, 4, 6", "f",
         {"f/Pad = Pad(x, [0, 1], 7f, [2])", "f/Gather = Gather(f/Pad, [6, 1, 2, 4, 5, 6]) {axis = 2}",
          "y = ReduceSum(f/Gather, [3]) {keepdims = 0}"},
         "op f(x[N, A, B]) -> y[N, A, 3] { y[n, a, i] = sum(r: 2) (x[n, a, 3*i + 2*r - 1] else 7) }");
}

TEST_F(ExportOnnx, ProductsThatAreSummedAreOne) {
  expect("N, 4, 6", "f", {"y = Einsum(x, x) {equation = acd,abd->abc}"},
         "op f(x[N, A, B]) -> y[N, A, A] { y[n, i, j] = sum(b) x[n, j, b] * x[n, i, b] }");
}

TEST_F(ExportOnnx, ALoopIsItsSteps) {
  expect(R"(model M {
    input x: f32[N, 3, 2]
    h = scan now in x {
        carry s: f32[N, 2] = 0
        t = s + now
        next s = t
        t
    }
    output y = h -> last_step
}
)",
         {"x/Shape = Shape(x) {end = 1, start = 0}", "s/0/Concat = Concat(x/Shape, [2]) {axis = 0}",
          "s/0/Expand = Expand([0f], s/0/Concat)", "add/0/Gather = Gather(x, 0) {axis = 1}",
          "add/0/Add = Add(s/0/Expand, add/0/Gather)", "add/1/Gather = Gather(x, 1) {axis = 1}",
          "add/1/Add = Add(add/0/Add, add/1/Gather)", "add/2/Gather = Gather(x, 2) {axis = 1}",
          "add/2/Add = Add(add/1/Add, add/2/Gather)", "y = Identity(add/2/Add)"});
}

TEST_F(ExportOnnx, WhatCannotBeSaidIsNamed) {
  const auto refusal = [&](const std::string& source) {
    const Result<std::string> file = exported(source);
    EXPECT_FALSE(file.ok());
    return file.ok() ? "" : file.failure().message;
  };
  EXPECT_EQ(refusal("op centred(x[N, A]) -> y[N, A] { y[n, a] = x[n, a] - (sum(m: N) x[m, a]) / N }\n"
                    "model M {\n    input x: f32[N, 3]\n    output y = x -> centred\n}\n"),
            "net.nn:4:21: `centred` (centred) cannot be exported: it adds up over the batch");
}

} // namespace
} // namespace striate
