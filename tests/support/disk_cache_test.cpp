// What is kept on disk comes back whole, or not at all: never damaged, never another's, never from a folder
// that others can write.
#include "support/disk_cache.h"

#include <gtest/gtest.h>

#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <thread>
#include <vector>

namespace striate {
namespace {

namespace fs = std::filesystem;

class Cache : public testing::Test {
protected:
  Cache() : parent_(fs::path(testing::TempDir()) / ("striate-cache-" + std::to_string(getpid()))) {
    fs::remove_all(parent_);
  }
  ~Cache() override { fs::remove_all(parent_); }

  fs::path folder() const { return parent_ / "made"; }
  std::vector<fs::path> files() const {
    std::vector<fs::path> names;
    for (const auto& entry : fs::directory_iterator(folder())) names.push_back(entry.path());
    return names;
  }
  static std::string content(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

private:
  fs::path parent_;
};

TEST_F(Cache, GivesBackWhatWasPut) {
  const auto cache = DiskCache::open(folder());
  ASSERT_TRUE(cache);
  EXPECT_EQ(cache->get("a key"), std::nullopt);
  const std::string bytes("co\0de", 5);
  cache->put("a key", bytes);
  cache->put("an empty one", "");
  EXPECT_EQ(cache->get("a key"), bytes);
  EXPECT_EQ(cache->get("an empty one"), "");
  cache->put("a key", "newer");
  EXPECT_EQ(DiskCache::open(folder())->get("a key"), "newer");
  EXPECT_EQ(files().size(), 2U);
  struct stat facts {};
  ASSERT_EQ(stat(folder().c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777U, 0700U);
  ASSERT_EQ(stat(files()[0].c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777U, 0600U);
}

// Cut short, longer, or with any byte changed, an entry is a miss.
TEST_F(Cache, DamageIsAMiss) {
  const auto cache = DiskCache::open(folder());
  ASSERT_TRUE(cache);
  cache->put("key", "machine code");
  const fs::path file = files().at(0);
  const std::string whole = content(file);
  const auto replace = [&](const std::string& text) {
    std::ofstream(file, std::ios::binary | std::ios::trunc) << text;
    return cache->get("key");
  };
  for (std::size_t length = 0; length < whole.size(); ++length)
    EXPECT_EQ(replace(whole.substr(0, length)), std::nullopt) << length;
  EXPECT_EQ(replace(whole + "x"), std::nullopt);
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    EXPECT_EQ(replace(changed), std::nullopt) << at;
  }
  EXPECT_EQ(replace(whole), "machine code");
}

TEST_F(Cache, AnotherKeyWithTheSameFileIsAMiss) {
  const auto cache = DiskCache::open(folder());
  ASSERT_TRUE(cache);
  cache->put("one", "1");
  const fs::path first = files().at(0);
  cache->put("two", "2");
  for (const fs::path& file : files())
    if (file != first) fs::copy_file(first, file, fs::copy_options::overwrite_existing);
  EXPECT_EQ(cache->get("two"), std::nullopt);
  EXPECT_EQ(cache->get("one"), "1");
}

TEST_F(Cache, IsOnlyUsedWhereItIsClosedToOthers) {
  fs::create_directories(folder());
  ASSERT_EQ(chmod(folder().c_str(), 0750), 0);
  EXPECT_FALSE(DiskCache::open(folder()));
  ASSERT_EQ(chmod(folder().c_str(), 0700), 0);
  const auto cache = DiskCache::open(folder());
  ASSERT_TRUE(cache);
  cache->put("key", "bytes");
  const fs::path file = files().at(0);
  ASSERT_EQ(chmod(file.c_str(), 0622), 0);
  EXPECT_EQ(cache->get("key"), std::nullopt) << "others may write the file";
  fs::rename(file, file.string() + ".other");
  fs::create_symlink(file.string() + ".other", file);
  ASSERT_EQ(chmod(file.c_str(), 0600), 0);
  EXPECT_EQ(cache->get("key"), std::nullopt) << "links are not followed";
  fs::create_directory_symlink(folder(), folder().string() + "-link");
  EXPECT_FALSE(DiskCache::open(folder().string() + "-link"));
  EXPECT_FALSE(DiskCache::open("/proc/nowhere"));
}

TEST_F(Cache, ForgetsWhatWasUsedLongestAgo) {
  constexpr int64_t kMost = 10'000;
  const auto cache = DiskCache::open(folder(), kMost);
  ASSERT_TRUE(cache);
  const std::string bytes(1000, 'x');
  const auto key = [](int number) { return "key " + std::to_string(number); };
  for (int number = 0; number < 20; ++number) {
    cache->put(key(number), bytes);
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  EXPECT_TRUE(cache->get(key(0))); // and so the newest now
  cache->trim();
  int64_t total = 0;
  for (const fs::path& file : files()) total += static_cast<int64_t>(fs::file_size(file));
  EXPECT_LE(total, kMost * 3 / 4);
  EXPECT_TRUE(cache->get(key(0)));
  EXPECT_TRUE(cache->get(key(19)));
  EXPECT_FALSE(cache->get(key(1)));
}

TEST_F(Cache, ManyWritersAndReaders) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([this, t] {
      const auto cache = DiskCache::open(folder());
      ASSERT_TRUE(cache);
      for (int round = 0; round < 200; ++round) {
        const std::string key = "key " + std::to_string(round % 5),
                          bytes(static_cast<std::size_t>(1000 + round % 5), 'x');
        EXPECT_EQ(cache->get(key).value_or(bytes), bytes);
        cache->put(key, bytes);
        if (round % 50 == t) cache->trim();
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(files().size(), 5U);
}

TEST(CacheFolder, FollowsTheEnvironment) {
  const auto folder = [](const char* own, const char* xdg, const char* home) {
    const auto set = [](const char* name, const char* value) {
      value ? setenv(name, value, 1) : unsetenv(name);
    };
    set("STRIATE_CACHE", own);
    set("XDG_CACHE_HOME", xdg);
    set("HOME", home);
    return cache_folder().string();
  };
  EXPECT_EQ(folder("/own", "/xdg", "/me"), "/own");
  EXPECT_EQ(folder("off", "/xdg", "/me"), "");
  EXPECT_EQ(folder("", "/xdg", "/me"), "");
  EXPECT_EQ(folder(nullptr, "/xdg", "/me"), "/xdg/striate");
  EXPECT_EQ(folder(nullptr, "relative", "/me"), "/me/.cache/striate");
  EXPECT_EQ(folder(nullptr, nullptr, "/me"), "/me/.cache/striate");
  EXPECT_EQ(folder(nullptr, nullptr, nullptr), "");
}

TEST(BuildId, TellsCodeApart) {
  const std::string own = build_id_of(reinterpret_cast<const void*>(&build_id_of));
  EXPECT_GE(own.size(), 16U);
  EXPECT_EQ(own, build_id_of(reinterpret_cast<const void*>(&cache_folder)));
  EXPECT_EQ(build_id_of(nullptr), "");
}

} // namespace
} // namespace striate
