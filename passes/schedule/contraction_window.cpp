// Contraction, pointwise tails, window reduction, pointwise tails, in one nest.
//
// For each row of windows: the rows of the contraction that it needs and that are not there yet are computed
// into scratch (a ring of as many rows as a window is high), then the row's windows are reduced from scratch.
// Overlapping windows share rows, so nothing is computed twice; the unpooled value never reaches memory.
// Where many threads have to be kept busy, rows of windows are computed apart instead, each with all that it
// needs.

#include "passes/expand_calls.h"
#include "passes/schedule/nests.h"

namespace striate {

namespace {

class WindowNest {
public:
  WindowNest(KernelBuilder& builder, Graph& graph, const RegionParts& parts, const TargetInfo& target)
      : builder_(builder), graph_(graph), parts_(parts), head_node_(graph.nodes[parts.head]),
        head_(statement_of(head_node_)), window_node_(graph.nodes[parts.windows[0]]),
        window_(statement_of(window_node_)), shape_(*window_shape(window_)),
        many_threads_(target.many_threads), parallel_left_(parallel_loops(target)),
        lane_(lane_of(graph, head_node_)) {
    while (shape_.dimensions[row_].window < 0) ++row_;
    // Rows come one at a time, of one example.
    tile_ = tile_axes(builder, graph, head_node_, lane_, {head_variable(0), head_variable(row_)}, target,
                      scratch_limits());
  }

  void build() {
    head_at_.resize(head_.variables.size());
    window_at_.resize(window_.variables.size());
    std::vector<KernelStatement> frames = outer_loops();
    make_scratch();

    // Rows of windows; `lead` more iterations come first to fill the ring.
    const WindowShape::Dimension& row = shape_.dimensions[row_];
    const int64_t windows = window_.variables[row.along].extent.factor;
    const int64_t fresh = many_threads_ ? row.extent : std::min(row.extent, row.stride);
    const int64_t lead = (row.extent - fresh + row.stride - 1) / row.stride;
    const int p = builder_.loop(window_.variables[row.along].name,
                                many_threads_ ? VariableKind::Parallel : VariableKind::Serial,
                                Size::constant(windows + lead));
    window_at_[row.along] = IndexExpr::variable(p) - lead;
    const IndexExpr first_row = window_at_[row.along] * row.stride - row.padding;

    KernelBody body = compute_rows(first_row + (row.extent - fresh), fresh);
    KernelBody pooled = reduce_windows(first_row);
    if (lead > 0) {
      KernelStatement guarded;
      guarded.kind = KernelStatement::Kind::If;
      guarded.value = apply(Function::LessEqual, {constant_int(lead), index_value(IndexExpr::variable(p))});
      guarded.body = std::move(pooled);
      body.push_back(std::move(guarded));
    } else {
      for (KernelStatement& statement : pooled) body.push_back(std::move(statement));
    }
    frames.push_back(KernelBuilder::for_loop(p));
    builder_.kernel.body = KernelBuilder::nest(std::move(frames), std::move(body));
  }

private:
  int head_variable(std::size_t dimension) const { return head_.output[dimension][0]; }

  // The rows of each point of a tile are in scratch, of which many threads leave each other little.
  std::map<int, int64_t> scratch_limits() const {
    constexpr int64_t kMostBytes = 8 * 1024;
    if (!many_threads_) return {};
    int64_t bytes = kLanes * 4;
    for (std::size_t d = 0; d < shape_.dimensions.size(); ++d)
      if (shape_.dimensions[d].window >= 0)
        bytes *= d == row_ ? shape_.dimensions[d].extent : head_.variables[head_variable(d)].extent.factor;
    std::map<int, int64_t> limits;
    for (std::size_t d = 0; d < shape_.dimensions.size(); ++d)
      if (shape_.dimensions[d].window < 0)
        limits[head_variable(d)] = std::max<int64_t>(1, kMostBytes / bytes);
    return limits;
  }

  int64_t tile_size(int variable) const {
    for (const auto& [tiled, size] : tile_)
      if (tiled == variable) return size;
    return 1;
  }

  // The dimensions read in place: the batch, channels. Their loops serve the contraction and the windows
  // alike.
  std::vector<KernelStatement> outer_loops() {
    std::vector<KernelStatement> frames;
    for (std::size_t d = 0; d < shape_.dimensions.size(); ++d) {
      if (shape_.dimensions[d].window >= 0) continue;
      const int v = head_variable(d);
      const IndexVariable& variable = head_.variables[v];
      const bool is_lane = v == lane_.variable;
      const int64_t step = is_lane ? kLanes : tile_size(v);
      IndexExpr at(0);
      if (variable.extent.batch || variable.extent.factor > step) {
        const bool overlap = !is_lane && variable.extent.factor % step != 0;
        const VariableKind kind = parallel_left_-- > 0 ? VariableKind::Parallel : VariableKind::Serial;
        const int loop = builder_.loop(variable.name, kind, variable.extent, step, overlap);
        frames.push_back(KernelBuilder::for_loop(loop));
        at = IndexExpr::variable(loop);
      }
      if (is_lane) at = at + IndexExpr::variable(builder_.lane());
      if (!is_lane && step > 1) {
        const int axis = builder_.axis(variable.name + ".tile", step);
        shared_axes_.push_back(axis);
        at = at + IndexExpr::variable(axis);
      }
      head_at_[v] = at;
      window_at_[shape_.dimensions[d].along] = at;
    }
    return frames;
  }

  // [tile axes][rows in the ring][the other windowed dimensions][lane]
  void make_scratch() {
    int64_t elements = kLanes;
    for (std::size_t d = shape_.dimensions.size(); d-- > 0;) {
      if (shape_.dimensions[d].window < 0) continue;
      scratch_stride_[d] = elements;
      const bool is_row = d == row_;
      elements *= is_row ? shape_.dimensions[d].extent : head_.variables[head_variable(d)].extent.factor;
    }
    for (int axis : shared_axes_) {
      axis_stride_[axis] = elements;
      elements *= builder_.kernel.variables[axis].extent.factor;
    }
    const ValueId value = window_node_.inputs[window_.body->operand];
    scratch_ = builder_.kernel.add_buffer(
        {graph_.values[value].name + ".rows", ElementType::F32, BufferSpace::Scratch, elements, 0});
  }

  IndexExpr scratch_offset(const std::vector<IndexExpr>& position) {
    IndexExpr offset = IndexExpr::variable(builder_.lane());
    for (const auto& [axis, stride] : axis_stride_) offset = offset + IndexExpr::variable(axis) * stride;
    for (const auto& [dimension, stride] : scratch_stride_) {
      IndexExpr place = position[dimension];
      if (dimension == row_) place = IndexExpr::remainder(place, shape_.dimensions[row_].extent);
      offset = offset + place * stride;
    }
    return offset.simplify(builder_.ranges(), builder_.steps());
  }

  // Rows first .. first + count - 1 of the contraction and its tails, into scratch.
  KernelBody compute_rows(const IndexExpr& first, int64_t count) {
    const int row_variable = head_variable(row_);
    const int64_t height = head_.variables[row_variable].extent.factor;
    std::vector<KernelStatement> frames;
    IndexExpr row = first;
    if (count > 1) {
      const int d =
          builder_.loop(head_.variables[row_variable].name, VariableKind::Serial, Size::constant(count));
      frames.push_back(KernelBuilder::for_loop(d));
      row = row + IndexExpr::variable(d);
    }
    const ExprRef exists = in_range(row, 0, height - 1, builder_.ranges());
    if (!is_constant(exists, 1)) {
      KernelStatement guarded;
      guarded.kind = KernelStatement::Kind::If;
      guarded.value = exists;
      frames.push_back(std::move(guarded));
    }
    head_at_[row_variable] = row;
    std::vector<IndexExpr> position(shape_.dimensions.size());
    position[row_] = row;
    std::vector<int> axes = shared_axes_;
    for (std::size_t d = 0; d < shape_.dimensions.size(); ++d) {
      if (shape_.dimensions[d].window < 0 || d == row_) continue;
      const int v = head_variable(d);
      const Size extent = head_.variables[v].extent;
      const int64_t size = tile_size(v);
      IndexExpr at(0);
      if (extent.factor > size) {
        const int loop = builder_.loop(head_.variables[v].name, VariableKind::Serial, extent, size,
                                       extent.factor % size != 0);
        frames.push_back(KernelBuilder::for_loop(loop));
        at = IndexExpr::variable(loop);
      }
      if (size > 1) {
        const int axis = builder_.axis(head_.variables[v].name + ".tile", size);
        axes.push_back(axis);
        at = at + IndexExpr::variable(axis);
      }
      head_at_[v] = at;
      position[d] = at;
    }
    axes.push_back(builder_.lane());

    const ValueId head_value = head_node_.outputs[0];
    const int sum = builder_.kernel.add_tile({graph_.values[head_value].name, ScalarType::Real, axes});
    KernelBody body = {builder_.map(sum, constant(0))};
    ReductionLoops reduction = reduction_loops(builder_, head_, head_at_, false);
    skip_outside(builder_, head_node_, head_at_, reduction.frames);
    KernelBody step;
    step.push_back(accumulate(builder_, head_node_, head_at_, reduction.axes, sum, -1, {}, nullptr));
    for (KernelStatement& statement : KernelBuilder::nest(std::move(reduction.frames), std::move(step)))
      body.push_back(std::move(statement));
    std::map<ValueId, ExprRef> local = {{head_value, tile_point(sum, ScalarType::Real)}};
    ExprRef last = local[head_value];
    for (NodeId id : parts_.tails) {
      const Node& tail = graph_.nodes[id];
      const int tile =
          builder_.kernel.add_tile({graph_.values[tail.outputs[0]].name, ScalarType::Real, axes});
      body.push_back(
          builder_.map(tile, builder_.lower(tail, follow(statement_of(tail), head_, head_at_), local)));
      last = local[tail.outputs[0]] = tile_point(tile, ScalarType::Real);
    }
    KernelStatement store;
    store.kind = KernelStatement::Kind::Store;
    store.buffer = scratch_;
    store.offset = scratch_offset(position);
    store.value = last;
    store.axes = axes;
    body.push_back(std::move(store));
    return KernelBuilder::nest(std::move(frames), std::move(body));
  }

  KernelBody reduce_windows(const IndexExpr& first_row) {
    std::vector<KernelStatement> frames;
    for (std::size_t d = 0; d < shape_.dimensions.size(); ++d) {
      const WindowShape::Dimension& dimension = shape_.dimensions[d];
      if (dimension.window < 0 || d == row_) continue;
      const int q = builder_.loop(window_.variables[dimension.along].name, VariableKind::Serial,
                                  window_.variables[dimension.along].extent);
      frames.push_back(KernelBuilder::for_loop(q));
      window_at_[dimension.along] = IndexExpr::variable(q);
    }
    std::vector<int> axes = shared_axes_;
    axes.push_back(builder_.lane());
    const std::string name = graph_.values[window_node_.outputs[0]].name;
    const int best = builder_.kernel.add_tile({name, ScalarType::Real, axes});
    KernelBody body = {builder_.map(best, constant(identity_of(window_.reducer)))};
    int which = -1;
    const bool index_only = window_.reducer == Reducer::ArgMax || window_.reducer == Reducer::ArgMin;
    if (index_only || parts_.windows.size() > 1) {
      which = builder_.kernel.add_tile({name + ".which", ScalarType::Int, axes});
      body.push_back(builder_.map(which, constant_int(0)));
    }
    ReductionLoops reduction = reduction_loops(builder_, window_, window_at_, true);
    KernelBody step;
    step.push_back(accumulate_from_scratch(reduction.axes, best, which, first_row));
    for (KernelStatement& statement : KernelBuilder::nest(std::move(reduction.frames), std::move(step)))
      body.push_back(std::move(statement));

    std::map<ValueId, ExprRef> local;
    local[window_node_.outputs[0]] =
        index_only ? tile_point(which, ScalarType::Int) : tile_point(best, ScalarType::Real);
    if (parts_.windows.size() > 1)
      local[graph_.nodes[parts_.windows[1]].outputs[0]] = tile_point(which, ScalarType::Int);
    for (NodeId id : parts_.window_tails) {
      const Node& tail = graph_.nodes[id];
      const ScalarType type = scalar_type_of(graph_.values[tail.outputs[0]].type.element);
      const int tile = builder_.kernel.add_tile({graph_.values[tail.outputs[0]].name, type, axes});
      body.push_back(
          builder_.map(tile, builder_.lower(tail, follow(statement_of(tail), window_, window_at_), local)));
      local[tail.outputs[0]] = tile_point(tile, type);
    }
    for (ValueId value : builder_.region().stored)
      body.push_back(builder_.store(value, target_index(window_, window_at_), local.at(value), axes));
    return KernelBuilder::nest(std::move(frames), std::move(body));
  }

  KernelStatement accumulate_from_scratch(const std::vector<int>& axes, int best, int which,
                                          const IndexExpr& first_row) {
    const ExprRef& source = window_.body;
    const ValueId value = window_node_.inputs[source->operand];
    std::vector<IndexExpr> position(shape_.dimensions.size());
    ExprRef exists = constant_bool(true);
    for (std::size_t d = 0; d < shape_.dimensions.size(); ++d) {
      const WindowShape::Dimension& dimension = shape_.dimensions[d];
      if (dimension.window < 0) continue;
      position[d] = d == row_ ? first_row + window_at_[dimension.window]
                              : window_at_[dimension.along] * dimension.stride +
                                    window_at_[dimension.window] - dimension.padding;
      if (source->has_else)
        exists = apply(Function::And,
                       {exists, in_range(position[d], 0, head_.variables[head_variable(d)].extent.factor - 1,
                                         builder_.ranges())});
    }
    const ExprRef element =
        load(scratch_, scratch_offset(position), ScalarType::Real, is_constant(exists, 1) ? nullptr : exists,
             source->has_else ? source->constant : 0);
    return accumulate(builder_, window_node_, window_at_, axes, best, which, {{value, element}}, nullptr);
  }

  KernelBuilder& builder_;
  Graph& graph_;
  const RegionParts& parts_;
  const Node& head_node_;
  const Statement& head_;
  const Node& window_node_;
  const Statement& window_;
  WindowShape shape_;
  bool many_threads_;
  int parallel_left_;
  LaneChoice lane_;
  std::vector<std::pair<int, int64_t>> tile_;
  std::size_t row_ = 0;
  std::vector<IndexExpr> head_at_, window_at_;
  std::vector<int> shared_axes_;
  std::map<std::size_t, int64_t> scratch_stride_;
  std::map<int, int64_t> axis_stride_;
  int scratch_ = -1;
};

} // namespace

void contraction_window_nest(KernelBuilder& builder, Graph& graph, const RegionParts& parts,
                             const TargetInfo& target) {
  WindowNest(builder, graph, parts, target).build();
}

} // namespace striate
