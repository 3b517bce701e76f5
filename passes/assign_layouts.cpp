#include "passes/assign_layouts.h"

#include "passes/adjoint.h"
#include "passes/expand_calls.h"
#include "passes/pad_contractions.h"

namespace striate {

constexpr int64_t kBlock = 16;

const char* name_of(LayoutPolicy policy) {
  switch (policy) {
  case LayoutPolicy::BatchBlocked:
    return "batch-blocked";
  case LayoutPolicy::ChannelBlocked:
    return "channel-blocked";
  case LayoutPolicy::Plain:
    return "plain";
  }
  CHECK(false);
}

LayoutPolicy choose_layout_policy(Graph& graph, int64_t capacity, std::optional<LayoutPolicy> wanted) {
  const auto decide = [&](LayoutPolicy policy, const std::string& reason) {
    graph.decide("assign_layouts", graph.name, name_of(policy), reason);
    return policy;
  };
  // Blocks of 16 of its rows would end elsewhere than blocks of 16 examples.
  for (const Value& value : graph.values)
    for (const Size& size : value.type.shape)
      if (size.batch && size.factor != 1 &&
          wanted.value_or(LayoutPolicy::BatchBlocked) == LayoutPolicy::BatchBlocked)
        return decide(LayoutPolicy::Plain, fmt::format("`{}` has several rows per example", value.name));
  if (wanted) return decide(*wanted, "asked for");
  return decide(LayoutPolicy::BatchBlocked,
                capacity >= kBlock
                    ? "the capacity fills vectors of 16 examples, so that no layer has ragged vectors"
                    : "lanes beyond the batch repeat its last example");
}

// Is the mask `n < N`, over a batch variable?
static bool is_batch_mask(const ExprRef& e, const Statement& statement) {
  if (e->kind != Expr::Kind::Apply || e->function != Function::Less) return false;
  const ExprRef &left = e->arguments[0], &right = e->arguments[1];
  if (right->kind != Expr::Kind::Scalar || right->name != "N") return false;
  if (left->kind != Expr::Kind::Apply || left->function != Function::ToReal) return false;
  const ExprRef& index = left->arguments[0];
  if (index->kind != Expr::Kind::Index) return false;
  const std::optional<int> variable = index->indices[0].as_variable();
  return variable && statement.variables[*variable].extent == Size::n();
}

static void mark_zero_in_padding(Graph& graph) {
  // In a loop, what the step before left is taken to vanish, until something shows otherwise.
  for (const Node& node : graph.nodes)
    graph.values[node.outputs[0]].zero_in_padding =
        node.loop >= 0 && graph.values[node.outputs[0]].type.has_batch();
  bool changed = true;
  while (changed) {
    changed = false;
    for (const Node& node : graph.nodes) {
      const Statement& statement = statement_of(node);
      Value& value = graph.values[node.outputs[0]];
      if (!value.type.has_batch()) continue;
      const bool vanishes = (!statement.reduces() || statement.reducer == Reducer::Sum) &&
                            vanishes_with(statement.body, [&](const ExprRef& e) {
                              if (e->kind == Expr::Kind::Read)
                                return graph.values[node.inputs[e->operand]].zero_in_padding;
                              return e->kind == Expr::Kind::Apply && e->function == Function::Select &&
                                     is_batch_mask(e->arguments[0], statement) &&
                                     is_constant(e->arguments[2], 0);
                            });
      changed = changed || (node.loop >= 0 && vanishes != value.zero_in_padding);
      value.zero_in_padding = vanishes;
    }
  }
}

static bool blockable(const Size& size) { return !size.batch && size.factor % kBlock == 0; }

// [N][C/16][H][W][16] where the channel count allows it.
static Layout channel_blocked(const TensorType& type) {
  if (type.has_batch() && type.rank() >= 2 && blockable(type.shape[1]))
    return Layout::blocked(type, 1, kBlock);
  return Layout::row_major(type);
}

// The layout of a contraction's operand without a batch (a weight) for a vector over the target's channel:
// dimensions in order, blocked where the target's and the reduced channel run, the target's lanes innermost.
static Layout weight_layout(const Statement& statement, const ExprRef& weight, const TensorType& type) {
  const int vector = statement.output.size() > 1 ? statement.output[1].back() : -1;
  const int reduced = statement.free_count;
  int vector_dimension = -1, reduced_dimension = -1;
  for (std::size_t d = 0; d < weight->indices.size(); ++d) {
    if (!blockable(type.shape[d])) continue;
    if (weight->indices[d].as_variable() == vector) vector_dimension = static_cast<int>(d);
    if (weight->indices[d].as_variable() == reduced) reduced_dimension = static_cast<int>(d);
  }
  if (vector_dimension < 0) return Layout::row_major(type);
  Layout layout;
  for (int d = 0; d < static_cast<int>(type.shape.size()); ++d) {
    const bool blocked = d == vector_dimension || d == reduced_dimension;
    layout.digits.push_back(blocked ? Layout::Digit{d, kBlock, Size::constant(type.shape[d].factor / kBlock)}
                                    : Layout::Digit{d, 1, type.shape[d]});
  }
  if (reduced_dimension >= 0) layout.digits.push_back({reduced_dimension, 1, Size::constant(kBlock)});
  layout.digits.push_back({vector_dimension, 1, Size::constant(kBlock)});
  return layout;
}

std::map<std::string, Layout> persistent_layouts(const Graph& graph) {
  std::map<std::string, Layout> layouts;
  for (const Persistent& persistent : graph.persistents)
    layouts[graph.values[persistent.value].name] = graph.values[persistent.value].layout;
  return layouts;
}

void assign_layouts(Graph& graph, LayoutPolicy policy, const std::map<std::string, Layout>& fixed) {
  for (Value& value : graph.values) {
    switch (policy) {
    case LayoutPolicy::BatchBlocked:
      value.layout =
          value.type.has_batch() ? Layout::blocked(value.type, 0, kBlock) : Layout::row_major(value.type);
      break;
    case LayoutPolicy::ChannelBlocked:
      value.layout = channel_blocked(value.type);
      break;
    case LayoutPolicy::Plain:
      value.layout = Layout::row_major(value.type);
      break;
    }
  }
  if (policy == LayoutPolicy::ChannelBlocked) {
    // Steps, which stand where channels do, are not blocked.
    for (const Node& node : graph.nodes)
      if (node.loop >= 0)
        graph.values[node.outputs[0]].layout = Layout::row_major(graph.values[node.outputs[0]].type);
    for (const Node& node : graph.nodes) {
      const Statement& statement = statement_of(node);
      if (!is_contraction(statement) || !graph.values[node.outputs[0]].type.has_batch()) continue;
      for (const ExprRef& factor : statement.body->arguments) {
        if (factor->kind != Expr::Kind::Read) continue;
        Value& value = graph.values[node.inputs[factor->operand]];
        if (!value.type.has_batch()) value.layout = weight_layout(statement, factor, value.type);
      }
    }
  }
  for (const Persistent& persistent : graph.persistents) {
    const auto found = fixed.find(graph.values[persistent.value].name);
    if (found != fixed.end()) graph.values[persistent.value].layout = found->second;
  }
  // What replaces a persistent lies as the persistent does.
  for (const Persistent& persistent : graph.persistents)
    if (persistent.next >= 0) graph.values[persistent.next].layout = graph.values[persistent.value].layout;
  mark_zero_in_padding(graph);
}

} // namespace striate
