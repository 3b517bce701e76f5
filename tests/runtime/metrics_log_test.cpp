#include "runtime/metrics_log.h"

#include "runtime/checkpoint.h"
#include "tests/runtime/scratch.h"

#include <limits>

namespace striate {

using Metrics = Scratch;

TEST_F(Metrics, LinesAreJson) {
  EXPECT_EQ(metric_line({938, 1, "train", "loss", 0.125, 1.7e9}),
            "{\"step\":938,\"epoch\":1,\"split\":\"train\",\"name\":\"loss\",\"value\":0.125,\"time\":"
            "1700000000.000}\n");
  EXPECT_EQ(
      metric_line({938, 1, "train", "loss", 0.125, 1.7e9, "fine"}),
      "{\"step\":938,\"epoch\":1,\"phase\":\"fine\",\"split\":\"train\",\"name\":\"loss\",\"value\":0.125,"
      "\"time\":1700000000.000}\n");
  EXPECT_NE(metric_line({1, 1, "a\"b", "x\n", 0.1, 0}).find(R"("split":"a\"b","name":"x\n","value":0.1,)"),
            std::string::npos);
  EXPECT_NE(metric_line({1, 1, "a", "x", std::numeric_limits<double>::quiet_NaN(), 0}).find("\"value\":null"),
            std::string::npos);
}

TEST_F(Metrics, ResumeCutsTheLogWhereTheCheckpointWas) {
  const std::string file = path("metrics.jsonl");
  int64_t offset = 0;
  {
    Result<MetricsLog> log = MetricsLog::open(file, 0);
    ASSERT_TRUE(log.ok());
    ASSERT_TRUE(log->append({1, 1, "train", "loss", 1, 0}).ok());
    offset = log->synced_offset().value();
    ASSERT_TRUE(log->append({2, 1, "train", "loss", 2, 0}).ok());
  }
  const std::string first = metric_line({1, 1, "train", "loss", 1, 0});
  EXPECT_EQ(offset, static_cast<int64_t>(first.size()));
  {
    Result<MetricsLog> log = MetricsLog::open(file, offset);
    ASSERT_TRUE(log.ok());
    ASSERT_TRUE(log->append({2, 1, "train", "loss", 3, 0}).ok());
  }
  EXPECT_EQ(*read_file(file), first + metric_line({2, 1, "train", "loss", 3, 0}));
  ASSERT_TRUE(MetricsLog::open(file, 0).ok());
  EXPECT_EQ(*read_file(file), "") << "a new run starts a new log";
  EXPECT_FALSE(MetricsLog::open(path("none/metrics.jsonl"), 0).ok());
}

TEST_F(Metrics, RunFoldersAreNotOverwritten) {
  const std::string run = path("runs/lenet");
  ASSERT_TRUE(open_run_folder(run, RunFolderUse::Create).ok());
  EXPECT_EQ(open_run_folder(run, RunFolderUse::Create).failure().message,
            "`" + run + "` holds an earlier run; resume it with --resume, or replace it with --force");
  write("runs/lenet/metrics.jsonl", "old");
  write("runs/lenet/model.safetensors", "old");
  write("runs/lenet/notes.txt", "mine");
  write("runs/lenet/checkpoint-0000000007.safetensors", "old");
  write("runs/lenet/.striate-tmp.1-2.checkpoint", "half");
  ASSERT_TRUE(open_run_folder(run, RunFolderUse::Resume).ok());
  EXPECT_FALSE(std::filesystem::exists(run + "/.striate-tmp.1-2.checkpoint"));
  EXPECT_TRUE(std::filesystem::exists(run + "/metrics.jsonl"));
  ASSERT_TRUE(open_run_folder(run, RunFolderUse::Force).ok());
  EXPECT_FALSE(std::filesystem::exists(run + "/metrics.jsonl"));
  EXPECT_FALSE(std::filesystem::exists(model_path(run)));
  EXPECT_TRUE(checkpoint_files(run).empty());
  EXPECT_EQ(*read_file(run + "/notes.txt"), "mine");
  EXPECT_EQ(unused_run_folder(path("runs"), "lenet"), run + "-2");
  EXPECT_EQ(unused_run_folder(path("runs"), "vgg"), path("runs/vgg"));
  EXPECT_EQ(latest_run_folder(path("runs"), "lenet"), run);
  for (const char* name :
       {"runs/lenet-2", "runs/lenet-12", "runs/lenet-3", "runs/lenet-99x", "runs/lenet5-200"})
    std::filesystem::create_directory(path(name));
  EXPECT_EQ(latest_run_folder(path("runs"), "lenet"), run + "-12");
  EXPECT_EQ(latest_run_folder(path("nothing"), "lenet"), path("nothing/lenet"));
}

TEST_F(Metrics, ForeignFoldersAreLeftAlone) {
  std::filesystem::create_directory(path("other"));
  ASSERT_TRUE(open_run_folder(path("other"), RunFolderUse::Create).ok()) << "an empty folder is nobody's";
  std::filesystem::create_directory(path("photos"));
  write("photos/metrics.jsonl", "mine");
  EXPECT_EQ(open_run_folder(path("photos"), RunFolderUse::Create).failure().message,
            "`" + path("photos") +
                "` exists and was not made by `striate train`; --force writes into it all the same");
  EXPECT_FALSE(open_run_folder(path("photos"), RunFolderUse::Resume).ok());
  EXPECT_FALSE(open_run_folder(path("photos/metrics.jsonl"), RunFolderUse::Force).ok());
  ASSERT_TRUE(open_run_folder(path("photos"), RunFolderUse::Force).ok());
  EXPECT_EQ(*read_file(path("photos/metrics.jsonl")), "mine");
}

} // namespace striate
