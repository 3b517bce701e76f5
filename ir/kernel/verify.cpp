// The rules a kernel keeps (docs/ir.md, "Kernels").
#include "ir/expression_check.h"
#include "ir/kernel/analysis.h"
#include "ir/kernel/problems.h"
#include "ir/layout_text.h"

#include <algorithm>
#include <map>
#include <set>

namespace striate {

namespace {

class KernelVerifier {
public:
  // `capacity`: the most examples, 0 where it is not known.
  KernelVerifier(const Kernel& kernel, int64_t capacity) : kernel_(kernel), capacity_(capacity) {}

  std::vector<KernelProblem> verify() {
    check_variables();
    check_buffers();
    check_tiles();
    if (problems_.empty()) {
      open_.resize(kernel_.variables.size());
      bounded_.resize(kernel_.variables.size());
      assigned_.resize(kernel_.tiles.size());
      check_body(kernel_.body, true);
      if (problems_.empty()) check_meetings();
    }
    return std::move(problems_);
  }

private:
  template <typename... Args>
  void problem(fmt::format_string<Args...> format, Args&&... args) {
    KernelProblem problem;
    problem.text = fmt::format(format, std::forward<Args>(args)...);
    problem.statement = at_;
    problems_.push_back(std::move(problem));
  }

  static bool is_axis(const KernelVariable& variable) { return striate::is_axis(variable.kind); }
  bool is_axis(int variable) const { return is_axis(kernel_.variables[variable]); }
  bool is_variable(int id) const { return id >= 0 && id < static_cast<int>(kernel_.variables.size()); }
  bool is_tile(int id) const { return id >= 0 && id < static_cast<int>(kernel_.tiles.size()); }
  bool is_buffer(int id) const { return id >= 0 && id < static_cast<int>(kernel_.buffers.size()); }

  void check_variables() {
    int lanes = 0, threads = 0;
    for (const KernelVariable& variable : kernel_.variables) {
      const std::string& name = variable.name;
      if (name.empty()) problem("a variable has no name");
      if (variable.extent.factor < 1) problem("{} has the extent {}", name, variable.extent.text());
      if (variable.step < 1) problem("{} has the step {}", name, variable.step);
      bool whole = is_axis(variable) || variable.kind == VariableKind::Unrolled;
      if (whole && variable.extent.batch)
        problem("{} is an axis or unrolled, its extent must be constant", name);
      if (is_axis(variable) && variable.step != 1) problem("the axis {} has a step", name);
      if (variable.kind == VariableKind::Lane && !variable.extent.is_constant(kLanes))
        problem("the lane axis {} has the extent {}, not {}", name, variable.extent.text(), kLanes);
      if (variable.kind == VariableKind::Lane && ++lanes > 1) problem("{} is a second lane axis", name);
      if (variable.kind == VariableKind::Thread) {
        if (++threads > 1) problem("{} is a second axis of threads", name);
        if (variable.extent.factor > kMostThreads)
          problem("the threads {} are {}, a block has {} at most", name, variable.extent.factor,
                  kMostThreads);
      }
      if (variable.overlap &&
          (is_axis(variable) || variable.extent.batch || variable.extent.factor < variable.step))
        problem("{} overlaps, but its extent {} does not hold a step of {}", name, variable.extent.text(),
                variable.step);
    }
    if (lanes > 0 && threads > 0) problem("there are both lanes and threads");
  }

  void check_buffers() {
    for (const KernelBuffer& buffer : kernel_.buffers) {
      if (buffer.name.empty()) problem("a buffer has no name");
      if (buffer.elements < 1) problem("{} has {} elements", buffer.name, buffer.elements);
      if (buffer.offset < 0 || buffer.offset % byte_size(buffer.type) != 0)
        problem("{} has the offset {}", buffer.name, buffer.offset);
      if (buffer.space == BufferSpace::Scratch && buffer.offset != 0)
        problem("{} is scratch, and has an offset", buffer.name);
    }
  }

  void check_tiles() {
    for (const KernelTile& tile : kernel_.tiles) {
      if (tile.name.empty()) problem("a tile has no name");
      std::set<int> seen;
      for (int axis : tile.axes)
        if (!is_variable(axis) || !is_axis(axis) || !seen.insert(axis).second)
          problem("the tile {} does not have different axes", tile.name);
    }
  }

  // `outermost`: only parallel loops, each alone in its body, stand around it.
  void check_body(const KernelBody& body, bool outermost) {
    for (const KernelStatement& statement : body) {
      at_ = statements_++;
      switch (statement.kind) {
      case KernelStatement::Kind::For:
        check_for(statement, outermost && body.size() == 1);
        break;
      case KernelStatement::Kind::If:
        check_if(statement);
        break;
      case KernelStatement::Kind::Map:
        check_map(statement);
        break;
      case KernelStatement::Kind::Accumulate:
        check_accumulate(statement);
        break;
      case KernelStatement::Kind::Fold:
        check_fold(statement);
        break;
      case KernelStatement::Kind::Store:
        check_store(statement);
        break;
      case KernelStatement::Kind::Copy:
        check_copy(statement);
        break;
      case KernelStatement::Kind::Wait:
      case KernelStatement::Kind::Barrier:
        if (kernel_.threads() < 0)
          problem("a {} without threads", statement.kind == KernelStatement::Kind::Wait ? "wait" : "barrier");
        break;
      }
    }
  }

  void check_for(const KernelStatement& statement, bool may_be_parallel) {
    if (!is_variable(statement.variable) || is_axis(statement.variable))
      return problem("a loop over something that is no loop variable");
    const KernelVariable& variable = kernel_.variables[statement.variable];
    bool parallel = variable.kind == VariableKind::Parallel;
    if (parallel && !may_be_parallel)
      problem("the parallel loop {} is not among the outermost, perfectly nested loops", variable.name);
    if (open_[statement.variable]) return problem("the loop {} stands inside itself", variable.name);
    if (statement.bound) {
      if (parallel) problem("the parallel loop {} has a bound", variable.name);
      if (variable.overlap) problem("the loop {} overlaps and has a bound", variable.name);
      check_index(*statement.bound, {}, "the bound of " + variable.name);
    }
    open_[statement.variable] = true;
    bounded_[statement.variable] = statement.bound.has_value();
    std::vector<bool> before = assigned_;
    check_body(statement.body, parallel && may_be_parallel);
    if (statement.bound) assigned_ = before; // it may not run at all
    open_[statement.variable] = false;
  }

  void check_if(const KernelStatement& statement) {
    check_value(statement.value, ScalarType::Bool, {}, "the condition of an if");
    std::vector<bool> before = assigned_;
    ++conditions_;
    check_body(statement.body, false);
    --conditions_;
    assigned_ = before;
  }

  void check_map(const KernelStatement& statement) {
    if (!is_tile(statement.tile)) return problem("a map without a tile");
    const KernelTile& tile = kernel_.tiles[statement.tile];
    check_value(statement.value, tile.type, tile.axes, tile.name);
    assigned_[statement.tile] = true;
  }

  void check_accumulate(const KernelStatement& statement) {
    if (!is_tile(statement.tile)) return problem("an accumulation without a tile");
    const KernelTile& tile = kernel_.tiles[statement.tile];
    if (!assigned_[statement.tile]) problem("{} is accumulated into before it is set", tile.name);
    if (!combines(statement.reducer, tile.type))
      problem("{} is {}, which does not accumulate by `{}`", tile.name, name_of(tile.type),
              name_of(statement.reducer));
    std::vector<int> axes = with_axes(tile.axes, statement.axes, tile.name);
    check_value(statement.value, tile.type, axes, tile.name);
    if (statement.index_tile == -1) {
      if (statement.index_value) problem("{} has an index, but no tile for it", tile.name);
      return;
    }
    if (!is_tile(statement.index_tile)) return problem("the index tile of {} is none", tile.name);
    const KernelTile& index = kernel_.tiles[statement.index_tile];
    if (statement.reducer != Reducer::Max && statement.reducer != Reducer::Min)
      problem("{} keeps an index, but is neither a largest nor a smallest", tile.name);
    if (index.type != ScalarType::Int || index.axes != tile.axes)
      problem("the index tile {} is not an int tile with the axes of {}", index.name, tile.name);
    if (!assigned_[statement.index_tile]) problem("{} is used before it is set", index.name);
    check_value(statement.index_value, ScalarType::Int, axes, index.name);
  }

  void check_fold(const KernelStatement& statement) {
    if (!is_tile(statement.tile) || !is_tile(statement.source)) return problem("a fold without tiles");
    const KernelTile& tile = kernel_.tiles[statement.tile];
    const KernelTile& source = kernel_.tiles[statement.source];
    if (!assigned_[statement.source]) problem("{} is folded before it is set", source.name);
    std::vector<int> rest;
    for (int axis : source.axes)
      if (kernel_.variables[axis].kind != VariableKind::Lane) rest.push_back(axis);
    if (rest.size() == source.axes.size()) problem("{} is folded, but has no lanes", source.name);
    if (rest != tile.axes)
      problem("{} does not have the axes of {} without its lanes", tile.name, source.name);
    if (tile.type != source.type || !combines(statement.reducer, tile.type))
      problem("{} is {}, {} is {}: no fold by `{}`", tile.name, name_of(tile.type), source.name,
              name_of(source.type), name_of(statement.reducer));
    assigned_[statement.tile] = true;
  }

  void check_store(const KernelStatement& statement) {
    if (!is_buffer(statement.buffer)) return problem("a store without a buffer");
    const KernelBuffer& buffer = kernel_.buffers[statement.buffer];
    for (const KernelBuffer& other : kernel_.buffers)
      if (lie_across(buffer, other)) problem("{} is stored, and lies across {}", buffer.name, other.name);
    std::vector<int> axes = with_axes({}, statement.axes, buffer.name);
    check_value(statement.value, scalar_type_of(buffer.type), axes, buffer.name);
    if (statement.guard) check_value(statement.guard, ScalarType::Bool, axes, "the guard of " + buffer.name);
    if (check_index(statement.offset, axes, buffer.name) && !statement.guard)
      check_bounds(statement.offset, buffer);
  }

  void check_copy(const KernelStatement& statement) {
    check_store(statement);
    if (kernel_.threads() < 0) return problem("a copy without threads");
    if (statement.guard) problem("a copy has a guard: its load can have one");
    if (!is_buffer(statement.buffer) || !statement.value) return;
    const KernelBuffer& buffer = kernel_.buffers[statement.buffer];
    const Expr& e = *statement.value;
    const bool from_memory = e.kind == Expr::Kind::Load && is_buffer(e.operand) &&
                             kernel_.buffers[e.operand].space == BufferSpace::Memory;
    if (buffer.space != BufferSpace::Scratch || !from_memory)
      problem("{} gets a copy: it takes a load from memory, into scratch", buffer.name);
    else if (buffer.type != kernel_.buffers[e.operand].type || byte_size(buffer.type) < 4)
      problem("{} gets a copy of {}: both must be of one type, of 4 bytes or more", buffer.name,
              kernel_.buffers[e.operand].name);
  }

  // Between what one thread stores and what another does with it.
  void check_meetings() {
    std::map<const KernelStatement*, int> numbers;
    visit_statements(kernel_.body, [&](const KernelStatement& statement) {
      numbers.emplace(&statement, static_cast<int>(numbers.size()));
    });
    for (const ThreadConflict& conflict : thread_conflicts(kernel_)) {
      at_ = numbers.at(conflict.statement);
      const std::string& name = kernel_.buffers[conflict.buffer].name;
      if (conflict.arrives)
        problem("{} is used where a copy to it may still be under way: a wait is missing", name);
      else
        problem("{} is used where another thread may still use it: a barrier is missing", name);
    }
  }

  // Two names of one place, one of which may be shorter, are meant; anything else that overlaps is not.
  static bool lie_across(const KernelBuffer& a, const KernelBuffer& b) {
    if (a.space != BufferSpace::Memory || b.space != BufferSpace::Memory || a.offset == b.offset)
      return false;
    const KernelBuffer &low = a.offset < b.offset ? a : b, &high = a.offset < b.offset ? b : a;
    return low.elements > (high.offset - low.offset) / byte_size(low.type);
  }

  static bool combines(Reducer reducer, ScalarType type) {
    switch (reducer) {
    case Reducer::Sum:
    case Reducer::Prod:
    case Reducer::Max:
    case Reducer::Min:
      return type != ScalarType::Bool;
    case Reducer::Any:
    case Reducer::All:
      return type == ScalarType::Bool;
    default:
      return false;
    }
  }

  std::vector<int> with_axes(std::vector<int> axes, const std::vector<int>& more, const std::string& where) {
    for (int axis : more) {
      if (is_variable(axis) && is_axis(axis) && std::find(axes.begin(), axes.end(), axis) == axes.end())
        axes.push_back(axis);
      else
        problem("{} runs over something that is no new axis", where);
    }
    return axes;
  }

  bool is_present(int variable, const std::vector<int>& axes) const {
    if (!is_variable(variable)) return false;
    return is_axis(variable) ? std::find(axes.begin(), axes.end(), variable) != axes.end() : open_[variable];
  }

  bool check_index(const IndexExpr& index, const std::vector<int>& axes, const std::string& where) {
    std::vector<int> variables;
    index.collect_variables(variables);
    for (int v : variables) {
      if (is_present(v, axes)) continue;
      problem("{} depends on {}", where,
              is_variable(v) ? kernel_.variables[v].name + ", which is not there" : "an unknown variable");
      return false;
    }
    return true;
  }

  // `where` names what is computed; its points are those of `axes`.
  void check_value(const ExprRef& value, ScalarType type, const std::vector<int>& axes,
                   const std::string& where) {
    if (!value) return problem("{} has no value", where);
    if (value->type != type) problem("{} is {}, its value is {}", where, name_of(type), name_of(value->type));
    visit(value, [&](const ExprRef& e) {
      if (std::string why = type_error(*e); !why.empty()) problem("{}: {}", where, why);
      bool sound = true;
      for (const IndexExpr& index : e->indices) sound = check_index(index, axes, where) && sound;
      if (e->kind == Expr::Kind::Read) problem("{} reads an operand", where);
      if (e->kind == Expr::Kind::Load && sound) check_load(*e, where);
      if (e->kind == Expr::Kind::Tile) check_tile(*e, axes, where);
    });
  }

  void check_load(const Expr& e, const std::string& where) {
    if (!is_buffer(e.operand)) return problem("{} loads from an unknown buffer", where);
    const KernelBuffer& buffer = kernel_.buffers[e.operand];
    if (e.type != scalar_type_of(buffer.type))
      problem("{} loads {} from {}, which holds {}", where, name_of(e.type), buffer.name,
              name_of(scalar_type_of(buffer.type)));
    if (e.arguments.empty()) check_bounds(e.indices[0], buffer);
  }

  void check_tile(const Expr& e, const std::vector<int>& axes, const std::string& where) {
    if (!is_tile(e.operand)) return problem("{} uses an unknown tile", where);
    const KernelTile& tile = kernel_.tiles[e.operand];
    if (e.type != tile.type) problem("{} uses {} as {}", where, tile.name, name_of(e.type));
    if (!assigned_[e.operand]) problem("{} uses {} before it is set", where, tile.name);
    for (int axis : tile.axes)
      if (!is_present(axis, axes))
        problem("{} uses {}, which has the further axis {}", where, tile.name, kernel_.variables[axis].name);
  }

  // Where nothing but constant extents decides the offset; or the capacity too, where the range is exact.
  void check_bounds(const IndexExpr& offset, const KernelBuffer& buffer) {
    if (conditions_ > 0) return;
    std::vector<int> variables;
    offset.collect_variables(variables);
    const bool batch_is_known = capacity_ > 0 && offset.is_affine();
    for (int v : variables)
      if ((kernel_.variables[v].extent.batch && !batch_is_known) || bounded_[v]) return;
    Interval range =
        offset.range([this](int v) { return kernel_.range_of(v, std::max<int64_t>(capacity_, 1)); },
                     [this](int v) { return step_of(kernel_.variables[v]); });
    if (range.low < 0 || range.high >= buffer.elements)
      problem("{} is accessed at {} .. {} of {} elements", buffer.name, range.low, range.high,
              buffer.elements);
  }

  const Kernel& kernel_;
  const int64_t capacity_;
  std::vector<bool> open_;     // loops that stand around the statement
  std::vector<bool> bounded_;  // loops with a bound
  std::vector<bool> assigned_; // tiles that surely have a value
  int conditions_ = 0;         // ifs around the statement
  int at_ = -1;                // the number of the statement
  int statements_ = 0;         // met so far
  std::vector<KernelProblem> problems_;
};

} // namespace

// What is wrong with a value that a program is given, keeps or yields, or "".
static std::string value_problem(const ProgramValue& value, const Program& program) {
  for (std::size_t d = 0; d < value.type.shape.size(); ++d) {
    const Size& size = value.type.shape[d];
    if (size.factor < 1) return fmt::format("{} has a dimension of size {}", value.name, size.text());
    if (size.batch && d > 0) return fmt::format("{} has a batch size that is not outermost", value.name);
  }
  if (const std::string why = layout_problem(value.name, value.layout, value.type); !why.empty()) return why;
  if (value.type.element == ElementType::BF16)
    return fmt::format("{} is bf16, which stays within programs", value.name);
  const int64_t size = byte_size(value.type.element);
  if (value.offset < 0 || value.offset % size != 0)
    return fmt::format("{} has the offset {}", value.name, value.offset);
  const int64_t elements = storage_within_limit(value.layout, program.capacity);
  if (elements < 0 || value.offset > program.arena_bytes ||
      elements > (program.arena_bytes - value.offset) / size)
    return fmt::format("{} ends beyond the arena's {} bytes", value.name, program.arena_bytes);
  return "";
}

static void check_values(const Program& program, std::vector<KernelProblem>& problems) {
  std::set<std::pair<std::string, bool>> names; // an output may be called as an input is
  for (std::size_t v = 0; v < program.values.size(); ++v) {
    const ProgramValue& value = program.values[v];
    const auto problem = [&](const std::string& text) {
      problems.push_back({text, -1, -1, static_cast<int>(v), -1});
    };
    const bool output = value.role == ProgramValue::Role::Output;
    if (value.name.empty()) problem("a value has no name");
    if (!names.emplace(value.name, output).second)
      problem(fmt::format("a second {} named {}", output ? "output" : "value", value.name));
    if (const std::string why = value_problem(value, program); !why.empty()) problem(why);
  }
  if (!problems.empty()) return;
  // What lives through the whole run lies apart; outputs may lie where something else was.
  const auto end_of = [&](const ProgramValue& value) {
    return value.offset + value.layout.storage(program.capacity) * byte_size(value.type.element);
  };
  std::vector<int> kept;
  for (std::size_t v = 0; v < program.values.size(); ++v)
    if (program.values[v].role != ProgramValue::Role::Output) kept.push_back(static_cast<int>(v));
  std::ranges::sort(kept, {}, [&](int v) { return program.values[static_cast<std::size_t>(v)].offset; });
  for (std::size_t k = 1; k < kept.size(); ++k) {
    const ProgramValue& before = program.values[static_cast<std::size_t>(kept[k - 1])];
    const ProgramValue& value = program.values[static_cast<std::size_t>(kept[k])];
    if (end_of(before) > value.offset)
      problems.push_back(
          {fmt::format("{} and {} overlap in the arena", before.name, value.name), -1, -1, kept[k], -1});
  }
}

// The loops are apart and have their kernels; each of these counts the steps by its outermost loop.
static void check_loops(const Program& program, std::vector<KernelProblem>& problems) {
  std::size_t end = 0;
  for (std::size_t l = 0; l < program.loops.size(); ++l) {
    const KernelLoop& loop = program.loops[l];
    const auto problem = [&](const std::string& text) {
      problems.push_back({text, -1, -1, -1, static_cast<int>(l)});
    };
    const std::size_t kernels = program.kernels.size();
    if (loop.first < end || loop.first > kernels || loop.count > kernels - loop.first)
      return problem(
          fmt::format("the loop at kernel {} has kernels that are not there, or another's", loop.first));
    end = loop.first + loop.count;
    for (std::size_t k = loop.first; k < end; ++k) {
      const Kernel& kernel = program.kernels[k];
      const std::vector<int> nest = parallel_nest(kernel).variables;
      const bool counts = !nest.empty() && kernel.variables[nest[0]].extent.is_constant(loop.steps) &&
                          kernel.variables[nest[0]].step == 1;
      if (!counts)
        problem(
            fmt::format("the outermost parallel loop of kernel {} does not count the {} steps of its loop",
                        kernel.name, loop.steps));
    }
  }
}

// Memory and scalars are the program's.
static void check_surroundings(const Program& program, int k, std::vector<KernelProblem>& problems) {
  const Kernel& kernel = program.kernels[static_cast<std::size_t>(k)];
  for (const KernelBuffer& buffer : kernel.buffers)
    if (buffer.space == BufferSpace::Memory &&
        (buffer.offset > program.arena_bytes ||
         buffer.elements > (program.arena_bytes - buffer.offset) / byte_size(buffer.type)))
      problems.push_back({fmt::format("kernel {}: {} ends beyond the arena's {} bytes", kernel.name,
                                      buffer.name, program.arena_bytes),
                          k, -1, -1, -1});
  int number = -1;
  visit_statements(kernel.body, [&](const KernelStatement& statement) {
    ++number;
    for (const ExprRef& expression : expressions_of(statement))
      visit(expression, [&](const ExprRef& e) {
        if (e->kind == Expr::Kind::Scalar &&
            std::ranges::find(program.scalars, e->name) == program.scalars.end())
          problems.push_back({fmt::format("kernel {}: ${} is no scalar of the program", kernel.name, e->name),
                              k, number, -1, -1});
      });
  });
}

std::vector<KernelProblem> problems_of(const Kernel& kernel) { return KernelVerifier(kernel, 0).verify(); }

std::vector<KernelProblem> problems_of(const Program& program) {
  std::vector<KernelProblem> problems;
  if (program.capacity < 1) return {{fmt::format("the capacity is {}", program.capacity), -1, -1, -1, -1}};
  check_values(program, problems);
  for (std::size_t k = 0; k < program.kernels.size(); ++k) {
    const Kernel& kernel = program.kernels[k];
    for (KernelProblem& problem : KernelVerifier(kernel, program.capacity).verify()) {
      problem.text = fmt::format("kernel {}: {}", kernel.name, problem.text);
      problem.kernel = static_cast<int>(k);
      problems.push_back(std::move(problem));
    }
    check_surroundings(program, static_cast<int>(k), problems);
  }
  if (problems.empty()) check_loops(program, problems);
  return problems;
}

static std::vector<std::string> texts_of(std::vector<KernelProblem> problems) {
  std::vector<std::string> texts;
  for (KernelProblem& problem : problems) texts.push_back(std::move(problem.text));
  return texts;
}

std::vector<std::string> verify(const Kernel& kernel) { return texts_of(problems_of(kernel)); }
std::vector<std::string> verify(const Program& program) { return texts_of(problems_of(program)); }

} // namespace striate
