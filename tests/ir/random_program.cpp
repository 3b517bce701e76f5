#include "tests/ir/random_ir.h"

#include <algorithm>
#include <set>

namespace striate {

namespace {

class KernelGenerator {
public:
  KernelGenerator(Draw& draw, int64_t capacity, const std::vector<std::string>& scalars, int64_t steps)
      : draw_(draw), capacity_(capacity), scalars_(scalars), steps_(steps) {}

  Kernel make(const std::string& name, int64_t& arena) {
    kernel_.name = name;
    kernel_.location = random_location(draw_);
    for (int64_t n = draw_.between(0, 2); n > 0; --n) {
      std::string line = random_text(draw_);
      std::erase(line, '\n');
      kernel_.comment += line + "\n";
    }
    if (draw_.chance(60)) {
      kernel_.flops_per_example = static_cast<double>(draw_.between(0, 1 << 20));
      kernel_.flops_fixed = static_cast<double>(draw_.between(0, 99)) / 3;
    }
    if (draw_.chance(60)) kernel_.cost = random_cost(draw_);
    add_axes();
    for (int64_t n = draw_.between(1, 4); n > 0; --n) add_tile();
    kernel_.body = parallel_nest(draw_.between(0, 2));
    place_buffers(arena);
    return std::move(kernel_);
  }

private:
  void add_axes() {
    for (int64_t n = draw_.between(0, 3); n > 0; --n)
      axes_.push_back(kernel_.add_variable(
          {random_word(draw_), VariableKind::Axis, Size::constant(draw_.between(1, 7)), 1, false}));
    if (draw_.chance(70))
      axes_.push_back(kernel_.add_variable({"lane", VariableKind::Lane, Size::constant(kLanes), 1, false}));
    draw_.shuffle(axes_);
  }

  std::vector<int> some_axes(const std::vector<int>& without) {
    std::vector<int> some;
    for (int axis : axes_)
      if (std::ranges::find(without, axis) == without.end() && draw_.chance(50)) some.push_back(axis);
    return some;
  }

  void add_tile() {
    const ScalarType type = draw_.of({ScalarType::Real, ScalarType::Real, ScalarType::Int, ScalarType::Bool});
    kernel_.add_tile({random_word(draw_), type, some_axes({})});
    assigned_.push_back(false);
    // One that it can be folded into.
    std::vector<int> rest = kernel_.tiles.back().axes;
    if (std::erase(rest, kernel_.lane()) > 0 && draw_.chance(50)) {
      kernel_.add_tile({random_word(draw_), type, rest});
      assigned_.push_back(false);
    }
  }

  // --- statements ---

  int add_loop(VariableKind kind) {
    const bool constant = kind == VariableKind::Unrolled || draw_.chance(60);
    KernelVariable variable{random_word(draw_), kind,
                            constant ? Size::constant(draw_.between(1, 40)) : Size::n(draw_.between(1, 2)),
                            draw_.chance(60) ? 1 : draw_.of<int64_t>({2, 3, 16}), false};
    if (kind == VariableKind::Parallel && steps_ > 0)
      variable = {variable.name, kind, Size::constant(steps_), 1, false};
    steps_ = 0;
    variable.overlap = !variable.extent.batch && variable.extent.factor >= variable.step && draw_.chance(20);
    return kernel_.add_variable(variable);
  }

  KernelStatement loop_over(int variable) {
    KernelStatement loop;
    loop.kind = KernelStatement::Kind::For;
    loop.variable = variable;
    return loop;
  }

  KernelBody parallel_nest(int64_t loops) {
    if (steps_ > 0) loops = std::max<int64_t>(loops, 1);
    if (loops == 0) return body(3);
    const int variable = add_loop(VariableKind::Parallel);
    KernelStatement loop = loop_over(variable);
    open_.push_back(variable);
    loop.body = parallel_nest(loops - 1);
    open_.pop_back();
    return {loop};
  }

  KernelBody body(int depth) {
    KernelBody body;
    for (int64_t n = draw_.between(depth == 3 ? 1 : 0, 4); n > 0; --n) body.push_back(statement(depth));
    return body;
  }

  KernelStatement statement(int depth) {
    const int64_t kind = draw_.between(0, 9);
    if (kind <= 1 && depth > 0) return serial_loop(depth);
    if (kind == 2 && depth > 0) return condition(depth);
    if (kind <= 4) return store();
    std::vector<int> set; // tiles that may be accumulated into
    for (std::size_t t = 0; t < assigned_.size(); ++t)
      if (assigned_[t]) set.push_back(static_cast<int>(t));
    if (kind <= 7 && !set.empty()) {
      const int tile = draw_.of(set);
      if (std::optional<KernelStatement> fold = draw_.chance(30) ? fold_of(tile) : std::nullopt) return *fold;
      return accumulation(tile, set);
    }
    return map();
  }

  KernelStatement serial_loop(int depth) {
    const VariableKind kind = draw_.of({VariableKind::Serial, VariableKind::Unrolled});
    const int variable = add_loop(kind);
    KernelStatement loop = loop_over(variable);
    if (!kernel_.variables[static_cast<std::size_t>(variable)].overlap && draw_.chance(25))
      loop.bound = any_index({});
    const std::vector<bool> before = assigned_;
    open_.push_back(variable);
    if (loop.bound) bounded_.insert(variable);
    loop.body = body(depth - 1);
    open_.pop_back();
    if (loop.bound) assigned_ = before;
    return loop;
  }

  KernelStatement condition(int depth) {
    KernelStatement statement;
    statement.kind = KernelStatement::Kind::If;
    statement.value = value(ScalarType::Bool, {});
    const std::vector<bool> before = assigned_;
    statement.body = body(depth - 1);
    assigned_ = before;
    return statement;
  }

  KernelStatement map() {
    KernelStatement statement;
    statement.kind = KernelStatement::Kind::Map;
    statement.tile = static_cast<int>(draw_.between(0, static_cast<int64_t>(kernel_.tiles.size()) - 1));
    const KernelTile& tile = kernel_.tiles[static_cast<std::size_t>(statement.tile)];
    statement.value = value(tile.type, tile.axes);
    assigned_[static_cast<std::size_t>(statement.tile)] = true;
    return statement;
  }

  Reducer reducer_of(ScalarType type) {
    return type == ScalarType::Bool
               ? draw_.of({Reducer::Any, Reducer::All})
               : draw_.of({Reducer::Sum, Reducer::Sum, Reducer::Prod, Reducer::Max, Reducer::Min});
  }

  KernelStatement accumulation(int id, const std::vector<int>& set) {
    const KernelTile& tile = kernel_.tiles[static_cast<std::size_t>(id)];
    KernelStatement statement;
    statement.kind = KernelStatement::Kind::Accumulate;
    statement.tile = id;
    statement.reducer = reducer_of(tile.type);
    statement.axes = some_axes(tile.axes);
    std::vector<int> axes = tile.axes;
    axes.insert(axes.end(), statement.axes.begin(), statement.axes.end());
    statement.value = value(tile.type, axes);
    if (statement.reducer != Reducer::Max && statement.reducer != Reducer::Min) return statement;
    for (int other : set) {
      const KernelTile& index = kernel_.tiles[static_cast<std::size_t>(other)];
      if (other == id || index.type != ScalarType::Int || index.axes != tile.axes) continue;
      statement.index_tile = other;
      statement.index_value = value(ScalarType::Int, axes);
      break;
    }
    return statement;
  }

  std::optional<KernelStatement> fold_of(int source) {
    const KernelTile& from = kernel_.tiles[static_cast<std::size_t>(source)];
    std::vector<int> rest = from.axes;
    if (std::erase(rest, kernel_.lane()) == 0) return std::nullopt;
    for (std::size_t t = 0; t < kernel_.tiles.size(); ++t) {
      if (kernel_.tiles[t].axes != rest || kernel_.tiles[t].type != from.type) continue;
      KernelStatement statement;
      statement.kind = KernelStatement::Kind::Fold;
      statement.tile = static_cast<int>(t);
      statement.source = source;
      statement.reducer = reducer_of(from.type);
      assigned_[t] = true;
      return statement;
    }
    return std::nullopt;
  }

  KernelStatement store() {
    KernelStatement statement;
    statement.kind = KernelStatement::Kind::Store;
    statement.axes = some_axes({});
    statement.offset = index_from_zero(statement.axes);
    statement.buffer =
        buffer_for(draw_.of({ScalarType::Real, ScalarType::Int, ScalarType::Bool}), statement.offset);
    stored_.insert(statement.buffer);
    const ElementType type = kernel_.buffers[static_cast<std::size_t>(statement.buffer)].type;
    statement.value = value(scalar_type_of(type), statement.axes);
    if (draw_.chance(30)) statement.guard = value(ScalarType::Bool, statement.axes);
    return statement;
  }

  // --- expressions ---

  std::vector<int> present(const std::vector<int>& axes) {
    std::vector<int> variables = open_;
    variables.insert(variables.end(), axes.begin(), axes.end());
    return variables;
  }

  IndexExpr any_index(const std::vector<int>& axes) {
    const std::vector<int> variables = present(axes);
    IndexExpr index(draw_.between(-3, 20));
    for (int64_t n = variables.empty() ? 0 : draw_.between(0, 3); n > 0; --n)
      index = index + IndexExpr::variable(draw_.of(variables)) * draw_.of<int64_t>({1, 2, 16, 33, -1});
    if (draw_.chance(20)) index = IndexExpr::quotient(index, draw_.between(2, 20));
    if (draw_.chance(20)) index = IndexExpr::remainder(index, draw_.between(2, 20));
    return index;
  }

  Interval range(const IndexExpr& index) {
    return index.range([&](int v) { return kernel_.range_of(v, capacity_); },
                       [&](int v) {
                         const KernelVariable& variable = kernel_.variables[static_cast<std::size_t>(v)];
                         return variable.overlap ? 1 : variable.step;
                       });
  }

  // Moved so that its least value is 0 at least.
  IndexExpr index_from_zero(const std::vector<int>& axes) {
    const IndexExpr index = any_index(axes);
    return index - std::min<int64_t>(0, range(index).low);
  }

  // A buffer of this type that holds the index.
  int buffer_for(ScalarType type, const IndexExpr& offset) {
    int id = -1;
    for (std::size_t b = 0; b < kernel_.buffers.size(); ++b)
      if (scalar_type_of(kernel_.buffers[b].type) == type && draw_.chance(60)) id = static_cast<int>(b);
    if (id < 0) {
      const ElementType element = type == ScalarType::Bool  ? ElementType::Bool
                                  : type == ScalarType::Int ? draw_.of({ElementType::I32, ElementType::U8})
                                                            : draw_.of({ElementType::F32, ElementType::F64});
      const BufferSpace space = draw_.chance(80) ? BufferSpace::Memory : BufferSpace::Scratch;
      id = kernel_.add_buffer({random_word(draw_), element, space, 1, 0});
    }
    KernelBuffer& buffer = kernel_.buffers[static_cast<std::size_t>(id)];
    buffer.elements = std::max(buffer.elements, range(offset).high + 1);
    return id;
  }

  ExprRef leaf(ScalarType type, const std::vector<int>& axes) {
    if (draw_.chance(50)) {
      std::vector<int> usable;
      for (std::size_t t = 0; t < kernel_.tiles.size(); ++t) {
        const KernelTile& tile = kernel_.tiles[t];
        const bool known = std::ranges::all_of(
            tile.axes, [&](int axis) { return std::ranges::find(axes, axis) != axes.end(); });
        if (assigned_[t] && tile.type == type && known) usable.push_back(static_cast<int>(t));
      }
      if (!usable.empty()) return tile_point(draw_.of(usable), type);
    }
    if (!draw_.chance(70)) return nullptr;
    const IndexExpr offset = index_from_zero(axes);
    const int buffer = buffer_for(type, offset);
    if (draw_.chance(60)) return load(buffer, offset, type);
    const ExprRef guard = apply(Function::LessEqual, {index_value(any_index(axes)), constant_int(7)});
    if (guard->kind == Expr::Kind::Constant) return load(buffer, offset, type);
    const ExprRef place = draw_.chance(30) ? apply(Function::ToInt, {run_time_scalar("N")}) : nullptr;
    return load(buffer, offset, type, guard, type == ScalarType::Bool ? 0 : draw_.of({0.0, 1.0, -2.0}),
                place);
  }

  ExprRef value(ScalarType type, const std::vector<int>& axes) {
    ExpressionSource source;
    source.leaf = [&](ScalarType wanted) { return leaf(wanted, axes); };
    source.index = [&] { return any_index(axes); };
    source.scalars = scalars_;
    source.random = true;
    return random_expression(draw_, type, source, static_cast<int>(draw_.between(0, 3)));
  }

  // One after the other, or, of those that are only loaded from, anywhere.
  void place_buffers(int64_t& arena) {
    int64_t end = 0;
    constexpr int64_t kAlign = 64;
    for (std::size_t b = 0; b < kernel_.buffers.size(); ++b) {
      KernelBuffer& buffer = kernel_.buffers[b];
      if (buffer.space == BufferSpace::Scratch) continue;
      buffer.offset = end;
      end += (buffer.elements * byte_size(buffer.type) + kAlign - 1) / kAlign * kAlign;
    }
    arena = std::max(arena, end);
  }

  Draw& draw_;
  const int64_t capacity_;
  const std::vector<std::string>& scalars_;
  int64_t steps_; // of the loop that the kernel is in: its first parallel loop counts them; 0: none
  Kernel kernel_;
  std::vector<int> axes_, open_;
  std::set<int> bounded_, stored_;
  std::vector<bool> assigned_;
};

void add_values(Draw& draw, Program& program, int64_t& arena) {
  int64_t end = 0;
  for (int64_t n = draw.between(0, 4); n > 0; --n) {
    ProgramValue value;
    value.role = draw.of({ProgramValue::Role::Input, ProgramValue::Role::Parameter, ProgramValue::Role::State,
                          ProgramValue::Role::Output});
    value.name = (draw.chance(80) ? random_word(draw) : random_text(draw)) + std::to_string(n);
    value.type.element = draw.of({ElementType::F32, ElementType::I32, ElementType::U8, ElementType::Bool});
    for (int64_t d = draw.between(0, 3); d > 0; --d)
      value.type.shape.push_back(Size::constant(draw.between(1, 9)));
    if (!value.type.shape.empty() && draw.chance(50)) value.type.shape[0] = Size::n();
    value.layout = random_layout(draw, value.type);
    value.offset = end;
    constexpr int64_t kAlign = 64;
    end += (value.layout.storage(program.capacity) * byte_size(value.type.element) + kAlign - 1) / kAlign *
           kAlign;
    program.values.push_back(std::move(value));
  }
  arena = std::max(arena, end);
}

} // namespace

Program random_program(uint64_t seed) {
  Draw draw(seed);
  Program program;
  program.name = draw.chance(80) ? "Net.step" : random_text(draw);
  program.capacity = draw.between(1, 40);
  program.scalars = {"N", "1/N", "step", "epoch"};
  if (draw.chance(30)) program.scalars.emplace_back("odd name");
  const int64_t count = draw.between(0, 3);
  // Some of them run step after step.
  const int64_t first = draw.between(0, 2), looped = count > first ? draw.between(0, count - first) : 0;
  const int64_t steps = draw.between(1, 5);
  if (looped > 0)
    program.loops.push_back(
        {static_cast<std::size_t>(first), static_cast<std::size_t>(looped), steps, draw.chance(50)});
  int64_t arena = 0;
  for (int64_t k = 0; k < count; ++k) {
    const bool in_loop = looped > 0 && k >= first && k < first + looped;
    KernelGenerator generator(draw, program.capacity, program.scalars, in_loop ? steps : 0);
    program.kernels.push_back(generator.make(random_word(draw) + std::to_string(k), arena));
  }
  add_values(draw, program, arena);
  program.arena_bytes = arena + draw.between(0, 2) * 64;
  return program;
}

} // namespace striate
