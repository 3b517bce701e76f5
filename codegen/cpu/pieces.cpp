#include "codegen/cpu/pieces.h"

#include "ir/kernel/analysis.h"

#include <algorithm>
#include <map>
#include <span>

namespace striate::cpu {

static void collect_assigned(const KernelBody& statements, std::vector<int>& tiles) {
  for (const KernelStatement& s : statements) {
    for (int tile : {s.tile, s.index_tile})
      if (tile >= 0 && std::find(tiles.begin(), tiles.end(), tile) == tiles.end()) tiles.push_back(tile);
    collect_assigned(s.body, tiles);
  }
}

std::vector<int> tiles_assigned(const KernelBody& statements) {
  std::vector<int> tiles;
  collect_assigned(statements, tiles);
  return tiles;
}

// What branches and loops that may not run assign does not count as assigned after them.
static void collect_read_first(const KernelBody& statements, std::set<int>& assigned,
                               std::set<int>& read_first) {
  auto read = [&](int tile) {
    if (tile >= 0 && !assigned.count(tile)) read_first.insert(tile);
  };
  for (const KernelStatement& s : statements) {
    for (const ExprRef& e : expressions_of(s))
      visit(e, [&](const ExprRef& node) {
        if (node->kind == Expr::Kind::Tile) read(node->operand);
      });
    read(s.source);
    if (s.kind == KernelStatement::Kind::Accumulate) {
      read(s.tile);
      read(s.index_tile);
    }
    if (s.tile >= 0) assigned.insert(s.tile);
    std::set<int> assigned_inside = assigned;
    collect_read_first(s.body, assigned_inside, read_first);
  }
}

std::set<int> tiles_read_first(const KernelBody& statements) {
  std::set<int> assigned, read_first;
  collect_read_first(statements, assigned, read_first);
  return read_first;
}

static bool has_lane(const Kernel& kernel, const std::vector<int>& axes) {
  return std::any_of(axes.begin(), axes.end(),
                     [&](int axis) { return kernel.variables[axis].kind == VariableKind::Lane; });
}

// Whether each lane of what is assigned and stored depends on that lane alone (memory aside).
static bool keeps_lanes_apart(const Kernel& kernel, const KernelStatement& s) {
  switch (s.kind) {
  case KernelStatement::Kind::For:
  case KernelStatement::Kind::If:
    return std::all_of(s.body.begin(), s.body.end(),
                       [&](const KernelStatement& inner) { return keeps_lanes_apart(kernel, inner); });
  case KernelStatement::Kind::Map:
  case KernelStatement::Kind::Accumulate:
    return has_lane(kernel, kernel.tiles[s.tile].axes);
  case KernelStatement::Kind::Store:
    return has_lane(kernel, s.axes);
  case KernelStatement::Kind::Fold:
  case KernelStatement::Kind::Copy:
  case KernelStatement::Kind::Wait:
  case KernelStatement::Kind::Barrier:
    return false;
  }
  CHECK(false);
}

// Whether lane l touches only elements l, l + 16, l + 32, ...
static bool touches_own_lane(const Kernel& kernel, const IndexExpr& offset) {
  if (!offset.is_affine() || offset.constant() % kLanes != 0) return false;
  const int lane = kernel.lane();
  for (const IndexExpr::Term& term : offset.terms()) {
    const int64_t step = term.variable == lane ? 1 : step_of(kernel.variables[term.variable]);
    if (term.variable == lane ? term.coefficient != 1 : term.coefficient * step % kLanes != 0) return false;
  }
  return offset.uses(lane);
}

static bool share_bytes(const KernelBuffer& a, const KernelBuffer& b) {
  if (a.space != BufferSpace::Memory || b.space != BufferSpace::Memory) return false;
  return a.offset < b.offset + b.elements * byte_size(b.type) &&
         b.offset < a.offset + a.elements * byte_size(a.type);
}

// Whether the pieces neither read nor overwrite each other's stores: each buffer that is stored to is
// accessed lane by lane, or by one store alone.
static bool memory_keeps_lanes_apart(const Kernel& kernel, std::span<const KernelStatement> statements) {
  struct Accesses {
    int loads = 0, stores = 0;
    bool own_lane = true;
  };
  std::map<int, Accesses> buffers;
  auto see = [&](const KernelStatement& s) {
    if (s.kind == KernelStatement::Kind::Store) {
      ++buffers[s.buffer].stores;
      buffers[s.buffer].own_lane &= touches_own_lane(kernel, s.offset);
    }
    for (const ExprRef& e : expressions_of(s))
      visit(e, [&](const ExprRef& node) {
        if (node->kind != Expr::Kind::Load) return;
        ++buffers[node->operand].loads;
        buffers[node->operand].own_lane &= !has_places(*node) && touches_own_lane(kernel, node->indices[0]);
      });
  };
  for (const KernelStatement& s : statements) {
    see(s);
    visit_statements(s.body, see);
  }
  for (const auto& [stored, accesses] : buffers) {
    if (accesses.stores == 0) continue;
    if (!accesses.own_lane && accesses.loads + accesses.stores > 1) return false;
    for (const auto& [other, unused] : buffers)
      if (other != stored && share_bytes(kernel.buffers[stored], kernel.buffers[other])) return false;
  }
  return true;
}

// Logical vectors that a loop carries from one iteration to the next.
static int64_t carried_vectors(const Kernel& kernel, const KernelStatement& loop) {
  int64_t vectors = 0;
  const std::set<int> read_first = tiles_read_first(loop.body);
  for (int tile : tiles_assigned(loop.body)) {
    if (!read_first.count(tile)) continue;
    int64_t points = 1;
    for (int axis : kernel.tiles[tile].axes)
      if (kernel.variables[axis].kind != VariableKind::Lane) points *= kernel.variables[axis].extent.factor;
    vectors += points;
  }
  return vectors;
}

std::size_t run_by_pieces(const Kernel& kernel, const KernelBody& statements, std::size_t first, int pieces,
                          int vector_registers) {
  constexpr int64_t kOperands = 3; // registers for what is being computed
  std::size_t last = first;
  bool too_large = false;
  while (last < statements.size() && keeps_lanes_apart(kernel, statements[last])) {
    const KernelStatement& s = statements[last++];
    if (s.kind == KernelStatement::Kind::For)
      too_large |= carried_vectors(kernel, s) * pieces + kOperands > vector_registers;
  }
  return too_large && memory_keeps_lanes_apart(kernel, std::span(statements).subspan(first, last - first))
             ? last - first
             : 0;
}

} // namespace striate::cpu
