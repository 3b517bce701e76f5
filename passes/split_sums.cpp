#include "passes/split_sums.h"

#include "ir/graph/loops.h"
#include "passes/eliminate_dead_nodes.h"
#include "passes/expand_calls.h"
#include "passes/pad_contractions.h"
#include "passes/schedule/choose_block.h"

#include <algorithm>

namespace striate {

// The contraction as a product of matrices, of `parts` sums each, as passes/schedule sees it.
static BlockProblem problem_of(const Statement& statement, int64_t capacity, int split) {
  BlockProblem problem;
  problem.rows_alone = problem.columns_alone = true;
  const auto uses = [&](const ExprRef& factor, int v) {
    bool used = false;
    visit(factor, [&](const ExprRef& e) {
      for (const IndexExpr& index : e->indices) used = used || index.uses(v);
    });
    return used;
  };
  for (int v = 0; v < static_cast<int>(statement.variables.size()); ++v) {
    const int64_t extent = statement.variables[v].extent.at(capacity);
    const bool first = uses(statement.body->arguments[0], v), second = uses(statement.body->arguments[1], v);
    if (v == split || (v < statement.free_count && first && second))
      problem.products *= extent;
    else if (v >= statement.free_count)
      problem.depth *= extent;
    else
      (first ? problem.rows : problem.columns) *= extent;
  }
  return problem;
}

// Cycles of the device, by the model; none where there are no blocks.
static std::optional<double> cycles_of(const BlockProblem& problem) {
  const std::optional<BlockChoice> choice = choose_block(problem);
  if (!choice) return std::nullopt;
  return choice->cycles;
}

// What it takes to store the parts' sums, start a kernel and add them.
static double cycles_of_adding(const BlockProblem& problem, int64_t parts) {
  constexpr double kBytesOfACycle = 2500, kStart = 4000; // of memory; a kernel's
  const double results = static_cast<double>(problem.rows * problem.columns * (problem.products / parts));
  return 2 * 4 * results * static_cast<double>(parts) / kBytesOfACycle + kStart;
}

// The reduced variable whose values are the parts that are predicted to take least, or -1.
static int choose_split(const Statement& statement, int64_t capacity, std::string& reason) {
  const std::optional<double> whole = cycles_of(problem_of(statement, capacity, -1));
  if (!whole) return -1;
  constexpr double kWorthIt = 0.7; // other bits than a CPU's are not had for little
  double least = *whole * kWorthIt;
  int best = -1;
  for (int v = statement.free_count; v < static_cast<int>(statement.variables.size()); ++v) {
    const Size& extent = statement.variables[v].extent;
    if (extent.batch || extent.factor < 2) continue;
    const BlockProblem problem = problem_of(statement, capacity, v);
    const std::optional<double> parts = cycles_of(problem);
    if (!parts) continue;
    const double all = *parts + cycles_of_adding(problem, extent.factor);
    if (all >= least) continue;
    least = all;
    best = v;
    reason = fmt::format("{:.2g} cycles predicted, {:.2g} in one", all, *whole);
  }
  return best;
}

// The sums of the parts: the split variable is the outermost free one.
static Statement parts_statement(const Statement& statement, int split) {
  Statement parts;
  std::vector<int> place(statement.variables.size());
  place[split] = 0;
  parts.variables.push_back(statement.variables[split]);
  for (std::size_t v = 0; v < statement.variables.size(); ++v) {
    if (static_cast<int>(v) == split) continue;
    place[v] = static_cast<int>(parts.variables.size());
    parts.variables.push_back(statement.variables[v]);
  }
  parts.free_count = statement.free_count + 1;
  parts.reducer = statement.reducer;
  parts.output.push_back({0});
  for (std::vector<int> digits : statement.output) {
    for (int& digit : digits) digit = place[digit];
    parts.output.push_back(std::move(digits));
  }
  parts.body = substitute(statement.body, [&](int v) { return IndexExpr::variable(place[v]); });
  return parts;
}

static Statement sum_of_parts(const TensorType& type, const IndexVariable& part) {
  Statement sum = pointwise_statement(type);
  const int number = static_cast<int>(sum.variables.size());
  std::vector<IndexExpr> indices = {IndexExpr::variable(number)};
  for (int d = 0; d < number; ++d) indices.push_back(IndexExpr::variable(d));
  sum.variables.push_back(part);
  sum.reducer = Reducer::Sum;
  sum.body = read(0, indices);
  return sum;
}

void split_sums(Graph& graph, int64_t capacity) {
  const NodeId count = static_cast<NodeId>(graph.nodes.size());
  bool changed = false;
  for (NodeId id = 0; id < count; ++id) {
    const Statement statement = statement_of(graph.nodes[id]);
    const Value result = graph.values[graph.nodes[id].outputs[0]];
    if (!is_contraction(statement) || result.type.has_batch() || graph.nodes[id].loop >= 0 ||
        !statement.order.loops.empty() || result.type.element != ElementType::F32)
      continue;
    std::string reason;
    const int split = choose_split(statement, capacity, reason);
    if (split < 0) continue;
    const IndexVariable& part = statement.variables[split];
    TensorType type = result.type;
    type.shape.insert(type.shape.begin(), part.extent);
    graph.decide("split_sums", result.name, fmt::format("{} parts, by {}", part.extent.factor, part.name),
                 reason);
    const ValueId parts =
        add_statement(graph, graph.nodes[id].op, graph.nodes[id].path, result.name + ".parts", type,
                      graph.nodes[id].inputs, parts_statement(statement, split), result.location);
    set_statement(graph, id, {parts}, sum_of_parts(result.type, part));
    changed = true;
  }
  if (changed) eliminate_dead_nodes(graph);
}

} // namespace striate
