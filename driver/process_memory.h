// How much memory this process has and had, as the system counts it.
#pragma once

#include <cstdint>
#include <optional>

namespace striate {

struct ProcessMemory {
  int64_t resident = 0; // bytes now
  int64_t peak = 0;     // the most so far
};

// Nothing where the system does not say (/proc/self/status).
std::optional<ProcessMemory> process_memory();

} // namespace striate
