// Phases of a training, and what else a `train` block says beside optimizers: loads, accumulation, changes of
// gradients.
#include "tests/elaborate/elaborated.h"

#include <algorithm>

namespace striate {
namespace {

// Two auto-encoders on each other, and a classifier on top.
const std::string kStack =
    "layer Stage(units: int) (x[N, C]) {\n"
    "    code = x -> Linear(units) as enc -> sigmoid\n"
    "    return code, mse(code -> Linear(C) as dec, x)\n"
    "}\n"
    "model M {\n"
    "    input x: f32[N, 4]\n"
    "    code1, error1 = x -> Stage(3) as stage1\n"
    "    code2, error2 = code1 -> Stage(2) as stage2\n"
    "    output error1, error2\n"
    "    output y = code2 -> BatchNorm1d as norm -> Linear(3) as head\n"
    "}\n"
    "data d { split train, val = csv(\"d\", label = -1) -> divide(8, 2); field x = column(0); field label = "
    "column(1) }\n";

std::string stack(const std::string& body) { return kStack + "train M with d {\n" + body + "\n}\n"; }

const std::string kPhases = "batch = 8    epochs = 3\n"
                            "repeat i in 1..3 {\n"
                            "    phase pretrain{i} {\n"
                            "        loss = error{i}\n"
                            "        optimizer stage{i} = SGD(lr = 0.1 * i)\n"
                            "        if i == 2 { epochs = 2*i }\n"
                            "    }\n"
                            "}\n"
                            "phase fine {\n"
                            "    loss = cross_entropy(y, label)\n"
                            "    metric accuracy = top1(y, label)\n"
                            "    optimizer = Adam\n"
                            "    freeze stage1.enc.bias\n"
                            "    checkpoint(best = val.accuracy)\n"
                            "}";

std::vector<std::string> trained(const Module& module) {
  std::vector<std::string> names;
  for (const OptimizerInstance& optimizer : module.optimizers) names.push_back(optimizer.parameter);
  return names;
}

std::vector<std::string> ops(const Graph& graph) {
  std::vector<std::string> names;
  for (const Node& node : graph.nodes) names.push_back(node.path);
  return names;
}

using Names = std::vector<std::string>;

TEST(Phases, EachHasItsStepAndInheritsTheRest) {
  const std::vector<Module> modules = modules_of(stack(kPhases));
  ASSERT_EQ(modules.size(), 3u);
  EXPECT_EQ(modules[0].training.phase, "pretrain1");
  EXPECT_EQ(modules[1].training.phase, "pretrain2");
  EXPECT_EQ(modules[2].training.phase, "fine");
  EXPECT_EQ(modules[0].training.epochs, 3);
  EXPECT_EQ(modules[1].training.epochs, 4) << "the index of `repeat` is a number";
  EXPECT_EQ(modules[2].training.batch, 8);
  EXPECT_EQ(modules[0].training.best, "");
  EXPECT_EQ(modules[2].training.best, "val.accuracy");
  EXPECT_EQ(modules[1].scalars[0], (std::pair<std::string, double>("optimizer.stage2.lr", 0.2)));

  EXPECT_EQ(trained(modules[0]),
            (Names{"stage1.enc.weight", "stage1.enc.bias", "stage1.dec.weight", "stage1.dec.bias"}));
  EXPECT_EQ(trained(modules[1]),
            (Names{"stage2.enc.weight", "stage2.enc.bias", "stage2.dec.weight", "stage2.dec.bias"}));
  EXPECT_EQ(trained(modules[2]), (Names{"stage1.enc.weight", "stage2.enc.weight", "stage2.enc.bias",
                                        "norm.weight", "norm.bias", "head.weight", "head.bias"}))
      << "what is frozen, and the decoders, which the loss does not read, are not trained";
  for (const Module& module : modules)
    EXPECT_EQ(parameter_names(module.train), parameter_names(modules[0].eval)) << "all have all parameters";
}

TEST(Phases, LayersThatTheLossDoesNotReachRest) {
  const std::vector<Module> modules = modules_of(stack(kPhases));
  for (const std::string& path : ops(modules[0].train)) EXPECT_FALSE(path.starts_with("stage2")) << path;
  const auto next_of = [](const Module& module, const std::string& name) {
    for (const Persistent& persistent : module.train.persistents)
      if (module.train.values[static_cast<std::size_t>(persistent.value)].name == name)
        return persistent.next >= 0;
    return false;
  };
  EXPECT_FALSE(next_of(modules[1], "norm.running_mean")) << "its layer takes no part";
  EXPECT_TRUE(next_of(modules[2], "norm.running_mean"));
  const Module frozen = modules_of(stack(kPhases + "\nfreeze norm"))[2];
  EXPECT_FALSE(next_of(frozen, "norm.running_mean")) << "what is frozen in `train` is frozen in each phase";
}

TEST(Phases, TheCommandLineSetsThemByName) {
  ElaborateOptions options;
  options.settings = {{"train.epochs", "7"},
                      {"train.pretrain1.epochs", "5"},
                      {"train.pretrain1.stage1.lr", "0.5"},
                      {"train.fine.lr", "0.25"}};
  const std::vector<Module> modules = modules_of(stack(kPhases), options);
  EXPECT_EQ(modules[0].training.epochs, 5);
  EXPECT_EQ(modules[1].training.epochs, 4) << "it has epochs of its own";
  EXPECT_EQ(modules[2].training.epochs, 7);
  EXPECT_EQ(modules[0].scalars[0].second, 0.5);
  EXPECT_EQ(modules[2].scalars[0].second, 0.25);
  options.settings = {{"train.fine.stage1.lr", "1"}};
  EXPECT_EQ(errors_of(stack(kPhases), options), "E0502 at 1:1: there is no setting `train.fine.stage1.lr`");
}

TEST(Phases, WhatOneInheritsTheCommandLineSetsForItAlone) {
  ElaborateOptions options;
  options.settings = {{"train.b.lr", "0.5"}};
  const std::vector<Module> modules =
      modules_of(stack("loss = error1; optimizer = SGD(lr = 0.1)\nphase a { }\nphase b { }"), options);
  EXPECT_EQ(modules[0].scalars[0].second, 0.1);
  EXPECT_EQ(modules[1].scalars[0].second, 0.5);
}

TEST(Phases, Mistakes) {
  const std::string good = "loss = error1; optimizer = SGD(lr = 1)\n";
  EXPECT_EQ(errors_of(stack(good + "phase a { }\nphase a { }")),
            "E0202 at 16:7: there is a phase `a` already");
  EXPECT_EQ(errors_of(stack(good + "phase a { phase b { } }")),
            "E0502 at 15:11: a phase has no phases of its own");
  EXPECT_EQ(errors_of(stack(good + "phase a { seed = 2 }")),
            "E0502 at 15:11: `seed` is the whole run's, not a phase's");
  EXPECT_EQ(errors_of(stack("loss = error1\nphase a { }")),
            "E0501 at 15:7: the phase `a` and its `train` block have no `optimizer`");
  EXPECT_EQ(errors_of(stack(good + "phase a { optimizer stage2 = SGD(lr = 1) }")),
            "E0201 at 15:21: no layer or parameter that is trained is called `stage2`");
  EXPECT_EQ(errors_of(stack(good + "phase a{1/2} { }")),
            "E0204 at 15:9: a name is made of integers and texts, not the real number 0.5");
  EXPECT_EQ(errors_of(stack(good + "checkpoint(best = val.accuracy)\nphase a { }")),
            "E0502 at 15:23: nothing is measured as `val.accuracy`");
  EXPECT_EQ(errors_of(stack(good + "phase a { }\nphase b { loss = mse(y -> Linear(4), x) }")),
            "E0502 at 16:27: `linear.weight` is in the loss or a metric of the phase `b` alone");
  EXPECT_EQ(errors_of(stack(good + "phase a { epochs = 1; epochs = 2 }")),
            "E0202 at 15:23: `epochs` is set twice");
  EXPECT_EQ(errors_of(stack(good + "repeat i in 0..2 { freeze stage{i} }")),
            "E0201 at 15:27: no layer or parameter is called `stage0`");
}

TEST(Train, LoadsNameWhatTheModelHas) {
  const std::string text = "loss = error1; optimizer = SGD(lr = 1)\n";
  const Module module =
      module_of(stack(text + "load \"f.safetensors\" into stage1.enc, head except head.bias"));
  ASSERT_EQ(module.training.loads.size(), 1u);
  EXPECT_EQ(module.training.loads[0].file, "f.safetensors");
  EXPECT_EQ(module.training.loads[0].into, (Names{"stage1.enc", "head"}));
  EXPECT_EQ(module.training.loads[0].except, (Names{"head.bias"}));
  EXPECT_EQ(errors_of(stack(text + "load \"f.safetensors\" into stage3")),
            "E0201 at 15:1: no layer or parameter is called `stage3`");
  const std::vector<Module> modules =
      modules_of(stack(text + "load \"a.npz\"\nphase a { }\nphase b { load \"b.npz\" into head }"));
  EXPECT_EQ(modules[0].training.loads.at(0).file, "a.npz") << "before the first phase";
  ASSERT_EQ(modules[1].training.loads.size(), 1u);
  EXPECT_EQ(modules[1].training.loads[0].file, "b.npz");
}

TEST(Train, AccumulationDividesTheBatch) {
  const std::string text = "loss = error1; optimizer = SGD(lr = 1); batch = 8; ";
  EXPECT_EQ(module_of(stack(text + "accumulate = 4\nphase a { }")).training.accumulate, 4);
  EXPECT_EQ(errors_of(stack(text + "accumulate = 9")),
            "E0502 at 13:7: `accumulate` divides a batch of 8 into 9 parts");
  EXPECT_EQ(
      errors_of(stack("loss = cross_entropy(y, label); optimizer = SGD(lr = 1); accumulate = 2")),
      "E0502 at 10:25: `standardize_batch` takes a value over the whole batch, which `accumulate` divides");
}

TEST(Train, GradientsAreChangedBeforeTheUpdates) {
  const std::string text = "loss = error1; optimizer stage1 = SGD(lr = 1); freeze stage2, norm, head; ";
  ElaborateOptions options;
  options.settings = {{"train.gradient.max_norm", "0.5 -> linear_decay"}};
  const Module module = module_of(stack(text + "gradient = clip_norm(2)"), options);
  ASSERT_EQ(module.optimizers.size(), 8u);
  EXPECT_TRUE(module.optimizers[0].of_gradient);
  EXPECT_TRUE(module.optimizers[0].totals);
  EXPECT_EQ(module.optimizers[0].parameter, "stage1.enc.weight");
  EXPECT_FALSE(module.optimizers[4].of_gradient);
  ASSERT_EQ(module.schedules.size(), 1u);
  EXPECT_EQ(module.schedules[0].scalar, "gradient.max_norm");
  EXPECT_EQ(errors_of(stack(text + "gradient = SGD(lr = 1)")),
            "E0502 at 14:86: `SGD` changes parameters, so it is no `gradient`");
  EXPECT_EQ(errors_of(stack("loss = error1; optimizer = clip_norm(1)")),
            "E0502 at 14:28: `clip_norm` changes gradients, so it is no `optimizer`");
}

TEST(Train, AnOptimizerMayAddUpOverItsParameters) {
  const Module module = module_of("optimizer Unit(lr: real) (w[..], g[..]) {\n"
                                  "    d = g + w\n"
                                  "    total square = sum(..) d[..] ** 2\n"
                                  "    next w = w - lr * d / sqrt(square)\n"
                                  "}\n" +
                                  stack("loss = error1; optimizer = Unit(lr = 1)"));
  const OptimizerInstance& instance = module.optimizers[1]; // of a bias: one dimension
  const auto text_of = [](const Definition& definition) {
    std::string text;
    for (const Statement& statement : definition.statements)
      text += statement_text(
                  statement,
                  [&](int operand) { return definition.operands[static_cast<std::size_t>(operand)].name; }) +
              "\n";
    return text;
  };
  EXPECT_EQ(text_of(*instance.totals), "d[d0] = g[d0] + w[d0]\nsquare[] = sum(d0: 3) d[d0] * d[d0]\n");
  EXPECT_EQ(text_of(*instance.definition),
            "d[d0] = g[d0] + w[d0]\nnext_w[d0] = w[d0] - $optimizer.lr * d[d0] / sqrt(square[])\n");
}

} // namespace
} // namespace striate
