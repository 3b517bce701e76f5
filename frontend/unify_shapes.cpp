#include "frontend/unify_shapes.h"

#include "frontend/print_ast.h"
#include "frontend/size_formulas.h"

#include <algorithm>

namespace striate {

using ast::ExprKind;

static constexpr int64_t kLargestDimension = (int64_t{1} << 31) - 1;
static constexpr int64_t kMostElements = int64_t{1} << 40; // per example

std::string shape_text(const std::vector<Size>& shape) {
  std::string text = "[";
  for (const Size& size : shape) text += (text.size() > 1 ? ", " : "") + size.text();
  return text + "]";
}

std::string pattern_text(const ast::Parameter& parameter) {
  std::string text;
  for (const ast::ExprPtr& dimension : parameter.type.dimensions)
    text += (text.empty() ? "" : ", ") + print_expr(*dimension);
  return parameter.name + "[" + text + "]";
}

std::string problem_with_shape(const std::vector<Size>& shape) {
  int64_t elements = 1;
  for (const Size& size : shape)
    if (size.factor > kLargestDimension ||
        __builtin_mul_overflow(elements, std::max<int64_t>(size.factor, 1), &elements) ||
        elements > kMostElements)
      return fmt::format("{} is too large: a tensor has at most 2^40 elements", shape_text(shape));
  return "";
}

DiagnosticMessage& ShapeUnifier::error(Diagnostic kind, const std::string& text,
                                       const std::vector<std::string>& notes) {
  DiagnosticMessage& message = evaluator_.reporter().error(kind, call_, "{}", text);
  for (const std::string& note : notes) message.note("{}", note);
  if (explain_) explain_(message);
  return message;
}

static std::string dimensions_text(std::size_t count) {
  return fmt::format("{} dimension{}", count, count == 1 ? "" : "s");
}

bool ShapeUnifier::match(const ast::Parameter& parameter, const std::vector<Size>& shape) {
  if (!parameter.type.has_dimensions) {
    if (!parameter.type.name.empty() && !shape.empty()) {
      error(Diagnostic::ShapeMismatch, fmt::format("`{}` takes a single number as `{}`, and gets {}",
                                                   item_.name, parameter.name, shape_text(shape)));
      return false;
    }
    return true;
  }
  const auto& pattern = parameter.type.dimensions;
  const auto is_run = [](const ast::ExprPtr& dimension) { return dimension->kind == ExprKind::Run; };
  const std::size_t runs = static_cast<std::size_t>(std::count_if(pattern.begin(), pattern.end(), is_run));
  const std::size_t fixed = pattern.size() - runs;
  if (runs ? shape.size() < fixed : shape.size() != fixed) {
    error(Diagnostic::ShapeMismatch,
          fmt::format("`{}` takes `{}`, {}{}, and gets {}", item_.name, pattern_text(parameter),
                      runs ? "at least " : "", dimensions_text(fixed), shape_text(shape)));
    return false;
  }
  std::size_t left = shape.size() - fixed; // dimensions that the runs share
  std::size_t open = runs;
  for (std::size_t i = 0, d = 0; i < pattern.size(); ++i) {
    if (!is_run(pattern[i])) {
      if (!match_dimension(*pattern[i], shape[d], fmt::format("dimension {} of `{}`", d, parameter.name)))
        return false;
      ++d;
      continue;
    }
    const auto length = --open == 0 ? left : length_of_run(*pattern[i], d, left, shape.size());
    if (!length) return false;
    const auto first = shape.begin() + static_cast<std::ptrdiff_t>(d);
    if (!match_run(pattern[i]->text, {first, first + static_cast<std::ptrdiff_t>(*length)}, parameter.name,
                   shape))
      return false;
    d += *length;
    left -= *length;
  }
  return true;
}

// Of a run that another one follows in the same shape: known, or up to the dimension that the attribute
// `axis` names (from the end, where it is negative).
std::optional<std::size_t> ShapeUnifier::length_of_run(const ast::Expr& run, std::size_t begin,
                                                       std::size_t left, std::size_t rank) {
  const auto known = runs_.find(run.text);
  if (known != runs_.end() && !run.text.empty()) {
    const std::size_t length = known->second.size();
    if (length <= left) return length;
    error(Diagnostic::ShapeMismatch, fmt::format("`{}`: `{}` takes {} dimensions, and a tensor has {}",
                                                 item_.name, print_expr(run), length, rank));
    return std::nullopt;
  }
  const CompileTimeValue* axis = scope_.find("axis");
  if (!axis || axis->kind != CompileTimeValue::Kind::Size || axis->size.batch) {
    evaluator_.reporter()
        .error(Diagnostic::ShapeMismatch, run.location, "how many dimensions `{}` takes is not known",
               print_expr(run))
        .help("name the dimension between two runs by an attribute: `axis: int`");
    return std::nullopt;
  }
  const int64_t number = axis->size.factor;
  const int64_t length = number + (number < 0 ? static_cast<int64_t>(rank) : 0) - static_cast<int64_t>(begin);
  if (length >= 0 && length <= static_cast<int64_t>(left)) return static_cast<std::size_t>(length);
  error(Diagnostic::ShapeMismatch,
        fmt::format("`{}`: `axis` = {} is no dimension of a tensor of {}", item_.name, number, rank));
  return std::nullopt;
}

bool ShapeUnifier::match_dimension(const ast::Expr& pattern, const Size& size, const std::string& place) {
  if (pattern.kind == ExprKind::Group) {
    const PendingGroup group{&pattern, size, place};
    const Solved solved = solve_group(group);
    if (solved == Solved::NotYet) pending_.push_back(group);
    return solved != Solved::Failed;
  }
  if (pattern.kind == ExprKind::Name && !scope_.find(pattern.text)) {
    scope_.bind(pattern.text, CompileTimeValue::of(size));
    origin_[pattern.text] = place;
    return true;
  }
  const CompileTimeValue wanted = evaluator_.evaluate(pattern, scope_);
  if (wanted.is_unknown()) return false;
  if (wanted.kind == CompileTimeValue::Kind::Size && wanted.size == size) return true;
  const auto origin = pattern.kind == ExprKind::Name ? origin_.find(pattern.text) : origin_.end();
  if (origin != origin_.end())
    error(Diagnostic::ShapeMismatch,
          fmt::format("`{}`: `{}` is {} in {}, but {} in {}", item_.name, pattern.text, text_of(wanted),
                      origin->second, size.text(), place));
  else if (pattern.kind == ExprKind::Integer)
    error(Diagnostic::ShapeMismatch,
          fmt::format("`{}`: {} has to be {}, and is {}", item_.name, place, text_of(wanted), size.text()));
  else
    error(Diagnostic::ShapeMismatch,
          fmt::format("`{}`: {} has to be {}, and is {}", item_.name, place, text_of(wanted), size.text()),
          {formula_of(pattern)});
  return false;
}

bool ShapeUnifier::match_run(const std::string& name, const std::vector<Size>& shape,
                             const std::string& tensor, const std::vector<Size>& whole) {
  const auto known = runs_.find(name);
  const std::string key = ".." + name;
  if (known == runs_.end()) {
    runs_[name] = shape;
    origin_[key] = fmt::format("`{}` {}", tensor, shape_text(whole));
    return true;
  }
  std::vector<Size>& run = known->second;
  if (!name.empty()) {
    if (run == shape) return true;
    error(Diagnostic::ShapeMismatch,
          fmt::format("`{}`: `{}..` is {} in {}, but {} in `{}` {}", item_.name, name, shape_text(run),
                      origin_[key], shape_text(shape), tensor, shape_text(whole)),
          {fmt::format("`{}..` stands for any number of dimensions, the same ones in both", name)});
    return false;
  }
  std::vector<Size> joined = run.size() >= shape.size() ? run : shape;
  const std::vector<Size>& shorter = run.size() >= shape.size() ? shape : run;
  const std::size_t offset = joined.size() - shorter.size();
  for (std::size_t i = 0; i < shorter.size(); ++i) {
    Size& size = joined[offset + i];
    if (size == shorter[i] || shorter[i].is_constant(1)) continue;
    if (size.is_constant(1)) {
      size = shorter[i];
      continue;
    }
    const Size& first = run[run.size() - shorter.size() + i];
    const Size& second = shape[shape.size() - shorter.size() + i];
    error(Diagnostic::ShapeMismatch,
          fmt::format("`{}`: {} and `{}` {} differ: {} and {} in dimension {} from the end", item_.name,
                      origin_[key], tensor, shape_text(whole), first.text(), second.text(),
                      shorter.size() - i),
          {"dimensions are broadcast from the last one: they are equal, or one of them is 1"});
    return false;
  }
  run = std::move(joined);
  return true;
}

std::string ShapeUnifier::formula_of(const ast::Expr& expr) const {
  const std::string values = values_of_names(expr, scope_);
  return fmt::format("it is `{}`{}", print_expr(expr), values.empty() ? "" : " with " + values);
}

ShapeUnifier::Solved ShapeUnifier::solve_group(const PendingGroup& pending) {
  Size known = Size::constant(1);
  std::string unknown;
  for (const ast::ExprPtr& member : pending.group->operands) {
    if (member->kind == ExprKind::Name && !scope_.find(member->text)) {
      if (!unknown.empty()) return Solved::NotYet;
      unknown = member->text;
      continue;
    }
    std::optional<Size> size;
    if (member->kind == ExprKind::Run) {
      const auto run = runs_.find(member->text);
      if (run == runs_.end()) return Solved::NotYet;
      size = product(run->second);
    } else {
      const CompileTimeValue value = evaluator_.evaluate(*member, scope_);
      if (value.is_unknown()) return Solved::Failed;
      if (value.kind == CompileTimeValue::Kind::Size) size = value.size;
    }
    if (size) size = multiply(known, *size);
    if (!size) {
      error(Diagnostic::BadSize, fmt::format("`{}`: `{}` has no size", item_.name, print_expr(*member)));
      return Solved::Failed;
    }
    known = *size;
  }
  const std::string text = print_expr(*pending.group);
  if (unknown.empty()) {
    if (known == pending.size) return Solved::Yes;
    error(Diagnostic::ShapeMismatch,
          fmt::format("`{}`: `{}` is {}, but {} has {}", item_.name, text, known.text(), pending.place,
                      pending.size.text()),
          {formula_of(*pending.group)});
    return Solved::Failed;
  }
  const auto quotient = divide_exactly(pending.size, known);
  if (!quotient) {
    error(Diagnostic::ShapeMismatch,
          fmt::format("`{}`: {}, {}, is not divisible by {}", item_.name, pending.place, pending.size.text(),
                      known.text()),
          {formula_of(*pending.group)});
    return Solved::Failed;
  }
  scope_.bind(unknown, CompileTimeValue::of(*quotient));
  origin_[unknown] = pending.place;
  return Solved::Yes;
}

bool ShapeUnifier::solve_groups() {
  bool progress = true;
  while (progress && !pending_.empty()) {
    progress = false;
    std::vector<PendingGroup> groups = std::move(pending_);
    pending_.clear();
    for (const PendingGroup& group : groups) {
      const Solved solved = solve_group(group);
      if (solved == Solved::Failed) return false;
      if (solved == Solved::Yes)
        progress = true;
      else
        pending_.push_back(group);
    }
  }
  if (pending_.empty()) return true;
  error(Diagnostic::ShapeMismatch, fmt::format("`{}`: the sizes in `{}` cannot be told apart", item_.name,
                                               print_expr(*pending_[0].group)))
      .note("a group is solved where all sizes but one are known");
  return false;
}

// `text` with each `{name}` replaced by its value.
static std::string fill_in(const std::string& text, const Scope& scope) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::size_t end = text[i] == '{' ? text.find('}', i) : std::string::npos;
    const CompileTimeValue* value =
        end == std::string::npos ? nullptr : scope.find(text.substr(i + 1, end - i - 1));
    if (!value) {
      result += text[i];
      continue;
    }
    result += text_of(*value);
    i = end;
  }
  return result;
}

bool ShapeUnifier::check_preconditions() {
  for (const ast::Precondition& precondition : item_.preconditions) {
    const auto holds = evaluator_.evaluate_condition(*precondition.condition, scope_);
    if (!holds) return false;
    if (*holds) continue;
    const std::string what = precondition.message.empty()
                                 ? fmt::format("`{}` does not hold", print_expr(*precondition.condition))
                                 : fill_in(precondition.message, scope_);
    std::vector<std::string> notes = {"here " + values_of_names(*precondition.condition, scope_)};
    const std::string numbers =
        numbers_in(*precondition.condition, evaluator_, scope_,
                   item_.inputs.empty() ? std::set<std::string>{} : sizes_named_by(item_.inputs[0]));
    if (numbers != "false") notes.push_back(fmt::format("that is `{}`", numbers));
    error(Diagnostic::Precondition, fmt::format("`{}`: {}", item_.name, what), notes);
    return false;
  }
  return true;
}

std::optional<Size> ShapeUnifier::size_of(const ast::Expr& expr, const std::string& tensor,
                                          std::size_t dimension) {
  const CompileTimeValue value = evaluator_.evaluate(expr, scope_);
  if (value.is_unknown()) return std::nullopt;
  if (value.kind == CompileTimeValue::Kind::Size && value.size.factor >= 1) return value.size;
  DiagnosticMessage& message =
      error(Diagnostic::BadSize, fmt::format("`{}`: dimension {} of `{}` would be {}", item_.name, dimension,
                                             tensor, text_of(value)));
  if (expr.kind != ExprKind::Integer) message.note("{}", formula_of(expr));
  return std::nullopt;
}

std::optional<std::vector<Size>> ShapeUnifier::members_of(const ast::Expr& group) {
  std::vector<Size> members;
  for (const ast::ExprPtr& member : group.operands) {
    if (member->kind == ExprKind::Run) {
      const auto run = runs_.find(member->text);
      if (run == runs_.end()) {
        error(Diagnostic::UnknownName,
              fmt::format("`{}`: no input has the run `{}..`", item_.name, member->text));
        return std::nullopt;
      }
      members.insert(members.end(), run->second.begin(), run->second.end());
    } else {
      auto size = size_of(*member, print_expr(group), members.size());
      if (!size) return std::nullopt;
      members.push_back(*size);
    }
  }
  return members;
}

std::optional<DeclaredTensor> ShapeUnifier::declare(const ast::Parameter& parameter) {
  DeclaredTensor result;
  for (const ast::ExprPtr& dimension : parameter.type.dimensions) {
    if (dimension->kind == ExprKind::Run) {
      const auto run = runs_.find(dimension->text);
      if (run == runs_.end()) {
        error(Diagnostic::UnknownName,
              fmt::format("`{}`: no input has the run `{}..`", item_.name, dimension->text));
        return std::nullopt;
      }
      result.shape.insert(result.shape.end(), run->second.begin(), run->second.end());
      result.groups.resize(result.shape.size());
      continue;
    }
    std::vector<Size> group;
    std::optional<Size> size;
    if (dimension->kind == ExprKind::Group) {
      auto members = members_of(*dimension);
      if (!members) return std::nullopt;
      size = product(*members);
      if (!size) {
        error(Diagnostic::BadSize,
              fmt::format("`{}`: {} is too large for one dimension", item_.name, shape_text(*members)));
        return std::nullopt;
      }
      group = std::move(*members);
    } else {
      size = size_of(*dimension, parameter.name, result.shape.size());
      if (!size) return std::nullopt;
    }
    result.shape.push_back(*size);
    result.groups.push_back(std::move(group));
  }
  const std::string problem = problem_with_shape(result.shape);
  if (!problem.empty()) {
    error(Diagnostic::BadSize, fmt::format("`{}`: `{}` {}", item_.name, parameter.name, problem));
    return std::nullopt;
  }
  return result;
}

std::optional<DeclaredTensor> ShapeUnifier::declared(const ast::Parameter& parameter,
                                                     const std::vector<Size>& shape) {
  DeclaredTensor result{shape, std::vector<std::vector<Size>>(shape.size())};
  const auto& pattern = parameter.type.dimensions;
  std::size_t d = 0;
  for (const ast::ExprPtr& dimension : pattern) {
    if (dimension->kind == ExprKind::Run) {
      d += shape.size() - (pattern.size() - 1);
      continue;
    }
    if (dimension->kind == ExprKind::Group) {
      auto members = members_of(*dimension);
      if (!members) return std::nullopt;
      result.groups[d] = std::move(*members);
    }
    ++d;
  }
  return result;
}

} // namespace striate
