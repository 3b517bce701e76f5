#include "codegen/reference/program.h"

#include "codegen/reference/compile_body.h"

#include <algorithm>

namespace striate::reference {

int SlotTable::add(const Affine& affine) {
  const auto found = std::find(slots_.begin(), slots_.end(), affine);
  if (found != slots_.end()) return static_cast<int>(found - slots_.begin());
  slots_.push_back(affine);
  return static_cast<int>(slots_.size()) - 1;
}

// The reduction's loops in their declared order, lanes last. Their digits are checked, and cut to the
// extents.
static std::vector<Loop> reduction_loops(const Statement& statement, const std::vector<int64_t>& extents,
                                         int64_t batch, SlotTable& slots, std::vector<RaggedBound>& ragged) {
  std::vector<Loop> loops;
  const ReductionOrder& order = statement.order;
  const int count = static_cast<int>(statement.variables.size());
  if (order.loops.empty() && !order.lanes) {
    for (int v = statement.free_count; v < count; ++v) loops.push_back({v, 1, extents[v]});
    return loops;
  }
  for (const ReductionLoop& loop : order.loops)
    loops.push_back({loop.variable, loop.step, loop.extent.at(batch), loop.down});
  if (order.lanes) loops.push_back({order.lanes->variable, order.lanes->step, kLaneCount});

  // Each variable's digits, from the lowest: a digit's step is the number of values below it, and the highest
  // digit reaches just past the extent.
  for (int v = statement.free_count; v < count; ++v) {
    const std::string& name = statement.variables[v].name;
    std::vector<Loop*> digits;
    for (Loop& loop : loops) {
      if (loop.variable == v) digits.push_back(&loop);
    }
    std::sort(digits.begin(), digits.end(), [](const Loop* a, const Loop* b) { return a->step < b->step; });
    int64_t below = 1;
    for (Loop* digit : digits) {
      CHECK(digit->step == below, "order of `{}`: a digit of step {} over {} values", name, digit->step,
            below);
      if (digit == digits.back()) digit->extent = std::min(digit->extent, (extents[v] + below - 1) / below);
      below *= digit->extent;
    }
    CHECK(below >= extents[v], "the order leaves out values of `{}`", name);
    if (below > extents[v]) ragged.push_back({slots.add({0, {{v, 1}}}), extents[v]});
  }
  return loops;
}

static void build_nest(const CompileInput& input, const std::vector<int64_t>& extents, SlotTable& slots,
                       Program& program) {
  const Statement& statement = *input.statement;
  std::vector<Loop> free;
  for (int v = 0; v < statement.free_count; ++v) {
    if (extents[v] != 1 && v != input.fixed_variable) free.push_back({v, 1, extents[v]});
  }
  std::vector<Loop> reduced;
  if (statement.reduces()) reduced = reduction_loops(statement, extents, input.batch, slots, program.ragged);

  // Which loop is innermost is free so long as each output still sees its points in order: neighbouring
  // outputs where there are enough of them, else the reduction's own innermost loop.
  const int64_t free_run = free.empty() ? 1 : free.back().extent;
  const int64_t reduced_run = reduced.empty() ? 1 : reduced.back().extent;
  program.run_is_free = !statement.reduces() || free_run >= std::min<int64_t>(reduced_run, 16);
  Loop innermost{-1, 1, 1};
  if (program.run_is_free && !free.empty()) {
    innermost = free.back();
    free.pop_back();
  }
  std::vector<Loop>& loops = program.loops;
  loops = std::move(free);
  loops.insert(loops.end(), reduced.begin(), reduced.end());
  if (statement.order.lanes) program.lane_loop = static_cast<int>(loops.size()) - 1;
  if (program.run_is_free) loops.push_back(innermost);
}

// Row-major strides over the given variables, first one slowest.
static Affine row_major(const std::vector<int>& variables, const std::vector<int64_t>& extents) {
  Affine result;
  int64_t stride = 1;
  for (auto v = variables.rbegin(); v != variables.rend(); ++v) {
    result.coefficients[*v] += stride;
    stride *= extents[*v];
  }
  return result;
}

static void build_output(const Statement& statement, const std::vector<int64_t>& extents, SlotTable& slots,
                         Program& program) {
  std::vector<int> digits;
  for (const std::vector<int>& dimension : statement.output)
    digits.insert(digits.end(), dimension.begin(), dimension.end());
  program.output = slots.add(row_major(digits, extents));
  if (program.reducer == Reducer::ArgMax || program.reducer == Reducer::ArgMin) {
    std::vector<int> reduced;
    for (std::size_t v = statement.free_count; v < extents.size(); ++v)
      reduced.push_back(static_cast<int>(v));
    program.flat_index = slots.add(row_major(reduced, extents));
  }
}

Program compile(const CompileInput& input) {
  const Statement& statement = *input.statement;
  std::vector<int64_t> extents;
  for (const IndexVariable& variable : statement.variables)
    extents.push_back(variable.extent.at(input.batch));

  Program program;
  program.target = statement.target;
  program.reducer = statement.reducer;
  for (std::size_t v = statement.free_count; v < extents.size(); ++v) program.points_per_output *= extents[v];
  SlotTable slots;
  build_nest(input, extents, slots, program);
  build_output(statement, extents, slots, program);
  program.body_type = statement.body->type;
  const bool has_points = std::find(extents.begin(), extents.end(), 0) == extents.end();
  if (has_points) compile_body(input, extents, slots, program);

  for (const Affine& affine : slots.all()) {
    const auto fixed = affine.coefficients.find(input.fixed_variable);
    program.start.push_back(affine.constant +
                            (fixed == affine.coefficients.end() ? 0 : fixed->second * input.fixed_value));
  }
  for (Loop& loop : program.loops) {
    for (const Affine& affine : slots.all()) {
      const auto found = affine.coefficients.find(loop.variable);
      loop.strides.push_back(found == affine.coefficients.end() ? 0 : found->second * loop.step);
      if (!loop.down) continue;
      program.start[loop.strides.size() - 1] += (loop.extent - 1) * loop.strides.back();
      loop.strides.back() = -loop.strides.back();
    }
  }
  return program;
}

} // namespace striate::reference
