#include "ir/kernel/analysis.h"

#include <algorithm>
#include <map>
#include <numeric>

namespace striate {

ParallelNest parallel_nest(const Kernel& kernel) {
  ParallelNest nest{{}, &kernel.body};
  while (nest.body->size() == 1) {
    const KernelStatement& loop = nest.body->front();
    if (loop.kind != KernelStatement::Kind::For ||
        kernel.variables[loop.variable].kind != VariableKind::Parallel)
      break;
    nest.variables.push_back(loop.variable);
    nest.body = &loop.body;
  }
  return nest;
}

int64_t iterations(const KernelVariable& variable, int64_t examples) {
  return (variable.extent.at(examples) + variable.step - 1) / variable.step;
}

int64_t parallel_extent(const Kernel& kernel, int64_t examples) {
  int64_t extent = 1;
  for (int variable : parallel_nest(kernel).variables)
    extent *= iterations(kernel.variables[variable], examples);
  return extent;
}

int64_t step_of(const KernelVariable& variable) {
  if (!variable.overlap) return variable.step;
  return variable.extent.batch ? 1 : std::gcd(variable.step, variable.extent.factor);
}

bool depends_on(const Kernel& kernel, const ExprRef& value, int variable) {
  bool depends = false;
  visit(value, [&](const ExprRef& e) {
    for (const IndexExpr& index : e->indices) depends |= index.uses(variable);
    if (e->kind != Expr::Kind::Tile) return;
    const std::vector<int>& axes = kernel.tiles[e->operand].axes;
    depends |= std::find(axes.begin(), axes.end(), variable) != axes.end();
  });
  return depends;
}

std::vector<ExprRef> expressions_of(const KernelStatement& statement) {
  std::vector<ExprRef> expressions;
  for (const ExprRef& e : {statement.value, statement.guard, statement.index_value})
    if (e) expressions.push_back(e);
  return expressions;
}

int copied_together(const Kernel& kernel, const KernelStatement& copy) {
  constexpr int kTogether = 4;
  const Expr& source = *copy.value;
  const KernelBuffer& buffer = kernel.buffers[source.operand];
  if (copy.axes.empty() || has_places(source) || byte_size(buffer.type) != 4 || buffer.offset % 16 != 0)
    return 1;
  const int axis = copy.axes.back();
  const KernelVariable& variable = kernel.variables[axis];
  if (variable.kind != VariableKind::Axis || !variable.extent.is_constant(kTogether)) return 1;
  const auto steps = [&](int v) { return step_of(kernel.variables[v]); };
  for (const IndexExpr& offset : {copy.offset, source.indices[0]}) {
    const IndexExpr rest = offset - IndexExpr::variable(axis);
    if (rest.uses(axis) || rest.multiple_of(steps) % kTogether != 0) return 1;
  }
  if (!source.arguments.empty() && depends_on(kernel, source.arguments[0], axis)) return 1;
  return kTogether;
}

void visit_statements(const KernelBody& body, const std::function<void(const KernelStatement&)>& see) {
  for (const KernelStatement& statement : body) {
    see(statement);
    visit_statements(statement.body, see);
  }
}

Cost cost_of(const Kernel& kernel, int64_t capacity) {
  std::vector<bool> loaded(kernel.buffers.size()), stored(kernel.buffers.size());
  visit_statements(kernel.body, [&](const KernelStatement& statement) {
    if (statement.kind == KernelStatement::Kind::Store) stored[statement.buffer] = true;
    for (const ExprRef& expression : expressions_of(statement))
      visit(expression, [&](const ExprRef& e) {
        if (e->kind == Expr::Kind::Load) loaded[e->operand] = true;
      });
  });
  Cost cost;
  cost.flops = kernel.flops_per_example * static_cast<double>(capacity) + kernel.flops_fixed;
  for (std::size_t b = 0; b < kernel.buffers.size(); ++b) {
    const KernelBuffer& buffer = kernel.buffers[b];
    if (buffer.space != BufferSpace::Memory) continue;
    const int64_t bytes = buffer.elements * byte_size(buffer.type);
    if (loaded[b]) cost.bytes_read += bytes;
    if (stored[b]) cost.bytes_written += bytes;
  }
  return cost;
}

// Which lanes touch the elements of an access: `AnyLane`, `LaneZero`, or the lane that follows from the
// element, (element - residue) % 16, when the residue (0 .. 15) is given.
static constexpr int kAnyLane = -1;
static constexpr int kLaneZero = -2;

struct Access {
  const KernelStatement* statement = nullptr;
  int buffer = -1;
  int owner = kAnyLane;
  bool store = false;
};

static int owner_of(const Kernel& kernel, const IndexExpr& offset) {
  const int lane = kernel.lane();
  if (lane < 0) return kLaneZero;
  if (offset.coefficient(lane) != 1) return kAnyLane;
  const IndexExpr rest = offset - IndexExpr::variable(lane);
  if (rest.uses(lane)) return kAnyLane;
  for (const IndexExpr::Term& term : rest.terms()) {
    const bool is_variable = term.kind == IndexExpr::TermKind::Variable;
    const int64_t step = is_variable ? step_of(kernel.variables[term.variable]) : 1;
    if (term.coefficient * step % kLanes != 0) return kAnyLane;
  }
  return static_cast<int>(floor_mod(rest.constant(), kLanes));
}

static std::vector<Access> accesses_of(const Kernel& kernel, const KernelStatement& statement) {
  std::vector<Access> accesses;
  const bool stores = statement.kind == KernelStatement::Kind::Store;
  const auto& axes = statement.axes;
  // Lane 0 alone evaluates a store without the lane axis, loads included.
  const bool by_lane_zero = stores && std::find(axes.begin(), axes.end(), kernel.lane()) == axes.end();
  for (const ExprRef& expression : expressions_of(statement))
    visit(expression, [&](const ExprRef& e) {
      if (e->kind != Expr::Kind::Load) return;
      const int owner = by_lane_zero     ? kLaneZero
                        : has_places(*e) ? kAnyLane
                                         : owner_of(kernel, e->indices[0]);
      accesses.push_back({&statement, e->operand, owner, false});
    });
  if (stores) {
    const int owner = by_lane_zero ? kLaneZero : owner_of(kernel, statement.offset);
    accesses.push_back({&statement, statement.buffer, owner, true});
  }
  return accesses;
}

static bool overlap(const KernelBuffer& a, const KernelBuffer& b) {
  if (a.space != BufferSpace::Memory || b.space != BufferSpace::Memory) return false;
  return a.offset < b.offset + b.elements * byte_size(b.type) &&
         b.offset < a.offset + a.elements * byte_size(a.type);
}

// Walks a kernel with the set of accesses since the last meeting; see lane_barriers.
class BarrierPlanner {
public:
  explicit BarrierPlanner(const Kernel& kernel) : kernel_(kernel) {
    visit_statements(kernel.body, [&](const KernelStatement& statement) {
      std::vector<int>& numbers = own_[&statement];
      for (const Access& access : accesses_of(kernel, statement)) {
        numbers.push_back(static_cast<int>(accesses_.size()));
        accesses_.push_back(access);
      }
    });
  }

  std::set<const KernelStatement*> plan() {
    walk(*parallel_nest(kernel_).body, {});
    return std::move(barriers_);
  }

private:
  using Pending = std::set<int>; // access numbers

  bool conflict(const Access& earlier, const Access& later) const {
    if (!earlier.store && !later.store) return false;
    if (earlier.store && later.store && earlier.statement == later.statement) return false;
    const KernelBuffer& a = kernel_.buffers[earlier.buffer];
    const KernelBuffer& b = kernel_.buffers[later.buffer];
    // Two names of one storage number its elements alike.
    const bool same =
        earlier.buffer == later.buffer || (overlap(a, b) && a.offset == b.offset && a.type == b.type);
    if (!same) return overlap(a, b);
    return earlier.owner == kAnyLane || earlier.owner != later.owner;
  }

  bool needs_barrier(const Pending& pending, const KernelStatement& statement) const {
    for (int later : own_.at(&statement))
      for (int earlier : pending)
        if (conflict(accesses_[earlier], accesses_[later])) return true;
    return std::any_of(statement.body.begin(), statement.body.end(),
                       [&](const KernelStatement& inner) { return needs_barrier(pending, inner); });
  }

  // A conflict with what came before a loop is resolved once, before the loop; only what one iteration leaves
  // to the next is resolved inside.
  Pending walk(const KernelBody& body, Pending pending) {
    for (const KernelStatement& statement : body) {
      if (barriers_.count(&statement) || needs_barrier(pending, statement)) {
        barriers_.insert(&statement);
        pending.clear();
      }
      pending.insert(own_[&statement].begin(), own_[&statement].end());
      if (statement.kind == KernelStatement::Kind::If) pending.merge(walk(statement.body, pending));
      if (statement.kind == KernelStatement::Kind::For) walk_loop(statement.body, pending);
    }
    return pending;
  }

  void walk_loop(const KernelBody& body, Pending& pending) {
    for (size_t before = pending.size() + 1; before != pending.size();) {
      before = pending.size();
      pending.merge(walk(body, pending));
    }
  }

  const Kernel& kernel_;
  std::vector<Access> accesses_;
  std::map<const KernelStatement*, std::vector<int>> own_;
  std::set<const KernelStatement*> barriers_;
};

std::set<const KernelStatement*> lane_barriers(const Kernel& kernel) {
  if (kernel.lane() < 0) return {};
  return BarrierPlanner(kernel).plan();
}

} // namespace striate
