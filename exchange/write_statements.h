// Index notation as ONNX operators: what a definition computes, statement by statement. A closed set of them
// stands for the notation's parts (a read gathers, a reduction reduces, a product that is summed is an
// Einsum, a scalar function is an operator on elements), so any definition can be said, whatever it is
// called. For definitions that std/ knows an operator for, see write_call.h. Assumes a sound definition.
// Guarantees an equal tensor, or a Failure that says what ONNX has no way to express: draws of random
// numbers, run-time scalars, and what mixes examples of a batch. Shown by
// tests/exchange/export_onnx_test.cpp.
#pragma once

#include "exchange/onnx_writer.h"
#include "ir/definition.h"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace striate {

// A tensor in the file; of a loop's value that is known step by step, one tensor for each step, without the
// dimension that counts them.
struct OnnxSource {
  TensorType type;
  std::string whole; // "" where there are steps
  std::vector<std::string> steps;
  int step_dimension = -1;
};

// One step of a loop: the dimension of every target that counts steps, and which step is computed.
struct LoopStep {
  int dimension = 0;
  int64_t step = 0;
};

class StatementsWriter {
public:
  // `batch_size`: a tensor with one integer, the number of examples.
  StatementsWriter(OnnxWriter& out, std::function<std::string()> batch_size)
      : out_(out), batch_size_(std::move(batch_size)) {}

  // `sources`: of all operands; gets those that the definition computes. `base`: what names begin with.
  Status write(const Definition& definition, std::vector<OnnxSource>& sources, const std::string& base,
               std::optional<LoopStep> loop);
  // One tensor for a value that is known step by step.
  std::string joined(const OnnxSource& source, const std::string& base);

private:
  OnnxWriter& out_;
  std::function<std::string()> batch_size_;
};

} // namespace striate
