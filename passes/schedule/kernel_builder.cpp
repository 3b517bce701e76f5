#include "passes/schedule/kernel_builder.h"

#include "ir/graph/loops.h"
#include "passes/estimate_costs.h"
#include "passes/expand_calls.h"
#include "passes/pad_contractions.h"
#include "passes/plan_memory.h"

#include <numeric>

namespace striate {

KernelBuilder::KernelBuilder(const Graph& graph, const Region& region, int64_t capacity)
    : graph_(graph), region_(region), capacity_(capacity) {
  kernel.name = region.name;
  for (char& c : kernel.name)
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  kernel.location = graph.nodes[region.nodes[0]].location;
  for (NodeId id : region.nodes) {
    const Node& node = graph.nodes[id];
    const Value& value = graph.values[node.outputs[0]];
    kernel.comment += fmt::format("{} = {} : {}", value.name, node.op, value.type.text());
    if (node.location.known()) kernel.comment += fmt::format("  {}", node.location.text());
    kernel.comment += '\n';
  }
  const Flops flops = flops_of(graph, region);
  kernel.flops_per_example = flops.per_example;
  kernel.flops_fixed = flops.fixed;
}

int KernelBuilder::loop(const std::string& name, VariableKind kind, Size extent, int64_t step, bool overlap) {
  return kernel.add_variable({name, kind, extent, step, overlap});
}

int KernelBuilder::axis(const std::string& name, int64_t extent) {
  return kernel.add_variable({name, VariableKind::Axis, Size::constant(extent), 1, false});
}

int KernelBuilder::lane() {
  if (lane_ < 0) lane_ = kernel.add_variable({"lane", VariableKind::Lane, Size::constant(kLanes), 1, false});
  return lane_;
}

int KernelBuilder::threads(int64_t extent) {
  return kernel.add_variable({"thread", VariableKind::Thread, Size::constant(extent), 1, false});
}

// Whether a load there may lie outside where a guard does not hold.
bool KernelBuilder::guarded(const IndexExpr& where) const {
  return kernel.threads() >= 0 || (lane_ >= 0 && where.uses(lane_));
}

Interval KernelBuilder::range_of(int id) const {
  const KernelVariable& variable = kernel.variables[id];
  const int64_t extent = variable.extent.at((capacity_ + kLanes - 1) / kLanes * kLanes);
  if (variable.overlap) return {0, extent - variable.step};
  return {0, std::max<int64_t>(0, (extent - 1) / variable.step * variable.step)};
}

std::function<Interval(int)> KernelBuilder::ranges() const {
  return [this](int v) { return range_of(v); };
}

std::function<int64_t(int)> KernelBuilder::steps() const {
  return [this](int v) {
    const KernelVariable& variable = kernel.variables[v];
    if (!variable.overlap || variable.extent.batch) return variable.step;
    return std::gcd(variable.step, variable.extent.factor - variable.step);
  };
}

int KernelBuilder::buffer_of(ValueId id) {
  const auto found = buffers_.find(id);
  if (found != buffers_.end()) return found->second;
  const Value& value = graph_.values[id];
  CHECK(value.offset >= 0, "`{}` has no place in memory", value.name);
  KernelBuffer buffer;
  buffer.name = value.name;
  buffer.type = value.type.element;
  buffer.elements = storage_bytes(value, capacity_) / byte_size(value.type.element);
  buffer.offset = value.offset;
  return buffers_[id] = kernel.add_buffer(std::move(buffer));
}

IndexExpr KernelBuilder::offset(ValueId value, const std::vector<IndexExpr>& index) const {
  return graph_.values[value].layout.offset(index).simplify(ranges(), steps());
}

ExprRef KernelBuilder::lower(const Node& node, const std::vector<IndexExpr>& at,
                             const std::map<ValueId, ExprRef>& local, const ExprRef& guard, bool skips) {
  const Statement& statement = statement_of(node);
  const ExprRef body = substitute(statement.body, [&](int v) { return at[v]; });
  const auto range = ranges();
  // What the region computes at this step lies in `local`; earlier steps lie in memory.
  const int step = step_variable(graph_, node);
  const auto at_this_step = [&](const ExprRef& e, const TensorType& type) {
    return step < 0 || e->indices[step_dimension(type)] == at[step];
  };
  return rewrite(body, [&](const ExprRef& e) -> ExprRef {
    if (e->kind == Expr::Kind::Index) return index_value(e->indices[0].simplify(range, steps()));
    if (e->kind != Expr::Kind::Read) return e;
    const ValueId value = node.inputs[e->operand];
    const TensorType& type = graph_.values[value].type;
    const auto found = local.find(value);
    if (found != local.end() && at_this_step(e, type)) return found->second;
    if (has_places(*e)) return load_at_places(value, *e, guard);
    ExprRef condition = constant_bool(true);
    if (e->has_else && !(skips && is_skipped_outside(body, e))) {
      for (std::size_t d = 0; d < type.shape.size(); ++d)
        if (!type.shape[d].batch)
          condition =
              apply(Function::And, {condition, in_range(e->indices[d], 0, type.shape[d].factor - 1, range)});
    }
    const IndexExpr where = offset(value, e->indices);
    if (guard && guarded(where)) condition = apply(Function::And, {condition, guard});
    const bool always = is_constant(condition, 1);
    return load(buffer_of(value), where, e->type, always ? nullptr : condition,
                e->has_else ? e->constant : 0);
  });
}

// Every dimension's place is tested; what data adds to it is split into the layout's digits.
ExprRef KernelBuilder::load_at_places(ValueId value, const Expr& e, const ExprRef& guard) {
  const TensorType& type = graph_.values[value].type;
  const Layout& layout = graph_.values[value].layout;
  ExprRef condition = constant_bool(true), place = constant_int(0);
  std::vector<IndexExpr> indices = e.indices;
  for (std::size_t d = 0; d < indices.size(); ++d) {
    if (type.shape[d].batch) continue;
    const int64_t last = type.shape[d].factor - 1;
    if (is_constant(e.arguments[d], 0)) {
      condition = apply(Function::And, {condition, in_range(indices[d], 0, last, ranges())});
      continue;
    }
    const ExprRef at = index_value(indices[d].simplify(ranges(), steps())) + e.arguments[d];
    indices[d] = IndexExpr(0);
    condition = apply(Function::And, {condition, apply(Function::LessEqual, {constant_int(0), at})});
    condition = apply(Function::And, {condition, apply(Function::LessEqual, {at, constant_int(last)})});
    const auto quotient = [&](const ExprRef& of, int64_t divisor) {
      return divisor == 1 ? of : apply(Function::Div, {of, constant_int(divisor)});
    };
    const std::vector<int64_t> strides = layout.strides();
    for (std::size_t k = 0; k < layout.digits.size(); ++k) {
      const Layout::Digit& digit = layout.digits[k];
      if (digit.dimension != static_cast<int>(d)) continue;
      ExprRef part = quotient(at, digit.step);
      if (const int64_t above = digit.step * digit.extent.factor; above <= last)
        part = part - quotient(at, above) * constant_int(digit.extent.factor);
      place = place + part * constant_int(strides[k]);
    }
  }
  const IndexExpr where = offset(value, indices);
  if (guard && guarded(where)) condition = apply(Function::And, {condition, guard});
  return load(buffer_of(value), where, e.type, condition, e.constant, place);
}

KernelStatement KernelBuilder::map(int tile, ExprRef value) const {
  KernelStatement statement;
  statement.kind = KernelStatement::Kind::Map;
  statement.tile = tile;
  statement.value = std::move(value);
  return statement;
}

KernelStatement KernelBuilder::store(ValueId value, const std::vector<IndexExpr>& index, ExprRef what,
                                     std::vector<int> axes, ExprRef guard) {
  KernelStatement statement;
  statement.kind = KernelStatement::Kind::Store;
  statement.buffer = buffer_of(value);
  statement.offset = offset(value, index);
  statement.value = std::move(what);
  statement.axes = std::move(axes);
  statement.guard = std::move(guard);
  return statement;
}

KernelStatement KernelBuilder::for_loop(int variable, std::optional<IndexExpr> bound) {
  KernelStatement statement;
  statement.kind = KernelStatement::Kind::For;
  statement.variable = variable;
  statement.bound = std::move(bound);
  return statement;
}

KernelBody KernelBuilder::nest(std::vector<KernelStatement> frames, KernelBody body) {
  for (auto frame = frames.rbegin(); frame != frames.rend(); ++frame) {
    frame->body = std::move(body);
    body = {std::move(*frame)};
  }
  return body;
}

std::vector<IndexExpr> target_index(const Statement& statement, const std::vector<IndexExpr>& at) {
  std::vector<IndexExpr> index = statement.output_indices();
  for (IndexExpr& dimension : index) dimension = dimension.substitute([&](int v) { return at[v]; });
  return index;
}

std::vector<IndexExpr> follow(const Statement& tail, const Statement& leader,
                              const std::vector<IndexExpr>& leader_at) {
  const std::vector<IndexExpr> index = target_index(leader, leader_at);
  std::vector<IndexExpr> at(tail.variables.size());
  for (std::size_t d = 0; d < tail.output.size(); ++d) {
    const std::vector<int>& digits = tail.output[d];
    if (digits.size() == 1) {
      at[digits[0]] = index[d];
      continue;
    }
    CHECK(digits.size() == leader.output[d].size());
    for (std::size_t k = 0; k < digits.size(); ++k) at[digits[k]] = leader_at[leader.output[d][k]];
  }
  return at;
}

} // namespace striate
