// An equation of Einsum is index notation: a definition of an operator, which the imported program brings
// along.
//
//   # onnx: Einsum(first, second) {equation = "" is "ij,jk->ik"}
//   op einsum_ij_jk_to_ik(first[I, J], second[J, K]) -> result[I, K] {
//       result[i, k] = sum(j) first[i, j] * second[j, k]
//   }
//
// Assumes a model from read_onnx. Guarantees text that parses, with an operator for each equation that it can
// say; the others are left out. Shown by tests/exchange/import_onnx_test.cpp.
#pragma once

#include "exchange/onnx_model.h"

#include "exchange/network_program.h"

#include <vector>

namespace striate {

// `whole`: the batch, which ONNX does not know, stands before the dimensions of what is no constant.
std::vector<NetworkProgram::Definition> einsum_definitions(const OnnxModel& model, bool whole);

} // namespace striate
