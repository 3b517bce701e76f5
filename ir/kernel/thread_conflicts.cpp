// Whether the threads of a block meet wherever they have to.
#include "ir/kernel/analysis.h"

#include <algorithm>
#include <map>

namespace striate {

namespace {

struct Access {
  const KernelStatement* statement = nullptr;
  int buffer = -1;
  IndexExpr offset;
  bool store = false;
  bool at_place = false; // data adds something to the offset
};

// An access since the last meeting. `earlier`: of another iteration of a loop.
struct Pending {
  int access = -1;
  bool arrives = false, earlier = false;
  auto operator<=>(const Pending&) const = default;
};

} // namespace

static std::vector<Access> accesses_of(const KernelStatement& statement) {
  std::vector<Access> accesses;
  for (const ExprRef& expression : expressions_of(statement))
    visit(expression, [&](const ExprRef& e) {
      if (e->kind == Expr::Kind::Load)
        accesses.push_back({&statement, e->operand, e->indices[0], false, has_places(*e)});
    });
  if (statement.kind == KernelStatement::Kind::Store || statement.kind == KernelStatement::Kind::Copy)
    accesses.push_back({&statement, statement.buffer, statement.offset, true, false});
  return accesses;
}

// Walks a kernel with the set of accesses since the last meeting.
class ConflictFinder {
public:
  explicit ConflictFinder(const Kernel& kernel) : kernel_(kernel) {
    visit_statements(kernel.body, [&](const KernelStatement& statement) {
      std::vector<int>& numbers = own_[&statement];
      for (Access& access : accesses_of(statement)) {
        numbers.push_back(static_cast<int>(accesses_.size()));
        accesses_.push_back(std::move(access));
      }
    });
  }

  std::vector<ThreadConflict> find() {
    walk(*parallel_nest(kernel_).body, {});
    return std::move(conflicts_);
  }

private:
  using PendingSet = std::set<Pending>;

  std::optional<Interval> range(const IndexExpr& e) const {
    std::vector<int> variables;
    e.collect_variables(variables);
    for (int v : variables)
      if (kernel_.variables[v].extent.batch) return std::nullopt;
    return e.range([&](int v) { return kernel_.range_of(v, 1); });
  }

  static IndexExpr alone(const IndexExpr::Term& term) {
    return IndexExpr::remainder(*term.operand, term.divisor) * term.coefficient;
  }

  // Different stages of one buffer, or ranges that lie apart.
  bool apart(const IndexExpr& a, const IndexExpr& b) const {
    const std::optional<Interval> all_a = range(a), all_b = range(b);
    if (all_a && all_b && (all_a->high < all_b->low || all_b->high < all_a->low)) return true;
    for (const IndexExpr::Term& s : a.terms())
      for (const IndexExpr::Term& t : b.terms()) {
        if (s.kind != IndexExpr::TermKind::Remainder || t.kind != s.kind || s.divisor != t.divisor ||
            s.coefficient != t.coefficient || s.coefficient < 1)
          continue;
        const IndexExpr steps = *s.operand - *t.operand;
        if (!steps.is_constant() || steps.constant() % s.divisor == 0) continue;
        const std::optional<Interval> rest_a = range(a - alone(s)), rest_b = range(b - alone(t));
        if (rest_a && rest_b &&
            std::max(rest_a->high, rest_b->high) - std::min(rest_a->low, rest_b->low) < s.coefficient)
          return true;
      }
    return false;
  }

  bool overlap(const KernelBuffer& a, const KernelBuffer& b) const {
    return a.offset < b.offset + b.elements * byte_size(b.type) &&
           b.offset < a.offset + a.elements * byte_size(a.type);
  }

  bool conflict(const Pending& pending, const Access& later) const {
    const Access& earlier = accesses_[pending.access];
    if (!earlier.store && !later.store) return false;
    const KernelBuffer& a = kernel_.buffers[earlier.buffer];
    const KernelBuffer& b = kernel_.buffers[later.buffer];
    if (a.space != b.space) return false;
    if (a.space == BufferSpace::Memory) {
      const bool own = a.offset == b.offset && a.type == b.type && earlier.offset == later.offset &&
                       !earlier.at_place && !later.at_place;
      return overlap(a, b) && !own;
    }
    if (earlier.buffer != later.buffer) return false;
    if (pending.earlier) return true;
    if (earlier.statement == later.statement && earlier.store && later.store) return false; // alike
    return !apart(earlier.offset, later.offset);
  }

  void report(const KernelStatement& statement, int buffer, bool arrives) {
    const bool known = std::ranges::any_of(
        conflicts_, [&](const ThreadConflict& conflict) { return conflict.statement == &statement; });
    if (!known) conflicts_.push_back({&statement, buffer, arrives});
  }

  PendingSet walk(const KernelBody& body, PendingSet pending) {
    for (const KernelStatement& statement : body) {
      if (statement.kind == KernelStatement::Kind::Barrier)
        std::erase_if(pending, [](const Pending& p) { return !p.arrives; });
      if (statement.kind == KernelStatement::Kind::Wait) {
        PendingSet arrived;
        for (Pending p : pending) arrived.insert({p.access, false, p.earlier});
        pending = std::move(arrived);
      }
      for (int own : own_.at(&statement))
        for (const Pending& p : pending)
          if (conflict(p, accesses_[own])) report(statement, accesses_[own].buffer, p.arrives);
      const bool copies = statement.kind == KernelStatement::Kind::Copy;
      for (int own : own_.at(&statement)) pending.insert({own, copies && accesses_[own].store, false});
      if (statement.kind == KernelStatement::Kind::If) pending.merge(walk(statement.body, pending));
      if (statement.kind == KernelStatement::Kind::For) pending = walk_loop(statement, std::move(pending));
    }
    return pending;
  }

  PendingSet walk_loop(const KernelStatement& loop, PendingSet pending) {
    const KernelVariable& variable = kernel_.variables[loop.variable];
    const bool runs = !loop.bound && !variable.extent.batch; // at least once
    std::set<int> inside;
    visit_statements(loop.body, [&](const KernelStatement& statement) {
      inside.insert(own_.at(&statement).begin(), own_.at(&statement).end());
    });
    PendingSet before = pending, after;
    for (std::size_t known = before.size() + 1; known != before.size();) {
      known = before.size();
      after = walk(loop.body, before);
      for (const Pending& p : after)
        before.insert({p.access, p.arrives, p.earlier || inside.contains(p.access)});
    }
    if (!runs) after.merge(pending);
    return after;
  }

  const Kernel& kernel_;
  std::vector<Access> accesses_;
  std::map<const KernelStatement*, std::vector<int>> own_;
  std::vector<ThreadConflict> conflicts_;
};

std::vector<ThreadConflict> thread_conflicts(const Kernel& kernel) {
  if (kernel.threads() < 0) return {};
  return ConflictFinder(kernel).find();
}

} // namespace striate
