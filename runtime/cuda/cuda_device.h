// A CUDA device as the runtime's: the arena in the device's memory, copies through pinned memory, and kernels
// launched on one stream.
//
// The kernels of a run, in their order and with their loops, are captured as one graph and launched as one
// when they run again: nothing in it changes from step to step, since inputs and scalars come through memory.
// The number of examples is an argument of every kernel, so each number has a graph of its own; the few that
// are used last are kept.
//
// Assumes that every kernel is a function NAME(char* arena, const float* scalars, long long examples, long
// long begin, long long end), as codegen/cuda/emit_cuda.h makes them, in the code of its entry point.
// Guarantees that what does not fit into memory is refused before anything runs.
#pragma once

#include "runtime/cuda/driver.h"
#include "runtime/device.h"
#include "support/machine_speed.h"

#include <memory>

namespace striate {

// A device that was found, and its context. One of a driver and number serves any number of programs.
class CudaContext {
public:
  static Result<std::shared_ptr<const CudaContext>> open(const CudaDriver& driver, int number);
  ~CudaContext();
  CudaContext(const CudaContext&) = delete;
  CudaContext& operator=(const CudaContext&) = delete;

  const CudaDriver& driver() const { return driver_; }
  const std::string& name() const { return name_; } // "NVIDIA H200"
  // "sm_90a": what code is compiled for that runs on this device alone.
  const std::string& architecture() const { return architecture_; }
  int capability() const { return capability_; }         // 90 is 9.0
  std::string driver_version() const;                    // "13.0": of the newest CUDA whose code it takes
  int64_t shared_bytes() const { return shared_bytes_; } // the most of a block
  int multiprocessors() const;
  struct Memory {
    std::size_t free = 0, total = 0; // bytes
  };
  Memory memory() const;
  // From its clocks, multiprocessors and the width of its memory. Nothing tells how fast its caches are: as
  // its memory.
  MachineSpeed speed() const;
  int enter() const {
    return driver_.context_set(context_);
  } // the calls that follow on this thread are for it

private:
  int attribute(int number) const; // 0 where the driver does not know it
  CudaContext(const CudaDriver& driver, int device) : driver_(driver), device_(device) {}

  const CudaDriver& driver_;
  int device_;
  CudaHandle context_ = nullptr;
  std::string name_, architecture_;
  int capability_ = 0;
  int64_t shared_bytes_ = 0;
};

Result<std::unique_ptr<Device>> make_cuda_device(std::shared_ptr<const CudaContext> context,
                                                 const Executable& executable);

} // namespace striate
