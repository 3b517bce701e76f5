// What the processor counts of this thread's user-space work: cycles and instructions, by Linux's
// perf_event_open(2). Many machines do not allow it (a container, a virtual machine without counters, a
// strict /proc/sys/kernel/perf_event_paranoid); then it is said why.
#pragma once

#include "support/result.h"

#include <cstdint>

namespace striate {

class HardwareCounters {
public:
  // A Failure that says why there are none here.
  static Result<HardwareCounters> open();
  HardwareCounters(HardwareCounters&& other) noexcept;
  HardwareCounters& operator=(HardwareCounters&&) = delete;
  ~HardwareCounters();

  struct Counts {
    uint64_t cycles = 0, instructions = 0;
  };
  void start();
  Counts stop(); // since start()

private:
  HardwareCounters(int cycles, int instructions) : cycles_(cycles), instructions_(instructions) {}
  int cycles_, instructions_; // open files; instructions are counted with cycles, as one group
};

} // namespace striate
