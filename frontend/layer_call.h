// Where a graph's nodes come from: a layer of the standard library, applied to values. What the layer is made
// of is in the graph; this says that it was one, for those who write the graph down in a language that has
// such layers too. Values are told by their names in the graph. Shown by tests/exchange/export_onnx_test.cpp.
#pragma once

#include "frontend/compile_time_value.h"

#include <map>
#include <string>
#include <vector>

namespace striate {

struct LayerCall {
  std::string layer; // its name in the library
  std::map<std::string, CompileTimeValue> attributes;
  std::string path; // its parameters are below it
  std::vector<std::string> inputs;
  std::string output;
  std::vector<std::string> nodes; // the first output of each, in order
};

} // namespace striate
