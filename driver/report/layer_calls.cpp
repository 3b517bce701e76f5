#include "driver/report/layer_calls.h"

#include <cctype>

namespace striate {

LayerCalls::LayerCalls(const ast::File& file, const std::string& model) {
  for (const ast::Item& item : file.items)
    if (item.kind == ast::ItemKind::Model && item.name == model && item.body) walk(*item.body);
}

void LayerCalls::add(const std::vector<ast::PathPart>& name, const SourceLocation& place) {
  std::vector<std::string> parts;
  for (const ast::PathPart& part : name) parts.push_back(part.value ? "" : part.text);
  calls_.emplace_back(std::move(parts), place);
}

void LayerCalls::walk(const ast::Expr& expression) {
  if (expression.kind == ast::ExprKind::As) add(expression.path, expression.location);
  for (const ast::ExprPtr& operand : expression.operands)
    if (operand) walk(*operand);
  for (const ast::Argument& argument : expression.arguments)
    if (argument.value) walk(*argument.value);
  if (expression.block) walk(*expression.block);
  if (expression.otherwise) walk(*expression.otherwise);
}

void LayerCalls::walk(const ast::Block& block) {
  for (const ast::Stmt& statement : block.statements) {
    if (statement.kind == ast::StmtKind::Layer && !statement.targets.empty())
      add({{statement.targets[0]->text, nullptr}}, statement.location);
    if (statement.value) walk(*statement.value);
    if (statement.block) walk(*statement.block);
  }
}

// How much of `path` a name takes, all of it or up to a dot; 0 where it does not fit. Computed parts are
// numbers.
static std::size_t fit(const std::vector<std::string>& name, const std::string& path) {
  std::size_t at = 0;
  for (const std::string& part : name) {
    const std::size_t before = at;
    if (part.empty())
      while (at < path.size() && std::isdigit(static_cast<unsigned char>(path[at]))) ++at;
    else if (path.compare(at, part.size(), part) == 0)
      at += part.size();
    if (at == before) return 0;
  }
  return at == path.size() || path[at] == '.' ? at : 0;
}

SourceLocation LayerCalls::of(const std::string& path) const {
  SourceLocation nearest;
  std::size_t most = 0;
  for (const auto& [name, place] : calls_)
    if (const std::size_t length = fit(name, path); length > most) {
      most = length;
      nearest = place;
    }
  return nearest;
}

} // namespace striate
