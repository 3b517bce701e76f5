// Data, settings and optimizers.
#include "tests/elaborate/elaborated.h"

#include <algorithm>

namespace striate {
namespace {

const std::string kHead = "model M { input x: f32[N, 1, 4, 4]; output y = x -> flatten -> Linear(3) as fc }\n"
                          "data d {\n"
                          "    split train, test = idx(\"a\", \"b\") -> divide(10, 5)\n"
                          "    field x = column(0) -> to_real(1/255)\n"
                          "    field label = column(1)\n"
                          "}\n";

std::string with_train(const std::string& body) { return kHead + "train M with d {\n" + body + "\n}\n"; }

std::string update_of(const Module& module) {
  const Definition& definition = *module.optimizers[1].definition; // of the bias: one dimension
  std::string text;
  for (const Statement& statement : definition.statements)
    text += statement_text(
                statement,
                [&](int operand) { return definition.operands[static_cast<std::size_t>(operand)].name; }) +
            "\n";
  return text;
}

TEST(Train, SgdReadsItsRealsAtRunTime) {
  const Module module =
      module_of(with_train("loss = cross_entropy(y, label); optimizer = SGD(lr = 0.1, momentum = 0.9)"));
  EXPECT_EQ(update_of(module), "d[d0] = g[d0] + $optimizer.weight_decay * w[d0]\n"
                               "u[d0] = $optimizer.momentum * v[d0] + d[d0]\n"
                               "next_v[d0] = u[d0]\n"
                               "next_w[d0] = w[d0] - $optimizer.lr * u[d0]\n");
  ASSERT_EQ(module.optimizers[0].states.size(), 1u);
  EXPECT_EQ(module.optimizers[0].states[0].first, "v");
  const Definition& definition = *module.optimizers[0].definition;
  EXPECT_EQ(definition.operands[static_cast<std::size_t>(definition.outputs[0])].name, "next_w");
  EXPECT_EQ(definition.operands[static_cast<std::size_t>(definition.outputs[1])].name, "next_v");
}

TEST(Train, NesterovIsDecidedAtCompileTime) {
  const Module module = module_of(with_train(
      "loss = cross_entropy(y, label); optimizer = SGD(lr = 0.1, momentum = 0.9, nesterov = true)"));
  EXPECT_NE(
      update_of(module).find("next_w[d0] = w[d0] - $optimizer.lr * (d[d0] + $optimizer.momentum * u[d0])"),
      std::string::npos)
      << update_of(module);
}

TEST(Train, AdamCorrectsItsBiasByTheStep) {
  const Module module =
      module_of(with_train("loss = cross_entropy(y, label); optimizer = Adam(betas = [0.8, 0.99])"));
  EXPECT_NE(update_of(module).find("1 - pow($optimizer.betas.0, $step)"), std::string::npos)
      << update_of(module);
  EXPECT_EQ(module.scalars[1], (std::pair<std::string, double>("optimizer.betas.0", 0.8)));
}

TEST(Train, TheCommandLineSetsWhatTheFileSays) {
  ElaborateOptions options;
  options.settings = {{"train.epochs", "7"}, {"train.lr", "0.5"}};
  const Module module =
      module_of(with_train("loss = cross_entropy(y, label); optimizer = SGD(lr = 0.1); epochs = 2"), options);
  EXPECT_EQ(module.training.epochs, 7);
  EXPECT_EQ(module.scalars[0].second, 0.5);
  options.settings = {{"train.epoch", "7"}};
  EXPECT_EQ(errors_of(with_train("loss = cross_entropy(y, label); optimizer = SGD(lr = 0.1)"), options),
            "E0502 at 1:1: there is no setting `train.epoch`");
}

TEST(Train, TheCommandLineGivesTheModelsArguments) {
  const std::string text =
      "model M(classes: int = 10) { input x: f32[N, 4]; output y = x -> Linear(classes) as fc }";
  ElaborateOptions options;
  options.parameters = {{"classes", "25 * 4"}};
  EXPECT_EQ(type_of(module_of(text, options).eval, "fc"), "f32[N,100]");
  options.parameters = {{"clases", "3"}};
  EXPECT_EQ(errors_of(text, options), "E0203 at 1:1: `M` has no argument `clases`");
}

TEST(Train, DataOfAnotherSizeIsToldInNumbers) {
  ElaborateOptions options;
  options.column_type = [](const DataDescription&, int column) -> std::optional<ColumnType> {
    if (column == 0) return ColumnType{ElementType::U8, {1, 4, 5}};
    return ColumnType{ElementType::U8, {}};
  };
  EXPECT_EQ(errors_of(with_train("loss = cross_entropy(y, label); optimizer = SGD(lr = 0.1)"), options),
            "E0503 at 4:15: the model's input `x` takes 1 x 4 x 4 = 16 numbers per example, but column 0 has "
            "1 x 4 x 5 = 20");
}

std::string with_field(const std::string& field) {
  std::string text = with_train("loss = cross_entropy(y, label); optimizer = SGD(lr = 0.1)");
  const std::string old = "field x = column(0)";
  return text.replace(text.find(old), old.size(), "field x = column(0) -> " + field);
}

TEST(Train, StagesOfAFieldMayChangeTheSize) {
  ElaborateOptions options;
  options.column_type = [](const DataDescription&, int column) -> std::optional<ColumnType> {
    if (column == 0) return ColumnType{ElementType::U8, {1, 6, 5}};
    return ColumnType{ElementType::U8, {}};
  };
  const std::string cut = "when training { random_crop(4) } else { center_crop2d(4) }";
  const Module module = module_of(with_field(cut), options);
  EXPECT_EQ(type_of(module.train, "x"), "u8[N,1,6,5]");
  EXPECT_EQ(errors_of(with_field("when training { random_crop(3) } else { center_crop2d(4) }"), options),
            "E0503 at 1:17: the input `x` is f32[N,1,4,4], but its field gives f32[N,1,3,3]");
}

TEST(Train, DrawsOfAFieldBelongToRows) {
  const Module module = module_of(with_field("when training { random_flip }"));
  const std::string text = print(module.train);
  EXPECT_NE(text.find("u[n] = random(0, @(row[n]); "), std::string::npos) << text;
  const auto rows = std::ranges::find(module.bindings, kRowNumbers, &InputBinding::column);
  ASSERT_NE(rows, module.bindings.end());
  EXPECT_EQ(type_of(module.train, rows->input), "i32[N]");
  EXPECT_EQ(module.eval.find(rows->input), -1);
  // What a layer draws belongs to the step.
  const Module layer = module_of(with_train("loss = cross_entropy(drop(y, p = 0.5), label); "
                                            "optimizer = SGD(lr = 0.1)"));
  EXPECT_NE(print(layer.train).find("random("), std::string::npos);
  EXPECT_EQ(print(layer.train).find("@(row"), std::string::npos);
  EXPECT_EQ(errors_of(with_field("random_flip")).substr(0, 61),
            "E0502 at 4:28: `random_flip` draws random numbers, but evalua");
}

TEST(Train, FitsAreStatesOfBothGraphs) {
  const Module module = module_of(with_field("standardize(per = \"channel\")"));
  for (const Graph* graph : {&module.train, &module.eval}) {
    EXPECT_EQ(type_of(*graph, "data.x.mean"), "f32[1]");
    EXPECT_EQ(type_of(*graph, "data.x.scale"), "f32[1]");
  }
  ASSERT_EQ(module.data.fits.size(), 1u);
  EXPECT_EQ(module.data.fits[0].count, 1);
  const Module whitened = module_of(with_field("whiten(method = \"zca\")"));
  EXPECT_EQ(type_of(whitened.eval, "data.x.basis"), "f32[16,16]");
  EXPECT_EQ(whitened.data.fits.at(0).count, 16);
}

TEST(Train, AColumnOfAsManyNumbersTakesTheInputsShape) {
  ElaborateOptions options;
  options.column_type = [](const DataDescription&, int column) -> std::optional<ColumnType> {
    if (column == 0) return ColumnType{ElementType::F32, {16}};
    return ColumnType{ElementType::I32, {}};
  };
  const Module module =
      module_of(with_train("loss = cross_entropy(y, label); optimizer = SGD(lr = 0.1)"), options);
  EXPECT_EQ(type_of(module.train, "x"), "f32[N,1,4,4]");
  EXPECT_EQ(type_of(module.train, "label"), "i32[N]");
}

TEST(Train, FrozenLayersAreNotTrained) {
  const Module module = module_of(
      "model M { input x: f32[N, 4]; output y = x -> Linear(4) as a -> Linear(3) as b }\n"
      "data d { split train = csv(\"d\", label = -1); field x = column(0); field label = column(1) }\n"
      "train M with d { loss = cross_entropy(y, label); optimizer = SGD(lr = 1); freeze a }");
  ASSERT_EQ(module.optimizers.size(), 2u);
  EXPECT_EQ(module.optimizers[0].parameter, "b.weight");
}

const std::string kTwoLayers =
    "model M { input x: f32[N, 4]; output y = x -> Linear(4) as a -> Linear(3) as b }\n"
    "data d { split train = csv(\"d\", label = -1); field x = column(0); field label = column(1) }\n"
    "train M with d { loss = cross_entropy(y, label)\n";

std::string scalar_read_by(const Module& module, const std::string& parameter) {
  for (const OptimizerInstance& optimizer : module.optimizers)
    if (optimizer.parameter == parameter) {
      std::string rate;
      for (const Statement& statement : optimizer.definition->statements)
        visit(statement.body, [&](const ExprRef& e) {
          if (e->kind == Expr::Kind::Scalar && e->name.ends_with(".lr")) rate = e->name;
        });
      return rate;
    }
  return "none";
}

TEST(Train, ParameterGroupsHaveOptimizersOfTheirOwn) {
  ElaborateOptions options;
  options.settings = {{"train.lr", "0.3"}, {"train.a.bias.lr", "0.4"}};
  const Module module = module_of(
      kTwoLayers + "optimizer = SGD(lr = 0.1)\noptimizer b, a.bias = Adam(lr = 0.2 * epoch) }", options);
  EXPECT_EQ(scalar_read_by(module, "a.weight"), "optimizer.lr");
  EXPECT_EQ(scalar_read_by(module, "a.bias"), "optimizer.b.lr");
  EXPECT_EQ(scalar_read_by(module, "b.weight"), "optimizer.b.lr");
  EXPECT_EQ(module.optimizers.size(), 4u);
  const std::map<std::string, double> scalars(module.scalars.begin(), module.scalars.end());
  EXPECT_EQ(scalars.at("optimizer.lr"), 0.3);
  EXPECT_EQ(scalars.at("optimizer.b.lr"), 0.4) << "any of a group's names sets it";
  EXPECT_TRUE(module.schedules.empty()) << "the schedule was replaced";
}

TEST(Train, EveryParameterBelongsToOneOptimizer) {
  EXPECT_EQ(errors_of(kTwoLayers + "optimizer a, b.weight = SGD(lr = 1) }"),
            "E0501 at 3:7: no optimizer trains `b.bias`");
  EXPECT_EQ(errors_of(kTwoLayers + "optimizer a = SGD(lr = 1)\noptimizer a.bias, b = SGD(lr = 1) }"),
            "E0502 at 5:11: `a.bias` belongs to two optimizers");
  EXPECT_EQ(errors_of(kTwoLayers + "optimizer = SGD(lr = 1)\noptimizer c = SGD(lr = 1) }"),
            "E0201 at 5:11: no layer or parameter that is trained is called `c`");
  EXPECT_EQ(errors_of(kTwoLayers + "optimizer a = SGD(lr = 1); optimizer b = SGD(lr = 1)\nfreeze a }"),
            "E0201 at 4:11: no layer or parameter that is trained is called `a`");
  module_of(kTwoLayers + "optimizer a = SGD(lr = 1); freeze b }");
}

TEST(Train, FieldsBindToInputsByNameOrAsTold) {
  const Module module = module_of(
      "model M { input pixels: f32[N, 4]; output y = pixels -> Linear(3) as a }\n"
      "data d { split train = csv(\"d\", label = -1); field image = column(0); field label = column(1) }\n"
      "train M with d(pixels = image) { loss = cross_entropy(y, label); optimizer = SGD(lr = 1) }");
  EXPECT_EQ(module.bindings[0].input, "pixels");
  EXPECT_EQ(module.bindings[0].field, "image");
}

TEST(Train, MistakesInTheBlock) {
  const std::string good = "loss = cross_entropy(y, label); optimizer = SGD(lr = 0.1)";
  EXPECT_EQ(errors_of(with_train("optimizer = SGD(lr = 0.1)")),
            "E0501 at 7:7: this `train` block has no `loss`");
  EXPECT_EQ(errors_of(with_train(good + "; best = 3")), "E0502 at 8:60: `train` has no setting `best`");
  EXPECT_EQ(errors_of(with_train(good + "; batch = 0")), "E0205 at 8:68: `batch` is at least 1, not 0");
  EXPECT_EQ(errors_of(with_train(good + "; checkpoint(best = val.accuracy)")),
            "E0502 at 8:78: nothing is measured as `val.accuracy`");
  EXPECT_EQ(errors_of(with_train("loss = y; optimizer = SGD(lr = 0.1)")),
            "E0301 at 8:8: `loss` is one number per example, f32[N], but this is f32[N,3]");
}

} // namespace
} // namespace striate
