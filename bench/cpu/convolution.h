// One convolution, or one of its gradients, as a program of its own: the library's definition through every
// pass. And what the machine does at most.
#pragma once

#include "codegen/cpu/jit.h"
#include "ir/kernel/kernel.h"
#include "passes/assign_layouts.h"
#include "runtime/tensor.h"
#include "support/target_info.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace striate {

enum class Direction { Forward, DataGradient, WeightGradient };

struct Convolution {
  std::string name;
  Direction direction = Direction::Forward;
  int64_t batch = 1, in = 1, out = 1, image = 1, window = 1; // square
  int64_t padding = 0, stride = 1, groups = 1;
  std::optional<LayoutPolicy> layout; // absent: chosen by cost
  bool winograd = false;

  int64_t result() const { return (image + 2 * padding - window) / stride + 1; }
  // Of a direct sum, without those that read outside.
  double flops() const;
};

Program program_of(const Convolution& one, const TargetInfo& target);

// Independent chains of FMAs on registers: 12 hardware vectors.
Program peak_program(const TargetInfo& target, double* flops);

// Of this thread's own time: others may be running.
double thread_seconds();

// Programs that take turns, compiled, on memory whose bytes are all alike.
class Runs {
public:
  Runs(const std::vector<Program>& programs, const TargetInfo& target);
  double seconds(std::size_t program, int64_t examples); // of one run on one thread

private:
  const std::vector<Program>& programs_;
  std::shared_ptr<CompiledPrograms> code_;
  Tensor arena_;
  std::vector<float> scalars_ = std::vector<float>(16, 0.5F);
};

} // namespace striate
