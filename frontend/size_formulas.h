// How sizes came about, with numbers put in: "55 = (227 - 11) // 4 + 1". For messages.
#pragma once

#include "frontend/bind_call.h"
#include "frontend/evaluate.h"
#include "frontend/unify_shapes.h"
#include "ir/graph/graph.h"

#include <set>

namespace striate {

// The sizes that an input's shape names: H in `x[N, C, H, W]`.
std::set<std::string> sizes_named_by(const ast::Parameter& input);

// `expr` with numbers put in. The sizes in `kept` stay apart, all else is computed: `H + 2*padding - (R - 1)
// - 1` with H kept is "28 - 4".
std::string numbers_in(const ast::Expr& expr, Evaluator& evaluator, Scope& scope,
                       const std::set<std::string>& kept);

// A call of an op at the types of its tensors, and what its head alone says of it: nothing is built. Errors
// are dropped.
struct SizedCall {
  std::vector<TensorType> outputs;
  std::vector<std::string> formulas; // of the computed sizes of its outputs: "55 = (227 - 11) // 4 + 1"
};
std::optional<SizedCall> size_call(const Library& library, const ast::Item& op,
                                   const std::map<std::string, Attribute>& attributes,
                                   const std::vector<TensorType>& inputs);

} // namespace striate
