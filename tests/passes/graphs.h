// Graphs for tests of passes, from the language's own text, and ways to look at and to run them.
#pragma once

#include "codegen/reference/interpreter.h"
#include "frontend/elaborate.h"
#include "ir/graph/graph.h"
#include "ir/kernel/kernel.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

namespace striate {

// A graph of one call of `op`, expanded: the operands are its inputs, its outputs are the graph's.
Graph graph_of_op(const std::string& source, const std::string& op, const std::vector<TensorType>& operands,
                  const std::map<std::string, std::string>& attributes = {});
Graph graph_of_definition(std::shared_ptr<const Definition> definition);

// The adjoints of a graph's only output by its real inputs, appended with the seed "y.grad". Names are
// `x.grad`.
std::map<ValueId, ValueId> append_gradients(Graph& graph);

// The only model of `source` for inference, its calls expanded; and the training step of its `train` block.
Graph model_graph(const std::string& source);
Graph step_graph(const std::string& source);

// A step graph with the loss sum of all outputs' elements: `body` is a model's body with `input x` and
// `output y`.
std::string training_program(const std::string& definitions, const std::string& body);

// "y[n] = max(x[n], 0)", one per node, from node `first` on.
std::vector<std::string> statements(const Graph& graph, NodeId first = 0);
std::string statement_of_value(const Graph& graph, const std::string& value);
// "conv1 + pool1: not fused: `conv1` leaves the graph", of one pass.
std::vector<std::string> decisions(const Graph& graph, const std::string& pass);
bool contains(const std::vector<std::string>& list, const std::string& text); // a substring of an element

TensorType f32(const std::vector<int64_t>& shape); // -1: the batch

// Numbers between -1 and 1, no two alike, of a value's type (integers: 0 .. 2).
ReferenceTensor noise(const TensorType& type, int64_t batch, uint64_t seed);
// Runs the graph once in f64, all inputs and persistents filled with noise by name.
ReferenceRun run_with_noise(const Graph& graph, int64_t batch, Precision precision = Precision::F64);

// The largest difference between the outputs that both graphs have, run on the same inputs.
double difference(const Graph& a, const Graph& b, int64_t batch);

// The largest difference between the derived gradients and central differences in f64, over all real inputs,
// relative to the largest entry. The graph is as append_gradients left it.
double gradient_error(const Graph& graph, const std::map<ValueId, ValueId>& gradients, int64_t batch);

} // namespace striate
