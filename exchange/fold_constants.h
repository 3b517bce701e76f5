// Arithmetic on numbers that are known while importing: the shapes that exporters compute node by node, and
// weights that a file rearranges before their use. A closed set, listed in fold_constants.cpp: these never
// become part of a program. Assumes constants from read_onnx; guarantees a bounded amount of work and memory,
// whatever sizes are asked for. Shown by tests/exchange/fold_constants_test.cpp.
#pragma once

#include "exchange/onnx_model.h"

namespace striate {

class ConstantFolder {
public:
  // `weights`: the elements that the file holds; results may have as many again, and a fixed number more.
  explicit ConstantFolder(int64_t weights);

  // What the node makes of its inputs (nullptr where one is left out). nullptr where this is not one of the
  // operators above, or its numbers are not as it takes them.
  OnnxConstantRef fold(const OnnxNode& node, const std::vector<OnnxConstantRef>& inputs);
  // The sizes of a tensor that is not constant, for nodes that ask only for those; nullptr for other nodes.
  // The first may be kOpenBatch.
  OnnxConstantRef fold_shape(const OnnxNode& node, const std::vector<int64_t>& shape);

  static bool knows(const OnnxNode& node); // one of the operators above

private:
  int64_t budget_;
};

// Attributes as they are, or `otherwise`.
int64_t integer_attribute(const OnnxNode& node, std::string_view name, int64_t otherwise);
std::vector<int64_t> integers_attribute(const OnnxNode& node, std::string_view name,
                                        std::vector<int64_t> otherwise);

} // namespace striate
