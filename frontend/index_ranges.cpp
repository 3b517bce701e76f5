// What each index of a statement ranges over.
#include "frontend/definition_builder.h"

#include "frontend/print_ast.h"

#include <algorithm>

namespace striate {

using ast::ExprKind;

// The names and sizes of the variables of a run.
std::vector<std::pair<std::string, Size>> DefinitionBuilder::run_extents(const std::string& name) const {
  std::vector<std::pair<std::string, Size>> result;
  for (const Size& size : runs_.at(name))
    result.emplace_back((name.empty() ? "d" : name) + std::to_string(result.size()), size);
  return result;
}

// nullopt where the ranks differ; reporting is up to the caller.
std::optional<std::vector<DefinitionBuilder::ReadDimension>>
DefinitionBuilder::dimensions_of(const ast::Expr& read, int operand) const {
  const std::size_t rank = definition_.operands[static_cast<std::size_t>(operand)].type.shape.size();
  const std::size_t elements = read.operands.size() - 1;
  // A named run has its own length; the other one takes what is left.
  std::size_t fixed = 0;
  const ast::Expr* open = nullptr;
  for (std::size_t i = 1; i <= elements; ++i) {
    const ast::Expr& element = *read.operands[i];
    if (element.kind != ExprKind::Run) {
      ++fixed;
      continue;
    }
    const auto known = runs_.find(element.text);
    if (!element.text.empty() && known != runs_.end()) {
      fixed += known->second.size();
      continue;
    }
    if (open) return std::nullopt;
    open = &element;
  }
  if (open ? fixed > rank : fixed != rank) return std::nullopt;
  std::vector<ReadDimension> result;
  std::size_t d = 0;
  for (std::size_t i = 1; i <= elements; ++i) {
    const ast::Expr& element = *read.operands[i];
    const std::size_t count = &element == open                ? rank - fixed
                              : element.kind == ExprKind::Run ? runs_.at(element.text).size()
                                                              : 1;
    result.push_back({&element, d, count});
    d += count;
  }
  return result;
}

bool DefinitionBuilder::infer_from_read(const std::set<std::string>& wanted, const ast::Expr& read,
                                        bool guarded, Extents& extents) {
  if (read.operands[0]->kind != ExprKind::Name) return true;
  const std::string& name = read.operands[0]->text;
  const int operand = find(name);
  if (operand < 0 && !numbers_.contains(name) && !scope_.find(name) && !scalars_.contains(print_expr(read))) {
    report_unknown_tensor(read);
    return false;
  }
  const auto dimensions = operand < 0 ? std::nullopt : dimensions_of(read, operand);
  if (!dimensions) return true;
  const TensorType& type = definition_.operands[static_cast<std::size_t>(operand)].type;
  const Tensor& tensor = tensors_[static_cast<std::size_t>(operand)];
  for (const ReadDimension& dimension : *dimensions) {
    const ast::Expr& element = *dimension.element;
    const Size& size =
        type.shape.empty() ? Size::constant(1) : type.shape[std::min(dimension.first, type.shape.size() - 1)];
    if (element.kind == ExprKind::Name && wanted.contains(element.text)) {
      const auto [known, added] = extents.emplace(element.text, size);
      if (added || guarded || known->second == size) continue;
      reporter_.error(Diagnostic::ShapeMismatch, element.location,
                      "the index `{}` ranges over {} elsewhere, but over {} in `{}`", element.text,
                      known->second.text(), size.text(), print_expr(read));
      return false;
    }
    if (element.kind != ExprKind::Group) continue;
    const std::vector<Size>& group = tensor.groups[dimension.first];
    Size known = Size::constant(1);
    std::vector<std::string> unknown;
    for (std::size_t i = 0; i < element.operands.size(); ++i) {
      const ast::Expr& member = *element.operands[i];
      if (member.kind != ExprKind::Name || !wanted.contains(member.text)) continue;
      if (group.size() == element.operands.size()) extents.emplace(member.text, group[i]);
      const auto extent = extents.find(member.text);
      if (extent == extents.end())
        unknown.push_back(member.text);
      else if (auto joined = multiply(known, extent->second))
        known = *joined;
    }
    if (unknown.size() == 1)
      if (auto quotient = divide_exactly(size, known)) extents.emplace(unknown[0], *quotient);
  }
  return true;
}

// Elements may be reads themselves: `table[token[n, t], d]`.
bool DefinitionBuilder::infer_from_elements(const std::set<std::string>& wanted, const ast::Expr& read,
                                            Extents& extents, bool guarded_reads) {
  return std::all_of(read.operands.begin() + 1, read.operands.end(), [&](const ast::ExprPtr& element) {
    return infer(wanted, *element, extents, guarded_reads);
  });
}

// Walks the reads of `body`; names that an inner reduction binds again are its own.
bool DefinitionBuilder::infer(const std::set<std::string>& wanted, const ast::Expr& body, Extents& extents,
                              bool guarded_reads) {
  switch (body.kind) {
  case ExprKind::Read:
    if (!guarded_reads && !infer_from_read(wanted, body, false, extents)) return false;
    return infer_from_elements(wanted, body, extents, guarded_reads);
  case ExprKind::Guarded:
    if (guarded_reads && !infer_from_read(wanted, *body.operands[0], true, extents)) return false;
    return infer_from_elements(wanted, *body.operands[0], extents, guarded_reads);
  case ExprKind::If: {
    const ast::Expr* branch = resolve(body);
    return branch && infer(wanted, *branch, extents, guarded_reads);
  }
  case ExprKind::Reduce: {
    std::set<std::string> outer = wanted;
    for (const ast::ReduceIndex& index : body.indices) outer.erase(index.name);
    return infer(outer, *body.operands[0], extents, guarded_reads);
  }
  default:
    break;
  }
  for (const ast::ExprPtr& operand : body.operands)
    if (!infer(wanted, *operand, extents, guarded_reads)) return false;
  for (const ast::Argument& argument : body.arguments)
    if (!infer(wanted, *argument.value, extents, guarded_reads)) return false;
  return true;
}

// Plain reads decide first: what a guarded read ranges over may be more or less than its tensor.
bool DefinitionBuilder::infer_ranges(const std::set<std::string>& wanted, const ast::Expr& body,
                                     Extents& extents) {
  std::set<std::string> open;
  for (const std::string& name : wanted)
    if (!extents.contains(name)) open.insert(name);
  if (open.empty()) return true;
  // Twice, so that groups see what later reads tell.
  for (int round = 0; round < 2; ++round)
    for (bool guarded : {false, true})
      if (!infer(open, body, extents, guarded)) return false;
  return true;
}

bool DefinitionBuilder::report_unknown_range(const std::string& name, const SourceLocation& place) {
  reporter_.error(Diagnostic::UnknownRange, place, "what the index `{}` ranges over is not known", name)
      .note("an index ranges over the dimension where it stands alone, as in `x[n, {}]`", name)
      .help("say its size: `sum({}: SIZE) ...`", name);
  return false;
}

} // namespace striate
