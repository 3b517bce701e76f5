// The stored results of PyTorch (make_golden.py) for one operator or optimizer.
#pragma once

#include "codegen/reference/interpreter.h"
#include "runtime/safetensors.h"

#include <string>
#include <vector>

namespace striate {

struct GoldenFile {
  std::string name; // of the operator
  Safetensors content;

  static GoldenFile read(const std::string& name);
  std::vector<std::string> cases() const;
  // Tensors `CASE/KIND.0`, `CASE/KIND.1`, ... without those that are not there; `batched` says which have the
  // batch first (none where it is not given).
  std::vector<std::optional<ReferenceTensor>> tensors(const std::string& label, const std::string& kind,
                                                      const std::vector<int>& batched = {}) const;
  std::vector<int> batched(const std::string& label) const;
};

// Every operator and optimizer that has a file.
std::vector<std::string> golden_names();

} // namespace striate
