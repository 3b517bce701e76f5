// One ONNX node, and those that go on with it, as calls of the library: the lines of the operator map are
// tried one after the other, and the first that fits is taken. Whether its calls are right is asked of the
// library itself (frontend/call_session.h), which also gives their shapes. Shown by
// tests/exchange/import_onnx_test.cpp.
#pragma once

#include "exchange/attribute_kinds.h"
#include "exchange/einsum_definitions.h"
#include "exchange/network_program.h"
#include "exchange/onnx_model.h"
#include "exchange/operator_map.h"
#include "frontend/call_session.h"
#include "runtime/tensor.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace striate {

// What an ONNX name stands for while importing.
struct OnnxOperand {
  OnnxConstantRef constant;
  int value = -1;       // of the program
  bool missing = false; // the node that makes it could not be imported
};

// What has been found so far.
struct ImportState {
  const OnnxModel& model;
  // Each example is the whole of ONNX's tensors: a dimension for the batch stands before ONNX's, whose first
  // one is like the others.
  const bool whole;
  NetworkProgram program;
  CallSession session;
  OperatorMap map{session.library()};
  NameTable names{session.library()};
  std::vector<int> tensors; // of the session, for each value of the program
  std::vector<NamedTensor> weights;
  std::map<std::string, OnnxOperand, std::less<>> values;
  std::map<std::string, std::vector<const OnnxNode*>, std::less<>> readers; // outputs of the graph: nullptr
  std::map<std::string, int> own_parameters; // values for constants that no layer takes
  std::optional<int64_t> batch;
  ImportState(const OnnxModel& from, bool is_whole);
  int add_value(NetworkProgram::Role role, const std::string& name, int tensor);
  const OnnxOperand* find(std::string_view name) const;
};

// The nodes that were taken (the first is `node`), or why none of the lines fits.
Result<std::vector<const OnnxNode*>> map_node(ImportState& state, const OnnxNode& node);

} // namespace striate
