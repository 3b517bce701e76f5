// Tile statements: Map, Accumulate and Fold.
#include "codegen/cpu/statements.h"

#include <llvm/IR/IntrinsicsX86.h>

#include <algorithm>

namespace striate::cpu {

llvm::Value*& Statements::held(int tile, int piece) {
  const int64_t point = expressions_.point_of(tile);
  return tiles_[tile][static_cast<std::size_t>(piece == kScalar ? point : point * frame_.pieces + piece)];
}

void Statements::map(const KernelStatement& s) {
  const std::vector<int>& axes = frame_.kernel.tiles[s.tile].axes;
  for_each_piece(axes, [&](int piece) {
    for_each_point(axes, [&] { held(s.tile, piece) = expressions_.value(s.value, piece); });
  });
}

llvm::Value* Statements::combine(Reducer reducer, llvm::Value* a, llvm::Value* b) {
  switch (reducer) {
  case Reducer::Sum:
    return emit_function(frame_, Function::Add, {a, b});
  case Reducer::Prod:
    return emit_function(frame_, Function::Mul, {a, b});
  case Reducer::Max:
    return emit_max(builder_, a, b);
  case Reducer::Min:
    return emit_min(builder_, a, b);
  case Reducer::Any:
    return builder_.CreateOr(a, b);
  case Reducer::All:
    return builder_.CreateAnd(a, b);
  case Reducer::None:
  case Reducer::ArgMax:
  case Reducer::ArgMin:
    break;
  }
  CHECK(false, "reducer {} in kernel {}", name_of(reducer), frame_.kernel.name);
}

// The order in which an accumulation visits a tile: where two operands meet, every value of the one with more
// values is loaded once and stays in its register for one run of visits, while the other's few stay
// throughout; pieces outermost, so that operands that differ by piece are needed one piece at a time. Each
// point has its own total, so the order among them is free.
std::vector<Statements::Visit> Statements::visits_of(const KernelStatement& s) {
  const std::vector<int>& axes = frame_.kernel.tiles[s.tile].axes;
  std::vector<Visit> visits;
  for_each_piece(axes, [&](int piece) {
    for_each_point(axes, [&] {
      Visit visit{piece, {}};
      for (int axis : axes) visit.point.push_back(is_lane(axis) ? 0 : frame_.constant_of(axis));
      visits.push_back(std::move(visit));
    });
  });
  if (!is_product(s)) return visits;
  // Number each operand's values in the order of first use.
  std::map<Expressions::Key, std::size_t> numbers[2];
  for (Visit& visit : visits) {
    go_to(axes, visit);
    for (int side = 0; side < 2; ++side) {
      const auto key = expressions_.key_of(s.value->arguments[side], visit.piece);
      visit.operand[side] = numbers[side].emplace(key, numbers[side].size()).first->second;
    }
  }
  const int longer = numbers[1].size() > numbers[0].size() ? 1 : 0;
  std::stable_sort(visits.begin(), visits.end(),
                   [&](const Visit& a, const Visit& b) { return a.operand[longer] < b.operand[longer]; });
  return visits;
}

bool Statements::is_product(const KernelStatement& s) const {
  return s.reducer == Reducer::Sum && s.value->type == ScalarType::Real &&
         s.value->kind == Expr::Kind::Apply && s.value->function == Function::Mul;
}

void Statements::go_to(const std::vector<int>& axes, const Visit& visit) {
  for (std::size_t i = 0; i < axes.size(); ++i)
    if (!is_lane(axes[i])) frame_.bind(axes[i], visit.point[i]);
}

// A product of neighbours in bf16 buffers, over one axis of two: the upper neighbours first.
bool Statements::is_pair_product(const KernelStatement& s) {
  if (!is_product(s) || s.axes.size() != 1 || is_lane(s.axes[0]) ||
      frame_.kernel.variables[s.axes[0]].extent.factor != 2 ||
      std::ranges::none_of(frame_.kernel.tiles[s.tile].axes, [&](int axis) { return is_lane(axis); }))
    return false;
  return std::ranges::all_of(s.value->arguments, [&](const ExprRef& e) {
    if (e->kind != Expr::Kind::Load || !e->arguments.empty() ||
        frame_.kernel.buffers[e->operand].type != ElementType::BF16)
      return false;
    const std::optional<int64_t> per_lane = frame_.lane_coefficient(e->indices[0]);
    if (per_lane != 0 && per_lane != 2) return false;
    const auto with = [&](int64_t value) {
      return e->indices[0].substitute(
          [&](int v) { return v == s.axes[0] ? IndexExpr(value) : IndexExpr::variable(v); });
    };
    return with(0) == with(1) + 1;
  });
}

// x86's instruction for it adds the upper product first, then the lower one, each rounded once; so do two
// multiplications where there is none. Denormals are zeros to it.
void Statements::accumulate_pairs(const KernelStatement& s) {
  const std::vector<int>& points = frame_.kernel.tiles[s.tile].axes;
  frame_.bind(s.axes[0], 1); // the lower address
  const std::vector<Visit> visits = visits_of(s);
  const auto for_each =
      [&](const std::function<llvm::Value*(llvm::Value*, llvm::Value*, llvm::Value*)>& add) {
        for (const Visit& visit : visits) {
          go_to(points, visit);
          llvm::Value*& total = held(s.tile, visit.piece);
          CHECK(total, "tile {} accumulates before it is assigned, in {}", frame_.kernel.tiles[s.tile].name,
                frame_.kernel.name);
          total = add(total, expressions_.pair(s.value->arguments[0], visit.piece),
                      expressions_.pair(s.value->arguments[1], visit.piece));
        }
      };
  if (frame_.bfloat16_products) {
    auto* pairs = llvm::FixedVectorType::get(builder_.getBFloatTy(), static_cast<unsigned>(2 * frame_.width));
    const llvm::Intrinsic::ID instruction = frame_.width == 16 ? llvm::Intrinsic::x86_avx512bf16_dpbf16ps_512
                                            : frame_.width == 8
                                                ? llvm::Intrinsic::x86_avx512bf16_dpbf16ps_256
                                                : llvm::Intrinsic::x86_avx512bf16_dpbf16ps_128;
    return for_each([&](llvm::Value* total, llvm::Value* a, llvm::Value* b) -> llvm::Value* {
      return builder_.CreateIntrinsic(
          instruction, {}, {total, builder_.CreateBitCast(a, pairs), builder_.CreateBitCast(b, pairs)});
    });
  }
  constexpr uint64_t kUpperHalf = 0xFFFF0000;
  llvm::Type* reals = frame_.vector_of(builder_.getFloatTy());
  const auto upper = [&](llvm::Value* both) {
    return builder_.CreateBitCast(builder_.CreateAnd(both, kUpperHalf), reals);
  };
  const auto lower = [&](llvm::Value* both) {
    return builder_.CreateBitCast(builder_.CreateShl(both, kBfloat16Shift), reals);
  };
  for_each([&](llvm::Value* total, llvm::Value* a, llvm::Value* b) {
    return frame_.call(llvm::Intrinsic::fma, {upper(a), upper(b), total});
  });
  for_each([&](llvm::Value* total, llvm::Value* a, llvm::Value* b) {
    return frame_.call(llvm::Intrinsic::fma, {lower(a), lower(b), total});
  });
}

// The statement's axes are walked outside the tile's points: each point sees its values in the declared
// order, and consecutive operations are independent.
void Statements::accumulate(const KernelStatement& s) {
  const std::vector<int>& points = frame_.kernel.tiles[s.tile].axes;
  const auto lane = std::find_if(s.axes.begin(), s.axes.end(), [&](int axis) { return is_lane(axis); });
  if (is_pair_product(s)) return accumulate_pairs(s);
  if (lane == s.axes.end()) {
    for (int axis : s.axes) frame_.bind(axis, 0);
    const std::vector<Visit> visits = visits_of(s);
    for_each_point(s.axes, [&] {
      for (const Visit& visit : visits) {
        go_to(points, visit);
        accumulate_point(s, visit.piece, kEveryLane);
      }
    });
    return;
  }
  // Over the lanes, too: one after the other.
  const std::vector<int> outer(s.axes.begin(), lane);
  const std::vector<int> inner(lane + 1, s.axes.end());
  for_each_point(outer, [&] {
    for (int l = 0; l < kLanes; ++l)
      for_each_point(inner, [&] { for_each_point(points, [&] { accumulate_point(s, kScalar, l); }); });
  });
}

// At `piece`; or, with a lane, that lane's value for a scalar total.
llvm::Value* Statements::operand(const ExprRef& e, int piece, int lane) {
  if (lane == kEveryLane || !expressions_.uses_lane(e)) return expressions_.value(e, piece);
  return builder_.CreateExtractElement(expressions_.value(e, lane / frame_.width),
                                       static_cast<uint64_t>(lane % frame_.width));
}

void Statements::accumulate_point(const KernelStatement& s, int piece, int lane) {
  llvm::Value*& total = held(s.tile, piece);
  CHECK(total, "tile {} accumulates before it is assigned, in {}", frame_.kernel.tiles[s.tile].name,
        frame_.kernel.name);
  if (is_product(s)) {
    llvm::Value* a = operand(s.value->arguments[0], piece, lane);
    llvm::Value* b = operand(s.value->arguments[1], piece, lane);
    total = frame_.call(llvm::Intrinsic::fma, {a, b, total});
    return;
  }
  llvm::Value* value = operand(s.value, piece, lane);
  if (s.index_tile < 0) {
    total = combine(s.reducer, total, value);
    return;
  }
  CHECK(s.reducer == Reducer::Max || s.reducer == Reducer::Min);
  llvm::Value* replaces = s.reducer == Reducer::Max ? emit_function(frame_, Function::Less, {total, value})
                                                    : emit_function(frame_, Function::Less, {value, total});
  total = builder_.CreateSelect(replaces, value, total);
  llvm::Value*& index = held(s.index_tile, piece);
  index = builder_.CreateSelect(replaces, operand(s.index_value, piece, lane), index);
}

// A vector on its way through the fold's tree: each hardware lane is a partial result of some point.
struct Partial {
  llvm::Value* value;
  std::vector<int> point; // per hardware lane; groups of equal numbers lie in lane order
};

// One step of the tree for two vectors at once: in each, lane l of every point's `2 * distance` meets lane l
// + distance. Both results share one vector. Within 128 bits, where shuffles are cheap, wherever a group fits
// there.
static std::pair<std::vector<int>, std::vector<int>> halves(const Partial& a, const Partial* b,
                                                            int distance) {
  constexpr int kCheap = 4;
  const int width = static_cast<int>(a.point.size());
  const int chunk = 2 * distance <= kCheap ? std::min(kCheap, width) : width;
  std::vector<int> low, high;
  for (int start = 0; start < width; start += chunk) {
    for (int side = 0; side < 2; ++side) {
      for (int group = start; group < start + chunk; group += 2 * distance) {
        for (int l = 0; l < distance; ++l) {
          const int lane = group + l + side * width;
          low.push_back(side == 0 || b ? lane : -1);
          high.push_back(side == 0 || b ? lane + distance : -1);
        }
      }
    }
  }
  return {low, high};
}

void Statements::fold(const KernelStatement& s) {
  const std::vector<int>& axes = frame_.kernel.tiles[s.tile].axes;
  CHECK(s.index_tile < 0, "a fold of indices, in {}", frame_.kernel.name);
  // Whole pieces first: l with l + 8 is piece with piece while a piece is shorter than the distance.
  std::vector<Partial> partials;
  std::vector<llvm::Value**> results;
  for_each_point(axes, [&] {
    std::vector<llvm::Value*> values;
    for (int piece = 0; piece < frame_.pieces; ++piece) values.push_back(held(s.source, piece));
    for (std::size_t half = values.size() / 2; half > 0; half /= 2)
      for (std::size_t i = 0; i < half; ++i) values[i] = combine(s.reducer, values[i], values[i + half]);
    partials.push_back(
        {values[0], std::vector<int>(static_cast<std::size_t>(frame_.width), int(results.size()))});
    results.push_back(&held(s.tile, kScalar));
  });
  for (int distance = frame_.width / 2; distance > 0; distance /= 2) {
    std::vector<Partial> next;
    for (std::size_t i = 0; i < partials.size(); i += 2) {
      const Partial& a = partials[i];
      const Partial* b = i + 1 < partials.size() ? &partials[i + 1] : nullptr;
      const auto [low, high] = halves(a, b, distance);
      llvm::Value* other = b ? b->value : llvm::PoisonValue::get(a.value->getType());
      Partial both{combine(s.reducer, builder_.CreateShuffleVector(a.value, other, low),
                           builder_.CreateShuffleVector(a.value, other, high)),
                   {}};
      for (int lane : low) {
        const int width = static_cast<int>(a.point.size());
        both.point.push_back(lane < 0 ? -1 : lane < width ? a.point[lane] : b->point[lane - width]);
      }
      next.push_back(std::move(both));
    }
    partials = std::move(next);
  }
  for (const Partial& partial : partials)
    for (std::size_t lane = 0; lane < partial.point.size(); ++lane)
      if (partial.point[lane] >= 0)
        *results[static_cast<std::size_t>(partial.point[lane])] =
            builder_.CreateExtractElement(partial.value, lane);
}

} // namespace striate::cpu
