#include "runtime/trainer.h"

#include "runtime/interrupt.h"
#include "runtime/metrics_log.h"
#include "runtime/safetensors.h"
#include "support/version.h"
#include "tests/runtime/scratch.h"
#include "tests/runtime/toy_program.h"

#include <algorithm>

namespace striate {

class TrainerRuns : public Scratch {
protected:
  TrainerRuns() {
    install_interrupt_handlers();
    clear_interrupts();
    toy::interrupt_at_step = toy::interrupt_in_evaluation = -1;
    toy::break_at_step = toy::break_weight_at_step = -1;
    // 200 points, labelled by a line through the origin.
    Table table;
    Tensor features(ElementType::F32, {200, 2}), labels(ElementType::U8, {200});
    for (uint64_t i = 0; i < 200; ++i) {
      const float x = uniform(9, i, 0, 0) - 0.5f, y = uniform(9, i, 0, 1) - 0.5f;
      features.as<float>()[2 * i] = x;
      features.as<float>()[2 * i + 1] = y;
      labels.as<uint8_t>()[i] = x > 2 * y;
    }
    table.columns.push_back({"features", std::move(features)});
    table.columns.push_back({"label", std::move(labels)});
    const Split all = Split::whole("all", std::move(table));
    Result<std::vector<Split>> parts = divide(all, {"train", "val", "test"}, {117, 43, 40});
    for (Split& split : *parts) EXPECT_TRUE(dataset_.add(std::move(split)).ok());
    options_.phases.resize(1);
    options_.phases[0].epochs = 4;
    options_.phases[0].batch = 17; // 6 full batches and one of 15
    options_.phases[0].bindings = {{"x", 0}, {"label", 1}};
    options_.phases[0].metrics = {"accuracy"};
    options_.phases[0].best = "val.accuracy";
    options_.notes = {{"version", "test"}};
    options_.progress = ProgressMode::None;
  }

  // A run in the folder `name`, from its latest checkpoint where it has one.
  Result<TrainingResult> run(const std::string& name, int threads = 1) {
    options_.run_folder = path(name);
    clear_interrupts();
    const ExecutorMaker make = [&](std::size_t) { return Executor::create(toy::program(), threads); };
    const bool again = !checkpoint_files(options_.run_folder).empty();
    EXPECT_TRUE(
        open_run_folder(options_.run_folder, again ? RunFolderUse::Resume : RunFolderUse::Create).ok());
    if (!again) return train(make, dataset_, options_);
    const LatestCheckpoint latest = std::move(latest_checkpoint(options_.run_folder).value());
    return train(make, dataset_, options_, &latest);
  }

  std::string weights(const std::string& name) { return *read_file(model_path(path(name))); }
  // The log with its times taken out.
  std::string log(const std::string& name) {
    std::string text = *read_file(metrics_path(path(name))), without;
    for (std::size_t begin = 0, end; begin < text.size(); begin = text.find('\n', end)) {
      end = text.find("\"time\":", begin);
      without += text.substr(begin, end - begin);
    }
    return without;
  }
  int64_t log_lines(const std::string& name) {
    const std::string text = log(name);
    return std::count(text.begin(), text.end(), '\n');
  }

  static constexpr int64_t kSteps = 4 * 7;
  Dataset dataset_;
  TrainerOptions options_;
};

static double value_of(const TrainingResult& result, const std::string& split, const std::string& name) {
  for (const auto& [of, values] : result.splits)
    for (const auto& [metric, value] : values)
      if (of == split && metric == name) return value;
  return -1;
}

TEST_F(TrainerRuns, LearnsAndLeavesItsFiles) {
  const Result<TrainingResult> result = run("run");
  ASSERT_TRUE(result.ok()) << result.failure().message;
  EXPECT_EQ(result->code, ExitCode::Ok);
  EXPECT_EQ(result->epoch, 4);
  EXPECT_EQ(result->step, kSteps);
  EXPECT_GT(value_of(*result, "test", "accuracy"), 0.9);
  EXPECT_LT(value_of(*result, "train", "loss"), 0.6);
  EXPECT_EQ(checkpoint_files(path("run")).size(), 3u);
  EXPECT_EQ(result->checkpoint, path("run/checkpoint-0000000028.safetensors"));
  EXPECT_TRUE(load_checkpoint(best_checkpoint_path(path("run"))).ok());
  const Safetensors model = std::move(read_safetensors(model_path(path("run"))).value());
  EXPECT_EQ(model.tensors.size(), 2u);
  EXPECT_EQ(model.metadata.size(), 1u) << "nothing of how it was run: equal weights make equal files";
  EXPECT_EQ(model.metadata.at("striate.version"), kVersion);
  // Loss and accuracy of train and val in each epoch, and of test.
  EXPECT_EQ(log_lines("run"), 4 * 4 + 2);
}

TEST_F(TrainerRuns, EvaluationIsTheExactMeanOverRaggedBatches) {
  Executor executor = std::move(Executor::create(toy::program(), 2).value());
  ASSERT_TRUE(executor.initialize().ok());
  const Split& split = *dataset_.find("val"); // 43 examples, capacity 40
  const MetricValues values = evaluate(executor, split, options_.phases[0]).value().value();
  const std::vector<NamedTensor> weights = executor.weights();
  const auto w = weights[0].tensor.as<float>();
  double loss = 0;
  for (int64_t row : split.rows) {
    const float* x = split.table->columns[0].values.as<float>().data() + 2 * row;
    const float p = 1 / (1 + std::exp(-(w[0] * x[0] + w[1] * x[1])));
    loss -= std::log(split.table->columns[1].values.as<uint8_t>()[static_cast<std::size_t>(row)] ? p : 1 - p);
  }
  EXPECT_NEAR(values[0].second, loss / 43, 1e-6);
}

TEST_F(TrainerRuns, ThreadsDoNotChangeABit) {
  ASSERT_TRUE(run("one", 1).ok());
  ASSERT_TRUE(run("three", 3).ok());
  EXPECT_EQ(weights("one"), weights("three"));
  EXPECT_EQ(log("one"), log("three"));
}

TEST_F(TrainerRuns, AnInterruptedRunEndsAsAnUninterruptedOne) {
  ASSERT_TRUE(run("whole").ok());
  for (int64_t step = 1; step <= kSteps; ++step) {
    const std::string name = "cut" + std::to_string(step);
    toy::interrupt_at_step = step;
    const Result<TrainingResult> cut = run(name);
    ASSERT_TRUE(cut.ok()) << cut.failure().message;
    EXPECT_EQ(cut->code, ExitCode::Interrupted);
    EXPECT_EQ(cut->step, step) << "the step is finished, and no other begun";
    toy::interrupt_at_step = -1;
    const Result<TrainingResult> resumed = run(name);
    ASSERT_TRUE(resumed.ok()) << resumed.failure().message;
    EXPECT_EQ(resumed->code, ExitCode::Ok);
    EXPECT_EQ(weights(name), weights("whole")) << step;
    EXPECT_EQ(log(name), log("whole")) << step;
    EXPECT_EQ(*read_file(path(name + "/checkpoint-0000000028.safetensors")),
              *read_file(path("whole/checkpoint-0000000028.safetensors")));
    EXPECT_EQ(*read_file(best_checkpoint_path(path(name))), *read_file(best_checkpoint_path(path("whole"))));
  }
}

TEST_F(TrainerRuns, ScheduledNumbersAreSetLoggedAndResumed) {
  ASSERT_TRUE(run("constant").ok());
  // Falls with the steps, and whenever the accuracy is not much better than before.
  options_.phases[0].schedules = {{"optimizer.lr", "lr", [](const Moment& moment) {
                                     EXPECT_EQ(moment.steps, kSteps);
                                     EXPECT_EQ(moment.epochs, 4);
                                     EXPECT_EQ(moment.epoch, (moment.step - 1) / 7);
                                     return 0.5 * moment.plateaus.at(0) *
                                            (1 - static_cast<double>(moment.step) /
                                                     static_cast<double>(2 * moment.steps));
                                   }}};
  options_.phases[0].plateaus = {{"val.accuracy", 0.5, 0, 0.5, 0}};
  ASSERT_TRUE(run("whole").ok());
  EXPECT_NE(weights("whole"), weights("constant"));
  EXPECT_EQ(log_lines("whole"), 4 * 5 + 2) << "the rate, once an epoch";
  EXPECT_NE(log("whole").find("\"step\":7,\"epoch\":1,\"split\":\"train\",\"name\":\"lr\",\"value\":0.4375,"),
            std::string::npos)
      << log("whole");
  EXPECT_NE(log("whole").find("\"name\":\"lr\",\"value\":0.15625,"), std::string::npos)
      << "halved after epoch 2";
  for (int64_t step : {3, 7, 8, 14, 15, 20, 21, 27}) {
    const std::string name = "cut" + std::to_string(step);
    toy::interrupt_at_step = step;
    ASSERT_TRUE(run(name).ok());
    toy::interrupt_at_step = -1;
    ASSERT_TRUE(run(name).ok());
    EXPECT_EQ(weights(name), weights("whole")) << step;
    EXPECT_EQ(log(name), log("whole")) << step;
  }
}

TEST_F(TrainerRuns, AScheduleThatGivesNoNumberStops) {
  options_.phases[0].schedules = {{"optimizer.lr", "lr", [](const Moment& moment) {
                                     return 1.0 / static_cast<double>(moment.step - 3);
                                   }}};
  const Result<TrainingResult> result = run("run");
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.failure().code, ExitCode::NonFinite);
  EXPECT_EQ(result.failure().message, "`lr` is inf at step 3 (epoch 1); nothing was saved yet");
}

TEST_F(TrainerRuns, AnInterruptWhileEvaluatingEvaluatesAgain) {
  ASSERT_TRUE(run("whole").ok());
  // Each epoch's evaluation takes 2 batches; the last one's is followed by the test split's single batch.
  for (int64_t evaluation = 0; evaluation < 9; ++evaluation) {
    const std::string name = "cut" + std::to_string(evaluation);
    toy::interrupt_in_evaluation = evaluation;
    const Result<TrainingResult> cut = run(name);
    ASSERT_TRUE(cut.ok()) << cut.failure().message;
    toy::interrupt_in_evaluation = -1;
    EXPECT_EQ(cut->code, evaluation < 8 ? ExitCode::Interrupted : ExitCode::Ok) << "the last is too late";
    ASSERT_TRUE(run(name).ok());
    EXPECT_EQ(weights(name), weights("whole"));
    EXPECT_EQ(log(name), log("whole"));
  }
}

TEST_F(TrainerRuns, ANonFiniteLossStopsBeforeAnythingIsSaved) {
  toy::break_at_step = 10;
  const Result<TrainingResult> result = run("run");
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.failure().code, ExitCode::NonFinite);
  EXPECT_EQ(result.failure().message, "the loss is not finite at step 10 (epoch 2): first seen in `fc` "
                                      "(toy.nn:2:5); the last checkpoint is `" +
                                          path("run/checkpoint-0000000007.safetensors") +
                                          "`; a lower learning rate may help");
  EXPECT_EQ(latest_checkpoint(path("run"))->checkpoint.step, 7);
}

TEST_F(TrainerRuns, AWeightThatIsNotFiniteIsNamedInTheNextStep) {
  toy::break_weight_at_step = 3;
  EXPECT_EQ(
      run("run").failure().message,
      "the loss is not finite at step 4 (epoch 1): first seen in `fc.weight`; nothing was saved yet; a lower "
      "learning rate may help");
  toy::break_weight_at_step = 7; // an epoch's last
  EXPECT_EQ(run("other").failure().message,
            "`fc.weight` is not finite after step 7 (epoch 1); nothing was saved yet; "
            "a lower learning rate may help");
}

TEST_F(TrainerRuns, AnInputThatIsNotFiniteIsNamed) {
  Table table;
  Tensor features(ElementType::F32, {20, 2}), labels(ElementType::U8, {20});
  features.as<float>()[2 * 13 + 1] = NAN;
  table.columns.push_back({"features", std::move(features)});
  table.columns.push_back({"label", std::move(labels)});
  dataset_ = {};
  ASSERT_TRUE(dataset_.add(Split::whole("train", std::move(table))).ok());
  const Result<TrainingResult> result = run("run");
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.failure().code, ExitCode::NonFinite);
  EXPECT_NE(
      result.failure().message.find("first seen in the input `x`, example 13 of the data (counted from 0); "
                                    "nothing was saved yet"),
      std::string::npos)
      << result.failure().message;
}

TEST_F(TrainerRuns, ResumingRefusesAnotherSeedOrBatch) {
  toy::interrupt_at_step = 10;
  ASSERT_TRUE(run("run").ok());
  toy::interrupt_at_step = -1;
  options_.seed = 2;
  EXPECT_NE(run("run").failure().message.find("was trained with seed 1, so it cannot be resumed with seed 2"),
            std::string::npos);
  options_.seed = 1;
  options_.phases[0].batch = 20;
  EXPECT_NE(run("run").failure().message.find("within an epoch of batches of 17"), std::string::npos);
  options_.phases[0].batch = 17;
  options_.phases[0].epochs = 6;
  EXPECT_EQ(run("run")->epoch, 6) << "more epochs are welcome";
}

TEST_F(TrainerRuns, CheckpointsAsOftenAsAskedAndWhenBest) {
  options_.phases[0].checkpoint_every = 3;
  options_.phases[0].checkpoint_keep = 10;
  options_.phases[0].best = "";
  ASSERT_TRUE(run("run").ok());
  EXPECT_EQ(checkpoint_files(path("run")).size(), 2u) << "after 3 epochs and at the end";
  EXPECT_FALSE(std::filesystem::exists(best_checkpoint_path(path("run"))));
  options_.phases[0].best = "val.loss";
  ASSERT_TRUE(run("other").ok());
  EXPECT_EQ(checkpoint_files(path("other")).size(), 4u) << "the loss falls in every epoch";
}

TEST_F(TrainerRuns, DataMustFit) {
  options_.phases[0].bindings = {{"x", 5}};
  EXPECT_EQ(run("run").failure().message, "`x` reads column 5, but the data has 2 columns");
  const Dataset empty;
  const ExecutorMaker make = [&](std::size_t) { return Executor::create(toy::program(), 1); };
  EXPECT_EQ(train(make, empty, options_).failure().message, "the data has no split called `train`");
}

TEST_F(TrainerRuns, PhasesKeepTheWeightsAndNothingElse) {
  options_.phases.resize(2, options_.phases[0]);
  options_.phases[0].name = "first";
  options_.phases[1].name = "second";
  options_.phases[1].epochs = 2;
  options_.phases[1].batch = 30;                    // 4 batches
  std::vector<std::pair<int64_t, int64_t>> moments; // of the second phase
  options_.phases[1].schedules = {{"optimizer.lr", "lr", [&](const Moment& moment) {
                                     EXPECT_EQ(moment.steps, 2 * 4);
                                     EXPECT_EQ(moment.epochs, 2);
                                     moments.emplace_back(moment.step, moment.epoch);
                                     return 0.25;
                                   }}};
  const Result<TrainingResult> result = run("run");
  ASSERT_TRUE(result.ok()) << result.failure().message;
  EXPECT_EQ(result->epoch, 6);
  EXPECT_EQ(result->step, kSteps + 8);
  EXPECT_EQ(moments.front(), (std::pair<int64_t, int64_t>(1, 0))) << "counters begin anew";
  EXPECT_EQ(moments.back(), (std::pair<int64_t, int64_t>(8, 1)));
  const std::string text = log("run");
  EXPECT_NE(text.find("{\"step\":28,\"epoch\":4,\"phase\":\"first\",\"split\":\"val\""), std::string::npos)
      << text;
  EXPECT_NE(text.find("{\"step\":32,\"epoch\":5,\"phase\":\"second\",\"split\":\"train\""), std::string::npos)
      << text;

  // The second phase begins where the first ended: at a rate of 0, its weights stay there.
  options_.phases[1].schedules = {{"optimizer.lr", "lr", [](const Moment&) { return 0.0; }}};
  ASSERT_TRUE(run("still").ok());
  const Checkpoint still =
      std::move(load_checkpoint(path("still/checkpoint-0000000036.safetensors")).value());
  options_.phases.pop_back();
  ASSERT_TRUE(run("alone").ok());
  const Checkpoint alone =
      std::move(load_checkpoint(path("alone/checkpoint-0000000028.safetensors")).value());
  ASSERT_EQ(alone.tensors[0].name, "fc.weight");
  EXPECT_TRUE(still.tensors[0].tensor.equals(alone.tensors[0].tensor));
}

TEST_F(TrainerRuns, AnInterruptedPhaseEndsAsAnUninterruptedOne) {
  options_.phases.resize(2, options_.phases[0]);
  options_.phases[0].name = "first";
  options_.phases[0].epochs = 2;
  options_.phases[1].name = "second";
  options_.phases[1].epochs = 2;
  options_.phases[1].batch = 30;
  options_.phases[1].plateaus = {{"val.accuracy", 0.5, 0, 0.5, 0}};
  options_.phases[1].schedules = {
      {"optimizer.lr", "lr", [](const Moment& moment) { return 0.5 * moment.plateaus.at(0); }}};
  ASSERT_TRUE(run("whole").ok());
  // The toy counts steps in a phase: an interrupt comes in each phase that is long enough.
  for (int64_t step = 1; step <= 14; ++step) {
    const std::string name = "cut" + std::to_string(step);
    toy::interrupt_at_step = step;
    const Result<TrainingResult> cut = run(name);
    ASSERT_TRUE(cut.ok()) << cut.failure().message;
    EXPECT_EQ(cut->step, step);
    const Result<TrainingResult> again = run(name); // in the second phase
    ASSERT_TRUE(again.ok()) << again.failure().message;
    EXPECT_EQ(again->code, step <= 8 ? ExitCode::Interrupted : ExitCode::Ok);
    toy::interrupt_at_step = -1;
    ASSERT_TRUE(run(name).ok());
    EXPECT_EQ(weights(name), weights("whole")) << step;
    EXPECT_EQ(log(name), log("whole")) << step;
    EXPECT_EQ(*read_file(path(name + "/checkpoint-0000000022.safetensors")),
              *read_file(path("whole/checkpoint-0000000022.safetensors")));
  }
}

TEST_F(TrainerRuns, ResumingNeedsThePhase) {
  options_.phases[0].name = "first";
  toy::interrupt_at_step = 3;
  ASSERT_TRUE(run("run").ok());
  toy::interrupt_at_step = -1;
  options_.phases[0].name = "other";
  EXPECT_NE(run("run").failure().message.find("was saved in the phase `first`, which the program has not"),
            std::string::npos);
}

TEST_F(TrainerRuns, APhaseLoadsWeightsAndLaterOnesAreLookedAtFirst) {
  options_.phases.resize(2, options_.phases[0]);
  options_.phases[0].name = "first";
  options_.phases[1].name = "second";
  options_.phases[1].loads = {{path("none.safetensors"), {}, {}, "toy.nn:1:1"}};
  const Result<TrainingResult> result = run("run");
  ASSERT_FALSE(result.ok());
  EXPECT_NE(result.failure().message.find("toy.nn:1:1: "), std::string::npos);
  EXPECT_TRUE(checkpoint_files(path("run")).empty()) << "before the first step";
}

} // namespace striate
