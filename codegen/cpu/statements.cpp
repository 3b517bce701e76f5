// Control flow: the parallel range, loops, branches, and the phis of tiles.
#include "codegen/cpu/statements.h"

#include "codegen/cpu/debug_lines.h"
#include "codegen/cpu/pieces.h"
#include "ir/kernel/analysis.h"

#include <algorithm>

namespace striate::cpu {

Statements::Statements(Frame& frame)
    : frame_(frame), builder_(frame.builder), tiles_(frame.kernel.tiles.size()), expressions_(frame, tiles_) {
  for (std::size_t t = 0; t < tiles_.size(); ++t) {
    std::size_t values = 1;
    for (int axis : frame.kernel.tiles[t].axes)
      values *=
          static_cast<std::size_t>(is_lane(axis) ? frame.pieces : frame.kernel.variables[axis].extent.factor);
    tiles_[t].resize(values);
  }
}

llvm::BasicBlock* Statements::new_block(const std::string& name) {
  return llvm::BasicBlock::Create(frame_.function->getContext(), name, frame_.function);
}

void Statements::start_block(llvm::BasicBlock* block) {
  builder_.SetInsertPoint(block);
  expressions_.enter_block();
}

void Statements::emit_kernel() {
  parallel_range();
  builder_.CreateRetVoid();
}

// One rolled loop over [begin, end). The collapsed loops' counters are taken apart once, at `begin`, and then
// step like an odometer.
void Statements::parallel_range() {
  const ParallelNest nest = parallel_nest(frame_.kernel);
  llvm::BasicBlock* before = new_block("parallel.begin");
  llvm::BasicBlock* header = new_block("parallel");
  llvm::BasicBlock* inside = new_block("parallel.body");
  llvm::BasicBlock* after = new_block("parallel.end");
  builder_.CreateCondBr(builder_.CreateICmpSLT(frame_.begin(), frame_.end()), before, after);

  builder_.SetInsertPoint(before);
  struct Counter {
    const KernelVariable* variable;
    llvm::Value* count; // iterations
    llvm::Value* first = nullptr;
    llvm::PHINode* phi = nullptr;
  };
  std::vector<Counter> counters;
  for (int number : nest.variables) {
    const KernelVariable& variable = frame_.kernel.variables[number];
    llvm::Value* extent = frame_.size(variable.extent);
    llvm::Value* rounded =
        builder_.CreateAdd(extent, builder_.getInt64(static_cast<uint64_t>(variable.step - 1)));
    llvm::Value* step = builder_.getInt64(static_cast<uint64_t>(variable.step));
    counters.push_back({&variable, builder_.CreateUDiv(rounded, step)});
  }
  llvm::Value* rest = frame_.begin();
  for (std::size_t i = counters.size(); i-- > 1;) {
    counters[i].first = builder_.CreateURem(rest, counters[i].count);
    rest = builder_.CreateUDiv(rest, counters[i].count);
  }
  if (!counters.empty()) counters[0].first = rest;
  builder_.CreateBr(header);

  builder_.SetInsertPoint(header);
  llvm::PHINode* position = builder_.CreatePHI(builder_.getInt64Ty(), 2, "position");
  position->addIncoming(frame_.begin(), before);
  for (Counter& counter : counters) {
    counter.phi = builder_.CreatePHI(builder_.getInt64Ty(), 2, counter.variable->name);
    counter.phi->addIncoming(counter.first, before);
  }
  builder_.CreateBr(inside);
  frame_.enter_level(header);
  builder_.SetInsertPoint(header->getTerminator());
  for (std::size_t i = 0; i < counters.size(); ++i) {
    const KernelVariable& variable = *counters[i].variable;
    llvm::Value* value =
        builder_.CreateMul(counters[i].phi, builder_.getInt64(static_cast<uint64_t>(variable.step)));
    if (variable.overlap) {
      llvm::Value* last = builder_.CreateSub(frame_.size(variable.extent),
                                             builder_.getInt64(static_cast<uint64_t>(variable.step)));
      value = emit_min(builder_, value, last);
    }
    frame_.define(nest.variables[i], value);
  }

  start_block(inside);
  body(*nest.body);
  llvm::BasicBlock* latch = builder_.GetInsertBlock();
  llvm::Value* one = builder_.getInt64(1);
  llvm::Value* carry = one;
  for (std::size_t i = counters.size(); i-- > 0;) {
    llvm::Value* next = builder_.CreateAdd(counters[i].phi, carry);
    if (i > 0) {
      llvm::Value* wraps = builder_.CreateICmpEQ(next, counters[i].count);
      next = builder_.CreateSelect(wraps, builder_.getInt64(0), next);
      carry = builder_.CreateZExt(wraps, builder_.getInt64Ty());
    }
    counters[i].phi->addIncoming(next, latch);
  }
  llvm::Value* next = builder_.CreateAdd(position, one);
  position->addIncoming(next, latch);
  builder_.CreateCondBr(builder_.CreateICmpSLT(next, frame_.end()), header, after);
  frame_.leave_level();
  start_block(after);
}

void Statements::body(const KernelBody& statements) {
  for (std::size_t i = 0; i < statements.size();) {
    const std::size_t run =
        only_piece_ || frame_.pieces == 1
            ? 0
            : run_by_pieces(frame_.kernel, statements, i, frame_.pieces, frame_.vector_registers);
    for (int piece = 0; run > 0 && piece < frame_.pieces; ++piece) {
      only_piece_ = piece;
      for (std::size_t k = i; k < i + run; ++k) statement(statements[k]);
    }
    if (run > 0)
      only_piece_.reset();
    else
      statement(statements[i]);
    i += std::max<std::size_t>(run, 1);
  }
}

void Statements::statement(const KernelStatement& s) {
  const llvm::DebugLoc outer = builder_.getCurrentDebugLocation();
  if (frame_.debug_lines) frame_.debug_lines->enter(builder_, s);
  switch (s.kind) {
  case KernelStatement::Kind::For:
    loop(s);
    break;
  case KernelStatement::Kind::If:
    branch(s);
    break;
  case KernelStatement::Kind::Map:
    map(s);
    break;
  case KernelStatement::Kind::Accumulate:
    accumulate(s);
    break;
  case KernelStatement::Kind::Fold:
    fold(s);
    break;
  case KernelStatement::Kind::Store:
    store(s);
    break;
  case KernelStatement::Kind::Copy:
  case KernelStatement::Kind::Wait:
  case KernelStatement::Kind::Barrier:
    CHECK(false, "{} is divided among threads", frame_.kernel.name); // see runs_on_cpu
  }
  expressions_.end_statement();
  if (frame_.debug_lines) builder_.SetCurrentDebugLocation(outer);
}

void Statements::loop(const KernelStatement& s) {
  const KernelVariable& variable = frame_.kernel.variables[s.variable];
  const bool once = !variable.extent.batch && variable.extent.factor <= variable.step;
  if (variable.kind == VariableKind::Unrolled || once)
    unrolled(s);
  else
    rolled(s);
}

void Statements::unrolled(const KernelStatement& s) {
  const KernelVariable& variable = frame_.kernel.variables[s.variable];
  CHECK(!variable.extent.batch, "the unrolled loop {} depends on the batch, in {}", variable.name,
        frame_.kernel.name);
  const std::vector<int> assigned = s.bound ? tiles_assigned(s.body) : std::vector<int>();
  for (int64_t i = 0; i < variable.extent.factor; i += variable.step) {
    const int64_t value = variable.overlap ? std::min(i, variable.extent.factor - variable.step) : i;
    frame_.bind(s.variable, value);
    if (!s.bound) {
      body(s.body);
    } else if (const auto bound = frame_.constant_index(*s.bound)) {
      if (value < *bound) body(s.body);
    } else {
      llvm::Value* inside =
          builder_.CreateICmpSLT(builder_.getInt64(static_cast<uint64_t>(value)), frame_.index(*s.bound));
      where(inside, assigned, [&] { body(s.body); });
    }
  }
}

void Statements::rolled(const KernelStatement& s) {
  const KernelVariable& variable = frame_.kernel.variables[s.variable];
  llvm::Value* zero = builder_.getInt64(0);
  llvm::Value* step = builder_.getInt64(static_cast<uint64_t>(variable.step));
  llvm::Value* limit = frame_.size(variable.extent);
  if (s.bound) limit = emit_min(builder_, limit, frame_.index(*s.bound));
  const bool may_be_empty = !llvm::isa<llvm::ConstantInt>(limit) || variable.extent.factor <= 0;

  llvm::BasicBlock* before = builder_.GetInsertBlock();
  llvm::BasicBlock* header = new_block(variable.name);
  llvm::BasicBlock* inside = new_block(variable.name + ".body");
  llvm::BasicBlock* after = new_block(variable.name + ".end");
  if (may_be_empty)
    builder_.CreateCondBr(builder_.CreateICmpSLT(zero, limit), header, after);
  else
    builder_.CreateBr(header);

  builder_.SetInsertPoint(header);
  llvm::PHINode* counter = builder_.CreatePHI(builder_.getInt64Ty(), 2, variable.name);
  counter->addIncoming(zero, before);
  struct Carried {
    llvm::Value** place;
    llvm::Value* initial;
    llvm::PHINode* phi; // null where every iteration assigns the tile before it reads it
  };
  std::vector<Carried> carried;
  const std::set<int> read_first = tiles_read_first(s.body);
  for (int tile : tiles_assigned(s.body)) {
    for (std::size_t i = 0; i < tiles_[tile].size(); ++i) {
      if (only_piece_ && static_cast<int>(i) % frame_.pieces != *only_piece_) continue;
      llvm::Value*& value = tiles_[tile][i];
      carried.push_back({&value, value, nullptr});
      if (value && read_first.count(tile)) {
        llvm::PHINode* phi = builder_.CreatePHI(value->getType(), 2, frame_.kernel.tiles[tile].name);
        phi->addIncoming(value, before);
        carried.back().phi = phi;
      }
      value = carried.back().phi;
    }
  }
  builder_.CreateBr(inside);
  frame_.enter_level(header);
  builder_.SetInsertPoint(header->getTerminator());
  if (variable.overlap)
    frame_.define(s.variable,
                  emit_min(builder_, counter, builder_.CreateSub(frame_.size(variable.extent), step)));
  else
    frame_.define(s.variable, counter);

  start_block(inside);
  body(s.body);
  llvm::BasicBlock* latch = builder_.GetInsertBlock();
  llvm::Value* next = builder_.CreateAdd(counter, step);
  counter->addIncoming(next, latch);
  builder_.CreateCondBr(builder_.CreateICmpSLT(next, limit), header, after);
  frame_.leave_level();

  start_block(after);
  for (const Carried& tile : carried) {
    if (tile.phi) tile.phi->addIncoming(*tile.place, latch);
    if (!may_be_empty || !*tile.place) continue;
    if (!tile.initial) { // it has a value inside the loop only
      *tile.place = nullptr;
      continue;
    }
    llvm::PHINode* merged = builder_.CreatePHI(tile.initial->getType(), 2);
    merged->addIncoming(tile.initial, before);
    merged->addIncoming(*tile.place, latch);
    *tile.place = merged;
  }
}

void Statements::where(llvm::Value* condition, const std::vector<int>& assigned,
                       const std::function<void()>& make) {
  std::vector<std::pair<llvm::Value**, llvm::Value*>> previous;
  for (int tile : assigned)
    for (llvm::Value*& value : tiles_[tile]) previous.push_back({&value, value});
  llvm::BasicBlock* before = builder_.GetInsertBlock();
  llvm::BasicBlock* then = new_block("then");
  llvm::BasicBlock* after = new_block("after");
  builder_.CreateCondBr(condition, then, after);
  start_block(then);
  make();
  llvm::BasicBlock* last = builder_.GetInsertBlock();
  builder_.CreateBr(after);
  start_block(after);
  for (auto& [place, old] : previous) {
    if (*place == old) continue;
    if (!old) { // it has a value inside the branch only
      *place = nullptr;
      continue;
    }
    llvm::PHINode* merged = builder_.CreatePHI(old->getType(), 2);
    merged->addIncoming(old, before);
    merged->addIncoming(*place, last);
    *place = merged;
  }
}

void Statements::branch(const KernelStatement& s) {
  llvm::Value* condition = expressions_.value(s.value, kScalar);
  if (auto* known = llvm::dyn_cast<llvm::ConstantInt>(condition)) {
    if (known->isOne()) body(s.body);
    return;
  }
  where(condition, tiles_assigned(s.body), [&] { body(s.body); });
}

void Statements::for_each_point(const std::vector<int>& axes, const std::function<void()>& visit,
                                std::size_t from) {
  while (from < axes.size() && is_lane(axes[from])) ++from;
  if (from == axes.size()) return visit();
  const int64_t extent = frame_.kernel.variables[axes[from]].extent.factor;
  for (int64_t i = 0; i < extent; ++i) {
    frame_.bind(axes[from], i);
    for_each_point(axes, visit, from + 1);
  }
}

void Statements::for_each_piece(const std::vector<int>& axes, const std::function<void(int)>& visit) {
  if (std::none_of(axes.begin(), axes.end(), [&](int axis) { return is_lane(axis); })) return visit(kScalar);
  if (only_piece_) return visit(*only_piece_);
  for (int piece = 0; piece < frame_.pieces; ++piece) visit(piece);
}

void Statements::store(const KernelStatement& s) {
  const bool lanes = std::ranges::any_of(s.axes, [&](int axis) { return is_lane(axis); });
  if (frame_.kernel.buffers[s.buffer].type == ElementType::BF16 && lanes && !s.guard &&
      frame_.lane_coefficient(s.offset) == 2)
    return store_in_pairs(s);
  for_each_point(s.axes, [&] { store_point(s); });
}

// Points that are neighbours in memory are stored together, as whole vectors.
void Statements::store_in_pairs(const KernelStatement& s) {
  std::vector<std::vector<int64_t>> points;
  std::map<std::pair<llvm::Value*, int64_t>, std::size_t> at;
  for_each_point(s.axes, [&] {
    const Address address = frame_.address(s.buffer, s.offset);
    at[{address.base, address.displacement}] = points.size();
    points.emplace_back();
    for (int axis : s.axes) points.back().push_back(is_lane(axis) ? 0 : frame_.constant_of(axis));
  });
  const auto bind = [&](std::size_t point) {
    for (std::size_t i = 0; i < s.axes.size(); ++i)
      if (!is_lane(s.axes[i])) frame_.bind(s.axes[i], points[point][i]);
  };
  std::vector<bool> stored(points.size(), false);
  for_each_point(s.axes, [&, point = std::size_t{0}]() mutable {
    const std::size_t here = point++;
    if (stored[here]) return;
    const Address address = frame_.address(s.buffer, s.offset);
    const auto next = at.find({address.base, address.displacement + byte_size(ElementType::BF16)});
    if (next == at.end() || stored[next->second]) return store_point(s);
    stored[next->second] = true;
    for_each_piece(s.axes, [&](int piece) {
      llvm::Value* low = expressions_.value(s.value, piece);
      bind(next->second);
      llvm::Value* high = expressions_.value(s.value, piece);
      bind(here);
      expressions_.store_pair(s.buffer, s.offset, low, high, piece);
    });
  });
}

// At one point, every lane.
void Statements::store_point(const KernelStatement& s) {
  const bool lanes = std::any_of(s.axes.begin(), s.axes.end(), [&](int axis) { return is_lane(axis); });
  CHECK(!lanes || frame_.lane_coefficient(s.offset) != 0, "every lane stores to one place, in {}",
        frame_.kernel.name);
  const bool lane_guard = s.guard && expressions_.uses_lane(s.guard);
  auto emit = [&] {
    for_each_piece(s.axes, [&](int piece) {
      expressions_.store(s.buffer, s.offset, s.value, lane_guard ? s.guard : nullptr, piece);
    });
  };
  if (!s.guard || lane_guard) return emit();
  llvm::Value* holds = expressions_.value(s.guard, kScalar);
  if (auto* known = llvm::dyn_cast<llvm::ConstantInt>(holds)) {
    if (known->isOne()) emit();
    return;
  }
  where(holds, {}, emit);
}

} // namespace striate::cpu
