#include "exchange/invert_line.h"

#include "exchange/values.h"

#include "frontend/evaluate.h"

#include <algorithm>
#include <cmath>

namespace striate {

using Kind = CompileTimeValue::Kind;
using ast::ExprKind;

// As ONNX has it: a truth value is 0 or 1.
static CompileTimeValue without_truths(CompileTimeValue value) {
  if (value.kind == Kind::Bool) return CompileTimeValue::of(value.truth ? 1 : 0);
  for (CompileTimeValue& item : value.items) item = without_truths(item);
  return value;
}

// A real where the other is one, an integer where the other is.
static CompileTimeValue typed_as(CompileTimeValue value, const CompileTimeValue& other) {
  if (other.kind == Kind::List)
    return other.items.empty() ? value : typed_as(std::move(value), other.items[0]);
  for (CompileTimeValue& item : value.items) item = typed_as(item, other);
  const auto number = value.number();
  if (!number) return value;
  if (other.kind == Kind::Real) return CompileTimeValue::of_real(*number);
  if (other.kind == Kind::Size && value.kind == Kind::Real && *number == std::floor(*number))
    return CompileTimeValue::of(static_cast<int64_t>(*number));
  return value;
}

static CompileTimeValue integers(const std::vector<int64_t>& numbers) {
  std::vector<CompileTimeValue> items;
  for (int64_t number : numbers) items.push_back(CompileTimeValue::of(number));
  return CompileTimeValue::of_list(std::move(items));
}

namespace {

class LineSolver {
public:
  LineSolver(const OnnxLine& line, const std::map<std::string, CompileTimeValue>& arguments,
             const Scope& scope, int64_t rank, CallSession& session)
      : line_(line), arguments_(arguments), given_(scope), scope_(&scope), rank_(rank), session_(session) {}

  std::optional<OnnxSide> solve() {
    if (!take_arguments() || !take_requirements() || !join_pieces() || !undo_kinds() || !fill_in() ||
        !holds())
      return std::nullopt;
    return std::move(side_);
  }

private:
  void bind(const std::string& name, CompileTimeValue value) {
    scope_.set(name, value);
    side_.values[name] = std::move(value);
  }

  std::optional<CompileTimeValue> evaluate(const ast::ExprPtr& expr) {
    bool known = true;
    visit_expressions(*expr, [&](const ast::Expr& part) {
      known &= part.kind != ExprKind::Name || part.text == "inf" || scope_.find(part.text) != nullptr;
    });
    if (!known) return std::nullopt;
    Result<CompileTimeValue> value = session_.evaluate(*expr, scope_);
    return value.ok() ? std::optional(std::move(*value)) : std::nullopt;
  }

  // Finds what the unknown name of an expression is, for which the expression is `value`.
  bool unify(const ast::Expr& expr, const CompileTimeValue& value) {
    switch (expr.kind) {
    case ExprKind::Name:
      bind(expr.text, value);
      return true;
    case ExprKind::Read: {
      if (expr.operands.size() != 2 || expr.operands[1]->kind != ExprKind::Integer) return false;
      pieces_[expr.operands[0]->text][expr.operands[1]->integer] = value;
      return true;
    }
    case ExprKind::List:
      if (value.kind == Kind::List && value.items.size() != expr.operands.size()) return false;
      for (std::size_t i = 0; i < expr.operands.size(); ++i)
        if (!unify(*expr.operands[i], value.kind == Kind::List ? value.items[i] : value)) return false;
      return true;
    case ExprKind::Binary: {
      const auto left = evaluate(expr.operands[0]);
      if (expr.op != ast::Operator::Subtract || !left) return false;
      const Folded rest = fold_binary(ast::Operator::Subtract, *left, value);
      return !rest.problem && unify(*expr.operands[1], rest.value);
    }
    default:
      return false;
    }
  }

  bool take_arguments() {
    for (const OnnxEntry& entry : line_.entries) {
      if (entry.argument.empty() || entry.scales) continue;
      const auto argument = arguments_.find(entry.argument);
      if (argument == arguments_.end()) return false;
      side_.arguments.insert(entry.argument);
      if (!entry.expr)
        bind(entry.name, without_truths(argument->second));
      else if (const auto known = evaluate(entry.expr); known && !same(*known, argument->second))
        return false;
      else if (!known && !unify(*entry.expr, without_truths(argument->second)))
        return false;
    }
    return true;
  }

  bool take_requirements() {
    for (const OnnxEntry& entry : line_.entries) {
      if (!entry.required) continue;
      const auto wanted = evaluate(entry.required);
      if (!wanted) return false;
      if (!entry.expr) {
        if (!given_.find(entry.name)) bind(entry.name, *wanted); // else it has to hold as it is
      } else if (!evaluate(entry.expr)) {
        unify(*entry.expr, *wanted); // else it has to hold by what is usual
      }
    }
    return true;
  }

  // `scales[0] is 1.0, scales[1] is 1.0, [scales[2], scales[3]] -> scale_factor`: one real among them makes
  // all real.
  bool join_pieces() {
    for (const auto& [name, pieces] : pieces_) {
      std::vector<CompileTimeValue> items;
      for (const auto& [at, value] : pieces) {
        if (at != static_cast<int64_t>(items.size())) return false;
        items.push_back(value);
      }
      const auto real = std::ranges::find(items, Kind::Real, &CompileTimeValue::kind);
      CompileTimeValue list = CompileTimeValue::of_list(items);
      bind(name, real == items.end() ? list : typed_as(list, *real));
    }
    return true;
  }

  std::optional<int64_t> integer(const char* name) {
    const CompileTimeValue* value = scope_.find(name);
    made_.insert(name);
    return value ? value->integer() : std::nullopt;
  }

  bool undo_kinds() {
    for (const OnnxEntry& entry : line_.entries)
      if (!entry.kind.empty() && !undo_kind(entry)) return false;
    for (const std::string& name : made_) side_.values.erase(name);
    return true;
  }

  bool undo_kind(const OnnxEntry& entry) {
    const CompileTimeValue* value = scope_.find(entry.name);
    if (entry.kind == "axis") return value && value->integer();
    if (entry.kind == "axes") {
      if (value && value->integer()) bind(entry.name, integers({*value->integer()}));
      return value != nullptr;
    }
    if (entry.kind == "outside") return value && same(*value, CompileTimeValue::of(0));
    if (entry.kind == "pads") {
      if (!value) return false;
      std::vector<CompileTimeValue> sides = value->kind == Kind::List ? value->items : std::vector{*value};
      const std::vector<CompileTimeValue> before = sides;
      sides.insert(sides.end(), before.begin(), before.end());
      bind(entry.name, CompileTimeValue::of_list(std::move(sides)));
      return true;
    }
    if (entry.kind == "transposed") {
      std::vector<CompileTimeValue> sides;
      for (const char* name : {"before", "behind"}) {
        made_.insert(name);
        const CompileTimeValue* part = scope_.find(name);
        if (!part) return false;
        if (part->kind == Kind::List)
          sides.insert(sides.end(), part->items.begin(), part->items.end());
        else
          sides.push_back(*part);
      }
      bind(entry.name, CompileTimeValue::of_list(std::move(sides)));
      return true;
    }
    if (entry.kind == "slices") {
      const auto axis = integer("axis"), start = integer("start"), end = integer("end"),
                 step = integer("step");
      if (!axis || !start || !end || !step) return false;
      bind("starts", integers({*start}));
      bind("ends", integers({*end}));
      bind("axes", integers({*axis}));
      bind("steps", integers({*step}));
      return true;
    }
    if (entry.kind == "sides") {
      const auto axis = integer("axis"), before = integer("before"), behind = integer("behind");
      if (!axis || !before || !behind || *axis < 0 || *axis >= rank_) return false;
      std::vector<int64_t> pads(static_cast<std::size_t>(2 * rank_), 0);
      pads[static_cast<std::size_t>(*axis)] = *before;
      pads[static_cast<std::size_t>(rank_ + *axis)] = *behind;
      bind("pads", integers(pads));
      return true;
    }
    return false; // views are said by the statements of their definitions
  }

  // What nothing has decided is what ONNX takes where it is not said.
  bool fill_in() {
    for (const OnnxEntry& entry : line_.entries) {
      if (entry.name.empty() || made_.contains(entry.name) || given_.find(entry.name)) continue;
      const auto usual = entry.otherwise ? evaluate(entry.otherwise) : std::nullopt;
      const auto known = side_.values.find(entry.name);
      if (known == side_.values.end()) {
        if (!usual) {
          if (std::ranges::any_of(line_.entries, [&](const OnnxEntry& other) {
                return other.name == entry.name && other.otherwise;
              }))
            continue;
          return false;
        }
        bind(entry.name, *usual);
      }
      CompileTimeValue& value = side_.values[entry.name];
      if (usual && same(value, *usual)) side_.usual.insert(entry.name);
      if (usual) value = typed_as(value, *usual);
      if (entry.list && value.kind != Kind::List) value = CompileTimeValue::of_list({value});
    }
    return true;
  }

  // All that the line says, with these values.
  bool holds() {
    for (const OnnxEntry& entry : line_.entries) {
      const auto value = entry.expr ? evaluate(entry.expr) : std::nullopt;
      if (entry.expr && !value) return false;
      if (entry.required) {
        const auto wanted = evaluate(entry.required);
        const CompileTimeValue* has = entry.expr ? &*value : scope_.find(entry.name);
        if (!wanted || !has) return false;
        // Where a kind was undone, the scope has what the file says.
        if (entry.kind.empty() && !same(*has, *wanted)) return false;
      }
      if (entry.expr && !entry.argument.empty() && !entry.scales &&
          !same(*value, arguments_.at(entry.argument)))
        return false;
    }
    return true;
  }

  const OnnxLine& line_;
  const std::map<std::string, CompileTimeValue>& arguments_;
  const Scope& given_; // what is no attribute
  Scope scope_;
  int64_t rank_;
  CallSession& session_;
  OnnxSide side_;
  std::map<std::string, std::map<int64_t, CompileTimeValue>> pieces_; // of lists
  std::set<std::string> made_; // names that a kind makes: no attributes
};

} // namespace

std::optional<OnnxSide> invert_line(const OnnxLine& line,
                                    const std::map<std::string, CompileTimeValue>& arguments,
                                    const Scope& scope, int64_t rank, CallSession& session) {
  return LineSolver(line, arguments, scope, rank, session).solve();
}

} // namespace striate
