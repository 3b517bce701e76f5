#include "frontend/elaborate.h"

#include "frontend/train_builder.h"

#include <algorithm>

namespace striate {

// Ops and layers that reach themselves: reported where the first of them, in the order of the file, takes the
// step.
static void check_recursion(const Library& library, Reporter& reporter) {
  std::map<const ast::Item*, std::vector<std::pair<const ast::Item*, SourceLocation>>> calls;
  std::vector<const ast::Item*> items = library.user_items(ast::ItemKind::Op);
  for (const ast::Item* layer : library.user_items(ast::ItemKind::Layer)) items.push_back(layer);
  std::sort(items.begin(), items.end(),
            [](const ast::Item* a, const ast::Item* b) { return a->location.line < b->location.line; });
  for (const ast::Item* item : items)
    visit_expressions(*item->body, [&](const ast::Expr& expr) {
      // Inside of index notation, `exp(...)` in an op `exp` is the function.
      if (expr.kind != ast::ExprKind::Name) return;
      const ast::Item* callee = library.find_callable(expr.text);
      const bool function = item->kind == ast::ItemKind::Op && function_named(expr.text);
      if (callee && !function && std::find(items.begin(), items.end(), callee) != items.end())
        calls[item].emplace_back(callee, expr.location);
    });
  std::vector<const ast::Item*> reported;
  for (const ast::Item* start : items) {
    // Depth-first; `path` leads from `start` to the item at its end.
    std::vector<const ast::Item*> path = {start}, seen;
    const std::function<bool(const ast::Item*)> reaches_start = [&](const ast::Item* item) {
      for (const auto& [callee, place] : calls[item]) {
        if (callee == start) return true;
        if (std::find(seen.begin(), seen.end(), callee) != seen.end()) continue;
        seen.push_back(callee);
        path.push_back(callee);
        if (reaches_start(callee)) return true;
        path.pop_back();
      }
      return false;
    };
    if (!reaches_start(start)) continue;
    const auto known = [&](const ast::Item* item) {
      return std::find(reported.begin(), reported.end(), item) != reported.end();
    };
    if (std::any_of(path.begin(), path.end(), known)) continue;
    reported.insert(reported.end(), path.begin(), path.end());
    std::string chain;
    for (const ast::Item* item : path) chain += "`" + item->name + "` -> ";
    SourceLocation place = start->location;
    const ast::Item* second = path.size() > 1 ? path[1] : start;
    for (const auto& [callee, at] : calls[start])
      if (callee == second) place = at;
    reporter
        .error(Diagnostic::Recursion, place, "`{}` contains itself: {}`{}`", start->name, chain, start->name)
        .note("the language has no recursion: every network is finite");
  }
}

std::vector<Module> elaborate(const ast::File& file, const ElaborateOptions& options,
                              Diagnostics& diagnostics) {
  const Library library(&file, diagnostics, options.library ? *options.library : standard_library());
  Reporter reporter(diagnostics);
  reporter.set_listener(options.found);
  check_recursion(library, reporter);
  if (diagnostics.has_errors()) return {};
  TrainBuilder builder(reporter, library, options);
  std::vector<Module> modules = builder.build();
  return diagnostics.has_errors() ? std::vector<Module>() : std::move(modules);
}

} // namespace striate
