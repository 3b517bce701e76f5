// What `striate bench` times: one entry point, compiled and ready to run again and again.
#pragma once

#include "driver/options.h"
#include "driver/program.h"
#include "runtime/executor.h"

#include <memory>
#include <string>

namespace striate {

struct BenchSubject {
  Program program; // the kernels' structure: operations, buffers, places
  Graph regions;   // what each of the kernels was made of; empty where they came as text
  std::unique_ptr<Executor> executor;
  bool of_step = false;
  CompileOptions settings;
  double lowering_seconds = 0, code_seconds = 0;

  const EntryPoint& entry() const {
    return of_step ? executor->executable().step : executor->executable().eval;
  }
  std::string machine() const; // "znver4", "NVIDIA H200"
  int64_t examples() const { return program.capacity; }
};

// A `.nn` file's training step or evaluation (without loss and metrics), with its first weights and drawn
// inputs; or the kernels of a `.sir` file, on memory whose every byte is alike.
Result<BenchSubject> bench_subject(const Options& options);

} // namespace striate
