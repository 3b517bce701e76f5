// What the language server answers about one document: hover, inlay hints, completion, definition, outline,
// layout, diagnostics and quick fixes, each as the protocol's JSON. Names come from outlines, which exist
// while a text does not parse; types from the last analysis. Nothing here elaborates. Shown by
// tests/driver/lsp_test.py.
#pragma once

#include "driver/lsp_analysis.h"
#include "driver/lsp_outline.h"

namespace striate::lsp {

// A document, and what is known of it.
struct View {
  View(const Document& document, const Documents& documents, const Analysis& analysis, Encoding encoding);

  const Document& document;
  const Documents& documents;
  const Analysis& analysis;
  Encoding encoding;
  LineTable lines;
  // The document's own, and those of the files that it uses.
  std::vector<std::shared_ptr<const Outline>> outlines;

  const Outline& outline() const { return *outlines[0]; }
  // The first of these kinds with this name: the program's, else the library's. nullptr where there is none.
  const OutlineItem* find_item(const std::vector<ast::ItemKind>& kinds, const std::string& name) const;
  // The token before the `(` that the token stands in, where that calls something; -1.
  int callee_around(std::size_t token) const;
  // The item that a called name means.
  const OutlineItem* callable(const std::string& name) const;
};

nlohmann::json json_of(const Range& range);
Range range_from(const nlohmann::json& json); // throws nlohmann's exceptions

nlohmann::json diagnostics_of(const View& view);
nlohmann::json code_actions(const View& view, const Range& range);
nlohmann::json hover(const View& view, const Position& position); // null where there is nothing to say
nlohmann::json inlay_hints(const View& view, const Range& range);
nlohmann::json signature_help(const View& view, const Position& position); // null outside of calls
nlohmann::json completions(const View& view, const Position& position);
nlohmann::json definition(const View& view, const Position& position); // null where it is in no file
nlohmann::json symbols(const View& view);
nlohmann::json formatting(const View& view); // no edits where the text does not parse

} // namespace striate::lsp
