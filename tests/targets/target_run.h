// What every run of a program on a target needs in a test: its scalars, and memory that shows stray writes.
#pragma once

#include "ir/kernel/kernel.h"
#include "runtime/tensor.h"

#include <string>
#include <vector>

namespace striate {

constexpr uint64_t kRunSeed = 12345; // of a program's random draws

// The program's scalar slots for a step (two of which make an epoch), `scalars` being those that it does not
// share with all programs.
std::vector<float> slots_of_step(const Program& program,
                                 const std::vector<std::pair<std::string, double>>& scalars, int64_t examples,
                                 int64_t step);

// An arena that shows writes beside what was handed out. What was handed out and never written holds no
// numbers: it must not matter.
class GuardedArena {
public:
  explicit GuardedArena(int64_t bytes);
  char* data();
  const char* data() const { return const_cast<GuardedArena*>(this)->data(); }
  void hand_out(int64_t offset, int64_t bytes);
  // Where the first byte lies that was not handed out and was written; none: nothing was.
  std::optional<int64_t> stray_write() const;

private:
  static constexpr int64_t kGuard = 4096; // bytes before the arena and after it
  Tensor memory_;
  std::vector<bool> handed_out_; // per byte of memory_
};

} // namespace striate
