// A line of the operator map solved for ONNX's side: which attributes and constant inputs a node has whose
// import gives a call with these arguments. Shown by tests/exchange/export_onnx_test.cpp.
#pragma once

#include "exchange/operator_map.h"
#include "frontend/call_session.h"

#include <map>
#include <optional>
#include <set>
#include <string>

namespace striate {

struct OnnxSide {
  std::map<std::string, CompileTimeValue> values; // attributes and constant inputs
  std::set<std::string> usual;                    // those that need not be said
  std::set<std::string> arguments;                // of the call, that the line knows
};

// `scope`: what expressions may name beside ONNX's attributes ("rank", the shapes of inputs and weights).
// nullopt where the line says something else than these arguments do, or cannot be solved.
std::optional<OnnxSide> invert_line(const OnnxLine& line,
                                    const std::map<std::string, CompileTimeValue>& arguments,
                                    const Scope& scope, int64_t rank, CallSession& session);

} // namespace striate
