// A pool of persistent threads with fixed partitions: chunk i of an extent is the same for every run of a
// pool of the same size, and no work moves between threads. (Results of compiled code do not depend on the
// size either: kernels only split what is independent.) Guarantees: run() returns after every chunk is done;
// every chunk runs under the project's floating-point environment (round to nearest, denormals flushed), the
// caller's being restored. One run at a time; not re-entrant.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>
#include <type_traits>
#include <vector>

namespace striate {

// Sets the floating-point environment of compiled code for the scope, and restores what was there before.
class CompiledCodeFloatEnvironment {
public:
  CompiledCodeFloatEnvironment();
  ~CompiledCodeFloatEnvironment();
  CompiledCodeFloatEnvironment(const CompiledCodeFloatEnvironment&) = delete;
  CompiledCodeFloatEnvironment& operator=(const CompiledCodeFloatEnvironment&) = delete;

private:
  uint64_t saved_;
};

class ThreadPool {
public:
  // The C form, for compiled code: processes [begin, end).
  using Body = void (*)(void* context, int64_t begin, int64_t end);

  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  void run(int64_t extent, Body body, void* context);

  template <typename Function>
  void run(int64_t extent, Function&& function) {
    run(
        extent,
        [](void* context, int64_t begin, int64_t end) {
          (*static_cast<std::remove_reference_t<Function>*>(context))(begin, end);
        },
        const_cast<void*>(static_cast<const void*>(&function)));
  }

private:
  void work(int index);
  void run_chunk(int index) const;

  std::vector<std::thread> workers_;
  Body body_ = nullptr;
  void* context_ = nullptr;
  int64_t extent_ = 0;
  bool running_ = false;
  // Each on its own cache line: workers spin on the first, the caller on the second.
  alignas(64) std::atomic<uint32_t> generation_{0}; // counts runs; the top bit says stop
  alignas(64) std::atomic<int32_t> unfinished_{0};
};

// The processors this process may use (its affinity mask), at least 1.
int available_processors();

} // namespace striate
