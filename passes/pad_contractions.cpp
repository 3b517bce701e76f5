#include "passes/pad_contractions.h"

#include "ir/graph/loops.h"
#include "passes/eliminate_dead_nodes.h"
#include "passes/expand_calls.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

namespace striate {

bool is_contraction(const Statement& statement) {
  return statement.reducer == Reducer::Sum && statement.body->kind == Expr::Kind::Apply &&
         statement.body->function == Function::Mul && !reads_at_places(statement.body);
}

bool is_skipped_outside(const ExprRef& body, const ExprRef& read) {
  const bool product = body->kind == Expr::Kind::Apply && body->function == Function::Mul;
  return product && read->kind == Expr::Kind::Read && read->has_else && read->constant == 0 &&
         (read == body->arguments[0] || read == body->arguments[1]);
}

bool Padding::any() const {
  const auto positive = [](int64_t v) { return v > 0; };
  return std::ranges::any_of(low, positive) || std::ranges::any_of(high, positive);
}

static Padding padding_of(const ExprRef& e, const TensorType& type,
                          const std::function<Interval(int)>& range_of) {
  Padding padding;
  for (std::size_t d = 0; d < type.shape.size(); ++d) {
    const Interval interval = type.shape[d].batch ? Interval{0, 0} : e->indices[d].range(range_of);
    padding.low.push_back(std::max<int64_t>(0, -interval.low));
    padding.high.push_back(
        type.shape[d].batch ? 0 : std::max<int64_t>(0, interval.high - (type.shape[d].factor - 1)));
  }
  return padding;
}

// Channels that lie a multiple of 4 KiB apart meet in the same set of a first-level cache (64 sets of 64-byte
// lines); one more column keeps them apart. Elements are counted in vectors of 16, as a blocked layout stores
// them.
static void avoid_cache_aliases(Padding& padding, const TensorType& type) {
  if (type.shape.size() < 3) return;
  int64_t below = 1;
  for (std::size_t d = 2; d < type.shape.size(); ++d)
    below *= type.shape[d].factor + padding.low[d] + padding.high[d];
  constexpr int64_t kVectorBytes = 64, kSetSpan = 4096;
  if (below * kVectorBytes % kSetSpan == 0) ++padding.high.back();
}

ValueId padded_copy(Graph& graph, ValueId source, const Padding& padding, double fill) {
  const Value original = graph.values[source];
  TensorType type = original.type;
  Statement copy;
  std::vector<IndexExpr> indices;
  for (std::size_t d = 0; d < type.shape.size(); ++d) {
    type.shape[d].factor += padding.low[d] + padding.high[d];
    copy.variables.push_back({fmt::format("i{}", d), type.shape[d]});
    copy.output.push_back({static_cast<int>(d)});
    indices.push_back(IndexExpr::variable(static_cast<int>(d)) - padding.low[d]);
  }
  copy.free_count = static_cast<int>(copy.variables.size());
  copy.body = read(0, indices, scalar_type_of(type.element), fill);
  return add_statement(graph, "pad", "", original.name + ".padded", type, {source}, std::move(copy),
                       original.location);
}

double share_inside(const Statement& statement, const IndexExpr& index, int64_t extent) {
  std::vector<int> used;
  index.collect_variables(used);
  std::vector<int64_t> values(statement.variables.size(), 0);
  int64_t inside = 0, all = 0;
  constexpr int64_t kMost = 1 << 16;
  while (all < kMost) {
    const int64_t at = index.evaluate(values.data());
    inside += at >= 0 && at < extent;
    ++all;
    std::size_t k = 0;
    for (; k < used.size(); ++k) {
      if (++values[used[k]] < statement.variables[used[k]].extent.factor) break;
      values[used[k]] = 0;
    }
    if (k == used.size()) break;
  }
  return static_cast<double>(inside) / static_cast<double>(all);
}

// The free variables that the vector may run over where it does not run over the batch: the channel's and the
// innermost.
static std::vector<int> lane_variables(const Statement& statement, const TensorType& type,
                                       bool pad_innermost) {
  if (type.has_batch() && !pad_innermost) return {};
  std::vector<int> variables;
  for (std::size_t d = 0; d < statement.output.size(); ++d)
    if ((d == 1 || d + 1 == statement.output.size()) && !statement.output[d].empty())
      variables.push_back(statement.output[d].back());
  return variables;
}

// Padding that stays a test: nothing is copied for it, and the work outside is skipped. Only where the read
// is a factor itself: of `k * exp(x else 0)` something remains outside. Lanes of one vector cannot skip
// apart.
static Padding kept_as_test(const Statement& statement, const ExprRef& e, const TensorType& type,
                            Padding& padding, bool pad_innermost, const std::vector<int>& lanes) {
  Padding kept;
  kept.low.assign(padding.low.size(), 0);
  kept.high = kept.low;
  if (!is_skipped_outside(statement.body, e)) return kept;
  double share = 1;
  for (std::size_t d = 0; d < type.shape.size(); ++d)
    if (padding.low[d] > 0 || padding.high[d] > 0)
      share *= share_inside(statement, e->indices[d], type.shape[d].factor);
  constexpr double kWorthIt = 0.85;
  if (share > kWorthIt) return kept;
  for (std::size_t d = 0; d < type.shape.size(); ++d) {
    if (d + 1 == type.shape.size() && pad_innermost) continue;
    if (std::any_of(lanes.begin(), lanes.end(), [&](int v) { return e->indices[d].uses(v); })) continue;
    std::swap(kept.low[d], padding.low[d]);
    std::swap(kept.high[d], padding.high[d]);
  }
  return kept;
}

std::vector<int> guarded_variables(const Graph& graph, const Node& node) {
  const Statement& statement = statement_of(node);
  std::vector<int> guarded;
  visit(statement.body, [&](const ExprRef& e) {
    if (!is_skipped_outside(statement.body, e)) return;
    const TensorType& type = graph.values[node.inputs[e->operand]].type;
    for (std::size_t d = 0; d < type.shape.size(); ++d) {
      if (type.shape[d].batch) continue;
      const Interval interval = e->indices[d].range(statement.ranges());
      if (interval.low < 0 || interval.high >= type.shape[d].factor) e->indices[d].collect_variables(guarded);
    }
  });
  std::sort(guarded.begin(), guarded.end());
  guarded.erase(std::unique(guarded.begin(), guarded.end()), guarded.end());
  std::erase_if(guarded, [&](int v) { return v >= statement.free_count; });
  return guarded;
}

void pad_contractions(Graph& graph, bool pad_innermost, bool keep_tests) {
  std::map<std::tuple<ValueId, Padding, double>, ValueId> copies;
  const NodeId count = static_cast<NodeId>(graph.nodes.size());
  for (NodeId id = 0; id < count; ++id) {
    if (!is_contraction(statement_of(graph.nodes[id]))) continue;
    Statement statement = statement_of(graph.nodes[id]);
    std::vector<ValueId> inputs = graph.nodes[id].inputs;
    const auto ranges = statement.ranges();
    const std::vector<int> lanes =
        lane_variables(statement, graph.values[graph.nodes[id].outputs[0]].type, pad_innermost);
    bool changed = false;
    const Statement original = statement;
    statement.body = rewrite(statement.body, [&](const ExprRef& e) -> ExprRef {
      if (e->kind != Expr::Kind::Read || !e->has_else) return e;
      const ValueId source = inputs[e->operand];
      const TensorType type = graph.values[source].type;
      Padding padding = padding_of(e, type, ranges);
      Padding tested;
      tested.low.assign(padding.low.size(), 0);
      tested.high = tested.low;
      if (keep_tests) tested = kept_as_test(original, e, type, padding, pad_innermost, lanes);
      if (in_same_loop(graph, graph.nodes[id], source)) {
        // Steps before the first cannot be copied together with the others: they are not there yet.
        const int step = step_dimension(type);
        tested.low[step] += std::exchange(padding.low[step], 0);
        tested.high[step] += std::exchange(padding.high[step], 0);
      }
      if (tested.any())
        graph.decide("pad_contractions", graph.values[source].name, "tested",
                     fmt::format("most of the work of `{}` on padding is skipped by whole loops",
                                 graph.values[graph.nodes[id].outputs[0]].name));
      if (padding.any() && type.has_batch()) avoid_cache_aliases(padding, type);
      Expr plain = *e;
      plain.has_else = tested.any();
      if (!plain.has_else) plain.constant = 0;
      changed = changed || padding.any() || !plain.has_else;
      if (!padding.any()) return std::make_shared<const Expr>(std::move(plain));
      const auto key = std::make_tuple(source, padding, e->constant);
      auto found = copies.find(key);
      if (found == copies.end()) {
        found = copies.emplace(key, padded_copy(graph, source, padding, e->constant)).first;
        graph.decide("pad_contractions", graph.values[source].name, "padded copy",
                     fmt::format("`{}` loads each element many times and would test its bounds each time",
                                 graph.values[graph.nodes[id].outputs[0]].name));
      }
      for (std::size_t d = 0; d < plain.indices.size(); ++d)
        plain.indices[d] = plain.indices[d] + padding.low[d];
      plain.operand = static_cast<int>(inputs.size());
      inputs.push_back(found->second);
      return std::make_shared<const Expr>(std::move(plain));
    });
    if (changed) set_statement(graph, id, std::move(inputs), std::move(statement));
  }
  eliminate_dead_nodes(graph);
}

} // namespace striate
