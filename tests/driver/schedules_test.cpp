// Numbers that change while training, from the program's text to the values the host sets.
#include "driver/schedules.h"

#include "tests/elaborate/elaborated.h"

#include <cmath>
#include <numbers>

namespace striate {
namespace {

std::string program(const std::string& optimizer) {
  return "model M { input x: f32[N, 4]; output y = x -> Linear(3) as a -> Linear(3) as b }\n"
         "data d { split train, val = csv(\"d\", label = -1) -> divide(8, 2)\n"
         "  field x = column(0); field label = column(1) }\n"
         "schedule halved(rate: real) { half = rate / 2; return if epoch >= 2 and step > 1 { half } else { "
         "rate } }\n"
         "train M with d { loss = cross_entropy(y, label)\n" +
         optimizer + "\n}";
}

// The rate `lr = TEXT` at step 5 of 20, in epoch 3 of 10.
double rate_of(const std::string& text, const Moment& moment = {5, 20, 3, 10, {0.5}}) {
  const Module module = module_of(program("optimizer = SGD(lr = " + text + ")"));
  EXPECT_EQ(module.schedules.size(), 1u) << text;
  return module.schedules.empty() ? NAN : evaluate_schedule(module.schedules[0].value, moment);
}

TEST(Schedules, OfTheLibraryAreTheirFormulas) {
  EXPECT_DOUBLE_EQ(rate_of("0.8 -> step_decay(every = 2)"), 0.8 * 0.1);
  EXPECT_DOUBLE_EQ(rate_of("step_decay(0.8, 3, factor = 0.5)"), 0.8 * 0.5);
  EXPECT_DOUBLE_EQ(rate_of("0.8 -> exponential_decay(0.9)"), 0.8 * std::pow(0.9, 3));
  EXPECT_DOUBLE_EQ(rate_of("0.8 -> cosine_decay(end = 0.2)"),
                   0.2 + 0.6 * (1 + std::cos(std::numbers::pi * 4 / 20)) / 2);
  EXPECT_DOUBLE_EQ(rate_of("0.8 -> cosine_decay(over = 4)"), 0);
  EXPECT_DOUBLE_EQ(rate_of("0.8 -> linear_decay"), 0.8 * (1 - 4.0 / 20));
  EXPECT_DOUBLE_EQ(rate_of("0.8 -> warm_up(10)"), 0.4);
  EXPECT_DOUBLE_EQ(rate_of("0.8 -> warm_up(5) -> step_decay(every = 1)"), 0.8 * std::pow(0.1, 3));
  EXPECT_DOUBLE_EQ(rate_of("0.8 -> cosine_decay -> warm_up(10)"),
                   0.4 * (1 + std::cos(std::numbers::pi * 4 / 20)) * 0.5);
}

TEST(Schedules, AreExpressions) {
  EXPECT_DOUBLE_EQ(rate_of("0.1 / (1 + 0.01*step)"), 0.1 / 1.05);
  EXPECT_DOUBLE_EQ(rate_of("if epoch < 3 { 0.1 } else { 0.01 }"), 0.01);
  EXPECT_DOUBLE_EQ(rate_of("select(epoch % 2 == 1, 0.3, 0.4)"), 0.3);
  EXPECT_DOUBLE_EQ(rate_of("max(0.01, 1 - epoch / epochs, 0.2)"), 0.7);
  EXPECT_DOUBLE_EQ(rate_of("0.5 -> halved"), 0.25);
  EXPECT_DOUBLE_EQ(rate_of("0.5 -> halved", {1, 20, 3, 10, {}}), 0.5);
  EXPECT_DOUBLE_EQ(rate_of("0.8 * plateau(val.loss)"), 0.4);
}

TEST(Schedules, WhatNeverChangesIsNoSchedule) {
  const Module module = module_of(program("optimizer = SGD(lr = exp(0) / 4, momentum = min(0.9, 1))"));
  EXPECT_TRUE(module.schedules.empty());
  EXPECT_EQ(module.scalars[0], (std::pair<std::string, double>("optimizer.lr", 0.25)));
}

TEST(Schedules, PlateausKeepTheirArguments) {
  const Module module = module_of(
      program("optimizer = SGD(lr = plateau(val.loss, factor = 0.5, patience = 3) * plateau(train.loss))"));
  ASSERT_EQ(module.plateaus.size(), 2u);
  PhaseOptions options;
  set_schedules(module, options);
  EXPECT_EQ(options.plateaus[0].measure, "val.loss");
  EXPECT_EQ(options.plateaus[0].factor, 0.5);
  EXPECT_EQ(options.plateaus[0].patience, 3);
  EXPECT_EQ(options.schedules[0].scalar, "optimizer.lr");
  EXPECT_EQ(options.schedules[0].name, "lr");
  EXPECT_EQ(options.schedules[0].value({1, 1, 0, 1, {0.5, 0.25}}), 0.125);
}

TEST(Schedules, TheCommandLineGivesThemToo) {
  ElaborateOptions options;
  options.settings = {{"train.lr", "0.8 -> warm_up(10)"}};
  const Module module = module_of(program("optimizer = SGD(0.1, 0.9)"), options);
  ASSERT_EQ(module.schedules.size(), 1u);
  EXPECT_DOUBLE_EQ(evaluate_schedule(module.schedules[0].value, {5, 20, 0, 1, {}}), 0.4);
  EXPECT_EQ(module.scalars[1].second, 0.9) << "the argument beside it stays";
}

TEST(Schedules, MistakesAreToldWhereTheyAre) {
  const auto mistake = [](const std::string& rate) {
    return errors_of(program("optimizer = SGD(lr = " + rate + ")"));
  };
  EXPECT_EQ(mistake("0.1 * epoc"), "E0201 at 6:28: no number is called `epoc` here");
  EXPECT_EQ(mistake("0.1 -> cosine(3)"), "E0201 at 6:29: no schedule or scalar function is called `cosine`");
  EXPECT_EQ(mistake("0.1 -> warm_up"), "E0203 at 6:29: `warm_up` needs `over`");
  EXPECT_EQ(mistake("0.1 -> warm_up(1, 2)"), "E0203 at 6:40: `warm_up` has no argument number 3");
  EXPECT_EQ(mistake("0.1 -> warm_up(length = step)"), "E0203 at 6:37: `warm_up` has no argument `length`");
  EXPECT_EQ(mistake("step > 2"), "E0204 at 6:22: `step > 2` is true or false, and a number is needed here");
  EXPECT_EQ(mistake("select(step, 1, 2)"),
            "E0204 at 6:29: a condition is true or false, and `step` is a number");
  EXPECT_EQ(mistake("min(step)"), "E0203 at 6:22: `min` takes at least 2 numbers, not 1");
  EXPECT_EQ(mistake("plateau(val.accuracy)"), "E0502 at 6:34: nothing is measured as `val.accuracy`");
  EXPECT_EQ(mistake("plateau(factor = 0.5)"), "E0203 at 6:22: `plateau` needs the measure that it watches");
  EXPECT_EQ(mistake("plateau(val.loss, factor = 1 / step)"),
            "E0205 at 6:49: `factor` is a number from 0 that does not change, not `1/step`");
  EXPECT_EQ(mistake("plateau(val.loss, wait = 1)"), "E0203 at 6:40: `plateau` has no argument `wait`");
}

} // namespace
} // namespace striate
