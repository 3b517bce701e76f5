#include "runtime/progress.h"

#include "tests/runtime/scratch.h"

namespace striate {

using ProgressLines = Scratch;

static ProgressState example() {
  ProgressState state;
  state.epoch = 3;
  state.epochs = 10;
  state.batch = 750;
  state.batches = 1000;
  state.examples = 48000;
  state.seconds = 3;
  state.batches_timed = 750;
  state.values = {{"loss", 0.07123}, {"accuracy", 0.978}};
  return state;
}

TEST_F(ProgressLines, ShowsEverythingAndShrinksTheBarFirst) {
  EXPECT_EQ(progress_line(example(), "images", 0, false),
            "epoch 3/10  750/1000  loss 0.07123  accuracy 0.978  16000 images/s  1s left");
  EXPECT_EQ(
      progress_line(example(), "images", 200, true),
      "epoch 3/10  750/1000 ━━━━━━━━━━━━━━━━━━──────  loss 0.07123  accuracy 0.978  16000 images/s  1s left");
  EXPECT_EQ(progress_line(example(), "images", 84, true),
            "epoch 3/10  750/1000 ━━━━━━──  loss 0.07123  accuracy 0.978  16000 images/s  1s left");
  EXPECT_EQ(progress_line(example(), "images", 30, true), "epoch 3/10  750/1000  loss 0.0");
  ProgressState phase = example();
  phase.phase = "fine";
  EXPECT_TRUE(progress_line(phase, "images", 0, false).starts_with("fine epoch 3/10  750/1000  loss"));
  ProgressState begin;
  begin.batches = 10;
  EXPECT_EQ(progress_line(begin, "images", 40, true), "epoch 1/1  0/10 ────────────────────────");
}

TEST_F(ProgressLines, Durations) {
  EXPECT_EQ(duration_text(3.6), "4s");
  EXPECT_EQ(duration_text(125), "2m05s");
  EXPECT_EQ(duration_text(4020), "1h07m");
  EXPECT_EQ(duration_text(-1), "?");
}

// What a Progress writes to a file when told the same things.
static std::string written(const std::string& file, ProgressMode mode) {
  std::FILE* stream = std::fopen(file.c_str(), "w");
  {
    Progress progress(mode, stream, "images");
    for (double now : {100.0, 100.01, 100.2, 105.0, 111.0, 112.0}) progress.update(example(), now);
    progress.finish_epoch("epoch 3/10 done");
    progress.update(example(), 122.0);
  }
  std::fclose(stream);
  return *read_file(file);
}

TEST_F(ProgressLines, PlainLinesEveryTenSecondsWithoutCarriageReturns) {
  const std::string line = progress_line(example(), "images", 0, false) + "\n";
  EXPECT_EQ(written(path("log"), ProgressMode::Plain), line + "epoch 3/10 done\n" + line);
  EXPECT_EQ(written(path("log"), ProgressMode::Auto), line + "epoch 3/10 done\n" + line)
      << "a file is no terminal";
  EXPECT_EQ(written(path("log"), ProgressMode::None), "");
}

TEST_F(ProgressLines, TheBarIsRewrittenAndEndsWithALine) {
  const std::string line = "\r" + progress_line(example(), "images", 79, true) + "\x1b[K";
  EXPECT_EQ(written(path("log"), ProgressMode::Bar),
            line + line + line + line + line + "\r\x1b[Kepoch 3/10 done\n" + line + "\n");
}

} // namespace striate
