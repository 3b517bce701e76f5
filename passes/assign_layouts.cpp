#include "passes/assign_layouts.h"

#include "passes/adjoint.h"
#include "passes/expand_calls.h"
#include "passes/lower_precision.h"
#include "passes/order_nodes.h"
#include "passes/pad_contractions.h"

#include <algorithm>
#include <set>

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

static bool blockable(const Size& size) { return !size.batch && size.factor % kBlock == 0; }

// Of the multiplications of all contractions over a batch, the share whose results fill vectors without the
// batch: feature maps of whole blocks of channels, and matrices of features, which share loads of weights
// among examples anyway.
static double share_in_blocks(const Graph& graph, int64_t capacity) {
  double all = 0, blocks = 0;
  for (const Node& node : graph.nodes) {
    const Statement& statement = statement_of(node);
    const TensorType& type = graph.values[node.outputs[0]].type;
    if (!is_contraction(statement) || !type.has_batch()) continue;
    double points = 1;
    for (const IndexVariable& variable : statement.variables)
      points *= static_cast<double>(variable.extent.factor);
    all += points;
    const bool matrix = type.rank() == 2 && capacity % kBlock == 0;
    if (node.loop < 0 && (matrix || (type.rank() == 4 && blockable(type.shape[1])))) blocks += points;
  }
  return all > 0 ? blocks / all : 0;
}

LayoutChoice choose_layouts(const Graph& graph, int64_t capacity) {
  // Blocks of 16 of its rows would end elsewhere than blocks of 16 examples.
  for (const Value& value : graph.values)
    for (const Size& size : value.type.shape)
      if (size.batch && size.factor != 1)
        return {LayoutPolicy::Plain, fmt::format("`{}` has several rows per example", value.name)};
  // What a multiplication takes, in those of full vectors along the channels: without whole blocks of them,
  // and along the batch, whose maps are 16 times as far from each other. Measured: docs/performance.md.
  constexpr double kRagged = 5, kAlongBatch = 1.7;
  const double share = share_in_blocks(graph, capacity);
  const int64_t lanes = (capacity + kBlock - 1) / kBlock * kBlock;
  const double along_channels = share + kRagged * (1 - share);
  const double along_batch = kAlongBatch * static_cast<double>(lanes) / static_cast<double>(capacity);
  return {along_channels < along_batch ? LayoutPolicy::ChannelBlocked : LayoutPolicy::BatchBlocked,
          fmt::format("{:.0f} % of the work has full vectors of channels or features; along the batch all "
                      "would be {:.0f} % full",
                      100 * share, 100 * static_cast<double>(capacity) / static_cast<double>(lanes))};
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

// [N][C/16][H][W][16] where the channel count allows it.
static Layout channel_blocked(const TensorType& type) {
  if (type.has_batch() && type.rank() >= 2 && blockable(type.shape[1]))
    return Layout::blocked(type, 1, kBlock);
  return Layout::row_major(type);
}

static Layout layout_by(LayoutPolicy policy, const TensorType& type) {
  switch (policy) {
  case LayoutPolicy::BatchBlocked:
    return type.has_batch() ? Layout::blocked(type, 0, kBlock) : Layout::row_major(type);
  case LayoutPolicy::ChannelBlocked:
    return channel_blocked(type);
  case LayoutPolicy::Plain:
    return Layout::row_major(type);
  }
  CHECK(false);
}

// Does each block of 16 values of the variable lie in one block of the dimension that the index walks along?
// Alone, or beside groups of whole blocks.
static bool runs_in_blocks(const Statement& statement, const IndexExpr& index, int variable) {
  if (variable < 0 || !index.is_affine() || index.constant() % kBlock != 0 ||
      !blockable(statement.variables[static_cast<std::size_t>(variable)].extent))
    return false;
  bool found = false;
  for (const IndexExpr::Term& term : index.terms()) {
    if (term.variable == variable && term.coefficient == 1)
      found = true;
    else if (term.coefficient % kBlock != 0)
      return false;
  }
  return found;
}

// The layout of a contraction's operand without a batch (a weight) for a vector over the target's channel:
// dimensions in order, blocked where the target's and the reduced channel run, the target's lanes innermost.
static Layout weight_layout(const Statement& statement, const ExprRef& weight, const TensorType& type) {
  const int vector = statement.output.size() > 1 ? statement.output[1].back() : -1;
  const int reduced = statement.free_count;
  int vector_dimension = -1, reduced_dimension = -1;
  for (std::size_t d = 0; d < weight->indices.size(); ++d) {
    if (!blockable(type.shape[d])) continue;
    if (runs_in_blocks(statement, weight->indices[d], vector)) vector_dimension = static_cast<int>(d);
    if (runs_in_blocks(statement, weight->indices[d], reduced)) reduced_dimension = static_cast<int>(d);
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

// The layout of a matrix's weight where the vector is 16 examples: those of 16 results lie side by side, so
// that a tile of results loads one line.
static Layout result_blocked(const Statement& statement, const ExprRef& weight, const TensorType& type) {
  const int result = statement.output.size() > 1 ? statement.output[1].back() : -1;
  for (std::size_t d = 0; d < weight->indices.size(); ++d)
    if (blockable(type.shape[d]) && runs_in_blocks(statement, weight->indices[d], result))
      return Layout::blocked(type, static_cast<int>(d), kBlock);
  return Layout::row_major(type);
}

// Is the layout's vector 16 examples?
static bool is_batch_blocked(const Layout& layout) {
  return !layout.digits.empty() && layout.digits.back().dimension == 0 &&
         layout.digits.front().extent.batch && layout.digits.back().extent == Size::constant(kBlock);
}

// What a weight's factor is computed from, element by element, lies as the factor does, so that vectors of
// one come from vectors of the other; dimensions that it alone has stand outside the vectors' blocks.
static void lay_out_source(Graph& graph, ValueId factor, std::set<ValueId>& settled) {
  const NodeId producer = graph.values[factor].producer;
  if (producer < 0 || graph.nodes[producer].inputs.size() != 1) return;
  const Statement& statement = statement_of(graph.nodes[producer]);
  Value& source = graph.values[graph.nodes[producer].inputs[0]];
  if (statement.reduces() || source.type.has_batch() ||
      !settled.insert(graph.nodes[producer].inputs[0]).second)
    return;
  const auto rank = source.type.shape.size();
  // Source dimension -> the factor's dimension with the same index in every read, or -1.
  std::vector<int> like(rank, -1);
  for (std::size_t d = 0; d < rank; ++d)
    for (std::size_t o = 0; o < statement.output.size(); ++o) {
      bool same =
          statement.output[o].size() == 1 && graph.values[factor].type.shape[o] == source.type.shape[d];
      visit(statement.body, [&](const ExprRef& e) {
        if (e->kind == Expr::Kind::Read)
          same = same && e->arguments.empty() && e->indices[d].as_variable() == statement.output[o][0];
      });
      if (same) like[d] = static_cast<int>(o);
    }
  Layout layout;
  std::set<int> seen;
  bool placed = false;
  const auto place_rest = [&] {
    for (std::size_t d = 0; d < rank && !placed; ++d)
      if (like[d] < 0) layout.digits.push_back({static_cast<int>(d), 1, source.type.shape[d]});
    placed = true;
  };
  for (const Layout::Digit& digit : graph.values[factor].layout.digits) {
    if (!seen.insert(digit.dimension).second) place_rest();
    const auto found = std::ranges::find(like, digit.dimension);
    if (found == like.end()) continue;
    Layout::Digit own = digit;
    own.dimension = static_cast<int>(found - like.begin());
    layout.digits.push_back(own);
  }
  place_rest();
  source.layout = std::move(layout);
}

// Each weight lies as the first contraction over a batch that reads it wants it: the forward pass.
static void lay_out_weights(Graph& graph) {
  std::set<ValueId> settled;
  for (const Node& node : graph.nodes) {
    const Statement& statement = statement_of(node);
    const Value& result = graph.values[node.outputs[0]];
    if (!is_contraction(statement) || !result.type.has_batch()) continue;
    for (const ExprRef& factor : statement.body->arguments) {
      if (factor->kind != Expr::Kind::Read) continue;
      const ValueId weight = node.inputs[factor->operand];
      Value& value = graph.values[weight];
      if (value.type.has_batch() || !settled.insert(weight).second) continue;
      value.layout = is_batch_blocked(result.layout) ? result_blocked(statement, factor, value.type)
                                                     : weight_layout(statement, factor, value.type);
      lay_out_source(graph, weight, settled);
    }
  }
}

// What replaces a persistent lies as the persistent does; so do an optimizer's states, and the gradients that
// come to it element by element.
static void follow_persistents(Graph& graph) {
  const auto like = [&](ValueId value, ValueId other) {
    return graph.values[value].type.shape == graph.values[other].type.shape;
  };
  for (const Persistent& state : graph.persistents) {
    const ValueId parameter = state.group.empty() ? -1 : graph.find(state.group);
    if (parameter >= 0 && like(state.value, parameter))
      graph.values[state.value].layout = graph.values[parameter].layout;
  }
  std::vector<ValueId> pending;
  for (const Persistent& persistent : graph.persistents) {
    if (persistent.next < 0) continue;
    graph.values[persistent.next].layout = graph.values[persistent.value].layout;
    pending.push_back(persistent.next);
  }
  std::set<ValueId> followed(pending.begin(), pending.end());
  while (!pending.empty()) {
    const ValueId value = pending.back();
    pending.pop_back();
    const NodeId producer = graph.values[value].producer;
    if (producer < 0 || statement_of(graph.nodes[producer]).reduces()) continue;
    for (ValueId input : graph.nodes[producer].inputs) {
      if (graph.values[input].producer < 0 || !like(input, value) || !followed.insert(input).second) continue;
      graph.values[input].layout = graph.values[value].layout;
      pending.push_back(input);
    }
  }
}

// The dimension of a factor whose neighbours the contraction adds in pairs, or -1.
static int pair_dimension(const Graph& graph, const Node& node, const ExprRef& factor) {
  const int variable = paired_variable(statement_of(node).order);
  if (variable < 0 || graph.values[node.inputs[factor->operand]].type.element != ElementType::BF16) return -1;
  for (std::size_t d = 0; d < factor->indices.size(); ++d)
    if (factor->indices[d].uses(variable)) return static_cast<int>(d);
  return -1;
}

// Factors of pairs lie as the first contraction that reads them adds them.
static void lay_out_pairs(Graph& graph) {
  std::set<ValueId> settled;
  for (const Node& node : graph.nodes) {
    if (!is_contraction(statement_of(node))) continue;
    for (const ExprRef& factor : statement_of(node).body->arguments) {
      if (factor->kind != Expr::Kind::Read) continue;
      const int dimension = pair_dimension(graph, node, factor);
      Value& value = graph.values[node.inputs[factor->operand]];
      if (dimension >= 0 && settled.insert(node.inputs[factor->operand]).second)
        value.layout = value.layout.in_pairs(dimension);
    }
  }
}

// The layout that a contraction would rather read a factor in, or nothing where it lies well: along the
// vector, and so that neighbours of an index that goes through several dimensions (of what was joined) are
// neighbours in memory.
static std::optional<Layout> wanted_along_vectors(const Graph& graph, const Node& node, const ExprRef& factor,
                                                  bool vectors_of_examples) {
  const Value& result = graph.values[node.outputs[0]];
  const Value& value = graph.values[node.inputs[factor->operand]];
  const Statement& statement = statement_of(node);
  const bool joined = std::ranges::any_of(factor->indices, [](const IndexExpr& i) { return !i.is_affine(); });
  if (value.type.has_batch() && joined && value.layout == channel_blocked(value.type) &&
      value.type.rank() > 2)
    return vectors_of_examples ? Layout::blocked(value.type, 0, kBlock) : Layout::row_major(value.type);
  const Layout::Digit& vector = result.layout.vector_digit();
  if (!(vector.extent == Size::constant(kBlock)) || is_batch_blocked(result.layout) || statement.order.lanes)
    return std::nullopt;
  const int variable = statement.output[static_cast<std::size_t>(vector.dimension)].back();
  int along = -1;
  for (std::size_t d = 0; d < factor->indices.size(); ++d)
    if (factor->indices[d].uses(variable)) along = static_cast<int>(d);
  const Layout::Digit& last = value.layout.vector_digit();
  if (along < 0 || (last.dimension == along && last.step == 1)) return std::nullopt;
  Layout layout =
      value.type.has_batch() ? channel_blocked(value.type) : weight_layout(statement, factor, value.type);
  const bool helps = layout.digits.back().dimension == along;
  return helps ? std::optional(std::move(layout)) : std::nullopt;
}

static std::optional<Layout> wanted_layout(const Graph& graph, const Node& node, const ExprRef& factor,
                                           LayoutPolicy policy, bool vectors_of_examples) {
  std::optional<Layout> layout;
  if (policy == LayoutPolicy::ChannelBlocked)
    layout = wanted_along_vectors(graph, node, factor, vectors_of_examples);
  const int pairs = pair_dimension(graph, node, factor);
  if (pairs < 0) return layout;
  const Value& value = graph.values[node.inputs[factor->operand]];
  const Layout::Digit& innermost = value.layout.digits.back();
  const bool lies_in_pairs = innermost.dimension == pairs && innermost.step == 1;
  if (!layout && lies_in_pairs) return std::nullopt;
  if (!layout && is_batch_blocked(graph.values[node.outputs[0]].layout) &&
      policy == LayoutPolicy::ChannelBlocked)
    layout = result_blocked(statement_of(node), factor, value.type);
  if (!layout) layout = layout_by(policy, value.type);
  Layout wanted = layout->in_pairs(pairs);
  return wanted == value.layout ? std::nullopt : std::optional(std::move(wanted));
}

// Where a contraction's vector runs along another dimension of a factor than the factor lies in (the data
// gradient's runs along the channels that the forward pass sums over), it reads a copy.
static void pack_factors(Graph& graph, LayoutPolicy policy, bool vectors_of_examples) {
  struct Copy {
    NodeId reader;
    int operand;
    Layout layout;
  };
  std::vector<Copy> wanted;
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    const Node& node = graph.nodes[n];
    if (!is_contraction(statement_of(node)) || graph.values[node.outputs[0]].layout.digits.empty()) continue;
    for (const ExprRef& factor : statement_of(node).body->arguments)
      if (factor->kind == Expr::Kind::Read && !factor->indices.empty())
        if (std::optional<Layout> layout = wanted_layout(graph, node, factor, policy, vectors_of_examples))
          wanted.push_back({static_cast<NodeId>(n), factor->operand, std::move(*layout)});
  }
  std::map<std::pair<ValueId, std::string>, ValueId> copies;
  for (const Copy& copy : wanted) {
    std::vector<ValueId> inputs = graph.nodes[copy.reader].inputs;
    const Value factor = graph.values[inputs[static_cast<std::size_t>(copy.operand)]];
    const auto key = std::make_pair(inputs[static_cast<std::size_t>(copy.operand)], copy.layout.text());
    auto made = copies.find(key);
    if (made == copies.end()) {
      Statement same = pointwise_statement(factor.type);
      same.body = read(0, same.output_indices(), scalar_type_of(factor.type.element));
      const ValueId packed = add_statement(graph, "pack", "", factor.name + ".packed", factor.type,
                                           {key.first}, std::move(same), factor.location);
      graph.values[packed].layout = copy.layout;
      made = copies.emplace(key, packed).first;
      graph.decide("assign_layouts", factor.name, "packed again",
                   fmt::format("the vector of `{}` runs along another dimension of it",
                               graph.values[graph.nodes[copy.reader].outputs[0]].name));
    }
    inputs[static_cast<std::size_t>(copy.operand)] = made->second;
    set_statement(graph, copy.reader, inputs, statement_of(graph.nodes[copy.reader]));
  }
  if (!wanted.empty()) order_nodes(graph);
}

std::map<std::string, Layout> persistent_layouts(const Graph& graph) {
  std::map<std::string, Layout> layouts;
  for (const Persistent& persistent : graph.persistents)
    layouts[graph.values[persistent.value].name] = graph.values[persistent.value].layout;
  return layouts;
}

// Matrices of features have no positions that could share a load of a weight; 16 examples do. There must be
// memory for those beyond the last one, and no sum over the batch that counts on zeros there.
static bool vectors_of_examples(const Graph& graph, int64_t capacity) {
  for (const Value& value : graph.values)
    if (value.type.has_batch() && !(value.type.shape[0] == Size::n())) return false;
  return capacity % kBlock == 0 && std::ranges::none_of(graph.nodes, [](const Node& node) {
           return node.loop >= 0 || statement_of(node).order.lanes;
         });
}

void assign_layouts(Graph& graph, LayoutPolicy policy, int64_t capacity,
                    const std::map<std::string, Layout>& fixed) {
  const bool of_examples = vectors_of_examples(graph, capacity);
  for (Value& value : graph.values) value.layout = layout_by(policy, value.type);
  if (policy == LayoutPolicy::ChannelBlocked) {
    // Steps, which stand where channels do, are not blocked.
    for (const Node& node : graph.nodes)
      if (node.loop >= 0)
        graph.values[node.outputs[0]].layout = Layout::row_major(graph.values[node.outputs[0]].type);
    if (of_examples)
      for (Value& value : graph.values)
        if (value.type.has_batch() && value.type.rank() <= 2)
          value.layout = Layout::blocked(value.type, 0, kBlock);
    lay_out_weights(graph);
  }
  for (const Persistent& persistent : graph.persistents) {
    const auto found = fixed.find(graph.values[persistent.value].name);
    if (found != fixed.end()) graph.values[persistent.value].layout = found->second;
  }
  follow_persistents(graph);
  lay_out_pairs(graph);
  pack_factors(graph, policy, of_examples);
  mark_zero_in_padding(graph);
}

} // namespace striate
