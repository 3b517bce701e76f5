#include "runtime/thread_pool.h"

#include "support/check.h"

#include <algorithm>
#include <sched.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace striate {

static constexpr uint32_t kStop = uint32_t{1} << 31;
// About 20 microseconds: longer than the gap between two kernels, shorter than a scheduler's time slice.
static constexpr int kSpins = 1000;

#if defined(__x86_64__)
// All exceptions masked, round to nearest, flush to zero (bit 15), denormals are zero (bit 6).
static constexpr uint64_t kCompiledCodeState = 0x1F80 | 0x8040;
static uint64_t float_state() { return _mm_getcsr(); }
static void set_float_state(uint64_t state) { _mm_setcsr(static_cast<unsigned>(state)); }
static void pause() { _mm_pause(); }
#elif defined(__aarch64__)
// Round to nearest, flush to zero (bit 24).
static constexpr uint64_t kCompiledCodeState = uint64_t{1} << 24;
static uint64_t float_state() {
  uint64_t state;
  asm volatile("mrs %0, fpcr" : "=r"(state));
  return state;
}
static void set_float_state(uint64_t state) { asm volatile("msr fpcr, %0" ::"r"(state)); }
static void pause() { asm volatile("yield"); }
#else
#error "the floating-point environment of this processor is not known"
#endif

CompiledCodeFloatEnvironment::CompiledCodeFloatEnvironment() : saved_(float_state()) {
  set_float_state(kCompiledCodeState);
}
CompiledCodeFloatEnvironment::~CompiledCodeFloatEnvironment() { set_float_state(saved_); }

// Waits until the value is no longer `old`: spins for a moment, then sleeps.
template <typename T>
static T wait_for_change(const std::atomic<T>& value, T old) {
  for (int spin = 0; spin < kSpins; ++spin) {
    const T now = value.load(std::memory_order_acquire);
    if (now != old) return now;
    pause();
  }
  value.wait(old, std::memory_order_acquire);
  return value.load(std::memory_order_acquire);
}

ThreadPool::ThreadPool(int threads) {
  CHECK(threads >= 1, "{}", threads);
  for (int index = 1; index < threads; ++index) workers_.emplace_back([this, index] { work(index); });
}

ThreadPool::~ThreadPool() {
  generation_.fetch_or(kStop, std::memory_order_release);
  generation_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::run_chunk(int index) const {
  const int64_t count = threads();
  // Chunks differ by at most one; written so that extent * threads need not fit.
  const int64_t base = extent_ / count, longer = extent_ % count;
  const int64_t begin = index * base + std::min<int64_t>(index, longer);
  const int64_t end = begin + base + (index < longer ? 1 : 0);
  if (begin < end) body_(context_, begin, end);
}

void ThreadPool::work(int index) {
  const CompiledCodeFloatEnvironment environment;
  uint32_t seen = 0;
  for (;;) {
    seen = wait_for_change(generation_, seen);
    if (seen & kStop) return;
    run_chunk(index);
    if (unfinished_.fetch_sub(1, std::memory_order_acq_rel) == 1) unfinished_.notify_one();
  }
}

void ThreadPool::run(int64_t extent, Body body, void* context) {
  CHECK(!running_, "a parallel region may not start another");
  const CompiledCodeFloatEnvironment environment;
  if (workers_.empty() || extent <= 1) {
    if (extent > 0) body(context, 0, extent);
    return;
  }
  running_ = true;
  body_ = body;
  context_ = context;
  extent_ = extent;
  unfinished_.store(static_cast<int32_t>(workers_.size()), std::memory_order_relaxed);
  generation_.store((generation_.load(std::memory_order_relaxed) + 1) & ~kStop, std::memory_order_release);
  generation_.notify_all();
  run_chunk(0);
  for (int32_t left = unfinished_.load(std::memory_order_acquire); left != 0;)
    left = wait_for_change(unfinished_, left);
  running_ = false;
}

int available_processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) != 0)
    return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  return std::max(1, CPU_COUNT(&set));
}

} // namespace striate
