#include "runtime/thread_pool.h"

#include <gtest/gtest.h>

#include <cfenv>
#include <limits>
#include <mutex>
#include <set>

namespace striate {

TEST(ThreadPool, CoversEveryExtentOnceInFixedChunks) {
  for (int threads : {1, 2, 3, 8}) {
    ThreadPool pool(threads);
    EXPECT_EQ(pool.threads(), threads);
    for (int64_t extent : {0, 1, 2, 3, 7, 8, 100, 1001}) {
      std::vector<std::atomic<int>> done(static_cast<std::size_t>(extent));
      std::set<std::pair<int64_t, int64_t>> chunks[2];
      std::mutex mutex;
      for (auto& seen : chunks)
        pool.run(extent, [&](int64_t begin, int64_t end) {
          for (int64_t i = begin; i < end; ++i) ++done[static_cast<std::size_t>(i)];
          const std::lock_guard lock(mutex);
          seen.emplace(begin, end);
        });
      for (const auto& count : done) ASSERT_EQ(count, 2);
      EXPECT_EQ(chunks[0], chunks[1]);
      EXPECT_EQ(static_cast<int64_t>(chunks[0].size()), std::min<int64_t>(extent, threads));
    }
  }
}

TEST(ThreadPool, EachRunSeesTheOneBefore) {
  ThreadPool pool(3);
  std::vector<int64_t> values(64), next(64);
  for (int round = 0; round < 500; ++round) {
    // Every element reads its neighbour's last value, which another thread wrote.
    pool.run(64, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i)
        next[static_cast<std::size_t>(i)] = values[static_cast<std::size_t>((i + 32) % 64)] + 1;
    });
    std::swap(values, next);
  }
  for (int64_t value : values) ASSERT_EQ(value, 500);
}

TEST(ThreadPool, DenormalsAreFlushedInsideAndNotOutside) {
  volatile float smallest = std::numeric_limits<float>::min();
  volatile float denormal = smallest / 2;
  ASSERT_NE(denormal, 0);
  std::fesetround(FE_UPWARD);
  for (int threads : {1, 3}) {
    ThreadPool pool(threads);
    std::atomic<int> flushed{0}, nearest{0};
    pool.run(3, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        volatile float halved = smallest / 2, read = denormal * 1e30f;
        flushed += halved == 0 && read == 0;
        volatile float one = 1;
        nearest += one + 0x1p-24f == 1;
      }
    });
    EXPECT_EQ(flushed, 3);
    EXPECT_EQ(nearest, 3);
    volatile float halved = smallest / 2;
    EXPECT_NE(halved, 0) << "the caller's environment is restored";
    EXPECT_EQ(std::fegetround(), FE_UPWARD);
  }
  std::fesetround(FE_TONEAREST);
}

TEST(ThreadPool, DoesNotNest) {
  EXPECT_DEATH(
      {
        ThreadPool pool(2);
        pool.run(2, [&](int64_t, int64_t) { pool.run(2, [](int64_t, int64_t) {}); });
      },
      "may not start another");
}

TEST(ThreadPool, CountsProcessors) { EXPECT_GE(available_processors(), 1); }

} // namespace striate
