// Contractions for a GPU: a block of threads computes a tile of the results, and shares what it loads.
//
// The contraction is a product of matrices, by its indices alone (implicit GEMM): free variables that one
// factor uses are rows, those of the other columns, those of both count products side by side; the reduced
// ones are the depth. Rows, columns and depth are each one flat number, of which a variable is a digit. For
// each step of the depth the block copies tiles of both factors to shared memory, while it computes with
// those of the step before; a thread holds a part of the results in registers and adds the terms one by one,
// in the declared order. Terms beyond the depth's end become -0 * 0, which changes no sum.
#include "ir/graph/loops.h"
#include "ir/kernel/analysis.h"
#include "passes/expand_calls.h"
#include "passes/pad_contractions.h"
#include "passes/schedule/choose_block.h"
#include "passes/schedule/nests.h"

#include <algorithm>

namespace striate {

namespace {

constexpr int64_t kQuad = 4; // neighbours that are copied and loaded together

// One digit of a flat number: a variable, or a digit of its own.
struct FlatDigit {
  int variable = -1;
  int64_t step = 1; // what it counts of the variable
  Size extent;      // how many values it has
};

class BlockNest {
public:
  BlockNest(KernelBuilder& builder, Graph& graph, const RegionParts& parts)
      : builder_(builder), graph_(graph), parts_(parts), node_(graph.nodes[parts.head]),
        statement_(statement_of(node_)) {}

  // "" where it can be a block's, or why not.
  std::string problem();
  const BlockProblem& sizes() const { return sizes_; }
  void build(const BlockShape& shape);

private:
  struct Side {
    int factor = 0;
    std::vector<FlatDigit> digits; // outermost first
    Size extent = Size::constant(1);
    int loop = -1;
    int64_t tile = 0, pitch = 0, part = 0; // part: of a thread
    int buffer = -1;                       // in shared memory
    int registers = -1;                    // a tile
    IndexExpr at;                          // of a thread's points
    std::vector<int> axes;                 // of a thread's points
    bool depth_is_fast = false;            // neighbours in memory are terms of one point
  };

  const Value& value_of(int factor) const {
    return graph_.values[node_.inputs[statement_.body->arguments[factor]->operand]];
  }
  bool uses(int factor, int variable) const;
  bool is_blocked(ValueId value, int variable, const std::vector<IndexExpr>& indices) const;
  std::string sort_variables();
  std::string sort_depth();

  static IndexExpr digit(const IndexExpr& flat, const std::vector<FlatDigit>& digits, std::size_t d);
  void place(std::vector<IndexExpr>& at, const std::vector<FlatDigit>& digits, const IndexExpr& flat) const;
  int64_t size_of(const Size& extent) const { return extent.at(builder_.capacity()); }
  int64_t whole_capacity() const { return (builder_.capacity() + kLanes - 1) / kLanes * kLanes; }
  ExprRef inside(const IndexExpr& flat, const Size& extent, const std::vector<FlatDigit>& digits,
                 int64_t tile) const;
  IndexExpr simple(const IndexExpr& e) const { return e.simplify(builder_.ranges(), builder_.steps()); }
  ExprRef below(const IndexExpr& index, int64_t end) const;
  ExprRef depth_is_there(const std::vector<IndexExpr>& at, const IndexExpr& depth) const;
  std::vector<IndexExpr> base() const;
  void make_loops();
  void make_side(Side& side, const char* name, const IndexExpr& thread);
  bool walks_along_depth(const Side& side) const;
  bool is_copied_alone(const Side& side) const;
  KernelStatement staged(const Side& side, const IndexExpr& first, const std::string& name);
  KernelStatement staged_by(const Side& side, const IndexExpr& first, int64_t together,
                            const std::vector<int>& axes);
  KernelBody step(const IndexExpr& first);
  KernelBody results();

  KernelBuilder& builder_;
  Graph& graph_;
  const RegionParts& parts_;
  const Node& node_;
  const Statement& statement_;
  BlockShape shape_;
  BlockProblem sizes_;
  Side rows_, columns_;
  std::vector<int> products_; // free variables of both factors
  int blocked_ = -1; // a batch that is stored in blocks of 16, among the rows: n%16 is their last digit
  bool whole_blocks_ = false;    // the rows are such a batch alone
  std::vector<FlatDigit> depth_; // as the order has them
  Size depth_extent_ = Size::constant(1);
  std::vector<IndexExpr> products_at_; // per free variable
  IndexExpr block_of_examples_;
  int thread_ = -1, depth_loop_ = -1, sum_ = -1;
  std::map<std::string, int> axes_; // by what they are for
};

} // namespace

bool BlockNest::uses(int factor, int variable) const {
  const ExprRef& read = statement_.body->arguments[factor];
  return std::ranges::any_of(read->indices, [&](const IndexExpr& index) { return index.uses(variable); });
}

bool BlockNest::is_blocked(ValueId value, int variable, const std::vector<IndexExpr>& indices) const {
  return std::ranges::any_of(graph_.values[value].layout.digits, [&](const Layout::Digit& d) {
    return d.step == kLanes && indices[d.dimension].uses(variable);
  });
}

std::string BlockNest::problem() {
  if (!is_contraction(statement_)) return "it is no product";
  if (parts_.companion >= 0) return "it keeps an index";
  if (step_variable(graph_, node_) >= 0) return "it is a step of a loop";
  if (statement_.order.lanes) return "its order has lanes";
  for (const ExprRef& factor : statement_.body->arguments)
    if (factor->kind != Expr::Kind::Read || factor->has_else)
      return factor->has_else ? "a factor is read outside of its tensor" : "a factor is no tensor";
  for (int factor : {0, 1})
    if (value_of(factor).type.element != ElementType::F32) return "a factor is not of f32";
  if (const std::string why = sort_variables(); !why.empty()) return why;
  if (const std::string why = sort_depth(); !why.empty()) return why;
  sizes_.rows = blocked_ >= 0 ? size_of(rows_.extent) * whole_capacity() : size_of(rows_.extent);
  sizes_.row_unit = blocked_ >= 0 ? kLanes : 1;
  sizes_.columns = size_of(columns_.extent);
  sizes_.depth = size_of(depth_extent_);
  sizes_.rows_alone = is_copied_alone(rows_);
  sizes_.columns_alone = is_copied_alone(columns_);
  for (int v : products_) sizes_.products *= size_of(statement_.variables[v].extent);
  return "";
}

std::string BlockNest::sort_variables() {
  // The rows are those of the factor with the examples.
  rows_.factor = !value_of(0).type.has_batch() && value_of(1).type.has_batch() ? 1 : 0;
  columns_.factor = 1 - rows_.factor;
  for (int v = 0; v < statement_.free_count; ++v) {
    const Size& extent = statement_.variables[v].extent;
    if (extent.is_constant(1)) continue;
    const bool of_rows = uses(rows_.factor, v), of_columns = uses(columns_.factor, v);
    bool blocked = is_blocked(node_.outputs[0], v, statement_.output_indices());
    for (const ExprRef& factor : statement_.body->arguments)
      blocked = blocked || is_blocked(node_.inputs[factor->operand], v, factor->indices);
    if (of_rows == of_columns) {
      if (!of_rows) return "a variable is in no factor";
      if (blocked && extent.batch) return "its products are stored in blocks of examples";
      products_.push_back(v);
    } else if (of_rows && extent.batch && blocked) {
      if (extent.factor != 1) return "a batch of several rows is stored in blocks";
      blocked_ = v;
    } else {
      Side& side = of_rows ? rows_ : columns_;
      // A batch has to be outermost: nobody knows how many values it has.
      const FlatDigit digit = {v, 1, extent};
      side.digits.insert(extent.batch ? side.digits.begin() : side.digits.end(), digit);
    }
  }
  if (blocked_ >= 0 && rows_.digits.empty()) {
    rows_.digits = {{blocked_, 1, Size::n()}};
    whole_blocks_ = true;
    blocked_ = -1;
  }
  for (Side* side : {&rows_, &columns_})
    for (const FlatDigit& d : side->digits) {
      side->extent.factor *= d.extent.factor;
      side->extent.batch = side->extent.batch || d.extent.batch;
    }
  if (columns_.extent.batch && (blocked_ >= 0 || whole_blocks_)) return "both factors have examples";
  return "";
}

// The order's loops as the digits of one number.
std::string BlockNest::sort_depth() {
  for (const ReductionLoop& loop : statement_.order.loops) {
    const IndexVariable& variable = statement_.variables[loop.variable];
    if (variable.extent.is_constant(1)) continue;
    if (variable.extent.batch && (loop.step > 1 || !depth_.empty()))
      return "the examples are not the outermost loop of its order";
    if (loop.down) return "its order runs down pairs";
    FlatDigit digit = {loop.variable, loop.step, loop.extent};
    // The highest digit goes as far as the variable; what is beyond its end is masked.
    if (!variable.extent.batch && loop.step * loop.extent.factor >= variable.extent.factor)
      digit.extent = Size::constant((variable.extent.factor + loop.step - 1) / loop.step);
    depth_.push_back(digit);
    depth_extent_.factor *= digit.extent.factor;
    depth_extent_.batch = depth_extent_.batch || digit.extent.batch;
  }
  return depth_.empty() ? "it sums one term" : "";
}

IndexExpr BlockNest::digit(const IndexExpr& flat, const std::vector<FlatDigit>& digits, std::size_t d) {
  int64_t below = 1;
  for (std::size_t k = d + 1; k < digits.size(); ++k) below *= digits[k].extent.factor;
  const IndexExpr above = below == 1 ? flat : IndexExpr::quotient(flat, below);
  return d == 0 ? above : IndexExpr::remainder(above, digits[d].extent.factor);
}

// Sets the variables of the digits.
void BlockNest::place(std::vector<IndexExpr>& at, const std::vector<FlatDigit>& digits,
                      const IndexExpr& flat) const {
  for (const FlatDigit& d : digits) at[d.variable] = IndexExpr(0);
  for (std::size_t d = 0; d < digits.size(); ++d)
    at[digits[d].variable] = at[digits[d].variable] + digit(flat, digits, d) * digits[d].step;
}

// Both of two conditions, where nullptr is one that always holds.
static ExprRef both(const ExprRef& a, const ExprRef& b) {
  if (!a || !b) return a ? a : b;
  return apply(Function::And, {a, b});
}

ExprRef BlockNest::below(const IndexExpr& index, int64_t end) const {
  const ExprRef holds = in_range(simple(index), 0, end - 1, builder_.ranges());
  return is_constant(holds, 1) ? nullptr : holds;
}

// Whether a point of a tile is one of the tensor's; nullptr where all are. The batch is as long as its
// capacity: further examples are there to be computed.
ExprRef BlockNest::inside(const IndexExpr& flat, const Size& extent, const std::vector<FlatDigit>& digits,
                          int64_t tile) const {
  const bool blocks = whole_blocks_ && &digits == &rows_.digits;
  if ((blocks ? whole_capacity() : size_of(extent)) % tile == 0) return nullptr;
  if (!extent.batch) return below(flat, extent.factor);
  // Lanes beyond the last example are computed with it.
  const IndexExpr example =
      blocks ? IndexExpr::quotient(flat, kLanes) * kLanes : IndexExpr::quotient(flat, extent.factor);
  return apply(Function::Less,
               {apply(Function::ToReal, {index_value(simple(example))}), run_time_scalar("N")});
}

// Whether a term is one of the sum; nullptr where all are.
ExprRef BlockNest::depth_is_there(const std::vector<IndexExpr>& at, const IndexExpr& depth) const {
  ExprRef there;
  if (!depth_extent_.batch) {
    if (depth_extent_.factor % shape_.depth != 0) there = below(depth, depth_extent_.factor);
  } else if (depth_extent_.factor % shape_.depth != 0) {
    const IndexExpr example = IndexExpr::quotient(depth, depth_extent_.factor);
    there = apply(Function::Less, {apply(Function::ToReal, {index_value(example)}), run_time_scalar("N")});
  }
  for (std::size_t v = statement_.free_count; v < statement_.variables.size(); ++v) {
    const Size& extent = statement_.variables[v].extent;
    int64_t counted = 1;
    for (const FlatDigit& d : depth_)
      if (d.variable == static_cast<int>(v)) counted *= d.extent.factor;
    if (extent.batch || counted == extent.factor || extent.factor == 1) continue;
    there = both(there, below(at[v], extent.factor));
  }
  return there;
}

// Where the variables stand for the whole block.
std::vector<IndexExpr> BlockNest::base() const {
  std::vector<IndexExpr> at(statement_.variables.size());
  for (int v : products_) at[v] = products_at_[v];
  return at;
}

void BlockNest::make_side(Side& side, const char* name, const IndexExpr& thread) {
  const int64_t strips = side.part / kQuad, apart = side.tile / strips;
  const std::string text = name;
  if (strips > 1) side.axes.push_back(builder_.axis(text + ".strip", strips));
  const int low = builder_.axis(text + ".of.4", kQuad);
  side.at = thread * kQuad + IndexExpr::variable(low);
  if (strips > 1) side.at = side.at + IndexExpr::variable(side.axes[0]) * apart;
  side.axes.push_back(low);
  side.buffer = builder_.kernel.add_buffer({value_of(side.factor).name + ".tiles", ElementType::F32,
                                            BufferSpace::Scratch, 2 * shape_.depth * side.pitch, 0});
  std::vector<int> axes = {thread_};
  axes.insert(axes.end(), side.axes.begin(), side.axes.end());
  side.registers = builder_.kernel.add_tile({value_of(side.factor).name + ".part", ScalarType::Real, axes});
  side.depth_is_fast = walks_along_depth(side);
}

// Whether neighbours in memory belong to different terms of one point.
bool BlockNest::walks_along_depth(const Side& side) const {
  const Layout& layout = value_of(side.factor).layout;
  if (layout.digits.empty()) return false;
  const IndexExpr& index = statement_.body->arguments[side.factor]->indices[layout.digits.back().dimension];
  const int fast = depth_.back().variable;
  if (!index.uses(fast)) return false;
  // A window's index goes through both: then points are as near as terms, and their quads may be copied as
  // one.
  return side.digits.empty() || !index.uses(side.digits.back().variable);
}

// Whether four neighbours among the points are none in memory.
bool BlockNest::is_copied_alone(const Side& side) const {
  const bool lanes = &side == &rows_ && (blocked_ >= 0 || whole_blocks_);
  if (lanes) return false;
  if (side.digits.empty() || walks_along_depth(side)) return true;
  const Layout& layout = value_of(side.factor).layout;
  const ExprRef& read = statement_.body->arguments[side.factor];
  const FlatDigit& last = side.digits.back();
  if (layout.digits.empty() || last.extent.factor % kQuad != 0) return true;
  const IndexExpr& index = read->indices[layout.digits.back().dimension];
  return index.coefficient(last.variable) != 1 || !(index - IndexExpr::variable(last.variable)).is_constant();
}

void BlockNest::make_loops() {
  products_at_.resize(statement_.variables.size());
  for (int v : products_) {
    const IndexVariable& variable = statement_.variables[v];
    products_at_[v] =
        IndexExpr::variable(builder_.loop(variable.name, VariableKind::Parallel, variable.extent));
  }
}

// The copy of one tile, of the terms from `first` on, into its stage.
KernelStatement BlockNest::staged(const Side& side, const IndexExpr& first, const std::string& name) {
  const int64_t threads = shape_.threads(), elements = shape_.depth * side.tile;
  const auto axis = [&](const std::string& what, int64_t extent) {
    auto [found, fresh] = axes_.try_emplace(name + what, -1);
    if (fresh) found->second = builder_.axis(name + what, extent);
    return found->second;
  };
  const auto axes_for = [&](int64_t together) {
    std::vector<int> axes = {thread_};
    if (const int64_t rounds = elements / threads / together; rounds > 1)
      axes.push_back(axis(".round", rounds));
    if (together > 1) axes.push_back(axis(".copied", together));
    return axes;
  };
  if (!side.depth_is_fast && elements % (threads * kQuad) == 0) {
    const std::size_t variables = builder_.kernel.variables.size();
    const std::map<std::string, int> axes = axes_;
    KernelStatement quads = staged_by(side, first, kQuad, axes_for(kQuad));
    if (copied_together(builder_.kernel, quads) == kQuad) return quads;
    builder_.kernel.variables.resize(variables);
    axes_ = axes;
  }
  return staged_by(side, first, 1, axes_for(1));
}

KernelStatement BlockNest::staged_by(const Side& side, const IndexExpr& first, int64_t together,
                                     const std::vector<int>& axes) {
  IndexExpr number = IndexExpr::variable(thread_);
  const int64_t width = side.depth_is_fast ? shape_.depth : side.tile / together;
  if (axes.size() > 1 && (together == 1 || axes.size() > 2))
    number = number + IndexExpr::variable(axes[1]) * shape_.threads();
  const IndexExpr fast = simple(IndexExpr::remainder(number, width));
  const IndexExpr slow = simple(IndexExpr::quotient(number, width));
  const IndexExpr term = side.depth_is_fast ? fast : slow;
  const IndexExpr point = side.depth_is_fast ? slow : fast * together;
  const IndexExpr within = together > 1 ? IndexExpr::variable(axes.back()) : IndexExpr(0);

  std::vector<IndexExpr> at = base();
  const IndexExpr depth = simple(first + term);
  place(at, depth_, depth);
  ExprRef there = depth_is_there(at, depth);
  const bool lanes = &side == &rows_ && blocked_ >= 0;
  IndexExpr flat = IndexExpr::variable(side.loop) + (lanes ? IndexExpr::quotient(point, kLanes) : point);
  // Where the innermost digit counts whole quads, their points differ in it alone.
  const bool whole = lanes || side.digits.empty() || side.digits.back().extent.factor % together == 0;
  if (!whole) flat = flat + within;
  there = both(there, inside(simple(flat), side.extent, side.digits, lanes ? side.tile / kLanes : side.tile));
  place(at, side.digits, flat);
  if (lanes)
    at[blocked_] = block_of_examples_ + IndexExpr::remainder(point, kLanes) + within;
  else if (whole && !side.digits.empty())
    at[side.digits.back().variable] = at[side.digits.back().variable] + within;

  const ExprRef body = builder_.lower(node_, at, {});
  const Expr& loaded = *body->arguments[side.factor];
  CHECK(loaded.kind == Expr::Kind::Load);
  KernelStatement copy;
  copy.kind = KernelStatement::Kind::Copy;
  copy.buffer = side.buffer;
  const IndexExpr stage = IndexExpr::remainder(simple(IndexExpr::quotient(first, shape_.depth)), 2);
  copy.offset = simple(stage * (shape_.depth * side.pitch) + term * side.pitch + point + within);
  copy.value = load(loaded.operand, loaded.indices[0], loaded.type, there, &side == &rows_ ? -0.0 : 0.0);
  copy.axes = axes;
  return copy;
}

// Everything that happens for the terms from `first` on, which are there.
KernelBody BlockNest::step(const IndexExpr& first) {
  const int term = builder_.loop("term", VariableKind::Unrolled, Size::constant(shape_.depth));
  const IndexExpr stage = IndexExpr::remainder(simple(IndexExpr::quotient(first, shape_.depth)), 2);
  KernelBody body;
  for (const Side* side : {&rows_, &columns_})
    body.push_back(builder_.map(side->registers, load(side->buffer,
                                                      stage * (shape_.depth * side->pitch) +
                                                          IndexExpr::variable(term) * side->pitch + side->at,
                                                      ScalarType::Real)));
  KernelStatement add;
  add.kind = KernelStatement::Kind::Accumulate;
  add.tile = sum_;
  add.reducer = Reducer::Sum;
  add.value =
      tile_point(rows_.registers, ScalarType::Real) * tile_point(columns_.registers, ScalarType::Real);
  body.push_back(std::move(add));
  return KernelBuilder::nest({KernelBuilder::for_loop(term)}, std::move(body));
}

// The pointwise tails, and the stores.
KernelBody BlockNest::results() {
  std::vector<IndexExpr> at = base();
  ExprRef guard;
  IndexExpr row = IndexExpr::variable(rows_.loop) + rows_.at;
  if (blocked_ >= 0) {
    at[blocked_] = block_of_examples_ + IndexExpr::remainder(rows_.at, kLanes);
    row = IndexExpr::variable(rows_.loop) + IndexExpr::quotient(rows_.at, kLanes);
    if (!rows_.digits.empty()) guard = inside(row, rows_.extent, rows_.digits, shape_.rows / kLanes);
  } else {
    guard = inside(row, rows_.extent, rows_.digits, shape_.rows);
  }
  const IndexExpr column = IndexExpr::variable(columns_.loop) + columns_.at;
  guard = both(guard, inside(column, columns_.extent, columns_.digits, shape_.columns));
  place(at, rows_.digits, row);
  place(at, columns_.digits, column);
  const std::vector<int> axes = builder_.kernel.tiles[sum_].axes;
  std::map<ValueId, ExprRef> local;
  local[node_.outputs[0]] = tile_point(sum_, ScalarType::Real);
  KernelBody body;
  for (NodeId id : parts_.tails) {
    const Node& tail = graph_.nodes[id];
    const ValueId value = tail.outputs[0];
    const ScalarType type = scalar_type_of(graph_.values[value].type.element);
    const int tile = builder_.kernel.add_tile({graph_.values[value].name, type, axes});
    body.push_back(
        builder_.map(tile, builder_.lower(tail, follow(statement_of(tail), statement_, at), local, guard)));
    local[value] = tile_point(tile, type);
  }
  for (ValueId value : builder_.region().stored)
    body.push_back(builder_.store(value, target_index(statement_, at), local.at(value), axes, guard));
  return body;
}

static std::string names_of(const Statement& statement, const std::vector<FlatDigit>& digits) {
  std::string text;
  for (const FlatDigit& d : digits)
    text += fmt::format("{}{}{}", text.empty() ? "" : ", ", statement.variables[d.variable].name,
                        d.step > 1 ? fmt::format("/{}", d.step) : "");
  return text.empty() ? "1" : text;
}

void BlockNest::build(const BlockShape& shape) {
  shape_ = shape;
  Kernel& kernel = builder_.kernel;
  rows_.tile = shape.rows;
  rows_.pitch = shape.row_pitch();
  rows_.part = shape.thread_rows;
  columns_.tile = shape.columns;
  columns_.pitch = shape.column_pitch();
  columns_.part = shape.thread_columns;
  std::string rows = names_of(statement_, rows_.digits);
  if (blocked_ >= 0) rows += fmt::format(", {}%16", statement_.variables[blocked_].name);
  kernel.comment += fmt::format("{}; rows ({}), columns ({}), depth ({})\n", shape.text(), rows,
                                names_of(statement_, columns_.digits), names_of(statement_, depth_));

  make_loops();
  std::vector<KernelStatement> frames;
  for (int v : products_) frames.push_back(KernelBuilder::for_loop(*products_at_[v].as_variable()));
  if (blocked_ >= 0) {
    const IndexVariable& variable = statement_.variables[blocked_];
    const int loop = builder_.loop(variable.name, VariableKind::Parallel, variable.extent, kLanes);
    block_of_examples_ = IndexExpr::variable(loop);
    frames.push_back(KernelBuilder::for_loop(loop));
  }
  rows_.loop = builder_.loop("row", VariableKind::Parallel, rows_.extent,
                             blocked_ >= 0 ? shape.rows / kLanes : shape.rows);
  columns_.loop = builder_.loop("column", VariableKind::Parallel, columns_.extent, shape.columns);
  frames.push_back(KernelBuilder::for_loop(rows_.loop));
  frames.push_back(KernelBuilder::for_loop(columns_.loop));
  depth_loop_ = builder_.loop("depth", VariableKind::Serial, depth_extent_, shape.depth);

  thread_ = builder_.threads(shape.threads());
  // A warp is a rectangle of threads, so that its loads from shared memory have few different addresses.
  const int64_t across = shape.columns / shape.thread_columns, wide = std::min<int64_t>(8, across);
  const int64_t high = 32 / wide, warps_across = across / wide;
  const IndexExpr thread = IndexExpr::variable(thread_), warp = IndexExpr::quotient(thread, 32);
  const IndexExpr thread_row = simple(IndexExpr::quotient(warp, warps_across) * high +
                                      IndexExpr::quotient(IndexExpr::remainder(thread, 32), wide));
  const IndexExpr thread_column =
      simple(IndexExpr::remainder(warp, warps_across) * wide + IndexExpr::remainder(thread, wide));
  make_side(rows_, "row", thread_row);
  make_side(columns_, "column", thread_column);
  std::vector<int> axes = {thread_};
  axes.insert(axes.end(), rows_.axes.begin(), rows_.axes.end());
  axes.insert(axes.end(), columns_.axes.begin(), columns_.axes.end());
  sum_ = kernel.add_tile({graph_.values[node_.outputs[0]].name + ".sum", ScalarType::Real, axes});

  const IndexExpr first = IndexExpr::variable(depth_loop_);
  const auto plain = [](KernelStatement::Kind kind) {
    KernelStatement statement;
    statement.kind = kind;
    return statement;
  };
  KernelBody body = {builder_.map(sum_, constant(0))};
  body.push_back(staged(rows_, IndexExpr(0), "row"));
  body.push_back(staged(columns_, IndexExpr(0), "column"));
  KernelBody loop = {plain(KernelStatement::Kind::Wait), plain(KernelStatement::Kind::Barrier)};
  KernelStatement more;
  more.kind = KernelStatement::Kind::If;
  const IndexExpr next = first + shape.depth;
  more.value =
      depth_extent_.batch
          ? apply(Function::Less,
                  {apply(Function::ToReal, {index_value(IndexExpr::quotient(next, depth_extent_.factor))}),
                   run_time_scalar("N")})
          : apply(Function::Less, {index_value(next), constant_int(depth_extent_.factor)});
  more.body.push_back(staged(rows_, next, "row"));
  more.body.push_back(staged(columns_, next, "column"));
  if (!depth_extent_.is_constant(shape.depth) && (depth_extent_.batch || depth_extent_.factor > shape.depth))
    loop.push_back(std::move(more));
  for (KernelStatement& statement : step(first)) loop.push_back(std::move(statement));
  for (KernelStatement& statement :
       KernelBuilder::nest({KernelBuilder::for_loop(depth_loop_)}, std::move(loop)))
    body.push_back(std::move(statement));
  for (KernelStatement& statement : results()) body.push_back(std::move(statement));
  kernel.body = KernelBuilder::nest(std::move(frames), std::move(body));
}

bool block_nest(KernelBuilder& builder, Graph& graph, const RegionParts& parts) {
  const Region& region = builder.region();
  if (!is_contraction(statement_of(graph.nodes[parts.head]))) return false;
  // A decision that is there is obeyed: somebody may have written it.
  const auto decided = std::ranges::find_if(graph.decisions, [&](const Decision& decision) {
    return decision.pass == "schedule" && decision.what == region.name;
  });
  const bool is_decided = decided != graph.decisions.end();
  std::optional<BlockShape> asked;
  if (is_decided && !(asked = BlockShape::parse(decided->chosen))) return false;
  BlockNest nest(builder, graph, parts);
  std::string why = nest.problem();
  if (asked) {
    if (why.empty() && !asked->possible(nest.sizes())) why = "its sizes do not go together";
    if (!why.empty()) builder.problem = fmt::format("`{}` cannot be: {}", decided->chosen, why);
    if (why.empty()) nest.build(*asked);
    return true;
  }
  if (!why.empty()) {
    graph.decide("schedule", region.name + ".block", "no", why);
    return false;
  }
  const std::optional<BlockChoice> choice = choose_block(nest.sizes());
  if (!choice) return false;
  graph.decide("schedule", region.name, choice->shape.text(), choice->reason);
  nest.build(choice->shape);
  return true;
}

} // namespace striate
