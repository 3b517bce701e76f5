// What `striate bench` times: one entry point, compiled and ready to run again and again.
#pragma once

#include "driver/options.h"
#include "driver/process_memory.h"
#include "driver/program.h"
#include "runtime/executor.h"

#include <memory>
#include <optional>
#include <string>

namespace striate {

struct BenchSubject {
  Program program; // the kernels' structure: operations, buffers, places
  Graph regions;   // what each of the kernels was made of; empty where they came as text
  std::unique_ptr<Executor> executor;
  bool of_step = false;
  std::optional<std::size_t> only;        // the kernel of the entry point that `program` is, where it is one
  std::optional<EntryPoint> entry_of_one; // the same
  CompileOptions settings;
  double lowering_seconds = 0, code_seconds = 0;
  std::optional<ProcessMemory> before; // the program's memory was taken

  const EntryPoint& whole_entry() const {
    return of_step ? executor->executable().step : executor->executable().eval;
  }
  const EntryPoint& entry() const { return entry_of_one ? *entry_of_one : whole_entry(); }
  std::string machine() const; // "znver4", "NVIDIA H200"
  int64_t examples() const { return program.capacity; }
};

// A `.nn` file's training step or evaluation (without loss and metrics), with its first weights and drawn
// inputs; or the kernels of a `.sir` file, on memory whose every byte is alike. With --only, one of the
// kernels, after a run of all of them.
Result<BenchSubject> bench_subject(const Options& options);

// The most memory that the process has had, and what was to be expected: what it had, and the program's own.
struct MemoryUse {
  int64_t measured = 0, predicted = 0;
};
// After the runs, and before anything else takes memory. Nothing where the system does not say.
std::optional<MemoryUse> memory_use(const BenchSubject& subject);

} // namespace striate
