// A compiled program as the runtime sees it: plain data and function pointers. What makes one (a JIT, a CUDA
// back end) fills it in; nothing here knows the compiler.
//
// Memory is one arena: the persistent segment first (parameters and states, shared by all entry points), then
// each entry point's own transient segment. Nothing is allocated while an entry point runs.
#pragma once

#include "support/kernel_loop.h"
#include "support/result.h"
#include "support/tensor_type.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace striate {

// Rows of an entry point's inputs are filled up to a multiple of it.
constexpr int64_t kBatchBlock = 16;

// Where a logical tensor lies in the arena, and how. An element with index[d] per dimension lies at
// byte offset + byte_size * sum over digits of ((index[dimension] / step) % extent) * stride.
struct Placement {
  struct Digit {
    int dimension = 0;
    int64_t step = 1;
    int64_t extent = 1;
    int64_t stride = 1;
  };
  std::string name;
  ElementType element = ElementType::F32;
  std::vector<int64_t> shape; // at the capacity; dimension 0 is the batch where `batch`
  bool batch = false;
  int64_t offset = 0;  // bytes
  int64_t storage = 0; // elements, padding included
  std::vector<Digit> digits;
};

// arena and scalars as in EntryPoint; `examples` is the active batch size, at most the capacity; [begin, end)
// is a part of [0, parallel_extent(examples)). Calls on disjoint parts may run at once. Equal layers share
// the code: where a kernel's buffers lie is an argument of its own.
struct KernelFunction {
  using Code = void (*)(char* arena, const float* scalars, int64_t examples, int64_t begin, int64_t end,
                        const int64_t* offsets);
  Code code = nullptr;
  const int64_t* offsets = nullptr; // buffer -> byte offset in the arena

  void operator()(char* arena, const float* scalars, int64_t examples, int64_t begin, int64_t end) const {
    code(arena, scalars, examples, begin, end, offsets);
  }
};

// How a device of groups of threads runs a kernel: by its name in the entry point's code, in blocks that
// compute so many points of the parallel range each.
struct KernelLaunch {
  std::size_t code = 0; // of the entry point's
  std::string function;
  int64_t points = 1;
  int threads = 1;
  int64_t shared_bytes = 0;

  int64_t blocks(int64_t extent) const { return (extent + points - 1) / points; }
};

struct ExecutableKernel {
  std::string name;
  KernelFunction function; // of the CPU
  std::function<int64_t(int64_t examples)> parallel_extent;
  // For messages: the layer (or value) that it begins with, where the program has it, and the real values
  // that it leaves in memory.
  std::string layer = {};
  std::string place = {}; // "lenet.nn:8:30"
  std::vector<Placement> stores = {};
  KernelLaunch launch = {}; // of another device
};

// Kernels run in order; each is finished before the next begins.
struct EntryPoint {
  std::string name;
  std::vector<ExecutableKernel> kernels;
  // So many kernels at the beginning change no parameter and no optimizer state; "loss" is known after them.
  std::size_t forward_kernels = 0;
  // Slot -> name. Filled by the caller before each run, in f32: "N", "1/N", "step", "epoch", and the
  // optimizer's "optimizer.lr" and the like. The slots "seed.low" and "seed.high" hold 32-bit integers, bit
  // for bit.
  std::vector<std::string> scalars;
  std::vector<Placement>
      inputs; // to be filled, rows beyond `examples` up to the next multiple of kBatchBlock, as far
              // as the layout has them, with copies of the last real example
  std::vector<Placement> outputs;      // by name: "loss" and metrics hold one value per example
  std::vector<KernelLoop> loops = {};  // in order
  std::vector<std::string> codes = {}; // of another device than the CPU, as its driver takes them
};

class Device;

struct Executable {
  int64_t capacity = 0; // most examples per run
  int64_t arena_bytes = 0;
  std::vector<Placement> parameters; // PyTorch's names and logical shapes
  std::vector<Placement>
      states;      // running statistics ("bn1.running_mean") and optimizer states ("conv1.weight/v")
  EntryPoint init; // fills parameters and states
  EntryPoint step; // one training step
  EntryPoint eval; // outputs, loss and metrics, nothing changed
  std::vector<std::pair<std::string, double>> scalar_defaults; // "optimizer.lr" -> 0.01
  std::shared_ptr<void> code;                                  // keeps the machine code alive
  // Where it runs; empty: on this CPU.
  std::function<Result<std::unique_ptr<Device>>(const Executable&)> make_device;
};

} // namespace striate
