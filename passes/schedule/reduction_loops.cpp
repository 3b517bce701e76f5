// What nests share of a reduction: its loops in the declared order, the terms that are left out, and the
// accumulation itself.

#include "passes/adjoint.h"
#include "passes/expand_calls.h"
#include "passes/lower_precision.h"
#include "passes/pad_contractions.h"
#include "passes/schedule/nests.h"

#include <algorithm>

namespace striate {

ReductionLoops reduction_loops(KernelBuilder& builder, const Statement& statement, std::vector<IndexExpr>& at,
                               bool unroll) {
  ReductionLoops result;
  for (std::size_t v = statement.free_count; v < statement.variables.size(); ++v) at[v] = IndexExpr(0);
  if (statement.order.lanes) at[statement.order.lanes->variable] = IndexExpr::variable(builder.lane());
  double points = 1;
  for (const ReductionLoop& loop : statement.order.loops)
    points *= loop.extent.batch ? 1e9 : static_cast<double>(loop.extent.factor);
  const VariableKind kind = unroll && points <= 16 ? VariableKind::Unrolled : VariableKind::Serial;
  const int pairs = paired_variable(statement.order);
  for (const ReductionLoop& loop : statement.order.loops) {
    const IndexVariable& variable = statement.variables[loop.variable];
    if (variable.extent.is_constant(1)) continue;
    if (loop.variable == pairs && &loop == &statement.order.loops.back()) {
      result.axes = {builder.axis(variable.name + ".pair", loop.extent.factor)};
      at[loop.variable] = at[loop.variable] + 1 - IndexExpr::variable(result.axes[0]);
      continue;
    }
    // A digit below the highest covers a block; blocks may be cut short by the variable's extent.
    const int64_t block = loop.step * loop.extent.factor;
    const bool highest = variable.extent.batch || block >= variable.extent.factor;
    std::optional<IndexExpr> bound;
    if (!highest && variable.extent.factor % block != 0)
      bound = IndexExpr(variable.extent.factor) - at[loop.variable];
    const int id = builder.loop(variable.name + (highest ? "" : ".low"), kind,
                                highest ? variable.extent : Size::constant(block), loop.step);
    const IndexExpr digit = IndexExpr::variable(id);
    CHECK(!loop.down || !bound, "the order runs down a digit of {} that may be cut short", variable.name);
    at[loop.variable] = at[loop.variable] + (loop.down ? IndexExpr(block - loop.step) - digit : digit);
    result.frames.push_back(KernelBuilder::for_loop(id, bound));
  }
  return result;
}

void skip_outside(const KernelBuilder& builder, const Node& node, const std::vector<IndexExpr>& at,
                  std::vector<KernelStatement>& frames) {
  const Graph& graph = builder.graph();
  const Statement& statement = statement_of(node);
  visit(statement.body, [&](const ExprRef& e) {
    if (!is_skipped_outside(statement.body, e)) return;
    const TensorType& type = graph.values[node.inputs[e->operand]].type;
    for (std::size_t d = 0; d < type.shape.size(); ++d) {
      if (type.shape[d].batch) continue;
      // What the statement's own ranges prove needs no test; lanes beyond a short dimension compute nothing.
      const Interval interval = e->indices[d].range(statement.ranges());
      if (interval.low >= 0 && interval.high < type.shape[d].factor) continue;
      const IndexExpr index = e->indices[d].substitute([&](int v) { return at[v]; });
      KernelStatement guard;
      guard.kind = KernelStatement::Kind::If;
      guard.value = in_range(index, 0, type.shape[d].factor - 1, builder.ranges());
      if (is_constant(guard.value, 1)) continue;
      std::size_t place = 0;
      for (std::size_t f = 0; f < frames.size(); ++f)
        if (frames[f].kind == KernelStatement::Kind::For && index.uses(frames[f].variable)) place = f + 1;
      frames.insert(frames.begin() + static_cast<long>(place), std::move(guard));
    }
  });
}

// Whether the batch variable, which may run over several points of each example, stands at a real one.
static ExprRef is_real_example(const Statement& statement, int variable, const std::vector<IndexExpr>& at) {
  const IndexExpr example = IndexExpr::quotient(at[variable], statement.variables[variable].extent.factor);
  return apply(Function::Less, {apply(Function::ToReal, {index_value(example)}), run_time_scalar("N")});
}

// n < N for the batch variable that the statement reduces, where its body does not vanish beyond the batch by
// itself.
static ExprRef padding_mask(const KernelBuilder& builder, const Node& node,
                            const std::vector<IndexExpr>& at) {
  const Statement& statement = statement_of(node);
  if (!statement.order.lanes) return nullptr; // its loop ends with the last example
  for (std::size_t v = statement.free_count; v < statement.variables.size(); ++v) {
    if (!statement.variables[v].extent.batch) continue;
    const bool vanishes =
        statement.reducer == Reducer::Sum && vanishes_with(statement.body, [&](const ExprRef& e) {
          return e->kind == Expr::Kind::Read &&
                 builder.graph().values[node.inputs[e->operand]].zero_in_padding;
        });
    if (vanishes) return nullptr;
    return is_real_example(statement, static_cast<int>(v), at);
  }
  return nullptr;
}

// Batches that are not stored in blocks of 16 have no lanes beyond the last example to load from.
static bool has_padded_batches(const KernelBuilder& builder, const Node& node) {
  for (ValueId input : node.inputs) {
    const Value& value = builder.graph().values[input];
    if (!value.type.has_batch()) continue;
    const Layout::Digit& last = value.layout.digits.back();
    if (last.dimension != 0 || !(last.extent == Size::constant(kLanes))) return false;
  }
  return true;
}

KernelStatement accumulate(KernelBuilder& builder, const Node& node, const std::vector<IndexExpr>& at,
                           const std::vector<int>& axes, int tile, int index_tile,
                           const std::map<ValueId, ExprRef>& local, const ExprRef& guard) {
  const Statement& statement = statement_of(node);
  const ExprRef mask = padding_mask(builder, node, at);
  ExprRef load_guard = guard;
  if (mask && !has_padded_batches(builder, node)) load_guard = mask;
  if (!mask && statement.order.lanes && !has_padded_batches(builder, node)) {
    load_guard = is_real_example(statement, statement.order.lanes->variable, at);
  }
  ExprRef body = builder.lower(node, at, local, load_guard, is_contraction(statement));
  if (mask) {
    if (is_contraction(statement)) {
      // Both factors: beyond the batch either may be infinite.
      const ExprRef zero = constant(0);
      body = select(mask, body->arguments[0], zero) * select(mask, body->arguments[1], zero);
    } else {
      body = select(mask, body, constant(identity_of(statement.reducer)));
    }
  }
  // A sum of products accumulates by fma. A body that became a product by what is known here alone, a choice
  // by a variable with one value, is rounded before it is added: with -0 added, a product is itself.
  const auto is_product = [](const ExprRef& e) {
    return e->kind == Expr::Kind::Apply && e->function == Function::Mul;
  };
  if (is_product(body) && !is_product(statement.body))
    body = apply(Function::Fma, {body->arguments[0], body->arguments[1], constant(-0.0)});
  KernelStatement step;
  step.kind = KernelStatement::Kind::Accumulate;
  step.tile = tile;
  step.axes = axes;
  step.value = body;
  step.reducer = statement.reducer == Reducer::ArgMax   ? Reducer::Max
                 : statement.reducer == Reducer::ArgMin ? Reducer::Min
                                                        : statement.reducer;
  if (index_tile >= 0) {
    IndexExpr flat(0);
    for (std::size_t v = statement.free_count; v < statement.variables.size(); ++v)
      flat = flat * statement.variables[v].extent.factor + at[v];
    step.index_tile = index_tile;
    step.index_value = index_value(flat);
  }
  return step;
}

} // namespace striate
