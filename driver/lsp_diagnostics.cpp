// Messages as the protocol's diagnostics, and their suggestions as quick fixes.
#include "driver/lsp_features.h"

#include "frontend/library.h"

#include <filesystem>

namespace striate::lsp {

using Json = nlohmann::json;

static SourceLocation place_of(const Json& object) {
  if (!object.contains("line")) return {};
  const int column = object["column"];
  return {object["file"], object["line"], column, object["end_column"].get<int>() - column};
}

// The range of a place in any file.
static Range range_in(const View& view, const SourceLocation& place) {
  if (place.file == view.document.path) return view.lines.range(place);
  const Result<std::string> text = view.documents.read(place.file);
  return text ? LineTable(*text, view.encoding).range(place) : Range{};
}

// Where a message about another file is shown in this one: at the `use` that brings it in, else the first.
static Range range_of_use(const View& view, const std::string& file) {
  const OutlineItem* shown = nullptr;
  for (const OutlineItem& item : view.outline().items) {
    if (item.kind != ast::ItemKind::Use) continue;
    const auto path = std::filesystem::path(view.document.path).parent_path() / item.name;
    if (!shown || path.lexically_normal() == file) shown = &item;
  }
  return shown ? view.lines.range(shown->place) : Range{};
}

static Json diagnostic_of(const View& view, const Json& message) {
  const SourceLocation place = place_of(message);
  const bool here = !place.known() || place.file == view.document.path;
  std::string text = message["message"];
  if (!here) text = place.text() + ": " + text;
  for (const char* kind : {"notes", "help"})
    for (const Json& remark : message[kind])
      text +=
          fmt::format("\n{}: {}", kind == std::string("help") ? "help" : "note", remark.get<std::string>());
  Json related = Json::array();
  const auto relate = [&](const SourceLocation& at, const std::string& words) {
    if (is_library_place(at)) {
      text += fmt::format("\nnote: {} ({})", words, at.text());
      return;
    }
    related.push_back({{"location", {{"uri", uri_of_path(at.file)}, {"range", json_of(range_in(view, at))}}},
                       {"message", words}});
  };
  if (!here) relate(place, "here");
  for (const Json& label : message["labels"]) relate(place_of(label), label["message"]);
  Json diagnostic = {{"range", json_of(here ? view.lines.range(place) : range_of_use(view, place.file))},
                     {"severity", message["severity"] == "error" ? 1 : 2},
                     {"code", message["code"]},
                     {"source", "striate"},
                     {"message", text}};
  if (!related.empty()) diagnostic["relatedInformation"] = std::move(related);
  return diagnostic;
}

Json diagnostics_of(const View& view) {
  Json list = Json::array();
  if (!view.analysis.problem.empty())
    list.push_back({{"range", json_of(Range{})},
                    {"severity", 1},
                    {"source", "striate"},
                    {"message", view.analysis.problem}});
  for (const Json& message : view.analysis.diagnostics) list.push_back(diagnostic_of(view, message));
  return list;
}

static bool touch(const Range& a, const Range& b) {
  const auto before = [](const Position& p, const Position& q) {
    return p.line != q.line ? p.line < q.line : p.character < q.character;
  };
  return !before(a.end, b.start) && !before(b.end, a.start);
}

Json code_actions(const View& view, const Range& range) {
  Json actions = Json::array();
  for (const Json& message : view.analysis.diagnostics) {
    const Json diagnostic = diagnostic_of(view, message);
    const bool near = touch(range_from(diagnostic["range"]), range);
    for (const Json& suggestion : message["suggestions"]) {
      const SourceLocation place = place_of(suggestion);
      if (is_library_place(place)) continue;
      const Range replaced = range_in(view, place);
      if (!near && !(place.file == view.document.path && touch(replaced, range))) continue;
      const std::string replacement = suggestion["replacement"];
      const std::string title = place.length == 0 ? fmt::format("insert `{}`", replacement)
                                                  : fmt::format("replace by `{}`", replacement);
      const Json edit = {{"range", json_of(replaced)}, {"newText", replacement}};
      actions.push_back({{"title", title},
                         {"kind", "quickfix"},
                         {"diagnostics", Json::array({diagnostic})},
                         {"isPreferred", message["suggestions"].size() == 1},
                         {"edit", {{"changes", {{uri_of_path(place.file), Json::array({edit})}}}}}});
    }
  }
  return actions;
}

} // namespace striate::lsp
