// Graphs and programs drawn at random, at any stage and with every construct of the text forms: definitions,
// orders, scans, layouts, regions, costs, decisions; kernels with all their statements, loops and placed
// values. Sound always; all of it follows from the seed. They mean nothing.
#pragma once

#include "ir/graph/graph.h"
#include "ir/kernel/kernel.h"
#include "tests/targets/draw.h"

#include <functional>
#include <string>
#include <vector>

namespace striate {

Graph random_graph(uint64_t seed);
Program random_program(uint64_t seed);

// Parts of both.
SourceLocation random_location(Draw& draw);
std::string random_word(Draw& draw); // a few letters; the same ones come often
std::string random_text(Draw& draw); // any characters that a string may have
Cost random_cost(Draw& draw);
Layout random_layout(Draw& draw, const TensorType& type);

// Expressions, of what is there to be used.
struct ExpressionSource {
  // Leaves of each type: reads, loads, tiles, index values. Called with the type; nullptr: there is none.
  std::function<ExprRef(ScalarType)> leaf;
  std::vector<std::string> scalars; // run-time scalars
  std::function<IndexExpr()> index; // an index that may be anything
  bool random = false;              // whether random numbers may come
};
ExprRef random_expression(Draw& draw, ScalarType type, const ExpressionSource& source, int depth);

} // namespace striate
