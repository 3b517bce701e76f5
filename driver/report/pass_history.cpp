#include "driver/report/pass_history.h"

#include "passes/pass.h"

namespace striate {

using Json = nlohmann::ordered_json;

constexpr std::size_t kContext = 3; // lines around a change

Json difference_json(const std::string& before, const std::string& after) {
  const std::vector<std::string_view> old_lines = lines_of(before), new_lines = lines_of(after);
  const std::vector<LineEdit> edits = diff_lines(old_lines, new_lines);
  int changed = 0, removed = 0, added = 0;
  Json hunks = Json::array();
  for (const DiffHunk& hunk : hunks_of(edits, kContext)) {
    Json lines = Json::array();
    int old_line = -1, new_line = -1; // the first of the hunk
    for (std::size_t k = hunk.begin; k < hunk.end; ++k) {
      const LineEdit& edit = edits[k];
      if (old_line < 0) old_line = edit.before;
      if (new_line < 0) new_line = edit.after;
      switch (edit.kind) {
      case LineEdit::Kind::Same:
        lines.push_back({" ", old_lines[edit.before]});
        break;
      case LineEdit::Kind::Changed:
        ++changed;
        lines.push_back({"~", old_lines[edit.before], new_lines[edit.after]});
        break;
      case LineEdit::Kind::Removed:
        ++removed;
        lines.push_back({"-", old_lines[edit.before]});
        break;
      case LineEdit::Kind::Added:
        ++added;
        lines.push_back({"+", new_lines[edit.after]});
        break;
      }
    }
    hunks.push_back({{"before", old_line + 1}, {"after", new_line + 1}, {"lines", std::move(lines)}});
  }
  return {{"lines", new_lines.size()},
          {"changed", changed},
          {"removed", removed},
          {"added", added},
          {"hunks", std::move(hunks)}};
}

void PassHistory::attach(PipelineOptions& pipeline, const std::string& entry) {
  pipeline.before_pass = [this, entry, other = pipeline.before_pass](const char* pass, const Graph& graph) {
    if (other) other(pass, graph);
    if (graph.entry == entry && previous_.empty()) previous_ = print(graph);
  };
  pipeline.after_pass = [this, entry, other = pipeline.after_pass](const char* pass, const Graph& graph) {
    if (other) other(pass, graph);
    if (graph.entry == entry) record(pass, graph);
  };
}

void PassHistory::record(const std::string& pass, const Graph& graph) {
  std::string text = print(graph);
  Json entry = {{"name", pass}, {"meaning", pass_named(pass)->meaning}};
  entry.update(difference_json(previous_, text));
  passes_.push_back(std::move(entry));
  previous_ = std::move(text);
}

} // namespace striate
