// Reductions: the indices they run over, and statements of their own for nested ones.
#include "frontend/definition_builder.h"

#include "frontend/print_ast.h"

#include <algorithm>
#include <utility>

namespace striate {

using ast::ExprKind;

std::optional<Reducer> DefinitionBuilder::reducer_of(const ast::Expr& expr) {
  for (Reducer reducer : {Reducer::Sum, Reducer::Prod, Reducer::Max, Reducer::Min, Reducer::Any, Reducer::All,
                          Reducer::ArgMax, Reducer::ArgMin})
    if (expr.text == name_of(reducer)) return reducer;
  reporter_.error(Diagnostic::NotSupported, expr.location, "the reducer `{}` is not supported yet",
                  expr.text);
  return std::nullopt;
}

// Adds the reduction's indices to `inner`, and builds what is reduced; nullptr after an error.
ExprRef DefinitionBuilder::reduced_body(const ast::Expr& expr, Context& inner) {
  const auto reducer = reducer_of(expr);
  if (!reducer) return nullptr;
  std::set<std::string> wanted;
  for (const ast::ReduceIndex& index : expr.indices)
    if (!index.run && !index.range) wanted.insert(index.name);
  Extents extents;
  if (!infer_ranges(wanted, *expr.operands[0], extents)) return nullptr;

  ExprRef predicate = constant_bool(true);
  const Context outer = inner;
  for (const ast::ReduceIndex& index : expr.indices) {
    if (index.run) {
      if (!runs_.contains(index.name)) {
        reporter_.error(Diagnostic::UnknownName, index.location, "no input has the run `{}..`", index.name);
        return nullptr;
      }
      std::vector<int> run;
      for (const auto& [name, extent] : run_extents(index.name)) run.push_back(inner.add(name, extent));
      inner.runs[index.name] = std::move(run);
      continue;
    }
    if (!index.range) {
      const auto extent = extents.find(index.name);
      if (extent == extents.end()) {
        report_unknown_range(index.name, index.location);
        return nullptr;
      }
      inner.indices[index.name] = IndexExpr::variable(inner.add(index.name, extent->second));
      continue;
    }
    const bool both = index.range->kind == ExprKind::Range;
    if (!both && is_compile_time(*index.range, outer)) {
      const CompileTimeValue size = evaluator_.evaluate(*index.range, scope_);
      if (size.is_unknown()) return nullptr;
      if (size.kind != CompileTimeValue::Kind::Size || size.size.factor < 1) {
        reporter_.error(Diagnostic::BadSize, index.range->location,
                        "the index `{}` ranges over a size of at least 1, not {}", index.name, text_of(size));
        return nullptr;
      }
      inner.indices[index.name] = IndexExpr::variable(inner.add(index.name, size.size));
      continue;
    }
    const auto low = both ? index_of(*index.range->operands[0], outer) : IndexExpr(0);
    const auto high = low ? index_of(*index.range->operands[both ? 1 : 0], outer) : std::nullopt;
    if (!high) return nullptr;
    const IndexExpr length = *high - *low;
    const Interval lengths = length.range(outer.ranges());
    if (lengths.high < 1) {
      reporter_.error(Diagnostic::BadSize, index.range->location, "the range of `{}` is empty", index.name);
      return nullptr;
    }
    const IndexExpr variable = IndexExpr::variable(inner.add(index.name, Size::constant(lengths.high)));
    inner.indices[index.name] = *low + variable;
    if (lengths.low == lengths.high) continue;
    predicate = apply(Function::And,
                      {predicate, apply(Function::Less, {index_value(variable), index_value(length)})});
    inner.predicated = true;
  }

  ExprRef body = scalar(*expr.operands[0], inner);
  if (!body) return nullptr;
  const bool logical = *reducer == Reducer::Any || *reducer == Reducer::All;
  if (logical != (body->type == ScalarType::Bool)) {
    DiagnosticMessage& message =
        reporter_.error(Diagnostic::WrongType, expr.operands[0]->location, "`{}` runs over {}", expr.text,
                        logical ? "true and false" : "numbers, not over true and false");
    message.help("{}", logical ? fmt::format("put the condition in parentheses: `{}(...) (a > b)`", expr.text)
                               : "write `select(condition, 1, 0)`");
    return nullptr;
  }
  if ((*reducer == Reducer::Sum || *reducer == Reducer::Prod) && body->type == ScalarType::Int)
    body = to_real(body);
  if (!is_constant(predicate, 1)) {
    const bool arg = *reducer == Reducer::ArgMax || *reducer == Reducer::ArgMin;
    const double identity =
        identity_of(arg ? (*reducer == Reducer::ArgMax ? Reducer::Max : Reducer::Min) : *reducer);
    const ExprRef otherwise = logical ? constant_bool(identity != 0) : constant(identity);
    body = select(predicate, body, otherwise);
  }
  return body;
}

static bool same_extents(const Statement& a, const Statement& b) {
  return std::equal(a.variables.begin(), a.variables.end(), b.variables.begin(), b.variables.end(),
                    [](const IndexVariable& x, const IndexVariable& y) { return x.extent == y.extent; });
}

// A reduction inside an expression: a tensor of its own over the outer indices that it uses.
ExprRef DefinitionBuilder::hoisted_reduction(const ast::Expr& expr, Context& context) {
  const auto reducer = reducer_of(expr);
  if (!reducer) return nullptr;
  Context inner = context;
  ExprRef body = reduced_body(expr, inner);
  if (!body) return nullptr;

  if (inner.variables.size() == context.variables.size()) return body; // over a run of no dimensions
  const int outer_count = static_cast<int>(context.variables.size());
  std::vector<int> used;
  visit(body, [&](const ExprRef& e) {
    for (const IndexExpr& index : e->indices) index.collect_variables(used);
  });
  std::sort(used.begin(), used.end());
  used.erase(std::unique(used.begin(), used.end()), used.end());
  std::erase_if(used, [&](int variable) { return variable >= outer_count; });

  Statement statement;
  statement.reducer = *reducer;
  statement.free_count = static_cast<int>(used.size());
  std::vector<int> renumbered(inner.variables.size(), -1);
  const auto add = [&](int variable) {
    renumbered[static_cast<std::size_t>(variable)] = static_cast<int>(statement.variables.size());
    statement.variables.push_back(inner.variables[static_cast<std::size_t>(variable)]);
  };
  for (int variable : used) add(variable);
  for (int variable = outer_count; variable < static_cast<int>(inner.variables.size()); ++variable)
    add(variable);
  statement.body = substitute(body, [&](int variable) {
    return IndexExpr::variable(renumbered[static_cast<std::size_t>(variable)]);
  });

  TensorType type;
  const bool arg = *reducer == Reducer::ArgMax || *reducer == Reducer::ArgMin;
  type.element = arg ? ElementType::I32 : element_of(body->type);
  std::vector<IndexExpr> indices;
  for (std::size_t i = 0; i < used.size(); ++i) {
    type.shape.push_back(statement.variables[i].extent);
    statement.output.push_back({static_cast<int>(i)});
    indices.push_back(IndexExpr::variable(used[i]));
  }
  if (const std::string problem = problem_with_shape(type.shape); !problem.empty()) {
    reporter_.error(Diagnostic::BadSize, expr.location, "this {} {}", expr.text, problem);
    return nullptr;
  }
  const ScalarType result = scalar_type_of(type.element);
  drop_unit_variables(statement);
  for (const Statement& known : definition_.statements) // written twice, computed once
    if (known.reducer == statement.reducer && known.output == statement.output &&
        known.free_count == statement.free_count && same_extents(known, statement) &&
        structurally_equal(known.body, statement.body))
      return read(known.target, std::move(indices), result);
  statement.target = add_operand(target_ + "_" + expr.text, std::move(type));
  definition_.statements.push_back(std::move(statement));
  return read(definition_.statements.back().target, std::move(indices), result);
}

} // namespace striate
