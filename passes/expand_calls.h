// expand_calls: operator calls become their statements.
//
// Assumes a verified graph of calls. Guarantees that every node is one statement with one output, that
// nothing computed changed, and that names, paths, attributes and locations of the calls are kept on the
// statements. Shown by tests/passes/simplify_test.cpp.
#pragma once

#include "ir/graph/graph.h"

namespace striate {

void expand_calls(Graph& graph);

// A node of one statement: `inputs` are the operands that `statement.body` numbers 0 .. inputs.size()-1; the
// target's operand number is set here. Returns the value it defines. Used by every pass that adds nodes.
// The location is a copy: that of another value moves when one is added.
ValueId add_statement(Graph& graph, const std::string& op, const std::string& path,
                      const std::string& output_name, TensorType type, std::vector<ValueId> inputs,
                      Statement statement, SourceLocation location);

// The same for a value that is there already and that nothing computes yet.
void define_value(Graph& graph, ValueId value, const std::string& op, const std::string& path,
                  std::vector<ValueId> inputs, Statement statement, SourceLocation location);

// A statement that computes a value of this type element by element: one free variable per dimension.
Statement pointwise_statement(const TensorType& type);

// The statement of a node after expand_calls.
const Statement& statement_of(const Node& node);
// Replaces it; inputs that it no longer reads are dropped from the node and the operands renumbered.
void set_statement(Graph& graph, NodeId node, std::vector<ValueId> inputs, Statement statement);

} // namespace striate
