// Pointwise and reducing regions: loops over the free variables, accumulators, the declared order, tails,
// stores.

#include "ir/graph/loops.h"
#include "passes/adjoint.h"
#include "passes/choices.h"
#include "passes/expand_calls.h"
#include "passes/pad_contractions.h"
#include "passes/plan_memory.h"
#include "passes/schedule/choose_tile.h"
#include "passes/schedule/loop_order.h"
#include "passes/schedule/nests.h"

#include <algorithm>
#include <charconv>
#include <numeric>
#include <set>

namespace striate {

LaneChoice lane_of(const Graph& graph, const Node& node) {
  const Statement& statement = statement_of(node);
  if (statement.order.lanes) return {LaneRole::Reduced, statement.order.lanes->variable};
  const Layout& layout = graph.values[node.outputs[0]].layout;
  if (layout.digits.empty()) return {};
  const Layout::Digit& last = layout.vector_digit();
  if (statement.output[last.dimension].empty()) return {};
  const int variable = statement.output[last.dimension].back();
  const Size& extent = statement.variables[variable].extent;
  if (variable == step_variable(graph, node)) return {};
  // A contraction skips what lies outside by whole loops, which lanes are not.
  if (is_contraction(statement) && std::ranges::count(guarded_variables(graph, node), variable) > 0)
    return {};
  bool blocked = false;
  for (const Layout::Digit& digit : layout.digits)
    blocked = blocked || (digit.dimension == last.dimension && digit.step == kLanes);
  if (blocked) {
    const bool fits = extent.batch ? extent.factor == 1 : extent.factor % kLanes == 0;
    return fits ? LaneChoice{LaneRole::Blocked, variable} : LaneChoice{};
  }
  if (extent.batch || extent.factor < 4) return {};
  return {LaneRole::Plain, variable};
}

// A value computed in place over one that the region reads must not be computed twice.
static bool in_place(const Graph& graph, const Region& region) {
  std::set<ValueId> computed;
  for (NodeId node : region.nodes) computed.insert(graph.nodes[node].outputs[0]);
  std::set<int64_t> read_offsets;
  for (NodeId node : region.nodes)
    for (ValueId input : graph.nodes[node].inputs)
      if (!computed.count(input)) read_offsets.insert(graph.values[input].offset);
  for (ValueId value : region.stored)
    if (read_offsets.count(graph.values[value].offset)) return true;
  return false;
}

bool is_flat(const Graph& graph, const Region& region) {
  const ValueId first = graph.nodes[region.nodes[0]].outputs[0];
  const TensorType& shape = graph.values[first].type;
  const Layout& layout = graph.values[first].layout;
  if (shape.has_batch() || graph.nodes[region.nodes[0]].loop >= 0) return false;
  for (NodeId id : region.nodes) {
    const Node& node = graph.nodes[id];
    const Statement& statement = statement_of(node);
    if (statement.reduces()) return false;
    std::vector<ValueId> values = node.inputs;
    values.push_back(node.outputs[0]);
    for (ValueId value : values) {
      if (graph.values[value].type.shape.empty()) continue; // a scalar is the same everywhere
      if (!(graph.values[value].type.shape == shape.shape) || !(graph.values[value].layout == layout))
        return false;
    }
    bool flat = true;
    visit(statement.body, [&](const ExprRef& e) {
      if (e->kind == Expr::Kind::Index || e->kind == Expr::Kind::Random) flat = false;
      if (e->kind == Expr::Kind::Read && !e->indices.empty())
        flat = flat && !e->has_else && e->indices == statement.output_indices();
    });
    if (!flat) return false;
  }
  return true;
}

// One loop over the storage, padding included: buffers hold whole vectors, and padding may hold anything.
void flat_nest(KernelBuilder& builder) {
  const Graph& graph = builder.graph();
  const Region& region = builder.region();
  const Value& first = graph.values[graph.nodes[region.nodes[0]].outputs[0]];
  const int64_t elements = (first.layout.storage(1) + kLanes - 1) / kLanes * kLanes;
  const int e = builder.loop("e", VariableKind::Parallel, Size::constant(elements), kLanes);
  const int lane = builder.lane();
  const IndexExpr where = IndexExpr::variable(e) + IndexExpr::variable(lane);
  std::map<ValueId, ExprRef> local;
  KernelBody body;
  for (NodeId id : region.nodes) {
    const Node& node = graph.nodes[id];
    const ValueId value = node.outputs[0];
    const ScalarType type = scalar_type_of(graph.values[value].type.element);
    const ExprRef what = rewrite(statement_of(node).body, [&](const ExprRef& e2) -> ExprRef {
      if (e2->kind != Expr::Kind::Read) return e2;
      const ValueId input = node.inputs[e2->operand];
      const auto found = local.find(input);
      if (found != local.end()) return found->second;
      return load(builder.buffer_of(input), e2->indices.empty() ? IndexExpr(0) : where, e2->type);
    });
    const int tile = builder.kernel.add_tile({graph.values[value].name, type, {lane}});
    local[value] = tile_point(tile, type);
    body.push_back(builder.map(tile, what));
  }
  for (ValueId value : region.stored) {
    KernelStatement store;
    store.kind = KernelStatement::Kind::Store;
    store.buffer = builder.buffer_of(value);
    store.offset = where;
    store.value = local.at(value);
    store.axes = {lane};
    body.push_back(std::move(store));
  }
  builder.kernel.body = KernelBuilder::nest({KernelBuilder::for_loop(e)}, std::move(body));
}

// Free variables that share an index with a reduced one: the taps of a window's weight gradient. All of them
// meet the same block of the batch while it is in cache.
static std::vector<int> window_taps(const Statement& statement) {
  std::vector<int> taps;
  visit(statement.body, [&](const ExprRef& e) {
    if (e->kind != Expr::Kind::Read) return;
    for (const IndexExpr& index : e->indices) {
      std::vector<int> used;
      index.collect_variables(used);
      const bool reduced =
          std::any_of(used.begin(), used.end(), [&](int v) { return v >= statement.free_count; });
      if (!reduced) continue;
      for (int v : used)
        if (v < statement.free_count && std::find(taps.begin(), taps.end(), v) == taps.end())
          taps.push_back(v);
    }
  });
  return taps;
}

// Variables that walk along a dimension which is stored in blocks of 16.
static std::vector<int> in_blocks(const Graph& graph, const Node& node) {
  std::vector<int> variables;
  const auto see = [&](ValueId value, const std::vector<IndexExpr>& indices) {
    for (const Layout::Digit& digit : graph.values[value].layout.digits)
      if (digit.step == kLanes)
        indices[static_cast<std::size_t>(digit.dimension)].collect_variables(variables);
  };
  const Statement& statement = statement_of(node);
  see(node.outputs[0], statement.output_indices());
  visit(statement.body, [&](const ExprRef& e) {
    if (e->kind == Expr::Kind::Read) see(node.inputs[e->operand], e->indices);
  });
  return variables;
}

// "tile [o: 4, i: 6]" as axes in the order of the variables; nullopt where it is something else.
static std::optional<std::vector<TileAxis>> read_tile(std::string text, const Statement& statement) {
  constexpr std::string_view kBegin = "tile [";
  if (!text.starts_with(kBegin) || !text.ends_with(']')) return std::nullopt;
  text = text.substr(kBegin.size(), text.size() - kBegin.size() - 1);
  std::vector<TileAxis> axes;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(", "), text.size()), colon = text.find(": ");
    TileAxis axis;
    for (int v = 0; v < statement.free_count; ++v)
      if (statement.variables[v].name == text.substr(0, colon)) axis.variable = v;
    if (colon >= end || axis.variable < 0) return std::nullopt;
    const char *first = text.data() + colon + 2, *last = text.data() + end;
    if (std::from_chars(first, last, axis.size).ptr != last) return std::nullopt;
    axes.push_back(axis);
    text = text.substr(std::min(end + 2, text.size()));
  }
  std::ranges::sort(axes, {}, &TileAxis::variable);
  return axes;
}

std::vector<std::pair<int, int64_t>> tile_axes(KernelBuilder& builder, Graph& graph, const Node& node,
                                               const LaneChoice& lane, std::vector<int> untiled,
                                               const TargetInfo& target,
                                               const std::map<int, int64_t>& at_most) {
  const Region& region = builder.region();
  const Statement& statement = statement_of(node);
  std::vector<int> exact;
  if (in_place(graph, region)) // nothing may be computed twice
    for (int v = 0; v < statement.free_count; ++v) exact.push_back(v);
  else if (lane.role == LaneRole::Reduced) // totals in scratch are added to: no tap may be met twice
    exact = window_taps(statement);
  const std::vector<int> guarded = guarded_variables(graph, node);
  untiled.insert(untiled.end(), guarded.begin(), guarded.end());
  if (const int step = step_variable(graph, node); step >= 0) untiled.push_back(step);
  // A decision that is there is obeyed: somebody may have written it.
  const auto decided = std::ranges::find_if(graph.decisions, [&](const Decision& decision) {
    return decision.pass == "schedule" && decision.what == region.name;
  });
  std::optional<std::vector<TileAxis>> asked;
  if (decided != graph.decisions.end()) {
    asked = read_tile(decided->chosen, statement);
    if (!asked) builder.problem = fmt::format("`{}` is no tile of free variables", decided->chosen);
  }
  const TileChoice choice =
      choose_tile(statement, lane.variable, {exact, untiled, in_blocks(graph, node), at_most},
                  builder.capacity(), target, asked ? &*asked : nullptr);
  if (asked && choice.axes.size() != asked->size())
    builder.problem =
        fmt::format("`{}` is no tile that it can have: it is too large for the registers, does not "
                    "divide what it has to, or runs along what is not tiled",
                    decided->chosen);
  std::string text;
  std::vector<std::pair<int, int64_t>> sizes;
  for (const TileAxis& axis : choice.axes) {
    text +=
        fmt::format("{}{}: {}", text.empty() ? "" : ", ", statement.variables[axis.variable].name, axis.size);
    sizes.emplace_back(axis.variable, axis.size);
  }
  if (decided == graph.decisions.end())
    graph.decide("schedule", region.name, fmt::format("tile [{}]", text), choice.reason);
  return sizes;
}

namespace {

// The loops over the free variables of the head, and where its variables stand.
struct FreeLoops {
  std::vector<IndexExpr> at;
  std::vector<KernelStatement> frames;
  std::vector<int> frame_variables; // of the head, per frame
  std::vector<int> axes;            // of the tiles, the lane last where it is free
  ExprRef guard;                    // lanes that exist, for a Plain lane beyond a short or in-place dimension
};

} // namespace

static FreeLoops free_loops(KernelBuilder& builder, const Statement& head, const LaneChoice& lane,
                            const std::vector<std::pair<int, int64_t>>& tile, std::vector<int> order,
                            int step, bool twice_is_harmless, const TargetInfo& target) {
  FreeLoops loops;
  loops.at.resize(head.variables.size());
  int parallel_left = parallel_loops(target);
  bool lane_is_free = false;
  if (step >= 0) {
    std::erase(order, step);
    // The steps of a loop are equal parts of the parallel range, which the caller runs one by one.
    order.insert(order.begin(), step);
    if (!target.many_threads) ++parallel_left;
  }
  for (int v : order) {
    const IndexVariable& variable = head.variables[v];
    const VariableKind kind = parallel_left > 0 ? VariableKind::Parallel : VariableKind::Serial;
    if (v == lane.variable && lane.role != LaneRole::Reduced) {
      lane_is_free = true;
      const IndexExpr within = IndexExpr::variable(builder.lane());
      const bool whole = variable.extent.batch || variable.extent.factor % kLanes == 0;
      const bool overlap = !whole && variable.extent.factor > kLanes && twice_is_harmless;
      loops.at[v] = within;
      if (variable.extent.batch || variable.extent.factor > kLanes) {
        const int loop = builder.loop(variable.name, kind, variable.extent, kLanes, overlap);
        --parallel_left;
        loops.frames.push_back(KernelBuilder::for_loop(loop));
        loops.frame_variables.push_back(v);
        loops.at[v] = IndexExpr::variable(loop) + within;
      }
      if (!whole && !overlap)
        loops.guard = apply(Function::Less, {index_value(loops.at[v]), constant_int(variable.extent.factor)});
      continue;
    }
    int64_t size = 1;
    for (const auto& [tiled, points] : tile)
      if (tiled == v) size = points;
    if (variable.extent.is_constant(1)) continue;
    loops.at[v] = IndexExpr(0);
    if (!variable.extent.is_constant(size)) {
      const bool overlap = size > 1 && !variable.extent.batch && variable.extent.factor % size != 0;
      const int loop = builder.loop(variable.name, kind, variable.extent, size, overlap);
      --parallel_left;
      loops.frames.push_back(KernelBuilder::for_loop(loop));
      loops.frame_variables.push_back(v);
      loops.at[v] = IndexExpr::variable(loop);
    }
    if (size > 1) {
      const int axis = builder.axis(variable.name + ".tile", size);
      loops.axes.push_back(axis);
      loops.at[v] = loops.at[v] + IndexExpr::variable(axis);
    }
  }
  if (lane_is_free) loops.axes.push_back(builder.lane());
  return loops;
}

// A contraction whose lanes are reduced, with taps: for every block of the batch all taps are summed, their
// 16-lane totals waiting in scratch in between; the order of each total is the declared one.
static void tap_nest(KernelBuilder& builder, Graph& graph, const Node& head_node, const LaneChoice& lane,
                     const std::vector<std::pair<int, int64_t>>& tile, const std::vector<int>& taps,
                     const TargetInfo& target) {
  const Statement& head = statement_of(head_node);
  FreeLoops loops = free_loops(builder, head, lane, tile, free_variables(head),
                               step_variable(graph, head_node), true, target);
  std::vector<KernelStatement> outer, inner;
  for (std::size_t k = 0; k < loops.frames.size(); ++k) {
    const bool is_tap = std::find(taps.begin(), taps.end(), loops.frame_variables[k]) != taps.end();
    if (is_tap) builder.kernel.variables[loops.frames[k].variable].kind = VariableKind::Serial;
    (is_tap ? inner : outer).push_back(std::move(loops.frames[k]));
  }
  const int lanes = builder.lane();
  std::vector<int> total_axes = loops.axes;
  total_axes.push_back(lanes);

  // totals[tiled outer variables][taps][lane]
  IndexExpr place = IndexExpr::variable(lanes);
  int64_t elements = kLanes;
  for (auto tap = taps.rbegin(); tap != taps.rend(); ++tap) {
    place = place + loops.at[*tap] * elements;
    elements *= head.variables[*tap].extent.factor;
  }
  for (std::size_t k = 0; k < loops.axes.size(); ++k) {
    const int axis = loops.axes[k];
    const bool of_tap =
        std::any_of(taps.begin(), taps.end(), [&](int tap) { return loops.at[tap].uses(axis); });
    if (of_tap) continue;
    place = place + IndexExpr::variable(axis) * elements;
    elements *= builder.kernel.variables[axis].extent.factor;
  }
  const std::string name = graph.values[head_node.outputs[0]].name;
  const int totals =
      builder.kernel.add_buffer({name + ".totals", ElementType::F32, BufferSpace::Scratch, elements, 0});
  const int sum = builder.kernel.add_tile({name + ".sum", ScalarType::Real, total_axes});
  const int folded = builder.kernel.add_tile({name, ScalarType::Real, loops.axes});
  const auto keep = [&](ExprRef what) {
    KernelStatement store;
    store.kind = KernelStatement::Kind::Store;
    store.buffer = totals;
    store.offset = place;
    store.value = std::move(what);
    store.axes = total_axes;
    return store;
  };
  const ExprRef kept = load(totals, place, ScalarType::Real);

  ReductionLoops reduction = reduction_loops(builder, head, loops.at, false);
  // Few, short iterations: their loop would cost as much as its loads.
  KernelVariable& innermost = builder.kernel.variables[reduction.frames.back().variable];
  constexpr int64_t kUnrolled = 8;
  if (!innermost.extent.batch && innermost.extent.factor <= kUnrolled)
    innermost.kind = VariableKind::Unrolled;
  std::vector<KernelStatement> block = {std::move(reduction.frames[0])};
  reduction.frames.erase(reduction.frames.begin());
  skip_outside(builder, head_node, loops.at, reduction.frames);
  KernelBody step;
  step.push_back(accumulate(builder, head_node, loops.at, reduction.axes, sum, -1, {}, nullptr));
  KernelBody one_tap = {builder.map(sum, kept)};
  for (KernelStatement& statement : KernelBuilder::nest(std::move(reduction.frames), std::move(step)))
    one_tap.push_back(std::move(statement));
  one_tap.push_back(keep(tile_point(sum, ScalarType::Real)));

  KernelStatement fold;
  fold.kind = KernelStatement::Kind::Fold;
  fold.tile = folded;
  fold.source = sum;
  fold.reducer = head.reducer;
  KernelBody finish = {builder.map(sum, kept), std::move(fold)};
  finish.push_back(builder.store(head_node.outputs[0], target_index(head, loops.at),
                                 tile_point(folded, ScalarType::Real), loops.axes));
  KernelBody body;
  const auto append = [&](KernelBody statements) {
    for (KernelStatement& statement : statements) body.push_back(std::move(statement));
  };
  append(KernelBuilder::nest(inner, {keep(constant(0))}));
  append(KernelBuilder::nest(std::move(block), KernelBuilder::nest(inner, std::move(one_tap))));
  append(KernelBuilder::nest(inner, std::move(finish)));
  builder.kernel.body = KernelBuilder::nest(std::move(outer), std::move(body));
}

// The free variable whose neighbours lie side by side within the vectors of a result, or -1.
static int stored_in_pairs(const Graph& graph, const Node& node) {
  const Layout& layout = graph.values[node.outputs[0]].layout;
  const Statement& statement = statement_of(node);
  if (layout.digits.empty() || layout.vector_digit() == layout.digits.back()) return -1;
  const std::vector<int>& digits = statement.output[static_cast<std::size_t>(layout.digits.back().dimension)];
  return digits.empty() || statement.variables[digits.back()].extent.factor % 2 != 0 ? -1 : digits.back();
}

void reduction_nest(KernelBuilder& builder, Graph& graph, const RegionParts& parts,
                    const TargetInfo& target) {
  const Node& head_node = graph.nodes[parts.head];
  const Statement& head = statement_of(head_node);
  const LaneChoice lane = lane_of(graph, head_node);
  const bool twice_is_harmless = !in_place(graph, builder.region());
  std::vector<std::pair<int, int64_t>> tile;
  if (is_contraction(head))
    tile = tile_axes(builder, graph, head_node, lane, {}, target);
  else
    tile = choosing_variables(head);
  if (const int pairs = stored_in_pairs(graph, head_node);
      pairs >= 0 && !is_contraction(head) &&
      std::ranges::none_of(tile, [&](const auto& axis) { return axis.first == pairs; }))
    tile.emplace_back(pairs, 2);
  // The steps of a loop are run one by one, whatever is chosen by them.
  const int step = step_variable(graph, head_node);
  std::erase_if(tile, [&](const auto& axis) { return axis.first == step; });
  // Taps are summed together for the cache's sake; many threads take one each.
  if (is_contraction(head) && lane.role == LaneRole::Reduced && twice_is_harmless && !target.many_threads) {
    const std::vector<int> taps = window_taps(head);
    // The batch block is the outermost loop of the order.
    if (!taps.empty() && head.order.loops[0].variable == lane.variable) {
      tap_nest(builder, graph, head_node, lane, tile, taps, target);
      return;
    }
  }
  const std::vector<int> order =
      is_contraction(head) ? loop_order(graph, head_node, target.l2_bytes) : free_variables(head);
  FreeLoops loops = free_loops(builder, head, lane, tile, order, step_variable(graph, head_node),
                               twice_is_harmless, target);

  std::map<ValueId, ExprRef> local;
  KernelBody body;
  const ValueId head_value = head_node.outputs[0];
  const ScalarType head_type = scalar_type_of(graph.values[head_value].type.element);
  if (!head.reduces()) {
    const int tile_id = builder.kernel.add_tile({graph.values[head_value].name, head_type, loops.axes});
    body.push_back(builder.map(tile_id, builder.lower(head_node, loops.at, {}, loops.guard)));
    local[head_value] = tile_point(tile_id, head_type);
  } else {
    std::vector<int> accumulator_axes = loops.axes;
    if (lane.role == LaneRole::Reduced) accumulator_axes.push_back(builder.lane());
    const bool index_only = head.reducer == Reducer::ArgMax || head.reducer == Reducer::ArgMin;
    const bool wants_index = index_only || parts.companion >= 0;
    const std::string name = graph.values[head_value].name;
    const bool truth = head.reducer == Reducer::Any || head.reducer == Reducer::All;
    const ScalarType accumulator_type = truth ? ScalarType::Bool : ScalarType::Real;
    const int accumulator = builder.kernel.add_tile({name + ".sum", accumulator_type, accumulator_axes});
    const double start = identity_of(head.reducer);
    body.push_back(builder.map(accumulator, truth ? constant_bool(start != 0) : constant(start)));
    int index_tile = -1;
    if (wants_index) {
      index_tile = builder.kernel.add_tile({name + ".which", ScalarType::Int, accumulator_axes});
      body.push_back(builder.map(index_tile, constant_int(0)));
    }
    ReductionLoops reduction = reduction_loops(builder, head, loops.at, !is_contraction(head));
    if (is_contraction(head)) skip_outside(builder, head_node, loops.at, reduction.frames);
    KernelBody step;
    step.push_back(
        accumulate(builder, head_node, loops.at, reduction.axes, accumulator, index_tile, {}, loops.guard));
    for (KernelStatement& statement : KernelBuilder::nest(std::move(reduction.frames), std::move(step)))
      body.push_back(std::move(statement));
    int result = accumulator;
    if (lane.role == LaneRole::Reduced) {
      result = builder.kernel.add_tile({name, accumulator_type, loops.axes});
      KernelStatement fold;
      fold.kind = KernelStatement::Kind::Fold;
      fold.tile = result;
      fold.source = accumulator;
      fold.reducer = head.reducer;
      body.push_back(std::move(fold));
    }
    local[head_value] =
        index_only ? tile_point(index_tile, ScalarType::Int) : tile_point(result, accumulator_type);
    if (parts.companion >= 0)
      local[graph.nodes[parts.companion].outputs[0]] = tile_point(index_tile, ScalarType::Int);
  }
  for (NodeId id : parts.tails) {
    const Node& tail = graph.nodes[id];
    const ValueId value = tail.outputs[0];
    const ScalarType type = scalar_type_of(graph.values[value].type.element);
    const int tile_id = builder.kernel.add_tile({graph.values[value].name, type, loops.axes});
    const std::vector<IndexExpr> at = follow(statement_of(tail), head, loops.at);
    body.push_back(builder.map(tile_id, builder.lower(tail, at, local, loops.guard)));
    local[value] = tile_point(tile_id, type);
  }
  for (ValueId value : builder.region().stored)
    body.push_back(
        builder.store(value, target_index(head, loops.at), local.at(value), loops.axes, loops.guard));
  builder.kernel.body = KernelBuilder::nest(std::move(loops.frames), std::move(body));
}

} // namespace striate
