// Layers and models: paths of parameters, sharing, control flow.
#include "tests/elaborate/elaborated.h"

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>

namespace striate {
namespace {

std::string model(const std::string& name) {
  std::ifstream file(std::string(STRIATE_MODELS) + "/" + name);
  EXPECT_TRUE(file) << name;
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(Network, LeNetIsWhatItSays) {
  const Module module = module_of(model("lenet.nn"));
  EXPECT_TRUE(verify(module.train).empty());
  EXPECT_TRUE(verify(module.eval).empty());
  EXPECT_EQ(parameter_names(module.train),
            (std::vector<std::string>{"conv1.weight", "conv1.bias", "conv2.weight", "conv2.bias",
                                      "fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"}));
  EXPECT_EQ(parameter_names(module.eval), parameter_names(module.train));
  EXPECT_EQ(type_of(module.train, "image"), "u8[N,1,28,28]");
  EXPECT_EQ(type_of(module.train, "label"), "i32[N]");
  EXPECT_EQ(type_of(module.train, "conv1"), "f32[N,20,24,24]");
  EXPECT_EQ(type_of(module.train, "max_pool2d.1"), "f32[N,50,4,4]");
  EXPECT_EQ(type_of(module.train, "fc2"), "f32[N,10]");
  EXPECT_EQ(type_of(module.train, "loss"), "f32[N]");
  EXPECT_EQ(type_of(module.train, "dropout"), "f32[N,500]");
  EXPECT_EQ(type_of(module.eval, "dropout"), "none");
  ASSERT_EQ(module.eval.outputs.size(), 3u);
  EXPECT_EQ(module.eval.outputs[0].first, "logits");
  EXPECT_EQ(module.training.best, "val.accuracy");
  EXPECT_EQ(module.training.epochs, 10);
  ASSERT_EQ(module.bindings.size(), 2u);
  EXPECT_EQ(module.bindings[1].input, "label");
  EXPECT_EQ(module.bindings[1].column, 1);
  ASSERT_EQ(module.data.splits.size(), 2u);
  EXPECT_EQ(module.data.splits[0].counts, (std::vector<double>{55000, 5000}));
  EXPECT_EQ(module.optimizers.size(), 8u);
  EXPECT_EQ(module.scalars[0], (std::pair<std::string, double>("optimizer.lr", 0.01)));
}

TEST(Network, EveryModelElaborates) {
  for (const char* name : {"xor.nn", "digits.nn", "mlp.nn", "lenet.nn", "usps.nn"}) {
    const Module module = module_of(model(name));
    EXPECT_TRUE(verify(module.train).empty()) << name;
    EXPECT_TRUE(module.has_training) << name;
  }
}

// `tanh` is a function of numbers too, which must not make the layer a second time.
TEST(Network, AnArgumentIsExpandedOnce) {
  const Module module = module_of("model M { input x: f32[N, 4]; output y = tanh(x -> Linear(3) as a) }\n");
  EXPECT_EQ(parameter_names(module.eval), (std::vector<std::string>{"a.weight", "a.bias"}));
}

TEST(Network, TheSameTextGivesTheSameGraph) {
  EXPECT_EQ(print(module_of(model("digits.nn")).train), print(module_of(model("digits.nn")).train));
}

TEST(Network, EachCallDrawsFromItsOwnStream) {
  const Module module =
      module_of("model M {\n"
                "    input x: f32[N, 4]\n"
                "    layer drop = Dropout(0.5)\n"
                "    output y = x -> drop -> Linear(4) as a -> drop -> Dropout(0.5) -> Linear(4) as b\n"
                "}\n"
                "data d {\n"
                "    split train = csv(\"d.csv\", label = -1)\n"
                "    field x = column(0)\n"
                "    field label = column(1)\n"
                "}\n"
                "train M with d { loss = cross_entropy(y, label); optimizer = SGD(lr = 1) }\n");
  std::set<uint32_t> streams;
  std::size_t draws = 0;
  const auto see = [&](const ExprRef& e) {
    if (e->kind != Expr::Kind::Random) return;
    streams.insert(e->stream);
    ++draws;
  };
  for (const Node& node : module.train.nodes)
    for (const Statement& statement : node.definition->statements) visit(statement.body, see);
  EXPECT_EQ(draws, 3u);
  for (const Persistent& persistent : module.train.persistents) visit(persistent.initial, see);
  EXPECT_EQ(draws, 7u);
  EXPECT_EQ(streams.size(), draws);
}

TEST(Network, RepeatAndNamesGivePyTorchsPaths) {
  const Module module = module_of(
      "layer Residual(channels: int, stride: int = 1) (x[N, C, H, W]) {\n"
      "    y = x -> Conv2d(channels, 3, stride = stride, padding = 1, bias = false) as conv1\n"
      "          -> BatchNorm2d as bn1\n"
      "    skip = if stride == 1 and C == channels { x }\n"
      "           else { x -> Conv2d(channels, 1, stride = stride, bias = false) as downsample.0 }\n"
      "    return relu(y + skip)\n"
      "}\n"
      "model M(depth: int = 2) {\n"
      "    input x: f32[N, 8, 8, 8]\n"
      "    output y = x -> repeat i in 0..depth { Residual(8 * (i + 1), stride = i + 1) as layer{i + 1}.0 }\n"
      "}\n");
  const std::vector<std::string> names = parameter_names(module.eval);
  for (const char* name :
       {"layer1.0.conv1.weight", "layer1.0.bn1.running_mean", "layer2.0.downsample.0.weight"})
    EXPECT_NE(std::find(names.begin(), names.end(), name), names.end()) << name;
  EXPECT_EQ(std::find(names.begin(), names.end(), "layer1.0.downsample.0.weight"), names.end());
  EXPECT_EQ(type_of(module.eval, "layer2.0"), "f32[N,16,4,4]");
}

TEST(Network, ASharedLayerHasOneSetOfParameters) {
  const Module module =
      module_of("layer Two(width: int) (x[N, C]) { return x -> Linear(width) -> relu -> Linear(width) }\n"
                "model M {\n"
                "    input a: f32[N, 4]\n"
                "    input b: f32[N, 4]\n"
                "    layer enc = Two(4)\n"
                "    output y = enc(a) - enc(b)\n"
                "    output z = matmul(y, transpose(enc.linear.weight))\n"
                "}\n");
  EXPECT_EQ(parameter_names(module.eval),
            (std::vector<std::string>{"enc.linear.weight", "enc.linear.bias", "enc.linear.1.weight",
                                      "enc.linear.1.bias"}));
}

TEST(Network, BatchNormMovesItsRunningStatisticsOnlyInTraining) {
  const Module module = module_of(
      "model M {\n"
      "    input x: f32[N, 1, 4, 4]\n"
      "    output y = x -> Conv2d(2, 3) as conv -> BatchNorm2d as bn -> flatten -> Linear(3) as fc\n"
      "}\n"
      "data d {\n"
      "    split train = csv(\"d.csv\", label = -1)\n"
      "    field x = column(0)\n"
      "    field label = column(1)\n"
      "}\n"
      "train M with d { loss = cross_entropy(y, label); optimizer = Adam() }\n");
  int moving = 0;
  for (const Persistent& persistent : module.train.persistents) {
    moving += persistent.next >= 0;
    EXPECT_EQ(persistent.next >= 0, !persistent.trainable);
  }
  EXPECT_EQ(moving, 2);
  for (const Persistent& persistent : module.eval.persistents) EXPECT_EQ(persistent.next, -1);
  EXPECT_EQ(module.optimizers.size(), 6u);
}

TEST(Network, WeightsAreLaidOutAsInPyTorch) {
  const Module module = module_of("model M { input x: f32[N, 6, 9, 9]; output y = x -> Conv2d(8, [3, 5], "
                                  "groups = 2) as c -> flatten -> Linear(7) as f }");
  EXPECT_EQ(type_of(module.eval, "c.weight"), "f32[8,3,3,5]");
  EXPECT_EQ(type_of(module.eval, "f.weight"), "f32[7,280]");
}

TEST(Network, ALayerTwiceInOneExpressionIsNoRecursion) {
  const Module module =
      module_of("model M { input x: f32[N, 5]; layer enc = Linear(5); output y = enc(tanh(enc(x))) }");
  EXPECT_EQ(parameter_names(module.eval), (std::vector<std::string>{"enc.weight", "enc.bias"}));
}

TEST(Network, AStateMayTakeAnotherOnesValue) {
  const Module module = module_of(
      "layer L() (x[N, C]) {\n"
      "    state a: f32[C] = ones; state b: f32[C] = zeros\n"
      "    next a = b; next b = a\n"
      "    return x * a\n"
      "}\n"
      "model M { input x: f32[N, 4]; output y = x -> Linear(4) as f -> L() as l }\n"
      "data d { split train = csv(\"d.csv\", label = -1); field x = column(0); field t = column(1) }\n"
      "train M with d { loss = cross_entropy(y, t); optimizer = Adam() }\n");
  EXPECT_EQ(type_of(module.train, "l.a.next"), "f32[4]");
  EXPECT_EQ(type_of(module.train, "l.b.next"), "f32[4]");
}

} // namespace
} // namespace striate
