#include "runtime/checkpoint.h"

#include "runtime/safetensors.h"
#include "tests/runtime/scratch.h"

#include <csignal>
#include <limits>
#include <sys/wait.h>
#include <unistd.h>

namespace striate {

using Checkpoints = Scratch;

static Checkpoint example(int64_t step) {
  Checkpoint checkpoint;
  Tensor weight(ElementType::F32, {2, 2});
  weight.as<float>()[3] = static_cast<float>(step);
  checkpoint.tensors.push_back({"conv1.weight", std::move(weight)});
  checkpoint.tensors.push_back({"conv1.weight/v", Tensor(ElementType::F32, {2, 2})});
  checkpoint.epoch = 2;
  checkpoint.batch = 17;
  checkpoint.batch_size = 64;
  checkpoint.step = step;
  checkpoint.seed = 0xfedcba9876543210;
  checkpoint.log_offset = 1234;
  checkpoint.best = 0.1 + 0.2;
  checkpoint.best_epoch = 1;
  checkpoint.phase = "pretrain";
  checkpoint.phase_step = 1;
  checkpoint.phase_epoch = 1;
  checkpoint.running = {{"loss", 1.0 / 3}, {"worst", -std::numeric_limits<double>::infinity()}};
  checkpoint.notes = {{"version", "0.1.0"},
                      {"command", "striate train \"a b.nn\" --set x='\"striate.checksum\":\"1\"'"}};
  return checkpoint;
}

TEST_F(Checkpoints, RoundTrip) {
  const Checkpoint saved = example(5);
  const Result<Checkpoint> loaded = parse_checkpoint(checkpoint_bytes(saved), "x");
  ASSERT_TRUE(loaded.ok()) << loaded.failure().message;
  ASSERT_EQ(loaded->tensors.size(), 2u);
  EXPECT_EQ(loaded->tensors[1].name, "conv1.weight/v");
  EXPECT_TRUE(loaded->tensors[0].tensor.equals(saved.tensors[0].tensor));
  EXPECT_EQ(loaded->epoch, 2);
  EXPECT_EQ(loaded->batch, 17);
  EXPECT_EQ(loaded->batch_size, 64);
  EXPECT_EQ(loaded->step, 5);
  EXPECT_EQ(loaded->seed, saved.seed);
  EXPECT_EQ(loaded->log_offset, 1234);
  EXPECT_EQ(loaded->best, saved.best);
  EXPECT_EQ(loaded->best_epoch, 1);
  EXPECT_EQ(loaded->phase, "pretrain");
  EXPECT_EQ(loaded->phase_step, 1);
  EXPECT_EQ(loaded->phase_epoch, 1);
  EXPECT_EQ(loaded->running, saved.running);
  EXPECT_EQ(loaded->notes, saved.notes);
  EXPECT_TRUE(parse_safetensors(checkpoint_bytes(saved), "x").ok()) << "it is a safetensors file too";
}

TEST_F(Checkpoints, AnyDamageIsNoticed) {
  const std::string bytes = checkpoint_bytes(example(5));
  const auto parse = [](const std::string& damaged) { return parse_checkpoint(damaged, "x").ok(); };
  expect_every_prefix_refused(bytes, parse);
  EXPECT_EQ(flip_bits(bytes, 3000, parse), 3000);
  EXPECT_FALSE(parse(safetensors_bytes({}, {})));
}

TEST_F(Checkpoints, KeepsTheNewestAndTheBest) {
  for (int64_t step : {10, 20, 30, 40})
    ASSERT_TRUE(save_checkpoint(folder_, example(step), 2, step == 20).ok());
  EXPECT_EQ(checkpoint_files(folder_), (std::vector<std::string>{path("checkpoint-0000000040.safetensors"),
                                                                 path("checkpoint-0000000030.safetensors")}));
  EXPECT_EQ(load_checkpoint(best_checkpoint_path(folder_))->step, 20);
  EXPECT_EQ(latest_checkpoint(folder_)->checkpoint.step, 40);
}

TEST_F(Checkpoints, TheNewestThatVerifiesIsLoaded) {
  EXPECT_EQ(latest_checkpoint(folder_).failure().message, "`" + folder_ + "` holds no checkpoint");
  for (int64_t step : {10, 20, 30}) ASSERT_TRUE(save_checkpoint(folder_, example(step), 3, false).ok());
  std::string damaged = *read_file(path("checkpoint-0000000030.safetensors"));
  damaged.back() ^= 1;
  write("checkpoint-0000000030.safetensors", damaged);
  write("checkpoint-0000000099.safetensors", "");
  write(".striate-tmp.5-1.checkpoint-0000000100.safetensors", "half");
  write("checkpoint-abc.safetensors", "not ours");
  const Result<LatestCheckpoint> latest = latest_checkpoint(folder_);
  ASSERT_TRUE(latest.ok());
  EXPECT_EQ(latest->checkpoint.step, 20);
  EXPECT_EQ(latest->refused.size(), 2u);
  EXPECT_NE(latest->refused[1].find("its checksum does not match"), std::string::npos);

  // The next save clears away what lies in the future, and only then.
  ASSERT_TRUE(save_checkpoint(folder_, example(25), 1, false).ok());
  EXPECT_EQ(checkpoint_files(folder_), (std::vector<std::string>{path("checkpoint-0000000025.safetensors")}));
}

// Killed at random moments while saving, a run always has a checkpoint to go on from, at most one save old.
TEST_F(Checkpoints, KilledSavesLeaveAUsableOne) {
  std::mt19937 random(11);
  int64_t step = 1;
  ASSERT_TRUE(save_checkpoint(folder_, example(step), 2, true).ok());
  for (int round = 0; round < 40; ++round) {
    const pid_t child = fork();
    if (child == 0)
      for (;;)
        if (!save_checkpoint(folder_, example(++step), 2, true).ok()) _exit(1);
    usleep(random() % 5000);
    kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status));
    const Result<LatestCheckpoint> latest = latest_checkpoint(folder_);
    ASSERT_TRUE(latest.ok()) << latest.failure().message;
    ASSERT_TRUE(latest->refused.empty());
    ASSERT_GE(latest->checkpoint.step, step);
    ASSERT_TRUE(load_checkpoint(best_checkpoint_path(folder_)).ok());
    step = latest->checkpoint.step;
  }
}

} // namespace striate
