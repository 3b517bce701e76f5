// Where an executable's arena lies, and what runs its kernels: the CPU with its own memory
// (runtime/host_device.h), or a device that the host has to copy to and from.
//
// Guarantees: runs and copies happen as if one after the other, in the order of the calls. What fails on a
// device fails for good: every later run says so, and what is read is then no number, so that nothing
// computed by a device that has failed is taken for a result.
#pragma once

#include "runtime/executable.h"
#include "runtime/timeline.h"
#include "support/result.h"

#include <span>

namespace striate {

class Device {
public:
  virtual ~Device() = default;

  // The arena's bytes as they are; good until the next call.
  virtual const char* read(int64_t offset, int64_t bytes) = 0;
  // Memory for the caller to fill, which takes the place of the arena's bytes at end_write(), before any
  // other call. `keep`: it holds what they are; without, anything.
  virtual char* begin_write(int64_t offset, int64_t bytes, bool keep) = 0;
  virtual void end_write() = 0;
  // Sets every byte of the arena.
  virtual void fill(char byte) = 0;

  // Kernels [first, last) of an entry point, neither of which stands within a loop. It may return before they
  // are done. `timeline`: gets a span for each call of a kernel; then it returns after them.
  virtual Status run(const EntryPoint& entry, std::size_t first, std::size_t last, int64_t examples,
                     std::span<const float> scalars, Timeline* timeline) = 0;
  // Waits until all is done; a Failure where anything has failed.
  virtual Status finish() = 0;
};

} // namespace striate
