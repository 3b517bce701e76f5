// A model's evaluation and its weights -> an ONNX file. Layers and operators are written as what std/ says
// that ONNX calls them (write_call.h); what it has no word for, a user's own operators among them, as index
// notation in ONNX's operators (write_statements.h); a loop as its steps, one after the other. Assumes a
// sound graph of the stage `graph`, and weights for all its parameters and states. Guarantees a file whose
// inputs, outputs and weights have the program's names, for any number of examples (the dimension N); or a
// Failure that names what ONNX cannot say. Shown by tests/exchange/export_onnx_test.cpp and
// tests/end_to_end/onnx_export_full_test.py.
#pragma once

#include "frontend/layer_call.h"
#include "ir/graph/graph.h"
#include "runtime/tensor.h"

#include <span>
#include <string>
#include <vector>

namespace striate {

Result<std::string> export_onnx(const Graph& graph, const std::vector<LayerCall>& layers,
                                std::span<const NamedTensor> weights);

} // namespace striate
