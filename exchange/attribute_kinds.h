// How ONNX writes what the library writes otherwise: the kinds in `pads: pads -> padding`
// (docs/contributing.md lists them). A kind takes the attribute's value, and binds what the library's
// arguments are made of. Nothing here knows an operator.
#pragma once

#include "exchange/onnx_model.h"
#include "exchange/operator_map.h"
#include "frontend/scope.h"

#include <optional>
#include <set>
#include <string>
#include <vector>

namespace striate {

struct KindInput {
  const OnnxEntry& entry;
  const CompileTimeValue& value; // of the attribute; an empty list where it is missing
  const TensorType& type;        // of the node's first tensor
  std::size_t outputs = 1;       // of the node
  std::string_view automatic;    // `auto_pad`, or ""
  std::optional<int64_t> batch;  // the size of the batch, where the file fixes it
  bool whole = false;            // the batch is ours alone: ONNX's dimensions are those behind it
};

// Where the library has no way to say it, and another ONNX operator before the node has: padding on all
// sides.
struct Detour {
  std::string op;
  ast::ExprPtr value;
  std::vector<int64_t> pads; // of all dimensions: before, then after
};

struct KindResult {
  std::optional<std::string> problem;
  std::optional<Detour> detour;
};

// Binds the kind's names in `scope`.
KindResult apply_kind(const KindInput& input, Scope& scope);

} // namespace striate
