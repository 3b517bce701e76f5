// An ONNX file -> a `.nn` program as a person would write it, and its weights under the program's names.
// Assumes nothing of the file. Guarantees: the program elaborates, and is in canonical layout; or a Failure:
// exit code 3 where the file is damaged, 1 where something in it has no counterpart, which names every such
// node. What the library calls an ONNX operator is said in std/ (operator_map.h). Shown by
// tests/exchange/import_onnx_test.cpp and tests/end_to_end/onnx_test.py.
#pragma once

#include "runtime/tensor.h"

#include <string>
#include <vector>

namespace striate {

struct ImportedNetwork {
  std::string program;
  std::vector<NamedTensor> weights;
};

Result<ImportedNetwork> import_onnx(const std::string& path);

} // namespace striate
