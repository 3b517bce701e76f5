#include "tests/runtime/scratch.h"

#include <algorithm>
#include <csignal>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace striate {

using Files = Scratch;

static std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

TEST_F(Files, ReadsPlainAndGzip) {
  std::string text;
  for (int i = 0; i < 50000; ++i) text += std::to_string(i * 7919 % 10007);
  EXPECT_EQ(*read_file(write("plain", text)), text);
  EXPECT_EQ(*read_file(write("packed", gzipped(text))), text);
  EXPECT_EQ(*read_file(write("empty", "")), "");
  EXPECT_EQ(*read_file(write("packed-empty", gzipped(""))), "");
}

TEST_F(Files, ReadsSeveralGzipMembersAndZeroPadding) {
  EXPECT_EQ(*read_file(write("two", gzipped("one ") + gzipped("two") + std::string(5, '\0'))), "one two");
  const Result<std::string> rest = read_file(write("rest", gzipped("one") + "x"));
  ASSERT_FALSE(rest.ok());
  EXPECT_NE(rest.failure().message.find("other bytes after its gzip data"), std::string::npos);
}

TEST_F(Files, RefusesEveryTruncationOfGzip) {
  const std::string packed = gzipped("some text to pack, some text to pack, some other text");
  for (std::size_t size = 2; size < packed.size(); ++size) {
    const Result<std::string> read = read_file(write("cut.gz", packed.substr(0, size)));
    ASSERT_FALSE(read.ok()) << size;
    EXPECT_NE(read.failure().message.find("truncated gzip"), std::string::npos) << read.failure().message;
  }
}

TEST_F(Files, DamagedGzipIsAnErrorOrTheSameText) {
  const std::string text = "some text to pack, some text to pack, some other text";
  const std::string packed = gzipped(text).substr(2); // the two bytes that say gzip stay
  const int refused = flip_bits(packed, 500, [&](const std::string& damaged) {
    const Result<std::string> read = read_file(write("damaged.gz", "\x1f\x8b" + damaged));
    EXPECT_TRUE(!read.ok() || *read == text); // the same text: a flip in the header's time or system byte
    return read.ok();
  });
  EXPECT_GT(refused, 350);
}

TEST_F(Files, LimitsWhatIsUnpacked) {
  const std::string bomb = gzipped(std::string(std::size_t{64} << 20, '\0'));
  const Result<std::string> read = read_file(write("bomb.gz", bomb), 1 << 20);
  ASSERT_FALSE(read.ok());
  EXPECT_NE(read.failure().message.find("larger than the limit"), std::string::npos);
}

TEST_F(Files, MissingFilesAndFoldersAreNamed) {
  EXPECT_EQ(read_file(path("none")).failure().message,
            "cannot open `" + path("none") + "`: No such file or directory");
  EXPECT_EQ(read_file(folder_).failure().message, "cannot read `" + folder_ + "`: it is a folder");
  EXPECT_FALSE(write_file_safely(folder_, "text").ok());
  EXPECT_FALSE(write_file_safely(path("none/file"), "text").ok());
}

TEST_F(Files, WritesAndReplacesWithoutATrace) {
  ASSERT_TRUE(write_file_safely(path("file"), "one").ok());
  const std::string_view pieces[] = {"t", "", "wo"};
  ASSERT_TRUE(write_file_safely(path("file"), pieces).ok());
  EXPECT_EQ(*read_file(path("file")), "two");
  EXPECT_EQ(names_in(folder_), std::vector<std::string>{"file"});
}

TEST_F(Files, FollowsLinksAndWritesDevicesInPlace) {
  ASSERT_TRUE(write_file_safely(path("target"), "one").ok());
  std::filesystem::create_symlink(path("target"), path("link"));
  ASSERT_TRUE(write_file_safely(path("link"), "two").ok());
  EXPECT_TRUE(std::filesystem::is_symlink(path("link")));
  EXPECT_EQ(*read_file(path("target")), "two");
  ASSERT_TRUE(write_file_safely("/dev/null", "text").ok());
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));
}

TEST_F(Files, AFailedWriteLeavesTheOldFileAndNothingElse) {
  ASSERT_TRUE(write_file_safely(path("file"), "old").ok());
  const pid_t child = fork();
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{1000, 1000};
    setrlimit(RLIMIT_FSIZE, &limit);
    _exit(write_file_safely(path("file"), std::string(5000, 'x')).ok() ? 1 : 0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0) << "the write should have failed";
  EXPECT_EQ(*read_file(path("file")), "old");
  EXPECT_EQ(names_in(folder_), std::vector<std::string>{"file"});
}

// A writer killed at random moments leaves the old or the new content, and temporaries that can be removed.
TEST_F(Files, KilledWritersLeaveACompleteFile) {
  const std::string content[] = {std::string(300000, 'a'), std::string(200000, 'b')};
  ASSERT_TRUE(write_file_safely(path("file"), content[0]).ok());
  std::mt19937 random(3);
  for (int round = 0; round < 40; ++round) {
    const pid_t child = fork();
    if (child == 0)
      for (int i = 0;; ++i)
        if (!write_file_safely(path("file"), content[i % 2]).ok()) _exit(1);
    usleep(random() % 3000);
    kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status));
    const std::string found = *read_file(path("file"));
    ASSERT_TRUE(found == content[0] || found == content[1]) << found.size();
  }
  remove_stale_temporaries(folder_);
  EXPECT_EQ(names_in(folder_), std::vector<std::string>{"file"});
}

} // namespace striate
